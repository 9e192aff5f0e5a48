/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_TX_H
#define ORDER_TX_H

/**
 * @file
 * A transmit queue in a world (world.h). Packets are numbered; the test stores their bytes as an
 * application would, on the driver's processor and with plain stores.
 */

#include "burst.h"
#include "eal.h"
#include "queue.h"
#include "world.h"

#define OTX_VQ 1
#define OTX_DATA 200
#define OTX_BURST 32
#define OTX_RECORDS 4096u

/** What a packet is made of, as elements: the header stands before the data, or by itself. */
enum otx_kind {
	OTX_PLAIN, /**< 1 */
	OTX_BARE,  /**< 2: no room for the header */
	OTX_TWO,   /**< 2 */
	OTX_THREE, /**< 3 */
	OTX_FIVE,  /**< 5 */
	OTX_CLONE, /**< 2: the buffer is another mbuf's */
	OTX_NB_KINDS,
};

struct otx {
	uint16_t size;
	bool in_order;
	bool indirect;
	bool event_idx;
	struct rte_mempool *pool;
	struct pvq_txq *q;
	pvq_burst_t burst;
	uint16_t len[OTX_RECORDS]; /**< by packet number, modulo */
	uint32_t made;
	uint32_t seen;             /**< by the device, for good */
	uint32_t rnd;
	/** Since otx_begin(): where the device is, and packets at the end of each burst. */
	uint32_t base;
	uint16_t ends[OTX_BURST];
	unsigned int nb_ends;
	const char *id;            /**< litmus case */
	unsigned long states;      /**< that devices were shown */
};

extern struct otx otx;

/** Switches of a queue by bit: in_order, indirect, event_idx. */
#define OTX_SWITCHES 8u

/** Make a queue, its device and its world. */
void
otx_open(const char *id, uint16_t size, unsigned int switches);

/** Check what is left and that no mbuf is lost, and free. */
void
otx_close(void);

/** The driver's turn. */
void
otx_begin(void);

/** Elements that a kind of packet has. */
uint16_t
otx_elements(enum otx_kind kind);

/** Make packets and send them as one burst; those not accepted never were. @return accepted. */
uint16_t
otx_send(const enum otx_kind *kinds, uint16_t n);

/** As otx_send(), @p n packets of kinds that are drawn, lists among them if @p lists. */
uint16_t
otx_send_some(uint16_t n, bool lists);

/**
 * End the driver's turn: show the device all states that are permitted, each of which must be some of
 * the bursts, whole; then everything, and let it fetch.
 */
void
otx_replay(void);

/** As otx_replay() without the states in between. */
void
otx_show(void);

/** The device's turn: use @p n buffers, in order or any, by one descriptor each or by @p batch. */
void
otx_use(unsigned int n, bool batch);

/** Take back all that is used. Driver's turn. */
uint16_t
otx_reclaim(void);

uint32_t
otx_random(uint32_t below);

/** A world_judge_t: nothing, or some of the bursts since otx_begin() as they should be. */
void
otx_judge(const struct world_state *state, void *arg);

#endif /* ORDER_TX_H */
