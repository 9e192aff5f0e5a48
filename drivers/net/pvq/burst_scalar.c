/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include "kernel_scalar.h"
#include "notify.h"

#include "burst_rx.h"
#include "burst_tx.h"
#include "burst_paths.h"

PVQ_DEFINE_PATHS(scalar, PVQ_ISA_SCALAR)

/* The control path's instances: speed does not matter there, so it uses the reference. */

uint16_t
pvq_rxq_post(struct pvq_rxq *q, bool in_order)
{
	return pvq_rx_post_body(q, in_order, q->mode.bus);
}

void
pvq_rxq_repost(struct pvq_rxq *q, uint16_t n)
{
	struct pvq_cursor at = pvq_ring_cursor(&q->ring);
	const uint16_t head_flags = at.flags | VIRTQ_DESC_F_WRITE;

	pvq_kernel_rx_post(q, q->shadow, n, at, true, true, q->mode.bus);
	pvq_cursor_add(&q->ring, &at, n);
	pvq_ring_publish(&q->ring, head_flags, at, n, q->ring.platform);
}

uint16_t
pvq_rxq_drain(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n)
{
	return pvq_rx_receive_body(q, pkts, n, q->mode.in_order, q->mode.mergeable,
				   q->ring.platform);
}

uint16_t
pvq_txq_write(struct pvq_txq *q, struct rte_mbuf **pkts, uint16_t n, struct pvq_tx_sum *sum)
{
	return pvq_tx_write_body(q, pkts, n, q->mode.in_order, q->mode.bus, sum);
}

uint16_t
pvq_txq_reclaim(struct pvq_txq *q, uint16_t max, bool in_order)
{
	return pvq_tx_reclaim_body(q, max, in_order, q->ring.platform);
}
