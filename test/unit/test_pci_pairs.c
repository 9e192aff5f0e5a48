/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file Several queue pairs, and where the control queue is (NT-23, PC-17, HD-21). */

#include <errno.h>
#include <string.h>

#include "control_port.h"

#define PAIRS 4

static void
set_pairs(struct pci_port *p, uint16_t device, uint16_t rx, uint16_t tx)
{
	p->conf.net.queue_pairs = device;
	p->port.nb_rxq = rx;
	p->port.nb_txq = tx;
}

static void
expect_pairs(struct pci_port *p, uint16_t pairs)
{
	const uint8_t wire[2] = {pairs & 0xff, pairs >> 8};

	control_expect(p, MQ, PAIRS_SET, wire, sizeof(wire));
}

static void
ping_all(struct pci_port *p, uint16_t pairs)
{
	uint16_t i;

	for (i = 0; i < pairs; i++)
		port_ping(&p->port, i, 200, 64);
}

static uint16_t
max_queues(const struct pci_port *p)
{
	struct rte_eth_dev_info info;

	assert_int_equal(rte_eth_dev_info_get(p->port.id, &info), 0);
	assert_int_equal(info.max_rx_queues, info.max_tx_queues);
	return info.max_rx_queues;
}

/* The command comes behind DRIVER_OK and before anything else. */
static void
test_nt23_pc17_pairs_are_asked_for(void **state)
{
	struct pci_port *p = *state;
	struct vpd_state s;

	set_pairs(p, 8, PAIRS, PAIRS);
	control_up(p, 0);
	assert_int_equal(max_queues(p), 8);
	assert_true((pci_port_features(p) & VHU_F_MQ) != 0);
	assert_true(p->d->regs.queue[16].enabled);
	expect_pairs(p, PAIRS);
	control_expect_mode(p, ALLMULTI, 0);
	control_expect_mode(p, PROMISC, 0);
	control_expect_no_more(p);
	vpd_get_state(p->d, &s);
	assert_int_equal(s.pairs, PAIRS);
	ping_all(p, PAIRS);
}

/* More, fewer, and one, which is what a device begins with. */
static void
test_nt23_pairs_grow_and_shrink(void **state)
{
	static const uint16_t sizes[] = {2, 4, 3, 1, 4};
	struct pci_port *p = *state;
	struct vpd_state s;
	unsigned int i;

	set_pairs(p, PAIRS, 1, 1);
	control_up(p, 0);
	control_expect_mode(p, ALLMULTI, 0);
	for (i = 0; i < RTE_DIM(sizes); i++) {
		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		p->port.nb_rxq = p->port.nb_txq = sizes[i];
		assert_int_equal(port_configure(&p->port), 0);
		control_skip(p);
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
		if (sizes[i] > 1)
			expect_pairs(p, sizes[i]);
		control_expect_mode(p, ALLMULTI, 0);
		vpd_get_state(p->d, &s);
		assert_int_equal(s.pairs, sizes[i]);
		ping_all(p, sizes[i]);
	}
}

/* A pair has two virtqueues, even where the port uses one of them. */
static void
test_nt23_more_queues_one_way(void **state)
{
	struct pci_port *p = *state;

	set_pairs(p, PAIRS, 1, 3);
	control_up(p, 0);
	expect_pairs(p, 3);
	assert_true(port_log_has("3 queue pairs and 1 rx queues"));
	ping_all(p, 1);
	port_send(&p->port, 2, 20, 64);
	assert_true(vhu_backend_wait_packets(p->port.b, 200, PORT_WAIT_MS));
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	set_pairs(p, PAIRS, 3, 1);
	assert_int_equal(port_configure(&p->port), 0);
	control_skip(p);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	expect_pairs(p, 3);
	ping_all(p, 1);
	port_deliver(&p->port, 2, 77, 100);
	port_expect(&p->port, 2, 77, 1);
}

/* What was sent on a pair beyond the first waits until the device has been told of that pair. */
static void
test_nt23_packets_are_sent_again_behind_the_command(void **state)
{
	struct pci_port *p = *state;
	uint32_t mark, i;

	set_pairs(p, PAIRS, PAIRS, PAIRS);
	p->conf.net.mode = VHU_IDLE;
	control_up(p, 0);
	mark = p->port.next_mark;
	for (i = 0; i < PAIRS; i++)
		port_send(&p->port, i, 10, 100);
	assert_int_equal(rte_eth_dev_set_vlan_offload(p->port.id, RTE_ETH_VLAN_FILTER_OFFLOAD), 0);
	assert_true((pci_port_features(p) & VPD_F_CTRL_VLAN) != 0);
	for (i = 0; i < PAIRS * 10; i++)
		assert_int_equal(port_take(&p->port, i / 10), mark + i);
	assert_int_equal(port_take(&p->port, 0), UINT32_MAX);
}

/* A port that cannot have its queues does not start. */
static void
check_pairs_refused(struct pci_port *p, enum vpd_answer how)
{
	set_pairs(p, PAIRS, PAIRS, PAIRS);
	control_up(p, 0);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	control_answer(p, how);
	assert_int_equal(rte_eth_dev_start(p->port.id), -ENOSPC);
	assert_true(port_log_has("the device does not take 4 queue pairs"));
	control_answer(p, VPD_OK);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	/* It was given up, and comes back. */
	assert_true(port_wait_link(&p->port, true, PORT_WAIT_MS));
	ping_all(p, PAIRS);
}

static void
test_nt23_pairs_refused(void **state)
{
	check_pairs_refused(*state, VPD_ERR);
}

static void
test_nt23_hd24_pairs_not_answered(void **state)
{
	check_pairs_refused(*state, VPD_NEVER);
}

/* Without the control queue nobody can ask for a second pair (FD-07). */
static void
test_fd07_pc17_one_pair_without_commands(void **state)
{
	struct pci_port *p = *state;

	set_pairs(p, PAIRS, 1, 1);
	p->conf.regs.features |= VHU_F_MQ;
	pci_port_up(p, "");
	assert_int_equal(pci_port_features(p) & (VHU_F_MQ | VPD_F_CONTROL), 0);
	assert_int_equal(max_queues(p), 1);
	ping_all(p, 1);
}

/* Each feature of the table with its requirement, and all of them without. */
static void
test_fd07_fd11_dependencies(void **state)
{
	static const uint64_t left[] = {
		VPD_F_CTRL_RX, VPD_F_CTRL_VLAN, VPD_F_CTRL_RX_EXTRA, VPD_F_GUEST_ANNOUNCE,
		VPD_F_CTRL_MAC_ADDR, VHU_F_MQ,
	};
	static const uint64_t needs[] = {
		VPD_F_CTRL_VQ, VPD_F_CTRL_VQ, VPD_F_CTRL_VQ | VPD_F_CTRL_RX,
		VPD_F_CTRL_VQ | VHU_F_STATUS, VPD_F_CTRL_VQ | VPD_F_CTRL_RX, VPD_F_CTRL_VQ,
	};
	const uint64_t base = VPD_F_DEFAULT & ~VHU_F_STATUS;
	struct pci_port *p = *state;
	unsigned int i;

	p->port.conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	control_up(p, 0);
	for (i = 0; i < 2 * RTE_DIM(left); i++) {
		const uint64_t all = left[i / 2] | (i % 2 ? needs[i / 2] : 0);

		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		vpd_lock(p->d);
		p->d->regs.conf.features = base | all;
		vpd_unlock(p->d);
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
		assert_int_equal(pci_port_features(p) &
				 (VPD_F_CONTROL | VHU_F_MQ | VHU_F_STATUS), i % 2 ? all : 0);
		port_ping(&p->port, 0, 10, 64);
	}
}

/* Offloads are none of the driver's, so nobody switches them (FD-12). */
static void
test_fd12_offload_commands_are_declined(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.features |= VPD_F_CTRL_GUEST_OFFLOADS;
	control_up(p, 0);
	assert_int_equal(pci_port_features(p) & VPD_F_CTRL_GUEST_OFFLOADS, 0);
}

/* As QEMU's device does it: there is only one pair to be seen before MQ is negotiated. */
static void
test_nt23_pairs_that_are_shown_late(void **state)
{
	struct pci_port *p = *state;

	set_pairs(p, PAIRS, PAIRS, PAIRS);
	p->conf.regs.queues_by_mq = true;
	control_up(p, 0);
	assert_int_equal(max_queues(p), PAIRS);
	assert_true((pci_port_features(p) & VHU_F_MQ) != 0);
	expect_pairs(p, PAIRS);
	ping_all(p, PAIRS);
}

/* The number of pairs is the last field that there is, or is not there any more. */
static void
test_in09_pairs_at_the_end_of_the_configuration(void **state)
{
	struct pci_port *p = *state;

	set_pairs(p, PAIRS, 2, 2);
	p->conf.regs.config_bytes = 10;
	control_up(p, VHU_F_MTU);
	expect_pairs(p, 2);
	ping_all(p, 2);
	pci_port_down(p);
	set_pairs(p, PAIRS, 1, 1);
	p->conf.regs.config_bytes = 9;
	control_up(p, VHU_F_MTU);
	assert_int_equal(pci_port_features(p) & VHU_F_MQ, 0);
	assert_int_equal(max_queues(p), 1);
	ping_all(p, 1);
}

/* Where the control queue ought to be, with pairs, there is none. */
static void
test_pc17_no_control_queue_behind_the_pairs(void **state)
{
	struct pci_port *p = *state;

	set_pairs(p, PAIRS, 1, 1);
	p->conf.regs.num_queues = 2 * PAIRS;
	control_up(p, 0);
	assert_true(port_log_has("no virtqueue 8 for control: pairs are done without"));
	assert_int_equal(pci_port_features(p) & VHU_F_MQ, 0);
	assert_true(p->d->regs.queue[2].enabled);
	assert_int_equal(max_queues(p), 1);
	ping_all(p, 1);
}

/* Nor is there one without pairs. */
static void
test_pc17_no_room_for_the_control_queue(void **state)
{
	struct pci_port *p = *state;

	set_pairs(p, PAIRS, 1, 1);
	p->conf.regs.num_queues = 2;
	control_up(p, 0);
	assert_true(port_log_has("no virtqueue 8 for control: pairs are done without"));
	assert_true(port_log_has("no virtqueue 2 for control: commands are done without"));
	assert_int_equal(pci_port_features(p) & (VHU_F_MQ | VPD_F_CONTROL), 0);
	assert_int_equal(max_queues(p), 1);
	control_expect_no_more(p);
	ping_all(p, 1);
}

static void
test_hd21_numbers_of_pairs_that_cannot_be(void **state)
{
	static const uint16_t lies[] = {0, 5, 0x7fff, 0x8000, 0x8001, 0xffff};
	struct pci_port *p = *state;
	unsigned int i;

	set_pairs(p, PAIRS, 1, 1);
	control_up(p, 0);
	assert_true((pci_port_features(p) & VHU_F_MQ) != 0);
	for (i = 0; i < RTE_DIM(lies); i++) {
		const uint8_t wire[2] = {lies[i] & 0xff, lies[i] >> 8};

		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		vpd_set_config(p->d, 8, wire, sizeof(wire));
		port_log_clear();
		control_skip(p);
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
		assert_true(port_log_has(lies[i] == 0 || lies[i] >= 0x8000 ?
						 "queue pairs, and has 9 virtqueues" :
						 "for control: pairs are done without"));
		assert_int_equal(pci_port_features(p) & VHU_F_MQ, 0);
		/* Then the control queue is the third. */
		assert_true(p->d->regs.queue[2].enabled);
		control_expect_mode(p, ALLMULTI, 0);
		assert_int_equal(max_queues(p), 1);
		port_ping(&p->port, 0, 10, 64);
	}
}

/* Pairs that nobody receives from would swallow frames, so lcores share rings instead. */
static void
test_nt23_lock_free_queues_keep_to_their_pairs(void **state)
{
	struct pci_port *p = *state;
	struct vpd_state s;

	set_pairs(p, PAIRS, 2, 2);
	p->port.conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MT_LOCKFREE;
	control_up(p, 0);
	expect_pairs(p, 2);
	vpd_get_state(p->d, &s);
	assert_int_equal(s.pairs, 2);
	ping_all(p, 2);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_nt23_pc17_pairs_are_asked_for),
		pci_port_test(test_nt23_pairs_grow_and_shrink),
		pci_port_test(test_nt23_more_queues_one_way),
		pci_port_test(test_nt23_packets_are_sent_again_behind_the_command),
		pci_port_test(test_nt23_pairs_refused),
		pci_port_test(test_nt23_hd24_pairs_not_answered),
		pci_port_test(test_fd07_pc17_one_pair_without_commands),
		pci_port_test(test_fd07_fd11_dependencies),
		pci_port_test(test_fd12_offload_commands_are_declined),
		pci_port_test(test_nt23_pairs_that_are_shown_late),
		pci_port_test(test_in09_pairs_at_the_end_of_the_configuration),
		pci_port_test(test_pc17_no_control_queue_behind_the_pairs),
		pci_port_test(test_pc17_no_room_for_the_control_queue),
		pci_port_test(test_hd21_numbers_of_pairs_that_cannot_be),
		pci_port_test(test_nt23_lock_free_queues_keep_to_their_pairs),
	};

	return cmocka_run_group_tests_name("pci_pairs", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
