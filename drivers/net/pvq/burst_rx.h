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

#include "burst.h"

/** Buffers between harvest and deliver: long enough for prefetches to arrive. */
#define PVQ_RX_CHUNK 32

/** Post up to all free slots; the device is not notified. @return slots published. */
static __rte_always_inline uint16_t
pvq_rx_post_body(struct pvq_rxq *q, const bool in_order)
{
	struct pvq_ring *ring = &q->ring;
	struct pvq_cursor at = pvq_ring_cursor(ring);
	const uint16_t head_flags = at.flags | VIRTQ_DESC_F_WRITE;
	struct rte_mbuf *bufs[PVQ_RX_CHUNK];
	uint16_t posted = 0;

	while (posted < ring->nb_free) {
		uint16_t n = RTE_MIN(ring->nb_free - posted, PVQ_RX_CHUNK);

		/* A pool that is nearly empty still gives what it has. */
		while (n != 0 && rte_mempool_get_bulk(q->pool, (void **)bufs, n) != 0)
			n /= 2;
		if (unlikely(n == 0)) {
			q->stats.no_mbuf += ring->nb_free - posted;
			break;
		}
		pvq_kernel_rx_post(q, bufs, n, &at, in_order);
		posted += n;
	}
	if (likely(posted != 0))
		pvq_ring_publish(ring, head_flags, at, posted);
	return posted;
}

static __rte_always_inline uint16_t
pvq_rx_refill_body(struct pvq_rxq *q, const bool in_order)
{
	const struct pvq_cursor from = pvq_ring_cursor(&q->ring);
	const uint16_t n = pvq_rx_post_body(q, in_order);

	if (unlikely(n == 0))
		return 0;
	if (pvq_ring_must_notify(&q->ring, from, n)) {
		pvq_notify(q->vq.port_id, q->vq.index);
		q->stats.notified++;
	} else {
		q->stats.suppressed++;
	}
	return n;
}

/** Add a later part to the packet in q->merge_head. @return the packet when it is complete. */
static __rte_always_inline struct rte_mbuf *
pvq_rx_merge(struct pvq_rxq *q, struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *head = q->merge_head;

	pvq_kernel_rx_fill(q, m, len);
	/* Only the first part has a header: here the data begin at the descriptor's address. */
	m->data_off -= VIRTIO_NET_HDR_LEN;
	q->merge_tail->next = m;
	q->merge_tail = m;
	head->nb_segs++;
	head->pkt_len += len;
	if (--q->merge_left != 0)
		return NULL;
	q->merge_head = NULL;
	if (unlikely(!q->scatter)) {
		rte_pktmbuf_free(head);
		q->stats.scattered++;
		return NULL;
	}
	return head;
}

/**
 * Make of a buffer a packet, or a part of one.
 *
 * @param rest
 *   Buffers that may still follow: harvested after this one, or outstanding.
 * @return
 *   A packet, or NULL: nothing complete yet, dropped, or the gate has been closed.
 */
static __rte_always_inline struct rte_mbuf *
pvq_rx_deliver(struct pvq_rxq *q, struct rte_mbuf *m, uint32_t len, uint16_t rest,
	       const bool mergeable)
{
	uint16_t num_buffers;

	if (unlikely(len > q->capacity)) {
		pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors, PVQ_QUEUE_BAD_LEN);
		goto drop;
	}
	if (mergeable && unlikely(q->merge_left != 0))
		return pvq_rx_merge(q, m, len);
	if (unlikely(len < VIRTIO_NET_HDR_LEN)) {
		/* With mergeable buffers nobody knows how many more belong to this packet. */
		if (mergeable)
			pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors, PVQ_QUEUE_BAD_LEN);
		else
			q->stats.short_len++;
		goto drop;
	}
	pvq_kernel_rx_fill(q, m, len - VIRTIO_NET_HDR_LEN);
	if (!mergeable)
		return m;
	num_buffers = pvq_net_hdr_num_buffers(m);
	if (likely(num_buffers == 1))
		return m;
	if (num_buffers == 0) {
		q->stats.no_parts++;
		goto drop;
	}
	if (unlikely(num_buffers - 1 > rest)) {
		pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors, PVQ_QUEUE_BAD_NUM_BUFFERS);
		goto drop;
	}
	q->merge_head = m;
	q->merge_tail = m;
	q->merge_left = num_buffers - 1;
	return NULL;
drop:
	rte_pktmbuf_free_seg(m);
	return NULL;
}

/** Harvest and deliver, without refilling. @return packets in @p pkts, n at most. */
static __rte_always_inline uint16_t
pvq_rx_receive_body(struct pvq_rxq *q, struct rte_mbuf **pkts, const uint16_t n,
		    const bool in_order, const bool mergeable)
{
	struct rte_mbuf *bufs[PVQ_RX_CHUNK];
	uint32_t lens[PVQ_RX_CHUNK];
	uint64_t bytes = 0, errors;
	uint16_t want, got, i, nb = 0;
	bool any = false, failed = false;

	do {
		want = RTE_MIN(n - nb, PVQ_RX_CHUNK);
		got = in_order ? pvq_kernel_rx_harvest_in_order(q, bufs, lens, want) :
				 pvq_kernel_rx_harvest(q, bufs, lens, want);
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

/** A whole rte_eth_rx_burst; @p path is constant. */
static __rte_always_inline uint16_t
pvq_rx_burst_body(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n, const uint16_t path)
{
	const bool in_order = (path & PVQ_PATH_IN_ORDER) != 0;
	const bool mergeable = (path & PVQ_PATH_MERGEABLE) != 0;
	const uint32_t state = pvq_gate_enter(&q->gate);
	uint16_t nb;

	if (unlikely(state != PVQ_GATE_OPEN(path))) {
		pvq_gate_leave(&q->gate);
		return pvq_rx_burst_odd(q, pkts, n, state);
	}
	nb = pvq_rx_receive_body(q, pkts, n, in_order, mergeable);
	if (q->ring.nb_free >= q->free_thresh &&
	    likely((pvq_gate_state(&q->gate) & PVQ_GATE_ERROR) == 0))
		pvq_rx_refill_body(q, in_order);
	pvq_gate_leave(&q->gate);
	return nb;
}

#endif /* PVQ_BURST_RX_H */
