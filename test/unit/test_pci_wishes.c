/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * What a port wants to receive, over resets of the device and over its refusals: each wish by
 * itself, since one that is told again takes others along (IN-11, NT-18 to NT-21, HD-24).
 */

#include <errno.h>
#include <string.h>

#include "control_port.h"

#define MACS 63u
/* The device keeps 64. */
#define MULTICASTS 65u

static void
fill(struct rte_ether_addr *list, uint32_t n, uint8_t first_byte)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		list[i] = (struct rte_ether_addr){{first_byte, 0, 0x5e, 0, 0, i}};
}

static void
stop(struct pci_port *p)
{
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	control_skip(p);
}

static void
start(struct pci_port *p)
{
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
}

static void
expect_modes_and_no_more(struct pci_port *p)
{
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	control_expect_no_more(p);
}

static void
test_in11_nt20_one_unicast_address(void **state)
{
	struct rte_ether_addr macs[MACS];
	struct pci_port *p = *state;
	uint32_t i;

	fill(macs, MACS, 0x02);
	control_up(p, 0);
	assert_int_equal(rte_eth_dev_mac_addr_add(p->port.id, &macs[0], 0), 0);
	stop(p);
	start(p);
	control_expect_table(p, &macs[0], 1, NULL, 0);
	expect_modes_and_no_more(p);
	/* In the last place that there is. */
	for (i = 1; i < MACS; i++)
		assert_int_equal(rte_eth_dev_mac_addr_add(p->port.id, &macs[i], 0), 0);
	for (i = 0; i < MACS - 1; i++)
		assert_int_equal(rte_eth_dev_mac_addr_remove(p->port.id, &macs[i]), 0);
	stop(p);
	start(p);
	control_expect_table(p, &macs[MACS - 1], 1, NULL, 0);
	expect_modes_and_no_more(p);
}

static void
test_in11_nt20_multicast_addresses(void **state)
{
	struct rte_ether_addr list[2];
	struct pci_port *p = *state;

	fill(list, 2, 0x01);
	control_up(p, 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 2), 0);
	stop(p);
	start(p);
	control_expect_table(p, NULL, 0, list, 2);
	expect_modes_and_no_more(p);
}

/* What was received in place of a table that was too long is not needed without one. */
static void
test_in11_nt19_no_more_addresses(void **state)
{
	struct rte_ether_addr list[MULTICASTS];
	struct pci_port *p = *state;

	fill(list, MULTICASTS, 0x01);
	control_up(p, 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, MULTICASTS), 0);
	assert_true(port_log_has("does not filter by 0 unicast and 65 multicast addresses"));
	stop(p);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, NULL, 0), 0);
	start(p);
	expect_modes_and_no_more(p);
}

static void
test_nt18_nt20_a_list_refused(void **state)
{
	struct rte_ether_addr list[4];
	struct pci_port *p = *state;

	fill(list, 4, 0x01);
	control_up(p, 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 2), 0);
	control_answer(p, VPD_ERR);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list + 2, 2), -EIO);
	control_answer(p, VPD_OK);
	stop(p);
	start(p);
	control_expect_table(p, NULL, 0, list, 2);
	expect_modes_and_no_more(p);
}

/* What was refused is asked for again, when the application does. */
static void
test_nt18_nt19_a_mode_refused(void **state)
{
	struct pci_port *p = *state;

	control_up(p, 0);
	control_skip(p);
	control_answer(p, VPD_ERR);
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), -EIO);
	control_expect_mode(p, PROMISC, 1);
	control_answer(p, VPD_OK);
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), 0);
	control_expect_mode(p, PROMISC, 1);
	control_expect_no_more(p);
}

/* To all that a refused table asks for the device has agreed before; but this is no refusal. */
static void
test_hd24_nt20_a_table_not_answered(void **state)
{
	struct rte_ether_addr list[2];
	struct pci_port *p = *state;

	fill(list, 2, 0x01);
	control_up(p, VPD_F_CTRL_RX_EXTRA);
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), 0);
	assert_int_equal(rte_eth_allmulticast_enable(p->port.id), 0);
	control_answer(p, VPD_NEVER);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 2), -ETIMEDOUT);
	assert_false(port_log_has("does not filter by"));
}

/* One refusal is no reason to keep the rest to oneself. */
static void
test_nt18_nt21_an_address_refused(void **state)
{
	static const uint8_t vlan[2] = {7, 0};
	struct rte_ether_addr mac = {{0x02, 0, 0, 0, 0, 0x11}};
	struct pci_port *p = *state;

	p->port.conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	control_up(p, 0);
	stop(p);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(p->port.id, &mac), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(p->port.id, 7, 1), 0);
	assert_int_equal(vpd_answer(p->d, MAC, ADDR_SET, VPD_ERR), 0);
	start(p);
	assert_true(port_log_has("the device does not filter as it was asked to"));
	control_expect(p, MAC, ADDR_SET, &mac, sizeof(mac));
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	control_expect(p, VLAN, VLAN_ADD, vlan, sizeof(vlan));
	port_ping(&p->port, 0, 10, 64);
}

/* More than are kept: all multicast frames come before the table goes without any. */
static void
test_nt19_nt20_too_many_addresses(void **state)
{
	struct rte_ether_addr list[513] = {0};
	struct pci_port *p = *state;
	uint32_t i;

	for (i = 0; i < RTE_DIM(list); i++)
		list[i] = (struct rte_ether_addr){{0x01, 0, 0x5e, 0, i >> 8, i & 0xff}};
	control_up(p, 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 10), 0);
	control_skip(p);
	assert_int_equal(vpd_answer(p->d, RX_MODE, ALLMULTI, VPD_ERR), 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 513), -EIO);
	control_expect_mode(p, ALLMULTI, 1);
	control_expect_no_more(p);
	control_answer(p, VPD_OK);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 513), 0);
	control_expect_mode(p, ALLMULTI, 1);
	control_expect_table(p, NULL, 0, NULL, 0);
	control_expect_no_more(p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_in11_nt20_one_unicast_address),
		pci_port_test(test_in11_nt20_multicast_addresses),
		pci_port_test(test_in11_nt19_no_more_addresses),
		pci_port_test(test_nt18_nt20_a_list_refused),
		pci_port_test(test_nt18_nt19_a_mode_refused),
		pci_port_test(test_hd24_nt20_a_table_not_answered),
		pci_port_test(test_nt18_nt21_an_address_refused),
		pci_port_test(test_nt19_nt20_too_many_addresses),
	};

	return cmocka_run_group_tests_name("pci_wishes", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
