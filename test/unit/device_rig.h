/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef UNIT_DEVICE_RIG_H
#define UNIT_DEVICE_RIG_H

/**
 * @file
 * A ring in memory of this process, the device model behind it, and a hand that writes
 * descriptors byte by byte: no driver anywhere.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packed_device.h"

#define MEM_BYTES 65536u
#define BUF_BYTES 2048u

/** Flags for tables of descriptors; available in a lap whose wrap counter is 1 or 0. */
#define N PD_F_NEXT
#define W PD_F_WRITE
#define I PD_F_INDIRECT
#define WRAP1 PD_F_AVAIL
#define WRAP0 PD_F_USED

/** A ring in memory of this process and a hand that writes into it. */
struct rig {
	struct pd_config cfg;
	struct pd_vq *vq;
	uint8_t *ring;
	uint8_t *mem;
	uint32_t events[2]; /* driver's, device's */
};

/** An empty ring of @p size and the features most tests want; change r->cfg, then rig_start(). */
static inline void
rig_open(struct rig *r, uint32_t size, enum pd_dir dir)
{
	memset(r, 0, sizeof(*r));
	r->ring = aligned_alloc(16, size * 16);
	r->mem = calloc(1, MEM_BYTES);
	assert_non_null(r->ring);
	assert_non_null(r->mem);
	memset(r->ring, 0, size * 16);
	r->cfg.size = size;
	r->cfg.dir = dir;
	r->cfg.desc = r->ring;
	r->cfg.driver_event = &r->events[0];
	r->cfg.device_event = &r->events[1];
	r->cfg.indirect = true;
	r->cfg.event_idx = true;
	r->cfg.mrg_rxbuf = true;
}

/** Start the model; called again, it starts anew on the ring as it stands. */
static inline void
rig_start(struct rig *r)
{
	pd_destroy(r->vq);
	r->vq = pd_create(&r->cfg);
	assert_non_null(r->vq);
}

/** Free everything. */
static inline void
rig_close(struct rig *r)
{
	pd_destroy(r->vq);
	free(r->ring);
	free(r->mem);
}

/** Write all of a descriptor but its flags. */
static inline void
put_body(struct rig *r, uint32_t slot, const void *addr, uint32_t len, uint16_t id)
{
	uint8_t *at = r->ring + slot * 16;
	uint64_t a = (uintptr_t)addr;
	int i;

	for (i = 0; i < 8; i++)
		at[i] = a >> (8 * i);
	for (i = 0; i < 4; i++)
		at[8 + i] = len >> (8 * i);
	at[12] = id & 0xff;
	at[13] = id >> 8;
}

/** Write a descriptor; @p flags with WRAP1 or WRAP0 for the lap. */
static inline void
put(struct rig *r, uint32_t slot, const void *addr, uint32_t len, uint16_t id, uint16_t flags)
{
	put_body(r, slot, addr, len, id);
	r->ring[slot * 16 + 14] = flags & 0xff;
	r->ring[slot * 16 + 15] = flags >> 8;
}

/** Fields of a descriptor as they stand in the ring. */
static inline uint16_t
flags_at(const struct rig *r, uint32_t slot)
{
	return r->ring[slot * 16 + 14] | r->ring[slot * 16 + 15] << 8;
}

static inline uint16_t
id_at(const struct rig *r, uint32_t slot)
{
	return r->ring[slot * 16 + 12] | r->ring[slot * 16 + 13] << 8;
}

static inline uint32_t
len_at(const struct rig *r, uint32_t slot)
{
	const uint8_t *at = r->ring + slot * 16 + 8;

	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

/** Memory for buffer @p i, BUF_BYTES long. */
static inline uint8_t *
buf_mem(struct rig *r, uint32_t i)
{
	return r->mem + i * BUF_BYTES;
}

/** The driver did nothing wrong so far. */
static inline void
clean(struct rig *r)
{
	assert_string_equal(pd_violations_text(r->vq), "");
}

#endif /* UNIT_DEVICE_RIG_H */
