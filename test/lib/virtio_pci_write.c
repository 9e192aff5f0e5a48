/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include "virtio_pci_priv.h"

static void
write_status(struct vpm *m, uint8_t value)
{
	m->status_log[m->status_writes++ % sizeof(m->status_log)] = value;
	if (value == 0) {
		m->resetting = true;
		/* Nobody can tell a reset that goes on from one that is done by a status of 0. */
		m->reset_left = m->status != 0 ? m->conf.reset_reads : 0;
		return;
	}
	if (m->resetting) {
		vpm_violation(m, "IN-02: status %#x before the reset is done", value);
		return;
	}
	if ((m->status & ~(value | VPM_NEEDS_RESET)) != 0)
		vpm_violation(m, "IN-01: status goes from %#x to %#x", m->status, value);
	if ((value & VPM_NEEDS_RESET & ~m->status) != 0)
		vpm_violation(m, "IN-01: the driver sets NEEDS_RESET");
	if ((m->status & VPM_FAILED) != 0)
		vpm_violation(m, "IN-07: status %#x after FAILED, without a reset", value);
	if ((value & VPM_DRIVER) && !(value & VPM_ACKNOWLEDGE))
		vpm_violation(m, "IN-01: DRIVER without ACKNOWLEDGE");
	if ((value & VPM_FEATURES_OK) && !(value & VPM_DRIVER))
		vpm_violation(m, "IN-01: FEATURES_OK without DRIVER");
	if ((value & VPM_DRIVER_OK) && !(m->status & VPM_FEATURES_OK))
		vpm_violation(m, "IN-01: DRIVER_OK without FEATURES_OK");
	if (m->conf.refuse_features || (m->driver_features & ~m->conf.features) != 0)
		value &= ~VPM_FEATURES_OK;
	/* The driver takes that back by a reset alone. */
	m->status = value | (m->status & VPM_NEEDS_RESET);
}

static uint16_t
map_vector(const struct vpm *m, uint16_t vector)
{
	if (m->conf.refuse_vectors || vector >= m->conf.vectors ||
	    (vector != 0 && vector == m->conf.refuse_vector))
		return VPM_NO_VECTOR;
	return vector;
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
	if ((m->status & VPM_DRIVER) == 0 || (m->status & VPM_FEATURES_OK) != 0)
		vpm_violation(m, "IN-06: features are written at status %#x", m->status);
	if (m->driver_select < 2)
		set_half(&m->driver_features, m->driver_select, value);
	else if (value != 0)
		vpm_violation(m, "IN-13: features of window %u are accepted", m->driver_select);
}

static void
write_queue(struct vpm *m, uint32_t field, uint32_t value)
{
	struct vpm_queue *q = vpm_selected(m);

	if (!pthread_equal(m->queue_selector, pthread_self()))
		vpm_violation(m, "PC-12: field %u of a queue is written, and another thread has "
			      "selected it", field);
	if (q->resetting)
		vpm_violation(m, "PR-37: field %u of queue %u is written before its reset is done",
			      field, m->queue_select);
	if (q->enabled && field != QUEUE_RESET)
		vpm_violation(m, "PC-11: field %u of queue %u is written after queue_enable", field,
			  m->queue_select);
	if ((m->status & VPM_FEATURES_OK) == 0)
		vpm_violation(m, "IN-01: queue %u is set up before FEATURES_OK", m->queue_select);
	switch (field) {
	case QUEUE_SIZE:
		if (value == 0 || value > vpm_queue_max(m, m->queue_select))
			vpm_violation(m, "PC-11: size %u of queue %u", value, m->queue_select);
		q->size = value;
		break;
	case QUEUE_VECTOR:
		if (value != VPM_NO_VECTOR && value >= m->conf.vectors)
			vpm_violation(m, "PC-15: vector %u of %u", value, m->conf.vectors);
		q->vector = map_vector(m, value);
		break;
	case QUEUE_ENABLE:
		if (value != 1)
			vpm_violation(m, "PC-11: %u is written to queue_enable", value);
		if (q->desc == 0 || q->driver_event == 0 || q->device_event == 0)
			vpm_violation(m, "PC-11: queue %u is enabled without its addresses",
				  m->queue_select);
		if (q->desc % 16 != 0 || q->driver_event % 4 != 0 || q->device_event % 4 != 0)
			vpm_violation(m, "PR-01: parts of queue %u are not aligned", m->queue_select);
		q->enabled = true;
		break;
	case QUEUE_RESET:
		if (value != 1 || !vpm_has(m, VPM_F_RING_RESET))
			vpm_violation(m, "PR-37: %u is written to queue_reset", value);
		q->resetting = true;
		q->reset_left = m->conf.queue_reset_reads;
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
	if (vpm_fields[field].read_only) {
		vpm_violation(m, "PC-10: field %u is written", field);
		return;
	}
	if (vpm_fields[field].of_queue) {
		write_queue(m, field, value);
		return;
	}
	switch (field) {
	case DEVICE_FEATURE_SELECT:
		m->device_select = value;
		m->feature_selector = pthread_self();
		break;
	case DRIVER_FEATURE_SELECT:
		m->driver_select = value;
		break;
	case DRIVER_FEATURE:
		write_driver_feature(m, value);
		break;
	case CONFIG_VECTOR:
		if (value != VPM_NO_VECTOR && value >= m->conf.vectors)
			vpm_violation(m, "PC-15: vector %u of %u", value, m->conf.vectors);
		m->config_vector = map_vector(m, value);
		break;
	case DEVICE_STATUS:
		write_status(m, value);
		break;
	case QUEUE_SELECT:
		m->queue_select = value;
		m->queue_selector = pthread_self();
		break;
	}
}

void
vpm_write(struct vpm *m, void *at, uint32_t value, unsigned int width)
{
	const size_t offset = (uint8_t *)at - m->bar;

	vpm_count_access(m);
	if (m->gone)
		return;
	if (m->resetting && offset != VPM_COMMON + DEVICE_STATUS)
		vpm_violation(m, "IN-02: something else is written before the reset is done");
	if (offset >= VPM_DEVICE && offset < VPM_NOTIFY)
		vpm_violation(m, "NT-30: the device configuration is written");
	else if (offset >= VPM_ISR)
		vpm_violation(m, "PC-06: write at %#zx, where nothing is", offset);
	else if (vpm_is_field(m, offset, width, "write"))
		write_common(m, offset, value);
}
