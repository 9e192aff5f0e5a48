/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Notifications: each side stores something and then reads what the other one stores. The device has
 * its turn at every point of the driver's, sees as little of what the driver stored as full fences
 * allow, and the driver's loads then find what was there before, unless a full fence is between.
 */

#include "order_rx.h"
#include "order_tx.h"

/* Runs for each point at which the device may have its turn. */
#define RUNS 12u
/* More than any burst here has loads, fences and notifications. */
#define POINTS_MAX 400u

/** What the device found out in its turn. */
static struct {
	bool had_turn;
	bool knows;
} device;

/* The device's turn comes now if it has not been yet. */
static void
turn_at_last(void (*act)(void))
{
	world.act = NULL;
	if (device.had_turn)
		return;
	world_flush();
	world_device();
	act();
	world_end();
}

static void
everything_is_old(void)
{
	world.known = world.nb_messages;
}

/* ---- L-03: the driver publishes and asks; the device enables and looks --------------------------- */

static void
enable_and_look(void)
{
	device.had_turn = true;
	if (pd_get_config(world.dev)->event_idx)
		pd_notify_next(world.dev);
	else
		pd_notify_enable(world.dev);
	device.knows = pd_available(world.dev);
}

static void
start_disabled(void)
{
	device.had_turn = false;
	device.knows = false;
	world_device();
	pd_notify_disable(world.dev);
	world_end();
	everything_is_old();
}

/* One burst of @p n with the device's turn at point @p at. @return whether there was such a point. */
static bool
transmit_l03(uint16_t n, uint32_t at)
{
	bool told;

	start_disabled();
	otx_begin();
	world.act = enable_and_look;
	world.act_at = at;
	otx_send_some(n, true);
	world_end();
	told = world.doorbells != 0;
	turn_at_last(enable_and_look);
	if (otx.nb_ends != 0 && !told && !device.knows)
		world_fail("L-03", "the device sleeps, and packets are there");
	otx_show();
	otx_use(pd_live(world.dev), false);
	return world.events > at;
}

static void
run_transmit(uint16_t size, unsigned int switches)
{
	uint32_t at;
	bool more = true;

	otx_open("L-03", size, switches);
	for (at = 0; more && at < POINTS_MAX; at++)
		for (more = false, choose_start(RUNS); choose_more();)
			more |= transmit_l03(1 + choose_runs() % 4, at);
	assert_in_range(at, 3, POINTS_MAX - 1);
	otx_close();
}

static void
test_l03_pr32_transmit(void **state)
{
	unsigned int switches;

	(void)state;
	for (switches = 0; switches < OTX_SWITCHES; switches++) {
		run_transmit(5, switches);
		run_transmit(8, switches);
	}
}

static bool
refill_l03(uint16_t n, uint32_t at)
{
	uint16_t i;
	bool told;

	world_device();
	for (i = 0; i < n; i++)
		orx_deliver(30 + i, NULL);
	world_end();
	start_disabled();
	orx_begin();
	world.act = enable_and_look;
	world.act_at = at;
	orx_poll(n);
	world_end();
	told = world.doorbells != 0;
	turn_at_last(enable_and_look);
	if (!told && !device.knows && orx.q->ring.nb_free == 0)
		world_fail("L-03", "the device sleeps, and buffers are there");
	orx_show();
	world.calm = true;
	do {
		orx_begin();
		i = orx_poll(n);
		orx_show();
	} while (i != 0);
	world.calm = false;
	return world.events > at;
}

static void
run_refill(uint16_t size, unsigned int switches)
{
	uint32_t at, points = 0;

	orx_open("L-03", size, switches);
	for (at = 0; at <= points && at < POINTS_MAX; at++)
		for (choose_start(RUNS); choose_more();)
			if (refill_l03(1 + choose_runs() % 4, at))
				points = at + 1;
	orx_close();
}

static void
test_l03_pr32_refill(void **state)
{
	unsigned int switches;

	(void)state;
	for (switches = 0; switches < ORX_SWITCHES; switches++) {
		run_refill(5, switches);
		run_refill(8, switches);
	}
}

/* Offset and flags are of one moment: the driver reads them by one load, once a burst. */
static void
test_l03_pr33_one_load(void **state)
{
	unsigned int switches, i;

	(void)state;
	for (switches = 0; switches < OTX_SWITCHES; switches++) {
		otx_open("L-03", 8, switches);
		for (i = 0; i < 20; i++) {
			otx_begin();
			otx_send_some(1 + i % 8, true);
			assert_int_equal(world.asked, otx.nb_ends);
			otx_show();
			otx_use(pd_live(world.dev), i % 2);
		}
		otx_close();
		orx_open("L-03", 8, switches);
		for (i = 0; i < 20; i++) {
			world_device();
			orx_deliver(20, NULL);
			world_end();
			orx_begin();
			assert_int_equal(orx_poll(4), 1);
			assert_int_equal(world.asked, 1);
			orx_show();
		}
		orx_close();
	}
}

/* ---- L-04: the driver enables and looks; the device uses and asks -------------------------------- */

static void
use_and_ask(void)
{
	device.had_turn = true;
	pd_flush(world.dev);
	device.knows = pd_should_interrupt(world.dev);
}

static bool
enable_l04(uint32_t at)
{
	const struct pd_rx_opts opts = {.stage = true};
	bool late;

	device.had_turn = false;
	world_device();
	orx_deliver(33, &opts);
	world_end();
	everything_is_old();
	orx_begin();
	world.act = use_and_ask;
	world.act_at = at;
	late = pvq_ring_enable_notify(&orx.q->ring);
	world_end();
	turn_at_last(use_and_ask);
	if (!late && !device.knows)
		world_fail("L-04", "the driver sleeps, and a packet is there");
	world_flush();
	world.calm = true;
	orx_begin();
	pvq_ring_disable_notify(&orx.q->ring);
	assert_int_equal(orx_poll(4), 1);
	orx_show();
	world.calm = false;
	return world.events > at;
}

static void
test_l04_pr31_enable(void **state)
{
	static const uint16_t sizes[] = {3, 8};
	unsigned int i, switches;
	uint32_t at;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 0; switches < ORX_SWITCHES; switches++) {
			orx_open("L-04", sizes[i], switches);
			/* A fence and a load, and one more if somebody puts it in. */
			for (at = 0; at < 4; at++)
				for (choose_start(RUNS); choose_more();)
					enable_l04(at);
			orx_close();
		}
	}
}

/* ---- L-05: the offset is there when the flags say that it counts --------------------------------- */

static uint32_t expected;

static void
judge_event(const struct world_state *state, void *arg)
{
	const uint32_t event = pd_driver_event(state->probe);

	(void)arg;
	if (event >> 16 == PD_EVENT_DESC && (event & 0xffff) != expected)
		world_fail("L-05", "the driver event counts, and its offset and wrap are 0x%04x "
			   "instead of 0x%04x", event & 0xffff, expected);
	if (event >> 16 > PD_EVENT_DESC)
		world_fail("L-05", "the driver event has flags %u", event >> 16);
	if (state->all && event >> 16 != PD_EVENT_DESC)
		world_fail("L-05", "in the end the driver event has flags %u", event >> 16);
}

static void
test_l05_pr30_offset_before_flags(void **state)
{
	static const uint16_t sizes[] = {3, 5, 8};
	unsigned int i, k;
	bool wrap;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		orx_open("L-05", sizes[i], 4);
		/* Four laps; the offset of the last time is another one. */
		for (k = 0; k < 4u * sizes[i]; k++) {
			expected = pd_used_slot(world.dev, &wrap);
			expected |= (uint32_t)wrap << 15;
			orx_begin();
			assert_false(pvq_ring_enable_notify(&orx.q->ring));
			world_end();
			assert_true(world_replay(orx.base, judge_event, NULL) >= 3);
			world_flush();
			world_check();
			world_device();
			orx_deliver(20, NULL);
			world_end();
			orx_begin();
			pvq_ring_disable_notify(&orx.q->ring);
			assert_int_equal(orx_poll(4), 1);
			orx_show();
		}
		orx_close();
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l03_pr32_transmit),
		cmocka_unit_test(test_l03_pr32_refill),
		cmocka_unit_test(test_l03_pr33_one_load),
		cmocka_unit_test(test_l04_pr31_enable),
		cmocka_unit_test(test_l05_pr30_offset_before_flags),
	};

	return cmocka_run_group_tests_name("order_event", tests, unit_eal_start, unit_eal_stop);
}
