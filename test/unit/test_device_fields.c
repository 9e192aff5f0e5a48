/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file More of the model's registers: fields that a feature brings, a queue's reset, two threads. */

#include <pthread.h>

#include "device_registers.h"

/* Fields behind the end of the structure, and fields that a feature brings. */
static void
pc07_pc14_pr37_fields_that_are_not_there(void **state)
{
	(void)state;
	negotiate(VERSION_1);
	get(58, 2);
	assert_blamed("PR-37");
	get(56, 2);
	assert_blamed("PC-14");
	negotiate(VERSION_1 | RING_RESET);
	assert_int_equal(get(58, 2), 0);
	m.conf.common_bytes = 58;
	get(58, 2);
	assert_blamed("PC-07");
	set(58, 1, 2);
	assert_blamed("PC-07");
}

static void
pr37_a_queue_s_reset(void **state)
{
	(void)state;
	m.conf.queue_reset_reads = 1;
	negotiate(VERSION_1 | RING_RESET);
	set_up_queue(1, VPM_NO_VECTOR);
	set(28, 1, 2);
	set(58, 1, 2);
	set(24, 32, 2);
	m.text[0] = '\0';
	set(58, 1, 2);
	assert_blamed("PR-37");
	assert_int_equal(get(58, 2), 1);
	assert_true(m.queue[1].enabled);
	assert_int_equal(get(58, 2), 0);
	assert_false(m.queue[1].enabled);
	assert_int_equal(m.queue[1].size, 256);
	assert_string_equal(vpm_violations_text(&m), "");
	set(58, 0, 2);
	assert_blamed("PR-37");
}

static void *
read_size(void *arg)
{
	(void)arg;
	get(24, 2);
	return NULL;
}

/* Who reads what another has selected may get anything. */
static void
pc12_selection_and_access_by_two(void **state)
{
	pthread_t other;

	(void)state;
	negotiate(VERSION_1);
	set(22, 0, 2);
	assert_int_equal(pthread_create(&other, NULL, read_size, NULL), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_blamed("PC-12");
	get(24, 2);
	assert_string_equal(vpm_violations_text(&m), "");
}

static void
pc16_isr(void **state)
{
	(void)state;
	m.isr = 3;
	get(VPM_ISR, 1);
	assert_blamed("PC-16");
	m.conf.vectors = 0;
	m.isr = 2;
	assert_int_equal(get(VPM_ISR, 1), 2);
	assert_int_equal(get(VPM_ISR, 1), 0);
	get(VPM_ISR, 2);
	assert_blamed("PC-06");
}

static void
in01_needs_reset_is_the_device_s(void **state)
{
	(void)state;
	negotiate(VERSION_1);
	status(11 | VPM_NEEDS_RESET);
	assert_blamed("IN-01");
	negotiate(VERSION_1);
	m.status |= VPM_NEEDS_RESET;
	status(15);
	assert_int_equal(get(20, 1), 15 | VPM_NEEDS_RESET);
	assert_string_equal(vpm_violations_text(&m), "");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(pc07_pc14_pr37_fields_that_are_not_there),
		TEST(pr37_a_queue_s_reset),
		TEST(pc12_selection_and_access_by_two),
		TEST(pc16_isr),
		TEST(in01_needs_reset_is_the_device_s),
	};

	return cmocka_run_group_tests_name("device_fields", tests, NULL, NULL);
}
