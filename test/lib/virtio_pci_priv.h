/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef TEST_VIRTIO_PCI_PRIV_H
#define TEST_VIRTIO_PCI_PRIV_H

/** @file What the files of the model of a PCI function's registers share. */

#include "virtio_pci.h"

/** Fields of the common structure, by offset. */
enum vpm_field {
	DEVICE_FEATURE_SELECT = 0,
	DEVICE_FEATURE = 4,
	DRIVER_FEATURE_SELECT = 8,
	DRIVER_FEATURE = 12,
	CONFIG_VECTOR = 16,
	NUM_QUEUES = 18,
	DEVICE_STATUS = 20,
	CONFIG_GENERATION = 21,
	QUEUE_SELECT = 22,
	QUEUE_SIZE = 24,
	QUEUE_VECTOR = 26,
	QUEUE_ENABLE = 28,
	QUEUE_NOTIFY_OFF = 30,
	QUEUE_DESC = 32,
	QUEUE_DRIVER = 40,
	QUEUE_DEVICE = 48,
	QUEUE_NOTIF_CONFIG_DATA = 56,
	QUEUE_RESET = 58,
};

struct vpm_field_rules {
	uint8_t width;
	bool read_only;
	bool of_queue;
};

/** What may be done with the field at an offset; a width of 0 where none begins. */
extern const struct vpm_field_rules vpm_fields[VPM_COMMON_BYTES];

/** Whether an access is to a field of the common structure, as wide as that. */
bool
vpm_is_field(struct vpm *m, uint32_t offset, unsigned int width, const char *what);

/** The queue that queue_select names, or one that is not there. */
struct vpm_queue *
vpm_selected(struct vpm *m);

/** One more, which may be the last. */
void
vpm_count_access(struct vpm *m);

/** Back to the state after a reset. */
void
vpm_reset_queue(struct vpm *m, uint16_t index);

#endif /* TEST_VIRTIO_PCI_PRIV_H */
