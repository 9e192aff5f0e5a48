/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * From a PCI device that is found to DRIVER_OK, and back: conformance part B. The model judges the
 * order of writes (IN-01 to IN-07, IN-13, PC-10, PC-11, PR-34); pci_port_teardown() fails on any
 * breach.
 */

#include <errno.h>
#include <string.h>

#include "pci_port.h"

#define BIT(n) (1ull << (n))

static void
test_in01_in06_status_steps_in_order(void **state)
{
	static const uint8_t steps[] = {0x00, 0x01, 0x03, 0x0b, 0x0f, 0x00};
	struct pci_port *p = *state;
	unsigned int i, first;

	pci_port_up(p, NULL);
	port_ping(&p->port, 0, 10, 64);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	/* It may have been reset when it was found. */
	first = p->d->regs.status_writes - RTE_DIM(steps);
	assert_true(first <= 1);
	for (i = 0; i < RTE_DIM(steps); i++)
		assert_int_equal(p->d->regs.status_log[first + i], steps[i]);
	assert_int_equal(p->d->regs.status_log[0], 0);
	assert_int_equal(p->d->regs.resets, first + 2);
}

/* A port that nobody starts leaves the device as it was reset, and tells what it is all the same. */
static void
test_in01_in06_nothing_before_start(void **state)
{
	struct pci_port *p = *state;
	struct rte_ether_addr mac;

	pci_port_device(p);
	assert_int_equal(pci_port_probe(p, NULL), 0);
	assert_int_equal(rte_eth_macaddr_get(p->port.id, &mac), 0);
	assert_memory_equal(&mac, p->conf.net.mac, sizeof(mac));
	assert_int_equal(port_configure(&p->port), 0);
	assert_int_equal(pci_port_status(p) & ~3, 0);
	assert_int_equal(pci_port_features(p), 0);
	assert_false(p->d->regs.queue[0].enabled || p->d->regs.queue[1].enabled);
}

static void
test_in02_a_late_reset_is_waited_for(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.reset_reads = 50;
	pci_port_up(p, NULL);
	port_ping(&p->port, 0, 100, 64);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 100, 64);
}

/* Found in the middle of something: another driver's work, or an application that was killed. */
static void
test_in02_a_device_that_was_in_use(void **state)
{
	struct pci_port *p = *state;

	pci_port_device(p);
	vpd_lock(p->d);
	p->d->regs.status = 0x8f;
	p->d->regs.conf.reset_reads = 5;
	vpd_unlock(p->d);
	pci_port_start(p, NULL);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 100, 64);
}

static void
test_in03_in07_features_ok_refused(void **state)
{
	struct pci_port *p = *state;
	unsigned int resets;

	p->conf.regs.refuse_features = true;
	pci_port_device(p);
	pci_port_start(p, NULL);
	assert_true(port_log_has("did not accept features"));
	assert_false(port_wait_link(&p->port, true, 50));
	assert_int_equal(pci_port_status(p) & VPM_FAILED, VPM_FAILED);
	assert_int_equal(pci_port_status(p) & VPM_DRIVER_OK, 0);
	/* Tried again, from a reset on, until it is in a better mood. */
	resets = p->d->regs.resets;
	assert_true(pci_port_wait_resets(p, resets + 1, PORT_WAIT_MS));
	vpd_lock(p->d);
	p->d->regs.conf.refuse_features = false;
	vpd_unlock(p->d);
	port_wait_up(&p->port);
	/* Once it is up it is left in peace. */
	resets = p->d->regs.resets;
	assert_false(pci_port_wait_resets(p, resets + 1, 300));
	port_ping(&p->port, 0, 100, 64);
}

/* All bits there are: what is no business of ours is left alone, and the device works. */
static void
test_in04_in12_in13_pc20_everything_offered(void **state)
{
	/* Legacy-only, vhost-user's, SR_IOV, administration, suspension, reserved. */
	const uint64_t never = BIT(24) | BIT(27) | BIT(30) | BIT(37) | BIT(41) | BIT(43) |
			       0x3full << 44;
	struct pci_port *p = *state;

	p->conf.regs.features = UINT64_MAX;
	p->conf.regs.features_above = UINT64_MAX;
	p->conf.regs.num_queues = 3;
	pci_port_up(p, NULL);
	assert_int_equal(pci_port_features(p) & never, 0);
	assert_int_equal(pci_port_features(p) & VPD_F_DEFAULT, VPD_F_DEFAULT);
	port_ping(&p->port, 0, 200, 64);
}

/* Every feature beside what is required, alone. */
static void
test_in04_fd_single_features_offered(void **state)
{
	const uint64_t base = VHU_F_VERSION_1 | VHU_F_RING_PACKED;
	struct pci_port *p = *state;
	unsigned int bit;

	pci_port_up(p, NULL);
	for (bit = 0; bit < 64; bit++) {
		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		vpd_lock(p->d);
		p->d->regs.conf.features = base | BIT(bit);
		vpd_unlock(p->d);
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
		port_wait_up(&p->port);
		assert_int_equal(pci_port_features(p) & base, base);
		port_ping(&p->port, 0, 3, 64);
	}
}

static void
check_withheld(struct pci_port *p, uint64_t feature, const char *name)
{
	p->conf.regs.features &= ~feature;
	pci_port_device(p);
	assert_int_equal(pci_port_probe(p, NULL), -ENOTSUP);
	assert_true(port_log_has(name));
	assert_int_equal(p->d->regs.status & VPM_FEATURES_OK, 0);
}

static void
test_in05_version_1_withheld(void **state)
{
	check_withheld(*state, VHU_F_VERSION_1, "does not offer VERSION_1");
}

static void
test_in05_ring_packed_withheld(void **state)
{
	check_withheld(*state, VHU_F_RING_PACKED, "does not offer RING_PACKED");
}

/* Device configuration that ends early: what is there is used. */
static void
test_in09_short_configuration(void **state)
{
	static const struct {
		uint8_t bytes;
		uint64_t features;
	} shorts[] = {
		{6, VHU_F_MAC}, {8, VHU_F_MAC | VHU_F_STATUS},
		{10, VHU_F_MAC | VHU_F_STATUS}, {12, VHU_F_MAC | VHU_F_STATUS | VHU_F_MTU},
		{64, VHU_F_MAC | VHU_F_STATUS | VHU_F_MTU},
	};
	const uint64_t all = VHU_F_MAC | VHU_F_STATUS | VHU_F_MTU;
	struct pci_port *p = *state;
	struct rte_ether_addr mac;
	unsigned int i;

	for (i = 0; i < RTE_DIM(shorts); i++) {
		p->conf.regs.config_bytes = shorts[i].bytes;
		p->conf.regs.features = (VPD_F_DEFAULT & ~all) | shorts[i].features;
		pci_port_up(p, NULL);
		assert_int_equal(pci_port_features(p), p->conf.regs.features);
		assert_int_equal(rte_eth_macaddr_get(p->port.id, &mac), 0);
		assert_memory_equal(&mac, p->conf.net.mac, sizeof(mac));
		port_ping(&p->port, 0, 10, 64);
		pci_port_down(p);
	}
}

/* A feature is offered, and its field is beyond the end: it is not accepted. */
static void
test_in09_features_without_their_fields(void **state)
{
	static const struct {
		uint8_t bytes;
		uint64_t lost;
	} shorts[] = {{4, VHU_F_MAC | VHU_F_STATUS | VHU_F_MTU}, {7, VHU_F_STATUS | VHU_F_MTU},
		      {11, VHU_F_MTU}};
	struct pci_port *p = *state;
	unsigned int i;

	for (i = 0; i < RTE_DIM(shorts); i++) {
		p->conf.regs.config_bytes = shorts[i].bytes;
		pci_port_up(p, NULL);
		assert_int_equal(pci_port_features(p), VPD_F_DEFAULT & ~shorts[i].lost);
		port_ping(&p->port, 0, 10, 64);
		pci_port_down(p);
	}
}

/* Changed while it is read: bytes of two addresses are never mixed. */
static void
test_in08_configuration_of_one_moment(void **state)
{
	struct pci_port *p = *state;
	struct rte_ether_addr mac;

	p->conf.regs.config_changes = 30;
	pci_port_device(p);
	assert_int_equal(pci_port_probe(p, NULL), 0);
	assert_int_equal(p->d->regs.conf.config_changes, 0);
	assert_int_equal(rte_eth_macaddr_get(p->port.id, &mac), 0);
	assert_memory_equal(&mac, p->conf.net.mac, sizeof(mac));
}

/* One that never settles: nothing of it is believed, and the port works without. */
static void
test_hd22_configuration_that_never_rests(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.config_changes = UINT32_MAX;
	pci_port_up(p, NULL);
	assert_true(port_log_has("changes its configuration all the time"));
	assert_int_equal(pci_port_features(p),
			 VPD_F_DEFAULT & ~(VHU_F_MAC | VHU_F_STATUS | VHU_F_MTU));
	port_ping(&p->port, 0, 100, 64);
}

/* What the device is told does not depend on how often it has been told before. */
static void
test_in11_pc09_pc10_cycles_are_equal(void **state)
{
	struct pci_port *p = *state;
	struct vpm_queue first[2];
	unsigned int i, writes = 0, accesses = 0;

	pci_port_device(p);
	assert_int_equal(pci_port_probe(p, NULL), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(port_configure(&p->port), 0);
		vpd_lock(p->d);
		writes = p->d->regs.status_writes;
		vpd_unlock(p->d);
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
		port_wait_up(&p->port);
		vpd_lock(p->d);
		accesses = p->d->regs.status_writes - writes;
		assert_int_equal(p->d->regs.queue[0].size, p->port.nb_rxd);
		assert_int_equal(p->d->regs.queue[1].size, p->port.nb_txd);
		if (i == 0)
			memcpy(first, p->d->regs.queue, sizeof(first));
		assert_int_equal(first[0].vector, p->d->regs.queue[0].vector);
		assert_int_equal(first[1].vector, p->d->regs.queue[1].vector);
		vpd_unlock(p->d);
		assert_int_equal(accesses, 5);
		assert_int_equal(pci_port_features(p), VPD_F_DEFAULT);
		port_ping(&p->port, 0, 150, 64);
		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		assert_true(port_is_whole(&p->port));
	}
}

/*
 * Negotiated anew at run time, and the last thing before the port is up again fails: the device runs
 * by then and has buffers, the port has given it up. It is reset all the same when the port stops.
 */
static void
test_pr38_given_up_after_driver_ok(void **state)
{
	struct pci_port *p = *state;

	p->conf.net.queue_pairs = 2;
	p->conf.regs.features |= VPD_F_CONTROL | VHU_F_MQ;
	p->port.nb_rxq = p->port.nb_txq = 2;
	pci_port_up(p, NULL);
	assert_int_equal(vpd_answer(p->d, 4, 0, VPD_ERR), 0);
	assert_true(rte_eth_dev_set_vlan_offload(p->port.id, RTE_ETH_VLAN_FILTER_OFFLOAD) < 0);
	assert_true(port_wait_link(&p->port, false, PORT_WAIT_MS));
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(pci_port_status(p), 0);
	assert_true(port_is_whole(&p->port));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_in01_in06_status_steps_in_order),
		pci_port_test(test_in01_in06_nothing_before_start),
		pci_port_test(test_in02_a_late_reset_is_waited_for),
		pci_port_test(test_in02_a_device_that_was_in_use),
		pci_port_test(test_in03_in07_features_ok_refused),
		pci_port_test(test_in04_in12_in13_pc20_everything_offered),
		pci_port_test(test_in04_fd_single_features_offered),
		pci_port_test(test_in05_version_1_withheld),
		pci_port_test(test_in05_ring_packed_withheld),
		pci_port_test(test_in08_configuration_of_one_moment),
		pci_port_test(test_in09_short_configuration),
		pci_port_test(test_in09_features_without_their_fields),
		pci_port_test(test_hd22_configuration_that_never_rests),
		pci_port_test(test_in11_pc09_pc10_cycles_are_equal),
		pci_port_test(test_pr38_given_up_after_driver_ok),
	};

	return cmocka_run_group_tests_name("pci_init", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
