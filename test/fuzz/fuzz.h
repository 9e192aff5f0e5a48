/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef FUZZ_H
#define FUZZ_H

/**
 * @file
 * What the fuzz targets share: the input as a stream, EAL, and mempools that know where each mbuf
 * is. One thread. A breach of what the driver owes ends the process, as a sanitizer would.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <sanitizer/asan_interface.h>

/** Port that the queues of ring targets belong to; its notification table is open. */
#define FUZZ_PORT 3

/** End the process with a message unless @p cond holds. */
#define FUZZ_CHECK(cond, fmt, ...) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s: " fmt "\n", __FILE__, __LINE__, #cond, \
				##__VA_ARGS__); \
			abort(); \
		} \
	} while (0)

/* ---- input ---------------------------------------------------------------------------------- */

/** What libFuzzer gave us and has not been read. At its end every number is 0. */
struct fuzz_in {
	const uint8_t *at;
	const uint8_t *end;
};

static inline uint8_t
fuzz_u8(struct fuzz_in *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static inline uint16_t
fuzz_u16(struct fuzz_in *in)
{
	const uint16_t low = fuzz_u8(in);

	return low | fuzz_u8(in) << 8;
}

static inline uint32_t
fuzz_u32(struct fuzz_in *in)
{
	const uint32_t low = fuzz_u16(in);

	return low | (uint32_t)fuzz_u16(in) << 16;
}

static inline uint64_t
fuzz_u64(struct fuzz_in *in)
{
	const uint64_t low = fuzz_u32(in);

	return low | (uint64_t)fuzz_u32(in) << 32;
}

/* ---- EAL ------------------------------------------------------------------------------------ */

/** libFuzzer's own entry points. */
int
LLVMFuzzerInitialize(int *argc, char ***argv);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Start EAL without hugepages; messages are formatted and go nowhere. */
void
fuzz_eal_start(void);

/* ---- mempools ------------------------------------------------------------------------------- */

/**
 * A pool without cache whose mbufs AddressSanitizer cannot be fooled about: those in the pool are
 * poisoned, with junk in the fields that a driver has to set, and so are the gaps between mbufs.
 * An mbuf that comes back twice, or not as the pool needs it, ends the process.
 *
 * @param room
 *   Bytes of a buffer, headroom included.
 */
struct rte_mempool *
fuzz_pool_create(const char *name, unsigned int n, uint16_t room);

/** Mbufs that are not in the pool. */
unsigned int
fuzz_pool_out(const struct rte_mempool *pool);

/** Whether an mbuf is not in its pool. */
bool
fuzz_is_out(const struct rte_mbuf *m);

/** From now on the application holds @p m, not the driver; fuzz_give() is the way back. */
void
fuzz_take(struct rte_mbuf *m);
void
fuzz_give(struct rte_mbuf *m);

/** Bring back what was lost on purpose: buffers that a hanging device may still write to. */
void
fuzz_pool_recover(struct rte_mempool *pool);

/** While this is set, mbufs that the application holds must not come back. */
extern bool fuzz_in_driver;

/** Call the driver. */
#define FUZZ_DRIVER(call) \
	do { \
		fuzz_in_driver = true; \
		call; \
		fuzz_in_driver = false; \
	} while (0)

#endif /* FUZZ_H */
