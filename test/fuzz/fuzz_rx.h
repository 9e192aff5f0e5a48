/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef FUZZ_RX_H
#define FUZZ_RX_H

/** @file Target rx: the queue and what is known of it, and the device's steps. */

#include "fuzz_ring.h"

/** Bytes behind the headroom of the pool's mbufs. */
#define FUZZ_RX_DATA 100
#define HELD_MAX 512u

struct fuzz_rx {
	struct fuzz_in in;
	struct pvq_rxq *q;
	const struct pvq_path *path;
	struct pvq_queue_mode mode;
	enum pvq_isa isa;
	struct pvq_cursor seen; /* what was posted before this place has been checked */
	uint64_t hash;          /* of the ring when it was closed by an error */
	uint64_t packets;       /* that the application got or that were dropped with a ring */
	bool named[FUZZ_SIZE_MAX]; /* ids in used descriptors that are not harvested */
	struct rte_mbuf *held[HELD_MAX];
	unsigned int nb_held;
	struct rte_mbuf *starved[HELD_MAX]; /* taken from the pool */
	unsigned int nb_starved;
};

/** Where the device goes on: behind what is used and not harvested. Fills in e->named. */
struct fuzz_place
fuzz_rx_place(struct fuzz_rx *e);

/** Write a header into a buffer that the device holds, all zero but for num_buffers. */
void
fuzz_rx_header(struct rte_mbuf *m, uint16_t num_buffers);

/**
 * A step of the device.
 *
 * @param op
 *   3 to 11 in the lower four bits.
 */
void
fuzz_rx_device(struct fuzz_rx *e, uint8_t op);

#endif /* FUZZ_RX_H */
