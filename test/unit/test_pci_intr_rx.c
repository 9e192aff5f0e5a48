/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Interrupts of rx queues of a PCI device: which vector each gets, what becomes of them where vectors
 * run out or are refused, and that nobody sleeps over a packet.
 */

#include <errno.h>

#include <rte_interrupts.h>

#include "intr_rig.h"
#include "port_wake.h"

/* ---- which vector for whom -------------------------------------------------------------------- */

/* Three rx queues on the device's registers alone. Bit i of @p shared: queue i's interrupt. */
static void
hand_out(struct pci_port *p, uint16_t vectors, uint16_t refused, const uint16_t *expected,
	 uint32_t shared)
{
	static const int call_fds[] = {101, 102, 103};
	struct pvq_pci_intr intr;
	struct pvq_vq vq = {0};
	uint16_t i;

	p->conf.regs.vectors = vectors;
	p->conf.regs.refuse_vector = refused;
	p->conf.regs.num_queues = 6;
	/* No more of the device is driven, negotiation left out. */
	p->port.expect_violations = true;
	pci_port_device_stepped(p);
	assert_int_equal(pci_port_find(p), 0);
	assert_int_equal(p->regs.at.msix_vectors, vectors);
	assert_int_equal(pvq_pci_intr_open(&intr, &p->intr, &p->regs, -1), 0);
	pvq_pci_intr_on(&intr, call_fds, RTE_DIM(call_fds));
	for (i = 0; i < RTE_DIM(call_fds); i++) {
		vq.queue_id = i;
		vq.index = 2 * i;
		vq.call_fd = call_fds[i];
		assert_int_equal(pvq_pci_intr_choose(&intr, &vq), expected[i]);
		assert_int_equal(intr_vector_of(p, i), expected[i]);
		assert_int_equal(vq.call_shared, shared >> i & 1);
		if (!vq.call_shared)
			assert_int_equal(vpd_vector_fd(p->d, expected[i]), call_fds[i]);
		else if (expected[i] != 0)
			assert_int_equal(vpd_vector_fd(p->d, expected[i]), intr.shared_fd);
	}
	pvq_pci_intr_close(&intr);
}

static void
test_pc15_a_vector_for_each_queue(void **state)
{
	hand_out(*state, 4, 0, (const uint16_t[]){1, 2, 3}, 0);
}

static void
test_pc15_more_vectors_than_queues(void **state)
{
	hand_out(*state, 9, 0, (const uint16_t[]){1, 2, 3}, 0);
}

static void
test_pc15_the_last_vector_is_shared(void **state)
{
	port_log_clear();
	hand_out(*state, 3, 0, (const uint16_t[]){1, 2, 2}, 6);
	assert_true(port_log_has("rx queues from 1 on share MSI-X vector 2, since there are 3"));
}

static void
test_pc15_two_vectors(void **state)
{
	hand_out(*state, 2, 0, (const uint16_t[]){1, 1, 1}, 7);
}

static void
test_pc16_one_vector(void **state)
{
	hand_out(*state, 1, 0, (const uint16_t[]){0, 0, 0}, 7);
}

static void
test_pc15_a_refused_vector(void **state)
{
	port_log_clear();
	hand_out(*state, 4, 2, (const uint16_t[]){1, 0, 3}, 2);
	assert_true(port_log_has("the device refuses MSI-X vector 2: rx queue 1 shares vector 0"));
}

static void
test_pc15_a_refused_vector_and_a_shared_one(void **state)
{
	hand_out(*state, 3, 1, (const uint16_t[]){2, 2, 2}, 7);
}

static void
test_pc15_the_shared_vector_is_refused(void **state)
{
	hand_out(*state, 3, 2, (const uint16_t[]){1, 0, 0}, 6);
}

static void
test_pc15_a_host_with_fewer_vectors(void **state)
{
	intr_host.vectors = 3;
	hand_out(*state, 4, 0, (const uint16_t[]){0, 0, 0}, 7);
}

/* ---- a whole port ----------------------------------------------------------------------------- */

static void
test_l04_a_vector_of_its_own(void **state)
{
	struct pci_port *p = *state;
	uint16_t tx_vector;

	intr_rx_up(p, 1, 0, "");
	assert_int_equal(intr_vector_of(p, 0), 1);
	intr_check_wakes(p, 0, 1000);
	assert_true(vpd_interrupts(p->d, 1) >= 600);
	/* Transmit queues interrupt nobody. */
	vpd_lock(p->d);
	tx_vector = p->d->regs.queue[1].vector;
	vpd_unlock(p->d);
	assert_int_equal(tx_vector, VPM_NO_VECTOR);
	assert_in_range(intr_flap(p, 2), 0, AT_ONCE_MS);
}

static void
test_pc16_one_interrupt_for_both(void **state)
{
	struct pci_port *p = *state;
	uint64_t began;

	intr_rx_up(p, 1, 1, "");
	assert_int_equal(intr_config_vector(p), 0);
	assert_int_equal(intr_vector_of(p, 0), 0);
	began = port_now_ms();
	intr_check_wakes(p, 0, 200);
	/* By interrupts, and not because the driver's thread looks round ten times a second. */
	assert_in_range(port_now_ms() - began, 0, 5000);
	intr_check_wakes(p, 0, 800);
	assert_in_range(intr_flap(p, 2), 0, AT_ONCE_MS);
	/* A change and a packet, and a single interrupt. */
	intr_set(p, 0, true);
	vpd_lock(p->d);
	p->d->regs.config_vector = VPM_NO_VECTOR;
	vpd_unlock(p->d);
	vpd_set_link(p->d, false);
	port_deliver(&p->port, 0, 0, 64);
	intr_wait_woken(0);
	intr_set(p, 0, false);
	assert_true(port_wait_link(&p->port, false, AT_ONCE_MS));
	port_expect(&p->port, 0, 0, 1);
}

static void
test_rx_interrupts_need_msix(void **state)
{
	struct pci_port *p = *state;

	p->conf.no_msix = true;
	p->port.conf.intr_conf.rxq = 1;
	pci_port_device(p);
	assert_int_equal(pci_port_probe(p, ""), 0);
	port_log_clear();
	assert_int_equal(port_configure(&p->port), -ENOTSUP);
	assert_true(port_log_has("Rx interrupts need MSI-X vectors: bind the device to vfio-pci"));
	p->port.conf.intr_conf.rxq = 0;
	assert_int_equal(port_configure(&p->port), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_ping(&p->port, 0, 100, 64);
}

/* ---- no wake-up is lost ----------------------------------------------------------------------- */

static bool
wakes(int timeout_ms)
{
	return intr_wakes(timeout_ms) == 0;
}

static void
check_no_wake_up_is_lost(struct pci_port *p, uint16_t vectors, const char *args)
{
	intr_rx_up(p, 1, vectors, args);
	port_check_wakes(&p->port, wakes);
}

static void
test_l04_no_wake_up_is_lost(void **state)
{
	check_no_wake_up_is_lost(*state, 0, "");
}

static void
test_l04_no_wake_up_is_lost_without_event_idx(void **state)
{
	check_no_wake_up_is_lost(*state, 0, "event_idx=0");
}

static void
test_l04_no_wake_up_is_lost_on_a_shared_vector(void **state)
{
	check_no_wake_up_is_lost(*state, 1, "");
}

/* The device asks for a reset, and gets one. */
static void
check_wakes_after_a_reset(struct pci_port *p, uint16_t vectors)
{
	uint32_t i;

	intr_rx_up(p, 1, vectors, "");
	for (i = 0; i < 5; i++) {
		intr_set(p, 0, true);
		vpd_needs_reset(p->d);
		assert_true(port_wait_count(&p->port.reset_events, i + 1, PORT_WAIT_MS));
		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
		port_wait_up(&p->port);
		assert_int_equal(rte_eth_dev_rx_intr_ctl_q(p->port.id, 0, RTE_EPOLL_PER_THREAD,
							   RTE_INTR_EVENT_ADD, NULL), 0);
		assert_int_equal(intr_vector_of(p, 0), vectors == 1 ? 0 : 1);
		intr_check_wakes(p, 0, 5);
	}
}

static void
test_l04_wakes_after_a_reset(void **state)
{
	check_wakes_after_a_reset(*state, 0);
}

static void
test_l04_wakes_after_a_reset_on_a_shared_vector(void **state)
{
	check_wakes_after_a_reset(*state, 1);
}

/* Enabled, then the queue gets a new ring: who sleeps knows nothing of that. */
static void
check_sleeps_through_a_new_ring(struct pci_port *p, uint16_t vectors)
{
	uint32_t i;

	intr_rx_up(p, 1, vectors, "");
	for (i = 0; i < 20; i++) {
		intr_set(p, 0, true);
		assert_int_equal(rte_eth_dev_rx_queue_stop(p->port.id, 0), 0);
		assert_int_equal(rte_eth_dev_rx_queue_start(p->port.id, 0), 0);
		while (intr_wakes(0) == 0)
			;
		port_deliver(&p->port, 0, i, 64);
		intr_wait_woken(0);
		intr_set(p, 0, false);
		port_expect(&p->port, 0, i, 1);
	}
}

static void
test_l04_sleeps_through_a_new_ring(void **state)
{
	check_sleeps_through_a_new_ring(*state, 0);
}

static void
test_l04_sleeps_through_a_new_ring_on_a_shared_vector(void **state)
{
	check_sleeps_through_a_new_ring(*state, 1);
}

/* Enabled on a port whose device does not come up at first. */
static void
check_enabled_before_the_device(struct pci_port *p, uint16_t vectors)
{
	p->port.conf.intr_conf.rxq = 1;
	p->conf.regs.vectors = vectors;
	p->conf.regs.refuse_features = true;
	pci_port_device(p);
	pci_port_start(p, "");
	assert_int_equal(rte_eth_dev_rx_intr_ctl_q(p->port.id, 0, RTE_EPOLL_PER_THREAD,
						   RTE_INTR_EVENT_ADD, NULL), 0);
	intr_set(p, 0, true);
	assert_int_equal(intr_wakes(QUIET_MS), -1);
	vpd_lock(p->d);
	p->d->regs.conf.refuse_features = false;
	vpd_unlock(p->d);
	port_wait_up(&p->port);
	while (intr_wakes(QUIET_MS) == 0)
		;
	port_deliver(&p->port, 0, 0, 64);
	intr_wait_woken(0);
	port_expect(&p->port, 0, 0, 1);
}

static void
test_l04_enabled_before_the_device(void **state)
{
	check_enabled_before_the_device(*state, 0);
}

static void
test_l04_enabled_before_the_device_on_a_shared_vector(void **state)
{
	check_enabled_before_the_device(*state, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		intr_test(test_pc15_a_vector_for_each_queue),
		intr_test(test_pc15_more_vectors_than_queues),
		intr_test(test_pc15_the_last_vector_is_shared),
		intr_test(test_pc15_two_vectors),
		intr_test(test_pc16_one_vector),
		intr_test(test_pc15_a_refused_vector),
		intr_test(test_pc15_a_refused_vector_and_a_shared_one),
		intr_test(test_pc15_the_shared_vector_is_refused),
		intr_test(test_pc15_a_host_with_fewer_vectors),
		intr_test(test_l04_a_vector_of_its_own),
		intr_test(test_pc16_one_interrupt_for_both),
		intr_test(test_rx_interrupts_need_msix),
		intr_test(test_l04_no_wake_up_is_lost),
		intr_test(test_l04_no_wake_up_is_lost_without_event_idx),
		intr_test(test_l04_no_wake_up_is_lost_on_a_shared_vector),
		intr_test(test_l04_wakes_after_a_reset),
		intr_test(test_l04_wakes_after_a_reset_on_a_shared_vector),
		intr_test(test_l04_sleeps_through_a_new_ring),
		intr_test(test_l04_sleeps_through_a_new_ring_on_a_shared_vector),
		intr_test(test_l04_enabled_before_the_device),
		intr_test(test_l04_enabled_before_the_device_on_a_shared_vector),
	};

	return cmocka_run_group_tests_name("pci_intr_rx", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
