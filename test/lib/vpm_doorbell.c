/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file Doorbells: words of the BAR that the driver writes, and nobody but the device reads. */

#include <string.h>

#include "packed_device_priv.h"
#include "vpm_device_priv.h"

#define QUIET_16 0xffffu
#define QUIET_32 0xffffffffu

uint64_t
vpd_doorbell_at(const struct vpd *d, uint16_t index)
{
	return (uint64_t)index * d->regs.conf.notify_off_step * d->conf.notify_multiplier;
}

/* Between two doorbells; 0 when all queues have one and the same. */
static uint64_t
stride(const struct vpd *d)
{
	return vpd_doorbell_at(d, 1);
}

/* What is not aligned can be no doorbell, and not every processor can exchange it. */
static bool
has_place(const struct vpd *d, uint16_t index)
{
	const uint64_t at = vpd_doorbell_at(d, index);

	return at % 2 == 0 && at + 4 <= VPM_NOTIFY_BYTES;
}

/* What stands there, and all ones from now on. A store that comes in between is not lost. */
static uint32_t
take(const struct vpd *d, uint16_t index)
{
	uint8_t *at = d->regs.bar + VPM_NOTIFY + vpd_doorbell_at(d, index);

	if (stride(d) % 4 != 0)
		return QUIET_16 << 16 |
		       le16toh(__atomic_exchange_n((uint16_t *)(void *)at, QUIET_16,
						   __ATOMIC_ACQ_REL));
	return le32toh(__atomic_exchange_n((uint32_t *)(void *)at, QUIET_32, __ATOMIC_ACQ_REL));
}

/*
 * The position told must be one up to which buffers were available: no further than what stands in
 * the ring, and, since the device may be ahead of doorbells, no more than a lap behind (PR-35).
 */
static void
judge_position(struct vpd *d, uint16_t index, uint16_t told)
{
	struct pd_vq *vq = d->net->vrings[index].vq;
	uint32_t off = told & 0x7fff, size, base, ahead, lap;

	if (vq == NULL)
		return;
	size = pd_get_config(vq)->size;
	base = pd_base(vq);
	if (off >= size) {
		vhu_report(d->net, "PR-35", index, "doorbell tells of slot %u of %u", off, size);
		return;
	}
	lap = 2 * size;
	ahead = off + (told >> 15 ? 0 : size) + lap;
	ahead = (ahead - (base & 0x7fff) - (base >> 15 & 1 ? 0 : size)) % lap;
	if (ahead > pd_waiting(vq) && ahead < size)
		vhu_report(d->net, "PR-35", index,
			   "doorbell tells of slot %u, wrap %u, beyond what is available", off,
			   told >> 15);
}

static void
judge(struct vpd *d, uint16_t place, uint32_t value)
{
	const bool data = vpm_has(&d->regs, VPM_F_NOTIFICATION_DATA);
	uint16_t index = value;

	if (vpm_has(&d->regs, VPM_F_NOTIF_CONFIG_DATA))
		index -= d->regs.conf.notif_config_data;
	if (!(d->regs.status & VPM_DRIVER_OK)) {
		vhu_report(d->net, "PR-34", place, "notified before DRIVER_OK");
		return;
	}
	if (index >= d->regs.conf.num_queues || index >= VPM_QUEUES ||
	    vpd_doorbell_at(d, index) != vpd_doorbell_at(d, place)) {
		vhu_report(d->net, "PC-14", place, "%#x is written to the doorbell", value);
		return;
	}
	d->queue[index].doorbells++;
	d->queue[index].doorbell = value;
	d->control_rang |= index == vpd_control_index(d);
	if (!d->regs.queue[index].enabled)
		vhu_report(d->net, "PR-34", index, "notified, and is not enabled");
	else if (data)
		judge_position(d, index, value >> 16);
	else if (value >> 16 != QUIET_16)
		vhu_report(d->net, "PC-14", index, "32 bits are written to the doorbell: %#x",
			   value);
}

bool
vpd_take_doorbells(struct vpd *d)
{
	const uint16_t n = stride(d) == 0 ? 1 : d->regs.conf.num_queues;
	bool any = false;
	uint32_t value;
	uint16_t i;

	for (i = 0; i < n && i < VPM_QUEUES && has_place(d, i); i++) {
		value = take(d, i);
		if (value == QUIET_32)
			continue;
		any = true;
		if (!d->regs.gone)
			judge(d, i, value);
	}
	return any;
}

uint32_t
vpd_take_doorbell(struct vpd *d, uint16_t index)
{
	uint32_t value;

	vpd_lock(d);
	value = take(d, index);
	if (value != QUIET_32)
		judge(d, index, value);
	vpd_unlock(d);
	return value;
}

void
vpd_check_strays(struct vpd *d)
{
	const uint8_t *notify = d->regs.bar + VPM_NOTIFY;
	uint8_t place[VPM_NOTIFY_BYTES] = {0};
	uint16_t i;
	uint32_t k;

	for (i = 0; i < d->regs.conf.num_queues && i < VPM_QUEUES && has_place(d, i); i++)
		memset(place + vpd_doorbell_at(d, i), 1, 4);
	for (k = 0; k < VPM_NOTIFY_BYTES && !d->strayed; k++) {
		if (place[k] || notify[k] == 0xff)
			continue;
		d->strayed = true;
		vhu_report(d->net, "PC-13", VHU_NO_VRING,
			   "%#x is written at %#x of the notification structure", notify[k], k);
	}
}
