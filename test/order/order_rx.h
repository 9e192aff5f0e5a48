/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_RX_H
#define ORDER_RX_H

/**
 * @file
 * A receive queue in a world (world.h). Packets are numbered in the order in which the device uses
 * their first buffers, and must come in that order.
 */

#include "burst.h"
#include "eal.h"
#include "queue.h"
#include "world.h"

#define ORX_VQ 2
/** Bytes of packet that a buffer takes. */
#define ORX_ROOM 52
#define ORX_BURST 32
#define ORX_RECORDS 4096u

struct orx {
	uint16_t size;
	bool in_order;
	bool mergeable;
	bool event_idx;
	struct rte_mempool *pool;
	struct pvq_rxq *q;
	pvq_burst_t burst;
	uint16_t len[ORX_RECORDS]; /**< by packet number, modulo */
	uint32_t made;
	uint32_t got;
	uint32_t rnd;
	uint32_t base;
	const char *id;            /**< litmus case */
	unsigned long states;
};

extern struct orx orx;

/** Switches of a queue by bit: in_order, mergeable, event_idx. */
#define ORX_SWITCHES 8u

/** Make a queue, its device and its world; all buffers are posted and fetched. */
void
orx_open(const char *id, uint16_t size, unsigned int switches);

/** Check what is left and that no mbuf is lost, and free. */
void
orx_close(void);

/** The driver's turn. */
void
orx_begin(void);

/**
 * Driver's turn: receive @p n packets at most and check them as the next ones; a packet that is not
 * as it should be is noted as a failure.
 *
 * @return
 *   Packets.
 */
uint16_t
orx_poll(uint16_t n);

/** End the driver's turn: all states of what it posted, each has nothing or all; then fetch. */
void
orx_replay(void);

/** As orx_replay() without the states in between. */
void
orx_show(void);

/** Device's turn, world_device() has begun it: one packet. @return as pd_rx_packet(). */
int
orx_deliver(uint32_t len, const struct pd_rx_opts *opts);

/**
 * A whole round: the device uses buffers as @p device does, the driver polls while it may miss things,
 * then until nothing is left. All packets must have come.
 *
 * @param n
 *   Packets that a burst asks for.
 */
void
orx_round(void (*device)(void), uint16_t n);

uint32_t
orx_random(uint32_t below);

#endif /* ORDER_RX_H */
