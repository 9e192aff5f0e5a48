/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Interrupts of several rx queues of a PCI device, which has as many MSI-X vectors as they need, or
 * fewer.
 */

#include "intr_rig.h"

#define PAIRS 3

static void
test_l04_a_vector_for_each_queue(void **state)
{
	struct pci_port *p = *state;
	uint64_t woken;
	uint16_t q;

	intr_rx_up(p, PAIRS, 0, "");
	for (q = 0; q < PAIRS; q++) {
		assert_int_equal(intr_vector_of(p, q), 1 + q);
		woken = vpd_interrupts(p->d, 1 + q);
		intr_check_wakes(p, q, 30);
		assert_true(vpd_interrupts(p->d, 1 + q) >= woken + 20);
	}
}

static void
test_pc15_queues_share_the_last_vector(void **state)
{
	struct pci_port *p = *state;
	uint16_t q;

	port_log_clear();
	intr_rx_up(p, PAIRS, 3, "");
	assert_true(port_log_has("rx queues from 1 on share MSI-X vector 2, since there are 3"));
	assert_int_equal(intr_vector_of(p, 0), 1);
	assert_int_equal(intr_vector_of(p, 1), 2);
	assert_int_equal(intr_vector_of(p, 2), 2);
	for (q = 0; q < PAIRS; q++)
		intr_check_wakes(p, q, 30);
	assert_in_range(intr_flap(p, 2), 0, AT_ONCE_MS);
}

static void
test_pc16_one_vector_for_all(void **state)
{
	struct pci_port *p = *state;
	uint16_t q;

	intr_rx_up(p, PAIRS, 1, "");
	assert_int_equal(intr_config_vector(p), 0);
	for (q = 0; q < PAIRS; q++) {
		assert_int_equal(intr_vector_of(p, q), 0);
		intr_check_wakes(p, q, 30);
		assert_in_range(intr_flap(p, 2), 0, AT_ONCE_MS);
	}
}

static void
test_pc15_a_host_with_one_vector(void **state)
{
	struct pci_port *p = *state;

	intr_host.vectors = 1;
	intr_rx_up(p, PAIRS, 0, "");
	assert_int_equal(intr_vector_of(p, 2), 0);
	intr_check_wakes(p, 2, 30);
	assert_in_range(intr_flap(p, 2), 0, AT_ONCE_MS);
}

static void
test_pc15_a_vector_that_is_refused(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.refuse_vector = 2;
	port_log_clear();
	intr_rx_up(p, PAIRS, 0, "");
	assert_true(port_log_has("the device refuses MSI-X vector 2: rx queue 1 shares vector 0"));
	assert_int_equal(intr_vector_of(p, 0), 1);
	assert_int_equal(intr_vector_of(p, 1), 0);
	intr_check_wakes(p, 1, 30);
	intr_check_wakes(p, 0, 30);
}

/* One sleeps for all of them, and whoever it was for is among those woken. */
static void
test_l04_all_queues_on_a_shared_vector(void **state)
{
	struct pci_port *p = *state;
	uint32_t round;
	uint16_t q;

	intr_rx_up(p, PAIRS, 2, "");
	for (round = 0; round < 100; round++) {
		for (q = 0; q < PAIRS; q++)
			intr_set(p, q, true);
		q = round % PAIRS;
		port_deliver(&p->port, q, round, 64);
		intr_wait_woken(q);
		for (q = 0; q < PAIRS; q++)
			intr_set(p, q, false);
		port_expect(&p->port, round % PAIRS, round, 1);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		intr_test(test_l04_a_vector_for_each_queue),
		intr_test(test_pc15_queues_share_the_last_vector),
		intr_test(test_pc16_one_vector_for_all),
		intr_test(test_pc15_a_host_with_one_vector),
		intr_test(test_pc15_a_vector_that_is_refused),
		intr_test(test_l04_all_queues_on_a_shared_vector),
	};

	return cmocka_run_group_tests_name("pci_intr_pairs", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
