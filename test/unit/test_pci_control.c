/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file Receive modes and addresses of a port, as commands to the device (NT-19, NT-20, HD-24). */

#include <errno.h>
#include <string.h>

#include "control_port.h"

#define MULTICASTS 513u

static const struct rte_ether_addr first = {{0x02, 0, 0, 0, 0, 0x11}};
static const struct rte_ether_addr second = {{0x02, 0, 0, 0, 0, 0x22}};
static const struct rte_ether_addr third = {{0x02, 0, 0, 0, 0, 0x33}};

static void
fill_multicasts(struct rte_ether_addr *list, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		list[i] = (struct rte_ether_addr){{0x01, 0, 0x5e, 0, i >> 8, i}};
}

static void
add_mac(const struct pci_port *p, const struct rte_ether_addr *mac)
{
	struct rte_ether_addr copy = *mac;

	assert_int_equal(rte_eth_dev_mac_addr_add(p->port.id, &copy, 0), 0);
}

static int
set_mac(const struct pci_port *p, const struct rte_ether_addr *mac)
{
	struct rte_ether_addr copy = *mac;

	return rte_eth_dev_default_mac_addr_set(p->port.id, &copy);
}

static bool
is_let_in(struct pci_port *p, const struct rte_ether_addr *to)
{
	uint8_t frame[60] = {0};

	memcpy(frame, to, sizeof(*to));
	return pci_port_lets_in(p, frame, sizeof(frame));
}

static void
test_nt19_modes_are_switched(void **state)
{
	static const struct rte_ether_addr multicast = {{0x01, 0, 0x5e, 1, 2, 3}};
	struct pci_port *p = *state;

	control_up(p, 0);
	/* What a device begins with is its own affair, so it is told. */
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	control_expect_no_more(p);
	assert_int_equal(rte_eth_promiscuous_get(p->port.id), 0);
	assert_int_equal(rte_eth_allmulticast_get(p->port.id), 0);
	assert_false(is_let_in(p, &first));
	assert_false(is_let_in(p, &multicast));

	assert_int_equal(rte_eth_allmulticast_enable(p->port.id), 0);
	control_expect_mode(p, ALLMULTI, 1);
	assert_true(is_let_in(p, &multicast));
	assert_false(is_let_in(p, &first));
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), 0);
	control_expect_mode(p, PROMISC, 1);
	assert_true(is_let_in(p, &first));
	assert_int_equal(rte_eth_promiscuous_disable(p->port.id), 0);
	control_expect_mode(p, PROMISC, 0);
	assert_int_equal(rte_eth_allmulticast_disable(p->port.id), 0);
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_no_more(p);
	assert_false(is_let_in(p, &multicast));
}

/* CTRL_VQ without CTRL_RX, then neither: frames all come, and to ask for less is refused. */
static void
test_nt19_a_device_that_does_not_filter(void **state)
{
	struct rte_ether_addr multicast = {{0x01, 0, 0x5e, 1, 2, 3}};
	struct pci_port *p = *state;

	control_up(p, VPD_F_CTRL_RX);
	/* Without CTRL_RX there are neither its additions nor addresses to set. */
	assert_int_equal(pci_port_features(p) & VPD_F_CONTROL, VPD_F_CTRL_VQ | VPD_F_GUEST_ANNOUNCE);
	assert_int_equal(rte_eth_promiscuous_get(p->port.id), 1);
	assert_int_equal(rte_eth_allmulticast_get(p->port.id), 1);
	assert_int_equal(rte_eth_promiscuous_disable(p->port.id), -ENOTSUP);
	assert_true(port_log_has("goes on receiving every frame"));
	assert_int_equal(rte_eth_allmulticast_disable(p->port.id), -ENOTSUP);
	assert_int_equal(rte_eth_promiscuous_get(p->port.id), 1);
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), 0);
	assert_int_equal(rte_eth_allmulticast_enable(p->port.id), 0);
	assert_int_equal(set_mac(p, &first), 0);
	add_mac(p, &second);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, &multicast, 1), 0);
	assert_true(is_let_in(p, &second));
	control_expect_no_more(p);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect_no_more(p);
}

static void
test_nt20_address_of_the_port(void **state)
{
	struct pci_port *p = *state;

	control_up(p, 0);
	control_skip(p);
	assert_int_equal(set_mac(p, &first), 0);
	control_expect(p, MAC, ADDR_SET, &first, 6);
	control_expect_no_more(p);
	assert_true(is_let_in(p, &first));
	/* The device's own address after a reset is another. */
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect(p, MAC, ADDR_SET, &first, 6);
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	control_expect_no_more(p);
	assert_true(is_let_in(p, &first));
}

/* CTRL_RX has a table, and the port's own address goes there. */
static void
test_nt20_address_of_the_port_in_the_table(void **state)
{
	struct rte_ether_addr both[2] = {first, second};
	struct pci_port *p = *state;

	control_up(p, VPD_F_CTRL_MAC_ADDR);
	control_skip(p);
	assert_int_equal(set_mac(p, &first), 0);
	control_expect_table(p, &first, 1, NULL, 0);
	assert_true(is_let_in(p, &first));
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect_table(p, &first, 1, NULL, 0);
	assert_true(is_let_in(p, &first));
	control_skip(p);
	add_mac(p, &second);
	control_expect_table(p, both, 2, NULL, 0);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect_table(p, both, 2, NULL, 0);
	assert_true(is_let_in(p, &first));
}

/* An address that was removed leaves no hole of zeroes. */
static void
test_nt20_tables_of_addresses(void **state)
{
	struct rte_ether_addr list[3], copy = second;
	const struct rte_ether_addr ends[2] = {first, third};
	const struct rte_ether_addr all[3] = {first, second, third};
	struct pci_port *p = *state;

	fill_multicasts(list, 3);
	control_up(p, 0);
	control_skip(p);
	add_mac(p, &first);
	control_expect_table(p, &first, 1, NULL, 0);
	add_mac(p, &second);
	control_expect_table(p, all, 2, NULL, 0);
	add_mac(p, &third);
	control_expect_table(p, all, 3, NULL, 0);
	assert_true(is_let_in(p, &second));
	assert_int_equal(rte_eth_dev_mac_addr_remove(p->port.id, &copy), 0);
	control_expect_table(p, ends, 2, NULL, 0);
	assert_false(is_let_in(p, &second));
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 3), 0);
	control_expect_table(p, ends, 2, list, 3);
	assert_true(is_let_in(p, &list[1]));
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list + 2, 1), 0);
	control_expect_table(p, ends, 2, list + 2, 1);
	assert_false(is_let_in(p, &list[1]));
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, &copy, 1), -EINVAL);
	assert_true(port_log_has("is no multicast address"));
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, NULL, 0), 0);
	control_expect_table(p, ends, 2, NULL, 0);
	control_expect_no_more(p);
}

/* The device keeps 64 of a kind. What it refuses is replaced by all frames of the kind. */
static void
check_table_refused(struct pci_port *p, uint64_t without, uint8_t mode)
{
	struct rte_ether_addr list[65];

	fill_multicasts(list, 65);
	control_up(p, without);
	control_skip(p);
	add_mac(p, &first);
	control_expect_table(p, &first, 1, NULL, 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 65), 0);
	assert_true(port_log_has("does not filter by 1 unicast and 65 multicast addresses"));
	control_expect_table(p, &first, 1, list, 65);
	if (mode == ALLUNI)
		control_expect_mode(p, ALLUNI, 1);
	control_expect_mode(p, ALLMULTI, 1);
	if (mode == PROMISC)
		control_expect_mode(p, PROMISC, 1);
	control_expect_no_more(p);
	assert_true(is_let_in(p, &first));
	assert_true(is_let_in(p, &list[64]));
	/* Again with fewer. */
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 64), 0);
	control_expect_table(p, &first, 1, list, 64);
	if (mode == ALLUNI)
		control_expect_mode(p, ALLUNI, 0);
	control_expect_mode(p, ALLMULTI, 0);
	if (mode == PROMISC)
		control_expect_mode(p, PROMISC, 0);
	control_expect_no_more(p);
	assert_true(is_let_in(p, &first));
	assert_false(is_let_in(p, &list[64]));
}

static void
test_nt19_nt20_a_table_too_long_for_the_device(void **state)
{
	check_table_refused(*state, 0, ALLUNI);
}

static void
test_nt19_nt20_a_table_too_long_without_extra_modes(void **state)
{
	check_table_refused(*state, VPD_F_CTRL_RX_EXTRA, PROMISC);
}

/* As many as a port has, then more multicast addresses than it keeps. */
static void
test_nt20_tables_at_their_limits(void **state)
{
	struct rte_ether_addr macs[63], list[MULTICASTS], one = {{0x02, 0, 0, 0, 1, 0}};
	struct pci_port *p = *state;
	uint8_t i;

	fill_multicasts(list, MULTICASTS);
	control_up(p, 0);
	for (i = 0; i < 63; i++) {
		macs[i] = (struct rte_ether_addr){{0x02, 0, 0, 0, 2, i}};
		add_mac(p, &macs[i]);
	}
	assert_int_equal(rte_eth_dev_mac_addr_add(p->port.id, &one, 0), -ENOSPC);
	control_skip(p);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, MULTICASTS - 1), 0);
	control_expect_table(p, macs, 63, list, MULTICASTS - 1);
	control_skip(p);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, MULTICASTS), 0);
	assert_true(port_log_has("513 multicast addresses are more than the 512"));
	control_expect_table(p, macs, 63, NULL, 0);
	control_expect_mode(p, ALLUNI, 0);
	control_expect_no_more(p);
	assert_true(is_let_in(p, &list[512]));
	assert_true(is_let_in(p, &macs[62]));
	assert_false(is_let_in(p, &one));
}

/* What was asked for while there was no device, and while it was stopped, is told when it is up. */
static void
test_in11_wishes_are_told_again(void **state)
{
	struct rte_ether_addr list[2];
	struct vpd_state before, after;
	struct pci_port *p = *state;

	fill_multicasts(list, 2);
	control_up(p, 0);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	control_skip(p);
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), 0);
	assert_int_equal(set_mac(p, &third), 0);
	add_mac(p, &second);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 2), 0);
	control_expect_no_more(p);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect(p, MAC, ADDR_SET, &third, 6);
	control_expect_table(p, &second, 1, list, 2);
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 1);
	/* ethdev's own replay finds nothing to be done. */
	control_expect_no_more(p);
	vpd_get_state(p->d, &before);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	vpd_get_state(p->d, &after);
	assert_int_equal(after.nb_unicast, 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	vpd_get_state(p->d, &after);
	assert_memory_equal(&before, &after, sizeof(before));
}

/* The application is told, and what it had before still holds. */
static void
test_nt18_a_command_refused(void **state)
{
	struct rte_ether_addr list[2], mac;
	struct pci_port *p = *state;

	fill_multicasts(list, 2);
	control_up(p, 0);
	control_answer(p, VPD_ERR);
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), -EIO);
	assert_int_equal(rte_eth_promiscuous_get(p->port.id), 0);
	assert_true(port_log_has("the device refuses control command 0 of class 0"));
	assert_int_equal(set_mac(p, &first), -EIO);
	assert_int_equal(rte_eth_macaddr_get(p->port.id, &mac), 0);
	assert_memory_equal(&mac, p->conf.net.mac, sizeof(mac));
	/* Not even all multicast frames are to be had. */
	assert_int_equal(rte_eth_dev_set_mc_addr_list(p->port.id, list, 2), -EIO);
	control_answer(p, VPD_OK);
	control_skip(p);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	control_expect_no_more(p);
}

/* One second, then nothing more goes out until the device has been reset. */
static void
test_hd24_a_silent_device(void **state)
{
	struct pci_port *p = *state;

	control_up(p, 0);
	control_answer(p, VPD_NEVER);
	control_skip(p);
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), -ETIMEDOUT);
	control_expect_mode(p, PROMISC, 1);
	assert_true(port_log_has("the device does not answer"));
	assert_int_equal(rte_eth_allmulticast_enable(p->port.id), -EIO);
	assert_true(port_log_has("control queue is out of order: restart the port"));
	control_expect_no_more(p);
	/* Packets are another matter. */
	port_ping(&p->port, 0, 100, 64);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	control_answer(p, VPD_OK);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	control_expect_no_more(p);
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), 0);
}

/* A port that cannot be made to receive what it should does not start. */
static void
test_hd24_a_silent_device_at_start(void **state)
{
	struct pci_port *p = *state;

	control_up(p, 0);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	control_answer(p, VPD_NEVER);
	assert_true(rte_eth_dev_start(p->port.id) < 0);
	assert_true(port_log_has("the device does not filter as it was asked to"));
	control_answer(p, VPD_OK);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_ping(&p->port, 0, 100, 64);
}

static void
test_hd24_answers_that_are_none(void **state)
{
	static const enum vpd_answer manners[] = {VPD_UNWRITTEN, VPD_LONG, VPD_WRONG_ID};
	struct pci_port *p = *state;
	unsigned int i;

	control_up(p, 0);
	for (i = 0; i < RTE_DIM(manners); i++) {
		control_answer(p, manners[i]);
		control_skip(p);
		assert_int_equal(rte_eth_promiscuous_enable(p->port.id), -EPROTO);
		control_expect_mode(p, PROMISC, 1);
		assert_int_equal(rte_eth_promiscuous_enable(p->port.id), -EIO);
		control_expect_no_more(p);
		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		control_answer(p, VPD_OK);
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	}
	control_answer(p, VPD_ODD);
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), -EIO);
	control_answer(p, VPD_LATE);
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), 0);
}

/* Nothing that it does can be relied on, so it is told when it has been reset (IN-10). */
static void
test_in10_a_device_that_needs_a_reset_is_told_later(void **state)
{
	struct pci_port *p = *state;

	control_up(p, 0);
	control_skip(p);
	vpd_needs_reset(p->d);
	assert_true(port_wait_link(&p->port, false, PORT_WAIT_MS));
	assert_int_equal(rte_eth_promiscuous_enable(p->port.id), 0);
	control_expect_no_more(p);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 1);
	control_expect_no_more(p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_nt19_modes_are_switched),
		pci_port_test(test_nt19_a_device_that_does_not_filter),
		pci_port_test(test_nt20_address_of_the_port),
		pci_port_test(test_nt20_address_of_the_port_in_the_table),
		pci_port_test(test_nt20_tables_of_addresses),
		pci_port_test(test_nt19_nt20_a_table_too_long_for_the_device),
		pci_port_test(test_nt19_nt20_a_table_too_long_without_extra_modes),
		pci_port_test(test_nt20_tables_at_their_limits),
		pci_port_test(test_in11_wishes_are_told_again),
		pci_port_test(test_nt18_a_command_refused),
		pci_port_test(test_hd24_a_silent_device),
		pci_port_test(test_hd24_a_silent_device_at_start),
		pci_port_test(test_hd24_answers_that_are_none),
		pci_port_test(test_in10_a_device_that_needs_a_reset_is_told_later),
	};

	return cmocka_run_group_tests_name("pci_control", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
