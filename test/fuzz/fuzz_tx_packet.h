/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef FUZZ_TX_PACKET_H
#define FUZZ_TX_PACKET_H

/** @file Packets to send, and what has to be in the ring for them. */

#include "fuzz_ring.h"
#include "queue.h"

/** Bytes behind the headroom of the pools' mbufs. */
#define FUZZ_TX_DATA 64u

/** Where packets come from: the first is that of most. */
struct fuzz_tx_pools {
	struct rte_mempool *pool;
	struct rte_mempool *other;
};

/** Make a packet whose kind and lengths come from the input; NULL when the pool has no mbuf. */
struct rte_mbuf *
fuzz_tx_make(const struct fuzz_tx_pools *pools, struct fuzz_in *in);

/** Mbufs that come back when @p m is freed. */
unsigned int
fuzz_tx_mbufs(const struct rte_mbuf *m);

/**
 * Check a list that was made available: the lap's flags in every slot, addresses inside the packet,
 * a header of zeros, and the length. Of a table as well.
 *
 * @param at
 *   The head's place; moved past the list.
 * @return
 *   Slots.
 */
uint16_t
fuzz_tx_check_list(const struct pvq_txq *q, struct pvq_cursor *at, bool in_order);

/**
 * List the buffer ids that are outstanding: oldest first with IN_ORDER, ascending without.
 *
 * @param[out] ids
 *   FUZZ_SIZE_MAX at most.
 * @return
 *   How many.
 */
uint16_t
fuzz_tx_ids(const struct pvq_txq *q, bool in_order, uint16_t *ids);

/** Outstanding packets besides those that were @p pkts under the ids @p ids. */
unsigned int
fuzz_tx_count_new(const struct pvq_txq *q, bool in_order, const uint16_t *ids,
		  struct rte_mbuf *const *pkts, uint16_t n);

#endif /* FUZZ_TX_PACKET_H */
