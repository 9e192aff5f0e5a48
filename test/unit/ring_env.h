/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef UNIT_RING_ENV_H
#define UNIT_RING_ENV_H

/**
 * @file
 * A ring in plain memory between guard bytes, the device model behind it, and the smallest driver
 * that can be made of ring.h: buffers are numbers, no mbuf, no EAL.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packed_device.h"
#include "ring.h"

struct ring_env {
	struct pvq_ring ring;
	uint8_t *block;     /**< guard, ring memory, guard */
	struct pd_vq *dev;
	bool in_order;
	bool *live;         /**< by id: published and not seen used */
	uint16_t *slots;    /**< by id: slots of the list */
	uint16_t next_id;   /**< without IN_ORDER: where to look for a free id */
	uint8_t data[256];  /**< what descriptors point to */
};

/** Sizes that make index arithmetic fail: odd, powers of two and their neighbours, the limits. */
extern const uint16_t ring_sizes[];
extern const unsigned int ring_nb_sizes;

/** Rings of @p dir made for each test; whatever an earlier test left behind is freed. */
void
ring_open(struct ring_env *e, uint16_t size, enum pd_dir dir, bool in_order, bool event_idx);

/** Check guards and that the model has seen no violation, then free. */
void
ring_close(struct ring_env *e);

/** Write a list of @p len slots at @p at without the flags of slot @p head. @return its flags. */
uint16_t
ring_write_list(struct ring_env *e, struct pvq_cursor *at, uint16_t len, uint16_t head);

/** Publish lists of the given lengths at once, as many as fit. @return lists. */
unsigned int
ring_post(struct ring_env *e, const uint16_t *lens, unsigned int n);

/** Publish @p n buffers of one slot at once, as far as there is room. @return buffers. */
unsigned int
ring_post_singles(struct ring_env *e, unsigned int n);

/** See used buffers, one used descriptor each or batches of an in-order device. @return buffers. */
unsigned int
ring_take_used(struct ring_env *e);

#endif /* UNIT_RING_ENV_H */
