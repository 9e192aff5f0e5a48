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
 * excepted, whose place is plain memory. What stands behind the registers (rings, packets, control
 * queue, interrupts) is vpm_device.h's.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Sixteen pairs and a control queue. */
#define VPM_QUEUES 33u
#define VPM_BAR_BYTES 0x4000u
#define VPM_COMMON 0x0u
#define VPM_ISR 0x1000u
#define VPM_DEVICE 0x2000u
#define VPM_NOTIFY 0x3000u
#define VPM_NOTIFY_BYTES (VPM_BAR_BYTES - VPM_NOTIFY)
#define VPM_NO_VECTOR 0xffffu
/** The common structure as far as queue_reset. */
#define VPM_COMMON_BYTES 60u

/** Bits of the device status. */
#define VPM_ACKNOWLEDGE 0x01u
#define VPM_DRIVER 0x02u
#define VPM_DRIVER_OK 0x04u
#define VPM_FEATURES_OK 0x08u
#define VPM_NEEDS_RESET 0x40u
#define VPM_FAILED 0x80u

/** Bits of the ISR register. */
#define VPM_ISR_QUEUE 1u
#define VPM_ISR_CONFIG 2u

/** Features that belong to the transport, as masks. */
#define VPM_F_ACCESS_PLATFORM (1ull << 33)
#define VPM_F_ORDER_PLATFORM (1ull << 36)
#define VPM_F_NOTIFICATION_DATA (1ull << 38)
#define VPM_F_NOTIF_CONFIG_DATA (1ull << 39)
#define VPM_F_RING_RESET (1ull << 40)

/** What the device is like, and what it gets wrong. To be set before the driver comes. */
struct vpm_conf {
	uint64_t features;
	uint64_t features_above; /**< bits 64 to 127 */
	uint16_t num_queues;
	bool queues_by_mq;       /**< those behind the third are there when MQ is negotiated */
	uint16_t queue_size;     /**< the most of each, 0 for "not there" */
	uint16_t queue_max[VPM_QUEUES]; /**< the same of single ones, where it is not 0 */
	uint16_t vectors;        /**< in the MSI-X table, 0 without MSI-X */
	uint16_t refuse_vector;  /**< one that cannot be mapped all the same, 0 for none */
	bool refuse_vectors;     /**< none can be mapped */
	uint16_t notify_off_step; /**< between the queue_notify_off of two queues */
	uint16_t notif_config_data; /**< of queue 0; the next one has one more */
	uint16_t common_bytes;   /**< length of the common structure, 0 for VPM_COMMON_BYTES */
	uint8_t config[64];      /**< device configuration */
	uint8_t config_bytes;    /**< length of that, 0 for all */
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
	bool resetting; /**< queue_reset was written, and is not done: the device still goes on */
	unsigned int reset_left;
	uint64_t desc;
	uint64_t driver_event;
	uint64_t device_event;
};

struct vpm {
	struct vpm_conf conf;
	uint8_t *bar; /**< VPM_BAR_BYTES */
	bool gone;    /**< unplugged: all ones, or zeros */
	bool gone_reads_zero;
	unsigned int gone_after; /**< as many accesses, 0 for never */
	uint8_t status;
	uint8_t isr;
	uint8_t generation;
	uint64_t driver_features;
	uint16_t config_vector;
	struct vpm_queue queue[VPM_QUEUES];
	unsigned int resets;
	unsigned int queue_resets; /**< that are done */
	unsigned int accesses;
	uint8_t status_log[64]; /**< what was written to device_status, the last at % 64 - 1 */
	unsigned int status_writes;
	/* Not for tests. */
	uint32_t device_select, driver_select;
	uint16_t queue_select;
	pthread_t feature_selector, queue_selector; /**< who wrote the select registers last */
	unsigned int reset_left;
	bool resetting;
	char text[4096];
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

/** Whether the driver has accepted all of these features, and the device agreed. */
bool
vpm_has(const struct vpm *m, uint64_t features);

/** The most descriptors that queue @p index can have. */
uint16_t
vpm_queue_max(const struct vpm *m, uint16_t index);

/** What the driver did wrong, each line with the ID of its requirement; "" for nothing. */
const char *
vpm_violations_text(const struct vpm *m);

/** Say that it did something wrong; @p format begins with the ID. */
void
vpm_violation(struct vpm *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif /* TEST_VIRTIO_PCI_H */
