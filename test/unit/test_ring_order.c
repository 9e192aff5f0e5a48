/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Two threads on one ring: the interleavings that barriers are there for. Each round starts both
 * sides at once; rounds are bounded by number and by time. What a processor with strong ordering
 * never does cannot be seen here, the missing full barriers (L-03, L-04) can.
 */

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "ring_env.h"

#define ROUNDS_MAX 400000u
#define MILLISECONDS 1000
/* On a busy machine it takes longer to have this many. */
#define ROUNDS_MIN 100u
#define MILLISECONDS_MAX 20000
/* A side that waits for something that never comes gives up, seconds later. */
#define SPINS_MAX (1u << 28)

static struct ring_env env;

/** Where both threads of a round stand. */
struct duel {
	void (*device)(struct duel *duel, uint32_t round);
	uint32_t rounds;     /**< started by the driver's side */
	uint32_t answered;   /**< finished by the device's side */
	bool stop;
	bool device_saw;     /**< the device noticed, or told, the other side */
	uint32_t bad;        /**< counted by the device's side */
};

/*
 * The driver's side starts at once, the device's when it has seen the round begin: so the former
 * waits for anything from nothing to long enough, and both come to the point at about one time.
 */
static void
pause_for(uint32_t n)
{
	while (n-- > 0)
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Spin a little, then let others run: there may be fewer processors than threads. */
static void
wait_for(const uint32_t *value, uint32_t wanted, const bool *stop)
{
	unsigned int spins = 0;

	while (__atomic_load_n(value, __ATOMIC_ACQUIRE) != wanted &&
	       !__atomic_load_n(stop, __ATOMIC_ACQUIRE))
		if (++spins % 500 == 0)
			sched_yield();
}

static void *
device_thread(void *arg)
{
	struct duel *duel = arg;
	uint32_t round = 0;

	for (;;) {
		wait_for(&duel->rounds, round + 1, &duel->stop);
		if (__atomic_load_n(&duel->stop, __ATOMIC_ACQUIRE))
			return NULL;
		duel->device(duel, round);
		__atomic_store_n(&duel->answered, ++round, __ATOMIC_RELEASE);
	}
}

static int64_t
milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Run rounds: @p driver at the same time as duel->device, then @p judge alone. @return failures. */
static uint32_t
run_duel(struct duel *duel, bool (*driver)(uint32_t round),
	 bool (*judge)(const struct duel *duel, bool driver_saw))
{
	const int64_t start = milliseconds();
	uint32_t round, failures = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, device_thread, duel), 0);
	for (round = 0; round < ROUNDS_MAX; round++) {
		const int64_t passed = milliseconds() - start;
		bool driver_saw;

		if (passed > (round < ROUNDS_MIN ? MILLISECONDS_MAX : MILLISECONDS))
			break;
		__atomic_store_n(&duel->rounds, round + 1, __ATOMIC_RELEASE);
		driver_saw = driver(round);
		wait_for(&duel->answered, round + 1, &duel->stop);
		failures += !judge(duel, driver_saw);
	}
	__atomic_store_n(&duel->stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_true(round >= ROUNDS_MIN);
	return failures + duel->bad;
}

/* Everything fetched, used and taken; notifications off on both sides. */
static void
start_over(void)
{
	pd_fetch(env.dev, UINT32_MAX);
	pd_complete_all(env.dev, PD_FIFO, 0, 1);
	ring_take_used(&env);
	pd_notify_disable(env.dev);
	pvq_ring_disable_notify(&env.ring);
	pd_should_interrupt(env.dev);
}

/* ---- L-03: the driver publishes and asks; the device enables and looks ----------------------- */

static void
device_enables(struct duel *duel, uint32_t round)
{
	pause_for(round * 7 % 64);
	pd_notify_enable(env.dev);
	duel->device_saw = pd_available(env.dev);
}

static bool
driver_publishes(uint32_t round)
{
	struct pvq_cursor from = pvq_ring_cursor(&env.ring);

	pause_for(round * 37 % 1500);
	ring_post_singles(&env, 1);
	return pvq_ring_must_notify(&env.ring, from, 1, env.ring.platform);
}

static bool
one_side_knows(const struct duel *duel, bool driver_saw)
{
	start_over();
	return duel->device_saw || driver_saw;
}

static void
test_l03_pr32_no_notification_is_lost(void **state)
{
	struct duel duel = {.device = device_enables};

	(void)state;
	ring_open(&env, 5, PD_RX, false, true);
	start_over();
	assert_int_equal(run_duel(&duel, driver_publishes, one_side_knows), 0);
	ring_close(&env);
}

/* ---- L-04: the driver enables and looks; the device uses and asks ---------------------------- */

static void
device_uses(struct duel *duel, uint32_t round)
{
	pause_for(round * 7 % 64);
	pd_flush(env.dev);
	duel->device_saw = pd_should_interrupt(env.dev);
}

static bool
driver_enables(uint32_t round)
{
	pause_for(round * 37 % 1500);
	return pvq_ring_enable_notify(&env.ring);
}

/* What is left for the device's side is one store. */
static void
use_all_but_the_flags(void)
{
	ring_post_singles(&env, 1);
	pd_fetch(env.dev, 1);
	pd_stage(env.dev, pd_first(env.dev), 1);
}

static bool
one_side_knows_and_refill(const struct duel *duel, bool driver_saw)
{
	start_over();
	use_all_but_the_flags();
	return duel->device_saw || driver_saw;
}

static void
run_l04(bool event_idx)
{
	struct duel duel = {.device = device_uses};

	ring_open(&env, 5, PD_RX, false, event_idx);
	start_over();
	use_all_but_the_flags();
	assert_int_equal(run_duel(&duel, driver_enables, one_side_knows_and_refill), 0);
	ring_close(&env);
}

static void
test_l04_pr31_no_interrupt_is_lost(void **state)
{
	(void)state;
	run_l04(false);
	run_l04(true);
}

/* ---- L-05: the offset is there when the flags say that it counts ----------------------------- */

static uint32_t l05_place;

static void
device_reads_event(struct duel *duel, uint32_t round)
{
	unsigned int i;

	(void)round;
	for (i = 0; i < 16; i++) {
		uint32_t event = pd_driver_event(env.dev);

		if (event >> 16 == PD_EVENT_DESC &&
		    (event & 0xffff) != __atomic_load_n(&l05_place, __ATOMIC_ACQUIRE))
			duel->bad++;
	}
}

static bool
driver_enables_again(uint32_t round)
{
	pause_for(round * 37 % 1500);
	pvq_ring_enable_notify(&env.ring);
	return true;
}

static bool
move_on(const struct duel *duel, bool driver_saw)
{
	bool wrap;

	(void)duel;
	(void)driver_saw;
	start_over();
	ring_post_singles(&env, 1);
	start_over();
	l05_place = pd_used_slot(env.dev, &wrap);
	l05_place |= (uint32_t)wrap << 15;
	return true;
}

static void
test_l05_pr30_offset_before_flags(void **state)
{
	struct duel duel = {.device = device_reads_event};

	(void)state;
	ring_open(&env, 7, PD_RX, false, true);
	move_on(&duel, true);
	assert_int_equal(run_duel(&duel, driver_enables_again, move_on), 0);
	ring_close(&env);
}

/* ---- L-01: a head that is visible has its whole burst behind it ------------------------------ */

static void
device_polls(struct duel *duel, uint32_t round)
{
	unsigned int spins = 0;
	int n;

	while ((n = pd_fetch(env.dev, UINT32_MAX)) == 0 && spins < SPINS_MAX)
		if (++spins % 500 == 0)
			sched_yield();
	/* All of the burst or, looking too early, nothing. */
	if (n != (int)(1 + round % 3))
		duel->bad++;
}

static bool
driver_posts_lists(uint32_t round)
{
	static const uint16_t lens[] = {2, 1, 3};

	pause_for(round * 37 % 1500);
	return ring_post(&env, lens, 1 + round % 3) == 1 + round % 3;
}

static bool
all_posted(const struct duel *duel, bool driver_saw)
{
	(void)duel;
	start_over();
	return driver_saw;
}

static void
test_l01_l09_pr09_a_burst_appears_at_once(void **state)
{
	struct duel duel = {.device = device_polls};

	(void)state;
	ring_open(&env, 7, PD_TX, false, false);
	assert_int_equal(run_duel(&duel, driver_posts_lists, all_posted), 0);
	ring_close(&env);
}

/* ---- L-02: a used slot's id and length are those of its flags -------------------------------- */

static void
device_uses_with_length(struct duel *duel, uint32_t round)
{
	(void)duel;
	pause_for(round * 7 % 64);
	pd_complete(env.dev, pd_first(env.dev), 1 + round % 200);
}

static bool
driver_reads_length(uint32_t round)
{
	struct pvq_ring *ring = &env.ring;
	const struct virtq_desc *d = &ring->desc[ring->next_used];
	unsigned int spins = 0;
	uint16_t id;

	while (!pvq_flags_used(pvq_ring_used_load(ring, ring->next_used, ring->platform), ring->used_flags) &&
	       spins < SPINS_MAX)
		if (++spins % 500 == 0)
			sched_yield();
	id = rte_le_to_cpu_16(d->id);
	return id < ring->size && env.live[id] && rte_le_to_cpu_32(d->len) == 1 + round % 200;
}

static bool
length_was_right(const struct duel *duel, bool driver_saw)
{
	(void)duel;
	start_over();
	ring_post_singles(&env, 1);
	pd_fetch(env.dev, 1);
	return driver_saw;
}

static void
test_l02_pr17_id_and_length_belong_to_the_flags(void **state)
{
	struct duel duel = {.device = device_uses_with_length};

	(void)state;
	ring_open(&env, 3, PD_RX, false, false);
	ring_post_singles(&env, 1);
	pd_fetch(env.dev, 1);
	assert_int_equal(run_duel(&duel, driver_reads_length, length_was_right), 0);
	ring_close(&env);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l01_l09_pr09_a_burst_appears_at_once),
		cmocka_unit_test(test_l02_pr17_id_and_length_belong_to_the_flags),
		cmocka_unit_test(test_l03_pr32_no_notification_is_lost),
		cmocka_unit_test(test_l04_pr31_no_interrupt_is_lost),
		cmocka_unit_test(test_l05_pr30_offset_before_flags),
	};

	return cmocka_run_group_tests_name("ring_order", tests, NULL, NULL);
}
