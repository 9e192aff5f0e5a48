/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef UNIT_DEVICE_REGISTERS_H
#define UNIT_DEVICE_REGISTERS_H

/** @file Registers of the model of a PCI function, driven access by access: no driver anywhere. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "virtio_pci.h"

#define VERSION_1 (1ull << 32)
#define RING_RESET (1ull << 40)

/** The device under test. */
static struct vpm m;

/** Set-up of a test: a device that offers VERSION_1, RING_RESET and some more. */
static inline int
start(void **state)
{
	const struct vpm_conf conf = {
		.features = VERSION_1 | RING_RESET | 0x28020,
		.num_queues = 3,
		.queue_size = 256,
		.vectors = 3,
		.notify_off_step = 2,
		.config = {2, 3, 4, 5, 6, 7, 1, 0},
	};

	(void)state;
	return vpm_open(&m, &conf);
}

static inline int
stop(void **state)
{
	(void)state;
	vpm_close(&m);
	return 0;
}

/** A load by the driver, at an offset in the BAR. */
static inline uint32_t
get(uint32_t at, unsigned int width)
{
	return vpm_read(&m, m.bar + at, width);
}

/** A store. */
static inline void
set(uint32_t at, uint32_t value, unsigned int width)
{
	vpm_write(&m, m.bar + at, value, width);
}

/** A store to device_status. */
static inline void
status(uint8_t value)
{
	set(20, value, 1);
}

/** That, and nothing else, is what the driver is blamed for. */
static inline void
assert_blamed(const char *id)
{
	const char *text = vpm_violations_text(&m);

	if (strncmp(text, id, strlen(id)) != 0 || text[strlen(id)] != ':' ||
	    strchr(text, '\n') != text + strlen(text) - 1)
		fail_msg("not just %s: %s", id, text);
	m.text[0] = '\0';
}

/** From a reset to FEATURES_OK. */
static inline void
negotiate(uint64_t features)
{
	status(0);
	assert_int_equal(get(20, 1), 0);
	status(1);
	status(3);
	set(8, 0, 4);
	set(12, (uint32_t)features, 4);
	set(8, 1, 4);
	set(12, features >> 32, 4);
	status(11);
}

/** All but queue_enable. */
static inline void
set_up_queue(uint16_t index, uint16_t vector)
{
	set(22, index, 2);
	set(24, 64, 2);
	set(26, vector, 2);
	set(32, 0x1000, 4);
	set(36, 1, 4);
	set(40, 0x2004, 4);
	set(44, 2, 4);
	set(48, 0x3008, 4);
	set(52, 3, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

#endif /* UNIT_DEVICE_REGISTERS_H */
