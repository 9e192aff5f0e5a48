/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Interrupts of a PCI device for its configuration: link changes are told at once, by MSI-X and by
 * INTx, and looked for where nothing interrupts.
 */

#include <errno.h>

#include "intr_rig.h"

static void
test_nt31_link_changes_at_once_by_msix(void **state)
{
	struct pci_port *p = *state;
	unsigned int accesses;

	intr_up(p, 1, "");
	assert_int_equal(intr_config_vector(p), 0);
	assert_in_range(intr_flap(p, 10), 0, AT_ONCE_MS);
	/* While nothing changes registers are looked at once, not ten times, six reads each. */
	port_sleep_ms(QUIET_MS);
	vpd_lock(p->d);
	p->d->regs.accesses = 0;
	vpd_unlock(p->d);
	port_sleep_ms(1000);
	vpd_lock(p->d);
	accesses = p->d->regs.accesses;
	vpd_unlock(p->d);
	assert_in_range(accesses, 0, 30);
	/* After a reset the device has forgotten the vector. */
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_wait_up(&p->port);
	assert_int_equal(intr_config_vector(p), 0);
	assert_in_range(intr_flap(p, 4), 0, AT_ONCE_MS);
}

static void
check_intx(struct pci_port *p)
{
	uint8_t isr;

	p->conf.no_msix = true;
	intr_up(p, 1, "");
	assert_in_range(intr_flap(p, 10), 0, AT_ONCE_MS);
	assert_true(__atomic_load_n(&intr_host.acks, __ATOMIC_RELAXED) >= 10);
	/* What is let through before the device has taken it back interrupts at once again. */
	assert_int_equal(__atomic_load_n(&intr_host.early, __ATOMIC_RELAXED), 0);
	vpd_lock(p->d);
	isr = p->d->regs.isr;
	vpd_unlock(p->d);
	assert_int_equal(isr, 0);
}

static void
test_nt31_link_changes_at_once_by_intx_of_vfio(void **state)
{
	assert_int_equal(rte_intr_type_set(intr_host.handle, RTE_INTR_HANDLE_VFIO_LEGACY), 0);
	check_intx(*state);
}

/* vfio says MSI-X of every device; one without a table interrupts by INTx. */
static void
test_intx_where_the_table_is_not_there(void **state)
{
	check_intx(*state);
	assert_int_equal(rte_intr_type_get(intr_host.handle), RTE_INTR_HANDLE_VFIO_LEGACY);
}

/* Without ISR nothing would take INTx back. */
static void
check_no_isr(struct pci_port *p)
{
	p->conf.no_msix = true;
	pci_port_device(p);
	p->d->space[VPD_CAP_ISR + 3] = 0xff;
	port_log_clear();
	pci_port_start(p, "");
	port_wait_up(&p->port);
	assert_true(port_log_has("no interrupts, since the device has none as it is bound"));
	assert_int_equal(intr_host.enabled, 0);
	vpd_set_link(p->d, false);
	assert_true(port_wait_link(&p->port, false, PORT_WAIT_MS));
}

static void
test_pc05_intx_without_isr(void **state)
{
	assert_int_equal(rte_intr_type_set(intr_host.handle, RTE_INTR_HANDLE_VFIO_LEGACY), 0);
	check_no_isr(*state);
}

static void
test_pc05_neither_a_table_nor_isr(void **state)
{
	check_no_isr(*state);
}

static void
test_polls_without_interrupts(void **state)
{
	struct pci_port *p = *state;

	p->intr.handle = NULL;
	port_log_clear();
	intr_up(p, 1, "");
	assert_int_equal(port_log_count("no interrupts, since the device has none as it is bound: "
					"the link is looked at ten times a second"), 1);
	assert_int_equal(intr_config_vector(p), VPM_NO_VECTOR);
	assert_in_range(intr_flap(p, 4), 0, 1000);
}

static void
test_pc15_polls_when_the_kernel_refuses(void **state)
{
	struct pci_port *p = *state;

	intr_host.vectors = 0;
	port_log_clear();
	intr_up(p, 1, "");
	assert_true(port_log_has("no interrupts, since the kernel does not enable them"));
	assert_int_equal(intr_config_vector(p), VPM_NO_VECTOR);
	assert_in_range(intr_flap(p, 4), 0, 1000);
}

static void
test_pc15_polls_when_the_device_refuses(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.refuse_vectors = true;
	port_log_clear();
	intr_rx_up(p, 1, 0, "");
	assert_true(port_log_has("the device refuses an MSI-X vector for its configuration: the "
				 "link is looked at ten times a second"));
	assert_true(port_log_has("no MSI-X vector for rx queue 0: whoever waits for its packets "
				 "is woken ten times a second"));
	assert_int_equal(intr_vector_of(p, 0), VPM_NO_VECTOR);
	assert_in_range(intr_flap(p, 4), 0, 1000);
	intr_check_wakes(p, 0, 9);
	/* Nobody is woken who does not sleep. */
	assert_int_equal(intr_wakes(250), -1);
}

static void
test_hd27_interrupts_without_a_reason(void **state)
{
	struct pci_port *p = *state;
	unsigned int accesses;
	uint64_t began;
	uint32_t i;

	intr_rx_up(p, 1, 0, "");
	vpd_lock(p->d);
	accesses = p->d->regs.accesses;
	vpd_unlock(p->d);
	began = port_now_ms();
	for (i = 0; i < 20000; i++)
		vpd_interrupt(p->d, 0);
	port_ping(&p->port, 0, 500, 64);
	vpd_lock(p->d);
	accesses = p->d->regs.accesses - accesses;
	vpd_unlock(p->d);
	/* However many come, registers are read once in a millisecond at most. */
	assert_in_range(accesses, 1, 10 * (port_now_ms() - began + 2));
	assert_int_equal(p->port.link_events, 1);
	assert_in_range(intr_flap(p, 2), 0, AT_ONCE_MS);
	intr_check_wakes(p, 0, 10);
}

/* Interrupts that the device owes and does not send: it is looked at all the same. */
static void
test_hd27_interrupts_that_are_missing(void **state)
{
	struct pci_port *p = *state;

	intr_up(p, 1, "");
	vpd_set_vector(p->d, 0, p->d->intx.fd);
	assert_in_range(intr_flap(p, 3), 0, 3000);
}

static void
test_hd27_intx_without_a_reason(void **state)
{
	struct pci_port *p = *state;
	uint32_t i;

	p->conf.no_msix = true;
	intr_up(p, 1, "");
	for (i = 0; i < 100; i++) {
		vpd_interrupt(p->d, VPM_NO_VECTOR);
		assert_true(port_wait_count(&intr_host.acks, i + 1, PORT_WAIT_MS));
	}
	assert_int_equal(p->port.link_events, 1);
	assert_in_range(intr_flap(p, 2), 0, AT_ONCE_MS);
}

static void
test_unplugged(void **state)
{
	struct pci_port *p = *state;

	intr_up(p, 1, "");
	vpd_unplug(p->d);
	assert_true(port_wait_count(&p->port.remove_events, 1, PORT_WAIT_MS));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		intr_test(test_nt31_link_changes_at_once_by_msix),
		intr_test(test_nt31_link_changes_at_once_by_intx_of_vfio),
		intr_test(test_intx_where_the_table_is_not_there),
		intr_test(test_pc05_intx_without_isr),
		intr_test(test_pc05_neither_a_table_nor_isr),
		intr_test(test_polls_without_interrupts),
		intr_test(test_pc15_polls_when_the_kernel_refuses),
		intr_test(test_pc15_polls_when_the_device_refuses),
		intr_test(test_hd27_interrupts_without_a_reason),
		intr_test(test_hd27_interrupts_that_are_missing),
		intr_test(test_hd27_intx_without_a_reason),
		intr_test(test_unplugged),
	};

	return cmocka_run_group_tests_name("pci_intr", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
