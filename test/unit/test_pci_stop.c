/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Single queues of a port on a PCI device are stopped and started: with VIRTIO_F_RING_RESET the
 * device leaves the ring (PR-37), without it the port only looks away.
 */

#include <string.h>

#include "pci_port.h"

static bool
is_enabled(struct pci_port *p, uint16_t vq)
{
	bool enabled;

	vpd_lock(p->d);
	enabled = p->d->regs.queue[vq].enabled;
	vpd_unlock(p->d);
	return enabled;
}

static void
test_pr37_queues_stopped_and_started(void **state)
{
	struct pci_port *p = *state;
	unsigned int round;

	pci_port_up(p, "");
	for (round = 0; round < 20; round++) {
		port_ping(&p->port, 0, 70 + round, 100);
		assert_int_equal(rte_eth_dev_rx_queue_stop(p->port.id, 0), 0);
		assert_false(is_enabled(p, 0));
		assert_true(is_enabled(p, 1));
		assert_int_equal(rte_eth_dev_rx_queue_start(p->port.id, 0), 0);
		assert_true(is_enabled(p, 0));
		port_ping(&p->port, 0, 20, 100);
		assert_int_equal(rte_eth_dev_tx_queue_stop(p->port.id, 0), 0);
		assert_false(is_enabled(p, 1));
		/* Once more changes nothing. */
		assert_int_equal(rte_eth_dev_tx_queue_stop(p->port.id, 0), 0);
		assert_int_equal(rte_eth_dev_tx_queue_start(p->port.id, 0), 0);
		assert_true(is_enabled(p, 1));
	}
	port_ping(&p->port, 0, 200, 100);
}

/* What was on its way when the queues stopped arrives when they start. */
static void
test_pr37_nothing_is_lost(void **state)
{
	struct pci_port *p = *state;
	struct rte_mbuf *m;
	unsigned int i;

	pci_port_up(p, "");
	vpd_stop(p->d);
	for (i = 0; i < 30; i++) {
		m = port_packet(p->port.pool, p->port.next_mark++, 100, 1);
		assert_non_null(m);
		assert_int_equal(rte_eth_tx_burst(p->port.id, 0, &m, 1), 1);
	}
	assert_int_equal(rte_eth_dev_tx_queue_stop(p->port.id, 0), 0);
	assert_int_equal(vpd_start(p->d), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p->port.id, 0), 0);
	port_expect(&p->port, 0, 0, 30);
}

/* A port that is stopped and started while a queue of it is stopped. */
static void
test_pr37_port_restarted_meanwhile(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, "");
	assert_int_equal(rte_eth_dev_rx_queue_stop(p->port.id, 0), 0);
	assert_int_equal(rte_eth_dev_tx_queue_stop(p->port.id, 0), 0);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_true(port_is_whole(&p->port));
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_wait_up(&p->port);
	assert_true(is_enabled(p, 0) && is_enabled(p, 1));
	port_ping(&p->port, 0, 100, 100);
}

static void
test_queues_stopped_without_ring_reset(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.features &= ~VPM_F_RING_RESET;
	pci_port_up(p, "");
	port_ping(&p->port, 0, 70, 100);
	assert_int_equal(rte_eth_dev_rx_queue_stop(p->port.id, 0), 0);
	assert_int_equal(rte_eth_dev_tx_queue_stop(p->port.id, 0), 0);
	assert_true(is_enabled(p, 0) && is_enabled(p, 1));
	assert_int_equal(rte_eth_dev_rx_queue_start(p->port.id, 0), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p->port.id, 0), 0);
	port_ping(&p->port, 0, 70, 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		pci_port_test(test_pr37_queues_stopped_and_started),
		pci_port_test(test_pr37_nothing_is_lost),
		pci_port_test(test_pr37_port_restarted_meanwhile),
		pci_port_test(test_queues_stopped_without_ring_reset),
	};

	return cmocka_run_group_tests(tests, pci_port_group_setup, pci_port_group_teardown);
}
