/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef TEST_VIRTIO_PCI_H
#define TEST_VIRTIO_PCI_H

/**
 * @file
 * The registers of a virtio network function on PCI, as the device sees them: every access of the
 * driver goes through here, is answered by the rules of the specification, and judged by them.
 * Shares nothing with the driver; the numbers of fields are written down anew.
 *
 * The BAR is memory that nobody reads or writes but by vpm_read() and vpm_write(); notifications
 * excepted, whose place is plain memory.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VPM_QUEUES 8u
#define VPM_BAR_BYTES 0x4000u
#define VPM_COMMON 0x0u
#define VPM_ISR 0x1000u
#define VPM_DEVICE 0x2000u
#define VPM_NOTIFY 0x3000u
#define VPM_NO_VECTOR 0xffffu

/** What the device is like, and what it gets wrong. To be set before the driver comes. */
struct vpm_conf {
	uint64_t features;
	uint16_t num_queues;
	uint16_t queue_size;     /**< of each, 0 for "not there" */
	uint16_t vectors;        /**< in the MSI-X table */
	uint16_t refuse_vector;  /**< one that cannot be mapped all the same, 0 for none */
	uint16_t notify_off_step; /**< between the queue_notify_off of two queues */
	uint8_t config[64];      /**< device configuration */
	bool refuse_features;    /**< FEATURES_OK does not stay */
	bool odd_size;           /**< a size that is written is not kept */
	bool never_enabled;      /**< queue_enable does not stay */
	unsigned int reset_reads; /**< device_status is read so often before a reset is done */
	unsigned int queue_reset_reads; /**< the same of queue_reset */
	unsigned int config_changes; /**< the next reads of the configuration that see another one */
};

struct vpm_queue {
	uint16_t size;
	uint16_t vector;
	bool enabled;
	uint64_t desc;
	uint64_t driver_event;
	uint64_t device_event;
};

struct vpm {
	struct vpm_conf conf;
	uint8_t *bar; /**< VPM_BAR_BYTES */
	bool gone;    /**< unplugged: all ones */
	uint8_t status;
	uint8_t generation;
	uint64_t driver_features;
	uint16_t config_vector;
	struct vpm_queue queue[VPM_QUEUES];
	unsigned int resets;
	unsigned int accesses;
	/* Not for tests. */
	uint32_t device_select, driver_select;
	uint16_t queue_select;
	unsigned int reset_left, queue_reset_left;
	bool resetting;
	char text[2048];
};

/** A function that has just been plugged in. @return 0, or -1 without memory. */
int
vpm_open(struct vpm *m, const struct vpm_conf *conf);

void
vpm_close(struct vpm *m);

/** One load by the driver of @p width bytes at @p at, which is in the BAR. */
uint32_t
vpm_read(struct vpm *m, const void *at, unsigned int width);

/** One store. */
void
vpm_write(struct vpm *m, void *at, uint32_t value, unsigned int width);

/** What the driver did wrong, each line with the ID of its requirement; "" for nothing. */
const char *
vpm_violations_text(const struct vpm *m);

#endif /* TEST_VIRTIO_PCI_H */
