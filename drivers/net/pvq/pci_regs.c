/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_io.h>

#include "log.h"
#include "pci_regs.h"
#include "virtio_spec.h"

#define WAIT_MS 1000
#define GENERATIONS_MAX 100
#define GONE_8 0xff
#define GONE_16 0xffff

static uint8_t
mmio_read8(const void *at)
{
	return rte_read8(at);
}

static uint16_t
mmio_read16(const void *at)
{
	return rte_le_to_cpu_16(rte_read16(at));
}

static uint32_t
mmio_read32(const void *at)
{
	return rte_le_to_cpu_32(rte_read32(at));
}

static void
mmio_write8(void *at, uint8_t value)
{
	rte_write8(value, at);
}

static void
mmio_write16(void *at, uint16_t value)
{
	rte_write16(rte_cpu_to_le_16(value), at);
}

static void
mmio_write32(void *at, uint32_t value)
{
	rte_write32(rte_cpu_to_le_32(value), at);
}

const struct pvq_pci_io pvq_pci_mmio = {
	.read8 = mmio_read8,
	.read16 = mmio_read16,
	.read32 = mmio_read32,
	.write8 = mmio_write8,
	.write16 = mmio_write16,
	.write32 = mmio_write32,
};

/* A field of the common structure. */
#define FIELD(regs, field) ((regs)->at.common + offsetof(struct virtio_pci_common_cfg, field))

static void
write_addr(const struct pvq_pci_regs *regs, uint8_t *lo, uint8_t *hi, uint64_t addr)
{
	regs->io->write32(lo, (uint32_t)addr);
	regs->io->write32(hi, addr >> 32);
}

bool
pvq_pci_is_there(const struct pvq_pci_regs *regs)
{
	rte_le16_t vendor;

	return regs->read(regs->handle, &vendor, sizeof(vendor), PCI_CFG_VENDOR) ==
		       sizeof(vendor) &&
	       rte_le_to_cpu_16(vendor) == VIRTIO_PCI_VENDOR_ID;
}

int
pvq_pci_get_status(const struct pvq_pci_regs *regs, uint8_t *status)
{
	*status = regs->io->read8(FIELD(regs, device_status));
	return *status == GONE_8 ? -ENODEV : 0;
}

int
pvq_pci_set_status(const struct pvq_pci_regs *regs, uint8_t status)
{
	unsigned int ms;
	uint8_t now;
	int ret;

	regs->io->write8(FIELD(regs, device_status), status);
	for (ms = 0;; ms++) {
		ret = pvq_pci_get_status(regs, &now);
		if (ret != 0 || status != 0 || now == 0)
			return ret;
		if (ms == WAIT_MS)
			return -ETIMEDOUT;
		rte_delay_us_sleep(1000);
	}
}

int
pvq_pci_get_features(const struct pvq_pci_regs *regs, uint64_t *features)
{
	uint8_t status;
	uint32_t i;

	*features = 0;
	for (i = 0; i < 2; i++) {
		regs->io->write32(FIELD(regs, device_feature_select), i);
		*features |= (uint64_t)regs->io->read32(FIELD(regs, device_feature)) << 32 * i;
	}
	/* All ones could be true of features, if of nothing else. */
	return pvq_pci_get_status(regs, &status);
}

int
pvq_pci_set_features(const struct pvq_pci_regs *regs, uint64_t features)
{
	uint32_t i;

	for (i = 0; i < 2; i++) {
		regs->io->write32(FIELD(regs, driver_feature_select), i);
		regs->io->write32(FIELD(regs, driver_feature), features >> 32 * i);
	}
	return 0;
}

int
pvq_pci_num_queues(const struct pvq_pci_regs *regs, uint16_t *queues)
{
	*queues = regs->io->read16(FIELD(regs, num_queues));
	return *queues == GONE_16 ? -ENODEV : 0;
}

/* Of the field of struct virtio_net_config that is at @p offset; bytes. */
static uint32_t
config_width(uint32_t offset)
{
	return offset < offsetof(struct virtio_net_config, status) ? 1 : 2;
}

int
pvq_pci_read_config(const struct pvq_pci_regs *regs, uint32_t offset, uint32_t len, void *to)
{
	const struct pvq_pci_io *io = regs->io;
	uint8_t *out = to, generation, status;
	unsigned int tries;
	uint32_t i;

	if ((uint64_t)offset + len > regs->at.device_len)
		return -ENOTSUP;
	for (tries = 0; tries < GENERATIONS_MAX; tries++) {
		generation = io->read8(FIELD(regs, config_generation));
		for (i = 0; i < len; i += config_width(offset + i)) {
			const uint8_t *at = regs->at.device + offset + i;
			rte_le16_t value;

			if (config_width(offset + i) == 1) {
				out[i] = io->read8(at);
				continue;
			}
			value = rte_cpu_to_le_16(io->read16(at));
			memcpy(out + i, &value, sizeof(value));
		}
		if (io->read8(FIELD(regs, config_generation)) == generation)
			return pvq_pci_get_status(regs, &status);
	}
	PVQ_LOG(ERR, regs->name, "the device changes its configuration all the time");
	return -EAGAIN;
}

int
pvq_pci_get_queue_size(const struct pvq_pci_regs *regs, uint16_t index, uint16_t *size)
{
	regs->io->write16(FIELD(regs, queue_select), index);
	*size = regs->io->read16(FIELD(regs, queue_size));
	return *size == GONE_16 ? -ENODEV : 0;
}

static int
set_size(const struct pvq_pci_regs *regs, const struct pvq_pci_queue *queue)
{
	const uint16_t max = regs->io->read16(FIELD(regs, queue_size));

	if (max == GONE_16)
		return -ENODEV;
	if (max == 0) {
		PVQ_LOG(ERR, regs->name, "the device has no virtqueue %u", queue->index);
		return -ENOSPC;
	}
	if (max > VIRTQ_PACKED_SIZE_MAX) {
		PVQ_LOG(ERR, regs->name, "the device says that virtqueue %u has %u descriptors",
			queue->index, max);
		return -EPROTO;
	}
	if (queue->size > max) {
		PVQ_LOG(ERR, regs->name,
			"the device has %u descriptors for virtqueue %u: configure no more, or "
			"give the device more (QEMU: rx_queue_size=, tx_queue_size=)",
			max, queue->index);
		return -E2BIG;
	}
	regs->io->write16(FIELD(regs, queue_size), queue->size);
	if (regs->io->read16(FIELD(regs, queue_size)) == queue->size)
		return 0;
	PVQ_LOG(ERR, regs->name, "the device does not take %u descriptors for virtqueue %u",
		queue->size, queue->index);
	return -EPROTO;
}

static int
find_notify_addr(const struct pvq_pci_regs *regs, const struct pvq_pci_queue *queue, void **addr)
{
	const uint16_t off = regs->io->read16(FIELD(regs, queue_notify_off));

	*addr = pvq_pci_notify_addr(&regs->at, off, queue->notify_bytes);
	if (*addr != NULL)
		return 0;
	PVQ_LOG(ERR, regs->name, "virtqueue %u has its notifications at %u times %u, out of bounds",
		queue->index, off, regs->at.notify_off_multiplier);
	return -EINVAL;
}

int
pvq_pci_queue_enable(const struct pvq_pci_regs *regs, const struct pvq_pci_queue *queue,
		     struct pvq_pci_queue_answer *answer)
{
	const struct pvq_pci_io *io = regs->io;
	uint16_t enabled;
	int ret;

	io->write16(FIELD(regs, queue_select), queue->index);
	ret = set_size(regs, queue);
	if (ret == 0)
		ret = find_notify_addr(regs, queue, &answer->notify_addr);
	if (ret != 0)
		return ret;
	write_addr(regs, FIELD(regs, queue_desc_lo), FIELD(regs, queue_desc_hi), queue->desc);
	write_addr(regs, FIELD(regs, queue_driver_lo), FIELD(regs, queue_driver_hi),
		   queue->driver_event);
	write_addr(regs, FIELD(regs, queue_device_lo), FIELD(regs, queue_device_hi),
		   queue->device_event);
	answer->notify_id = queue->has_notify_id ?
				    io->read16(FIELD(regs, queue_notif_config_data)) :
				    queue->index;
	io->write16(FIELD(regs, queue_enable), 1);
	enabled = io->read16(FIELD(regs, queue_enable));
	if (enabled == GONE_16)
		return -ENODEV;
	if (enabled == 1)
		return 0;
	PVQ_LOG(ERR, regs->name, "the device does not enable virtqueue %u", queue->index);
	return -EPROTO;
}

int
pvq_pci_queue_reset(const struct pvq_pci_regs *regs, uint16_t index)
{
	const struct pvq_pci_io *io = regs->io;
	unsigned int ms;
	uint16_t now;

	io->write16(FIELD(regs, queue_select), index);
	io->write16(FIELD(regs, queue_reset), 1);
	for (ms = 0;; ms++) {
		now = io->read16(FIELD(regs, queue_reset));
		if (now == 0)
			return 0;
		if (now == GONE_16)
			return -ENODEV;
		if (ms == WAIT_MS)
			break;
		rte_delay_us_sleep(1000);
	}
	PVQ_LOG(ERR, regs->name,
		"the device does not finish the reset of virtqueue %u: restart the port", index);
	return -ETIMEDOUT;
}

/* What is read back says whether the device has the vector to spare. */
static int
set_vector(const struct pvq_pci_regs *regs, uint8_t *field, uint16_t vector)
{
	uint8_t status;

	regs->io->write16(field, vector);
	if (regs->io->read16(field) == vector)
		return 0;
	return pvq_pci_get_status(regs, &status) == 0 ? -ENOSPC : -ENODEV;
}

int
pvq_pci_set_queue_vector(const struct pvq_pci_regs *regs, uint16_t index, uint16_t vector)
{
	regs->io->write16(FIELD(regs, queue_select), index);
	return set_vector(regs, FIELD(regs, queue_msix_vector), vector);
}

int
pvq_pci_set_config_vector(const struct pvq_pci_regs *regs, uint16_t vector)
{
	return set_vector(regs, FIELD(regs, config_msix_vector), vector);
}
