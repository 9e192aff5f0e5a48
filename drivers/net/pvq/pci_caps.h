/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_PCI_CAPS_H
#define PVQ_PCI_CAPS_H

/**
 * @file
 * Where a PCI function has its virtio structures: the list of capabilities, read with suspicion
 * (specification 1.4, Virtio Structure PCI Capabilities). Knows no bus, so that anything that can
 * be read like a configuration space will do.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "virtio_pci_spec.h"

/** A PCI function as the bus gives it. */
struct pvq_pci_function {
	const char *name; /**< for the log */
	void *handle;     /**< read's */
	/** Read configuration space. @return @p len, or another number when that failed. */
	int (*read)(void *handle, void *to, size_t len, off_t at);
	struct {
		uint8_t *addr; /**< where it is mapped */
		uint64_t len;  /**< bytes, 0 when there is no such BAR */
	} bar[VIRTIO_PCI_BARS];
};

/** The structures in the BARs, within their bounds. */
struct pvq_pci_regions {
	uint8_t *common;
	uint32_t common_len; /**< bytes, VIRTIO_PCI_COMMON_CFG_MIN at least */
	uint8_t *notify;
	uint32_t notify_len;
	uint32_t notify_off_multiplier;
	uint8_t *device;
	uint32_t device_len;
	uint8_t *isr; /**< NULL when there is none: no interrupts without MSI-X */
	uint16_t msix_vectors; /**< entries of the MSI-X table, 0 without one */
};

/**
 * Find the structures of a function. Of several usable instances the first counts, and what is
 * unusable is passed over with a line in the log.
 *
 * @return
 *   0; -ENODEV when the function has no virtio capability at all, as legacy devices; -EINVAL when a
 *   structure that is needed is missing, which is logged; -EIO when configuration space cannot be
 *   read.
 */
int
pvq_pci_find_regions(const struct pvq_pci_function *f, struct pvq_pci_regions *regions);

/**
 * The place to write to in order to notify the device (Notification structure layout).
 *
 * @param notify_off
 *   The queue's queue_notify_off.
 * @param bytes
 *   VIRTIO_PCI_NOTIFY_BYTES or VIRTIO_PCI_NOTIFY_DATA_BYTES.
 * @return
 *   NULL when that lies beyond the structure, or not on a multiple of @p bytes.
 */
uint8_t *
pvq_pci_notify_addr(const struct pvq_pci_regions *regions, uint16_t notify_off, uint32_t bytes);

#endif /* PVQ_PCI_CAPS_H */
