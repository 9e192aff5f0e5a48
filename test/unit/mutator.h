/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef UNIT_MUTATOR_H
#define UNIT_MUTATOR_H

/**
 * @file
 * A thread that rewrites what a device may write, without pause and without sense, while the driver
 * works on it (HD-12 to HD-14); and mbufs that tell whether they were handed out twice.
 */

#include "eal.h"
#include "ring.h"

struct mutator;

/** What a mutator changes; all of it is the device's to write. */
struct mutator_target {
	const struct pvq_ring *ring;
	uint32_t capacity;          /**< lengths are about this one; 0 for any */
	uint8_t **headers;          /**< of posted buffers, to be changed too; may be NULL */
	unsigned int nb_headers;
	struct virtq_desc *tables;  /**< indirect tables; may be NULL */
	unsigned int nb_entries;
};

/** Start the thread; on return it is at work. Not more than one at a time. */
struct mutator *
mutator_start(const struct mutator_target *target, uint32_t seed);

/** Changes made so far. */
uint64_t
mutator_changes(const struct mutator *m);

/** End it. */
void
mutator_stop(struct mutator *m);

/** An mbuf is now the application's: fails when it is so already. */
void
mutator_own(struct rte_mbuf *m);

/** Give a packet back, each mbuf once. */
void
mutator_free(struct rte_mbuf *m);

/** Every mbuf of the pool is in it, exactly once. */
void
mutator_assert_pool(struct rte_mempool *pool);

#endif /* UNIT_MUTATOR_H */
