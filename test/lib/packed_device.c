/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packed_device_priv.h"

/* Offsets inside a descriptor, virtio specification, "Packed Virtqueue Descriptor Format". */
#define OFF_ADDR 0u
#define OFF_LEN 8u
#define OFF_ID 12u
#define OFF_FLAGS 14u

void
pd_report(struct pd_vq *vq, const char *id, uint32_t slot, const char *fmt, ...)
{
	struct pd_violation *v;
	va_list args;
	int n;

	if (vq->nb_violations++ >= PD_MAX_VIOLATIONS)
		return;
	v = &vq->violations[vq->nb_violations - 1];
	v->slot = slot;
	snprintf(v->id, sizeof(v->id), "%s", id);
	if (slot == PD_NO_SLOT)
		n = snprintf(v->text, sizeof(v->text), "%s: ", id);
	else
		n = snprintf(v->text, sizeof(v->text), "%s slot %u: ", id, slot);
	va_start(args, fmt);
	vsnprintf(v->text + n, sizeof(v->text) - n, fmt, args);
	va_end(args);
}

uint32_t
pd_violations(const struct pd_vq *vq)
{
	return vq->nb_violations;
}

const struct pd_violation *
pd_violation(const struct pd_vq *vq, uint32_t i)
{
	if (i >= vq->nb_violations || i >= PD_MAX_VIOLATIONS)
		return NULL;
	return &vq->violations[i];
}

bool
pd_violated(const struct pd_vq *vq, const char *id)
{
	const struct pd_violation *v;
	uint32_t i;

	for (i = 0; (v = pd_violation(vq, i)) != NULL; i++)
		if (strcmp(v->id, id) == 0)
			return true;
	return false;
}

const char *
pd_violations_text(struct pd_vq *vq)
{
	const struct pd_violation *v;
	size_t used = 0;
	uint32_t i;

	vq->text[0] = '\0';
	for (i = 0; (v = pd_violation(vq, i)) != NULL; i++)
		used += snprintf(vq->text + used, sizeof(vq->text) - used, "%s\n", v->text);
	if (vq->nb_violations > PD_MAX_VIOLATIONS)
		snprintf(vq->text + used, sizeof(vq->text) - used, "and %u more\n",
			 vq->nb_violations - PD_MAX_VIOLATIONS);
	return vq->text;
}

void
pd_violations_clear(struct pd_vq *vq)
{
	vq->nb_violations = 0;
	vq->stopped = vq->unusable;
}

static uint8_t *
slot_at(const struct pd_vq *vq, uint32_t slot)
{
	return (uint8_t *)vq->cfg.desc + (size_t)slot * PD_DESC_BYTES;
}

uint16_t
pd_load_flags(const struct pd_vq *vq, uint32_t slot)
{
	return le16toh(__atomic_load_n((uint16_t *)(slot_at(vq, slot) + OFF_FLAGS),
				       __ATOMIC_ACQUIRE));
}

void
pd_store_flags(struct pd_vq *vq, uint32_t slot, uint16_t flags)
{
	__atomic_store_n((uint16_t *)(slot_at(vq, slot) + OFF_FLAGS), htole16(flags),
			 __ATOMIC_RELEASE);
}

/* Relaxed atomics, not plain loads: a misbehaving driver may write at the same time and the model
 * has to survive that to report it.
 */
struct pd_desc
pd_load_desc(const struct pd_vq *vq, uint32_t slot)
{
	uint8_t *at = slot_at(vq, slot);
	struct pd_desc d;

	d.addr = le64toh(__atomic_load_n((uint64_t *)(at + OFF_ADDR), __ATOMIC_RELAXED));
	d.len = le32toh(__atomic_load_n((uint32_t *)(at + OFF_LEN), __ATOMIC_RELAXED));
	d.id = le16toh(__atomic_load_n((uint16_t *)(at + OFF_ID), __ATOMIC_RELAXED));
	d.flags = le16toh(__atomic_load_n((uint16_t *)(at + OFF_FLAGS), __ATOMIC_RELAXED));
	return d;
}

void
pd_store_body(struct pd_vq *vq, uint32_t slot, const struct pd_desc *d)
{
	uint8_t *at = slot_at(vq, slot);

	__atomic_store_n((uint64_t *)(at + OFF_ADDR), htole64(d->addr), __ATOMIC_RELAXED);
	__atomic_store_n((uint32_t *)(at + OFF_LEN), htole32(d->len), __ATOMIC_RELAXED);
	__atomic_store_n((uint16_t *)(at + OFF_ID), htole16(d->id), __ATOMIC_RELAXED);
}

void
pd_advance(const struct pd_vq *vq, uint32_t *idx, bool *wrap, uint32_t slots)
{
	*idx += slots;
	if (*idx >= vq->cfg.size) {
		*idx -= vq->cfg.size;
		*wrap = !*wrap;
	}
}

uint64_t
pd_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

static void
start_at_zero(struct pd_vq *vq)
{
	vq->avail_idx = vq->used_idx = vq->signal_idx = 0;
	vq->avail_wrap = vq->used_wrap = vq->signal_wrap = true;
	vq->unsignalled = 0;
	vq->next_seq = 0;
	vq->nb_staged = 0;
	vq->stopped = vq->unusable;
	vq->junk = 0x9e3779b97f4a7c15ull;
}

static void
check_layout(struct pd_vq *vq)
{
	vq->unusable = false;
	if ((uintptr_t)vq->cfg.desc % 16 != 0) {
		pd_report(vq, "PR-01", PD_NO_SLOT, "descriptor area is not 16-byte aligned");
		vq->unusable = true;
	}
	if ((uintptr_t)vq->cfg.driver_event % 4 != 0 || (uintptr_t)vq->cfg.device_event % 4 != 0) {
		pd_report(vq, "PR-01", PD_NO_SLOT, "event structure is not 4-byte aligned");
		vq->unusable = true;
	}
	if (vq->unusable)
		vq->stopped = true;
}

struct pd_vq *
pd_create(const struct pd_config *cfg)
{
	struct pd_vq *vq;

	if (cfg->size < 1 || cfg->size > PD_MAX_SIZE || cfg->desc == NULL ||
	    cfg->driver_event == NULL || cfg->device_event == NULL)
		return NULL;
	vq = calloc(1, sizeof(*vq));
	if (vq == NULL)
		return NULL;
	vq->cfg = *cfg;
	if (vq->cfg.max_list == 0 || vq->cfg.max_list > cfg->size)
		vq->cfg.max_list = cfg->size;
	if (vq->cfg.max_indirect == 0)
		vq->cfg.max_indirect = cfg->size - 1;
	vq->by_id = calloc(cfg->size, sizeof(*vq->by_id));
	vq->scratch = calloc(cfg->size, sizeof(*vq->scratch));
	vq->lens = calloc(cfg->size, sizeof(*vq->lens));
	vq->owned = calloc(cfg->size, sizeof(*vq->owned));
	vq->shadow = calloc(cfg->size, sizeof(*vq->shadow));
	vq->walk = calloc(cfg->size, sizeof(*vq->walk));
	vq->staged = calloc(cfg->size, sizeof(*vq->staged));
	if (vq->by_id == NULL || vq->scratch == NULL || vq->lens == NULL || vq->owned == NULL ||
	    vq->shadow == NULL || vq->walk == NULL || vq->staged == NULL) {
		pd_destroy(vq);
		return NULL;
	}
	check_layout(vq);
	start_at_zero(vq);
	return vq;
}

void
pd_retire(struct pd_vq *vq, struct pd_buf *buf)
{
	if (buf->prev != NULL)
		buf->prev->next = buf->next;
	else
		vq->first = buf->next;
	if (buf->next != NULL)
		buf->next->prev = buf->prev;
	else
		vq->last = buf->prev;
	vq->by_id[buf->id] = NULL;
	vq->live--;
	free(buf->elements);
	free(buf->table);
	free(buf);
}

void
pd_destroy(struct pd_vq *vq)
{
	if (vq == NULL)
		return;
	while (vq->first != NULL)
		pd_retire(vq, vq->first);
	free(vq->by_id);
	free(vq->scratch);
	free(vq->lens);
	free(vq->owned);
	free(vq->shadow);
	free(vq->walk);
	free(vq->staged);
	free(vq);
}

void
pd_reset(struct pd_vq *vq)
{
	while (vq->first != NULL)
		pd_retire(vq, vq->first);
	memset(vq->owned, 0, vq->cfg.size * sizeof(*vq->owned));
	start_at_zero(vq);
}

void
pd_check_zeroed(struct pd_vq *vq)
{
	struct pd_desc d;
	uint32_t slot;

	if (vq->unusable)
		return;
	for (slot = 0; slot < vq->cfg.size; slot++) {
		d = pd_load_desc(vq, slot);
		if (d.addr != 0 || d.len != 0 || d.id != 0 || d.flags != 0) {
			pd_report(vq, "PR-02", slot, "descriptor is not zero before first use");
			break;
		}
	}
	if (pd_driver_event(vq) != 0 ||
	    __atomic_load_n((uint32_t *)vq->cfg.device_event, __ATOMIC_RELAXED) != 0)
		pd_report(vq, "PR-02", PD_NO_SLOT, "event structure is not zero before first use");
}

int
pd_set_base(struct pd_vq *vq, uint32_t base)
{
	uint32_t avail = base & 0x7fff, used = (base >> 16) & 0x7fff;

	if (avail >= vq->cfg.size || used >= vq->cfg.size || vq->live != 0)
		return -EINVAL;
	vq->avail_idx = avail;
	vq->avail_wrap = (base >> 15) & 1;
	vq->used_idx = vq->signal_idx = used;
	vq->used_wrap = vq->signal_wrap = base >> 31;
	vq->unsignalled = 0;
	return 0;
}

uint32_t
pd_base(const struct pd_vq *vq)
{
	return vq->avail_idx | (uint32_t)vq->avail_wrap << 15 | vq->used_idx << 16 |
	       (uint32_t)vq->used_wrap << 31;
}

const struct pd_config *
pd_get_config(const struct pd_vq *vq)
{
	return &vq->cfg;
}

uint32_t
pd_live(const struct pd_vq *vq)
{
	return vq->live;
}

struct pd_buf *
pd_first(const struct pd_vq *vq)
{
	return vq->first;
}

struct pd_buf *
pd_last(const struct pd_vq *vq)
{
	return vq->last;
}

struct pd_buf *
pd_find(const struct pd_vq *vq, uint16_t id)
{
	return id < vq->cfg.size ? vq->by_id[id] : NULL;
}

struct pd_buf *
pd_pick(const struct pd_vq *vq, enum pd_order order, uint32_t *seed)
{
	struct pd_buf *buf = vq->first;
	uint64_t state, skip;

	if (order == PD_FIFO || buf == NULL)
		return buf;
	if (order == PD_REVERSE)
		return vq->last;
	state = 0x2545f4914f6cdd1dull ^ *seed;
	skip = (pd_random(&state) >> 16) % vq->live;
	*seed = (uint32_t)(state >> 32);
	while (skip-- > 0)
		buf = buf->next;
	return buf;
}
