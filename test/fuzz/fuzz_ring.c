/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <string.h>

#include "fuzz_ring.h"

static const uint16_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 32, 33, 64, 65, 127, 128};

uint16_t
fuzz_ring_size(uint8_t choice)
{
	return sizes[choice % RTE_DIM(sizes)];
}

enum pvq_isa
fuzz_isa(uint8_t choice)
{
	const enum pvq_isa isa = choice % PVQ_ISA_COUNT;

	return pvq_isa_usable(isa) ? isa : PVQ_ISA_SCALAR;
}

void *
fuzz_block(size_t bytes)
{
	/* Queues lie in EAL's memory, where the leak checker does not look for pointers. */
	static void *blocks[RTE_DIM(sizes) * 8];
	static unsigned int nb_blocks;
	void *block = NULL;

	FUZZ_CHECK(nb_blocks < RTE_DIM(blocks), "too many blocks");
	FUZZ_CHECK(posix_memalign(&block, RTE_CACHE_LINE_SIZE, bytes) == 0, "no memory");
	blocks[nb_blocks++] = block;
	return memset(block, 0, bytes);
}

static void
guard_part(void *mem, size_t from, size_t to, bool guard)
{
	if (guard)
		ASAN_POISON_MEMORY_REGION((char *)mem + from, to - from);
	else
		ASAN_UNPOISON_MEMORY_REGION((char *)mem + from, to - from);
}

void
fuzz_ring_guard(const struct pvq_vq *vq, bool guard)
{
	const size_t end = pvq_ring_bytes(vq->size);
	const size_t device = end - RTE_CACHE_LINE_SIZE, driver = device - RTE_CACHE_LINE_SIZE;

	guard_part(vq->ring_mem, vq->size * sizeof(struct virtq_desc), driver, guard);
	guard_part(vq->ring_mem, driver + sizeof(struct virtq_event), device, guard);
	guard_part(vq->ring_mem, device + sizeof(struct virtq_event), end, guard);
}

struct fuzz_place
fuzz_ring_place(const struct pvq_ring *ring)
{
	return (struct fuzz_place){ring->next_used, ring->used_flags, pvq_ring_outstanding(ring)};
}

void
fuzz_place_add(const struct pvq_ring *ring, struct fuzz_place *at, uint16_t n)
{
	n = RTE_MIN(n, at->left);
	if ((uint32_t)at->slot + n >= ring->size)
		at->used_flags ^= PVQ_LAP_FLAGS;
	at->slot = pvq_ring_slot_add(ring, at->slot, n);
	at->left -= n;
}

void
fuzz_ring_use(struct pvq_ring *ring, const struct fuzz_place *at, uint16_t id, uint32_t len,
	      uint16_t more_flags)
{
	struct virtq_desc *d = &ring->desc[at->slot];

	d->id = rte_cpu_to_le_16(id);
	d->len = rte_cpu_to_le_32(len);
	d->flags = rte_cpu_to_le_16((more_flags & ~PVQ_LAP_FLAGS) | at->used_flags);
}

void
fuzz_ring_scribble(struct pvq_ring *ring, struct fuzz_in *in)
{
	const uint8_t what = fuzz_u8(in);
	uint8_t *to;
	uint8_t i, n;

	if (what % 4 == 0) {
		to = (uint8_t *)ring->device_event;
		n = sizeof(*ring->device_event);
	} else if (what % 16 == 1) {
		to = (uint8_t *)ring->driver_event;
		n = sizeof(*ring->driver_event);
	} else {
		to = (uint8_t *)&ring->desc[fuzz_u8(in) % ring->size];
		/* Often only id and flags, which is where it hurts. */
		to += what % 4 == 2 ? offsetof(struct virtq_desc, len) : 0;
		n = what % 4 == 2 ? 8 : 16;
	}
	for (i = 0; i < n; i++)
		to[i] = fuzz_u8(in);
}

uint32_t
fuzz_near(struct fuzz_in *in, uint32_t limit)
{
	const uint8_t how = fuzz_u8(in);

	switch (how & 7) {
	case 0:
		return limit;
	case 1:
		return limit - 1;
	case 2:
		return limit + 1;
	case 3:
		return fuzz_u32(in);
	case 4:
		return UINT32_MAX - (how >> 3);
	case 5:
		return fuzz_u16(in);
	default:
		return limit != 0 ? fuzz_u16(in) % limit : how >> 3;
	}
}

void
fuzz_ring_check(const struct pvq_ring *ring, const struct pvq_vq *vq, const struct pvq_gate *gate,
		uint64_t queue_errors)
{
	const bool closed = (pvq_gate_state(gate) & PVQ_GATE_ERROR) != 0;

	FUZZ_CHECK(ring->size == vq->size, "%u", ring->size);
	FUZZ_CHECK(ring->nb_free <= ring->size, "%u of %u", ring->nb_free, ring->size);
	FUZZ_CHECK(ring->next_avail < ring->size && ring->next_used < ring->size, "%u %u",
		   ring->next_avail, ring->next_used);
	FUZZ_CHECK(pvq_ring_slot_add(ring, ring->next_used, pvq_ring_outstanding(ring)) ==
			   ring->next_avail,
		   "%u + %u is not %u", ring->next_used, pvq_ring_outstanding(ring),
		   ring->next_avail);
	FUZZ_CHECK((gate->epoch & 1) == 0, "a burst did not leave");
	FUZZ_CHECK(closed == (vq->error != PVQ_QUEUE_OK), "error %d", vq->error);
	FUZZ_CHECK(!closed || queue_errors != 0, "an error that is not counted");
}

static uint64_t
hash(uint64_t h, const void *data, size_t len)
{
	const uint8_t *at = data;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ at[i]) * 0x100000001b3ull;
	return h;
}

uint64_t
fuzz_ring_hash(const struct pvq_ring *ring)
{
	uint64_t h = hash(0xcbf29ce484222325ull, ring->desc, ring->size * sizeof(ring->desc[0]));

	h = hash(h, ring->driver_event, sizeof(*ring->driver_event));
	return hash(h, ring->device_event, sizeof(*ring->device_event));
}
