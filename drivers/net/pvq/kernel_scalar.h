/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_KERNEL_SCALAR_H
#define PVQ_KERNEL_SCALAR_H

/**
 * @file
 * The kernel of the burst templates in portable code. It works packet by packet, which is what the
 * templates do by themselves with whatever does not come in batches: all there is to add is how
 * buffers are posted. The reference that every other kernel is held against.
 */

#include "net_hdr.h"
#include "queue.h"

/** Packets that a kernel handles in one step. */
#define PVQ_BATCH 1

/** Write @p n buffers in slots that do not wrap; the flags of @p at's slot not, if @p is_head. */
static __rte_always_inline void
pvq_kernel_rx_post(struct pvq_rxq *q, struct rte_mbuf **bufs, uint16_t n, struct pvq_cursor at,
		   bool is_head, const bool ordered, const enum pvq_bus bus)
{
	struct pvq_ring *ring = &q->ring;
	const uint16_t flags = rte_cpu_to_le_16(at.flags | VIRTQ_DESC_F_WRITE);
	uint16_t i;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = bufs[i];
		uint16_t slot = at.slot + i;
		uint16_t id = ordered ? slot : q->slot_id[slot];
		uint64_t addr = pvq_mbuf_addr(m, bus) + RTE_PKTMBUF_HEADROOM - VIRTIO_NET_HDR_LEN;

		pvq_ring_write(ring, slot, addr, q->capacity, id);
		q->shadow[id] = m;
		if (likely(i != 0 || !is_head))
			ring->desc[slot].flags = flags;
	}
}

#endif /* PVQ_KERNEL_SCALAR_H */
