/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file rte_eth_recycle_mbufs, the transmit queue's part. The receive queue's is in burst_rx.h. */

#include "kernel_scalar.h"
#include "notify.h"

#include "burst_tx.h"

uint16_t
pvq_txq_recycle(struct pvq_txq *q, const struct rte_mempool *pool, struct rte_mbuf **to,
		uint16_t least, uint16_t most)
{
	const uint32_t state = pvq_gate_enter(&q->gate);
	uint16_t n = 0, start, first, more;

	if (unlikely((state & PVQ_GATE_CLOSED) != 0 || q->nb_special != 0 || q->pool != pool))
		goto out;
	if (pvq_gate_path(state) & PVQ_PATH_IN_ORDER) {
		start = q->ring.next_used;
		n = pvq_tx_take_in_order(q, most, true, q->ring.platform);
		first = RTE_MIN(n, (uint16_t)(q->ring.size - start));
		memcpy(to, &q->shadow[start], first * sizeof(to[0]));
		memcpy(to + first, q->shadow, (n - first) * sizeof(to[0]));
	} else {
		do {
			more = pvq_tx_take_plain(q, to + n, most - n, q->ring.platform);
			n += more;
		} while (more != 0 && n < most && q->vq.error == PVQ_QUEUE_OK);
	}
	q->stats.reclaimed += n;
	if (unlikely(n < least)) {
		rte_mempool_put_bulk(q->pool, (void **)to, n);
		n = 0;
	}
	q->stats.recycled += n;
out:
	pvq_gate_leave(&q->gate);
	return n;
}
