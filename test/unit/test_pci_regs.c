/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The registers of a PCI function, against a model of the device's side (conformance B, C). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "pci_regs.h"
#include "virtio_pci.h"

#define FEATURES (1ull << 32 | 1ull << 34 | 1ull << 40 | 1ull << 15)

static struct vpm m;
static struct pvq_pci_regs regs;

static uint8_t
read8(const void *at)
{
	return vpm_read(&m, at, 1);
}

static uint16_t
read16(const void *at)
{
	return vpm_read(&m, at, 2);
}

static uint32_t
read32(const void *at)
{
	return vpm_read(&m, at, 4);
}

static void
write8(void *at, uint8_t value)
{
	vpm_write(&m, at, value, 1);
}

static void
write16(void *at, uint16_t value)
{
	vpm_write(&m, at, value, 2);
}

static void
write32(void *at, uint32_t value)
{
	vpm_write(&m, at, value, 4);
}

#define NOTIFY_MULTIPLIER 6u

static const struct pvq_pci_io io = {read8, read16, read32, write8, write16, write32};

static int
start(void **state)
{
	const struct vpm_conf conf = {
		.features = FEATURES, .num_queues = 3, .queue_size = 256, .vectors = 4,
		.notify_off_step = 1,
	};

	(void)state;
	if (vpm_open(&m, &conf) != 0)
		return -1;
	regs = (struct pvq_pci_regs){.name = "f0", .io = &io};
	regs.at.common = m.bar + VPM_COMMON;
	regs.at.common_len = 60;
	regs.at.notify = m.bar + VPM_NOTIFY;
	regs.at.notify_len = VPM_BAR_BYTES - VPM_NOTIFY;
	regs.at.notify_off_multiplier = NOTIFY_MULTIPLIER;
	regs.at.device = m.bar + VPM_DEVICE;
	regs.at.device_len = sizeof(m.conf.config);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	assert_string_equal(vpm_violations_text(&m), "");
	vpm_close(&m);
	return 0;
}

static void
negotiate(uint64_t features)
{
	assert_int_equal(pvq_pci_set_status(&regs, 0), 0);
	assert_int_equal(pvq_pci_set_status(&regs, 1), 0);
	assert_int_equal(pvq_pci_set_status(&regs, 3), 0);
	assert_int_equal(pvq_pci_set_features(&regs, features), 0);
	assert_int_equal(pvq_pci_set_status(&regs, 11), 0);
}

static void
test_in02_reset_is_waited_for(void **state)
{
	uint8_t status;

	(void)state;
	m.status = 15;
	m.conf.reset_reads = 20;
	assert_int_equal(pvq_pci_set_status(&regs, 0), 0);
	assert_int_equal(m.resets, 1);
	assert_int_equal(pvq_pci_get_status(&regs, &status), 0);
	assert_int_equal(status, 0);
	m.conf.reset_reads = 0;
	assert_int_equal(pvq_pci_set_status(&regs, 0), 0);
	assert_int_equal(m.resets, 2);
}

static void
test_in02_hd23_reset_without_end(void **state)
{
	(void)state;
	m.status = 15;
	m.conf.reset_reads = UINT32_MAX;
	assert_int_equal(pvq_pci_set_status(&regs, 0), -ETIMEDOUT);
}

static void
test_in04_features(void **state)
{
	uint64_t features;

	(void)state;
	assert_int_equal(pvq_pci_get_features(&regs, &features), 0);
	assert_int_equal(features, FEATURES);
	m.conf.features = UINT64_MAX;
	assert_int_equal(pvq_pci_get_features(&regs, &features), 0);
	assert_int_equal(features, UINT64_MAX);
	negotiate(1ull << 32 | 1ull << 34 | 5);
	assert_int_equal(m.driver_features, 1ull << 32 | 1ull << 34 | 5);
	assert_int_equal(m.status, 11);
}

static void
test_in03_features_refused(void **state)
{
	uint8_t status;

	(void)state;
	m.conf.refuse_features = true;
	negotiate(FEATURES);
	assert_int_equal(pvq_pci_get_status(&regs, &status), 0);
	assert_int_equal(status, 3);
}

static void
test_in08_configuration_of_one_moment(void **state)
{
	static const uint8_t bytes[12] = {2, 3, 4, 5, 6, 7, 1, 0, 2, 0, 0xdc, 0x05};
	uint8_t config[12];

	(void)state;
	memcpy(m.conf.config, bytes, sizeof(bytes));
	assert_int_equal(pvq_pci_read_config(&regs, 0, sizeof(config), config), 0);
	assert_memory_equal(config, bytes, sizeof(bytes));
	/* Changed while it was read, so it is read again. */
	m.conf.config_changes = 5;
	m.accesses = 0;
	assert_int_equal(pvq_pci_read_config(&regs, 0, sizeof(config), config), 0);
	assert_int_equal(m.accesses, 2 * (2 + 6 + 3) + 1);
	assert_int_equal(pvq_pci_read_config(&regs, 6, 2, config), 0);
	assert_memory_equal(config, bytes + 6, 2);
}

static void
test_in09_configuration_that_is_short(void **state)
{
	uint8_t config[12];

	(void)state;
	regs.at.device_len = 8;
	assert_int_equal(pvq_pci_read_config(&regs, 0, 12, config), -ENOTSUP);
	assert_int_equal(pvq_pci_read_config(&regs, 0, 9, config), -ENOTSUP);
	assert_int_equal(pvq_pci_read_config(&regs, UINT32_MAX, 2, config), -ENOTSUP);
	assert_int_equal(m.accesses, 0);
	assert_int_equal(pvq_pci_read_config(&regs, 0, 8, config), 0);
}

static void
test_hd22_configuration_that_never_rests(void **state)
{
	uint8_t config[12];

	(void)state;
	m.conf.config_changes = UINT32_MAX;
	assert_int_equal(pvq_pci_read_config(&regs, 0, 12, config), -EAGAIN);
	assert_true(m.accesses < 3000);
}

static const struct pvq_pci_queue queue = {
	.index = 1, .size = 64,
	.notify_bytes = VIRTIO_PCI_NOTIFY_BYTES, .desc = 0x123456780, .driver_event = 0xfedc00001004,
	.device_event = 0x1008,
};

static void
test_pc11_queue_is_told_all_and_enabled(void **state)
{
	struct pvq_pci_queue_answer answer;

	(void)state;
	negotiate(FEATURES);
	assert_int_equal(pvq_pci_queue_enable(&regs, &queue, &answer), 0);
	assert_ptr_equal(answer.notify_addr, m.bar + VPM_NOTIFY + 1 * NOTIFY_MULTIPLIER);
	assert_true(m.queue[1].enabled);
	assert_int_equal(m.queue[1].size, 64);
	assert_int_equal(m.queue[1].desc, queue.desc);
	assert_int_equal(m.queue[1].driver_event, queue.driver_event);
	assert_int_equal(m.queue[1].device_event, queue.device_event);
	assert_false(m.queue[0].enabled || m.queue[2].enabled);
}

static void
test_pc11_pc12_sizes(void **state)
{
	struct pvq_pci_queue q = queue;
	struct pvq_pci_queue_answer answer;

	(void)state;
	negotiate(FEATURES);
	q.size = 257;
	assert_int_equal(pvq_pci_queue_enable(&regs, &q, &answer), -E2BIG);
	q.index = 3;
	assert_int_equal(pvq_pci_queue_enable(&regs, &q, &answer), -ENOSPC);
	q = queue;
	m.queue[1].size = 32769;
	assert_int_equal(pvq_pci_queue_enable(&regs, &q, &answer), -EPROTO);
	m.queue[1].size = 0;
	assert_int_equal(pvq_pci_queue_enable(&regs, &q, &answer), -ENOSPC);
	m.queue[1].size = 256;
	m.conf.odd_size = true;
	assert_int_equal(pvq_pci_queue_enable(&regs, &q, &answer), -EPROTO);
	m.conf.odd_size = false;
	q.size = 1;
	m.queue[1].size = 256;
	assert_int_equal(pvq_pci_queue_enable(&regs, &q, &answer), 0);
	q = queue;
	q.index = 2;
	m.queue[2].size = 32768;
	m.conf.queue_size = 32768;
	q.size = 32768;
	assert_int_equal(pvq_pci_queue_enable(&regs, &q, &answer), 0);
	assert_int_equal(m.queue[2].size, 32768);
}

/* The field is there only where it was negotiated. */
static void
test_pc14_what_a_queue_is_called(void **state)
{
	struct pvq_pci_queue q = queue;
	struct pvq_pci_queue_answer answer;

	(void)state;
	m.conf.features |= VPM_F_NOTIF_CONFIG_DATA;
	m.conf.notif_config_data = 0x7700;
	negotiate(FEATURES);
	assert_int_equal(pvq_pci_queue_enable(&regs, &q, &answer), 0);
	assert_int_equal(answer.notify_id, 1);
	assert_int_equal(pvq_pci_set_status(&regs, 0), 0);
	negotiate(FEATURES | VPM_F_NOTIF_CONFIG_DATA);
	q.has_notify_id = true;
	assert_int_equal(pvq_pci_queue_enable(&regs, &q, &answer), 0);
	assert_int_equal(answer.notify_id, 0x7701);
}

/* Nothing is enabled that could not be notified. */
static void
test_pc13_notifications_out_of_bounds(void **state)
{
	struct pvq_pci_queue q = queue;
	struct pvq_pci_queue_answer answer;

	(void)state;
	negotiate(FEATURES);
	regs.at.notify_len = NOTIFY_MULTIPLIER + 2;
	assert_int_equal(pvq_pci_queue_enable(&regs, &queue, &answer), 0);
	assert_int_equal(pvq_pci_queue_reset(&regs, 1), 0);
	regs.at.notify_len--;
	assert_int_equal(pvq_pci_queue_enable(&regs, &queue, &answer), -EINVAL);
	/* Four bytes are not to be written at an offset of six. */
	regs.at.notify_len += 100;
	q.notify_bytes = VIRTIO_PCI_NOTIFY_DATA_BYTES;
	assert_int_equal(pvq_pci_queue_enable(&regs, &q, &answer), -EINVAL);
	assert_false(m.queue[1].enabled);
}

static void
test_pc15_vectors(void **state)
{
	(void)state;
	negotiate(FEATURES);
	m.conf.refuse_vector = 2;
	assert_int_equal(pvq_pci_set_queue_vector(&regs, 1, 3), 0);
	assert_int_equal(m.queue[1].vector, 3);
	assert_int_equal(pvq_pci_set_queue_vector(&regs, 0, 2), -ENOSPC);
	assert_int_equal(m.queue[0].vector, VPM_NO_VECTOR);
	assert_int_equal(m.queue[1].vector, 3);
	assert_int_equal(pvq_pci_set_queue_vector(&regs, 1, VIRTIO_MSI_NO_VECTOR), 0);
	assert_int_equal(m.queue[1].vector, VPM_NO_VECTOR);
	assert_int_equal(pvq_pci_set_config_vector(&regs, 1), 0);
	assert_int_equal(m.config_vector, 1);
	assert_int_equal(pvq_pci_set_config_vector(&regs, 2), -ENOSPC);
}

static void
test_queue_that_is_not_enabled(void **state)
{
	struct pvq_pci_queue_answer answer;

	(void)state;
	negotiate(FEATURES);
	m.conf.never_enabled = true;
	assert_int_equal(pvq_pci_queue_enable(&regs, &queue, &answer), -EPROTO);
}

static void
test_pr37_queue_reset(void **state)
{
	struct pvq_pci_queue_answer answer;

	(void)state;
	negotiate(FEATURES);
	assert_int_equal(pvq_pci_queue_enable(&regs, &queue, &answer), 0);
	m.conf.queue_reset_reads = 10;
	assert_int_equal(pvq_pci_queue_reset(&regs, 1), 0);
	assert_int_equal(m.queue_resets, 1);
	assert_false(m.queue[1].enabled);
	assert_int_equal(pvq_pci_queue_enable(&regs, &queue, &answer), 0);
	m.conf.queue_reset_reads = UINT32_MAX;
	assert_int_equal(pvq_pci_queue_reset(&regs, 1), -ETIMEDOUT);
}

static void
test_hd26_unplugged(void **state)
{
	struct pvq_pci_queue_answer answer;
	uint16_t queues, size;
	uint8_t status, config[12];
	uint64_t features;

	(void)state;
	negotiate(FEATURES);
	m.gone = true;
	assert_int_equal(pvq_pci_get_status(&regs, &status), -ENODEV);
	assert_int_equal(pvq_pci_set_status(&regs, 0), -ENODEV);
	assert_int_equal(pvq_pci_set_status(&regs, 15), -ENODEV);
	assert_int_equal(pvq_pci_get_features(&regs, &features), -ENODEV);
	assert_int_equal(pvq_pci_num_queues(&regs, &queues), -ENODEV);
	assert_int_equal(pvq_pci_read_config(&regs, 0, 12, config), -ENODEV);
	assert_int_equal(pvq_pci_queue_enable(&regs, &queue, &answer), -ENODEV);
	assert_int_equal(pvq_pci_get_queue_size(&regs, 1, &size), -ENODEV);
	assert_int_equal(pvq_pci_queue_reset(&regs, 1), -ENODEV);
	assert_int_equal(pvq_pci_set_config_vector(&regs, 1), -ENODEV);
}

static void
test_pc07_fields_that_may_be_missing(void **state)
{
	(void)state;
	regs.at.common_len = 60;
	assert_true(PVQ_PCI_HAS_FIELD(&regs, queue_reset));
	assert_true(PVQ_PCI_HAS_FIELD(&regs, queue_notif_config_data));
	regs.at.common_len = 59;
	assert_false(PVQ_PCI_HAS_FIELD(&regs, queue_reset));
	assert_true(PVQ_PCI_HAS_FIELD(&regs, queue_notif_config_data));
	regs.at.common_len = 57;
	assert_false(PVQ_PCI_HAS_FIELD(&regs, queue_notif_config_data));
}

/* What real registers are read and written by. */
static void
test_pc09_accesses_to_mapped_registers(void **state)
{
	union {
		uint8_t bytes[8];
		uint64_t whole;
	} mem = {.bytes = {1, 2, 3, 4, 5, 6, 7, 8}};

	(void)state;
	assert_int_equal(pvq_pci_mmio.read8(mem.bytes + 1), 2);
	assert_int_equal(pvq_pci_mmio.read16(mem.bytes + 2), 0x0403);
	assert_int_equal(pvq_pci_mmio.read32(mem.bytes + 4), 0x08070605);
	pvq_pci_mmio.write8(mem.bytes, 0xaa);
	pvq_pci_mmio.write16(mem.bytes + 2, 0xbbcc);
	pvq_pci_mmio.write32(mem.bytes + 4, 0x11223344);
	assert_memory_equal(mem.bytes, ((uint8_t[]){0xaa, 2, 0xcc, 0xbb, 0x44, 0x33, 0x22, 0x11}), 8);
}

#define regs_test(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		regs_test(test_in02_reset_is_waited_for),
		regs_test(test_in02_hd23_reset_without_end),
		regs_test(test_in04_features),
		regs_test(test_in03_features_refused),
		regs_test(test_in08_configuration_of_one_moment),
		regs_test(test_in09_configuration_that_is_short),
		regs_test(test_hd22_configuration_that_never_rests),
		regs_test(test_pc11_queue_is_told_all_and_enabled),
		regs_test(test_pc11_pc12_sizes),
		regs_test(test_pc14_what_a_queue_is_called),
		regs_test(test_pc13_notifications_out_of_bounds),
		regs_test(test_pc15_vectors),
		regs_test(test_queue_that_is_not_enabled),
		regs_test(test_pr37_queue_reset),
		regs_test(test_hd26_unplugged),
		regs_test(test_pc07_fields_that_may_be_missing),
		regs_test(test_pc09_accesses_to_mapped_registers),
	};

	return cmocka_run_group_tests_name("pci_regs", tests, NULL, NULL);
}
