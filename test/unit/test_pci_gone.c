/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A PCI device that is not there any more, or not to be had, at an inconvenient moment: while it is
 * looked for, while one queue is reset, while a thread stays in its burst.
 */

#include <errno.h>

#include <ethdev_driver.h>

#include "pci_port.h"
#include "probe.h"
#include "queue.h"

static struct pvq_rxq *
rxq_of(const struct pci_port *p)
{
	return rte_eth_devices[p->port.id].data->rx_queues[0];
}

/* Somebody else has reset it, and it is none that can be driven from now on. */
static void
turn_away(struct pci_port *p)
{
	pci_port_offer(p, p->conf.regs.features & ~VHU_F_RING_PACKED);
	vpd_write(p->d, p->regs.at.common + 20, 0, 1);
	assert_true(port_wait_link(&p->port, false, PORT_WAIT_MS));
}

/* Nobody drives it then; that it is pulled out is told all the same. */
static void
test_hd26_pulled_out_while_it_is_refused(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, NULL);
	port_watch(&p->port);
	port_ping(&p->port, 0, 50, 64);
	turn_away(p);
	assert_int_equal(p->port.remove_events, 0);
	vpd_unplug(p->d);
	assert_true(port_wait_count(&p->port.remove_events, 1, PORT_WAIT_MS));
	assert_true(port_log_has("has been removed"));
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_true(port_is_whole(&p->port));
	assert_int_equal(p->port.remove_events, 1);
}

/* Receivers would write its doorbell: both directions wait for DRIVER_OK. */
static void
test_pr34_nobody_notifies_what_is_reset(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, NULL);
	port_watch(&p->port);
	turn_away(p);
	assert_true((pvq_gate_state(&rxq_of(p)->gate) & PVQ_GATE_AWAY) != 0);
	pci_port_offer(p, p->conf.regs.features);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 200, 64);
}

/* A port that cannot be stopped gives its memory back all the same: not before a reset (PR-38). */
static void
test_pr38_removed_while_a_poller_stays(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, NULL);
	port_ping(&p->port, 0, 50, 64);
	pvq_gate_enter(&rxq_of(p)->gate);
	assert_int_equal(rte_eth_dev_stop(p->port.id), -EBUSY);
	assert_true(pci_port_status(p) != 0);
	pvq_port_remove(PCI_PORT_NAME);
	assert_int_equal(pci_port_status(p), 0);
	/* Nothing is left for the teardown to close. */
	assert_int_equal(pci_port_init(p, NULL), 0);
}

static void
check_queue_reset_without_end(struct pci_port *p, int (*stop)(uint16_t port, uint16_t queue))
{
	struct rte_mbuf *m;

	pci_port_up(p, NULL);
	port_watch(&p->port);
	port_ping(&p->port, 0, 50, 64);
	vpd_lock(p->d);
	p->d->regs.conf.queue_reset_reads = UINT32_MAX;
	vpd_unlock(p->d);
	assert_int_equal(stop(p->port.id, 0), -ETIMEDOUT);
	/* Nobody knows what the device does with its rings, which is a reason to reset it all. */
	m = port_packet(p->port.pool, 0, 64, 1);
	assert_int_equal(rte_eth_tx_burst(p->port.id, 0, &m, 1), 0);
	rte_pktmbuf_free(m);
	assert_true(port_wait_count(&p->port.reset_events, 1, PORT_WAIT_MS));
	assert_true(port_log_has("restart the port to go on"));
	pci_port_restart(p);
}

static void
test_hd23_pr37_transmit_queue_reset_without_end(void **state)
{
	check_queue_reset_without_end(*state, rte_eth_dev_tx_queue_stop);
}

static void
test_hd23_pr37_receive_queue_reset_without_end(void **state)
{
	check_queue_reset_without_end(*state, rte_eth_dev_rx_queue_stop);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_hd26_pulled_out_while_it_is_refused),
		pci_port_test(test_pr34_nobody_notifies_what_is_reset),
		pci_port_test(test_pr38_removed_while_a_poller_stays),
		pci_port_test(test_hd23_pr37_transmit_queue_reset_without_end),
		pci_port_test(test_hd23_pr37_receive_queue_reset_without_end),
	};

	return cmocka_run_group_tests_name("pci_gone", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
