/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_BURST_H
#define PVQ_BURST_H

/**
 * @file
 * The table of data paths and the choice among them. A path is an instruction set and what was
 * negotiated; each has its own burst function, made from one template (burst_rx.h, burst_tx.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "queue.h"

enum pvq_isa {
	PVQ_ISA_SCALAR,
	PVQ_ISA_AVX2,
	PVQ_ISA_AVX512,
	PVQ_ISA_COUNT,
	PVQ_ISA_AUTO = PVQ_ISA_COUNT,
};

/* A path's number: what was negotiated and how, the instruction set above that. */
#define PVQ_PATH_IN_ORDER (1u << 0)
#define PVQ_PATH_MERGEABLE (1u << 1) /* receive only */
#define PVQ_PATH_BUS(bus) ((unsigned int)(bus) << 2)
#define PVQ_PATH_ISA_SHIFT 4
#define PVQ_PATH(isa, negotiated) ((uint16_t)((isa) << PVQ_PATH_ISA_SHIFT | (negotiated)))
#define PVQ_PATH_COUNT (PVQ_ISA_COUNT << PVQ_PATH_ISA_SHIFT)

/** How the device of a path sees memory. */
static __rte_always_inline enum pvq_bus
pvq_path_bus(const uint16_t path)
{
	return path >> 2 & 3;
}

typedef uint16_t (*pvq_burst_t)(void *queue, struct rte_mbuf **pkts, uint16_t n);
/** rte_eth_recycle_mbufs, the receive queue's part: @p n mbufs are in the queue's recycled. */
typedef void (*pvq_recycle_t)(void *queue, uint16_t n);

struct pvq_path {
	const char *name; /**< as burst mode info shows it */
	pvq_burst_t burst;
	pvq_recycle_t recycle; /**< receive paths only */
};

/** Receive and transmit paths by number. Function addresses are those of this process. */
extern const struct pvq_path pvq_rx_paths[PVQ_PATH_COUNT];
extern const struct pvq_path pvq_tx_paths[PVQ_PATH_COUNT];

/**
 * Choose the paths for what was negotiated.
 *
 * @param isa
 *   What the user forces, or PVQ_ISA_AUTO for the best that the processor and EAL's SIMD width
 *   allow.
 */
uint16_t
pvq_rx_path(const struct pvq_queue_mode *mode, enum pvq_isa isa);
uint16_t
pvq_tx_path(const struct pvq_queue_mode *mode, enum pvq_isa isa);

/** Whether this processor and this build can run the paths of @p isa; not AUTO. */
bool
pvq_isa_usable(enum pvq_isa isa);

/** Name of an instruction set as devarg isa= has it; not AUTO. */
const char *
pvq_isa_name(enum pvq_isa isa);

/** Read the value of devarg isa=. @return 0, or -EINVAL when @p name is not in PVQ_ISA_NAMES. */
int
pvq_isa_parse(const char *name, enum pvq_isa *isa);

/** The values pvq_isa_parse() knows, for messages. */
#define PVQ_ISA_NAMES "auto, scalar, avx2, avx512"

/** rte_eth_tx_burst of a queue that may have several rings: picks the calling lcore's. */
uint16_t
pvq_tx_burst_mt(void *queue, struct rte_mbuf **pkts, uint16_t n);

/** rte_eth_tx_prepare: refuses what the device was not asked to support. */
uint16_t
pvq_tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n);

/**
 * What becomes of a burst whose function did not find its own gate open: nothing while the gate is
 * closed; otherwise note the polling lcore, deliver the stash, or go to the right function.
 * Called outside the gate.
 *
 * @param state
 *   What pvq_gate_enter() returned.
 * @return
 *   Packets received or sent.
 */
uint16_t
pvq_rx_burst_odd(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n, uint32_t state);
uint16_t
pvq_tx_burst_odd(struct pvq_txq *q, struct rte_mbuf **pkts, uint16_t n, uint32_t state);

#endif /* PVQ_BURST_H */
