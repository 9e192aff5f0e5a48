/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * What the driver reads of used buffers while loads find old values for as long as that is permitted:
 * ids, lengths and data are those that belong to the flags, or the buffer is not taken yet.
 */

#include <errno.h>

#include "order_rx.h"
#include "order_tx.h"

static const uint16_t sizes[] = {3, 5, 7, 8, 13, 18};

static struct pd_rx_opts
some_order(void)
{
	return (struct pd_rx_opts){
		.order = orx.in_order ? PD_FIFO : PD_SHUFFLE,
		.seed = orx.rnd,
	};
}

static void
run_rounds(const char *id, unsigned int switches, unsigned int runs, void (*device)(void))
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(sizes); i++) {
		orx_open(id, sizes[i], switches);
		for (choose_start(runs); choose_more();)
			orx_round(device, 1 + choose_runs() % 20);
		assert_true(orx.got >= 4u * sizes[i]);
		orx_close();
	}
}

/* ---- L-02 ------------------------------------------------------------------------------------- */

static void
use_some(void)
{
	uint32_t n = 1 + orx_random(RTE_MIN(pd_live(world.dev), 7u));

	while (n-- > 0) {
		const struct pd_rx_opts opts = some_order();

		orx_deliver(orx_random(ORX_ROOM), &opts);
	}
}

static void
test_l02_pr17_id_len_and_data(void **state)
{
	(void)state;
	run_rounds("L-02", 0, 150, use_some);
	run_rounds("L-02", 2, 150, use_some);
}

static void
test_l02_pr17_in_order(void **state)
{
	(void)state;
	run_rounds("L-02", 1, 150, use_some);
	run_rounds("L-02", 3, 150, use_some);
}

/* Ids alone: of what is transmitted. */
static void
test_l02_pr17_transmitted_ids(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 0; switches < 4; switches++) {
			otx_open("L-02", sizes[i], switches);
			for (choose_start(80); choose_more();) {
				otx_begin();
				otx_send_some(1 + otx_random(sizes[i]), true);
				otx_show();
				otx_use(otx_random(pd_live(world.dev) + 1), otx_random(2));
				if (otx.q->stats.queue_errors != 0)
					world_fail("L-02", "an old id was read");
				world_check();
			}
			otx_close();
		}
	}
}

/* ---- L-08: used descriptors show before those in front of them --------------------------------- */

static void
use_with_holes(void)
{
	const unsigned int n = RTE_MIN(pd_live(world.dev), 9u);
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct pd_rx_opts opts = some_order();

		opts.stage = true;
		orx_deliver(orx_random(ORX_ROOM), &opts);
	}
	/* Every one of a batch of four is the last one some time. */
	i = choose_runs() % n;
	while (pd_staged(world.dev) > 1)
		pd_flush_one(world.dev, (pd_staged(world.dev) - 1 == i || orx_random(2)) ?
					       pd_staged(world.dev) - 2 : pd_staged(world.dev) - 1);
	pd_flush(world.dev);
}

static void
test_l08_pr21_holes(void **state)
{
	(void)state;
	run_rounds("L-08", 0, 120, use_with_holes);
	run_rounds("L-08", 1, 120, use_with_holes);
	run_rounds("L-08", 2, 60, use_with_holes);
}

/* Part of what is staged stays invisible while the driver polls: nothing behind it may come. */
static void
test_l08_pr21_a_hole_that_stays(void **state)
{
	unsigned int i, hole, k, switches, before;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 0; switches < 2; switches++) {
			orx_open("L-08", sizes[i], switches);
			for (k = 0; k < 3u * sizes[i]; k++) {
				const unsigned int n = RTE_MIN(sizes[i], 8u);

				hole = k % n;
				world_device();
				for (before = 0; before < n; before++) {
					struct pd_rx_opts opts = some_order();

					opts.stage = true;
					orx_deliver(20 + before, &opts);
				}
				while (pd_staged(world.dev) > hole + 1)
					pd_flush_one(world.dev, hole + 1);
				while (pd_staged(world.dev) > 1)
					pd_flush_one(world.dev, 0);
				world_end();
				orx_begin();
				assert_int_equal(orx_poll(16), hole);
				orx_show();
				world_device();
				pd_flush(world.dev);
				world_end();
				orx_begin();
				assert_int_equal(orx_poll(16), n - hole);
				orx_show();
			}
			orx_close();
		}
	}
}

/* ---- L-11: one used descriptor for several buffers ---------------------------------------------- */

static void
use_one_batch(unsigned int n)
{
	struct pd_pkt pkts[ORX_BURST];
	static uint8_t data[ORX_BURST][ORX_ROOM];
	unsigned int i;

	/* Those before the last count as full (PR-23). */
	for (i = 0; i < n; i++) {
		pkts[i].data = data[i];
		pkts[i].len = i + 1 < n ? ORX_ROOM : orx_random(ORX_ROOM);
		orx.len[orx.made % ORX_RECORDS] = pkts[i].len;
		unit_fill(data[i], pkts[i].len, orx.made++, 0);
	}
	assert_int_equal(pd_rx_batch(world.dev, pkts, n), 0);
}

/* Two, so that the first one's flags do not tell of all that there is. */
static void
use_batches(void)
{
	use_one_batch(1 + choose_runs() % pd_live(world.dev));
	if (pd_live(world.dev) != 0)
		use_one_batch(1 + orx_random(pd_live(world.dev)));
}

static void
test_l11_pr22_received_batches(void **state)
{
	(void)state;
	run_rounds("L-11", 1, 80, use_batches);
	run_rounds("L-11", 3, 80, use_batches);
}

static void
test_l11_pr22_transmitted_batches(void **state)
{
	unsigned int i, switches, n = 0;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 1; switches < 4; switches += 2) {
			otx_open("L-11", sizes[i], switches);
			for (choose_start(6u * sizes[i]); choose_more();) {
				/* Direct lists and tables, as many as go in. */
				otx_begin();
				otx_send_some(sizes[i], true);
				otx_show();
				if (pd_live(world.dev) == 0)
					continue;
				otx_use(1 + n++ % pd_live(world.dev), true);
				if (otx.q->stats.queue_errors != 0)
					world_fail("L-11", "an old id was read");
				world_check();
			}
			assert_true(otx.seen >= 4u * sizes[i]);
			otx_close();
		}
	}
}

/* ---- L-14: all parts of a packet are there with the first ---------------------------------------- */

static void
use_for_parts(void)
{
	unsigned int n = 1 + orx_random(4);

	while (n-- > 0) {
		const struct pd_rx_opts opts = some_order();

		if (orx_deliver(orx_random(3 * ORX_ROOM), &opts) == -EAGAIN)
			break;
	}
	if (pd_live(world.dev) == orx.size) {
		const struct pd_rx_opts opts = some_order();

		orx_deliver(orx_random(ORX_ROOM), &opts);
	}
}

static void
test_l14_pr39_parts(void **state)
{
	(void)state;
	run_rounds("L-14", 2, 150, use_for_parts);
	run_rounds("L-14", 3, 150, use_for_parts);
}

/* The number of buffers is read from the buffer, after the flags of its descriptor. */
static void
test_l14_pr17_number_of_parts(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 2; switches < 4; switches++) {
			orx_open("L-14", sizes[i], switches);
			for (choose_start(100); choose_more();) {
				orx_round(choose_runs() % 2 ? use_for_parts : use_some, 16);
				if (orx.q->stats.no_parts != 0)
					world_fail("L-14", "an old number of buffers was read");
				world_check();
			}
			orx_close();
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l02_pr17_id_len_and_data),
		cmocka_unit_test(test_l02_pr17_in_order),
		cmocka_unit_test(test_l02_pr17_transmitted_ids),
		cmocka_unit_test(test_l08_pr21_holes),
		cmocka_unit_test(test_l08_pr21_a_hole_that_stays),
		cmocka_unit_test(test_l11_pr22_received_batches),
		cmocka_unit_test(test_l11_pr22_transmitted_batches),
		cmocka_unit_test(test_l14_pr39_parts),
		cmocka_unit_test(test_l14_pr17_number_of_parts),
	};

	return cmocka_run_group_tests_name("order_receive", tests, unit_eal_start, unit_eal_stop);
}
