/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include "packed_device_priv.h"

/* Offsets inside an event suppression structure: le16 off and wrap, le16 flags. */
#define OFF_OFF_WRAP 0u
#define OFF_FLAGS 2u

static void
store_half(struct pd_vq *vq, uint32_t offset, uint16_t value, int order)
{
	uint16_t *at = (uint16_t *)((uint8_t *)vq->cfg.device_event + offset);

	if (vq->unusable)
		return;
	if (order == __ATOMIC_RELEASE)
		__atomic_store_n(at, htole16(value), __ATOMIC_RELEASE);
	else
		__atomic_store_n(at, htole16(value), __ATOMIC_RELAXED);
}

/* The offset means something with PD_EVENT_DESC only. Behind the flags, for the driver may still
 * see the old ones.
 */
static void
poison_offset(struct pd_vq *vq)
{
	if (vq->cfg.poison)
		store_half(vq, OFF_OFF_WRAP, (uint16_t)pd_random(&vq->junk), __ATOMIC_RELEASE);
}

void
pd_notify_enable(struct pd_vq *vq)
{
	store_half(vq, OFF_FLAGS, PD_EVENT_ENABLE, __ATOMIC_RELEASE);
	poison_offset(vq);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
pd_notify_disable(struct pd_vq *vq)
{
	store_half(vq, OFF_FLAGS, PD_EVENT_DISABLE, __ATOMIC_RELEASE);
	poison_offset(vq);
}

void
pd_notify_at(struct pd_vq *vq, uint16_t off, bool wrap)
{
	store_half(vq, OFF_OFF_WRAP, (off & 0x7fff) | (uint16_t)wrap << 15, __ATOMIC_RELAXED);
	store_half(vq, OFF_FLAGS, PD_EVENT_DESC, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
pd_notify_next(struct pd_vq *vq)
{
	pd_notify_at(vq, vq->avail_idx, vq->avail_wrap);
}

void
pd_notify_raw(struct pd_vq *vq, uint32_t event)
{
	if (!vq->unusable)
		__atomic_store_n((uint32_t *)vq->cfg.device_event, htole32(event),
				 __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

uint32_t
pd_driver_event(const struct pd_vq *vq)
{
	if (vq->unusable)
		return 0;
	return le32toh(__atomic_load_n((const uint32_t *)vq->cfg.driver_event, __ATOMIC_ACQUIRE));
}

bool
pd_oracle_in_range(uint32_t size, uint32_t pos, bool pos_wrap, uint32_t count, uint32_t off,
		   bool wrap)
{
	while (count-- > 0) {
		if (pos == off && pos_wrap == wrap)
			return true;
		if (++pos == size) {
			pos = 0;
			pos_wrap = !pos_wrap;
		}
	}
	return false;
}

bool
pd_oracle_must_notify(uint32_t size, uint32_t pos, bool pos_wrap, uint32_t count, uint32_t event,
		      bool event_idx)
{
	uint32_t off = event & 0x7fff;
	bool wrap = event & 0x8000;

	if (count == 0)
		return false;
	switch ((event >> 16) & 3) {
	case PD_EVENT_DISABLE:
		return false;
	case PD_EVENT_DESC:
		if (!event_idx || off >= size)
			return true;
		return pd_oracle_in_range(size, pos, pos_wrap, count, off, wrap);
	default:
		return true;
	}
}

bool
pd_oracle_is_late(uint32_t size, uint32_t pos, bool pos_wrap, uint32_t event, bool event_idx)
{
	uint32_t first = pos + 1 == size ? 0 : pos + 1;

	/* All slots but the one at pos, the last of which is the one before it. */
	return event_idx && (event >> 16 & 3) == PD_EVENT_DESC &&
	       pd_oracle_in_range(size, first, first == 0 ? pos_wrap : !pos_wrap, size - 1,
				  event & 0x7fff, event & 0x8000);
}

static void
check_driver_event(struct pd_vq *vq, uint32_t event)
{
	uint32_t flags = event >> 16;

	if (flags & ~3u)
		pd_report(vq, "PR-29", PD_NO_SLOT, "reserved bits in driver event flags 0x%04x",
			  flags);
	else if (flags == PD_EVENT_RESERVED)
		pd_report(vq, "PR-29", PD_NO_SLOT, "reserved value 3 in driver event flags");
	else if (flags == PD_EVENT_DESC && !vq->cfg.event_idx)
		pd_report(vq, "PR-29", PD_NO_SLOT, "driver event 2 without EVENT_IDX");
	else if (flags == PD_EVENT_DESC && (event & 0x7fff) >= vq->cfg.size)
		pd_report(vq, "PR-29", PD_NO_SLOT, "driver event offset %u is outside the ring",
			  event & 0x7fff);
}

bool
pd_should_interrupt(struct pd_vq *vq)
{
	uint32_t event;
	bool interrupt;

	/* Pairs with the driver's barrier between enabling and looking at the ring (L-04). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = pd_driver_event(vq);
	check_driver_event(vq, event);
	interrupt = pd_oracle_must_notify(vq->cfg.size, vq->signal_idx, vq->signal_wrap,
					  vq->unsignalled, event, vq->cfg.event_idx);
	vq->signal_idx = vq->used_idx;
	vq->signal_wrap = vq->used_wrap;
	vq->unsignalled = 0;
	return interrupt;
}
