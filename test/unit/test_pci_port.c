/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file A port on a PCI device: packets both ways, in each way they can be negotiated. */

#include <errno.h>
#include <string.h>

#include "pci_port.h"

static void
test_packets_both_ways(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, "");
	assert_int_equal(pci_port_status(p), 15);
	assert_int_equal(p->d->regs.queue[0].desc >= PCI_IOVA_SHIFT, pci_port_shift() != 0);
	port_ping(&p->port, 0, 1000, 64);
	port_ping(&p->port, 0, 100, 1500);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_true(port_is_whole(&p->port));
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_ping(&p->port, 0, 200, 200);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_packets_both_ways),
	};

	return cmocka_run_group_tests_name("pci_port", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
