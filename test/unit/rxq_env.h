/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef UNIT_RXQ_ENV_H
#define UNIT_RXQ_ENV_H

/**
 * @file
 * A receive queue of the driver, its mempool and the device model behind it. Packets are numbered
 * in the order in which the device uses their first buffer; the driver's side must deliver them
 * complete and in that order, every field of the mbufs right.
 */

#include "burst.h"
#include "eal.h"
#include "queue.h"

/** Virtqueue index of the queue under test. */
#define RX_VQ 2
/** Bytes behind the headroom of the pool's mbufs, unless a test says otherwise. */
#define RX_DATA 120
/** Longest burst that the tests ask for. */
#define RX_BURST 100

struct rx_setup {
	uint16_t size;
	bool in_order;
	bool mergeable;
	bool event_idx;
	bool poison;           /**< junk in meaningless fields of used descriptors (PR-20) */
	bool no_scatter;       /**< the application does not take several mbufs for a packet */
	bool apart;            /**< buffers are not where mbufs usually have them */
	uint16_t data;         /**< 0 for RX_DATA */
	uint16_t free_thresh;  /**< 0 for the default */
	unsigned int nb_mbufs; /**< 0 for some more than the ring holds */
};

#define RX_RECORDS 65536u

struct rx_env {
	struct rx_setup setup;
	struct rte_mempool *pool;
	struct pvq_rxq *q;
	struct pd_vq *dev;
	pvq_burst_t burst;
	struct unit_memory memory;
	uint32_t room;      /**< bytes of packet that one buffer takes besides a header */
	uint32_t *len;      /**< [RX_RECORDS] length of a packet */
	uint32_t made;      /**< packets that the device used buffers for */
	uint32_t got;       /**< packets that the driver delivered */
	uint64_t posted;    /**< buffers that the device fetched */
	uint64_t bytes;     /**< of packets delivered */
	uint64_t notified;  /**< refills that had to be notified */
	uint64_t suppressed;
	uint32_t event;     /**< what stands in the device event structure */
	uint32_t event_seen; /**< what the driver has seen there */
};

/** Switches by bit: in_order, mergeable, event_idx, poison. */
struct rx_setup
rx_setup_of(uint16_t size, unsigned int switches);

/** Make queue and device, post and fetch all buffers; frees what a failed test left behind. */
void
rx_open(struct rx_env *e, const struct rx_setup *setup);

/** Check that there were no violations and no leak, then free. */
void
rx_close(struct rx_env *e);

/** A device as after a reconnection, with other features perhaps; buffers are fetched. */
void
rx_reconnect(struct rx_env *e, const struct rx_setup *setup);

/** Fetch what the driver has posted. @return buffers. */
unsigned int
rx_fetch(struct rx_env *e);

/** Let the device use buffers for packet e->made. @return what pd_rx_packet() did. */
int
rx_deliver(struct rx_env *e, uint32_t len, const struct pd_rx_opts *opts);

/**
 * Let the device use the @p count oldest buffers by one used descriptor: packets that fill them,
 * the last one of @p last bytes.
 */
void
rx_deliver_batch(struct rx_env *e, unsigned int count, uint32_t last);

/** The packet that is expected next will not come. */
void
rx_skip(struct rx_env *e);

/** Check a received packet against what was delivered as number @p seed. */
void
rx_check(const struct rx_env *e, const struct rte_mbuf *m, uint32_t seed);

/**
 * Receive @p n packets at most, check and free them, and check the refill: no more slots free than
 * the threshold allows, notified if and only if the device asks for it.
 *
 * @return
 *   Packets.
 */
uint16_t
rx_poll(struct rx_env *e, uint16_t n);

/** Poll until nothing comes any more. @return packets. */
unsigned int
rx_poll_all(struct rx_env *e);

/** Everything delivered has been received, the counters agree, every mbuf out is in the ring. */
void
rx_assert_idle(const struct rx_env *e);

#endif /* UNIT_RXQ_ENV_H */
