/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A PCI function whose configuration space and registers have anything in them (HD-29): what the
 * driver finds lies in the BARs, and so does each register that it reads or writes.
 */

#include <string.h>

#include "fuzz.h"
#include "pci_regs.h"
#include "virtio_spec.h"

#define SPACE_BYTES 256

static struct {
	uint8_t space[SPACE_BYTES];
	uint8_t *bar[VIRTIO_PCI_BARS];
	uint32_t len[VIRTIO_PCI_BARS];
	int broken_at; /* byte of the space that cannot be read */
	struct fuzz_in in;
} f;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_eal_start();
	return 0;
}

static int
read_space(void *handle, void *to, size_t len, off_t at)
{
	FUZZ_CHECK(handle == &f && at >= 0 && at + len <= SPACE_BYTES, "%zu at %ld", len, (long)at);
	if (f.broken_at >= at && f.broken_at < (int)(at + len))
		return -1;
	memcpy(to, f.space + at, len);
	return len;
}

static void
check_range(const char *what, const uint8_t *at, uint64_t len, uint32_t align)
{
	unsigned int i;

	FUZZ_CHECK((uintptr_t)at % align == 0, "%s at %p", what, (const void *)at);
	for (i = 0; i < VIRTIO_PCI_BARS; i++)
		if (f.bar[i] != NULL && at >= f.bar[i] && len <= f.len[i] &&
		    at + len <= f.bar[i] + f.len[i])
			return;
	FUZZ_CHECK(false, "%s: %lu bytes outside of all BARs", what, (unsigned long)len);
}

static uint32_t
get(const void *at, uint32_t width)
{
	check_range("read", at, width, width);
	return fuzz_u32(&f.in);
}

static void
put(const void *at, uint32_t width)
{
	check_range("write", at, width, width);
}

static uint8_t
read8(const void *at)
{
	return get(at, 1);
}

static uint16_t
read16(const void *at)
{
	return get(at, 2);
}

static uint32_t
read32(const void *at)
{
	return get(at, 4);
}

static void
write8(void *at, uint8_t value)
{
	(void)value;
	put(at, 1);
}

static void
write16(void *at, uint16_t value)
{
	(void)value;
	put(at, 2);
}

static void
write32(void *at, uint32_t value)
{
	(void)value;
	put(at, 4);
}

static const struct pvq_pci_io io = {read8, read16, read32, write8, write16, write32};

/* Everything that does not wait for the device. */
static void
use_registers(struct pvq_pci_regs *regs)
{
	static const uint32_t starts[] = {0, 6, 10}; /* mac, status, mtu */
	uint8_t config[sizeof(struct virtio_net_config)];
	struct pvq_pci_queue_answer answer;
	struct pvq_pci_queue queue = {0};
	const uint8_t data = fuzz_u8(&f.in);
	uint64_t features;
	uint16_t n;
	uint8_t status;

	pvq_pci_get_status(regs, &status);
	pvq_pci_get_features(regs, &features);
	pvq_pci_set_features(regs, features);
	pvq_pci_num_queues(regs, &n);
	pvq_pci_get_queue_size(regs, 0, &n);
	pvq_pci_set_queue_vector(regs, data, VIRTIO_MSI_NO_VECTOR);
	if (PVQ_PCI_HAS_FIELD(regs, queue_reset))
		check_range("queue_reset", regs->at.common, sizeof(struct virtio_pci_common_cfg), 4);
	queue.index = data;
	queue.size = fuzz_u16(&f.in);
	queue.has_notify_id = data & 1 && PVQ_PCI_HAS_FIELD(regs, queue_notif_config_data);
	queue.notify_bytes = data & 2 ? VIRTIO_PCI_NOTIFY_BYTES : VIRTIO_PCI_NOTIFY_DATA_BYTES;
	if (pvq_pci_queue_enable(regs, &queue, &answer) == 0)
		check_range("notification", answer.notify_addr, queue.notify_bytes,
			    queue.notify_bytes);
	/* From one field to the end of another. */
	pvq_pci_read_config(regs, starts[data / 4 % 3], starts[data / 4 % 3] == 0 ? 6 : 2, config);
	pvq_pci_read_config(regs, 0, sizeof(config), config);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pvq_pci_function function = {.name = "fuzz", .handle = &f, .read = read_space};
	struct pvq_pci_regs regs = {.name = "fuzz", .io = &io};
	unsigned int i;

	memset(&f, 0, sizeof(f));
	f.in = (struct fuzz_in){data, data + size};
	f.broken_at = (int)fuzz_u16(&f.in) - 1;
	for (i = 0; i < VIRTIO_PCI_BARS; i++) {
		f.len[i] = fuzz_u16(&f.in);
		/* As mapped: from a page on. */
		f.bar[i] = f.len[i] != 0 ? aligned_alloc(4096, RTE_ALIGN_CEIL(f.len[i], 4096)) : NULL;
		function.bar[i].addr = f.bar[i];
		function.bar[i].len = f.len[i];
	}
	for (i = 0; i < SPACE_BYTES; i++)
		f.space[i] = fuzz_u8(&f.in);
	if (pvq_pci_find_regions(&function, &regs.at) == 0) {
		check_range("common", regs.at.common, VIRTIO_PCI_COMMON_CFG_MIN, 4);
		check_range("common", regs.at.common, regs.at.common_len, 4);
		check_range("notify", regs.at.notify, regs.at.notify_len, 2);
		check_range("device", regs.at.device, regs.at.device_len, 4);
		if (regs.at.isr != NULL)
			check_range("isr", regs.at.isr, 1, 1);
		use_registers(&regs);
	}
	for (i = 0; i < VIRTIO_PCI_BARS; i++)
		free(f.bar[i]);
	return 0;
}
