/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * PCI configuration space that lies, up to the port (HD-29, PC-02 to PC-08, PC-18, PC-19): what
 * cannot be used is refused with its reason before any register is touched, and what is no business
 * of ours does no harm.
 */

#include <errno.h>
#include <string.h>

#include "pci_port.h"

#define WINDOW 5u
#define SHARED_MEMORY 8u
#define VENDOR 9u

static void
put32(uint8_t *at, uint32_t value)
{
	at[0] = value;
	at[1] = value >> 8;
	at[2] = value >> 16;
	at[3] = value >> 24;
}

/* A byte, or four, of the configuration space are others. */
static const struct lie {
	uint16_t at;
	uint8_t bytes;
	uint32_t value;
	const char *says;
} lies[] = {
	/* Not there. */
	{VPD_CAP_COMMON + 3, 1, 0xff, "no usable common configuration structure"},
	{VPD_CAP_NOTIFY + 3, 1, 0xff, "no usable notification structure"},
	{VPD_CAP_DEVICE + 3, 1, 0xff, "no usable device configuration structure"},
	/* In a BAR that is reserved, or is not there. */
	{VPD_CAP_COMMON + 4, 1, 6, "its BAR number is reserved"},
	{VPD_CAP_NOTIFY + 4, 1, 255, "its BAR number is reserved"},
	{VPD_CAP_DEVICE + 4, 1, 0, "its BAR is not there"},
	/* Capabilities too short to tell. */
	{VPD_CAP_COMMON + 2, 1, 15, "the capability is too short"},
	{VPD_CAP_NOTIFY + 2, 1, 19, "the capability is too short"},
	{VPD_CAP_DEVICE + 2, 1, 0, "the capability is too short"},
	/* Places that cannot be. */
	{VPD_CAP_COMMON + 8, 4, 2, "its offset is not aligned"},
	{VPD_CAP_NOTIFY + 8, 4, VPM_NOTIFY + 1, "its offset is not aligned"},
	{VPD_CAP_DEVICE + 8, 4, VPM_DEVICE + 1, "its offset is not aligned"},
	{VPD_CAP_COMMON + 8, 4, 0xfffffff0, "it ends beyond its BAR"},
	{VPD_CAP_NOTIFY + 8, 4, VPM_NOTIFY + 4, "it ends beyond its BAR"},
	{VPD_CAP_DEVICE + 8, 4, VPM_BAR_BYTES, "it ends beyond its BAR"},
	{VPD_CAP_COMMON + 12, 4, 0xffffffff, "it ends beyond its BAR"},
	{VPD_CAP_NOTIFY + 12, 4, VPM_NOTIFY_BYTES + 1, "it ends beyond its BAR"},
	{VPD_CAP_DEVICE + 12, 4, 0xfffffff0, "it ends beyond its BAR"},
	/* Structures that are too short. */
	{VPD_CAP_COMMON + 12, 4, 55, "it is too short"},
	{VPD_CAP_NOTIFY + 12, 4, 1, "it is too short"},
	{VPD_CAP_DEVICE + 12, 4, 0, "it is too short"},
	/* A list that is cut, in front of what is needed. */
	{VPD_CAP_COMMON + 1, 1, VPD_CAP_COMMON, "goes round in circles"},
	{VPD_CAP_NOTIFY + 1, 1, VPD_CAP_COMMON, "goes round in circles"},
	{VPD_CAP_COMMON + 1, 1, 0x20, "leads into the header"},
	{VPD_CAP_COMMON + 1, 1, 0, "no usable notification structure"},
};

static void
tell(struct pci_port *p, const struct lie *lie)
{
	if (lie->bytes == 4)
		put32(p->d->space + lie->at, lie->value);
	else
		p->d->space[lie->at] = lie->value;
}

static void
test_hd29_lies_are_refused(void **state)
{
	struct pci_port *p = *state;
	unsigned int i;

	for (i = 0; i < RTE_DIM(lies); i++) {
		port_log_clear();
		pci_port_device(p);
		tell(p, &lies[i]);
		assert_int_equal(pci_port_probe(p, NULL), -EINVAL);
		if (!port_log_has(lies[i].says))
			fail_msg("lie %u: nothing says \"%s\"", i, lies[i].says);
		assert_int_equal(p->d->regs.accesses, 0);
		pci_port_down(p);
	}
}

/* Of two structures of a kind the second is used where the first cannot be. */
static void
test_hd29_pc03_truth_behind_a_lie(void **state)
{
	static const uint8_t caps[] = {VPD_CAP_COMMON, VPD_CAP_NOTIFY, VPD_CAP_DEVICE};
	struct pci_port *p = *state;
	unsigned int i;
	uint8_t *copy;

	for (i = 0; i < RTE_DIM(caps); i++) {
		pci_port_device(p);
		copy = p->d->space + 0xc0;
		memcpy(copy, p->d->space + caps[i], 20);
		copy[1] = p->d->space[caps[i] + 1];
		p->d->space[caps[i] + 1] = 0xc0;
		put32(p->d->space + caps[i] + 8, 0xfffffff0);
		pci_port_start(p, NULL);
		port_wait_up(&p->port);
		port_ping(&p->port, 0, 50, 64);
		pci_port_down(p);
	}
}

/* Regions that may be used are all in the BAR, whatever the space is full of. */
static bool
is_within(const uint8_t *at, uint64_t len, const uint8_t *bar, uint64_t bytes)
{
	return at >= bar && at < bar + bytes && len <= (uint64_t)(bar + bytes - at);
}

static void
assert_in_a_bar(const struct pci_port *p, const uint8_t *at, uint64_t len)
{
	assert_true(is_within(at, len, p->d->regs.bar, VPM_BAR_BYTES) ||
		    is_within(at, len, p->msix_table, sizeof(p->msix_table)));
}

static void
test_hd29_random_lies(void **state)
{
	struct pci_port *p = *state;
	const struct pvq_pci_regions *r = &p->regs.at;
	uint32_t seed = 1, round, n, found = 0;
	uint8_t truth[256];
	int ret;

	pci_port_device(p);
	rte_log_set_level_regexp("pmd.net.pvq", RTE_LOG_CRIT);
	memcpy(truth, p->d->space, sizeof(truth));
	for (round = 0; round < 50000; round++) {
		memcpy(p->d->space, truth, sizeof(truth));
		for (n = 0; n < 1 + round % 5; n++) {
			seed = seed * 1664525u + 1013904223u;
			/* Mostly where capabilities are. */
			p->d->space[(seed >> 8) % 4 == 0 ? seed >> 24 : 0x34 + (seed >> 24) % 0x60] =
				seed >> 12;
		}
		ret = pci_port_find(p);
		if (ret != 0) {
			assert_true(ret == -EINVAL || ret == -ENODEV);
			continue;
		}
		found++;
		assert_true(r->common_len >= 56);
		assert_in_a_bar(p, r->common, r->common_len);
		assert_in_a_bar(p, r->notify, r->notify_len);
		assert_in_a_bar(p, r->device, r->device_len);
		if (r->isr != NULL)
			assert_in_a_bar(p, r->isr, 1);
	}
	rte_log_set_level_regexp("pmd.net.pvq", RTE_LOG_INFO);
	assert_true(found > 1000 && found < 49000);
	assert_int_equal(p->d->regs.accesses, 0);
}

/* Fields that are not there have no feature that needs them. */
static void
test_pc07_short_common_structure(void **state)
{
	static const struct {
		uint16_t bytes;
		uint64_t lost;
	} shorts[] = {
		{56, VPM_F_NOTIF_CONFIG_DATA | VPM_F_RING_RESET},
		{57, VPM_F_NOTIF_CONFIG_DATA | VPM_F_RING_RESET},
		{58, VPM_F_RING_RESET}, {59, VPM_F_RING_RESET}, {60, 0},
	};
	struct pci_port *p = *state;
	unsigned int i;

	p->conf.regs.features |= VPM_F_NOTIF_CONFIG_DATA;
	for (i = 0; i < RTE_DIM(shorts); i++) {
		p->conf.regs.common_bytes = shorts[i].bytes;
		pci_port_up(p, NULL);
		assert_int_equal(pci_port_features(p),
				 p->conf.regs.features & ~shorts[i].lost);
		port_ping(&p->port, 0, 100, 64);
		pci_port_down(p);
	}
}

/* More than is needed: later versions of the specification may add what they like. */
static void
test_pc08_long_structures(void **state)
{
	struct pci_port *p = *state;

	pci_port_device(p);
	put32(p->d->space + VPD_CAP_COMMON + 12, 0x1000);
	put32(p->d->space + VPD_CAP_DEVICE + 12, 0x1000);
	put32(p->d->space + VPD_CAP_ISR + 12, 0x1000);
	pci_port_start(p, NULL);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 100, 64);
}

/* Without the place that tells interrupts apart there is MSI-X. */
static void
test_pc05_no_isr(void **state)
{
	struct pci_port *p = *state;

	pci_port_device(p);
	p->d->space[VPD_CAP_ISR + 3] = 0xff;
	pci_port_start(p, NULL);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 100, 64);
}

/* A window to the BARs, shared memory, a vendor's own data: known, and not used. */
static void
test_pc18_pc19_capabilities_that_are_not_needed(void **state)
{
	static const struct {
		uint8_t type, bytes;
	} others[] = {{WINDOW, 20}, {SHARED_MEMORY, 24}, {VENDOR, 8}, {0, 16}, {77, 16}};
	uint8_t at = 0xa0, before[20];
	struct pci_port *p = *state;
	unsigned int i;

	pci_port_device(p);
	p->d->space[VPD_CAP_MSIX + 1] = at;
	for (i = 0; i < RTE_DIM(others); i++) {
		p->d->space[at] = 9;
		p->d->space[at + 2] = others[i].bytes;
		p->d->space[at + 3] = others[i].type;
		at += others[i].bytes;
		p->d->space[at - others[i].bytes + 1] = i + 1 < RTE_DIM(others) ? at : 0;
	}
	/* In front of the others, too. */
	p->d->space[0x34] = 0xa0;
	p->d->space[0xa0 + 1] = VPD_CAP_COMMON;
	memcpy(before, p->d->space + 0xa0, sizeof(before));
	pci_port_start(p, NULL);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 100, 64);
	assert_memory_equal(p->d->space + 0xa0, before, sizeof(before));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_hd29_lies_are_refused),
		pci_port_test(test_hd29_pc03_truth_behind_a_lie),
		pci_port_test(test_hd29_random_lies),
		pci_port_test(test_pc07_short_common_structure),
		pci_port_test(test_pc08_long_structures),
		pci_port_test(test_pc05_no_isr),
		pci_port_test(test_pc18_pc19_capabilities_that_are_not_needed),
	};

	return cmocka_run_group_tests_name("pci_lies", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
