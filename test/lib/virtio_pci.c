/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_pci.h"

#define ACKNOWLEDGE 1
#define DRIVER 2
#define DRIVER_OK 4
#define FEATURES_OK 8
#define FAILED 128

#define F_RING_RESET 40

/* Fields of the common structure, by offset. */
enum field {
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
	COMMON_END = 60,
};

static const struct {
	uint8_t width;
	bool read_only;
	bool of_queue;
} fields[COMMON_END] = {
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

__attribute__((format(printf, 2, 3))) static void
violation(struct vpm *m, const char *format, ...)
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

static void
reset(struct vpm *m)
{
	unsigned int i;

	m->driver_features = 0;
	m->config_vector = VPM_NO_VECTOR;
	m->device_select = m->driver_select = 0;
	m->queue_select = 0;
	for (i = 0; i < VPM_QUEUES; i++)
		m->queue[i] =
			(struct vpm_queue){.size = m->conf.queue_size, .vector = VPM_NO_VECTOR};
}

int
vpm_open(struct vpm *m, const struct vpm_conf *conf)
{
	*m = (struct vpm){.conf = *conf};
	m->bar = aligned_alloc(4096, VPM_BAR_BYTES);
	if (m->bar == NULL)
		return -1;
	memset(m->bar, 0xff, VPM_BAR_BYTES);
	reset(m);
	return 0;
}

void
vpm_close(struct vpm *m)
{
	free(m->bar);
	m->bar = NULL;
}

static struct vpm_queue *
selected(struct vpm *m)
{
	static struct vpm_queue none;

	if (m->queue_select < m->conf.num_queues && m->queue_select < VPM_QUEUES)
		return &m->queue[m->queue_select];
	none = (struct vpm_queue){.vector = VPM_NO_VECTOR};
	return &none;
}

static uint16_t
map_vector(const struct vpm *m, uint16_t vector)
{
	if (vector >= m->conf.vectors || (vector != 0 && vector == m->conf.refuse_vector))
		return VPM_NO_VECTOR;
	return vector;
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

static uint32_t
half(uint64_t value, bool upper)
{
	return value >> (upper ? 32 : 0);
}

static uint32_t
read_common(struct vpm *m, uint32_t field)
{
	const struct vpm_queue *q = selected(m);

	switch (field) {
	case DEVICE_FEATURE_SELECT:
		return m->device_select;
	case DEVICE_FEATURE:
		return m->device_select < 2 ? half(m->conf.features, m->device_select) : 0;
	case DRIVER_FEATURE_SELECT:
		return m->driver_select;
	case DRIVER_FEATURE:
		return m->driver_select < 2 ? half(m->driver_features, m->driver_select) : 0;
	case CONFIG_VECTOR:
		return m->config_vector;
	case NUM_QUEUES:
		return m->conf.num_queues;
	case DEVICE_STATUS:
		return read_status(m);
	case CONFIG_GENERATION:
		return m->generation;
	case QUEUE_SELECT:
		return m->queue_select;
	case QUEUE_SIZE:
		return m->conf.odd_size && q->size != m->conf.queue_size ? q->size + 1 : q->size;
	case QUEUE_VECTOR:
		return q->vector;
	case QUEUE_ENABLE:
		return q->enabled && !m->conf.never_enabled;
	case QUEUE_NOTIFY_OFF:
		return m->queue_select * m->conf.notify_off_step;
	case QUEUE_DESC:
	case QUEUE_DESC + 4:
		return half(q->desc, field == QUEUE_DESC + 4);
	case QUEUE_DRIVER:
	case QUEUE_DRIVER + 4:
		return half(q->driver_event, field == QUEUE_DRIVER + 4);
	case QUEUE_DEVICE:
	case QUEUE_DEVICE + 4:
		return half(q->device_event, field == QUEUE_DEVICE + 4);
	case QUEUE_RESET:
		return m->queue_reset_left != 0 ? (m->queue_reset_left--, 1) : 0;
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

/* Whether an access is to a field of the common structure, as wide as that. */
static bool
is_field(struct vpm *m, uint32_t offset, unsigned int width, const char *what)
{
	if (offset < COMMON_END && fields[offset].width == width)
		return true;
	violation(m, "PC-09: %s of %u bytes at %u of the common configuration", what, width,
		  offset);
	return false;
}

static uint32_t
ones(unsigned int width)
{
	return width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;
}

uint32_t
vpm_read(struct vpm *m, const void *at, unsigned int width)
{
	const size_t offset = (const uint8_t *)at - m->bar;

	m->accesses++;
	if (m->gone)
		return ones(width);
	if (m->resetting && offset != VPM_COMMON + DEVICE_STATUS)
		violation(m, "IN-02: something else is read before the reset is done");
	if (offset < VPM_ISR)
		return is_field(m, offset, width, "read") ? read_common(m, offset) : ones(width);
	if (offset >= VPM_DEVICE && offset + width <= VPM_DEVICE + sizeof(m->conf.config)) {
		if (config_width(offset - VPM_DEVICE) != width)
			violation(m, "PC-09: read of %u bytes at %zu of the device configuration",
				  width, offset - VPM_DEVICE);
		return read_config(m, offset - VPM_DEVICE, width);
	}
	violation(m, "PC-06: read at %#zx, where nothing is", offset);
	return ones(width);
}

static void
write_status(struct vpm *m, uint8_t value)
{
	if (value == 0) {
		m->resetting = true;
		m->reset_left = m->conf.reset_reads;
		return;
	}
	if (m->resetting) {
		violation(m, "IN-02: status %#x before the reset is done", value);
		return;
	}
	if ((m->status & ~value) != 0)
		violation(m, "IN-01: status goes from %#x to %#x", m->status, value);
	if ((m->status & FAILED) != 0)
		violation(m, "IN-07: status %#x after FAILED, without a reset", value);
	if ((value & DRIVER) && !(value & ACKNOWLEDGE))
		violation(m, "IN-01: DRIVER without ACKNOWLEDGE");
	if ((value & FEATURES_OK) && !(value & DRIVER))
		violation(m, "IN-01: FEATURES_OK without DRIVER");
	if ((value & DRIVER_OK) && !(m->status & FEATURES_OK))
		violation(m, "IN-01: DRIVER_OK without FEATURES_OK");
	if (m->conf.refuse_features || (m->driver_features & ~m->conf.features) != 0)
		value &= ~FEATURES_OK;
	m->status = value;
}

static void
set_half(uint64_t *to, bool upper, uint32_t value)
{
	*to = upper ? (*to & UINT32_MAX) | (uint64_t)value << 32
		    : (*to & ~(uint64_t)UINT32_MAX) | value;
}

static void
write_driver_feature(struct vpm *m, uint32_t value)
{
	if ((m->status & DRIVER) == 0 || (m->status & FEATURES_OK) != 0)
		violation(m, "IN-06: features are written at status %#x", m->status);
	if (m->driver_select < 2)
		set_half(&m->driver_features, m->driver_select, value);
	else if (value != 0)
		violation(m, "IN-13: features of window %u are accepted", m->driver_select);
}

static void
write_queue(struct vpm *m, uint32_t field, uint32_t value)
{
	struct vpm_queue *q = selected(m);

	if (q->enabled && field != QUEUE_RESET)
		violation(m, "PC-11: field %u of queue %u is written after queue_enable", field,
			  m->queue_select);
	if ((m->status & FEATURES_OK) == 0)
		violation(m, "IN-01: queue %u is set up before FEATURES_OK", m->queue_select);
	switch (field) {
	case QUEUE_SIZE:
		if (value == 0 || value > m->conf.queue_size)
			violation(m, "PC-11: size %u of queue %u", value, m->queue_select);
		q->size = value;
		break;
	case QUEUE_VECTOR:
		if (value != VPM_NO_VECTOR && value >= m->conf.vectors)
			violation(m, "PC-15: vector %u of %u", value, m->conf.vectors);
		q->vector = map_vector(m, value);
		break;
	case QUEUE_ENABLE:
		if (value != 1)
			violation(m, "PC-11: %u is written to queue_enable", value);
		if (q->desc == 0 || q->driver_event == 0 || q->device_event == 0)
			violation(m, "PC-11: queue %u is enabled without its addresses",
				  m->queue_select);
		if (q->desc % 16 != 0 || q->driver_event % 4 != 0 || q->device_event % 4 != 0)
			violation(m, "PR-01: parts of queue %u are not aligned", m->queue_select);
		q->enabled = true;
		break;
	case QUEUE_RESET:
		if (value != 1 || (m->driver_features >> F_RING_RESET & 1) == 0)
			violation(m, "PR-37: %u is written to queue_reset", value);
		m->queue_reset_left = m->conf.queue_reset_reads;
		*q = (struct vpm_queue){.size = m->conf.queue_size, .vector = VPM_NO_VECTOR};
		break;
	case QUEUE_DESC:
	case QUEUE_DESC + 4:
		set_half(&q->desc, field == QUEUE_DESC + 4, value);
		break;
	case QUEUE_DRIVER:
	case QUEUE_DRIVER + 4:
		set_half(&q->driver_event, field == QUEUE_DRIVER + 4, value);
		break;
	case QUEUE_DEVICE:
	case QUEUE_DEVICE + 4:
		set_half(&q->device_event, field == QUEUE_DEVICE + 4, value);
		break;
	}
}

static void
write_common(struct vpm *m, uint32_t field, uint32_t value)
{
	if (fields[field].read_only) {
		violation(m, "PC-10: field %u is written", field);
		return;
	}
	if (fields[field].of_queue) {
		write_queue(m, field, value);
		return;
	}
	switch (field) {
	case DEVICE_FEATURE_SELECT:
		m->device_select = value;
		break;
	case DRIVER_FEATURE_SELECT:
		m->driver_select = value;
		break;
	case DRIVER_FEATURE:
		write_driver_feature(m, value);
		break;
	case CONFIG_VECTOR:
		if (value != VPM_NO_VECTOR && value >= m->conf.vectors)
			violation(m, "PC-15: vector %u of %u", value, m->conf.vectors);
		m->config_vector = map_vector(m, value);
		break;
	case DEVICE_STATUS:
		write_status(m, value);
		break;
	case QUEUE_SELECT:
		m->queue_select = value;
		break;
	}
}

void
vpm_write(struct vpm *m, void *at, uint32_t value, unsigned int width)
{
	const size_t offset = (uint8_t *)at - m->bar;

	m->accesses++;
	if (m->gone)
		return;
	if (m->resetting && offset != VPM_COMMON + DEVICE_STATUS)
		violation(m, "IN-02: something else is written before the reset is done");
	if (offset >= VPM_DEVICE && offset < VPM_NOTIFY)
		violation(m, "NT-30: the device configuration is written");
	else if (offset >= VPM_ISR)
		violation(m, "PC-06: write at %#zx, where nothing is", offset);
	else if (is_field(m, offset, width, "write"))
		write_common(m, offset, value);
}
