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
#include "burst_tx_reclaim.h"

/** Whether one descriptor does for @p m: header in the headroom, one segment, a fitting length. */
static __rte_always_inline bool
pvq_tx_is_simple(const struct pvq_txq *q, const struct rte_mbuf *m)
{
	/* A length of zero wraps to the largest and fails the comparison as well. */
	return m->nb_segs == 1 && pvq_net_hdr_fits(m) && (uint32_t)m->data_len - 1 < q->max_len;
}

/** Write a packet that pvq_tx_is_simple(); its flags are the lap's alone. */
static __rte_always_inline void
pvq_tx_write_simple(struct pvq_txq *q, struct rte_mbuf *m, uint16_t slot, uint16_t id,
		    const bool in_order, const enum pvq_bus bus)
{
	pvq_net_hdr_tx(m);
	pvq_ring_write(&q->ring, slot, pvq_mbuf_addr(m, bus) + m->data_off - VIRTIO_NET_HDR_LEN,
		       (uint32_t)m->data_len + VIRTIO_NET_HDR_LEN, id);
	q->shadow[id] = m;
	if (!in_order)
		q->info[id].seq = q->seq++;
	if (unlikely(m->pool != q->pool)) {
		q->info[id].table = PVQ_OTHER_POOL;
		q->nb_special++;
	}
}

/**
 * Write plain packets as long as they come in whole batches, without wrapping.
 *
 * @param max
 *   Packets offered, free slots and slots to the ring's end: whichever is least.
 * @return
 *   Packets written. What follows them is to be written one by one.
 */
static __rte_always_inline uint16_t
pvq_tx_run(struct pvq_txq *q, struct rte_mbuf **pkts, uint16_t max, struct pvq_cursor at,
	   bool is_head, const bool in_order, const enum pvq_bus bus, uint64_t *bytes)
{
#if PVQ_BATCH > 1
	struct pvq_kernel_tx k;
	uint16_t n;

	if (unlikely(max < PVQ_BATCH))
		return 0;
	k = pvq_kernel_tx_begin(q, at, is_head);
	for (n = 0; n + PVQ_BATCH <= max; n += PVQ_BATCH)
		if (!pvq_kernel_tx_batch(q, &k, pkts + n, at.slot + n, in_order, bus))
			break;
	*bytes += pvq_kernel_tx_bytes(&k);
	return n;
#else
	RTE_SET_USED(q);
	RTE_SET_USED(pkts);
	RTE_SET_USED(max);
	RTE_SET_USED(at);
	RTE_SET_USED(is_head);
	RTE_SET_USED(in_order);
	RTE_SET_USED(bus);
	RTE_SET_USED(bytes);
	return 0;
#endif
}

/**
 * Write one packet of whatever kind.
 *
 * @param head_flags
 *   Out: the flags its head is to have; they are not written.
 * @return
 *   Slots written, 0 when the ring has no room now, -errno when the packet can never be sent.
 */
static __rte_always_inline int
pvq_tx_write_one(struct pvq_txq *q, struct rte_mbuf *m, struct pvq_cursor *at, uint16_t used_slots,
		 const bool in_order, const enum pvq_bus bus, uint16_t *head_flags)
{
	uint16_t id, flags = at->flags;
	int slots;

	if (unlikely(!pvq_tx_is_simple(q, m))) {
		slots = pvq_txq_write_list(q, m, at, used_slots, in_order, head_flags);
		*head_flags |= flags;
		return slots;
	}
	if (unlikely(used_slots == q->ring.nb_free))
		return 0;
	id = in_order ? at->slot : q->free_ids[--q->nb_free_ids];
	pvq_tx_write_simple(q, m, at->slot, id, in_order, bus);
	pvq_cursor_next(&q->ring, at);
	*head_flags = flags;
	return 1;
}

/**
 * Write up to @p n packets one by one, as those of which the burst's first may be the head.
 *
 * @return
 *   Packets consumed; fewer than @p n when the ring is full.
 */
static __rte_always_inline uint16_t
pvq_tx_write_singles(struct pvq_txq *q, struct rte_mbuf **pkts, uint16_t n, struct pvq_cursor *at,
		     const bool in_order, const enum pvq_bus bus, uint16_t *head_flags,
		     struct pvq_tx_sum *sum)
{
	uint16_t i, flags = 0;

	for (i = 0; i < n; i++) {
		const uint16_t slot = at->slot;
		const int slots =
			pvq_tx_write_one(q, pkts[i], at, sum->slots, in_order, bus, &flags);

		if (slots == 0)
			break;
		if (unlikely(slots < 0)) {
			rte_pktmbuf_free(pkts[i]);
			continue;
		}
		/* The burst's own head comes last: it lets the device see all the others. */
		if (sum->slots == 0)
			*head_flags = flags;
		else
			q->ring.desc[slot].flags = rte_cpu_to_le_16(flags);
		sum->slots += slots;
		sum->packets++;
		sum->bytes += pkts[i]->pkt_len;
	}
	return i;
}

/** pvq_txq_write(), with @p in_order and @p bus constant. */
static __rte_always_inline uint16_t
pvq_tx_write_body(struct pvq_txq *q, struct rte_mbuf **pkts, uint16_t n, const bool in_order,
		  const enum pvq_bus bus, struct pvq_tx_sum *sum)
{
	struct pvq_ring *ring = &q->ring;
	struct pvq_cursor at = pvq_ring_cursor(ring);
	uint16_t head_flags = at.flags, i = 0;

	*sum = (struct pvq_tx_sum){0};
	/* Nothing plain is outstanding: the application may have turned to another pool. */
	if (unlikely(q->nb_special == pvq_ring_outstanding(ring)) && n != 0)
		q->pool = pkts[0]->pool;
	while (i < n) {
		uint16_t room = RTE_MIN(ring->nb_free - sum->slots, ring->size - at.slot);
		uint16_t run = pvq_tx_run(q, pkts + i, RTE_MIN(room, n - i), at, sum->slots == 0,
					  in_order, bus, &sum->bytes);
		uint16_t singles, done;

		pvq_cursor_add(ring, &at, run);
		sum->slots += run;
		sum->packets += run;
		i += run;
		/* The ring's end stopped it, and nothing else. */
		if (run != 0 && at.slot == 0)
			continue;
		/* What spoilt a batch is in the next one; only then batches are worth a try. */
		singles = PVQ_BATCH > 1 ? RTE_MIN(n - i, PVQ_BATCH) : n;
		done = pvq_tx_write_singles(q, pkts + i, singles, &at, in_order, bus, &head_flags,
					    sum);
		i += done;
		if (done < singles)
			break;
	}
	if (likely(sum->slots != 0))
		pvq_ring_publish(ring, head_flags, at, sum->slots, bus == PVQ_BUS_PLATFORM);
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
	done = pvq_txq_write(q, pkts, n, &more);
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
	const enum pvq_bus bus = pvq_path_bus(path);
	const uint32_t state = pvq_gate_enter(&q->gate);
	/*
	 * As many as are sent, or a few more: a whole ring at once would go through the mempool's
	 * cache into its common ring, and mbufs that long have left the caches would come back.
	 */
	const uint16_t max = RTE_MAX(PVQ_TX_CHUNK, n);
	uint16_t done = 0, nb_free;
	struct pvq_cursor from;
	struct pvq_tx_sum sum;
	bool more = true;

	if (unlikely(state != PVQ_GATE_OPEN(path))) {
		pvq_gate_leave(&q->gate);
		return pvq_tx_burst_odd(q, pkts, n, state);
	}
	from = pvq_ring_cursor(&q->ring);
	nb_free = q->ring.nb_free;
	if (nb_free < RTE_MAX(q->free_thresh, n)) {
		pvq_tx_reclaim_body(q, max, in_order, bus == PVQ_BUS_PLATFORM);
		more = q->ring.nb_free - nb_free >= max;
	}
	if (unlikely(pvq_gate_state(&q->gate) & PVQ_GATE_ERROR))
		goto out;
	done = pvq_tx_write_body(q, pkts, n, in_order, bus, &sum);
	if (unlikely(done < n && more))
		done += pvq_tx_write_more(q, pkts + done, n - done, in_order, &sum);
	q->stats.packets += sum.packets;
	q->stats.bytes += sum.bytes;
	if (unlikely(done < n))
		q->stats.ring_full++;
	if (likely(sum.slots != 0)) {
		if (pvq_ring_must_notify(&q->ring, from, sum.slots, bus == PVQ_BUS_PLATFORM)) {
			pvq_vq_notify(&q->vq, &q->ring);
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
