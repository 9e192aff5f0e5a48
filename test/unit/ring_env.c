/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdlib.h>
#include <string.h>

#include "eal.h"
#include "ring_env.h"

#define GUARD 64u
#define GUARD_BYTE 0xa5

const uint16_t ring_sizes[] = {1, 2, 3, 5, 7, 255, 256, 257, 1024, 32767, 32768};
const unsigned int ring_nb_sizes = RTE_DIM(ring_sizes);

static void
release(struct ring_env *e)
{
	pd_destroy(e->dev);
	free(e->block);
	free(e->live);
	free(e->slots);
	memset(e, 0, sizeof(*e));
}

void
ring_open(struct ring_env *e, uint16_t size, enum pd_dir dir, bool in_order, bool event_idx)
{
	const size_t bytes = pvq_ring_bytes(size);
	struct pd_config cfg = {
		.size = size,
		.dir = dir,
		.in_order = in_order,
		.event_idx = event_idx,
		.poison = true,
	};

	release(e);
	/* pvq_ring_init() is to clear what it finds. */
	e->block = aligned_alloc(RTE_CACHE_LINE_SIZE,
				 RTE_ALIGN_CEIL(bytes + 2 * GUARD, RTE_CACHE_LINE_SIZE));
	assert_non_null(e->block);
	memset(e->block, GUARD_BYTE, bytes + 2 * GUARD);
	pvq_ring_init(&e->ring, e->block + GUARD, size, event_idx,
		      unit_bus() == PVQ_BUS_PLATFORM);
	e->in_order = in_order;
	e->live = calloc(size, sizeof(e->live[0]));
	e->slots = calloc(size, sizeof(e->slots[0]));
	cfg.desc = e->ring.desc;
	cfg.driver_event = e->ring.driver_event;
	cfg.device_event = e->ring.device_event;
	e->dev = pd_create(&cfg);
	assert_non_null(e->dev);
	assert_non_null(e->live);
	assert_non_null(e->slots);
}

void
ring_close(struct ring_env *e)
{
	const size_t bytes = pvq_ring_bytes(e->ring.size);
	unsigned int i;

	for (i = 0; i < GUARD; i++) {
		assert_int_equal(e->block[i], GUARD_BYTE);
		assert_int_equal(e->block[GUARD + bytes + i], GUARD_BYTE);
	}
	assert_string_equal(pd_violations_text(e->dev), "");
	release(e);
}

static uint16_t
free_id(struct ring_env *e, uint16_t slot)
{
	uint16_t id;

	if (e->in_order)
		return slot;
	while (e->live[e->next_id])
		e->next_id = (e->next_id + 1) % e->ring.size;
	id = e->next_id;
	e->next_id = (e->next_id + 1) % e->ring.size;
	return id;
}

uint16_t
ring_write_list(struct ring_env *e, struct pvq_cursor *at, uint16_t len, uint16_t head)
{
	const uint16_t dir = pd_get_config(e->dev)->dir == PD_RX ? VIRTQ_DESC_F_WRITE : 0;
	const uint16_t id = free_id(e, at->slot);
	uint16_t head_flags = 0, i;

	e->live[id] = true;
	e->slots[id] = len;
	for (i = 0; i < len; i++) {
		uint16_t flags = at->flags | dir | (i + 1 < len ? VIRTQ_DESC_F_NEXT : 0);

		pvq_ring_write(&e->ring, at->slot, (uintptr_t)e->data, sizeof(e->data), id);
		if (at->slot == head)
			head_flags = flags;
		else
			e->ring.desc[at->slot].flags = rte_cpu_to_le_16(flags);
		pvq_cursor_next(&e->ring, at);
	}
	return head_flags;
}

unsigned int
ring_post(struct ring_env *e, const uint16_t *lens, unsigned int n)
{
	struct pvq_cursor at = pvq_ring_cursor(&e->ring);
	uint16_t head_flags = 0, total = 0;
	unsigned int i;

	for (i = 0; i < n && total + lens[i] <= e->ring.nb_free; i++) {
		head_flags |= ring_write_list(e, &at, lens[i], e->ring.next_avail);
		total += lens[i];
	}
	if (total != 0)
		pvq_ring_publish(&e->ring, head_flags, at, total, e->ring.platform);
	return i;
}

unsigned int
ring_post_singles(struct ring_env *e, unsigned int n)
{
	struct pvq_cursor at = pvq_ring_cursor(&e->ring);
	uint16_t head_flags = 0;
	unsigned int i;

	for (i = 0; i < n && i < e->ring.nb_free; i++)
		head_flags |= ring_write_list(e, &at, 1, e->ring.next_avail);
	if (i != 0)
		pvq_ring_publish(&e->ring, head_flags, at, i, e->ring.platform);
	return i;
}

unsigned int
ring_take_used(struct ring_env *e)
{
	struct pvq_ring *ring = &e->ring;
	unsigned int n = 0;

	while (ring->nb_free != ring->size &&
	       pvq_flags_used(pvq_ring_used_load(ring, ring->next_used, ring->platform), ring->used_flags)) {
		uint16_t id = rte_le_to_cpu_16(ring->desc[ring->next_used].id);

		assert_true(id < ring->size);
		assert_true(e->live[id]);
		if (!e->in_order) {
			e->live[id] = false;
			pvq_ring_take(ring, e->slots[id]);
			n++;
			continue;
		}
		/* A batch: every list from here up to the one that is named. */
		for (;;) {
			uint16_t first = ring->next_used;

			assert_true(e->live[first]);
			e->live[first] = false;
			pvq_ring_take(ring, e->slots[first]);
			n++;
			if (first == id)
				break;
		}
	}
	return n;
}
