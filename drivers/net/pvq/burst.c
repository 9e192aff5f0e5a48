/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_lcore.h>

#include "burst.h"
#include "burst_scalar.h"

/* These flags only describe the packet; all others of the mask ask for something. */
#define OFFLOAD_REQUESTS \
	(RTE_MBUF_F_TX_OFFLOAD_MASK & \
	 ~(RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_OUTER_IPV4 | \
	   RTE_MBUF_F_TX_OUTER_IPV6 | RTE_MBUF_F_TX_TUNNEL_MASK))

const struct pvq_path pvq_rx_paths[PVQ_PATH_COUNT] = {
	[0] = {"scalar", pvq_rx_scalar},
	[PVQ_PATH_IN_ORDER] = {"scalar, in-order", pvq_rx_scalar_in_order},
	[PVQ_PATH_MERGEABLE] = {"scalar, mergeable", pvq_rx_scalar_merge},
	[PVQ_PATH_IN_ORDER | PVQ_PATH_MERGEABLE] = {"scalar, in-order, mergeable",
						    pvq_rx_scalar_in_order_merge},
};

const struct pvq_path pvq_tx_paths[PVQ_PATH_COUNT] = {
	[0] = {"scalar", pvq_tx_scalar},
	[PVQ_PATH_IN_ORDER] = {"scalar, in-order", pvq_tx_scalar_in_order},
};

int
pvq_isa_parse(const char *name, enum pvq_isa *isa)
{
	if (strcmp(name, "auto") == 0)
		*isa = PVQ_ISA_AUTO;
	else if (strcmp(name, "scalar") == 0)
		*isa = PVQ_ISA_SCALAR;
	else
		return -EINVAL;
	return 0;
}

static uint16_t
path_of(bool in_order, enum pvq_isa isa)
{
	if (isa == PVQ_ISA_AUTO)
		isa = PVQ_ISA_SCALAR;
	return isa << PVQ_PATH_ISA_SHIFT | (in_order ? PVQ_PATH_IN_ORDER : 0);
}

uint16_t
pvq_rx_path(const struct pvq_queue_mode *mode, enum pvq_isa isa)
{
	return path_of(mode->in_order, isa) | (mode->mergeable ? PVQ_PATH_MERGEABLE : 0);
}

uint16_t
pvq_tx_path(const struct pvq_queue_mode *mode, enum pvq_isa isa)
{
	return path_of(mode->in_order, isa);
}

/* The first burst after set-up tells who polls: only now can the lcore's node be compared. */
static void
note_lcore(struct pvq_vq *vq, struct pvq_gate *gate)
{
	vq->lcore = rte_lcore_id();
	if (vq->lcore != LCORE_ID_ANY && vq->node >= 0 &&
	    rte_lcore_to_socket_id(vq->lcore) != (unsigned int)vq->node)
		vq->numa_mismatches++;
	pvq_gate_clear(gate, PVQ_GATE_NEW);
}

/* The control path may have closed the gate again meanwhile, so it is asked once more. */
static uint16_t
deliver_stash(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t nb = 0;

	if ((pvq_gate_enter(&q->gate) & PVQ_GATE_CLOSED) == 0)
		nb = pvq_rxq_unstash(q, pkts, n);
	pvq_gate_leave(&q->gate);
	return nb;
}

uint16_t
pvq_rx_burst_odd(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n, uint32_t state)
{
	if (state & PVQ_GATE_CLOSED)
		return 0;
	if (state & PVQ_GATE_NEW)
		note_lcore(&q->vq, &q->gate);
	if (state & PVQ_GATE_STASH)
		return deliver_stash(q, pkts, n);
	return pvq_rx_paths[pvq_gate_path(state)].burst(q, pkts, n);
}

uint16_t
pvq_tx_burst_odd(struct pvq_txq *q, struct rte_mbuf **pkts, uint16_t n, uint32_t state)
{
	if (state & PVQ_GATE_CLOSED)
		return 0;
	if (state & PVQ_GATE_NEW)
		note_lcore(&q->vq, &q->gate);
	return pvq_tx_paths[pvq_gate_path(state)].burst(q, pkts, n);
}

uint16_t
pvq_tx_burst_mt(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct pvq_txq *first = queue;
	const unsigned int lcore = RTE_MIN(rte_lcore_id(), (unsigned int)RTE_MAX_LCORE);
	struct pvq_txq *q = first->by_lcore != NULL ? first->by_lcore[lcore] : first;
	const uint16_t path = pvq_gate_path(pvq_gate_state(&q->gate));
	uint16_t done;

	if (likely(!q->shared))
		return pvq_tx_paths[path].burst(q, pkts, n);
	/* More lcores than queue pairs, or a thread that EAL does not know. */
	rte_spinlock_lock(&q->lock);
	done = pvq_tx_paths[path].burst(q, pkts, n);
	rte_spinlock_unlock(&q->lock);
	return done;
}

uint16_t
pvq_tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct pvq_txq *q = queue;
	uint16_t i;

	for (i = 0; i < n; i++) {
		if (pkts[i]->ol_flags & OFFLOAD_REQUESTS) {
			rte_errno = ENOTSUP;
			break;
		}
		if (pkts[i]->pkt_len == 0 || pkts[i]->pkt_len > q->max_len ||
		    pkts[i]->nb_segs > PVQ_TX_SEGS_MAX) {
			rte_errno = EINVAL;
			break;
		}
	}
	return i;
}
