/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_QUEUE_H
#define PVQ_QUEUE_H

/**
 * @file
 * Receive and transmit queues: a ring, the mbufs behind its buffer ids, counters. All of it lies in
 * memory shared between processes, on the NUMA node given at set-up. One lcore polls a queue; the
 * control path changes it only while the gate is closed and waited for.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_spinlock.h>

#include "vq.h"

struct rte_eth_rxconf;
struct rte_eth_txconf;

/** Elements of a transmit table: the header and 15 segments. */
#define PVQ_TABLE_ELEMENTS 16
#define PVQ_NO_TABLE UINT16_MAX
/** In place of a table: one descriptor, but an mbuf of another pool than the queue's. */
#define PVQ_OTHER_POOL (UINT16_MAX - 1)
/** Segments of a packet: with the header 255 elements, and DPDK's vhost takes 256. */
#define PVQ_TX_SEGS_MAX 254u
/** Free slots at which a receive queue refills when the application does not say. */
#define PVQ_FREE_THRESH_DEFAULT 32u
/**
 * Slots in use above which a transmit queue reclaims when the application does not say: few, so
 * that the mbufs going round fit the caches, and yet not those which the device has just used.
 */
#define PVQ_TX_LAG_DEFAULT 64u

/** How long a mergeable packet may stay incomplete, in polls that bring nothing (HD-08). */
#define PVQ_MERGE_POLLS_MAX (1u << 20)

/** What was negotiated, as far as queues care. */
struct pvq_queue_mode {
	bool in_order;
	bool mergeable;
	bool indirect;
	bool event_idx;
	enum pvq_bus bus;
	uint32_t max_tx_len; /**< bytes, UINT32_MAX for no limit */
};

struct pvq_rx_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t short_len;  /**< dropped: shorter than a header */
	uint64_t no_parts;   /**< dropped: num_buffers of 0 */
	uint64_t gso;        /**< dropped: segmentation offload, which is not negotiated */
	uint64_t scattered;  /**< dropped: several mbufs without RTE_ETH_RX_OFFLOAD_SCATTER */
	uint64_t short_parts; /**< parts of packets that were not full although others follow */
	uint64_t no_mbuf;    /**< buffers not posted for want of mbufs, each time it was tried */
	uint64_t queue_errors;
	uint64_t notified;
	uint64_t suppressed; /**< publications the device did not want to hear of */
	uint64_t stash_dropped; /**< left by devices that have gone, beyond what one ring holds */
};

struct pvq_rxq {
	struct pvq_gate gate;
	struct pvq_ring ring;
	struct rte_mbuf **shadow; /**< by buffer id, NULL when not outstanding */
	struct rte_mbuf **recycled; /**< what rte_eth_recycle_mbufs brings; NULL if never asked for */
	uint16_t *slot_id;        /**< the free buffer id each free slot holds, without IN_ORDER */
	struct rte_mempool *pool;
	uint64_t rearm;           /**< data_off, refcnt, nb_segs, port of a fresh mbuf */
	uint32_t buf_at;          /**< bytes from an mbuf to its buffer, 0 when they lie apart */
	uint32_t capacity;        /**< bytes posted for each buffer, header included */
	uint16_t recycled_at;     /**< always 0: mbufs are brought to the beginning */
	uint16_t free_thresh;     /**< refill when this many slots are free */
	bool ordered;             /**< every id has been its slot so far, IN_ORDER or not */
	bool scatter;             /**< the application takes packets of several mbufs */
	bool intr_on;             /**< the application wants to be woken by the device */
	/* One used descriptor can stand for several buffers when IN_ORDER is negotiated. */
	uint16_t batch_left;      /**< buffers of such a batch not harvested yet */
	uint32_t batch_len;       /**< length of the batch's last buffer */
	/* A mergeable packet whose later parts have not been seen yet. */
	uint16_t merge_left;
	bool merge_drop;          /**< it is to be dropped when it is complete */
	uint32_t merge_polls;
	struct rte_mbuf *merge_head;
	struct rte_mbuf *merge_tail;
	struct pvq_rx_stats stats;

	struct pvq_vq vq __rte_cache_aligned;
	struct pvq_queue_mode mode;
	struct pvq_rx_stats stats_base; /**< what stats_reset subtracts */
	uint64_t offloads;
	/* Packets that the old ring still held when a new device came. */
	struct rte_mbuf **stash;
	uint16_t stash_next;
	uint16_t stash_len;
};

/**
 * What is outstanding under a transmit buffer id. Nearly all packets are plain: one descriptor, and
 * an mbuf that was direct, unshared and of the queue's pool when it was sent. Since the driver has
 * owned it from then on, it still is when it comes back, so it goes to the pool unseen. Slots and
 * table of a free id say plain already; only other packets write them.
 */
struct pvq_tx_info {
	uint16_t slots;
	uint16_t table; /**< index of the indirect table, PVQ_NO_TABLE or PVQ_OTHER_POOL */
	uint32_t seq;   /**< order of publication, to send again in order without IN_ORDER */
};

struct pvq_tx_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t too_long;   /**< dropped: more segments than ever fit, or above MTU */
	uint64_t empty;      /**< dropped: no data */
	uint64_t ring_full;  /**< bursts cut short for want of free slots */
	uint64_t reclaimed;  /**< packets whose buffers the device has used */
	uint64_t recycled;   /**< of those, packets whose mbufs went to a receive queue at once */
	uint64_t replayed;   /**< packets made available again to a new device */
	uint64_t replay_dropped; /**< lost in a replay: the new ring could not hold them */
	uint64_t queue_errors;
	uint64_t notified;
	uint64_t suppressed;
};

struct pvq_txq {
	struct pvq_gate gate;
	struct pvq_ring ring;
	struct rte_mbuf **shadow;  /**< by buffer id */
	struct pvq_tx_info *info;  /**< by buffer id */
	uint16_t *free_ids;        /**< stack of free buffer ids, without IN_ORDER */
	struct virtq_desc *tables; /**< nb_tables of PVQ_TABLE_ELEMENTS each */
	uint16_t *free_tables;     /**< stack */
	struct virtio_net_hdr *zero_hdr; /**< for packets that cannot carry their own */
	struct rte_mempool *pool;  /**< of plain packets */
	uint32_t max_len;          /**< longest packet the device takes, bytes */
	uint32_t seq;
	uint16_t nb_free_ids;
	uint16_t nb_free_tables;
	uint16_t nb_special;       /**< outstanding packets that are not plain */
	uint16_t free_thresh;      /**< reclaim when fewer slots are free */
	bool shared;               /**< several lcores send on this ring: take the lock */
	rte_spinlock_t lock;
	struct pvq_tx_stats stats;

	struct pvq_vq vq __rte_cache_aligned;
	struct pvq_queue_mode mode;
	struct pvq_tx_stats stats_base;
	uint64_t offloads;
	uint16_t nb_tables;
	/* Of the device before, to be sent to this one: between pvq_txq_empty() and _replay(). */
	uint16_t nb_pending;
	struct pvq_tx_pending *pending;
	/* RTE_ETH_TX_OFFLOAD_MT_LOCKFREE: the rings behind one transmit queue, this one first. */
	uint16_t nb_rings;
	struct pvq_txq **rings;     /**< nb_rings; without MT_LOCKFREE, itself */
	struct pvq_txq **by_lcore;  /**< RTE_MAX_LCORE + 1, the last for threads without an id */
	struct pvq_txq *self;       /**< what rings points to when there is one */
};

/** What one call has made available to the device. */
struct pvq_tx_sum {
	uint64_t packets;
	uint64_t bytes;
	uint16_t slots;
};

/**
 * Allocate a receive queue. Control path, no ring is live yet.
 *
 * @param vq
 *   port_id, queue_id, index, size and socket_id filled in.
 * @param pool
 *   Where buffers come from; its room must hold headroom, header and data.
 * @param conf
 *   rx_free_thresh and rx_deferred_start are used.
 * @param offloads
 *   RTE_ETH_RX_OFFLOAD_* of port and queue together.
 * @return
 *   The queue, or NULL when there is no memory.
 */
struct pvq_rxq *
pvq_rxq_create(const struct pvq_vq *vq, struct rte_mempool *pool, const struct rte_eth_rxconf *conf,
	       uint64_t offloads);

/**
 * Prepare the queue for mbufs from rte_eth_recycle_mbufs: q->recycled takes as many as the ring has
 * slots, and the queue leaves a quarter of the ring to them. Control path.
 *
 * @return
 *   Whether there was memory.
 */
bool
pvq_rxq_recycle(struct pvq_rxq *q);

/** Free the queue and every mbuf it holds. The device must be out of the ring. */
void
pvq_rxq_free(struct pvq_rxq *q);

/**
 * Put the ring into its state after device reset and post buffers. Buffers that are posted already
 * stay; packets that the device had finished move to the stash, from where they are delivered.
 * The gate must be closed and waited for.
 *
 * @param mode
 *   What was negotiated with the device that will use the ring.
 * @return
 *   0, or -ENOMEM when not a single buffer could be posted.
 */
int
pvq_rxq_reset(struct pvq_rxq *q, const struct pvq_queue_mode *mode);

/**
 * Take all mbufs out of the ring and the stash, and free them.
 *
 * @param leak
 *   The device would not leave the ring: what it may still write to is not freed, ever (HD-23).
 */
void
pvq_rxq_clear(struct pvq_rxq *q, bool leak);

/**
 * Post mbufs in all free slots, as far as the pool has them; the device is not notified. Control
 * path with the gate closed.
 *
 * @return
 *   Slots published.
 */
uint16_t
pvq_rxq_post(struct pvq_rxq *q, bool in_order);

/**
 * Make the first @p n mbufs of the shadow available, in a ring just initialised where each slot
 * holds the id that is its own index. Control path with the gate closed.
 */
void
pvq_rxq_repost(struct pvq_rxq *q, uint16_t n);

/**
 * Take the packets that the device has finished, without refilling. Control path with the gate
 * closed.
 *
 * @return
 *   Packets in @p pkts, @p n at most.
 */
uint16_t
pvq_rxq_drain(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n);

/** Append the packets of the stash to @p pkts. Polling lcore, inside the gate. */
uint16_t
pvq_rxq_unstash(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n);

/**
 * As pvq_rxq_create(), for a transmit ring: tx_free_thresh and tx_deferred_start of @p conf, and
 * RTE_ETH_TX_OFFLOAD_*.
 */
struct pvq_txq *
pvq_txq_create(const struct pvq_vq *vq, const struct rte_eth_txconf *conf, uint64_t offloads);

/** Free the ring and every mbuf it holds. The device must be out of the ring. */
void
pvq_txq_free(struct pvq_txq *q);

/**
 * Put the ring into its state after device reset and keep what the device had not used. The gate is
 * closed and waited for.
 *
 * @return
 *   0, or -ENOMEM: the ring is as it was.
 */
int
pvq_txq_empty(struct pvq_txq *q, const struct pvq_queue_mode *mode);

/**
 * Make every packet available again that pvq_txq_empty() has kept, in the order in which they were
 * sent. The gate is still closed. @return how many.
 */
uint16_t
pvq_txq_replay(struct pvq_txq *q);

/** Both at once. @return as pvq_txq_replay(), or -ENOMEM. */
int
pvq_txq_reset(struct pvq_txq *q, const struct pvq_queue_mode *mode);

/** As pvq_rxq_clear(), for all packets in the ring, sent or not. */
void
pvq_txq_clear(struct pvq_txq *q, bool leak);

/**
 * Write one packet that needs more than one element, or a header of its own. The flags of its head
 * are left to the caller.
 *
 * @param at
 *   Where the head goes; moved past the last slot on success.
 * @param used_slots
 *   Slots that this burst has written but not published.
 * @param head_flags
 *   Out: the head's flags without the lap's.
 * @return
 *   Slots written; 0 when the ring has no room now; -EMSGSIZE when it never will, -EINVAL when
 *   the packet has no data.
 */
int
pvq_txq_write_list(struct pvq_txq *q, struct rte_mbuf *m, struct pvq_cursor *at,
		   uint16_t used_slots, bool in_order, uint16_t *head_flags);

/**
 * Free the mbufs of used buffers.
 *
 * @param max
 *   Stop after this many packets or a little later; batches are not split.
 * @return
 *   Packets freed.
 */
uint16_t
pvq_txq_reclaim(struct pvq_txq *q, uint16_t max, bool in_order);

/**
 * Take used packets for a receive queue to post, past the mempool. Only while all packets in the
 * ring are plain and of @p pool. Polling lcore, outside the gate.
 *
 * @param[out] to
 *   Mbufs.
 * @param least, most
 *   How many. Fewer than @p least go to the pool.
 * @return
 *   How many there are, 0 for none.
 */
uint16_t
pvq_txq_recycle(struct pvq_txq *q, const struct rte_mempool *pool, struct rte_mbuf **to,
		uint16_t least, uint16_t most);

/**
 * Write as many of @p n packets as fit and publish them at once; the device is not notified. Counts
 * in q->stats what it drops, not what it sends. Polling lcore, or control path with a closed gate.
 *
 * @param[out] sum
 *   What was made available.
 * @return
 *   Packets consumed, dropped ones included.
 */
uint16_t
pvq_txq_write(struct pvq_txq *q, struct rte_mbuf **pkts, uint16_t n, struct pvq_tx_sum *sum);

/** data_off, refcnt, nb_segs and port as one word; the name of this group differs with releases. */
typedef uint64_t pvq_rearm_t __rte_may_alias;

static inline pvq_rearm_t *
pvq_mbuf_rearm(struct rte_mbuf *m)
{
	return (pvq_rearm_t *)(void *)((char *)m + offsetof(struct rte_mbuf, data_off));
}

/** The buffer of a free mbuf, or of one that was posted: no look at the mbuf, if possible. */
static __rte_always_inline void *
pvq_rx_buf(const struct pvq_rxq *q, struct rte_mbuf *m)
{
	return likely(q->buf_at != 0) ? (char *)m + q->buf_at : m->buf_addr;
}

/** Whether a poll brings packets of which no descriptor at next_used tells. */
static inline bool
pvq_rxq_has_more(const struct pvq_rxq *q)
{
	return q->batch_left != 0 || q->stash_len != 0;
}

/** Slots that the device holds. */
static inline uint16_t
pvq_ring_outstanding(const struct pvq_ring *ring)
{
	return ring->size - ring->nb_free;
}

#endif /* PVQ_QUEUE_H */
