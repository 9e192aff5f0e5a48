/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_PCI_REGS_H
#define PVQ_PCI_REGS_H

/**
 * @file
 * The registers of a virtio PCI function (specification 1.4, Common configuration structure layout,
 * and Device-specific configuration). Every access has the width of its field (PC-09), and fields
 * that only the device may change are never written (PC-10).
 *
 * Callers see to it that one of them is in here at a time: queue fields are reached through
 * queue_select (PC-12). A function that has been unplugged reads as all ones, and -ENODEV says so.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci_caps.h"

/** Loads and stores of one register. Addresses are within a structure of pvq_pci_regions. */
struct pvq_pci_io {
	uint8_t (*read8)(const void *at);
	uint16_t (*read16)(const void *at);
	uint32_t (*read32)(const void *at);
	void (*write8)(void *at, uint8_t value);
	void (*write16)(void *at, uint16_t value);
	void (*write32)(void *at, uint32_t value);
};

/** What mapped registers want. */
extern const struct pvq_pci_io pvq_pci_mmio;

struct pvq_pci_regs {
	const char *name; /**< for the log */
	const struct pvq_pci_io *io;
	struct pvq_pci_regions at;
	/** As in pvq_pci_function, to ask whether there still is a device. */
	int (*read)(void *handle, void *to, size_t len, off_t at);
	void *handle;
};

/** What the device is told of a queue. Addresses are those that the device uses. */
struct pvq_pci_queue {
	uint16_t index;
	uint16_t size; /**< slots */
	uint32_t notify_bytes; /**< VIRTIO_PCI_NOTIFY_BYTES or VIRTIO_PCI_NOTIFY_DATA_BYTES */
	bool has_notify_id;    /**< VIRTIO_F_NOTIF_CONFIG_DATA negotiated */
	uint64_t desc;
	uint64_t driver_event;
	uint64_t device_event;
};

/** What the device tells of a queue when it is enabled. */
struct pvq_pci_queue_answer {
	void *notify_addr;  /**< where to notify it */
	uint16_t notify_id; /**< queue_notif_config_data, or the index */
};

/**
 * Whether there is a device, as configuration space tells: where none answers, some buses give zeros
 * for its registers.
 */
bool
pvq_pci_is_there(const struct pvq_pci_regs *regs);

/** Read device_status. @return 0 or -ENODEV. */
int
pvq_pci_get_status(const struct pvq_pci_regs *regs, uint8_t *status);

/**
 * Write device_status. Zero resets the device, which is waited for (IN-02).
 *
 * @return
 *   0; -ETIMEDOUT when the reset does not end within a second; -ENODEV.
 */
int
pvq_pci_set_status(const struct pvq_pci_regs *regs, uint8_t status);

/** Features 0 to 63 that are offered. @return 0 or -ENODEV. */
int
pvq_pci_get_features(const struct pvq_pci_regs *regs, uint64_t *features);

/** Accept features; those above 63 are not. @return 0. */
int
pvq_pci_set_features(const struct pvq_pci_regs *regs, uint64_t features);

/** Whether the common structure is long enough for @p field (PC-07). */
#define PVQ_PCI_HAS_FIELD(regs, field) \
	((regs)->at.common_len >= offsetof(struct virtio_pci_common_cfg, field) + \
				  sizeof(((struct virtio_pci_common_cfg *)0)->field))

/** How many virtqueues there are. @return 0 or -ENODEV. */
int
pvq_pci_num_queues(const struct pvq_pci_regs *regs, uint16_t *queues);

/**
 * Read device configuration, all of it from one generation (IN-08).
 *
 * @return
 *   0; -ENOTSUP when the structure ends before; -EAGAIN when the device never stops changing it
 *   (HD-22); -ENODEV.
 */
int
pvq_pci_read_config(const struct pvq_pci_regs *regs, uint32_t offset, uint32_t len, void *to);

/** Slots that a queue has at most, 0 for no such queue; after a reset. @return 0 or -ENODEV. */
int
pvq_pci_get_queue_size(const struct pvq_pci_regs *regs, uint16_t index, uint16_t *size);

/**
 * Tell the device all of a queue but its vector, which it has been told, then enable it (PC-11).
 *
 * @return
 *   0; -EINVAL when its notifications are out of bounds; -ENOSPC when there is no such queue;
 *   -E2BIG when it is smaller than asked for; -EPROTO when the device does not take what it is
 *   told; -ENODEV. All but the last are logged.
 */
int
pvq_pci_queue_enable(const struct pvq_pci_regs *regs, const struct pvq_pci_queue *queue,
		     struct pvq_pci_queue_answer *answer);

/**
 * Have the device leave one queue; VIRTIO_F_RING_RESET is negotiated (PR-37).
 *
 * @return
 *   0; -ETIMEDOUT when that does not end within a second; -ENODEV.
 */
int
pvq_pci_queue_reset(const struct pvq_pci_regs *regs, uint16_t index);

/**
 * Have queue @p index interrupt by @p vector, before it is enabled.
 *
 * @return
 *   0; -ENOSPC when the device refuses (PC-15); -ENODEV.
 */
int
pvq_pci_set_queue_vector(const struct pvq_pci_regs *regs, uint16_t index, uint16_t vector);

/** Have changes of configuration interrupt by @p vector. @return 0; -ENOSPC; -ENODEV. */
int
pvq_pci_set_config_vector(const struct pvq_pci_regs *regs, uint16_t vector);

#endif /* PVQ_PCI_REGS_H */
