/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file When a transmit queue reclaims, and how much at a time. */

#include "txq_env.h"

static struct tx_env env;

static void
test_free_threshold_is_honoured(void **state)
{
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		struct tx_setup setup = tx_setup_of(64, mode);

		setup.free_thresh = 8;
		tx_open(&env, &setup);
		for (i = 0; i < 57; i++) {
			tx_send_one(&env, TX_PLAIN, 60);
			pd_complete_all(env.dev, PD_FIFO, 0, 0);
		}
		/* Seven slots are left: nothing was taken back until now. */
		assert_int_equal(env.q->stats.reclaimed, 0);
		tx_send_one(&env, TX_PLAIN, 60);
		assert_int_equal(env.q->stats.reclaimed, 57);
		tx_drain(&env);
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

/* By itself a queue lets 64 slots be in use, and then frees 64 packets, not all that there are. */
static void
test_default_threshold_and_portion(void **state)
{
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(256, mode);

		tx_open(&env, &setup);
		for (i = 0; i < 65; i++)
			tx_send_one(&env, TX_PLAIN, 60);
		pd_complete_all(env.dev, PD_FIFO, 0, 0);
		assert_int_equal(env.q->stats.reclaimed, 0);
		tx_send_one(&env, TX_PLAIN, 60);
		assert_int_equal(env.q->stats.reclaimed, 64);
		tx_drain(&env);
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

/* When a burst needs more slots than packets, a portion is not enough. */
static void
test_a_portion_does_not_cut_a_burst_short(void **state)
{
	struct rte_mbuf *pkts[30];
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		struct tx_setup setup = tx_setup_of(256, mode);

		setup.free_thresh = 1;
		tx_open(&env, &setup);
		for (i = 0; i < 256; i++)
			tx_send_one(&env, TX_PLAIN, 60);
		pd_complete_all(env.dev, PD_FIFO, 0, 0);
		for (i = 0; i < RTE_DIM(pkts); i++)
			pkts[i] = tx_make(&env, TX_FIVE, 60);
		assert_int_equal(tx_send(&env, pkts, RTE_DIM(pkts)), RTE_DIM(pkts));
		tx_drain(&env);
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_free_threshold_is_honoured),
		cmocka_unit_test(test_default_threshold_and_portion),
		cmocka_unit_test(test_a_portion_does_not_cut_a_burst_short),
	};

	return cmocka_run_group_tests_name("txq_thresh", tests, unit_eal_start, unit_eal_stop);
}
