/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>

#include <rte_cpuflags.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_vect.h>

#include "burst.h"
#include "burst_paths.h"

/* These flags only describe the packet; all others of the mask ask for something. */
#define OFFLOAD_REQUESTS \
	(RTE_MBUF_F_TX_OFFLOAD_MASK & \
	 ~(RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_OUTER_IPV4 | \
	   RTE_MBUF_F_TX_OUTER_IPV6 | RTE_MBUF_F_TX_TUNNEL_MASK))

#define RX_PATH(text, name) {text, name, name##_recycle}

#define RX_BUS(paths, number, bits, text) \
	[PVQ_PATH(number, bits)] = RX_PATH(text, pvq_rx_##paths), \
	[PVQ_PATH(number, (bits) | PVQ_PATH_IN_ORDER)] = \
		RX_PATH(text ", in-order", pvq_rx_##paths##_in_order), \
	[PVQ_PATH(number, (bits) | PVQ_PATH_MERGEABLE)] = \
		RX_PATH(text ", mergeable", pvq_rx_##paths##_merge), \
	[PVQ_PATH(number, (bits) | PVQ_PATH_IN_ORDER | PVQ_PATH_MERGEABLE)] = \
		RX_PATH(text ", in-order, mergeable", pvq_rx_##paths##_in_order_merge)

#define TX_BUS(paths, number, bits, text) \
	[PVQ_PATH(number, bits)] = {text, pvq_tx_##paths, NULL}, \
	[PVQ_PATH(number, (bits) | PVQ_PATH_IN_ORDER)] = \
		{text ", in-order", pvq_tx_##paths##_in_order, NULL}

#define RX_PATHS(isa, number, text) \
	RX_BUS(isa, number, PVQ_PATH_BUS(PVQ_BUS_VIRTUAL), text), \
	RX_BUS(isa##_iova, number, PVQ_PATH_BUS(PVQ_BUS_IOVA), text ", IOVA"), \
	RX_BUS(isa##_platform, number, PVQ_PATH_BUS(PVQ_BUS_PLATFORM), text ", IOVA, platform")

#define TX_PATHS(isa, number, text) \
	TX_BUS(isa, number, PVQ_PATH_BUS(PVQ_BUS_VIRTUAL), text), \
	TX_BUS(isa##_iova, number, PVQ_PATH_BUS(PVQ_BUS_IOVA), text ", IOVA"), \
	TX_BUS(isa##_platform, number, PVQ_PATH_BUS(PVQ_BUS_PLATFORM), text ", IOVA, platform")

const struct pvq_path pvq_rx_paths[PVQ_PATH_COUNT] = {
	RX_PATHS(scalar, PVQ_ISA_SCALAR, "scalar"),
#ifdef RTE_ARCH_X86_64
	RX_PATHS(avx2, PVQ_ISA_AVX2, "AVX2"),
	RX_PATHS(avx512, PVQ_ISA_AVX512, "AVX-512"),
#endif
};

const struct pvq_path pvq_tx_paths[PVQ_PATH_COUNT] = {
	TX_PATHS(scalar, PVQ_ISA_SCALAR, "scalar"),
#ifdef RTE_ARCH_X86_64
	TX_PATHS(avx2, PVQ_ISA_AVX2, "AVX2"),
	TX_PATHS(avx512, PVQ_ISA_AVX512, "AVX-512"),
#endif
};

static const char *const isa_names[PVQ_ISA_COUNT + 1] = {
	[PVQ_ISA_SCALAR] = "scalar",
	[PVQ_ISA_AVX2] = "avx2",
	[PVQ_ISA_AVX512] = "avx512",
	[PVQ_ISA_AUTO] = "auto",
};

int
pvq_isa_parse(const char *name, enum pvq_isa *isa)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(isa_names); i++) {
		if (strcmp(name, isa_names[i]) == 0) {
			*isa = i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *
pvq_isa_name(enum pvq_isa isa)
{
	return isa_names[isa];
}

bool
pvq_isa_usable(enum pvq_isa isa)
{
	switch (isa) {
	case PVQ_ISA_SCALAR:
		return true;
#ifdef RTE_ARCH_X86_64
	case PVQ_ISA_AVX2:
		return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) == 1;
	case PVQ_ISA_AVX512:
		return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F) == 1 &&
		       rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512BW) == 1 &&
		       rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512DQ) == 1 &&
		       rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) == 1;
#endif
	default:
		return false;
	}
}

/* The widest that the processor has and EAL's --force-max-simd-bitwidth lets drivers use. */
static enum pvq_isa
isa_auto(void)
{
	const uint16_t width = rte_vect_get_max_simd_bitwidth();

	if (width >= RTE_VECT_SIMD_512 && pvq_isa_usable(PVQ_ISA_AVX512))
		return PVQ_ISA_AVX512;
	if (width >= RTE_VECT_SIMD_256 && pvq_isa_usable(PVQ_ISA_AVX2))
		return PVQ_ISA_AVX2;
	return PVQ_ISA_SCALAR;
}

static uint16_t
path_of(const struct pvq_queue_mode *mode, enum pvq_isa isa)
{
	return PVQ_PATH(isa == PVQ_ISA_AUTO ? isa_auto() : isa,
			(mode->in_order ? PVQ_PATH_IN_ORDER : 0) | PVQ_PATH_BUS(mode->bus));
}

uint16_t
pvq_rx_path(const struct pvq_queue_mode *mode, enum pvq_isa isa)
{
	return path_of(mode, isa) | (mode->mergeable ? PVQ_PATH_MERGEABLE : 0);
}

uint16_t
pvq_tx_path(const struct pvq_queue_mode *mode, enum pvq_isa isa)
{
	return path_of(mode, isa);
}

/* The first burst after set-up tells who polls: only now can the lcore's node be compared. */
static void
note_lcore(struct pvq_vq *vq, struct pvq_gate *gate)
{
	const unsigned int lcore = rte_lcore_id();

	/* Read by other threads at any time. */
	__atomic_store_n(&vq->lcore, lcore, __ATOMIC_RELAXED);
	if (lcore != LCORE_ID_ANY && vq->node >= 0 &&
	    rte_lcore_to_socket_id(lcore) != (unsigned int)vq->node)
		__atomic_store_n(&vq->numa_mismatches, vq->numa_mismatches + 1, __ATOMIC_RELAXED);
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
