/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Event suppression, both directions: what the driver asks for (PR-29 to PR-31) and whether it
 * notifies (PR-33, HD-20), the latter against an oracle that enumerates.
 */

#include "eal.h"
#include "ring_env.h"

#define LAST_EXHAUSTIVE 9

static struct ring_env env;

static struct virtq_event
event_of(uint16_t off_wrap, uint16_t flags)
{
	return (struct virtq_event){
		.off_wrap = rte_cpu_to_le_16(off_wrap),
		.flags = rte_cpu_to_le_16(flags),
	};
}

/* One place and count against every event value; @return disagreements. */
static unsigned int
compare_events(uint16_t size, uint16_t pos, bool wrap, uint16_t n)
{
	/* Reserved bits above the two of the flags are not looked at. */
	static const uint16_t flags[] = {0, 1, 2, 3, 0xfffc, 0xfffd, 0xfffe, 0xffff};
	const struct pvq_cursor from = {pos, wrap ? PD_F_AVAIL : PD_F_USED};
	static const uint16_t beyond[] = {0x7fff, 0x4000, 100};
	unsigned int i, o, bad = 0;
	bool late;

	for (o = 0; o < size + 2u + RTE_DIM(beyond); o++) {
		uint16_t off = o < size + 2u ? o : beyond[o - size - 2u];

		for (i = 0; i < 2 * RTE_DIM(flags); i++) {
			uint16_t off_wrap = off | (i & 1u) << 15;
			uint16_t f = flags[i / 2];
			bool must = pd_oracle_must_notify(size, pos, wrap, n,
							  off_wrap | (uint32_t)f << 16,
							  env.ring.event_idx);

			/* More than a lap: more than the one who wants to know can tell apart. */
			if (n > size)
				must = (f & 3) != PD_EVENT_DISABLE;
			if (pvq_event_wants(&env.ring, from, n, event_of(off_wrap, f)) != must)
				bad++;
			pd_notify_raw(env.dev, off_wrap | (uint32_t)f << 16);
			/* Late events are told of when they are news, and not again. */
			late = pd_oracle_is_late(size, pos, wrap, off_wrap | (uint32_t)f << 16,
						 env.ring.event_idx);
			env.ring.event_seen = ~(off_wrap | (uint32_t)f << 16);
			if (pvq_ring_must_notify(&env.ring, from, n, env.ring.platform) != (must || late))
				bad++;
			if (pvq_ring_must_notify(&env.ring, from, n, env.ring.platform) != must)
				bad++;
		}
	}
	return bad;
}

static void
test_pr33_hd20_every_case_up_to_nine_slots(void **state)
{
	uint16_t size, pos, n;
	int mode;

	(void)state;
	for (size = 1; size <= LAST_EXHAUSTIVE; size++) {
		for (mode = 0; mode < 4; mode++) {
			ring_open(&env, size, PD_TX, false, mode & 1);
			for (pos = 0; pos < size; pos++)
				for (n = 1; n <= 2 * size + 2; n++)
					assert_int_equal(
						compare_events(size, pos, mode & 2, n), 0);
			ring_close(&env);
		}
	}
}

static void
test_pr33_large_rings_at_their_edges(void **state)
{
	static const uint16_t sizes[] = {255, 256, 257, 1024, 32767, 32768};
	unsigned int i, p, c, o;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		const uint16_t n = sizes[i];
		const uint16_t places[] = {0, 1, n / 2, n - 2, n - 1};
		const uint16_t counts[] = {1, 2, n / 2, n - 1, n};

		ring_open(&env, n, PD_TX, false, true);
		for (p = 0; p < RTE_DIM(places); p++) {
			for (c = 0; c < RTE_DIM(counts); c++) {
				for (o = 0; o < 4 * RTE_DIM(places); o++) {
					uint16_t off = places[o / 4] | (o & 1) << 15;
					struct pvq_cursor from = {
						places[p], o & 2 ? PD_F_AVAIL : PD_F_USED};

					assert_int_equal(
						pvq_event_wants(&env.ring, from, counts[c],
								event_of(off, PD_EVENT_DESC)),
						pd_oracle_must_notify(
							n, places[p], o & 2, counts[c],
							off | PD_EVENT_DESC << 16, true));
				}
			}
		}
		ring_close(&env);
	}
}

/* From a real ring going round: the place in must_notify() is that of the first slot published. */
static void
test_pr33_along_four_laps(void **state)
{
	uint32_t seed = 1, base, event, seen = 0;
	unsigned int round;
	uint16_t n, lens[9];

	(void)state;
	ring_open(&env, 7, PD_TX, false, true);
	for (round = 0; round < 4000; round++) {
		struct pvq_cursor from = pvq_ring_cursor(&env.ring);
		uint16_t before = env.ring.nb_free;
		bool must;

		base = pd_base(env.dev);
		seed = seed * 1664525u + 1013904223u;
		event = (seed >> 8 & 0x7) | (seed >> 11 & 1) << 15 | (seed >> 12 & 3) << 16;
		pd_notify_raw(env.dev, event);
		for (n = 0; n < RTE_DIM(lens); n++)
			lens[n] = 1 + (seed >> (14 + n)) % 3;
		ring_post(&env, lens, 1 + (seed >> 24) % 4);
		n = before - env.ring.nb_free;
		assert_int_not_equal(n, 0);
		must = unit_must_notify(7, base, n, event, true, &seen);
		assert_int_equal(pvq_ring_must_notify(&env.ring, from, n, env.ring.platform), must);
		/* PR-30: the device's area is the device's. */
		assert_int_equal(*(uint32_t *)env.ring.device_event, event);
		pd_fetch(env.dev, UINT32_MAX);
		pd_complete_all(env.dev, PD_SHUFFLE, seed, 0);
		ring_take_used(&env);
	}
	ring_close(&env);
}

static void
test_pr29_disable_is_one(void **state)
{
	(void)state;
	ring_open(&env, 5, PD_RX, false, true);
	pvq_ring_enable_notify(&env.ring);
	pvq_ring_disable_notify(&env.ring);
	assert_int_equal(pd_driver_event(env.dev) >> 16, PD_EVENT_DISABLE);
	ring_close(&env);
	ring_open(&env, 5, PD_RX, false, false);
	pvq_ring_enable_notify(&env.ring);
	pvq_ring_disable_notify(&env.ring);
	assert_int_equal(pd_driver_event(env.dev) >> 16, PD_EVENT_DISABLE);
	ring_close(&env);
}

/* The offset is next_used with its wrap counter, at every place and in laps of both parities. */
static void
test_pr29_pr30_enable_names_the_next_used_slot(void **state)
{
	static const uint16_t sizes[] = {1, 2, 3, 7, 256, 32768};
	unsigned int i, round;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		ring_open(&env, sizes[i], PD_RX, false, true);
		for (round = 0; round < 4u * sizes[i]; round++) {
			bool wrap;
			uint16_t slot = pd_used_slot(env.dev, &wrap);
			uint32_t expected = slot | (uint32_t)wrap << 15 | PD_EVENT_DESC << 16;

			ring_post_singles(&env, 1);
			assert_false(pvq_ring_enable_notify(&env.ring));
			assert_int_equal(pd_driver_event(env.dev), expected);
			/* And the device is called by exactly the next used buffer. */
			assert_false(pd_should_interrupt(env.dev));
			pd_fetch(env.dev, 1);
			pd_complete(env.dev, pd_first(env.dev), 1);
			assert_true(pd_should_interrupt(env.dev));
			assert_int_equal(ring_take_used(&env), 1);
		}
		assert_int_equal(*(uint32_t *)env.ring.device_event, 0);
		ring_close(&env);
	}
}

static void
test_pr29_enable_without_event_idx_is_zero(void **state)
{
	(void)state;
	ring_open(&env, 3, PD_RX, false, false);
	ring_post_singles(&env, 2);
	assert_false(pvq_ring_enable_notify(&env.ring));
	assert_int_equal(pd_driver_event(env.dev) >> 16, PD_EVENT_ENABLE);
	pd_fetch(env.dev, 1);
	pd_complete(env.dev, pd_first(env.dev), 1);
	assert_true(pd_should_interrupt(env.dev));
	pvq_ring_disable_notify(&env.ring);
	pd_fetch(env.dev, 1);
	pd_complete(env.dev, pd_first(env.dev), 1);
	assert_false(pd_should_interrupt(env.dev));
	ring_close(&env);
}

static void
test_pr31_enable_tells_of_what_is_used_already(void **state)
{
	int event_idx, round;

	(void)state;
	for (event_idx = 0; event_idx < 2; event_idx++) {
		ring_open(&env, 3, PD_RX, false, event_idx);
		for (round = 0; round < 12; round++) {
			ring_post_singles(&env, 2);
			pd_fetch(env.dev, UINT32_MAX);
			assert_false(pvq_ring_enable_notify(&env.ring));
			pvq_ring_disable_notify(&env.ring);
			pd_complete(env.dev, pd_first(env.dev), 1);
			assert_true(pvq_ring_enable_notify(&env.ring));
			pd_complete(env.dev, pd_first(env.dev), 1);
			assert_true(pvq_ring_enable_notify(&env.ring));
			assert_int_equal(ring_take_used(&env), 2);
			assert_false(pvq_ring_enable_notify(&env.ring));
			pvq_ring_disable_notify(&env.ring);
		}
		ring_close(&env);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pr33_hd20_every_case_up_to_nine_slots),
		cmocka_unit_test(test_pr33_large_rings_at_their_edges),
		cmocka_unit_test(test_pr33_along_four_laps),
		cmocka_unit_test(test_pr29_disable_is_one),
		cmocka_unit_test(test_pr29_pr30_enable_names_the_next_used_slot),
		cmocka_unit_test(test_pr29_enable_without_event_idx_is_zero),
		cmocka_unit_test(test_pr31_enable_tells_of_what_is_used_already),
	};

	return cmocka_run_group_tests_name("ring_event", tests, NULL, NULL);
}
