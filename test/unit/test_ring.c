/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The ring alone (conformance part A): layout, laps, lists, used detection.
 */

#include <string.h>

#include "ring_env.h"

#define LAPS 4

static struct ring_env env;

static bool
is_used(const struct pvq_ring *ring)
{
	return pvq_flags_used(pvq_ring_used_load(ring, ring->next_used, ring->platform), ring->used_flags);
}

/* What a small generator says, 1 to max. */
static uint16_t
some(uint32_t *state, uint32_t max)
{
	*state = *state * 1664525u + 1013904223u;
	return 1 + (*state >> 8) % max;
}

static void
test_pr01_layout(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		const uint16_t size = ring_sizes[i];
		const char *desc, *driver, *device, *end;

		ring_open(&env, size, PD_TX, false, true);
		desc = (const char *)env.ring.desc;
		driver = (const char *)env.ring.driver_event;
		device = (const char *)env.ring.device_event;
		end = desc + pvq_ring_bytes(size);
		assert_int_equal((uintptr_t)desc % 16, 0);
		assert_int_equal((uintptr_t)driver % 4, 0);
		assert_int_equal((uintptr_t)device % 4, 0);
		/* Nothing overlaps, nothing sticks out. */
		assert_true(driver >= desc + 16u * size && driver + 4 <= end);
		assert_true(device >= desc + 16u * size && device + 4 <= end);
		/* What the device writes never shares a line with what the driver writes. */
		assert_int_not_equal((uintptr_t)driver / RTE_CACHE_LINE_SIZE,
				     (uintptr_t)device / RTE_CACHE_LINE_SIZE);
		assert_true((uintptr_t)device / RTE_CACHE_LINE_SIZE >
			    (uintptr_t)(desc + 16u * size - 1) / RTE_CACHE_LINE_SIZE);
		ring_close(&env);
	}
}

static void
test_pr02_zero_before_first_use(void **state)
{
	static const struct virtq_desc zero;
	unsigned int i, slot;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		ring_open(&env, ring_sizes[i], PD_TX, false, false);
		for (slot = 0; slot < ring_sizes[i]; slot++)
			assert_memory_equal(&env.ring.desc[slot], &zero, sizeof(zero));
		assert_int_equal(env.ring.device_event->off_wrap, 0);
		assert_int_equal(env.ring.device_event->flags, 0);
		/* A polling driver starts with notifications off. */
		assert_int_equal(pd_driver_event(env.dev), (uint32_t)PD_EVENT_DISABLE << 16);
		ring_close(&env);
	}
}

static void
test_pr04_descriptor_is_little_endian_bytes(void **state)
{
	static const uint8_t expected[16] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
					     0xdd, 0xcc, 0xbb, 0xaa, 0x02, 0x01, 0x80, 0x00};
	struct pvq_cursor at;

	(void)state;
	ring_open(&env, 300, PD_TX, false, false);
	at = pvq_ring_cursor(&env.ring);
	pvq_ring_write(&env.ring, at.slot, 0x1122334455667788, 0xaabbccdd, 0x0102);
	at.slot = 1;
	pvq_ring_publish(&env.ring, pvq_ring_cursor(&env.ring).flags, at, 1,
			 env.ring.platform);
	assert_memory_equal(env.ring.desc, expected, sizeof(expected));
	ring_close(&env);
}

/* One size, one mode: post, fetch and use random numbers until the ring has gone round. */
static void
run_laps(uint16_t size, bool in_order, bool lists)
{
	uint32_t seed = size, passed = 0, want;
	uint16_t lens[64];
	unsigned int i, n;

	ring_open(&env, size, PD_TX, in_order, false);
	while (passed < (uint32_t)LAPS * size + 1) {
		uint16_t before = env.ring.nb_free;

		n = some(&seed, RTE_DIM(lens));
		for (i = 0; i < n; i++)
			lens[i] = lists ? some(&seed, RTE_MIN(size, 5)) : 1;
		if (lists || size < 1024)
			n = ring_post(&env, lens, n);
		else
			n = ring_post_singles(&env, some(&seed, size));
		passed += before - env.ring.nb_free;
		/* Everything was published by one store, so all of it is there. */
		assert_int_equal(pd_fetch(env.dev, UINT32_MAX), n);
		assert_false(pd_available(env.dev));
		want = pd_live(env.dev) == 0 ? 0 : some(&seed, pd_live(env.dev));
		if (in_order && want != 0 && some(&seed, 2) == 1) {
			assert_int_equal(pd_complete_batch(env.dev, want, 0), 0);
		} else {
			for (i = 0; i < want; i++)
				pd_complete(env.dev, pd_first(env.dev), 0);
		}
		assert_int_equal(ring_take_used(&env), want);
		assert_false(is_used(&env.ring));
	}
	pd_complete_all(env.dev, PD_FIFO, 0, 0);
	ring_take_used(&env);
	assert_int_equal(env.ring.nb_free, size);
	assert_int_equal(env.ring.next_avail, env.ring.next_used);
	ring_close(&env);
}

static void
test_pr03_pr05_every_size_four_laps(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		run_laps(ring_sizes[i], false, false);
		run_laps(ring_sizes[i], true, false);
	}
}

static void
test_pr06_pr11_lists_every_size_four_laps(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		run_laps(ring_sizes[i], false, true);
		run_laps(ring_sizes[i], true, true);
	}
}

/* A list starting at every slot, so also at N-1 and N-2, in laps of both parities. */
static void
test_pr07_l07_list_over_the_end(void **state)
{
	static const uint16_t sizes[] = {3, 5, 7, 255, 256};
	unsigned int i, round;
	uint16_t len;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (len = 2; len <= RTE_MIN(sizes[i], 7); len++) {
			ring_open(&env, sizes[i], PD_TX, false, false);
			for (round = 0; round < (unsigned int)LAPS * sizes[i]; round++) {
				uint16_t start = env.ring.next_avail;
				struct pd_buf *buf;

				assert_int_equal(ring_post(&env, &len, 1), 1);
				assert_int_equal(pd_fetch(env.dev, 1), 1);
				buf = pd_first(env.dev);
				assert_int_equal(buf->head, start);
				assert_int_equal(buf->slots, len);
				pd_complete(env.dev, buf, 0);
				assert_int_equal(ring_take_used(&env), 1);
			}
			ring_close(&env);
		}
	}
}

static void
test_pr08_index_wraps_at_size(void **state)
{
	unsigned int i, n;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		const uint16_t size = ring_sizes[i];
		struct pvq_cursor at;

		ring_open(&env, size, PD_TX, false, false);
		at = pvq_ring_cursor(&env.ring);
		for (n = 0; n < 2u * size; n++) {
			assert_int_equal(at.slot, n % size);
			assert_int_equal(at.flags, n < size ? PD_F_AVAIL : PD_F_USED);
			pvq_cursor_next(&env.ring, &at);
		}
		for (n = 0; n <= size; n++) {
			assert_int_equal(pvq_ring_slot_add(&env.ring, size - 1, n),
					 (size - 1 + n) % size);
			assert_int_equal(pvq_ring_slot_add(&env.ring, 0, n), n % size);
		}
		ring_close(&env);
	}
}

static void
test_slot_distance_is_exact(void **state)
{
	uint16_t size, used, slot;

	(void)state;
	for (size = 1; size <= 9; size++) {
		ring_open(&env, size, PD_TX, false, false);
		for (used = 0; used < size; used++) {
			env.ring.next_used = used;
			for (slot = 0; slot < size; slot++)
				assert_int_equal(pvq_ring_ahead(&env.ring, slot),
						 (slot + size - used) % size);
		}
		ring_close(&env);
	}
	ring_open(&env, 32768, PD_TX, false, false);
	env.ring.next_used = 32767;
	assert_int_equal(pvq_ring_ahead(&env.ring, 32766), 32767);
	ring_close(&env);
}

static void
test_pr09_l09_nothing_is_available_before_the_head(void **state)
{
	unsigned int i, round;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		const uint16_t size = ring_sizes[i], n = RTE_MIN(size, 6);

		ring_open(&env, size, PD_TX, false, false);
		for (round = 0; round < 2u * LAPS; round++) {
			struct pvq_cursor at = pvq_ring_cursor(&env.ring);
			uint16_t flags = 0, k;

			for (k = 0; k < n; k++) {
				flags |= ring_write_list(&env, &at, 1, env.ring.next_avail);
				assert_false(pd_available(env.dev));
				assert_int_equal(pd_fetch(env.dev, UINT32_MAX), 0);
			}
			pvq_ring_publish(&env.ring, flags, at, n, env.ring.platform);
			assert_int_equal(pd_fetch(env.dev, UINT32_MAX), n);
			pd_complete_all(env.dev, PD_REVERSE, 0, 0);
			assert_int_equal(ring_take_used(&env), n);
		}
		ring_close(&env);
	}
}

static void
test_pr16_fresh_ring_shows_nothing_used(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		ring_open(&env, ring_sizes[i], PD_TX, false, false);
		assert_false(is_used(&env.ring));
		/* Available is not used either. */
		ring_post_singles(&env, 1);
		assert_false(is_used(&env.ring));
		ring_close(&env);
	}
}

static void
test_pr16_all_flags_at_a_lap_edge(void **state)
{
	const uint16_t both = PD_F_AVAIL | PD_F_USED;
	uint32_t flags;

	(void)state;
	for (flags = 0; flags <= UINT16_MAX; flags++) {
		bool avail = flags & PD_F_AVAIL, used = flags & PD_F_USED;

		assert_int_equal(pvq_flags_used(flags, both), avail && used);
		assert_int_equal(pvq_flags_used(flags, 0), !avail && !used);
	}
	ring_open(&env, 3, PD_TX, false, false);
	/* At the edge the next slot still shows the lap before: used then, not now. */
	assert_int_equal(ring_post_singles(&env, 3), 3);
	pd_fetch(env.dev, UINT32_MAX);
	pd_complete_all(env.dev, PD_FIFO, 0, 0);
	assert_int_equal(ring_take_used(&env), 3);
	assert_int_equal(pvq_ring_used_load(&env.ring, 0, env.ring.platform) & both, both);
	assert_false(is_used(&env.ring));
	ring_close(&env);
}

static void
test_pr18_pr19_advance_by_the_completed_id(void **state)
{
	static const uint16_t lens[] = {3, 1, 2, 1};
	static const enum pd_order orders[] = {PD_REVERSE, PD_SHUFFLE, PD_FIFO};
	unsigned int i, round;

	(void)state;
	ring_open(&env, 7, PD_TX, false, false);
	for (round = 0; round < 7 * LAPS; round++) {
		for (i = 0; i < RTE_DIM(orders); i++) {
			assert_int_equal(ring_post(&env, lens, 4), 4);
			assert_int_equal(pd_fetch(env.dev, UINT32_MAX), 4);
			pd_complete_all(env.dev, orders[i], round, 0);
			assert_int_equal(ring_take_used(&env), 4);
			assert_int_equal(env.ring.nb_free, 7);
		}
		/* Shift the start by one. */
		ring_post_singles(&env, 1);
		pd_fetch(env.dev, 1);
		pd_complete(env.dev, pd_first(env.dev), 0);
		ring_take_used(&env);
	}
	ring_close(&env);
}

static void
test_pr21_a_later_slot_used_earlier_waits(void **state)
{
	unsigned int round;

	(void)state;
	ring_open(&env, 3, PD_TX, false, false);
	for (round = 0; round < 3 * LAPS; round++) {
		assert_int_equal(ring_post_singles(&env, 2), 2);
		assert_int_equal(pd_fetch(env.dev, UINT32_MAX), 2);
		pd_stage(env.dev, pd_first(env.dev), 0);
		pd_stage(env.dev, pd_first(env.dev), 0);
		assert_int_equal(pd_flush_one(env.dev, 1), 0);
		assert_int_equal(ring_take_used(&env), 0);
		assert_int_equal(pd_flush_one(env.dev, 0), 0);
		assert_int_equal(ring_take_used(&env), 2);
	}
	ring_close(&env);
}

static void
test_l12_full_is_not_empty(void **state)
{
	unsigned int i, round;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		const uint16_t size = ring_sizes[i];

		ring_open(&env, size, PD_TX, false, false);
		for (round = 0; round < 3; round++) {
			assert_int_equal(ring_post_singles(&env, size + 1u), size);
			assert_int_equal(env.ring.next_avail, env.ring.next_used);
			assert_int_equal(env.ring.nb_free, 0);
			assert_false(is_used(&env.ring));
			assert_int_equal(pd_fetch(env.dev, UINT32_MAX), size);
			pd_complete_all(env.dev, PD_FIFO, 0, 0);
			assert_int_equal(ring_take_used(&env), size);
			assert_int_equal(env.ring.nb_free, size);
		}
		ring_close(&env);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pr01_layout),
		cmocka_unit_test(test_pr02_zero_before_first_use),
		cmocka_unit_test(test_pr04_descriptor_is_little_endian_bytes),
		cmocka_unit_test(test_pr03_pr05_every_size_four_laps),
		cmocka_unit_test(test_pr06_pr11_lists_every_size_four_laps),
		cmocka_unit_test(test_pr07_l07_list_over_the_end),
		cmocka_unit_test(test_pr08_index_wraps_at_size),
		cmocka_unit_test(test_slot_distance_is_exact),
		cmocka_unit_test(test_pr09_l09_nothing_is_available_before_the_head),
		cmocka_unit_test(test_pr16_fresh_ring_shows_nothing_used),
		cmocka_unit_test(test_pr16_all_flags_at_a_lap_edge),
		cmocka_unit_test(test_pr18_pr19_advance_by_the_completed_id),
		cmocka_unit_test(test_pr21_a_later_slot_used_earlier_waits),
		cmocka_unit_test(test_l12_full_is_not_empty),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
