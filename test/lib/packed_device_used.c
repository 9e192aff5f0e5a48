/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>

#include "packed_device_priv.h"

/* Bits of the flags that say nothing in a used descriptor (PR-20). */
#define POISON_FLAGS (PD_F_NEXT | PD_F_INDIRECT | PD_F_NO_MEANING)

uint32_t
pd_used_slot(const struct pd_vq *vq, bool *wrap)
{
	if (wrap != NULL)
		*wrap = vq->used_wrap;
	return vq->used_idx;
}

uint32_t
pd_stage_used(struct pd_vq *vq, uint16_t id, uint32_t len, uint16_t flags, uint32_t slots)
{
	struct pd_stage *st = &vq->staged[vq->nb_staged];
	struct pd_desc d = pd_load_desc(vq, vq->used_idx);
	uint32_t i, slot = vq->used_idx;
	bool wrap = vq->used_wrap;

	for (i = 0; i < slots; i++) {
		pd_check_slot(vq, slot);
		pd_advance(vq, &slot, &wrap, 1);
	}
	d.id = id;
	d.len = len;
	if (vq->cfg.poison) {
		d.addr = pd_random(&vq->junk);
		flags |= PD_F_NEXT | PD_F_INDIRECT | (pd_random(&vq->junk) & POISON_FLAGS);
		if (!(flags & PD_F_WRITE))
			d.len = (uint32_t)pd_random(&vq->junk);
	}
	pd_store_body(vq, vq->used_idx, &d);
	/* Not released yet: until the flags are stored the driver has to leave it alone. */
	vq->shadow[vq->used_idx] = d;
	st->slot = vq->used_idx;
	st->slots = slots;
	st->flags = flags | pd_used_bits(vq->used_wrap);
	pd_advance(vq, &vq->used_idx, &vq->used_wrap, slots);
	vq->unsignalled += slots;
	if (vq->unsignalled > vq->cfg.size)
		vq->unsignalled = vq->cfg.size;
	return vq->nb_staged++;
}

uint32_t
pd_staged(const struct pd_vq *vq)
{
	return vq->nb_staged;
}

int
pd_flush_one(struct pd_vq *vq, uint32_t i)
{
	struct pd_stage st;
	uint32_t k, slot;
	bool wrap = false;

	if (i >= vq->nb_staged)
		return -ENOENT;
	st = vq->staged[i];
	vq->nb_staged--;
	memmove(&vq->staged[i], &vq->staged[i + 1], (vq->nb_staged - i) * sizeof(st));
	slot = st.slot;
	for (k = 0; k < st.slots; k++) {
		pd_check_slot(vq, slot);
		vq->owned[slot] = false;
		pd_advance(vq, &slot, &wrap, 1);
	}
	pd_store_flags(vq, st.slot, st.flags);
	return 0;
}

void
pd_flush(struct pd_vq *vq)
{
	while (vq->nb_staged > 0)
		pd_flush_one(vq, vq->nb_staged - 1);
}

int
pd_stage(struct pd_vq *vq, struct pd_buf *buf, uint32_t written)
{
	uint32_t slots = buf->slots, staged;
	bool rx = vq->cfg.dir != PD_TX;
	uint16_t id = buf->id;

	if (vq->cfg.in_order && buf != vq->first)
		return -EINVAL;
	pd_check_buf(vq, buf);
	pd_retire(vq, buf);
	staged = pd_stage_used(vq, id, rx ? written : 0, rx ? PD_F_WRITE : 0, slots);
	return (int)staged;
}

int
pd_complete(struct pd_vq *vq, struct pd_buf *buf, uint32_t written)
{
	int staged = pd_stage(vq, buf, written);

	return staged < 0 ? staged : pd_flush_one(vq, staged);
}

int
pd_complete_batch(struct pd_vq *vq, uint32_t count, uint32_t written)
{
	bool rx = vq->cfg.dir != PD_TX;
	uint32_t slots = 0, i;
	uint16_t id = 0;

	if (!vq->cfg.in_order || count == 0 || count > vq->live)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		pd_check_buf(vq, vq->first);
		slots += vq->first->slots;
		id = vq->first->id;
		pd_retire(vq, vq->first);
	}
	return pd_flush_one(vq, pd_stage_used(vq, id, rx ? written : 0, rx ? PD_F_WRITE : 0,
					      slots));
}

int
pd_complete_all(struct pd_vq *vq, enum pd_order order, uint32_t seed, uint32_t written)
{
	struct pd_buf *buf;
	int n = 0;

	if (vq->cfg.in_order && order != PD_FIFO)
		return -EINVAL;
	while ((buf = pd_pick(vq, order, &seed)) != NULL) {
		pd_complete(vq, buf, written < buf->write_len ? written : buf->write_len);
		n++;
	}
	return n;
}

/* What the device itself overwrites is no fault of the driver. */
static void
resync(struct pd_vq *vq, uint32_t slot)
{
	vq->shadow[slot] = pd_load_desc(vq, slot);
}

void
pd_inject_used(struct pd_vq *vq, uint16_t id, uint32_t len, uint16_t flags, uint32_t advance)
{
	struct pd_desc d = pd_load_desc(vq, vq->used_idx);
	uint32_t i, slot = vq->used_idx;
	bool wrap = vq->used_wrap;

	d.id = id;
	d.len = len;
	pd_store_body(vq, slot, &d);
	flags &= ~(PD_F_AVAIL | PD_F_USED);
	pd_store_flags(vq, slot, flags | pd_used_bits(wrap));
	resync(vq, slot);
	for (i = 0; i < advance; i++) {
		vq->owned[slot] = false;
		pd_advance(vq, &slot, &wrap, 1);
	}
	vq->used_idx = slot;
	vq->used_wrap = wrap;
	vq->unsignalled += advance;
	if (vq->unsignalled > vq->cfg.size)
		vq->unsignalled = vq->cfg.size;
}

void
pd_inject_slot(struct pd_vq *vq, uint32_t slot, const uint8_t bytes[PD_DESC_BYTES])
{
	struct pd_desc d;

	memcpy(&d.addr, bytes, 8);
	memcpy(&d.len, bytes + 8, 4);
	memcpy(&d.id, bytes + 12, 2);
	d.addr = le64toh(d.addr);
	d.len = le32toh(d.len);
	d.id = le16toh(d.id);
	pd_store_body(vq, slot, &d);
	pd_store_flags(vq, slot, (uint16_t)(bytes[14] | bytes[15] << 8));
	resync(vq, slot);
}

void
pd_inject_flags(struct pd_vq *vq, uint32_t slot, uint16_t flags)
{
	pd_store_flags(vq, slot, flags);
	resync(vq, slot);
}

void
pd_scribble(struct pd_vq *vq, uint32_t seed)
{
	uint64_t state = 0x2545f4914f6cdd1dull ^ seed;
	struct pd_desc d;
	uint32_t slot;

	for (slot = 0; slot < vq->cfg.size; slot++) {
		if (!vq->owned[slot])
			continue;
		d.addr = pd_random(&state);
		d.len = (uint32_t)pd_random(&state);
		d.id = (uint16_t)pd_random(&state);
		pd_store_body(vq, slot, &d);
		resync(vq, slot);
	}
}
