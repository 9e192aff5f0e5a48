/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * rte_eth_recycle_mbufs as ethdev sees it: sent mbufs become receive buffers without a way through
 * the mempool.
 */

#include "ethdev.h"

#ifdef PVQ_HAS_RECYCLE

uint16_t
pvq_recycle_tx_mbufs(void *queue, struct rte_eth_recycle_rxq_info *info)
{
	struct pvq_txq *q = queue;
	const uint16_t size = info->mbuf_ring_size, head = *info->refill_head;
	/* As ethdev has it: rings whose size is a power of two, and a full one looks empty. */
	const uint16_t room = (uint16_t)(*info->receive_tail - head) & (size - 1);
	const uint16_t most = RTE_MIN(room, size - head);
	const uint16_t exactly = info->refill_requirement;

	/* With MT_LOCKFREE a queue has several rings, and mbufs from all of the port's lcores. */
	if (most == 0 || exactly > most || q->by_lcore != NULL)
		return 0;
	return pvq_txq_recycle(q, info->mp, info->mbuf_ring + head, exactly,
			       exactly != 0 ? exactly : most);
}

void
pvq_recycle_rxq_info_get(struct rte_eth_dev *eth, uint16_t id,
			 struct rte_eth_recycle_rxq_info *info)
{
	struct pvq_rxq *q = eth->data->rx_queues[id];
	/* Others reckon with powers of two; in a ring of one there is never room. */
	const bool can = rte_is_power_of_2(q->vq.size) && pvq_rxq_recycle(q);

	/*
	 * Not the places of the ring, which the control path may change between the two halves of
	 * a call: an array that is filled from its beginning, with room for as many as are free.
	 */
	*info = (struct rte_eth_recycle_rxq_info){
		.mbuf_ring = q->recycled,
		.mp = q->pool,
		.refill_head = &q->recycled_at,
		.receive_tail = &q->ring.nb_free,
		.mbuf_ring_size = can ? q->vq.size : 1,
	};
}

#endif /* PVQ_HAS_RECYCLE */
