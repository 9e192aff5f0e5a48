/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_KERNEL_SCALAR_H
#define PVQ_KERNEL_SCALAR_H

/**
 * @file
 * The primitives of the burst templates in portable code. A kernel for another instruction set
 * provides the same functions and is held against these packet by packet.
 */

#include <rte_prefetch.h>

#include "net_hdr.h"
#include "queue.h"

/**
 * Take used buffers of a ring without IN_ORDER: one used descriptor each, ids in any order (PR-19).
 *
 * @param bufs, lens
 *   Out: @p max mbufs and the lengths the device reported, header included.
 * @return
 *   Buffers taken. A bad id closes the gate; what was taken before it is still returned.
 */
static __rte_always_inline uint16_t
pvq_kernel_rx_harvest(struct pvq_rxq *q, struct rte_mbuf **bufs, uint32_t *lens, uint16_t max)
{
	struct pvq_ring *ring = &q->ring;
	uint16_t taken;

	/* A slot that was never made available is never looked at (HD-15). */
	max = RTE_MIN(max, pvq_ring_outstanding(ring));
	for (taken = 0; taken < max; taken++) {
		uint16_t slot = ring->next_used;
		uint16_t flags = pvq_ring_used_load(ring, slot);
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
 * As pvq_kernel_rx_harvest(), with IN_ORDER: a used descriptor may stand for all buffers from its
 * slot up to the id that it names, and those before the last count as filled (PR-22, PR-23).
 */
static __rte_always_inline uint16_t
pvq_kernel_rx_harvest_in_order(struct pvq_rxq *q, struct rte_mbuf **bufs, uint32_t *lens,
			       uint16_t max)
{
	struct pvq_ring *ring = &q->ring;
	uint16_t taken;

	max = RTE_MIN(max, pvq_ring_outstanding(ring));
	for (taken = 0; taken < max; taken++) {
		uint16_t slot = ring->next_used;
		struct rte_mbuf *m = q->shadow[slot];

		if (likely(q->batch_left == 0)) {
			uint16_t flags = pvq_ring_used_load(ring, slot);
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

/** Fill a received mbuf whose data begin where the descriptor's did, plus @p skip bytes. */
static __rte_always_inline void
pvq_kernel_rx_fill(const struct pvq_rxq *q, struct rte_mbuf *m, uint16_t len)
{
	*pvq_mbuf_rearm(m) = q->rearm;
	m->ol_flags = 0;
	/* No device tells the type without hash reports: unknown is the truth. */
	m->packet_type = 0;
	m->pkt_len = len;
	m->data_len = len;
}

/** Write @p n buffers at @p at, flags of all but the first slot of the burst included. */
static __rte_always_inline void
pvq_kernel_rx_post(struct pvq_rxq *q, struct rte_mbuf **bufs, uint16_t n, struct pvq_cursor *at,
		   const bool in_order)
{
	struct pvq_ring *ring = &q->ring;
	uint16_t i;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = bufs[i];
		uint16_t id = in_order ? at->slot : q->slot_id[at->slot];
		uintptr_t addr = (uintptr_t)m->buf_addr + RTE_PKTMBUF_HEADROOM - VIRTIO_NET_HDR_LEN;

		pvq_ring_write(ring, at->slot, addr, q->capacity, id);
		q->shadow[id] = m;
		if (likely(at->slot != ring->next_avail))
			ring->desc[at->slot].flags =
				rte_cpu_to_le_16(at->flags | VIRTQ_DESC_F_WRITE);
		pvq_cursor_next(ring, at);
	}
}

/** Whether one descriptor does for @p m: header in the headroom, one segment, a fitting length. */
static __rte_always_inline bool
pvq_kernel_tx_is_simple(const struct pvq_txq *q, const struct rte_mbuf *m)
{
	/* A length of zero wraps to the largest and fails the comparison as well. */
	return m->nb_segs == 1 && pvq_net_hdr_fits(m) && (uint32_t)m->data_len - 1 < q->max_len;
}

/** Write a packet that pvq_kernel_tx_is_simple(); its flags are the lap's alone. */
static __rte_always_inline void
pvq_kernel_tx_write(struct pvq_txq *q, struct rte_mbuf *m, uint16_t slot, uint16_t id)
{
	pvq_net_hdr_tx(m);
	pvq_ring_write(&q->ring, slot, rte_pktmbuf_mtod(m, uintptr_t) - VIRTIO_NET_HDR_LEN,
		       (uint32_t)m->data_len + VIRTIO_NET_HDR_LEN, id);
	q->shadow[id] = m;
	q->info[id] = (struct pvq_tx_info){.slots = 1, .table = PVQ_NO_TABLE, .seq = q->seq++};
}

#endif /* PVQ_KERNEL_SCALAR_H */
