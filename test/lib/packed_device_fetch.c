/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packed_device_priv.h"

#define KNOWN_FLAGS (PD_F_NEXT | PD_F_WRITE | PD_F_INDIRECT | PD_F_AVAIL | PD_F_USED)

/** A list being walked, before it becomes a buffer. */
struct walk {
	uint32_t head;
	uint32_t slots;
	bool head_wrap;
	struct pd_desc *descs;   /* of the list, or of its indirect table */
	struct pd_desc *entries; /* of the indirect table, NULL if direct */
	uint32_t nb_descs;
	struct pd_buf *buf;
};

static bool
shows_available(uint16_t flags, bool wrap)
{
	return !!(flags & PD_F_AVAIL) == wrap && !!(flags & PD_F_USED) != wrap;
}

bool
pd_available(const struct pd_vq *vq)
{
	return !vq->unusable && shows_available(pd_load_flags(vq, vq->avail_idx), vq->avail_wrap);
}

uint32_t
pd_waiting(const struct pd_vq *vq)
{
	uint32_t slot = vq->avail_idx, n = 0;
	bool wrap = vq->avail_wrap;

	while (!vq->unusable && n < vq->cfg.size && shows_available(pd_load_flags(vq, slot), wrap)) {
		pd_advance(vq, &slot, &wrap, 1);
		n++;
	}
	return n;
}

static void *
translate(const struct pd_vq *vq, uint64_t addr, uint32_t *len, enum pd_access access)
{
	uint32_t wanted = *len;
	void *base;

	if (vq->cfg.translate == NULL)
		return addr == 0 ? NULL : (void *)(uintptr_t)addr;
	base = vq->cfg.translate(vq->cfg.translate_arg, addr, len, access);
	return *len == 0 || *len > wanted ? NULL : base;
}

/* Read device memory that may lie in several pieces. */
static bool
read_memory(const struct pd_vq *vq, uint64_t addr, uint8_t *out, uint32_t len)
{
	uint32_t piece;
	void *from;

	while (len > 0) {
		piece = len;
		from = translate(vq, addr, &piece, PD_READ);
		if (from == NULL)
			return false;
		memcpy(out, from, piece);
		addr += piece;
		out += piece;
		len -= piece;
	}
	return true;
}

static bool
same_desc(const struct pd_desc *a, const struct pd_desc *b)
{
	return a->addr == b->addr && a->len == b->len && a->id == b->id && a->flags == b->flags;
}

void
pd_check_slot(struct pd_vq *vq, uint32_t slot)
{
	struct pd_desc now;

	if (!vq->owned[slot])
		return;
	now = pd_load_desc(vq, slot);
	if (!same_desc(&now, &vq->shadow[slot]))
		pd_report(vq, "PR-10", slot, "changed between available and used");
}

void
pd_check_buf(struct pd_vq *vq, const struct pd_buf *buf)
{
	uint32_t i, slot = buf->head;
	bool wrap = false;
	uint8_t *now;

	for (i = 0; i < buf->slots; i++) {
		pd_check_slot(vq, slot);
		pd_advance(vq, &slot, &wrap, 1);
	}
	if (buf->table == NULL)
		return;
	now = malloc(buf->table_len);
	if (now == NULL)
		return;
	if (!read_memory(vq, buf->table_addr, now, buf->table_len) ||
	    memcmp(now, buf->table, buf->table_len) != 0)
		pd_report(vq, "PR-28", buf->head, "indirect table changed before completion");
	free(now);
}

/* Bits of one slot of the ring; the rules that do not depend on its neighbours. */
static bool
check_ring_slot(struct pd_vq *vq, const struct walk *w, uint32_t slot, bool wrap,
		const struct pd_desc *d)
{
	if (!shows_available(d->flags, wrap)) {
		pd_report(vq, slot < w->head ? "PR-07" : "PR-06", slot,
			  "flags 0x%04x in the list at %u, wrap counter here is %d", d->flags,
			  w->head, wrap);
		return false;
	}
	if (vq->owned[slot]) {
		pd_report(vq, "PR-12", slot, "published while still the device's");
		return false;
	}
	if (d->flags & ~KNOWN_FLAGS) {
		pd_report(vq, "PR-04", slot, "undefined bits in flags 0x%04x", d->flags);
		return false;
	}
	if (!(d->flags & PD_F_INDIRECT))
		return true;
	if (!vq->cfg.indirect) {
		pd_report(vq, "PR-24", slot, "INDIRECT was not negotiated");
		return false;
	}
	if (d->flags & PD_F_NEXT) {
		pd_report(vq, "PR-24", slot, "INDIRECT together with NEXT");
		return false;
	}
	if (w->slots > 0) {
		pd_report(vq, "PR-24", slot, "INDIRECT in a list that is not wholly indirect");
		return false;
	}
	return true;
}

static bool
walk_ring(struct pd_vq *vq, struct walk *w)
{
	uint32_t slot = vq->avail_idx;
	bool wrap = vq->avail_wrap;
	struct pd_desc d;

	w->head = slot;
	w->head_wrap = wrap;
	do {
		if (w->slots == vq->cfg.max_list) {
			pd_report(vq, "PR-12", w->head, "list is longer than %u descriptors",
				  vq->cfg.max_list);
			return false;
		}
		d = pd_load_desc(vq, slot);
		if (!check_ring_slot(vq, w, slot, wrap, &d))
			return false;
		w->descs[w->slots++] = d;
		pd_advance(vq, &slot, &wrap, 1);
	} while (d.flags & PD_F_NEXT);
	w->nb_descs = w->slots;
	if (d.id >= vq->cfg.size) {
		pd_report(vq, "PR-14", w->head, "buffer id %u is outside the ring", d.id);
		return false;
	}
	if (vq->by_id[d.id] != NULL) {
		pd_report(vq, "PR-14", w->head, "buffer id %u is outstanding already", d.id);
		return false;
	}
	w->buf->id = d.id;
	return true;
}

static void
decode_entry(const uint8_t *from, struct pd_desc *d)
{
	memcpy(&d->addr, from, 8);
	memcpy(&d->len, from + 8, 4);
	memcpy(&d->id, from + 12, 2);
	memcpy(&d->flags, from + 14, 2);
	d->addr = le64toh(d->addr);
	d->len = le32toh(d->len);
	d->id = le16toh(d->id);
	d->flags = le16toh(d->flags);
}

/* Replace the referring descriptor by the entries of its table. */
static bool
read_table(struct pd_vq *vq, struct walk *w)
{
	struct pd_desc ref = w->descs[0], *entries;
	uint32_t i, n = ref.len / PD_DESC_BYTES;

	if (ref.len == 0 || ref.len % PD_DESC_BYTES != 0) {
		pd_report(vq, "PR-25", w->head, "indirect table of %u bytes", ref.len);
		return false;
	}
	if (n > vq->cfg.max_indirect) {
		pd_report(vq, "PR-27", w->head, "indirect table of %u entries, limit is %u", n,
			  vq->cfg.max_indirect);
		return false;
	}
	w->entries = entries = malloc(n * sizeof(*entries));
	w->buf->table = malloc(ref.len);
	if (entries == NULL || w->buf->table == NULL)
		return false;
	w->buf->table_addr = ref.addr;
	w->buf->table_len = ref.len;
	if (!read_memory(vq, ref.addr, w->buf->table, ref.len)) {
		pd_report(vq, "PR-15", w->head, "indirect table is outside memory");
		return false;
	}
	for (i = 0; i < n; i++) {
		decode_entry(w->buf->table + (size_t)i * PD_DESC_BYTES, &entries[i]);
		if (entries[i].flags & ~PD_F_WRITE) {
			pd_report(vq, "PR-26", w->head, "flags 0x%04x in entry %u of the table",
				  entries[i].flags, i);
			return false;
		}
	}
	w->descs = entries;
	w->nb_descs = n;
	return true;
}

static bool
add_element(struct pd_vq *vq, struct pd_buf *buf, const struct pd_desc *d)
{
	struct pd_element *e, *grown;
	bool writable = d->flags & PD_F_WRITE;
	uint64_t addr = d->addr;
	uint32_t left = d->len, piece;
	void *base;

	while (left > 0) {
		piece = left;
		base = translate(vq, addr, &piece, writable ? PD_WRITE : PD_READ);
		if (base == NULL) {
			pd_report(vq, "PR-15", buf->head, "address 0x%llx, %u bytes: not memory",
				  (unsigned long long)addr, left);
			return false;
		}
		if ((buf->nb_elements & (buf->nb_elements - 1)) == 0) {
			grown = realloc(buf->elements, sizeof(*e) * 2 * (buf->nb_elements + 1));
			if (grown == NULL)
				return false;
			buf->elements = grown;
		}
		e = &buf->elements[buf->nb_elements++];
		*e = (struct pd_element){ addr, base, piece, writable };
		addr += piece;
		left -= piece;
	}
	*(writable ? &buf->write_len : &buf->read_len) += d->len;
	return true;
}

static bool
collect_elements(struct pd_vq *vq, struct walk *w)
{
	const struct pd_desc *d;
	uint32_t i;
	bool writable;

	for (i = 0; i < w->nb_descs; i++) {
		d = &w->descs[i];
		writable = d->flags & PD_F_WRITE;
		if (d->len == 0) {
			pd_report(vq, "PR-13", w->head, "element %u has length 0", i);
			return false;
		}
		if (!writable && w->buf->write_len > 0) {
			pd_report(vq, "PR-13", w->head, "readable element %u after a writable one",
				  i);
			return false;
		}
		if (vq->cfg.dir != PD_CONTROL && writable != (vq->cfg.dir == PD_RX)) {
			pd_report(vq, "PR-13", w->head, "element %u is %s on a %s queue", i,
				  writable ? "writable" : "readable",
				  writable ? "transmit" : "receive");
			return false;
		}
		if (!add_element(vq, w->buf, d))
			return false;
	}
	if (vq->cfg.dir == PD_CONTROL && (w->buf->read_len < 2 || w->buf->write_len < 1)) {
		pd_report(vq, "NT-18", w->head, "command of %u bytes, with %u for the answer",
			  (uint32_t)w->buf->read_len, (uint32_t)w->buf->write_len);
		return false;
	}
	w->buf->nb_descs = w->nb_descs;
	return true;
}

/* Everything holds: the slots are the device's now. */
static void
accept_buf(struct pd_vq *vq, struct walk *w)
{
	struct pd_buf *buf = w->buf;
	uint32_t i;

	for (i = 0; i < w->slots; i++) {
		vq->owned[vq->avail_idx] = true;
		vq->shadow[vq->avail_idx] = vq->walk[i];
		pd_advance(vq, &vq->avail_idx, &vq->avail_wrap, 1);
	}
	buf->slots = w->slots;
	buf->head_wrap = w->head_wrap;
	buf->seq = vq->next_seq++;
	buf->prev = vq->last;
	if (vq->last != NULL)
		vq->last->next = buf;
	else
		vq->first = buf;
	vq->last = buf;
	vq->by_id[buf->id] = buf;
	vq->live++;
}

static bool
fetch_one(struct pd_vq *vq)
{
	struct walk w = { .descs = vq->walk };
	bool ok;

	w.buf = calloc(1, sizeof(*w.buf));
	if (w.buf == NULL)
		return false;
	w.buf->head = vq->avail_idx;
	ok = walk_ring(vq, &w);
	if (ok && (vq->walk[0].flags & PD_F_INDIRECT))
		ok = read_table(vq, &w);
	ok = ok && collect_elements(vq, &w);
	if (ok) {
		accept_buf(vq, &w);
	} else {
		free(w.buf->elements);
		free(w.buf->table);
		free(w.buf);
	}
	free(w.entries);
	return ok;
}

int
pd_fetch(struct pd_vq *vq, uint32_t max)
{
	uint32_t n = 0;

	if (vq->stopped)
		return -EPROTO;
	while (n < max && pd_available(vq)) {
		if (!fetch_one(vq)) {
			vq->stopped = true;
			return -EPROTO;
		}
		n++;
	}
	return n;
}

int
pd_relocate(struct pd_vq *vq, void *desc, const void *driver_event, void *device_event)
{
	struct pd_element *old;
	struct pd_desc d = { 0 };
	struct pd_buf *buf;
	uint32_t i, n;

	vq->cfg.desc = desc;
	vq->cfg.driver_event = driver_event;
	vq->cfg.device_event = device_event;
	for (buf = vq->first; buf != NULL; buf = buf->next) {
		old = buf->elements;
		n = buf->nb_elements;
		buf->elements = NULL;
		buf->nb_elements = 0;
		buf->read_len = buf->write_len = 0;
		for (i = 0; i < n; i++) {
			d.addr = old[i].addr;
			d.len = old[i].len;
			d.flags = old[i].writable ? PD_F_WRITE : 0;
			if (!add_element(vq, buf, &d))
				vq->stopped = true;
		}
		free(old);
	}
	return vq->stopped ? -EFAULT : 0;
}
