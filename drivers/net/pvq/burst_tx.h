/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_BURST_TX_H
#define PVQ_BURST_TX_H

/**
 * @file
 * The transmit template. Include a kernel first; call the bodies with constant arguments.
 *
 * A burst is reclaim (used buffers to the mempool), write, publish, notify. Packets that need more
 * than one element cost only themselves.
 */

#include "burst.h"

/** Mbufs between taking them from the shadow and freeing them in bulk. */
#define PVQ_TX_CHUNK 32

/** Give back what one buffer holds besides its mbufs. */
static __rte_always_inline void
pvq_tx_forget(struct pvq_txq *q, const struct pvq_tx_info *info)
{
	if (likely(info->slots == 1 && info->table == PVQ_NO_TABLE))
		return;
	q->nb_multi--;
	if (info->table != PVQ_NO_TABLE)
		q->free_tables[q->nb_free_tables++] = info->table;
}

/** Free @p n mbufs, of which none is NULL if @p simple. */
static __rte_always_inline void
pvq_tx_free_bulk(const struct pvq_txq *q, struct rte_mbuf **m, uint16_t n, bool simple)
{
	/* What the application promised: one pool, one reference, nothing to look at. */
	if (q->fast_free && simple)
		rte_mempool_put_bulk(m[0]->pool, (void **)m, n);
	else
		rte_pktmbuf_free_bulk(m, n);
}

/**
 * Free the packets of @p n slots from @p slot, a stretch that does not wrap.
 *
 * @param simple
 *   Every slot is a packet.
 * @return
 *   Packets freed.
 */
static __rte_always_inline uint16_t
pvq_tx_free_stretch(struct pvq_txq *q, uint16_t slot, uint16_t n, bool simple)
{
	uint16_t packets = n;

	if (n == 0)
		return 0;
	if (unlikely(!simple)) {
		for (uint16_t i = 0; i < n; i++) {
			/* Only the slot whose index is the buffer's id has the mbuf. */
			if (q->shadow[slot + i] == NULL)
				packets--;
			else
				pvq_tx_forget(q, &q->info[slot + i]);
		}
	}
	pvq_tx_free_bulk(q, &q->shadow[slot], n, simple);
	return packets;
}

/** Reclaim with IN_ORDER: ids are slots, and what is used is one stretch of the ring (PR-22). */
static __rte_always_inline uint16_t
pvq_tx_reclaim_in_order(struct pvq_txq *q, uint16_t max)
{
	struct pvq_ring *ring = &q->ring;
	const uint16_t start = ring->next_used;
	/* For both stretches at once: a list may begin in one and end in the other. */
	const bool simple = q->nb_multi == 0;
	uint16_t taken = 0, first;

	while (taken < max && ring->nb_free != ring->size) {
		uint16_t id, ahead;

		if (!pvq_flags_used(pvq_ring_used_load(ring, ring->next_used), ring->used_flags))
			break;
		id = rte_le_to_cpu_16(ring->desc[ring->next_used].id);
		if (unlikely(id >= ring->size ||
			     (ahead = pvq_ring_ahead(ring, id)) >= pvq_ring_outstanding(ring) ||
			     q->shadow[id] == NULL)) {
			pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors, PVQ_QUEUE_BAD_ORDER);
			break;
		}
		ahead += q->info[id].slots;
		pvq_ring_take(ring, ahead);
		taken += ahead;
	}
	first = RTE_MIN(taken, (uint16_t)(ring->size - start));
	return pvq_tx_free_stretch(q, start, first, simple) +
	       pvq_tx_free_stretch(q, 0, taken - first, simple);
}

/** Reclaim without IN_ORDER: each used descriptor names one buffer, in any order (PR-18, PR-19). */
static __rte_always_inline uint16_t
pvq_tx_reclaim_any_order(struct pvq_txq *q, uint16_t max)
{
	struct pvq_ring *ring = &q->ring;
	struct rte_mbuf *done[PVQ_TX_CHUNK];
	uint16_t packets = 0, n = 0;

	while (packets < max && ring->nb_free != ring->size) {
		const bool simple = q->nb_multi == 0;
		uint16_t id;

		if (!pvq_flags_used(pvq_ring_used_load(ring, ring->next_used), ring->used_flags))
			break;
		id = rte_le_to_cpu_16(ring->desc[ring->next_used].id);
		if (unlikely(id >= ring->size || q->shadow[id] == NULL)) {
			pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors, PVQ_QUEUE_BAD_ID);
			break;
		}
		done[n++] = q->shadow[id];
		q->shadow[id] = NULL;
		/* By the slots of the buffer that is used, whoever owned the slot before. */
		pvq_ring_take(ring, q->info[id].slots);
		pvq_tx_forget(q, &q->info[id]);
		q->free_ids[q->nb_free_ids++] = id;
		packets++;
		if (n == PVQ_TX_CHUNK || !simple) {
			pvq_tx_free_bulk(q, done, n, simple);
			n = 0;
		}
	}
	if (n != 0)
		pvq_tx_free_bulk(q, done, n, q->nb_multi == 0);
	return packets;
}

static __rte_always_inline uint16_t
pvq_tx_reclaim_body(struct pvq_txq *q, uint16_t max, const bool in_order)
{
	uint16_t packets = in_order ? pvq_tx_reclaim_in_order(q, max) :
				      pvq_tx_reclaim_any_order(q, max);

	q->stats.reclaimed += packets;
	return packets;
}

/** pvq_txq_write(), with @p in_order constant. */
static __rte_always_inline uint16_t
pvq_tx_write_body(struct pvq_txq *q, struct rte_mbuf **pkts, uint16_t n, const bool in_order,
		  struct pvq_tx_sum *sum)
{
	struct pvq_ring *ring = &q->ring;
	struct pvq_cursor at = pvq_ring_cursor(ring);
	uint16_t head_flags = 0, i;

	*sum = (struct pvq_tx_sum){0};
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct pvq_cursor head = at;
		uint16_t flags = 0;
		int slots = 1;

		if (likely(pvq_kernel_tx_is_simple(q, m))) {
			if (unlikely(sum->slots == ring->nb_free))
				break;
			pvq_kernel_tx_write(q, m, at.slot,
					    in_order ? at.slot : q->free_ids[--q->nb_free_ids]);
			pvq_cursor_next(ring, &at);
		} else {
			slots = pvq_txq_write_list(q, m, &at, sum->slots, in_order, &flags);
			if (slots == 0)
				break;
			if (unlikely(slots < 0)) {
				rte_pktmbuf_free(m);
				continue;
			}
		}
		flags |= head.flags;
		/* The burst's own head comes last: it lets the device see all the others. */
		if (sum->slots == 0)
			head_flags = flags;
		else
			ring->desc[head.slot].flags = rte_cpu_to_le_16(flags);
		sum->slots += slots;
		sum->packets++;
		sum->bytes += m->pkt_len;
	}
	if (likely(sum->slots != 0))
		pvq_ring_publish(ring, head_flags, at, sum->slots);
	return i;
}

/**
 * Go on with a burst that met a full ring although there seemed to be room: a packet may need more
 * slots than one. Reclaims first; @p sum grows by what is added.
 */
static __rte_noinline uint16_t
pvq_tx_write_more(struct pvq_txq *q, struct rte_mbuf **pkts, uint16_t n, bool in_order,
		  struct pvq_tx_sum *sum)
{
	struct pvq_tx_sum more;
	uint16_t done;

	if (pvq_txq_reclaim(q, UINT16_MAX, in_order) == 0 ||
	    (pvq_gate_state(&q->gate) & PVQ_GATE_ERROR))
		return 0;
	done = pvq_txq_write(q, pkts, n, in_order, &more);
	sum->packets += more.packets;
	sum->bytes += more.bytes;
	/* Can be more than the ring has, when the device was done with part of this burst. */
	sum->slots = RTE_MIN((uint32_t)sum->slots + more.slots, (uint32_t)UINT16_MAX);
	return done;
}

/** A whole rte_eth_tx_burst; @p path is constant. */
static __rte_always_inline uint16_t
pvq_tx_burst_body(struct pvq_txq *q, struct rte_mbuf **pkts, uint16_t n, const uint16_t path)
{
	const bool in_order = (path & PVQ_PATH_IN_ORDER) != 0;
	const uint32_t state = pvq_gate_enter(&q->gate);
	const struct pvq_cursor from = pvq_ring_cursor(&q->ring);
	const bool reclaim = q->ring.nb_free < RTE_MAX(q->free_thresh, n);
	struct pvq_tx_sum sum;
	uint16_t done = 0;

	if (unlikely(state != PVQ_GATE_OPEN(path))) {
		pvq_gate_leave(&q->gate);
		return pvq_tx_burst_odd(q, pkts, n, state);
	}
	if (reclaim)
		pvq_tx_reclaim_body(q, UINT16_MAX, in_order);
	if (unlikely(pvq_gate_state(&q->gate) & PVQ_GATE_ERROR))
		goto out;
	done = pvq_tx_write_body(q, pkts, n, in_order, &sum);
	if (unlikely(done < n && !reclaim))
		done += pvq_tx_write_more(q, pkts + done, n - done, in_order, &sum);
	q->stats.packets += sum.packets;
	q->stats.bytes += sum.bytes;
	if (unlikely(done < n))
		q->stats.ring_full++;
	if (likely(sum.slots != 0)) {
		if (pvq_ring_must_notify(&q->ring, from, sum.slots)) {
			pvq_notify(q->vq.port_id, q->vq.index);
			q->stats.notified++;
		} else {
			q->stats.suppressed++;
		}
	}
out:
	pvq_gate_leave(&q->gate);
	return done;
}

#endif /* PVQ_BURST_TX_H */
