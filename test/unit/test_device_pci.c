/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The model of a whole PCI device: it does what a device does, a driver as it should be is not
 * blamed, and each duty that one breaks is named. Registers alone are in test_device_registers.c,
 * interrupts in test_device_interrupts.c, the control queue is in test_device_control.c.
 */

#include <errno.h>

#include "device_pci.h"

static void
a_driver_as_it_should_be(void **state)
{
	struct hand *h = *state;
	uint32_t i;

	hand_up(h, HAND_PLAIN);
	for (i = 0; i < 3 * HAND_SIZE + 1; i++)
		hand_echo(h, i % HAND_SIZE, i);
	hand_clean(h);
	assert_int_equal(h->d->queue[1].doorbells, i);
	set(h, 20, 0, 1);
	assert_int_equal(get(h, 20, 1), 0);
	assert_null(vhu_backend_vq(h->d->net, 0));
	hand_clean(h);
}

/* Nothing is looked at without a doorbell. */
static void
a_doorbell_that_does_not_ring(void **state)
{
	struct hand *h = *state;

	hand_up(h, HAND_PLAIN);
	vpd_step(h->d);
	hand_post(h, 0);
	hand_send(h, 0, 1);
	assert_false(vpd_step(h->d));
	assert_false(hand_used(h, 1, 1));
	hand_ring(h, 4, 1, 2);
	assert_true(vpd_step(h->d));
	assert_true(hand_used(h, 1, 1));
}

static void
pr15_addresses_that_are_pointers(void **state)
{
	struct hand *h = *state;

	hand_up(h, HAND_PLAIN);
	hand_put(h, 1, (uintptr_t)h->mem - HAND_SHIFT, 100, 0, 0);
	hand_ring(h, 4, 1, 2);
	vpd_step(h->d);
	hand_blamed(h, "PR-15");
}

static void
pr34_doorbells_that_ring_too_soon(void **state)
{
	struct hand *h = *state;

	hand_plug(h);
	hand_negotiate(h, HAND_PLAIN);
	hand_set_up(h, 0, 1);
	hand_ring(h, 0, 0, 2);
	vpd_step(h->d);
	hand_blamed(h, "PR-34");
	/* Nor may it be taken for one that came after. */
	hand_ring(h, 0, 0, 2);
	set(h, 20, 15, 1);
	hand_blamed(h, "PR-34");
	/* A queue that is not set up. */
	hand_ring(h, 4, 1, 2);
	vpd_step(h->d);
	hand_blamed(h, "PR-34");
}

static void
pc13_pc14_doorbells_that_are_none(void **state)
{
	struct hand *h = *state;

	hand_up(h, HAND_PLAIN);
	hand_ring(h, 4, 0, 2);
	vpd_step(h->d);
	hand_blamed(h, "PC-14");
	hand_ring(h, 4, 17, 2);
	vpd_step(h->d);
	hand_blamed(h, "PC-14");
	/* As wide as with NOTIFICATION_DATA. */
	hand_ring(h, 4, 1, 4);
	vpd_step(h->d);
	hand_blamed(h, "PC-14");
	hand_ring(h, 8, 1, 2);
	vpd_step(h->d);
	hand_blamed(h, "PC-13");
}

static void
pc14_names(void **state)
{
	struct hand *h = *state;

	h->conf.regs.features |= VPM_F_NOTIF_CONFIG_DATA;
	h->conf.regs.notif_config_data = 0x500;
	hand_up(h, HAND_PLAIN | VPM_F_NOTIF_CONFIG_DATA);
	set(h, 22, 1, 2);
	assert_int_equal(get(h, 56, 2), 0x501);
	hand_ring(h, 4, 0x501, 2);
	assert_true(vpd_step(h->d));
	hand_clean(h);
	hand_ring(h, 4, 1, 2);
	vpd_step(h->d);
	hand_blamed(h, "PC-14");
}

/* One place for all. */
static void
pc13_a_shared_doorbell(void **state)
{
	struct hand *h = *state;

	h->conf.notify_multiplier = 0;
	hand_up(h, HAND_PLAIN);
	hand_post(h, 0);
	hand_send(h, 0, 1);
	hand_ring(h, 0, 1, 2);
	vpd_step(h->d);
	assert_true(hand_used(h, 1, 1));
	hand_ring(h, 0, 0, 2);
	vpd_step(h->d);
	hand_clean(h);
	hand_ring(h, 0, 2, 2);
	vpd_step(h->d);
	hand_blamed(h, "PC-14");
}

static uint32_t
position(uint16_t off, bool wrap)
{
	return 1 | (uint32_t)off << 16 | (uint32_t)wrap << 31;
}

static void
pr35_positions(void **state)
{
	static const struct {
		uint16_t off;
		bool wrap;
	} wrong[] = {{4, true}, {6, true}, {HAND_SIZE, true}, {0x7fff, true}};
	struct hand *h = *state;
	unsigned int i;

	h->conf.regs.features |= VPM_F_NOTIFICATION_DATA;
	h->conf.net.mode = VHU_IDLE;
	hand_up(h, HAND_PLAIN | VPM_F_NOTIFICATION_DATA);
	for (i = 0; i < 3; i++)
		hand_send(h, i, i);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		hand_ring(h, 4, position(wrong[i].off, wrong[i].wrap), 4);
		vpd_step(h->d);
		hand_blamed(h, "PR-35");
	}
	/* What is written next tells of all; the device is ahead of what was written before. */
	for (i = 0; i <= 3; i++) {
		hand_ring(h, 4, position(i, true), 4);
		vpd_step(h->d);
	}
	hand_clean(h);
	for (i = 3; i < HAND_SIZE; i++)
		hand_send(h, i, i);
	hand_ring(h, 4, position(0, false), 4);
	vpd_step(h->d);
	hand_clean(h);
	/* Half a doorbell. */
	hand_ring(h, 4, 1, 2);
	vpd_step(h->d);
	hand_blamed(h, "PR-35");
}

/* The device goes on until the reset is done, and says so when it finds its memory changed. */
static void
pr38_hd23_a_reset_that_takes_its_time(void **state)
{
	struct hand *h = *state;

	h->conf.regs.reset_reads = 3;
	hand_up(h, HAND_PLAIN);
	hand_post(h, 0);
	hand_post(h, 1);
	hand_ring(h, 0, 0, 2);
	vpd_step(h->d);
	set(h, 20, 0, 1);
	assert_int_equal(vhu_backend_send(h->d->net, 0, h->mem, HAND_LEN), 0);
	assert_int_equal(get(h, 20, 1), 15);
	assert_int_equal(vhu_backend_send(h->d->net, 0, h->mem, HAND_LEN), 0);
	assert_true(hand_used(h, 0, 1) && hand_used(h, 0, 2));
	get(h, 20, 1);
	get(h, 20, 1);
	assert_int_equal(get(h, 20, 1), 0);
	assert_int_equal(vhu_backend_send(h->d->net, 0, h->mem, HAND_LEN), -ENOTCONN);
	hand_clean(h);
}

static void
pr10_memory_taken_away_before_the_reset_is_done(void **state)
{
	struct hand *h = *state;

	h->conf.regs.reset_reads = 2;
	hand_up(h, HAND_PLAIN);
	hand_post(h, 0);
	vpd_lock(h->d);
	pd_fetch(vhu_backend_vq(h->d->net, 0), 1);
	vpd_unlock(h->d);
	set(h, 20, 0, 1);
	memset(h->mem + RING_AT(0), 0, 16);
	get(h, 20, 1);
	get(h, 20, 1);
	hand_clean(h);
	assert_int_equal(get(h, 20, 1), 0);
	hand_blamed(h, "PR-10");
}

static void
pr37_one_queue_reset(void **state)
{
	struct hand *h = *state;

	h->conf.regs.queue_reset_reads = 2;
	hand_up(h, HAND_PLAIN | VPM_F_RING_RESET);
	hand_echo(h, 0, 1);
	set(h, 22, 1, 2);
	set(h, 58, 1, 2);
	assert_non_null(vhu_backend_vq(h->d->net, 1));
	assert_int_equal(get(h, 58, 2), 1);
	assert_int_equal(get(h, 58, 2), 1);
	assert_int_equal(get(h, 58, 2), 0);
	assert_null(vhu_backend_vq(h->d->net, 1));
	assert_non_null(vhu_backend_vq(h->d->net, 0));
	assert_int_equal(get(h, 28, 2), 0);
	hand_ring(h, 4, 1, 2);
	vpd_step(h->d);
	hand_blamed(h, "PR-34");
	/* Without a reset of the device it begins anew. */
	memset(h->mem + RING_AT(1), 0, 1024);
	hand_set_up(h, 1, 2);
	hand_echo(h, 1, 2);
	hand_clean(h);
}

static void
nt23_queues_without_mq(void **state)
{
	struct hand *h = *state;

	h->conf.net.queue_pairs = 2;
	h->conf.regs.features |= VHU_F_MQ | VPD_F_CTRL_VQ;
	hand_plug(h);
	hand_negotiate(h, HAND_PLAIN);
	hand_set_up(h, 2, VPM_NO_VECTOR);
	set(h, 20, 15, 1);
	hand_blamed(h, "NT-23");
}

static void
in13_fd07_features_that_do_not_go_together(void **state)
{
	static const struct {
		uint64_t features;
		const char *id;
	} wrong[] = {
		{VHU_F_MQ, "FD-07"}, {VPD_F_CTRL_RX, "FD-07"}, {1ull << 30, "IN-13"},
		{1ull << 45, "IN-13"},
	};
	struct hand *h = *state;
	unsigned int i;

	h->conf.regs.features = UINT64_MAX;
	hand_plug(h);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		hand_negotiate(h, HAND_PLAIN | wrong[i].features);
		hand_blamed(h, wrong[i].id);
	}
	hand_negotiate(h, HAND_PLAIN & ~VPM_F_ACCESS_PLATFORM);
	hand_blamed(h, "PR-15");
	hand_negotiate(h, HAND_PLAIN & ~VHU_F_RING_PACKED);
	hand_blamed(h, "IN-05");
	hand_negotiate(h, HAND_PLAIN);
	hand_clean(h);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		hand_test(a_driver_as_it_should_be),
		hand_test(a_doorbell_that_does_not_ring),
		hand_test(pr15_addresses_that_are_pointers),
		hand_test(pr34_doorbells_that_ring_too_soon),
		hand_test(pc13_pc14_doorbells_that_are_none),
		hand_test(pc14_names),
		hand_test(pc13_a_shared_doorbell),
		hand_test(pr35_positions),
		hand_test(pr38_hd23_a_reset_that_takes_its_time),
		hand_test(pr10_memory_taken_away_before_the_reset_is_done),
		hand_test(pr37_one_queue_reset),
		hand_test(nt23_queues_without_mq),
		hand_test(in13_fd07_features_that_do_not_go_together),
	};

	return cmocka_run_group_tests_name("device_pci", tests, NULL, NULL);
}
