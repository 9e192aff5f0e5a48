/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A transmit ring whose device is replaced: every packet that was accepted and not used is made
 * available again, once, in the order of sending; nothing else is.
 */

#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "txq_env.h"

static struct tx_env env;

/** Packets that the old device holds, by number. */
static struct {
	uint32_t seed[4096];
	unsigned int n;
} pending;

/* Note a packet as sent, or take it out as used. */
static void
pending_add(uint32_t seed)
{
	assert_true(pending.n < RTE_DIM(pending.seed));
	pending.seed[pending.n++] = seed;
}

static void
pending_remove(unsigned int i)
{
	pending.n--;
	memmove(&pending.seed[i], &pending.seed[i + 1],
		(pending.n - i) * sizeof(pending.seed[0]));
}

/* Send packets of mixed kinds until @p slots are outstanding or the next one does not fit. */
static void
fill(unsigned int slots, uint32_t *rnd)
{
	while (pvq_ring_outstanding(&env.q->ring) < slots) {
		enum tx_kind kind = unit_random(rnd) % TX_NB_KINDS;
		uint32_t seed = env.made;
		struct rte_mbuf *m;

		if (tx_elements(kind) > env.setup.size)
			kind = TX_PLAIN;
		m = tx_make(&env, kind, 5 + seed % 60);
		assert_non_null(m);
		env.seen = seed;
		if (tx_send(&env, &m, 1) == 0) {
			rte_pktmbuf_free(m);
			env.made--;
			return;
		}
		pending_add(seed);
	}
}

/* Use @p n of the live buffers; the order of pending[] is the order of the device's list. */
static void
use_some(unsigned int n, uint32_t *rnd)
{
	if (env.setup.in_order) {
		if (n != 0)
			assert_int_equal(pd_complete_batch(env.dev, n, 0), 0);
		while (n-- > 0)
			pending_remove(0);
		return;
	}
	while (n-- > 0) {
		unsigned int i = unit_random(rnd) % pending.n, k;
		struct pd_buf *buf = pd_first(env.dev);

		for (k = 0; k < i; k++)
			buf = buf->next;
		pd_complete(env.dev, buf, 0);
		pending_remove(i);
	}
}

/* A new device: it must find exactly what is pending, in order. */
static void
replace_device(const struct tx_setup *setup)
{
	const uint64_t replayed = env.q->stats.replayed, packets = env.q->stats.packets;
	struct pd_buf *buf;
	unsigned int i;

	tx_reconnect(&env, setup);
	assert_int_equal(env.q->stats.replayed - replayed, pending.n);
	assert_int_equal(env.q->stats.replay_dropped, 0);
	assert_int_equal(env.q->stats.packets, packets);
	assert_int_equal(env.q->stats.reclaimed, packets - pending.n);
	assert_int_equal(pd_fetch(env.dev, UINT32_MAX), pending.n);
	assert_string_equal(pd_violations_text(env.dev), "");
	for (i = 0, buf = pd_first(env.dev); i < pending.n; i++, buf = buf->next)
		tx_check(&env, buf, pending.seed[i]);
	assert_null(buf);
}

static void
finish(void)
{
	tx_drain(&env);
	assert_int_equal(pvq_ring_outstanding(&env.q->ring), 0);
	assert_int_equal(env.q->nb_special, 0);
	assert_int_equal(env.q->nb_free_tables, env.q->nb_tables);
	assert_int_equal(env.q->stats.reclaimed, env.q->stats.packets);
	tx_close(&env);
	pending.n = 0;
}

/* Devices come and go; each uses some, reclaimed or not, and leaves the rest. */
static void
run_replays(uint16_t size, unsigned int first, unsigned int second)
{
	const struct tx_setup setups[] = {tx_setup_of(size, first), tx_setup_of(size, second)};
	uint32_t rnd = size + first;
	unsigned int round;

	pending.n = 0;
	tx_open(&env, &setups[0]);
	for (round = 1; round < 14; round++) {
		fill(1 + unit_random(&rnd) % size, &rnd);
		use_some(unit_random(&rnd) % (pending.n + 1), &rnd);
		if (round % 3 == 0)
			tx_reclaim(&env);
		if (round % 4 == 0)
			fill(size, &rnd);
		use_some(unit_random(&rnd) % (pending.n + 1), &rnd);
		replace_device(&setups[round & 1]);
		/* Again, and nothing has been used in between. */
		if (round % 5 == 0)
			replace_device(&setups[round & 1]);
	}
	finish();
}

static void
test_replay_keeps_order_and_counts(void **state)
{
	static const uint16_t sizes[] = {1, 2, 3, 5, 7, 16, 255, 257, 1024};
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++)
		for (switches = 0; switches < 8; switches++)
			run_replays(sizes[i], switches, switches);
}

/* The next device orders otherwise. Indirect stays: without it lists may need more room. */
static void
test_replay_to_a_device_of_the_other_order(void **state)
{
	static const uint16_t sizes[] = {1, 2, 7, 255};
	unsigned int i, indirect;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (indirect = 0; indirect < 4; indirect += 2) {
			run_replays(sizes[i], indirect, indirect | 1);
			run_replays(sizes[i], indirect | 1, indirect);
		}
	}
}

static void
test_replay_of_a_large_ring(void **state)
{
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(32768, mode);
		struct rte_mbuf *pkts[64];
		unsigned int n;

		tx_open(&env, &setup);
		for (n = 0; n < 32768; n += 64) {
			for (i = 0; i < 64; i++)
				pkts[i] = tx_make(&env, TX_PLAIN, 20);
			assert_int_equal(tx_send(&env, pkts, 64), 64);
		}
		for (i = 0; i < 1000; i++)
			pd_complete(env.dev, pd_first(env.dev), 0);
		tx_reconnect(&env, &setup);
		assert_int_equal(env.q->stats.replayed, 31768);
		env.seen = 1000;
		assert_int_equal(tx_fetch(&env), 31768);
		finish();
	}
}

/* The counter that keeps the order without IN_ORDER passes its end. */
static void
test_replay_when_the_sequence_wraps(void **state)
{
	const struct tx_setup setup = tx_setup_of(32, 0);
	uint32_t rnd = 3;
	unsigned int i;

	(void)state;
	tx_open(&env, &setup);
	env.q->seq = UINT32_MAX - 9;
	/* Ids in another order than packets. */
	for (i = 0; i < 3; i++) {
		fill(32, &rnd);
		use_some(pending.n / 2, &rnd);
		tx_reclaim(&env);
	}
	fill(32, &rnd);
	assert_true(env.q->seq < 100);
	replace_device(&setup);
	finish();
}

/* Id and length are written, the flags are not: not used, so sent again. */
static void
test_replay_of_what_was_nearly_used(void **state)
{
	unsigned int mode, i;
	uint32_t rnd = 3;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(15, mode);

		tx_open(&env, &setup);
		fill(12, &rnd);
		for (i = 0; i < 3; i++)
			pd_stage(env.dev, pd_first(env.dev), 0);
		/* A later one used earlier does not count either. */
		pd_flush_one(env.dev, 1);
		replace_device(&setup);
		finish();
	}
}

/* Without tables the same packets need more slots than there are: some are lost, and counted. */
static void
test_replay_that_does_not_fit(void **state)
{
	const struct tx_setup with = tx_setup_of(32, 2), without = tx_setup_of(32, 0);
	struct pd_buf *buf;
	unsigned int i;

	(void)state;
	tx_open(&env, &with);
	for (i = 0; i < 2; i++)
		tx_send_one(&env, TX_FIVE, 60);
	for (i = 0; i < 30; i++)
		tx_send_one(&env, TX_PLAIN, 60);
	tx_reconnect(&env, &without);
	/* The two lists take ten slots, so 22 of the 30 others are left. */
	assert_int_equal(env.q->stats.replayed, 24);
	assert_int_equal(env.q->stats.replay_dropped, 8);
	assert_int_equal(pd_fetch(env.dev, UINT32_MAX), 24);
	for (i = 0, buf = pd_first(env.dev); buf != NULL; i++, buf = buf->next)
		tx_check(&env, buf, i);
	tx_drain(&env);
	assert_int_equal(env.q->stats.reclaimed, 24);
	tx_close(&env);
}

static void
test_replay_to_a_device_with_a_smaller_mtu(void **state)
{
	struct tx_setup setup = tx_setup_of(32, 0);
	unsigned int i;

	(void)state;
	tx_open(&env, &setup);
	for (i = 0; i < 10; i++)
		tx_send_one(&env, TX_PLAIN, i % 2 ? 60 : 61);
	setup.max_len = 60;
	tx_reconnect(&env, &setup);
	assert_int_equal(env.q->stats.replayed, 5);
	/* Each of the others counts once, whichever the reason given. */
	assert_int_equal(env.q->stats.replay_dropped + env.q->stats.too_long, 5);
	assert_int_equal(pd_fetch(env.dev, UINT32_MAX), 5);
	tx_drain(&env);
	tx_close(&env);
}

static void
test_clear_frees_or_leaks_everything(void **state)
{
	struct rte_mbuf *pkts[6];
	unsigned int switches, i;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		const struct tx_setup setup = tx_setup_of(16, switches);

		tx_open(&env, &setup);
		for (i = 0; i < 6; i++)
			pkts[i] = tx_make(&env, i % 2 ? TX_TWO : TX_PLAIN, 60);
		assert_int_equal(tx_send(&env, pkts, 6), 6);
		pd_complete(env.dev, pd_first(env.dev), 0);
		pvq_txq_clear(env.q, false);
		unit_assert_pool_whole(env.pool);
		pd_reset(env.dev);
		for (i = 0; i < 6; i++)
			pkts[i] = tx_make(&env, i % 2 ? TX_TWO : TX_PLAIN, 60);
		assert_int_equal(tx_send(&env, pkts, 6), 6);
		/* HD-23: the device may still read these. */
		pvq_txq_clear(env.q, true);
		assert_int_equal(rte_mempool_in_use_count(env.pool), 9);
		assert_int_equal(pvq_ring_outstanding(&env.q->ring), 0);
		rte_pktmbuf_free_bulk(pkts, 6);
		tx_close(&env);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replay_keeps_order_and_counts),
		cmocka_unit_test(test_replay_to_a_device_of_the_other_order),
		cmocka_unit_test(test_replay_of_a_large_ring),
		cmocka_unit_test(test_replay_when_the_sequence_wraps),
		cmocka_unit_test(test_replay_of_what_was_nearly_used),
		cmocka_unit_test(test_replay_that_does_not_fit),
		cmocka_unit_test(test_replay_to_a_device_with_a_smaller_mtu),
		cmocka_unit_test(test_clear_frees_or_leaks_everything),
	};

	return cmocka_run_group_tests_name("txq_replay", tests, unit_eal_start, unit_eal_stop);
}
