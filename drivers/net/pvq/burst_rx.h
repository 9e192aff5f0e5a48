/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_BURST_RX_H
#define PVQ_BURST_RX_H

/**
 * @file
 * The receive template. Include a kernel first; call the bodies with constant arguments, so that
 * each combination becomes a function of its own.
 *
 * A burst is harvest (used descriptors to mbufs), deliver (mbufs to packets), refill. Everything
 * that the device wrote is fetched once and checked before it is used.
 */

#include <rte_prefetch.h>

#include "burst.h"
#include "burst_rx_deliver.h"

/** Buffers between harvest and deliver: long enough for prefetches to arrive. */
#define PVQ_RX_CHUNK 32
/** Buffers taken one by one before batches are tried again. */
#define PVQ_RX_SINGLES (PVQ_BATCH > 1 ? PVQ_BATCH : PVQ_RX_CHUNK)

/**
 * Take used buffers of a ring without IN_ORDER: one used descriptor each, ids in any order (PR-19).
 *
 * @param bufs, lens
 *   Out: @p max mbufs and the lengths the device reported, header included.
 * @return
 *   Buffers taken. A bad id closes the gate; what was taken before it is still returned.
 */
static __rte_always_inline uint16_t
pvq_rx_harvest(struct pvq_rxq *q, struct rte_mbuf **bufs, uint32_t *lens, uint16_t max,
	       const bool platform)
{
	struct pvq_ring *ring = &q->ring;
	uint16_t taken;

	/* A slot that was never made available is never looked at (HD-15). */
	max = RTE_MIN(max, pvq_ring_outstanding(ring));
	for (taken = 0; taken < max; taken++) {
		uint16_t slot = ring->next_used;
		uint16_t flags = pvq_ring_used_load(ring, slot, platform);
		const struct virtq_desc *d = &ring->desc[slot];
		struct rte_mbuf *m;
		uint16_t id;

		if (!pvq_flags_used(flags, ring->used_flags))
			break;
		id = rte_le_to_cpu_16(d->id);
		if (unlikely(id >= ring->size || (m = q->shadow[id]) == NULL)) {
			pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors, PVQ_QUEUE_BAD_ID);
			break;
		}
		rte_prefetch0(m);
		q->shadow[id] = NULL;
		/* The slot that is refilled next takes the id that came free here. */
		q->slot_id[slot] = id;
		if (unlikely(id != slot))
			q->ordered = false;
		bufs[taken] = m;
		/*
		 * PR-20 would have us look for WRITE first, but QEMU's device never sets it, on
		 * no descriptor at all; lengths are checked against the buffer all the same.
		 */
		lens[taken] = rte_le_to_cpu_32(d->len);
		pvq_ring_take(ring, 1);
	}
	return taken;
}

/**
 * As pvq_rx_harvest(), with IN_ORDER: a used descriptor may stand for all buffers from its
 * slot up to the id that it names, and those before the last count as filled (PR-22, PR-23).
 */
static __rte_always_inline uint16_t
pvq_rx_harvest_in_order(struct pvq_rxq *q, struct rte_mbuf **bufs, uint32_t *lens,
			uint16_t max, const bool platform)
{
	struct pvq_ring *ring = &q->ring;
	uint16_t taken;

	max = RTE_MIN(max, pvq_ring_outstanding(ring));
	for (taken = 0; taken < max; taken++) {
		uint16_t slot = ring->next_used;
		struct rte_mbuf *m = q->shadow[slot];

		if (likely(q->batch_left == 0)) {
			uint16_t flags = pvq_ring_used_load(ring, slot, platform);
			const struct virtq_desc *d = &ring->desc[slot];
			uint16_t id, ahead;

			if (!pvq_flags_used(flags, ring->used_flags))
				break;
			id = rte_le_to_cpu_16(d->id);
			if (unlikely(id >= ring->size ||
				     (ahead = pvq_ring_ahead(ring, id)) >=
					     pvq_ring_outstanding(ring))) {
				pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors,
					    PVQ_QUEUE_BAD_ORDER);
				break;
			}
			q->batch_left = ahead + 1;
			q->batch_len = rte_le_to_cpu_32(d->len);
		}
		rte_prefetch0(m);
		q->shadow[slot] = NULL;
		bufs[taken] = m;
		lens[taken] = --q->batch_left == 0 ? q->batch_len : q->capacity;
		pvq_ring_take(ring, 1);
	}
	return taken;
}

/** Post up to all free slots; the device is not notified. @return slots published. */
static __rte_always_inline uint16_t
pvq_rx_post_body(struct pvq_rxq *q, const bool in_order, const enum pvq_bus bus)
{
	struct pvq_ring *ring = &q->ring;
	struct pvq_cursor at = pvq_ring_cursor(ring);
	const uint16_t head_flags = at.flags | VIRTQ_DESC_F_WRITE;
	const bool ordered = in_order || q->ordered;
	struct rte_mbuf *others[PVQ_RX_CHUNK];
	uint16_t posted = 0;

	while (posted < ring->nb_free) {
		/* Where id is slot the pool writes the shadow itself. */
		struct rte_mbuf **bufs = ordered ? &q->shadow[at.slot] : others;
		uint16_t room = RTE_MIN(ring->nb_free - posted, ring->size - at.slot);
		uint16_t n = RTE_MIN(room, PVQ_RX_CHUNK);

		/* A pool that is nearly empty still gives what it has. */
		while (n != 0 && rte_mempool_get_bulk(q->pool, (void **)bufs, n) != 0)
			n /= 2;
		if (unlikely(n == 0)) {
			q->stats.no_mbuf += ring->nb_free - posted;
			break;
		}
		if (likely(ordered))
			pvq_kernel_rx_post(q, bufs, n, at, posted == 0, true, bus);
		else
			pvq_kernel_rx_post(q, bufs, n, at, posted == 0, false, bus);
		pvq_cursor_add(ring, &at, n);
		posted += n;
	}
	if (likely(posted != 0))
		pvq_ring_publish(ring, head_flags, at, posted, bus == PVQ_BUS_PLATFORM);
	return posted;
}

/** Notify the device of @p n slots published from @p from on, if it wants to know. */
static __rte_always_inline void
pvq_rx_notify(struct pvq_rxq *q, struct pvq_cursor from, uint16_t n, const bool platform)
{
	if (pvq_ring_must_notify(&q->ring, from, n, platform)) {
		pvq_vq_notify(&q->vq, &q->ring);
		q->stats.notified++;
	} else {
		q->stats.suppressed++;
	}
}

static __rte_always_inline void
pvq_rx_refill_body(struct pvq_rxq *q, const bool in_order, const enum pvq_bus bus)
{
	const struct pvq_cursor from = pvq_ring_cursor(&q->ring);
	const uint16_t n = pvq_rx_post_body(q, in_order, bus);

	if (likely(n != 0))
		pvq_rx_notify(q, from, n, bus == PVQ_BUS_PLATFORM);
}

/** Post @p n mbufs that lie in q->recycled. Those that the queue cannot take now go to the pool. */
static __rte_always_inline void
pvq_rx_recycle_body(struct pvq_rxq *q, uint16_t n, const uint16_t path)
{
	struct pvq_ring *ring = &q->ring;
	const bool in_order = (path & PVQ_PATH_IN_ORDER) != 0;
	const enum pvq_bus bus = pvq_path_bus(path);
	const uint32_t state = pvq_gate_enter(&q->gate);
	struct pvq_cursor from = {0}, at = {0};
	uint16_t done = 0, fit = 0;

	/* The ring may be another one by now than when these mbufs were asked for. */
	if (likely((state & PVQ_GATE_CLOSED) == 0 && pvq_gate_path(state) == path)) {
		from = at = pvq_ring_cursor(ring);
		fit = RTE_MIN(n, ring->nb_free);
	}
	while (done < fit) {
		struct rte_mbuf **bufs = &q->recycled[done];
		const uint16_t part = RTE_MIN(fit - done, ring->size - at.slot);

		if (likely(in_order || q->ordered)) {
			memcpy(&q->shadow[at.slot], bufs, part * sizeof(bufs[0]));
			pvq_kernel_rx_post(q, bufs, part, at, done == 0, true, bus);
		} else {
			pvq_kernel_rx_post(q, bufs, part, at, done == 0, false, bus);
		}
		pvq_cursor_add(ring, &at, part);
		done += part;
	}
	if (likely(fit != 0)) {
		pvq_ring_publish(ring, from.flags | VIRTQ_DESC_F_WRITE, at, fit,
				 bus == PVQ_BUS_PLATFORM);
		pvq_rx_notify(q, from, fit, bus == PVQ_BUS_PLATFORM);
	}
	if (unlikely(fit < n))
		rte_mempool_put_bulk(q->pool, (void **)&q->recycled[fit], n - fit);
	pvq_gate_leave(&q->gate);
}

/**
 * Receive packets of one buffer each as long as they come in whole batches that do not wrap.
 *
 * @return
 *   Packets in @p pkts, @p n at most. What follows them is to be looked at one by one.
 */
static __rte_always_inline uint16_t
pvq_rx_run(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n, const bool ordered,
	   const bool mergeable, uint64_t *bytes)
{
#if PVQ_BATCH > 1
	struct pvq_ring *ring = &q->ring;
	uint16_t total = 0, i;

	do {
		const uint16_t ready =
			RTE_MIN(pvq_ring_outstanding(ring), ring->size - ring->next_used);
		const uint16_t max = RTE_MIN(ready, n - total);
		struct pvq_kernel_rx k;

		if (max < PVQ_BATCH)
			break;
		k = pvq_kernel_rx_begin(q, ordered);
		for (i = 0; i + PVQ_BATCH <= max; i += PVQ_BATCH)
			if (!pvq_kernel_rx_batch(q, &k, ring->next_used + i, pkts + total + i,
						 ordered, mergeable))
				break;
		*bytes += pvq_kernel_rx_bytes(&k);
		pvq_ring_take(ring, i);
		total += i;
		/* Once more when it was the ring's end that stopped it. */
	} while (i != 0 && ring->next_used == 0);
	return total;
#else
	RTE_SET_USED(q);
	RTE_SET_USED(pkts);
	RTE_SET_USED(n);
	RTE_SET_USED(ordered);
	RTE_SET_USED(mergeable);
	RTE_SET_USED(bytes);
	return 0;
#endif
}

/** Harvest and deliver, without refilling. @return packets in @p pkts, n at most. */
static __rte_always_inline uint16_t
pvq_rx_receive_body(struct pvq_rxq *q, struct rte_mbuf **pkts, const uint16_t n,
		    const bool in_order, const bool mergeable, const bool platform)
{
	struct rte_mbuf *bufs[PVQ_RX_CHUNK];
	uint32_t lens[PVQ_RX_CHUNK];
	uint64_t bytes = 0, errors;
	uint16_t want, got, i, nb = 0;
	bool any = false, failed = false;

	do {
		/* In the middle of a batch or a packet only the steps below know what is next. */
		if (likely(q->batch_left == 0 && q->merge_left == 0)) {
			/* Devices without IN_ORDER hardly ever make use of their freedom. */
			if (in_order || likely(q->ordered))
				nb += pvq_rx_run(q, pkts + nb, n - nb, true, mergeable, &bytes);
			else
				nb += pvq_rx_run(q, pkts + nb, n - nb, false, mergeable, &bytes);
			if (nb == n)
				break;
		}
		want = RTE_MIN(n - nb, PVQ_RX_SINGLES);
		got = in_order ? pvq_rx_harvest_in_order(q, bufs, lens, want, platform) :
				 pvq_rx_harvest(q, bufs, lens, want, platform);
		any |= got != 0;
		/* What was harvested before a lie is delivered; a lie in here ends it. */
		errors = q->stats.queue_errors;
		for (i = 0; i < got; i++) {
			uint16_t rest = pvq_ring_outstanding(&q->ring) + got - 1 - i;
			struct rte_mbuf *m = pvq_rx_deliver(q, bufs[i], lens[i], rest, mergeable);

			if (likely(m != NULL)) {
				pkts[nb++] = m;
				bytes += m->pkt_len;
			} else if (unlikely(q->stats.queue_errors != errors)) {
				rte_pktmbuf_free_bulk(&bufs[i + 1], got - 1 - i);
				failed = true;
				break;
			}
		}
	} while (got == want && nb < n && !failed);

	if (mergeable && unlikely(q->merge_left != 0)) {
		/* The first part is marked used last (PR-39), so the others ought to be there. */
		q->merge_polls = any ? 0 : q->merge_polls + 1;
		if (q->merge_polls > PVQ_MERGE_POLLS_MAX)
			pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors,
				    PVQ_QUEUE_MERGE_STALLED);
	}
	q->stats.packets += nb;
	q->stats.bytes += bytes;
	return nb;
}

/** Whether there is nothing to do: an application that polls finds this most of the time. */
static __rte_always_inline bool
pvq_rx_idle(const struct pvq_rxq *q, const bool platform)
{
	const struct pvq_ring *ring = &q->ring;

	return !pvq_flags_used(pvq_ring_used_load(ring, ring->next_used, platform),
			       ring->used_flags) &&
	       (q->batch_left | q->merge_left) == 0 && ring->nb_free < q->free_thresh;
}

/** The part of rte_eth_rx_burst when there is something to do, inside the gate; leaves it. */
static __rte_always_inline uint16_t
pvq_rx_some_body(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n, const uint16_t path)
{
	const bool in_order = (path & PVQ_PATH_IN_ORDER) != 0;
	const bool mergeable = (path & PVQ_PATH_MERGEABLE) != 0;
	const enum pvq_bus bus = pvq_path_bus(path);
	const uint16_t nb = pvq_rx_receive_body(q, pkts, n, in_order, mergeable,
						bus == PVQ_BUS_PLATFORM);

	if (q->ring.nb_free >= q->free_thresh &&
	    likely((pvq_gate_state(&q->gate) & PVQ_GATE_ERROR) == 0))
		pvq_rx_refill_body(q, in_order, bus);
	pvq_gate_leave(&q->gate);
	return nb;
}

/** pvq_rx_some_body() for one path, a function of its own. */
typedef uint16_t (*pvq_rx_some_t)(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n);

/**
 * A whole rte_eth_rx_burst; the arguments behind @p n are constant. What there is to do is left to
 * other functions, so that a poll in vain need not save their many registers: @p some, and @p few
 * of the scalar path when no batch is asked for.
 */
static __rte_always_inline uint16_t
pvq_rx_burst_body(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n, const uint16_t path,
		  const pvq_rx_some_t some, const pvq_rx_some_t few)
{
	const uint32_t state = pvq_gate_enter(&q->gate);

	if (unlikely(state != PVQ_GATE_OPEN(path))) {
		pvq_gate_leave(&q->gate);
		return pvq_rx_burst_odd(q, pkts, n, state);
	}
	if (pvq_rx_idle(q, pvq_path_bus(path) == PVQ_BUS_PLATFORM)) {
		pvq_gate_leave(&q->gate);
		return 0;
	}
	if (n < PVQ_BATCH)
		return few(q, pkts, n);
	return some(q, pkts, n);
}

#endif /* PVQ_BURST_RX_H */
