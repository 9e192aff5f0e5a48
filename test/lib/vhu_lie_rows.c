/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The lies of part E of the checklist, one by one. */

#include <string.h>
#include <time.h>

#include "packed_device_offload.h"
#include "packed_device_priv.h"
#include "vhu_lies.h"

#define FLAPS 2000u

static uint32_t
value(const struct vhu_lie *lie, uint32_t by_default)
{
	return lie->arg == VHU_LIE_DEFAULT ? by_default : lie->arg;
}

static bool
is_row(const struct vhu_telling *t, const char *name)
{
	return strcmp(t->lie->row->name, name) == 0;
}

static enum vhu_lied
bad_id(struct vhu_telling *t)
{
	uint32_t size = pd_get_config(t->vq)->size;
	bool rx = pd_get_config(t->vq)->dir == PD_RX;

	pd_inject_used(t->vq, value(t->lie, size), 64, rx ? PD_F_WRITE : 0, 1);
	return VHU_DONE;
}

/* Use the @n oldest buffers, then the first of them once more; all become visible at once. */
static enum vhu_lied
use_again(struct pd_vq *vq, uint32_t n)
{
	bool rx = pd_get_config(vq)->dir == PD_RX;
	struct pd_buf *buf = pd_first(vq);
	uint16_t id;
	uint32_t i;

	if (pd_live(vq) < n || !(rx || buf->taken))
		return VHU_WAITS;
	id = buf->id;
	for (i = 0; i < n; i++)
		pd_stage(vq, pd_first(vq), PD_NET_HDR_BYTES);
	pd_inject_used(vq, id, PD_NET_HDR_BYTES, rx ? PD_F_WRITE : 0, 1);
	pd_flush(vq);
	return VHU_DONE;
}

static enum vhu_lied
twice(struct vhu_telling *t)
{
	return use_again(t->vq, 1);
}

static enum vhu_lied
older(struct vhu_telling *t)
{
	return use_again(t->vq, 2);
}

static enum vhu_lied
long_len(struct vhu_telling *t)
{
	t->o->set_len = true;
	t->o->len = value(t->lie, pd_rx_room(t->vq, 0) + PD_NET_HDR_BYTES + 1);
	return VHU_SPOILED;
}

static enum vhu_lied
short_len(struct vhu_telling *t)
{
	t->o->set_len = true;
	t->o->len = value(t->lie, 0);
	return VHU_SPOILED;
}

static enum vhu_lied
no_write(struct vhu_telling *t)
{
	t->o->no_write = true;
	return VHU_SPOILED;
}

static enum vhu_lied
num_buffers(struct vhu_telling *t)
{
	t->o->set_num_buffers = true;
	t->o->num_buffers = value(t->lie, is_row(t, "hd-07") ? UINT16_MAX : is_row(t, "hd-09") ? 2 : 0);
	return VHU_SPOILED;
}

static enum vhu_lied
withhold(struct vhu_telling *t)
{
	t->o->min_parts = 2;
	t->o->withhold = 1;
	return VHU_SPOILED;
}

static enum vhu_lied
many_parts(struct vhu_telling *t)
{
	uint32_t parts = value(t->lie, 40);

	/* All but the last are filled. */
	t->o->min_parts = parts;
	*t->len = (pd_rx_room(t->vq, 0) + PD_NET_HDR_BYTES) * (parts - 1);
	if (*t->len > sizeof(t->b->made))
		*t->len = sizeof(t->b->made);
	return VHU_SPOILED;
}

static enum vhu_lied
short_middle(struct vhu_telling *t)
{
	t->o->part_bytes = value(t->lie, 24);
	return VHU_SPOILED;
}

/* Used, not used, used again. Nothing is stored over what the driver has written meanwhile. */
static enum vhu_lied
flap(struct vhu_telling *t)
{
	struct timespec pause = { .tv_nsec = 1000 };
	uint16_t *at, used, before, expected;
	uint32_t i, slot = t->vq->used_idx;
	struct pd_vq *vq = t->vq;

	if (pd_rx_packet(vq, t->b->made, 64, &(struct pd_rx_opts){ .stage = true }) < 0)
		return VHU_WAITS;
	at = (uint16_t *)((uint8_t *)vq->cfg.desc + slot * PD_DESC_BYTES + 14);
	used = htole16(vq->staged[0].flags);
	before = htole16(pd_load_flags(vq, slot));
	for (i = 0; i < FLAPS; i++) {
		expected = i % 2 == 0 ? before : used;
		if (!__atomic_compare_exchange_n(at, &expected, i % 2 == 0 ? used : before, false,
						 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			break;
		if (i % 64 == 0)
			nanosleep(&pause, NULL);
	}
	/* An even number of changes leaves it unused, or it is the driver's by now. */
	if (i == FLAPS) {
		pd_flush(vq);
	} else {
		vq->nb_staged = 0;
		vq->owned[slot] = false;
	}
	return VHU_DONE;
}

/* The driver's shadow has to do without the ring from now on. */
static enum vhu_lied
scribble(struct vhu_telling *t)
{
	pd_scribble(t->vq, value(t->lie, 1));
	return VHU_DONE;
}

/* num_buffers 0 or 1, everything else at random, zeros in the end. */
static enum vhu_lied
change_header(struct vhu_telling *t)
{
	uint8_t *base, raw[PD_NET_HDR_BYTES];
	uint64_t state = 0x9e3779b97f4a7c15ull + value(t->lie, 1);
	uint32_t i, k;

	if (pd_live(t->vq) == 0)
		return VHU_WAITS;
	base = pd_first(t->vq)->elements[0].base;
	if (pd_rx_packet(t->vq, t->b->made, 64, NULL) < 0)
		return VHU_WAITS;
	for (i = 0; i < FLAPS; i++) {
		for (k = 0; k < sizeof(raw); k++)
			raw[k] = (uint8_t)pd_random(&state);
		raw[10] &= 1;
		raw[11] = 0;
		for (k = 0; k < sizeof(raw); k++)
			__atomic_store_n(base + k, i + 1 < FLAPS ? raw[k] : 0, __ATOMIC_RELAXED);
	}
	return VHU_DONE;
}

static enum vhu_lied
csum_outside(struct vhu_telling *t)
{
	t->hdr->flags = PD_HDR_NEEDS_CSUM;
	t->hdr->csum_start = value(t->lie, UINT16_MAX);
	t->hdr->csum_offset = t->hdr->csum_start;
	t->o->hdr = t->hdr;
	return VHU_SPOILED;
}

/* By default TCPV4. Bit 8 of the argument: with a gso_size of 0. */
static enum vhu_lied
gso(struct vhu_telling *t)
{
	uint32_t type = value(t->lie, is_row(t, "hd-18") ? PD_GSO_UDP_TUNNEL4 | PD_GSO_UDP_TUNNEL6 :
			      PD_GSO_TCPV4);

	t->hdr->flags = PD_HDR_NEEDS_CSUM;
	t->hdr->gso_type = type & 0xff;
	t->hdr->gso_size = type & 0x100 ? 0 : 1000;
	t->hdr->csum_start = 14;
	t->o->hdr = t->hdr;
	return VHU_SPOILED;
}

static enum vhu_lied
absurd_hdr_len(struct vhu_telling *t)
{
	t->hdr->hdr_len = value(t->lie, UINT16_MAX);
	t->o->hdr = t->hdr;
	return VHU_SPOILED;
}

static enum vhu_lied
storm(struct vhu_telling *t)
{
	uint32_t i;

	for (i = 0; i < value(t->lie, 10000); i++)
		vhu_backend_interrupt_always(t->b, t->lie->vring);
	return VHU_DONE;
}


/* By default the reserved value; else all 32 bits, such as an offset beyond the ring. */
static enum vhu_lied
raw_event(struct vhu_telling *t)
{
	pd_notify_raw(t->vq, value(t->lie, PD_EVENT_RESERVED << 16));
	return VHU_DONE;
}

static enum vhu_lied
all_used(struct vhu_telling *t)
{
	uint32_t i, slot;
	bool wrap;

	slot = pd_used_slot(t->vq, &wrap);
	for (i = 0; i < pd_get_config(t->vq)->size; i++) {
		pd_inject_flags(t->vq, slot, pd_used_bits(wrap));
		pd_advance(t->vq, &slot, &wrap, 1);
	}
	return VHU_DONE;
}

static const struct vhu_lie_row rows[] = {
	{ "hd-01", bad_id, VHU_LIES_RX | VHU_LIES_TX | VHU_LIE_HANGS },
	{ "hd-02", twice, VHU_LIES_RX | VHU_LIES_TX | VHU_LIE_QUIET | VHU_LIE_HANGS },
	{ "hd-03", older, VHU_LIES_RX | VHU_LIES_TX | VHU_LIE_QUIET | VHU_LIE_HANGS },
	{ "hd-04", long_len, VHU_LIES_RX | VHU_LIE_HANGS },
	{ "hd-05", short_len, VHU_LIES_RX },
	{ "hd-05-write", no_write, VHU_LIES_RX },
	{ "hd-06", num_buffers, VHU_LIES_RX },
	{ "hd-07", num_buffers, VHU_LIES_RX | VHU_LIE_HANGS },
	{ "hd-08", withhold, VHU_LIES_RX | VHU_LIE_HANGS },
	{ "hd-09", num_buffers, VHU_LIES_RX },
	{ "hd-10", many_parts, VHU_LIES_RX },
	{ "hd-11", short_middle, VHU_LIES_RX },
	{ "hd-12", flap, VHU_LIES_RX | VHU_LIE_QUIET },
	{ "hd-13", scribble, VHU_LIES_RX | VHU_LIES_TX },
	{ "hd-14", change_header, VHU_LIES_RX },
	{ "hd-15", all_used, VHU_LIES_IDLE },
	{ "hd-16", csum_outside, VHU_LIES_RX },
	{ "hd-17", gso, VHU_LIES_RX },
	{ "hd-18", gso, VHU_LIES_RX },
	{ "hd-19", absurd_hdr_len, VHU_LIES_RX },
	{ "hd-20", raw_event, VHU_LIES_EVENT },
	{ "hd-27", storm, VHU_LIES_RX | VHU_LIES_TX },
};

const struct vhu_lie_row *
vhu_lie_row(uint32_t i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? &rows[i] : NULL;
}
