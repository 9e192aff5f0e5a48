/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_BURST_SCALAR_H
#define PVQ_BURST_SCALAR_H

/** @file Burst functions in portable code; entries of the table in burst.c. */

#include <stdint.h>

struct rte_mbuf;

uint16_t
pvq_rx_scalar(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t
pvq_rx_scalar_in_order(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t
pvq_rx_scalar_merge(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t
pvq_rx_scalar_in_order_merge(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t
pvq_tx_scalar(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t
pvq_tx_scalar_in_order(void *queue, struct rte_mbuf **pkts, uint16_t n);

#endif /* PVQ_BURST_SCALAR_H */
