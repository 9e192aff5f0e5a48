/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * How a transmit queue takes back what the device has used: batches of an in-order device, any
 * order, both ways of freeing.
 */

#include <rte_ethdev.h>

#include "txq_env.h"

static struct tx_env env;

/* Move both indices on by one slot. */
static void
step(void)
{
	tx_send_one(&env, TX_PLAIN, 60);
	tx_drain(&env);
}

/* Put the next slot where a case wants it, in a lap of either parity. */
static void
turn_to(unsigned int slot, bool odd_lap)
{
	unsigned int i;

	for (i = 0; i < slot + (odd_lap ? env.setup.size : 0u); i++)
		step();
	assert_int_equal(env.q->ring.next_avail, slot);
}

static void
run_batch(uint16_t size, uint16_t start, uint16_t sent, uint16_t k)
{
	const struct tx_setup setup = tx_setup_of(size, 1 | 8);
	uint16_t i;

	tx_open(&env, &setup);
	turn_to(start, k % 2);
	for (i = 0; i < sent; i++)
		tx_send_one(&env, TX_PLAIN, 60);
	assert_int_equal(tx_reclaim(&env), 0);
	assert_int_equal(pd_complete_batch(env.dev, k, 0), 0);
	assert_int_equal(tx_reclaim(&env), k);
	assert_int_equal(env.q->ring.next_used, (start + k) % size);
	assert_int_equal(env.q->ring.nb_free, size - sent + k);
	assert_int_equal(rte_mempool_in_use_count(env.pool), sent - k);
	assert_int_equal(tx_reclaim(&env), 0);
	tx_drain(&env);
	tx_assert_empty(&env);
	tx_close(&env);
}

static void
test_pr22_l11_batch_of_every_length_from_every_slot(void **state)
{
	static const uint16_t sizes[] = {1, 2, 3, 5, 7, 8};
	uint16_t start, sent, k;
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++)
		for (start = 0; start < sizes[i]; start++)
			for (sent = 1; sent <= sizes[i]; sent++)
				for (k = 1; k <= sent; k++)
					run_batch(sizes[i], start, sent, k);
}

/* Tables and lists among the buffers of a batch; every length, every place. */
static void
test_pr22_l11_batch_of_mixed_kinds(void **state)
{
	static const enum tx_kind kinds[] = {TX_FIVE, TX_PLAIN, TX_TWO,
					     TX_BARE, TX_FIVE,  TX_PLAIN};
	unsigned int start, k, switches, i;

	(void)state;
	for (switches = 1; switches < 4; switches += 2) {
		const struct tx_setup setup = tx_setup_of(17, switches | 8);

		for (start = 0; start < 17; start++) {
			for (k = 1; k <= RTE_DIM(kinds); k++) {
				tx_open(&env, &setup);
				turn_to(start, k % 2);
				for (i = 0; i < RTE_DIM(kinds); i++)
					tx_send_one(&env, kinds[i], 60);
				assert_int_equal(pd_complete_batch(env.dev, k, 0), 0);
				assert_int_equal(tx_reclaim(&env), k);
				assert_int_equal(tx_reclaim(&env), 0);
				tx_drain(&env);
				tx_assert_empty(&env);
				tx_close(&env);
			}
		}
	}
}

/* Two batches and a single one are there before the driver looks. */
static void
test_pr22_several_batches_at_once(void **state)
{
	const struct tx_setup setup = tx_setup_of(15, 1);
	unsigned int round, i;

	(void)state;
	tx_open(&env, &setup);
	for (round = 0; round < 60; round++) {
		for (i = 0; i < 11; i++)
			tx_send_one(&env, TX_PLAIN, 60);
		pd_complete_batch(env.dev, 4, 0);
		pd_complete_batch(env.dev, 1, 0);
		pd_complete_batch(env.dev, 5, 0);
		assert_int_equal(tx_reclaim(&env), 10);
		tx_drain(&env);
		tx_assert_empty(&env);
	}
	tx_close(&env);
}

/* Stops near the number asked for, at the end of a batch. */
static void
test_reclaim_stops_when_told(void **state)
{
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(32, mode);

		tx_open(&env, &setup);
		for (i = 0; i < 30; i++)
			tx_send_one(&env, TX_PLAIN, 60);
		if (mode == 1) {
			pd_complete_batch(env.dev, 10, 0);
			pd_complete_batch(env.dev, 10, 0);
			assert_int_equal(pvq_txq_reclaim(env.q, 4, true), 10);
		} else {
			pd_complete_all(env.dev, PD_FIFO, 0, 0);
			assert_int_equal(pvq_txq_reclaim(env.q, 4, false), 4);
		}
		assert_int_equal(pvq_txq_reclaim(env.q, 0, mode), 0);
		tx_drain(&env);
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

/* The i-th permutation of n things, n up to 5. */
static void
permute(unsigned int i, unsigned int n, unsigned int *order)
{
	unsigned int k, swap;

	for (k = 0; k < n; k++)
		order[k] = k;
	for (k = 0; k < n; k++) {
		unsigned int with = k + i % (n - k);

		i /= n - k;
		swap = order[k];
		order[k] = order[with];
		order[with] = swap;
	}
}

/* All 120 orders of five buffers of unequal length, from every slot of an odd ring. */
static void
test_pr18_pr19_every_order_of_completion(void **state)
{
	static const enum tx_kind kinds[] = {TX_FIVE, TX_PLAIN, TX_TWO, TX_PLAIN, TX_CLONE};
	const struct tx_setup setup = tx_setup_of(13, 8);
	unsigned int round, i, order[5];
	struct pd_buf *bufs[5];

	(void)state;
	tx_open(&env, &setup);
	for (round = 0; round < 120 * 13; round++) {
		permute(round % 120, 5, order);
		for (i = 0; i < 5; i++) {
			tx_send_one(&env, kinds[i], 60);
			bufs[i] = pd_last(env.dev);
		}
		for (i = 0; i < 5; i++) {
			uint16_t was_free = env.q->ring.nb_free;
			uint16_t slots = bufs[order[i]]->slots;

			pd_complete(env.dev, bufs[order[i]], 0);
			assert_int_equal(tx_reclaim(&env), 1);
			assert_int_equal(env.q->ring.nb_free, was_free + slots);
		}
		tx_assert_empty(&env);
		if (round % 120 == 119)
			step();
	}
	tx_close(&env);
}

static void
test_pr21_a_hole_is_waited_for(void **state)
{
	unsigned int mode, round, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(5, mode);

		tx_open(&env, &setup);
		for (round = 0; round < 25; round++) {
			for (i = 0; i < 4; i++)
				tx_send_one(&env, TX_PLAIN, 60);
			for (i = 0; i < 4; i++)
				pd_stage(env.dev, pd_first(env.dev), 0);
			pd_flush_one(env.dev, 3);
			pd_flush_one(env.dev, 1);
			assert_int_equal(tx_reclaim(&env), 0);
			pd_flush_one(env.dev, 0);
			assert_int_equal(tx_reclaim(&env), 2);
			pd_flush(env.dev);
			assert_int_equal(tx_reclaim(&env), 2);
			tx_assert_empty(&env);
			if (round % 2)
				step();
		}
		tx_close(&env);
	}
}

/* Only the id counts: length, address, NEXT and INDIRECT of a used descriptor are junk here. */
static void
test_pr20_meaningless_fields_are_ignored(void **state)
{
	unsigned int switches, round;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		const struct tx_setup setup = tx_setup_of(9, switches | 8);

		tx_open(&env, &setup);
		for (round = 0; round < 50; round++) {
			tx_send_one(&env, TX_FIVE, 60);
			tx_send_one(&env, TX_PLAIN, 60);
			tx_send_one(&env, TX_TWO, 60);
			pd_complete_all(env.dev, PD_FIFO, 0, 0);
			assert_int_equal(tx_reclaim(&env), 3);
			tx_assert_empty(&env);
		}
		tx_close(&env);
	}
}

/* One pool, one reference each, whatever else is on the ring. */
static void
test_fast_free_with_and_without_segments(void **state)
{
	unsigned int switches, round, i;
	uint32_t seed = 5;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		struct tx_setup setup = tx_setup_of(21, switches);

		setup.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
		tx_open(&env, &setup);
		for (round = 0; round < 400; round++) {
			const bool multi = round % 3 == 2;

			for (i = 0; i < 5; i++)
				tx_send_one(&env, multi && unit_random(&seed) % 2 ?
					    TX_TWO : TX_PLAIN, 60);
			pd_complete(env.dev, pd_first(env.dev), 0);
			if (round % 2)
				tx_reclaim(&env);
			tx_drain(&env);
			tx_assert_empty(&env);
		}
		tx_close(&env);
	}
}

/* Whatever the order of pools, each mbuf goes back to its own; soon the new one is the queue's. */
static void
test_pools_in_turn(void **state)
{
	const unsigned int turns[] = {1, 3, 4, 5, 30};
	unsigned int mode, turn, i, left;
	struct tx_setup setup;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		for (turn = 0; turn < RTE_DIM(turns); turn++) {
			setup = tx_setup_of(64, mode);
			tx_open(&env, &setup);
			for (i = 0; i < 400; i++) {
				tx_send_one(&env, i / turns[turn] % 2 ? TX_OTHER : TX_PLAIN, 60);
				/* Some stay, so that the ring is never seen empty. */
				for (left = 38; i % 40 == 39 && left != 0; left--)
					pd_complete(env.dev, pd_first(env.dev), 0);
			}
			for (i = 0; i < 64; i++) {
				tx_send_one(&env, TX_OTHER, 60);
				tx_drain(&env);
			}
			assert_ptr_equal(env.q->pool, env.other);
			tx_close(&env);
		}
	}
}

/* A list over the end of the ring is all there is to free. */
static void
test_fast_free_of_a_list_over_the_end(void **state)
{
	unsigned int mode, slot;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		for (slot = 0; slot < 11; slot++) {
			struct tx_setup setup = tx_setup_of(11, mode);

			setup.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
			tx_open(&env, &setup);
			turn_to(slot, false);
			tx_send_one(&env, TX_FIVE, 60);
			tx_drain(&env);
			tx_send_one(&env, TX_FIVE, 60);
			tx_send_one(&env, TX_PLAIN, 60);
			tx_drain(&env);
			tx_assert_empty(&env);
			tx_close(&env);
		}
	}
}

/* Without FAST_FREE packets may come from any pool. */
static void
test_packets_of_two_pools(void **state)
{
	struct rte_mempool *pools[2];
	struct rte_mbuf *pkts[40];
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(64, mode);

		tx_open(&env, &setup);
		pools[0] = env.pool;
		pools[1] = unit_pool_create(64, TX_DATA);
		unit_memory_add_pool(&env.memory, pools[1]);
		for (i = 0; i < RTE_DIM(pkts); i++) {
			pkts[i] = unit_mbuf(pools[i % 3 == 1], 64, 60, env.made);
			env.len[env.made++] = 60;
		}
		assert_int_equal(tx_send(&env, pkts, RTE_DIM(pkts)), RTE_DIM(pkts));
		tx_drain(&env);
		tx_assert_empty(&env);
		unit_assert_pool_whole(pools[1]);
		rte_mempool_free(pools[1]);
		tx_close(&env);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pr22_l11_batch_of_every_length_from_every_slot),
		cmocka_unit_test(test_pr22_l11_batch_of_mixed_kinds),
		cmocka_unit_test(test_pr22_several_batches_at_once),
		cmocka_unit_test(test_reclaim_stops_when_told),
		cmocka_unit_test(test_pr18_pr19_every_order_of_completion),
		cmocka_unit_test(test_pr21_a_hole_is_waited_for),
		cmocka_unit_test(test_pr20_meaningless_fields_are_ignored),
		cmocka_unit_test(test_fast_free_with_and_without_segments),
		cmocka_unit_test(test_pools_in_turn),
		cmocka_unit_test(test_fast_free_of_a_list_over_the_end),
		cmocka_unit_test(test_packets_of_two_pools),
	};

	return cmocka_run_group_tests_name("txq_reclaim", tests, unit_eal_start, unit_eal_stop);
}
