/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef UNIT_EAL_H
#define UNIT_EAL_H

/**
 * @file
 * What unit tests need of DPDK: EAL without hugepages, mempools that are checked for leaks, mbufs
 * of every kind with contents that can be told apart, and a map of the memory a device may touch.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "burst.h"
#include "packed_device.h"

/** Port that the tests' queues belong to; its notification table is open. */
#define UNIT_PORT 3

/** Group fixtures: EAL once per program. */
int
unit_eal_start(void **state);
int
unit_eal_stop(void **state);

/**
 * The instruction set that queues are tested on: PVQ_TEST_ISA in the environment, named as by devarg
 * isa=, or the scalar one. Skips the test on a processor without it.
 */
enum pvq_isa
unit_isa(void);

/* ---- mempools ------------------------------------------------------------------------------- */

/**
 * A pool of @p n mbufs without cache, with @p data bytes behind the headroom. The fields that a
 * driver has to set are full of junk.
 */
struct rte_mempool *
unit_pool_create(unsigned int n, uint16_t data);

/** Give each mbuf of a pool its neighbour's buffer; the number of mbufs is even. */
void
unit_pool_move_buffers(struct rte_mempool *pool);

/** Put junk into whatever a received mbuf must have set; what a free mbuf guarantees stays. */
void
unit_mbuf_spoil(struct rte_mbuf *m);

/** Free a packet, its mbufs full of junk for their next user. */
void
unit_mbuf_free(struct rte_mbuf *m);

/** All mbufs are back. */
#define unit_assert_pool_whole(pool) assert_int_equal(rte_mempool_in_use_count(pool), 0)

/* ---- contents ------------------------------------------------------------------------------- */

/** Fill @p len bytes that stand at offset @p off of the packet with number @p seed. */
void
unit_fill(void *data, uint32_t len, uint32_t seed, uint32_t off);

/** Whether bytes are those unit_fill() writes. */
bool
unit_matches(const void *data, uint32_t len, uint32_t seed, uint32_t off);

/** Whether an mbuf chain carries packet @p seed, pkt_len included. */
bool
unit_mbuf_matches(const struct rte_mbuf *m, uint32_t seed, uint32_t len);

/** Next value of a small generator; any state will do. */
uint32_t
unit_random(uint32_t *state);

/* ---- mbufs; NULL when the pool is empty ------------------------------------------------------ */

/** One segment with the given headroom and length, filled from offset 0 of packet @p seed. */
struct rte_mbuf *
unit_mbuf(struct rte_mempool *pool, uint16_t headroom, uint16_t len, uint32_t seed);

/** A packet of @p n segments with lengths @p lens, any of which may be 0. */
struct rte_mbuf *
unit_mbuf_chain(struct rte_mempool *pool, const uint16_t *lens, uint16_t n, uint32_t seed);

/** An indirect mbuf over data that it alone refers to: RTE_MBUF_CLONED. */
struct rte_mbuf *
unit_mbuf_clone(struct rte_mempool *pool, uint16_t len, uint32_t seed);

/** Memory outside any pool, to attach mbufs to. */
struct unit_external {
	uint8_t bytes[2048];
	struct rte_mbuf_ext_shared_info shared;
	unsigned int freed; /**< times that the last reference went away */
};

/** An mbuf over @p ext, whose data begin @p headroom bytes into it. */
struct rte_mbuf *
unit_mbuf_external(struct rte_mempool *pool, struct unit_external *ext, uint16_t headroom,
		   uint16_t len, uint32_t seed);

/* ---- memory that the device may touch ------------------------------------------------------- */

/** Address ranges; a device address outside all of them is a violation (PR-15). */
struct unit_memory {
	struct {
		uintptr_t start;
		uintptr_t end;
	} range[64];
	unsigned int n;
};

/** How the device sees memory: PVQ_TEST_BUS is "iova", "platform", or not there. */
enum pvq_bus
unit_bus(void);

/** How far IOVAs are from virtual addresses: 0 where the device uses these. */
#define UNIT_IOVA_SHIFT 0x5a0000000000ull
uint64_t
unit_iova_shift(void);

void
unit_memory_add(struct unit_memory *memory, const void *start, size_t len);

void
unit_memory_add_pool(struct unit_memory *memory, struct rte_mempool *pool);

/** A pd_translate_t; @p arg is a struct unit_memory. */
void *
unit_translate(void *arg, uint64_t addr, uint32_t *len, enum pd_access access);

/**
 * Whether the driver is to notify of @p n slots published from @p base on (pd_base()): it must, or
 * the event is late and news.
 *
 * @param seen
 *   In and out: the event at the last look.
 */
bool
unit_must_notify(uint32_t size, uint32_t base, uint32_t n, uint32_t event, bool event_idx,
		 uint32_t *seen);

/* ---- notifications --------------------------------------------------------------------------- */

/** Notifications that virtqueue @p vq of UNIT_PORT got since the last call. */
uint64_t
unit_notifications(uint16_t vq);

#endif /* UNIT_EAL_H */
