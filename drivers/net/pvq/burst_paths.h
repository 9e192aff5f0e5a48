/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_BURST_PATHS_H
#define PVQ_BURST_PATHS_H

/**
 * @file
 * The burst functions that the table in burst.c consists of: for each instruction set one for
 * every combination of what can be negotiated.
 */

#include "burst.h"

#define PVQ_DECLARE_RX(name) \
	uint16_t name##_some(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n); \
	uint16_t name(void *queue, struct rte_mbuf **pkts, uint16_t n); \
	void name##_recycle(void *queue, uint16_t n)

#define PVQ_DECLARE_BUS(paths) \
	PVQ_DECLARE_RX(pvq_rx_##paths); \
	PVQ_DECLARE_RX(pvq_rx_##paths##_in_order); \
	PVQ_DECLARE_RX(pvq_rx_##paths##_merge); \
	PVQ_DECLARE_RX(pvq_rx_##paths##_in_order_merge); \
	uint16_t pvq_tx_##paths(void *queue, struct rte_mbuf **pkts, uint16_t n); \
	uint16_t pvq_tx_##paths##_in_order(void *queue, struct rte_mbuf **pkts, uint16_t n)

#define PVQ_DECLARE_PATHS(isa) \
	PVQ_DECLARE_BUS(isa); \
	PVQ_DECLARE_BUS(isa##_iova); \
	PVQ_DECLARE_BUS(isa##_platform)

PVQ_DECLARE_PATHS(scalar);

#ifdef RTE_ARCH_X86_64
PVQ_DECLARE_PATHS(avx2);
PVQ_DECLARE_PATHS(avx512);
#endif

#define PVQ_DEFINE_RX(name, path, few) \
	__rte_noinline uint16_t name##_some(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n) \
	{ \
		return pvq_rx_some_body(q, pkts, n, path); \
	} \
	uint16_t name(void *queue, struct rte_mbuf **pkts, uint16_t n) \
	{ \
		return pvq_rx_burst_body(queue, pkts, n, path, name##_some, few##_some); \
	} \
	void name##_recycle(void *queue, uint16_t n) \
	{ \
		pvq_rx_recycle_body(queue, n, path); \
	}

#define PVQ_DEFINE_TX(name, path) \
	uint16_t name(void *queue, struct rte_mbuf **pkts, uint16_t n) \
	{ \
		return pvq_tx_burst_body(queue, pkts, n, path); \
	}

#define PVQ_DEFINE_BUS(paths, few, number, bits) \
	PVQ_DEFINE_RX(pvq_rx_##paths, PVQ_PATH(number, bits), pvq_rx_##few) \
	PVQ_DEFINE_RX(pvq_rx_##paths##_in_order, PVQ_PATH(number, (bits) | PVQ_PATH_IN_ORDER), \
		      pvq_rx_##few##_in_order) \
	PVQ_DEFINE_RX(pvq_rx_##paths##_merge, PVQ_PATH(number, (bits) | PVQ_PATH_MERGEABLE), \
		      pvq_rx_##few##_merge) \
	PVQ_DEFINE_RX(pvq_rx_##paths##_in_order_merge, \
		      PVQ_PATH(number, (bits) | PVQ_PATH_IN_ORDER | PVQ_PATH_MERGEABLE), \
		      pvq_rx_##few##_in_order_merge) \
	PVQ_DEFINE_TX(pvq_tx_##paths, PVQ_PATH(number, bits)) \
	PVQ_DEFINE_TX(pvq_tx_##paths##_in_order, PVQ_PATH(number, (bits) | PVQ_PATH_IN_ORDER))

/** All functions of one instruction set, whose number is @p number. */
#define PVQ_DEFINE_PATHS(isa, number) \
	PVQ_DEFINE_BUS(isa, scalar, number, PVQ_PATH_BUS(PVQ_BUS_VIRTUAL)) \
	PVQ_DEFINE_BUS(isa##_iova, scalar_iova, number, PVQ_PATH_BUS(PVQ_BUS_IOVA)) \
	PVQ_DEFINE_BUS(isa##_platform, scalar_platform, number, PVQ_PATH_BUS(PVQ_BUS_PLATFORM))

#endif /* PVQ_BURST_PATHS_H */
