/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef UNIT_TXQ_ENV_H
#define UNIT_TXQ_ENV_H

/**
 * @file
 * A transmit queue of the driver, its mempool and the device model behind it. Packets are numbered
 * in the order in which they are made; the device's side checks that they arrive complete and in
 * that order.
 */

#include "burst.h"
#include "eal.h"
#include "queue.h"

/** Virtqueue index of the queue under test, unless a test says otherwise. */
#define TX_VQ 1
/** Bytes behind the headroom of the pool's mbufs. */
#define TX_DATA 320

struct tx_setup {
	uint16_t size;
	bool in_order;
	bool indirect;
	bool event_idx;
	bool poison;          /**< junk in meaningless fields of used descriptors (PR-20) */
	uint64_t offloads;
	uint32_t max_len;     /**< 0 for no limit */
	uint16_t free_thresh; /**< 0 for the default */
	unsigned int nb_mbufs; /**< 0 for some more than the ring holds */
	uint16_t index;       /**< virtqueue index, 0 for TX_VQ */
};

/** What a packet is made of. */
enum tx_kind {
	TX_PLAIN,    /**< one segment, room for the header */
	TX_OTHER,    /**< the same, from another pool */
	TX_BARE,     /**< one segment, less headroom than a header takes */
	TX_CLONE,    /**< one indirect segment */
	TX_TWO,      /**< two segments */
	TX_FIVE,
	TX_HOLES,    /**< segments of length 0 before, between and behind those with data */
	TX_NB_KINDS,
};

/** Packets that were made and not seen by the device, by number modulo the size. */
#define TX_RECORDS 131072u

struct tx_env {
	struct tx_setup setup;
	struct rte_mempool *pool;
	struct rte_mempool *other; /**< where TX_OTHER comes from */
	struct pvq_txq *q;
	struct pd_vq *dev;
	pvq_burst_t burst;
	struct unit_memory memory;
	uint16_t *len;      /**< [TX_RECORDS] length of a packet */
	uint32_t made;      /**< packets made: number of the next one */
	uint32_t seen;      /**< packets that the device fetched and found right */
	uint64_t slots;     /**< that the device fetched */
	uint32_t event;     /**< what stands in the device event structure */
	uint32_t event_seen; /**< what the driver has seen there */
	uint64_t bytes;     /**< of packets accepted */
	uint64_t notified;  /**< publications that had to be notified */
	uint64_t suppressed;
};

/** All combinations of the first @p bits switches: in_order, indirect, event_idx, poison. */
struct tx_setup
tx_setup_of(uint16_t size, unsigned int switches);

/** Make queue and device; frees what a failed test left behind. */
void
tx_open(struct tx_env *e, const struct tx_setup *setup);

/** Check that there were no violations and no leak, then free. */
void
tx_close(struct tx_env *e);

/** Start the device anew with other features, as after a reconnection. */
void
tx_reconnect(struct tx_env *e, const struct tx_setup *setup);

/** Elements that a packet of this kind needs. */
uint16_t
tx_elements(enum tx_kind kind);

/** Make packet number e->made; NULL when the pool is empty. */
struct rte_mbuf *
tx_make(struct tx_env *e, enum tx_kind kind, uint16_t len);

/**
 * Send a burst, let the device fetch, and check: everything accepted is there at once, each packet
 * complete and in order, notified if and only if the device's event structure asks for it.
 *
 * @return
 *   Packets accepted.
 */
uint16_t
tx_send(struct tx_env *e, struct rte_mbuf **pkts, uint16_t n);

/** Make and send one packet that has to be accepted. */
void
tx_send_one(struct tx_env *e, enum tx_kind kind, uint16_t len);

/** Fetch everything and check it as packets e->seen, e->seen + 1, ... @return buffers. */
unsigned int
tx_fetch(struct tx_env *e);

/** Check that a fetched buffer is packet @p seed behind a header of zeros. */
void
tx_check(struct tx_env *e, const struct pd_buf *buf, uint32_t seed);

/** Let the device mark everything used and the driver reclaim it. */
void
tx_drain(struct tx_env *e);

/** Reclaim everything that is used. @return packets. */
uint16_t
tx_reclaim(struct tx_env *e);

/** Nothing outstanding: all slots, ids and tables are free, and the counters agree. */
void
tx_assert_empty(const struct tx_env *e);

#endif /* UNIT_TXQ_ENV_H */
