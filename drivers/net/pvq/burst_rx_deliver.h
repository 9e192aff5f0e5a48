/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_BURST_RX_DELIVER_H
#define PVQ_BURST_RX_DELIVER_H

/**
 * @file
 * What becomes of one used receive buffer: a packet, a part of one, or nothing. For the buffers
 * that the receive template takes one by one; kernels deal with whole batches themselves and leave
 * everything unusual to these functions.
 */

#include "net_hdr.h"
#include "queue.h"

/** Fill a received mbuf whose data begin where the descriptor's did, plus @p skip bytes. */
static __rte_always_inline void
pvq_rx_fill(const struct pvq_rxq *q, struct rte_mbuf *m, uint16_t len)
{
	*pvq_mbuf_rearm(m) = q->rearm;
	m->ol_flags = 0;
	/* No device tells the type without hash reports: unknown is the truth. */
	m->packet_type = 0;
	m->pkt_len = len;
	m->data_len = len;
}

/** Add a later part to the packet in q->merge_head. @return the packet when it is complete. */
static __rte_always_inline struct rte_mbuf *
pvq_rx_merge(struct pvq_rxq *q, struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *head = q->merge_head, *tail = q->merge_tail;

	/* Not forbidden, but no device that works well leaves room (HD-11). */
	if (unlikely(tail->data_len + (tail == head ? VIRTIO_NET_HDR_LEN : 0u) != q->capacity))
		q->stats.short_parts++;
	pvq_rx_fill(q, m, len);
	/* Only the first part has a header: here the data begin at the descriptor's address. */
	m->data_off -= VIRTIO_NET_HDR_LEN;
	tail->next = m;
	q->merge_tail = m;
	head->nb_segs++;
	head->pkt_len += len;
	if (--q->merge_left != 0)
		return NULL;
	q->merge_head = NULL;
	if (likely(q->scatter && !q->merge_drop))
		return head;
	if (!q->merge_drop)
		q->stats.scattered++;
	rte_pktmbuf_free(head);
	return NULL;
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
	bool segmented;

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
	pvq_rx_fill(q, m, len - VIRTIO_NET_HDR_LEN);
	if (!mergeable)
		return m;
	num_buffers = pvq_net_hdr_num_buffers(m);
	segmented = pvq_net_hdr_gso_type(m) != VIRTIO_NET_HDR_GSO_NONE;
	if (likely(num_buffers == 1 && !segmented))
		return m;
	if (num_buffers == 0) {
		q->stats.no_parts++;
		goto drop;
	}
	if (unlikely(num_buffers - 1 > rest)) {
		pvq_vq_fail(&q->vq, &q->gate, &q->stats.queue_errors, PVQ_QUEUE_BAD_NUM_BUFFERS);
		goto drop;
	}
	q->stats.gso += segmented;
	if (num_buffers == 1)
		goto drop;
	q->merge_drop = segmented;
	q->merge_head = m;
	q->merge_tail = m;
	q->merge_left = num_buffers - 1;
	return NULL;
drop:
	rte_pktmbuf_free_seg(m);
	return NULL;
}

#endif /* PVQ_BURST_RX_DELIVER_H */
