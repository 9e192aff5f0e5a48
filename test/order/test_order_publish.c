/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * What a device can see while a burst or a refill is being stored: nothing, or all of it. Every state
 * that the driver's barriers permit is shown to a device.
 */

#include "order_rx.h"
#include "order_tx.h"

static const uint16_t odd_sizes[] = {3, 5, 7, 8};
/* Sizes in which the vector kernels find whole batches. */
static const uint16_t batch_sizes[] = {8, 13, 18};

static void
run_tx(const char *id, uint16_t size, unsigned int switches, uint16_t burst, bool lists,
       unsigned int rounds)
{
	unsigned int i;

	otx_open(id, size, switches);
	for (i = 0; i < rounds; i++) {
		otx_begin();
		otx_send_some(1 + (burst + i) % burst, lists);
		otx_replay();
		otx_use(otx_random(pd_live(world.dev) + 1), otx_random(2));
	}
	assert_true(otx.states > 10 * rounds);
	otx_close();
}

/* ---- L-01 ------------------------------------------------------------------------------------- */

static void
test_l01_pr09_transmit(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(odd_sizes); i++)
		for (switches = 0; switches < OTX_SWITCHES; switches += 2)
			run_tx("L-01", odd_sizes[i], switches & ~2u, 3, false, 12);
	for (i = 0; i < RTE_DIM(batch_sizes); i++)
		for (switches = 0; switches < 2; switches++)
			run_tx("L-01", batch_sizes[i], switches, 9, false, 8);
}

static void
test_l01_pr09_transmit_one_list(void **state)
{
	static const enum otx_kind kinds[] = {OTX_TWO, OTX_FIVE, OTX_BARE, OTX_THREE, OTX_CLONE};
	unsigned int size, i, switches;

	(void)state;
	for (size = 5; size <= 8; size++) {
		for (switches = 0; switches < 2; switches++) {
			otx_open("L-01", size, switches);
			for (i = 0; i < 15; i++) {
				otx_begin();
				assert_int_equal(otx_send(&kinds[i % RTE_DIM(kinds)], 1), 1);
				otx_replay();
				otx_use(1, false);
			}
			otx_close();
		}
	}
}

static void
test_l01_pr26_transmit_indirect(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(odd_sizes); i++)
		for (switches = 2; switches < 4; switches++)
			run_tx("L-01", odd_sizes[i], switches, 3, true, 16);
}

/* The first refill is the whole ring, from a reset; the others are what was received. */
static void
run_rx(const char *id, uint16_t size, unsigned int switches, uint16_t burst, unsigned int rounds)
{
	unsigned int i;

	orx_open(id, size, switches);
	for (i = 0; i < rounds; i++) {
		uint32_t n = 1 + orx_random(RTE_MIN(burst, size));

		world_device();
		while (n-- > 0)
			orx_deliver(orx_random(ORX_ROOM),
				    &(struct pd_rx_opts){.order = orx.in_order ? PD_FIFO : PD_SHUFFLE,
							 .seed = orx.rnd});
		world_end();
		orx_begin();
		orx_poll(burst);
		orx_replay();
	}
	assert_true(orx.states > 10 * rounds);
	orx_close();
}

static void
test_l01_pr09_refill(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(odd_sizes); i++)
		for (switches = 0; switches < 4; switches++)
			run_rx("L-01", odd_sizes[i], switches, 8, 10);
	for (i = 0; i < RTE_DIM(batch_sizes); i++)
		for (switches = 0; switches < 2; switches++)
			run_rx("L-01", batch_sizes[i], switches, 16, 8);
}

/* Mbufs that come from a transmit queue are posted by another function. */
static void
test_l01_pr09_recycled_refill(void **state)
{
	unsigned int i, k, switches;

	(void)state;
	for (switches = 0; switches < 2; switches++) {
		orx_open("L-01", 13, switches);
		assert_true(pvq_rxq_recycle(orx.q));
		/* Leave the refill to recycling alone. */
		orx.q->free_thresh = orx.size;
		for (i = 0; i < 12; i++) {
			const uint16_t n = 1 + i % 7;

			world_device();
			for (k = 0; k < n; k++)
				orx_deliver(20 + k, NULL);
			world_end();
			orx_begin();
			assert_int_equal(orx_poll(n), n);
			orx_show();
			assert_int_equal(rte_mempool_get_bulk(orx.pool, (void **)orx.q->recycled, n), 0);
			orx_begin();
			pvq_rx_paths[pvq_gate_path(orx.q->gate.state)].recycle(orx.q, n);
			orx_replay();
		}
		orx_close();
	}
}

/* ---- L-09: several lists in one burst, and several bursts -------------------------------------- */

static void
test_l09_burst_of_lists(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 1; i < RTE_DIM(odd_sizes); i++)
		for (switches = 0; switches < 4; switches++)
			run_tx("L-09", odd_sizes[i], switches, 4, true, 16);
	for (switches = 0; switches < 4; switches++)
		run_tx("L-09", 18, switches, 10, true, 10);
}

/* None of the first is shown yet when the second begins; each is seen whole or not at all. */
static void
test_l09_two_bursts_at_once(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		otx_open("L-09", 13, switches);
		for (i = 0; i < 10; i++) {
			otx_begin();
			otx_send_some(1 + i % 3, true);
			otx_send_some(1 + i % 2, true);
			otx_replay();
			otx_use(pd_live(world.dev), i % 2);
		}
		otx_close();
	}
}

/* ---- L-10: a burst that the ring's end or its room cuts ----------------------------------------- */

static void
test_l10_burst_over_the_end(void **state)
{
	static const uint16_t sizes[] = {6, 7, 10, 13};
	unsigned int i, k, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 0; switches < 2; switches++) {
			otx_open("L-10", sizes[i], switches);
			for (k = 0; k < 2u * sizes[i]; k++) {
				enum otx_kind plain[4] = {OTX_PLAIN};

				/* Four from each slot of the ring in turn, in both laps. */
				otx_begin();
				assert_int_equal(otx_send(plain, 4), 4);
				otx_replay();
				otx_use(4, k % 2);
				otx_begin();
				while ((otx.q->ring.next_avail + 2u * sizes[i] - k - 1) % sizes[i])
					otx_send(plain, 1), otx_show(), otx_use(1, false), otx_begin();
				otx_show();
			}
			otx_close();
		}
	}
}

static void
test_l10_burst_without_room(void **state)
{
	unsigned int free_slots, switches;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		for (free_slots = 1; free_slots < 4; free_slots++) {
			otx_open("L-10", 9, switches);
			otx_begin();
			otx_send_some(9 - free_slots, false);
			otx_replay();
			otx_begin();
			assert_int_equal(otx_send_some(4, false), free_slots);
			otx_replay();
			/* And now over the end. */
			otx_use(free_slots, false);
			otx_begin();
			assert_int_equal(otx_send_some(4, false), free_slots);
			otx_replay();
			otx_close();
		}
	}
}

/* ---- L-13: the doorbell ------------------------------------------------------------------------- */

static void
test_l13_doorbell_after_ring(void **state)
{
	unsigned int i, switches;
	uint32_t rung = 0;

	(void)state;
	for (switches = 0; switches < OTX_SWITCHES; switches++) {
		otx_open("L-13", 8, switches);
		for (i = 0; i < 8; i++) {
			otx_begin();
			otx_send_some(1 + i % 4, true);
			rung += world.doorbells;
			otx_replay();
			otx_use(pd_live(world.dev), false);
		}
		otx_close();
	}
	assert_int_equal(rung, 8 * OTX_SWITCHES);
	run_rx("L-13", 8, 0, 4, 8);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l01_pr09_transmit),
		cmocka_unit_test(test_l01_pr09_transmit_one_list),
		cmocka_unit_test(test_l01_pr26_transmit_indirect),
		cmocka_unit_test(test_l01_pr09_refill),
		cmocka_unit_test(test_l01_pr09_recycled_refill),
		cmocka_unit_test(test_l09_burst_of_lists),
		cmocka_unit_test(test_l09_two_bursts_at_once),
		cmocka_unit_test(test_l10_burst_over_the_end),
		cmocka_unit_test(test_l10_burst_without_room),
		cmocka_unit_test(test_l13_doorbell_after_ring),
	};

	return cmocka_run_group_tests_name("order_publish", tests, unit_eal_start, unit_eal_stop);
}
