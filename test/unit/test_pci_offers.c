/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file A PCI device that offers something else than before it was reset (HD-28). */

#include <errno.h>

#include "pci_port.h"

static void
test_hd28_features_change_between_stop_and_start(void **state)
{
	static const uint64_t lost[] = {
		VHU_F_IN_ORDER, VHU_F_MRG_RXBUF | VHU_F_STATUS, VPM_F_RING_RESET,
		VPM_F_ACCESS_PLATFORM, VHU_F_EVENT_IDX | VHU_F_INDIRECT_DESC, 0,
	};
	struct pci_port *p = *state;
	unsigned int i;

	pci_port_up(p, NULL);
	for (i = 0; i < RTE_DIM(lost); i++) {
		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		pci_port_offer(p, VPD_F_DEFAULT & ~lost[i]);
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
		port_wait_up(&p->port);
		assert_int_equal(pci_port_features(p), VPD_F_DEFAULT & ~lost[i]);
		port_ping(&p->port, 0, 200, 64);
	}
}

static void
check_required_feature_vanishes(struct pci_port *p, uint64_t feature, const char *name)
{
	pci_port_up(p, NULL);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	pci_port_offer(p, VPD_F_DEFAULT & ~feature);
	assert_int_equal(rte_eth_dev_start(p->port.id), -ENOTSUP);
	assert_true(port_log_has(name));
	assert_true(port_is_whole(&p->port));
	assert_int_equal(pci_port_status(p) & VPM_DRIVER_OK, 0);
	pci_port_offer(p, VPD_F_DEFAULT);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 200, 64);
}

static void
test_hd28_version_1_vanishes(void **state)
{
	check_required_feature_vanishes(*state, VHU_F_VERSION_1, "VERSION_1");
}

static void
test_hd28_ring_packed_vanishes(void **state)
{
	check_required_feature_vanishes(*state, VHU_F_RING_PACKED, "RING_PACKED");
}

/* Smaller queues than before: the port says so, and is configured anew. */
static void
test_hd28_queues_shrink(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, NULL);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	vpd_lock(p->d);
	p->d->regs.conf.queue_max[1] = 32;
	p->d->regs.queue[1].size = 32;
	vpd_unlock(p->d);
	assert_true(rte_eth_dev_start(p->port.id) < 0);
	assert_true(port_log_has("32 descriptors for virtqueue 1"));
	assert_true(port_is_whole(&p->port));
	p->port.nb_txd = 32;
	assert_int_equal(port_configure(&p->port), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 200, 64);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_hd28_features_change_between_stop_and_start),
		pci_port_test(test_hd28_version_1_vanishes),
		pci_port_test(test_hd28_ring_packed_vanishes),
		pci_port_test(test_hd28_queues_shrink),
	};

	return cmocka_run_group_tests_name("pci_offers", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
