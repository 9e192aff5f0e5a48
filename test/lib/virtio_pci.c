/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_pci_priv.h"

const struct vpm_field_rules vpm_fields[VPM_COMMON_BYTES] = {
	[DEVICE_FEATURE_SELECT] = {4, false, false},
	[DEVICE_FEATURE] = {4, true, false},
	[DRIVER_FEATURE_SELECT] = {4, false, false},
	[DRIVER_FEATURE] = {4, false, false},
	[CONFIG_VECTOR] = {2, false, false},
	[NUM_QUEUES] = {2, true, false},
	[DEVICE_STATUS] = {1, false, false},
	[CONFIG_GENERATION] = {1, true, false},
	[QUEUE_SELECT] = {2, false, false},
	[QUEUE_SIZE] = {2, false, true},
	[QUEUE_VECTOR] = {2, false, true},
	[QUEUE_ENABLE] = {2, false, true},
	[QUEUE_NOTIFY_OFF] = {2, true, true},
	[QUEUE_DESC] = {4, false, true},
	[QUEUE_DESC + 4] = {4, false, true},
	[QUEUE_DRIVER] = {4, false, true},
	[QUEUE_DRIVER + 4] = {4, false, true},
	[QUEUE_DEVICE] = {4, false, true},
	[QUEUE_DEVICE + 4] = {4, false, true},
	[QUEUE_NOTIF_CONFIG_DATA] = {2, true, true},
	[QUEUE_RESET] = {2, false, true},
};

/* Of the device configuration of a network device: mac, then 16-bit fields, speed, duplex. */
static unsigned int
config_width(uint32_t offset)
{
	if (offset < 6 || offset == 16)
		return 1;
	return offset < 12 ? 2 : 4;
}

void
vpm_violation(struct vpm *m, const char *format, ...)
{
	const size_t used = strlen(m->text);
	va_list args;

	va_start(args, format);
	vsnprintf(m->text + used, sizeof(m->text) - used, format, args);
	va_end(args);
	strncat(m->text, "\n", sizeof(m->text) - strlen(m->text) - 1);
}

const char *
vpm_violations_text(const struct vpm *m)
{
	return m->text;
}

uint16_t
vpm_queue_max(const struct vpm *m, uint16_t index)
{
	return m->conf.queue_max[index] != 0 ? m->conf.queue_max[index] : m->conf.queue_size;
}

bool
vpm_has(const struct vpm *m, uint64_t features)
{
	return (m->status & VPM_FEATURES_OK) != 0 && (m->driver_features & features) == features;
}

void
vpm_reset_queue(struct vpm *m, uint16_t index)
{
	m->queue[index] =
		(struct vpm_queue){.size = vpm_queue_max(m, index), .vector = VPM_NO_VECTOR};
}

static void
reset(struct vpm *m)
{
	unsigned int i;

	m->driver_features = 0;
	m->config_vector = VPM_NO_VECTOR;
	m->device_select = m->driver_select = 0;
	m->queue_select = 0;
	m->isr = 0;
	for (i = 0; i < VPM_QUEUES; i++)
		vpm_reset_queue(m, i);
}

int
vpm_open(struct vpm *m, const struct vpm_conf *conf)
{
	*m = (struct vpm){.conf = *conf};
	if (m->conf.common_bytes == 0)
		m->conf.common_bytes = VPM_COMMON_BYTES;
	if (m->conf.config_bytes == 0)
		m->conf.config_bytes = sizeof(m->conf.config);
	m->bar = aligned_alloc(4096, VPM_BAR_BYTES);
	if (m->bar == NULL)
		return -1;
	memset(m->bar, 0xff, VPM_BAR_BYTES);
	m->queue_selector = m->feature_selector = pthread_self();
	reset(m);
	return 0;
}

void
vpm_close(struct vpm *m)
{
	free(m->bar);
	m->bar = NULL;
}

static uint16_t
num_queues(const struct vpm *m)
{
	const bool mq = (m->driver_features >> 22 & 1) != 0;

	return m->conf.queues_by_mq && !mq && m->conf.num_queues > 3 ? 3 : m->conf.num_queues;
}

struct vpm_queue *
vpm_selected(struct vpm *m)
{
	static struct vpm_queue none;

	if (m->queue_select < num_queues(m) && m->queue_select < VPM_QUEUES)
		return &m->queue[m->queue_select];
	none = (struct vpm_queue){.vector = VPM_NO_VECTOR};
	return &none;
}

static uint32_t
read_status(struct vpm *m)
{
	if (m->resetting) {
		if (m->reset_left-- != 0)
			return m->status;
		m->resetting = false;
		m->status = 0;
		m->resets++;
		reset(m);
	}
	return m->status;
}

/* Until it is done the queue stays as it is, and in use. */
static uint32_t
read_queue_reset(struct vpm *m, struct vpm_queue *q)
{
	if (!vpm_has(m, VPM_F_RING_RESET))
		vpm_violation(m, "PR-37: queue_reset is read, and RING_RESET is not negotiated");
	if (!q->resetting)
		return 0;
	if (q->reset_left-- != 0)
		return 1;
	m->queue_resets++;
	vpm_reset_queue(m, m->queue_select);
	return 0;
}

static uint32_t
half(uint64_t value, bool upper)
{
	return value >> (upper ? 32 : 0);
}

static uint32_t
window(uint32_t select, uint64_t lower, uint64_t upper)
{
	return select < 4 ? half(select < 2 ? lower : upper, select & 1) : 0;
}

static uint32_t
read_queue(struct vpm *m, uint32_t field)
{
	struct vpm_queue *q = vpm_selected(m);

	if (!pthread_equal(m->queue_selector, pthread_self()))
		vpm_violation(m, "PC-12: field %u of a queue is read, and another thread has "
			      "selected it", field);
	switch (field) {
	case QUEUE_SIZE:
		return m->conf.odd_size && q->size != vpm_queue_max(m, m->queue_select) ?
			       q->size + 1 : q->size;
	case QUEUE_VECTOR:
		return q->vector;
	case QUEUE_ENABLE:
		return q->enabled && !m->conf.never_enabled;
	case QUEUE_NOTIFY_OFF:
		return m->queue_select * m->conf.notify_off_step;
	case QUEUE_NOTIF_CONFIG_DATA:
		if (!vpm_has(m, VPM_F_NOTIF_CONFIG_DATA))
			vpm_violation(m, "PC-14: queue_notif_config_data is read, and "
				      "NOTIF_CONFIG_DATA is not negotiated");
		return m->conf.notif_config_data + m->queue_select;
	case QUEUE_RESET:
		return read_queue_reset(m, q);
	case QUEUE_DESC:
	case QUEUE_DESC + 4:
		return half(q->desc, field == QUEUE_DESC + 4);
	case QUEUE_DRIVER:
	case QUEUE_DRIVER + 4:
		return half(q->driver_event, field == QUEUE_DRIVER + 4);
	case QUEUE_DEVICE:
	case QUEUE_DEVICE + 4:
		return half(q->device_event, field == QUEUE_DEVICE + 4);
	default:
		return 0;
	}
}

static uint32_t
read_common(struct vpm *m, uint32_t field)
{
	switch (field) {
	case DEVICE_FEATURE_SELECT:
		return m->device_select;
	case DEVICE_FEATURE:
		if (!pthread_equal(m->feature_selector, pthread_self()))
			vpm_violation(m, "PC-12: features are read that another thread has "
				      "selected");
		return window(m->device_select, m->conf.features, m->conf.features_above);
	case DRIVER_FEATURE_SELECT:
		return m->driver_select;
	case DRIVER_FEATURE:
		return window(m->driver_select, m->driver_features, 0);
	case CONFIG_VECTOR:
		return m->config_vector;
	case NUM_QUEUES:
		return num_queues(m);
	case DEVICE_STATUS:
		return read_status(m);
	case CONFIG_GENERATION:
		return m->generation;
	case QUEUE_SELECT:
		return m->queue_select;
	default:
		return 0;
	}
}

static uint32_t
read_config(struct vpm *m, uint32_t offset, unsigned int width)
{
	uint32_t value = 0, i;

	for (i = 0; i < width; i++)
		value |= (uint32_t)m->conf.config[offset + i] << 8 * i;
	/* Somebody changed it just now. */
	if (m->conf.config_changes != 0) {
		m->conf.config_changes--;
		m->generation++;
	}
	return value;
}

/* Reading takes the interrupt back. */
static uint32_t
read_isr(struct vpm *m)
{
	const uint8_t isr = m->isr;

	if (m->conf.vectors != 0)
		vpm_violation(m, "PC-16: ISR is read, and the device has MSI-X");
	m->isr = 0;
	return isr;
}

bool
vpm_is_field(struct vpm *m, uint32_t offset, unsigned int width, const char *what)
{
	if (offset >= VPM_COMMON_BYTES || vpm_fields[offset].width != width) {
		vpm_violation(m, "PC-09: %s of %u bytes at %u of the common configuration", what,
			      width, offset);
		return false;
	}
	if (offset + width <= m->conf.common_bytes)
		return true;
	vpm_violation(m, "PC-07: %s at %u of a common configuration of %u bytes", what, offset,
		      m->conf.common_bytes);
	return false;
}

static uint32_t
ones(unsigned int width)
{
	return width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;
}

void
vpm_count_access(struct vpm *m)
{
	if (++m->accesses == m->gone_after)
		m->gone = true;
}

uint32_t
vpm_read(struct vpm *m, const void *at, unsigned int width)
{
	const size_t offset = (const uint8_t *)at - m->bar;

	vpm_count_access(m);
	if (m->gone)
		return m->gone_reads_zero ? 0 : ones(width);
	if (m->resetting && offset != VPM_COMMON + DEVICE_STATUS)
		vpm_violation(m, "IN-02: something else is read before the reset is done");
	if (offset < VPM_ISR) {
		if (!vpm_is_field(m, offset, width, "read"))
			return ones(width);
		return vpm_fields[offset].of_queue ? read_queue(m, offset) :
						     read_common(m, offset);
	}
	if (offset == VPM_ISR && width == 1)
		return read_isr(m);
	if (offset >= VPM_DEVICE && offset + width <= VPM_DEVICE + m->conf.config_bytes) {
		if (config_width(offset - VPM_DEVICE) != width)
			vpm_violation(m, "PC-09: read of %u bytes at %zu of the device "
				      "configuration", width, offset - VPM_DEVICE);
		return read_config(m, offset - VPM_DEVICE, width);
	}
	vpm_violation(m, "PC-06: read at %#zx, where nothing is", offset);
	return ones(width);
}
