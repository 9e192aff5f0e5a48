/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef FUZZ_RING_H
#define FUZZ_RING_H

/**
 * @file
 * The ring of a queue under test: memory with gaps that AddressSanitizer guards, writes of a device
 * that obeys no rule, and what must hold of the ring whatever the device does.
 *
 * The device here knows the driver's indices, so that fuzzing does not have to guess them.
 */

#include "burst.h"
#include "fuzz.h"
#include "queue.h"

/** Largest ring of the targets. */
#define FUZZ_SIZE_MAX 128u

/** A place in the ring that the device writes next. */
struct fuzz_place {
	uint16_t slot;
	uint16_t used_flags; /**< what makes the slot there used */
	uint16_t left;       /**< outstanding slots from there on */
};

/** A ring size for a byte of input: odd, even, and around the kernels' batches. */
uint16_t
fuzz_ring_size(uint8_t choice);

/** The instruction set for a byte of input; the scalar one where the processor has no other. */
enum pvq_isa
fuzz_isa(uint8_t choice);

/** A block of the heap, zeroed, on a cache line of its own: its end is guarded. */
void *
fuzz_block(size_t bytes);

/** Guard the gaps of a ring's memory, or no longer: what initialises a ring writes them too. */
void
fuzz_ring_guard(const struct pvq_vq *vq, bool guard);

/** next_used and what is outstanding from there. */
struct fuzz_place
fuzz_ring_place(const struct pvq_ring *ring);

/** Move @p n slots on, not beyond what is outstanding. */
void
fuzz_place_add(const struct pvq_ring *ring, struct fuzz_place *at, uint16_t n);

/** Write a used descriptor. */
void
fuzz_ring_use(struct pvq_ring *ring, const struct fuzz_place *at, uint16_t id, uint32_t len,
	      uint16_t more_flags);

/** Let the device write bytes of the input somewhere into the ring or its event structures. */
void
fuzz_ring_scribble(struct pvq_ring *ring, struct fuzz_in *in);

/** A value near a limit or any: lengths and ids that come from the input. */
uint32_t
fuzz_near(struct fuzz_in *in, uint32_t limit);

/** Indices and counts are in range; error, gate and counter agree. */
void
fuzz_ring_check(const struct pvq_ring *ring, const struct pvq_vq *vq, const struct pvq_gate *gate,
		uint64_t queue_errors);

/** What is in the ring, to see that nobody writes there after a queue error. */
uint64_t
fuzz_ring_hash(const struct pvq_ring *ring);

#endif /* FUZZ_RING_H */
