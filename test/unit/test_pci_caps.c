/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The list of PCI capabilities of a virtio function (conformance part C): what is usable is found,
 * and what is not is passed over with its reason.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_log.h>

#include "log.h"
#include "pci_caps.h"
#include "pci_space.h"

static void
test_pc01_nothing_of_virtio(void **state)
{
	struct space *s = *state;

	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -ENODEV);
	space_add_cap(s, 0x11, 12);
	space_add_cap(s, 0x05, 10);
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -ENODEV);
	/* There is no list at all. */
	space_add_all_but(s, 0);
	s->bytes[6] = 0;
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -ENODEV);
	fflush(s->log);
	assert_int_equal(s->len, 0);
	s->bytes[6] = 1 << 4;
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
	space_assert_all(s);
}

static void
test_pc02_a_list_without_end(void **state)
{
	struct space *s = *state;

	space_add_all_but(s, 0);
	*s->link = 0x40;
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
	space_assert_all(s);
	assert_true(space_said(s, "goes round in circles"));
	/* To itself. */
	s->bytes[0x41] = 0x40;
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -EINVAL);
	assert_ptr_equal(s->r.common, s->bar[1]);
}

/* As many as there is room for are no loop. */
static void
test_pc02_a_list_as_long_as_can_be(void **state)
{
	struct space *s = *state;

	while (s->at + 3 * 16 + 20 < 256)
		space_add_cap(s, 0x05, 4);
	space_add_all_but(s, 0);
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
	space_assert_all(s);
	fflush(s->log);
	assert_int_equal(s->len, 0);
}

static void
test_pc02_a_list_into_the_header(void **state)
{
	static const uint8_t places[] = {0x04, 0x10, 0x34, 0x3c};
	struct space *s = *state;
	unsigned int i;

	space_add_all_but(s, 0);
	for (i = 0; i < sizeof(places); i++) {
		*s->link = places[i];
		assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
		space_assert_all(s);
		assert_true(space_said(s, "leads into the header"));
	}
	/* The two lowest bits are reserved. */
	s->bytes[0x34] |= 3;
	*s->link = 3;
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
	space_assert_all(s);
}

static void
test_pc02_a_capability_at_the_end_of_the_space(void **state)
{
	struct space *s = *state;
	uint8_t *cap;

	space_add_all_but(s, NOTIFY);
	s->at = 0xfc;
	cap = space_add_cap(s, 9, 4);
	cap[2] = 16;
	cap[3] = NOTIFY;
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -EINVAL);
	assert_true(space_said(s, "at 0xfc ends beyond configuration space"));
	/* As long as others, and too short for its own multiplier. */
	*s->link = 0;
	s->bytes[0xfc - 16 + 3] = 0;
	s->link = s->bytes + 0x40 + 32 + 1;
	s->at = 0xf0;
	cap = space_add_cap(s, 9, 16);
	cap[2] = 20;
	cap[3] = NOTIFY;
	cap[4] = 4;
	space_put32(cap + 12, 0x100);
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -EINVAL);
	assert_true(space_said(s, "the capability ends beyond configuration space"));
}

/* The first that can be used counts, whatever stands before and behind it. */
static void
test_pc03_bad_before_good(void **state)
{
	static const uint8_t types[] = {COMMON, NOTIFY, ISR, DEVICE};
	struct space *s = *state;
	unsigned int i;

	for (i = 0; i < sizeof(types); i++)
		space_add(s, types[i], 6, 0, 0x1000);
	space_add_all_but(s, 0);
	for (i = 0; i < sizeof(types) - 1; i++)
		space_add(s, types[i], 1, 0, 0x1000);
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
	space_assert_all(s);
	assert_true(space_said(s, "its BAR number is reserved"));
}

static void
test_pc03_pc19_other_types(void **state)
{
	static const uint8_t types[] = {0, WINDOW, 6, 7, SHARED_MEMORY, VENDOR, 10, 255};
	struct space *s = *state;
	unsigned int i;

	for (i = 0; i < sizeof(types); i++)
		*(space_add_cap(s, 9, 4) + 3) = types[i];
	space_add_all_but(s, 0);
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
	space_assert_all(s);
	fflush(s->log);
	assert_int_equal(s->len, 0);
}

static void
test_pc03_longer_capabilities(void **state)
{
	struct space *s = *state;
	unsigned int at;

	space_add_all_but(s, 0);
	for (at = 0x40; at != 0; at = s->bytes[at + 1])
		s->bytes[at + 2] += 12;
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
	space_assert_all(s);
}

static void
test_pc04_short_capabilities(void **state)
{
	static const uint8_t types[] = {COMMON, NOTIFY, DEVICE};
	struct space *s = *state;
	unsigned int i;
	uint8_t *cap;

	for (i = 0; i < sizeof(types); i++) {
		s->at = 0x40;
		s->link = s->bytes + 0x34;
		space_add_all_but(s, types[i]);
		cap = space_add(s, types[i], 4, 0, 0x1000);
		cap[2]--;
		*s->link = 0;
		assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -EINVAL);
		assert_true(space_said(s, "the capability is too short"));
		cap[2]++;
		assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
	}
}

static void
test_pc05_structures_that_are_missing(void **state)
{
	static const struct {
		uint8_t type;
		const char *message;
	} cases[] = {
		{COMMON, "no usable common configuration structure"},
		{NOTIFY, "no usable notification structure"},
		{DEVICE, "no usable device configuration structure"},
	};
	struct space *s = *state;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		s->at = 0x40;
		s->link = s->bytes + 0x34;
		space_add_all_but(s, cases[i].type);
		assert_false(space_said(s, cases[i].message));
		assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -EINVAL);
		assert_true(space_said(s, cases[i].message));
	}
	/* Without an ISR there is MSI-X, or polling. */
	s->at = 0x40;
	s->link = s->bytes + 0x34;
	space_add_all_but(s, ISR);
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
	assert_null(s->r.isr);
}

static void
test_pc06_pc07_bounds(void **state)
{
	static const struct {
		uint8_t type, bar;
		uint32_t offset, length;
		const char *why; /* NULL for usable */
	} cases[] = {
		{COMMON, 4, 0, 56, NULL},
		{COMMON, 4, 0, 55, "it is too short"},
		{COMMON, 4, 0, 0, "it is too short"},
		{COMMON, 4, BAR_BYTES - 56, 56, NULL},
		{COMMON, 4, BAR_BYTES - 56, 57, "it ends beyond its BAR"},
		{COMMON, 4, BAR_BYTES - 52, 56, "it ends beyond its BAR"},
		{COMMON, 4, 0xfffffff0, 0x40, "it ends beyond its BAR"},
		{COMMON, 4, 0xfffffff0, 0x1000, "it ends beyond its BAR"},
		{COMMON, 4, 0, UINT32_MAX, "it ends beyond its BAR"},
		{COMMON, 4, 2, 56, "its offset is not aligned"},
		{COMMON, 0, 0, 56, "its BAR is not there"},
		{COMMON, 5, 0, 56, "its BAR is not there"},
		{COMMON, 255, 0, 56, "its BAR number is reserved"},
		{NOTIFY, 1, 0, 2, NULL},
		{NOTIFY, 1, 2, 2, NULL},
		{NOTIFY, 1, 0, 1, "it is too short"},
		{NOTIFY, 1, 1, 2, "its offset is not aligned"},
		{NOTIFY, 1, BAR_BYTES - 2, 2, NULL},
		{NOTIFY, 1, BAR_BYTES - 2, 3, "it ends beyond its BAR"},
		{ISR, 1, 7, 1, NULL},
		{ISR, 1, BAR_BYTES, 1, "it ends beyond its BAR"},
		{DEVICE, 1, 4, 1, NULL},
		{DEVICE, 1, 2, 1, "its offset is not aligned"},
		{DEVICE, 1, 4, 0, "it is too short"},
	};
	unsigned int i;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct space *s;

		assert_int_equal(space_start((void **)&s), 0);
		space_add_all_but(s, cases[i].type);
		space_add(s, cases[i].type, cases[i].bar, cases[i].offset, cases[i].length);
		ret = pvq_pci_find_regions(&s->f, &s->r);
		assert_int_equal(ret, cases[i].why == NULL || cases[i].type == ISR ? 0 : -EINVAL);
		if (cases[i].why != NULL && !space_said(s, cases[i].why))
			fail_msg("case %u: %s", i, s->text);
		space_stop((void **)&s);
	}
}

/* A BAR that the bus has not mapped is none. */
static void
test_pc06_bar_that_is_not_mapped(void **state)
{
	struct space *s = *state;

	space_add_all_but(s, 0);
	s->f.bar[4].addr = NULL;
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -EINVAL);
	s->f.bar[4].addr = s->bar[1];
	s->f.bar[4].len = 0;
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -EINVAL);
	assert_null(s->r.common);
}

/* Oversized structures are tolerated (PC-08), in large BARs that is. */
static void
test_pc08_long_structures(void **state)
{
	struct space *s = *state;

	space_add(s, COMMON, 4, 0, UINT32_MAX);
	space_add(s, NOTIFY, 4, 0x3000, UINT32_MAX - 1);
	space_add(s, DEVICE, 4, 0x2000, UINT32_MAX);
	s->f.bar[4].len = 0x200000000;
	assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), 0);
	assert_int_equal(s->r.common_len, UINT32_MAX);
	assert_int_equal(s->r.notify_len, UINT32_MAX - 1);
}

static void
test_configuration_space_that_cannot_be_read(void **state)
{
	static const int places[] = {0x06, 0x34, 0x40, 0x48};
	struct space *s = *state;
	unsigned int i;

	space_add_all_but(s, 0);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		s->broken_at = places[i];
		s->broken = -EIO;
		assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -EIO);
		/* Not all of it. */
		s->broken = 0;
		assert_int_equal(pvq_pci_find_regions(&s->f, &s->r), -EIO);
	}
	assert_true(space_said(s, "PCI configuration space cannot be read at 0x40"));
}

static void
test_pc13_notify_address(void **state)
{
	static uint8_t area[64] __rte_aligned(8);
	struct pvq_pci_regions r = {.notify = area, .notify_len = 64, .notify_off_multiplier = 4};

	(void)state;
	assert_ptr_equal(pvq_pci_notify_addr(&r, 0, 2), area);
	assert_ptr_equal(pvq_pci_notify_addr(&r, 15, 2), area + 60);
	assert_ptr_equal(pvq_pci_notify_addr(&r, 15, 4), area + 60);
	assert_null(pvq_pci_notify_addr(&r, 16, 2));
	assert_null(pvq_pci_notify_addr(&r, 65535, 2));
	r.notify_off_multiplier = 2;
	assert_ptr_equal(pvq_pci_notify_addr(&r, 31, 2), area + 62);
	assert_null(pvq_pci_notify_addr(&r, 31, 4));
	assert_null(pvq_pci_notify_addr(&r, 1, 4));
	assert_ptr_equal(pvq_pci_notify_addr(&r, 2, 4), area + 4);
	/* All queues share one place. */
	r.notify_off_multiplier = 0;
	assert_ptr_equal(pvq_pci_notify_addr(&r, 65535, 4), area);
	/* The product is more than 32 bits. */
	r.notify_off_multiplier = 0x80000000;
	assert_null(pvq_pci_notify_addr(&r, 2, 2));
	assert_null(pvq_pci_notify_addr(&r, 65534, 4));
	r.notify_off_multiplier = 1;
	assert_null(pvq_pci_notify_addr(&r, 1, 2));
	r.notify_len = 3;
	assert_null(pvq_pci_notify_addr(&r, 0, 4));
	assert_ptr_equal(pvq_pci_notify_addr(&r, 0, 2), area);
	/* A structure may begin where four bytes are not aligned. */
	r.notify = area + 2;
	r.notify_len = 32;
	r.notify_off_multiplier = 2;
	assert_ptr_equal(pvq_pci_notify_addr(&r, 1, 2), area + 4);
	assert_null(pvq_pci_notify_addr(&r, 0, 4));
	assert_null(pvq_pci_notify_addr(&r, 1, 4));
	assert_null(pvq_pci_notify_addr(&r, 2, 4));
}

#define caps_test(name) cmocka_unit_test_setup_teardown(name, space_start, space_stop)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		caps_test(test_pc01_nothing_of_virtio),
		caps_test(test_pc02_a_list_without_end),
		caps_test(test_pc02_a_list_as_long_as_can_be),
		caps_test(test_pc02_a_list_into_the_header),
		caps_test(test_pc02_a_capability_at_the_end_of_the_space),
		caps_test(test_pc03_bad_before_good),
		caps_test(test_pc03_pc19_other_types),
		caps_test(test_pc03_longer_capabilities),
		caps_test(test_pc04_short_capabilities),
		caps_test(test_pc05_structures_that_are_missing),
		cmocka_unit_test(test_pc06_pc07_bounds),
		caps_test(test_pc06_bar_that_is_not_mapped),
		caps_test(test_pc08_long_structures),
		caps_test(test_configuration_space_that_cannot_be_read),
		caps_test(test_pc13_notify_address),
	};

	return cmocka_run_group_tests_name("pci_caps", tests, NULL, NULL);
}
