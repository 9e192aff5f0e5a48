/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The VLAN filter: listed identifiers, and the filter as a whole at run time (NT-21). */

#include <errno.h>
#include <string.h>

#include <ethdev_driver.h>

#include "control_port.h"
#include "queue.h"

#define FILTER RTE_ETH_RX_OFFLOAD_VLAN_FILTER
#define PACKETS 40u

static void
expect_vlan(struct pci_port *p, uint8_t command, uint16_t id)
{
	const uint8_t wire[2] = {id & 0xff, id >> 8};

	control_expect(p, VLAN, command, wire, sizeof(wire));
}

static void
up_with_filter(struct pci_port *p, uint64_t without)
{
	p->port.conf.rxmode.offloads = FILTER;
	control_up(p, without);
}

/* A frame to all, of VLAN @p id. */
static bool
is_let_in(struct pci_port *p, uint16_t id)
{
	const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 0x81,
				   [14] = id >> 8, [15] = id & 0xff};

	return pci_port_lets_in(p, frame, sizeof(frame));
}

static bool
is_negotiated(const struct pci_port *p)
{
	return (pci_port_features(p) & VPD_F_CTRL_VLAN) != 0;
}

/* Who does not ask for a filter gets the frames of all VLANs. */
static void
test_nt21_not_negotiated_unasked(void **state)
{
	struct rte_eth_dev_info info;
	struct pci_port *p = *state;

	control_up(p, 0);
	assert_int_equal(rte_eth_dev_info_get(p->port.id, &info), 0);
	assert_int_equal(info.rx_offload_capa & FILTER, FILTER);
	assert_false(is_negotiated(p));
	assert_true(is_let_in(p, 5));
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 5, 1), -ENOSYS);
}

static void
test_nt21_not_to_be_had(void **state)
{
	struct rte_eth_dev_info info;
	struct pci_port *p = *state;

	control_up(p, VPD_F_CTRL_VLAN);
	assert_int_equal(rte_eth_dev_info_get(p->port.id, &info), 0);
	assert_int_equal(info.rx_offload_capa & FILTER, 0);
	assert_int_equal(rte_eth_dev_set_vlan_offload(p->port.id, RTE_ETH_VLAN_FILTER_OFFLOAD),
			 -EINVAL);
}

static void
test_nt21_identifiers_are_listed(void **state)
{
	static const uint16_t ids[] = {0, 1, 63, 64, 100, 4095};
	struct pci_port *p = *state;
	unsigned int i;

	up_with_filter(p, 0);
	assert_true(is_negotiated(p));
	control_skip(p);
	for (i = 0; i < RTE_DIM(ids); i++) {
		assert_false(is_let_in(p, ids[i]));
		assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, ids[i], 1), 0);
		expect_vlan(p, VLAN_ADD, ids[i]);
		assert_true(is_let_in(p, ids[i]));
	}
	/* What is listed already is not told again. */
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 100, 1), 0);
	control_expect_no_more(p);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 100, 0), 0);
	expect_vlan(p, VLAN_DEL, 100);
	assert_false(is_let_in(p, 100));
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 100, 0), 0);
	control_expect_no_more(p);
}

static void
test_nt21_in11_listed_again_after_a_reset(void **state)
{
	struct pci_port *p = *state;

	up_with_filter(p, 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 7, 1), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 70, 1), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 8, 1), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 8, 0), 0);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	control_skip(p);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 700, 1), 0);
	control_expect_no_more(p);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	expect_vlan(p, VLAN_ADD, 7);
	expect_vlan(p, VLAN_ADD, 70);
	expect_vlan(p, VLAN_ADD, 700);
	control_expect_no_more(p);
	assert_true(is_let_in(p, 70));
	assert_false(is_let_in(p, 8));
}

static void
test_nt21_hd24_refused_and_silent(void **state)
{
	struct pci_port *p = *state;

	up_with_filter(p, 0);
	assert_int_equal(vpd_answer(p->d, VLAN, VPD_ANY, VPD_ERR), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 9, 1), -EIO);
	assert_false(is_let_in(p, 9));
	control_answer(p, VPD_OK);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 9, 1), 0);
	assert_true(is_let_in(p, 9));
	assert_int_equal(vpd_answer(p->d, VLAN, VPD_ANY, VPD_NEVER), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 10, 1), -ETIMEDOUT);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	control_answer(p, VPD_OK);
	control_skip(p);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	expect_vlan(p, VLAN_ADD, 9);
	control_expect_no_more(p);
}

/* After a reset, where one identifier that is refused is no reason to do without the others. */
static void
test_nt21_in11_all_are_asked_for(void **state)
{
	struct pci_port *p = *state;

	up_with_filter(p, 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 7, 1), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 8, 1), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 800, 1), 0);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(vpd_answer(p->d, VLAN, VPD_ANY, VPD_ERR), 0);
	control_skip(p);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	expect_vlan(p, VLAN_ADD, 7);
	expect_vlan(p, VLAN_ADD, 8);
	expect_vlan(p, VLAN_ADD, 800);
	control_expect_no_more(p);
}

/* The filter goes on and off by a new negotiation, and packets under way are not lost by it. */
static void
test_nt21_in06_switched_at_run_time(void **state)
{
	struct pci_port *p = *state;
	unsigned int resets, i;

	p->conf.net.mode = VHU_IDLE;
	control_up(p, 0);
	/* That of the start may come late. */
	port_watch(&p->port);
	for (i = 0; i < 3; i++) {
		const uint32_t mark = p->port.next_mark;

		assert_false(is_negotiated(p));
		/* Sent, not taken by the device; and received, not polled for. */
		port_send(&p->port, 0, PACKETS, 100);
		port_deliver(&p->port, 0, 1000 + i, 200);
		resets = p->d->regs.resets;
		assert_int_equal(rte_eth_dev_set_vlan_offload(p->port.id,
							      RTE_ETH_VLAN_FILTER_OFFLOAD), 0);
		assert_int_equal(p->d->regs.resets, resets + 2);
		assert_true(is_negotiated(p));
		port_expect(&p->port, 0, 1000 + i, 1);
		assert_int_equal(port_take(&p->port, 0), mark);
		assert_int_equal(port_take(&p->port, 0), mark + 1);
		assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 3, 1), 0);
		assert_true(is_let_in(p, 3));
		assert_false(is_let_in(p, 4));
		assert_int_equal(rte_eth_dev_set_vlan_offload(p->port.id, 0), 0);
		assert_false(is_negotiated(p));
		assert_true(is_let_in(p, 4));
		assert_int_equal(port_take(&p->port, 0), mark + 2);
		while (port_take(&p->port, 0) != UINT32_MAX)
			;
	}
	assert_int_equal(port_xstat(&p->port, "reconnects"), 0);
	assert_true(p->port.link_events <= 1);
}

static void
test_nt21_switched_while_stopped(void **state)
{
	struct pci_port *p = *state;

	control_up(p, 0);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_set_vlan_offload(p->port.id, RTE_ETH_VLAN_FILTER_OFFLOAD), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	assert_true(is_negotiated(p));
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	p->port.conf.rxmode.offloads = 0;
	assert_int_equal(port_configure(&p->port), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	assert_false(is_negotiated(p));
	port_ping(&p->port, 0, 50, 64);
}

/* The next device has no filter: the port works, and the log says what it does not do. */
static void
test_nt21_hd28_the_filter_is_gone(void **state)
{
	struct pci_port *p = *state;

	up_with_filter(p, 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 3, 1), 0);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	vpd_lock(p->d);
	p->d->regs.conf.features &= ~VPD_F_CTRL_VLAN;
	vpd_unlock(p->d);
	control_skip(p);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	assert_true(port_log_has("the device has no VLAN filter"));
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	control_expect_no_more(p);
	assert_true(is_let_in(p, 4));
}

/* A thread stands in its burst: the device is left as it is, and the application told. */
static void
test_nt21_a_poller_that_does_not_leave(void **state)
{
	struct pci_port *p = *state;
	struct pvq_rxq *q;

	control_up(p, 0);
	q = rte_eth_devices[p->port.id].data->rx_queues[0];
	pvq_gate_enter(&q->gate);
	assert_int_equal(rte_eth_dev_set_vlan_offload(p->port.id, RTE_ETH_VLAN_FILTER_OFFLOAD),
			 -EBUSY);
	pvq_gate_leave(&q->gate);
	assert_int_equal(rte_eth_dev_get_vlan_offload(p->port.id), 0);
	assert_false(is_negotiated(p));
	port_ping(&p->port, 0, 100, 64);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	assert_false(is_negotiated(p));
	assert_int_equal(rte_eth_dev_set_vlan_offload(p->port.id, RTE_ETH_VLAN_FILTER_OFFLOAD), 0);
	assert_true(is_negotiated(p));
}

/* A device that never ends its reset keeps the rings; the application is not kept waiting. */
static void
test_nt21_hd23_switched_on_a_device_that_hangs(void **state)
{
	struct pci_port *p = *state;

	p->conf.net.mode = VHU_IDLE;
	control_up(p, 0);
	port_send(&p->port, 0, 1, 100);
	vpd_lock(p->d);
	p->d->regs.conf.reset_reads = UINT32_MAX;
	vpd_unlock(p->d);
	assert_int_equal(rte_eth_dev_set_vlan_offload(p->port.id, RTE_ETH_VLAN_FILTER_OFFLOAD), 0);
	assert_true(port_wait_link(&p->port, false, PORT_WAIT_MS));
	assert_true(port_log_has("their mbufs are lost to the pools"));
	vpd_lock(p->d);
	p->d->regs.conf.reset_reads = 0;
	p->d->regs.reset_left = 0;
	vpd_unlock(p->d);
	/* Then it comes back, with what was asked for. */
	assert_true(port_wait_link(&p->port, true, PORT_WAIT_MS));
	assert_true(is_negotiated(p));
	p->port.leaked = 1 + p->port.nb_rxd;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_nt21_not_negotiated_unasked),
		pci_port_test(test_nt21_not_to_be_had),
		pci_port_test(test_nt21_identifiers_are_listed),
		pci_port_test(test_nt21_in11_listed_again_after_a_reset),
		pci_port_test(test_nt21_hd24_refused_and_silent),
		pci_port_test(test_nt21_in11_all_are_asked_for),
		pci_port_test(test_nt21_in06_switched_at_run_time),
		pci_port_test(test_nt21_switched_while_stopped),
		pci_port_test(test_nt21_hd28_the_filter_is_gone),
		pci_port_test(test_nt21_a_poller_that_does_not_leave),
		pci_port_test(test_nt21_hd23_switched_on_a_device_that_hangs),
	};

	return cmocka_run_group_tests_name("pci_vlan", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
