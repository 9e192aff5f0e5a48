/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <rte_common.h>

#include "log.h"
#include "pci_caps.h"

/* What a structure has to be, by cfg_type; others are none of ours. */
static const struct {
	const char *name;
	uint8_t cap_len;  /* bytes of the capability itself */
	uint8_t align;    /* of the structure */
	uint32_t length;  /* least of it */
	bool needed;
} kinds[] = {
	[VIRTIO_PCI_CAP_COMMON_CFG] = {"common configuration", sizeof(struct virtio_pci_cap), 4,
				       VIRTIO_PCI_COMMON_CFG_MIN, true},
	[VIRTIO_PCI_CAP_NOTIFY_CFG] = {"notification", sizeof(struct virtio_pci_notify_cap), 2,
				       VIRTIO_PCI_NOTIFY_BYTES, true},
	[VIRTIO_PCI_CAP_ISR_CFG] = {"ISR", sizeof(struct virtio_pci_cap), 1, 1, false},
	[VIRTIO_PCI_CAP_DEVICE_CFG] = {"device configuration", sizeof(struct virtio_pci_cap), 4, 1,
				       true},
};

static int
read_cfg(const struct pvq_pci_function *f, void *to, size_t len, uint8_t at)
{
	if (f->read(f->handle, to, len, at) == (int)len)
		return 0;
	PVQ_LOG(ERR, f->name, "PCI configuration space cannot be read at %#x", at);
	return -EIO;
}

/* Why the structure that a capability tells of cannot be used; NULL when it can (PC-03 to PC-06). */
static const char *
defect(const struct pvq_pci_function *f, const struct virtio_pci_cap *cap)
{
	const uint64_t offset = rte_le_to_cpu_32(cap->offset);
	const uint64_t length = rte_le_to_cpu_32(cap->length);

	if (cap->bar >= VIRTIO_PCI_BARS)
		return "its BAR number is reserved";
	if (cap->cap_len < kinds[cap->cfg_type].cap_len)
		return "the capability is too short";
	if (f->bar[cap->bar].len == 0 || f->bar[cap->bar].addr == NULL)
		return "its BAR is not there";
	if (offset % kinds[cap->cfg_type].align != 0)
		return "its offset is not aligned";
	if (length < kinds[cap->cfg_type].length)
		return "it is too short";
	if (offset + length > f->bar[cap->bar].len)
		return "it ends beyond its BAR";
	return NULL;
}

static void
use(const struct pvq_pci_function *f, const struct virtio_pci_notify_cap *whole,
    struct pvq_pci_regions *regions)
{
	uint8_t *addr = f->bar[whole->cap.bar].addr + rte_le_to_cpu_32(whole->cap.offset);
	const uint32_t length = rte_le_to_cpu_32(whole->cap.length);

	switch (whole->cap.cfg_type) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		regions->common = addr;
		regions->common_len = length;
		break;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		regions->notify = addr;
		regions->notify_len = length;
		regions->notify_off_multiplier = rte_le_to_cpu_32(whole->notify_off_multiplier);
		break;
	case VIRTIO_PCI_CAP_ISR_CFG:
		regions->isr = addr;
		break;
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		regions->device = addr;
		regions->device_len = length;
		break;
	}
}

/* Look at the virtio capability at @p at. @p found has a bit for each cfg_type there is already. */
static int
look_at(const struct pvq_pci_function *f, uint8_t at, uint32_t *found,
	struct pvq_pci_regions *regions)
{
	struct virtio_pci_notify_cap whole = {0};
	const char *why;
	int ret;

	if (at + sizeof(whole.cap) > PCI_CFG_BYTES) {
		PVQ_LOG(WARNING, f->name,
			"virtio capability at %#x ends beyond configuration space: ignored", at);
		return 0;
	}
	ret = read_cfg(f, &whole.cap, sizeof(whole.cap), at);
	if (ret != 0)
		return ret;
	if (whole.cap.cfg_type >= RTE_DIM(kinds) || kinds[whole.cap.cfg_type].name == NULL ||
	    (*found >> whole.cap.cfg_type & 1) != 0)
		return 0;
	why = defect(f, &whole.cap);
	if (why == NULL && kinds[whole.cap.cfg_type].cap_len > sizeof(whole.cap)) {
		if (at + sizeof(whole) > PCI_CFG_BYTES)
			why = "the capability ends beyond configuration space";
		else
			ret = read_cfg(f, &whole, sizeof(whole), at);
	}
	if (why != NULL) {
		PVQ_LOG(WARNING, f->name,
			"virtio capability at %#x (%s: BAR %u, offset %#x, length %#x) is of no "
			"use: %s",
			at, kinds[whole.cap.cfg_type].name, whole.cap.bar,
			rte_le_to_cpu_32(whole.cap.offset), rte_le_to_cpu_32(whole.cap.length),
			why);
		return 0;
	}
	if (ret == 0) {
		*found |= 1u << whole.cap.cfg_type;
		use(f, &whole, regions);
	}
	return ret;
}

/* Of the MSI-X capability at @p at; the table's entries are counted from 0. */
static int
count_vectors(const struct pvq_pci_function *f, uint8_t at, struct pvq_pci_regions *regions)
{
	rte_le16_t control;
	int ret;

	ret = read_cfg(f, &control, sizeof(control), at + PCI_MSIX_CONTROL);
	if (ret == 0)
		regions->msix_vectors = (rte_le_to_cpu_16(control) & PCI_MSIX_CONTROL_SIZE) + 1;
	return ret;
}

static int
check_found(const struct pvq_pci_function *f, uint32_t found)
{
	unsigned int type;
	int ret = 0;

	for (type = 0; type < RTE_DIM(kinds); type++) {
		if (!kinds[type].needed || (found >> type & 1) != 0)
			continue;
		PVQ_LOG(ERR, f->name, "the device has no usable %s structure", kinds[type].name);
		ret = -EINVAL;
	}
	return ret;
}

int
pvq_pci_find_regions(const struct pvq_pci_function *f, struct pvq_pci_regions *regions)
{
	uint32_t found = 0;
	uint8_t next, header[2];
	unsigned int left;
	rte_le16_t status;
	bool any = false;
	int ret;

	memset(regions, 0, sizeof(*regions));
	ret = read_cfg(f, &status, sizeof(status), PCI_CFG_STATUS);
	if (ret != 0)
		return ret;
	if ((rte_le_to_cpu_16(status) & PCI_CFG_STATUS_CAPABILITIES) == 0)
		return -ENODEV;
	ret = read_cfg(f, &next, sizeof(next), PCI_CFG_CAPABILITIES);
	/* No more can be told apart: what goes on for longer is a loop (PC-02). */
	for (left = (PCI_CFG_BYTES - PCI_CFG_HEADER_BYTES) / 4; ret == 0; left--) {
		next &= 0xfc;
		if (next == 0)
			break;
		if (left == 0 || next < PCI_CFG_HEADER_BYTES) {
			PVQ_LOG(WARNING, f->name, "the list of PCI capabilities %s: cut there",
				left == 0 ? "goes round in circles" : "leads into the header");
			break;
		}
		ret = read_cfg(f, header, sizeof(header), next);
		if (ret == 0 && header[0] == PCI_CAP_ID_VENDOR) {
			any = true;
			ret = look_at(f, next, &found, regions);
		} else if (ret == 0 && header[0] == PCI_CAP_ID_MSIX) {
			ret = count_vectors(f, next, regions);
		}
		next = header[1];
	}
	if (ret != 0)
		return ret;
	return any ? check_found(f, found) : -ENODEV;
}

uint8_t *
pvq_pci_notify_addr(const struct pvq_pci_regions *regions, uint16_t notify_off, uint32_t bytes)
{
	const uint64_t at = (uint64_t)notify_off * regions->notify_off_multiplier;

	if (at % bytes != 0 || (uintptr_t)(regions->notify + at) % bytes != 0 ||
	    at + bytes > regions->notify_len)
		return NULL;
	return regions->notify + at;
}
