/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The model of a PCI function's registers: a driver as it should be is not blamed, and each duty
 * that one breaks is named.
 */

#include "device_registers.h"

static void
in01_a_driver_as_it_should_be(void **state)
{
	(void)state;
	set(0, 0, 4);
	assert_int_equal(get(4, 4), 0x28020);
	set(0, 1, 4);
	assert_int_equal(get(4, 4), (VERSION_1 | RING_RESET) >> 32);
	set(0, 2, 4);
	assert_int_equal(get(4, 4), 0);
	negotiate(VERSION_1 | RING_RESET | 0x20);
	assert_int_equal(get(20, 1), 11);
	assert_int_equal(get(18, 2), 3);
	set(16, 0, 2);
	assert_int_equal(get(16, 2), 0);
	set_up_queue(1, 2);
	assert_int_equal(get(24, 2), 64);
	assert_int_equal(get(26, 2), 2);
	assert_int_equal(get(30, 2), 2);
	set(28, 1, 2);
	assert_int_equal(get(28, 2), 1);
	status(15);
	assert_int_equal(get(20, 1), 15);
	assert_int_equal(m.queue[1].desc, 0x100001000);
	assert_int_equal(m.queue[1].driver_event, 0x200002004);
	assert_int_equal(m.queue[1].device_event, 0x300003008);
	assert_int_equal(m.driver_features, VERSION_1 | RING_RESET | 0x20);
	/* A queue alone, and all of the device. */
	set(58, 1, 2);
	assert_int_equal(get(58, 2), 0);
	assert_int_equal(get(28, 2), 0);
	set_up_queue(1, 2);
	set(28, 1, 2);
	status(0);
	assert_int_equal(get(20, 1), 0);
	assert_false(m.queue[1].enabled);
	assert_int_equal(m.driver_features, 0);
	assert_int_equal(m.resets, 2);
	assert_string_equal(vpm_violations_text(&m), "");
}

static void
in01_in07_status(void **state)
{
	(void)state;
	status(2);
	assert_blamed("IN-01");
	negotiate(VERSION_1);
	status(3);
	assert_blamed("IN-01");
	negotiate(VERSION_1);
	status(128 | 11);
	status(128 | 11);
	assert_blamed("IN-07");
	status(0);
	get(20, 1);
	status(1);
	status(9);
	assert_blamed("IN-01");
	status(0);
	get(20, 1);
	status(1);
	status(3);
	status(7);
	assert_blamed("IN-01");
}

static void
in02_a_reset_takes_its_time(void **state)
{
	(void)state;
	negotiate(VERSION_1);
	m.conf.reset_reads = 2;
	status(0);
	get(18, 2);
	assert_blamed("IN-02");
	assert_int_equal(get(20, 1), 11);
	set(22, 0, 2);
	assert_blamed("IN-02");
	assert_int_equal(get(20, 1), 11);
	status(1);
	assert_blamed("IN-02");
	assert_int_equal(get(20, 1), 0);
	assert_string_equal(vpm_violations_text(&m), "");
}

static void
in03_in06_features(void **state)
{
	(void)state;
	negotiate(VERSION_1 | 1);
	/* Not offered, so not confirmed. */
	assert_int_equal(get(20, 1), 3);
	negotiate(VERSION_1);
	set(12, 0, 4);
	assert_blamed("IN-06");
	status(0);
	get(20, 1);
	set(12, 0, 4);
	assert_blamed("IN-06");
	m.conf.refuse_features = true;
	negotiate(VERSION_1);
	assert_int_equal(get(20, 1), 3);
	assert_string_equal(vpm_violations_text(&m), "");
}

static void
in13_features_that_nobody_knows(void **state)
{
	(void)state;
	status(0);
	get(20, 1);
	status(1);
	status(3);
	set(8, 2, 4);
	set(12, 0, 4);
	assert_string_equal(vpm_violations_text(&m), "");
	set(12, 1, 4);
	assert_blamed("IN-13");
}

static void
pc09_width_of_each_access(void **state)
{
	static const struct {
		uint32_t at;
		unsigned int width;
	} right[] = {{0, 4}, {16, 2}, {20, 1}, {21, 1}, {24, 2}, {36, 4}, {56, 2}};
	static const unsigned int widths[] = {1, 2, 4};
	unsigned int i, w;

	(void)state;
	m.conf.features |= VPM_F_NOTIF_CONFIG_DATA;
	negotiate(VERSION_1 | VPM_F_NOTIF_CONFIG_DATA);
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		for (w = 0; w < 3; w++) {
			get(right[i].at, widths[w]);
			if (widths[w] != right[i].width)
				assert_blamed("PC-09");
		}
	}
	get(1, 4);
	assert_blamed("PC-09");
	get(VPM_DEVICE, 4);
	assert_blamed("PC-09");
	get(VPM_DEVICE + 6, 1);
	assert_blamed("PC-09");
	assert_int_equal(get(VPM_DEVICE + 5, 1), 7);
	assert_int_equal(get(VPM_DEVICE + 6, 2), 1);
	assert_string_equal(vpm_violations_text(&m), "");
}

static void
pc06_pc10_what_is_not_to_be_written(void **state)
{
	static const struct {
		uint32_t at;
		unsigned int width;
	} fields[] = {{4, 4}, {18, 2}, {21, 1}, {30, 2}, {56, 2}};
	unsigned int i;

	(void)state;
	negotiate(VERSION_1);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		set(fields[i].at, 0, fields[i].width);
		assert_blamed("PC-10");
	}
	set(VPM_DEVICE, 0, 1);
	assert_blamed("NT-30");
	set(VPM_ISR, 0, 1);
	assert_blamed("PC-06");
	get(VPM_NOTIFY, 2);
	assert_blamed("PC-06");
}

static void
pc11_pr01_queues(void **state)
{
	(void)state;
	status(0);
	get(20, 1);
	set(22, 0, 2);
	set(24, 64, 2);
	assert_blamed("IN-01");
	negotiate(VERSION_1);
	set(22, 0, 2);
	set(24, 0, 2);
	assert_blamed("PC-11");
	set(24, 257, 2);
	assert_blamed("PC-11");
	set_up_queue(0, VPM_NO_VECTOR);
	set(28, 0, 2);
	assert_blamed("PC-11");
	m.queue[0].enabled = false;
	set(28, 1, 2);
	set(24, 32, 2);
	assert_blamed("PC-11");
	set(48, 0, 4);
	assert_blamed("PC-11");
	set(22, 1, 2);
	set(28, 1, 2);
	assert_blamed("PC-11");
	m.queue[1].enabled = false;
	set_up_queue(1, VPM_NO_VECTOR);
	set(32, 0x1008, 4);
	set(28, 1, 2);
	assert_blamed("PR-01");
	/* Not without RING_RESET. */
	set(58, 1, 2);
	assert_blamed("PR-37");
}

static void
pc15_vectors(void **state)
{
	(void)state;
	negotiate(VERSION_1);
	set(22, 0, 2);
	set(26, 3, 2);
	assert_blamed("PC-15");
	assert_int_equal(get(26, 2), VPM_NO_VECTOR);
	set(16, 3, 2);
	assert_blamed("PC-15");
	m.conf.refuse_vector = 2;
	set(26, 2, 2);
	assert_int_equal(get(26, 2), VPM_NO_VECTOR);
	set(26, 1, 2);
	assert_int_equal(get(26, 2), 1);
	assert_string_equal(vpm_violations_text(&m), "");
}

static void
in08_generations(void **state)
{
	uint32_t before;

	(void)state;
	m.conf.config_changes = 1;
	before = get(21, 1);
	get(VPM_DEVICE, 1);
	assert_int_not_equal(get(21, 1), before);
	before = get(21, 1);
	get(VPM_DEVICE, 1);
	assert_int_equal(get(21, 1), before);
}

static void
hd26_unplugged(void **state)
{
	(void)state;
	negotiate(VERSION_1);
	m.gone = true;
	assert_int_equal(get(20, 1), 0xff);
	assert_int_equal(get(18, 2), 0xffff);
	assert_int_equal(get(4, 4), 0xffffffff);
	status(0);
	m.gone = false;
	assert_int_equal(get(20, 1), 11);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(in01_a_driver_as_it_should_be),
		TEST(in01_in07_status),
		TEST(in02_a_reset_takes_its_time),
		TEST(in03_in06_features),
		TEST(in13_features_that_nobody_knows),
		TEST(pc09_width_of_each_access),
		TEST(pc06_pc10_what_is_not_to_be_written),
		TEST(pc11_pr01_queues),
		TEST(pc15_vectors),
		TEST(in08_generations),
		TEST(hd26_unplugged),
	};

	return cmocka_run_group_tests_name("device_registers", tests, NULL, NULL);
}
