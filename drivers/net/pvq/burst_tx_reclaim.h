/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_BURST_TX_RECLAIM_H
#define PVQ_BURST_TX_RECLAIM_H

/**
 * @file
 * The first half of the transmit template: used buffers become free slots, and their packets go
 * back to their pools.
 */

#include "queue.h"

/** Mbufs between taking them from the shadow and freeing them in bulk. */
#define PVQ_TX_CHUNK 64

/** Free one packet that need not be plain, and what its buffer holds besides the mbufs. */
static inline void
pvq_tx_free_one(struct pvq_txq *q, struct rte_mbuf *m, struct pvq_tx_info *info)
{
	if (info->slots == 1 && info->table == PVQ_NO_TABLE) {
		rte_mempool_put(q->pool, m);
		return;
	}
	q->nb_special--;
	if (info->table < q->nb_tables)
		q->free_tables[q->nb_free_tables++] = info->table;
	info->slots = 1;
	info->table = PVQ_NO_TABLE;
	rte_pktmbuf_free(m);
}

/** Free the packets of a stretch of @p n slots that does not wrap. @return how many they are. */
static __rte_noinline uint16_t
pvq_tx_free_mixed(struct pvq_txq *q, uint16_t slot, uint16_t n)
{
	uint16_t i, packets = 0;

	for (i = slot; i < slot + n; i++) {
		/* Only the slot whose index is the buffer's id has the mbuf. */
		if (q->shadow[i] == NULL)
			continue;
		pvq_tx_free_one(q, q->shadow[i], &q->info[i]);
		packets++;
	}
	return packets;
}

/** As pvq_tx_free_mixed(); when all packets are plain, one bulk put and no look at any mbuf. */
static __rte_always_inline uint16_t
pvq_tx_free_stretch(struct pvq_txq *q, uint16_t slot, uint16_t n, bool plain)
{
	if (unlikely(!plain))
		return pvq_tx_free_mixed(q, slot, n);
	if (n != 0)
		rte_mempool_put_bulk(q->pool, (void **)&q->shadow[slot], n);
	return n;
}

/**
 * Take used slots with IN_ORDER: ids are slots, and what is used is one stretch of the ring (PR-22).
 *
 * @param max
 *   Stop when that many slots are taken. What one used descriptor stands for is not split.
 * @param strict
 *   Rather less than more.
 * @return
 *   Slots; they end before next_used.
 */
static __rte_always_inline uint16_t
pvq_tx_take_in_order(struct pvq_txq *q, uint16_t max, const bool strict, const bool platform)
{
	struct pvq_ring *ring = &q->ring;
	uint16_t taken = 0, id, ahead;

	while (taken < max && ring->nb_free != ring->size) {
		if (!pvq_flags_used(pvq_ring_used_load(ring, ring->next_used, platform),
				    ring->used_flags))
			break;
		id = rte_le_to_cpu_16(ring->desc[ring->next_used].id);
		if (unlikely(id >= ring->size ||
			     (ahead = pvq_ring_ahead(ring, id)) >= pvq_ring_outstanding(ring) ||
			     q->shadow[id] == NULL)) {
			pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors, PVQ_QUEUE_BAD_ORDER);
			break;
		}
		ahead += q->info[id].slots;
		if (strict && taken + ahead > max)
			break;
		pvq_ring_take(ring, ahead);
		taken += ahead;
	}
	return taken;
}

/** Reclaim with IN_ORDER. */
static __rte_always_inline uint16_t
pvq_tx_reclaim_in_order(struct pvq_txq *q, uint16_t max, const bool platform)
{
	struct pvq_ring *ring = &q->ring;
	const uint16_t start = ring->next_used;
	/* For both stretches at once: a list may begin in one and end in the other. */
	const bool plain = q->nb_special == 0;
	const uint16_t taken = pvq_tx_take_in_order(q, max, false, platform);
	const uint16_t first = RTE_MIN(taken, (uint16_t)(ring->size - start));

	return pvq_tx_free_stretch(q, start, first, plain) +
	       pvq_tx_free_stretch(q, 0, taken - first, plain);
}

/**
 * Take used packets without IN_ORDER while all are plain: each used descriptor names one buffer of
 * one slot, in any order (PR-18, PR-19).
 *
 * @param done
 *   Out: up to @p max mbufs.
 * @return
 *   Packets; there may be more beyond the ring's end.
 */
static __rte_always_inline uint16_t
pvq_tx_take_plain(struct pvq_txq *q, struct rte_mbuf **done, uint16_t max, const bool platform)
{
	struct pvq_ring *ring = &q->ring;
	const uint16_t left = pvq_ring_outstanding(ring);
	uint16_t *free_ids = &q->free_ids[q->nb_free_ids];
	uint16_t slot = ring->next_used;
	uint16_t n;

	/* Not beyond the ring's end, so that the place and the lap stay in registers. */
	max = RTE_MIN(RTE_MIN(max, left), (uint16_t)(ring->size - slot));
	for (n = 0; n < max; n++, slot++) {
		uint16_t id;

		if (!pvq_flags_used(pvq_ring_used_load(ring, slot, platform), ring->used_flags))
			break;
		id = rte_le_to_cpu_16(ring->desc[slot].id);
		if (unlikely(id >= ring->size || (done[n] = q->shadow[id]) == NULL)) {
			pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors, PVQ_QUEUE_BAD_ID);
			break;
		}
		q->shadow[id] = NULL;
		free_ids[n] = id;
	}
	q->nb_free_ids += n;
	pvq_ring_take(ring, n);
	return n;
}

/** Reclaim up to a chunk of packets without IN_ORDER while all are plain. */
static __rte_always_inline uint16_t
pvq_tx_reclaim_plain(struct pvq_txq *q, uint16_t max, const bool platform)
{
	struct rte_mbuf *done[PVQ_TX_CHUNK];
	const uint16_t n = pvq_tx_take_plain(q, done, RTE_MIN(max, PVQ_TX_CHUNK), platform);

	if (n != 0)
		rte_mempool_put_bulk(q->pool, (void **)done, n);
	return n;
}

/** One packet of any kind; some are outstanding. @return whether it was used. */
static __rte_noinline bool
pvq_tx_reclaim_special(struct pvq_txq *q)
{
	struct pvq_ring *ring = &q->ring;
	struct rte_mbuf *m;
	uint16_t id;

	if (!pvq_flags_used(pvq_ring_used_load(ring, ring->next_used, ring->platform),
			    ring->used_flags))
		return false;
	id = rte_le_to_cpu_16(ring->desc[ring->next_used].id);
	if (id >= ring->size || (m = q->shadow[id]) == NULL) {
		pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors, PVQ_QUEUE_BAD_ID);
		return false;
	}
	q->shadow[id] = NULL;
	q->free_ids[q->nb_free_ids++] = id;
	/* By the slots of the buffer that is used, whoever owned the slot before. */
	pvq_ring_take(ring, q->info[id].slots);
	pvq_tx_free_one(q, m, &q->info[id]);
	return true;
}

/** Reclaim without IN_ORDER. */
static __rte_always_inline uint16_t
pvq_tx_reclaim_any_order(struct pvq_txq *q, uint16_t max, const bool platform)
{
	uint16_t packets = 0, n;

	while (packets < max) {
		if (likely(q->nb_special == 0))
			n = pvq_tx_reclaim_plain(q, max - packets, platform);
		else
			n = pvq_tx_reclaim_special(q);
		if (n == 0)
			break;
		packets += n;
		if (unlikely(q->vq.error != PVQ_QUEUE_OK))
			break;
	}
	return packets;
}

static __rte_always_inline uint16_t
pvq_tx_reclaim_body(struct pvq_txq *q, uint16_t max, const bool in_order, const bool platform)
{
	uint16_t packets = in_order ? pvq_tx_reclaim_in_order(q, max, platform) :
				      pvq_tx_reclaim_any_order(q, max, platform);

	q->stats.reclaimed += packets;
	return packets;
}

#endif /* PVQ_BURST_TX_RECLAIM_H */
