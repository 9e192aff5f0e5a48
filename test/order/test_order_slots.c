/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Slots lap after lap: rewritten only when the device is known to be done with them, judged by the
 * flags of their own lap, never more of them than there are. Loads of the driver find old values for
 * as long as that is permitted.
 */

#include "order_rx.h"
#include "order_tx.h"

static const uint16_t sizes[] = {3, 5, 7, 8, 13};

/* One round of a transmit queue: the device uses some, the driver takes back and sends. */
static void
tx_round(uint16_t burst, bool lists, bool replay)
{
	otx_use(otx_random(pd_live(world.dev) + 1), otx_random(2));
	otx_begin();
	otx_send_some(1 + otx_random(burst), lists);
	if (replay)
		otx_replay();
	else
		otx_show();
}

/* ---- L-06 ------------------------------------------------------------------------------------- */

static void
test_l06_pr10_transmit_after_used(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 0; switches < 4; switches++) {
			otx_open("L-06", sizes[i], switches);
			for (choose_start(60); choose_more();)
				tx_round(6, i % 2, false);
			otx_close();
		}
	}
}

/* The headers and data of buffers too: mbufs go round through the pool and the application. */
static void
test_l06_pr28_tables_and_buffers_after_used(void **state)
{
	static const enum otx_kind kinds[] = {OTX_TWO, OTX_THREE, OTX_TWO, OTX_THREE, OTX_BARE};
	unsigned int i, switches;

	(void)state;
	for (switches = 2; switches < 4; switches++) {
		otx_open("L-06", 8, switches);
		for (i = 0; i < 40; i++) {
			otx_begin();
			assert_int_equal(otx_send(&kinds[i % RTE_DIM(kinds)], 1), 1);
			otx_show();
			otx_use(1, i % 2);
		}
		otx_close();
	}
}

static void
use_some(void)
{
	uint32_t n = 1 + orx_random(pd_live(world.dev));

	while (n-- > 0)
		orx_deliver(orx_random(ORX_ROOM),
			    &(struct pd_rx_opts){.order = orx.in_order ? PD_FIFO : PD_SHUFFLE,
						 .seed = orx.rnd});
}

static void
test_l06_pr10_refill_after_used(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 0; switches < 4; switches++) {
			orx_open("L-06", sizes[i], switches);
			for (choose_start(40); choose_more();)
				orx_round(use_some, 1 + choose_runs() % 16);
			orx_close();
		}
	}
}

/* Used packets go from a transmit queue to a receive queue, past the pool. */
static void
test_l06_recycled_after_used(void **state)
{
	struct rte_mbuf *taken[16];
	unsigned int i, switches;
	uint16_t n;

	(void)state;
	for (switches = 0; switches < 2; switches++) {
		otx_open("L-06", 8, switches);
		for (choose_start(60); choose_more();) {
			otx_begin();
			otx_send_some(4, false);
			otx_show();
			otx_use(otx_random(pd_live(world.dev) + 1), false);
			otx_begin();
			n = pvq_txq_recycle(otx.q, otx.pool, taken, 1, RTE_DIM(taken));
			/* The receive queue's device writes to them from now on. */
			for (i = 0; i < n; i++)
				world_wrote(taken[i]->buf_addr, taken[i]->buf_len);
			otx_show();
			rte_pktmbuf_free_bulk(taken, n);
		}
		otx_close();
	}
}

/* ---- L-07 ------------------------------------------------------------------------------------- */

static void
test_l07_pr05_pr07_four_laps_of_lists(void **state)
{
	static const enum otx_kind kinds[] = {OTX_TWO, OTX_THREE, OTX_PLAIN, OTX_BARE, OTX_CLONE};
	unsigned int i, k, slots, switches;

	(void)state;
	for (i = 0; i < 4; i++) {
		for (switches = 0; switches < 2; switches++) {
			otx_open("L-07", sizes[i], switches);
			/* Twice both parities, and each list over the end from each slot. */
			for (k = 0, slots = 0; slots < 12u * sizes[i]; k++) {
				const enum otx_kind kind = kinds[k * k % RTE_DIM(kinds)];

				otx_begin();
				assert_int_equal(otx_send(&kind, 1), 1);
				otx_replay();
				slots += otx_elements(kind);
				otx_use(1, k % 3 == 0);
			}
			otx_close();
		}
	}
}

/* A slot that was used in the last lap, or was made available in this one, is not used. */
static void
test_l07_pr16_flags_of_another_lap(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 0; switches < 2; switches++) {
			orx_open("L-07", sizes[i], switches);
			for (choose_start(12u * sizes[i]); choose_more();)
				orx_round(use_some, 8);
			assert_true(orx.got >= 4u * sizes[i]);
			orx_close();
			otx_open("L-07", sizes[i], switches);
			for (choose_start(24u * sizes[i]); choose_more();)
				tx_round(sizes[i], true, false);
			assert_true(otx.seen >= 4u * sizes[i]);
			otx_close();
		}
	}
}

/* ---- L-12 ------------------------------------------------------------------------------------- */

static unsigned int
ring_stores(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < world.nb_stores; i++)
		n += world.stores[i].at >= world.desc && world.stores[i].at < world.desc_end;
	return n;
}

/* Full at each slot: nothing used is seen, no store goes to the ring, and none of it is lost. */
static void
test_l12_full_is_not_empty(void **state)
{
	unsigned int i, k, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 0; switches < 4; switches++) {
			otx_open("L-12", sizes[i], switches);
			for (k = 0; k < 2u * sizes[i] + 2; k++) {
				otx_begin();
				otx_send_some(sizes[i], false);
				otx_replay();
				assert_int_equal(pd_live(world.dev), sizes[i]);
				assert_int_equal(otx.q->ring.next_avail, otx.q->ring.next_used);
				otx_begin();
				assert_int_equal(otx_send_some(3, true), 0);
				assert_int_equal(otx_reclaim(), 0);
				assert_int_equal(ring_stores(), 0);
				otx_show();
				otx_use(1, false);
			}
			otx_close();
		}
	}
}

/* Empty at each slot: flags that the last lap has left there are not taken for used ones. */
static void
test_l12_empty_is_not_full(void **state)
{
	unsigned int i, k, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 0; switches < 4; switches++) {
			otx_open("L-12", sizes[i], switches);
			for (choose_start(4u * sizes[i]); choose_more();) {
				otx_begin();
				otx_send_some(1, false);
				otx_show();
				otx_use(1, false);
				world.calm = true;
				otx_begin();
				assert_int_equal(otx_reclaim(), 1);
				world.calm = false;
				for (k = 0; k < 3; k++)
					assert_int_equal(otx_reclaim(), 0);
				assert_false(pvq_ring_enable_notify(&otx.q->ring));
				otx_show();
				assert_int_equal(pvq_ring_outstanding(&otx.q->ring), 0);
			}
			otx_close();
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l06_pr10_transmit_after_used),
		cmocka_unit_test(test_l06_pr28_tables_and_buffers_after_used),
		cmocka_unit_test(test_l06_pr10_refill_after_used),
		cmocka_unit_test(test_l06_recycled_after_used),
		cmocka_unit_test(test_l07_pr05_pr07_four_laps_of_lists),
		cmocka_unit_test(test_l07_pr16_flags_of_another_lap),
		cmocka_unit_test(test_l12_full_is_not_empty),
		cmocka_unit_test(test_l12_empty_is_not_full),
	};

	return cmocka_run_group_tests_name("order_slots", tests, unit_eal_start, unit_eal_stop);
}
