/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef UNIT_DEVICE_PCI_H
#define UNIT_DEVICE_PCI_H

/**
 * @file
 * A hand that drives the PCI device of test/lib access by access: no driver anywhere. Memory is one
 * block, at device addresses that are no pointers. The device has no thread.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "vpm_device.h"

#define HAND_SHIFT 0x7700000000ull
#define HAND_BYTES 65536u
#define HAND_SIZE 8u /* slots of every ring */
#define HAND_LEN 60u /* bytes of a packet */
/** Features without which the model complains. */
#define HAND_PLAIN (VHU_F_VERSION_1 | VHU_F_RING_PACKED | VPM_F_ACCESS_PLATFORM)
/* A kilobyte for each queue's ring, events behind the slots; from 32768 on buffers. */
#define RING_AT(q) ((q) * 1024u)
#define BUFFER_AT(i) (32768u + (i) * 2048u)

struct hand {
	struct vpd_conf conf;
	struct vpd *d;
	uint8_t *mem;
	struct {
		uint16_t next;
		bool wrap;
	} at[VPM_QUEUES];
};

static inline void *
hand_translate(void *arg, uint64_t addr, uint32_t *len, enum pd_access access)
{
	const struct hand *h = arg;

	(void)access;
	if (addr < HAND_SHIFT || addr - HAND_SHIFT >= HAND_BYTES ||
	    *len > HAND_BYTES - (addr - HAND_SHIFT))
		return NULL;
	return h->mem + (addr - HAND_SHIFT);
}

static inline uint32_t
get(struct hand *h, uint32_t at, unsigned int width)
{
	return vpd_read(h->d, h->d->regs.bar + at, width);
}

static inline void
set(struct hand *h, uint32_t at, uint32_t value, unsigned int width)
{
	vpd_write(h->d, h->d->regs.bar + at, value, width);
}

/** What a driver does on the way to a device that has its features. */
static inline void
hand_negotiate(struct hand *h, uint64_t features)
{
	set(h, 20, 0, 1);
	assert_int_equal(get(h, 20, 1), 0);
	set(h, 20, 1, 1);
	set(h, 20, 3, 1);
	set(h, 8, 0, 4);
	set(h, 12, (uint32_t)features, 4);
	set(h, 8, 1, 4);
	set(h, 12, features >> 32, 4);
	set(h, 20, 11, 1);
	memset(h->mem, 0, HAND_BYTES / 2);
	memset(h->at, 0, sizeof(h->at));
}

static inline void
hand_set_up(struct hand *h, uint16_t q, uint16_t vector)
{
	const uint64_t desc = HAND_SHIFT + RING_AT(q), events = desc + HAND_SIZE * 16;

	h->at[q].next = 0;
	h->at[q].wrap = true;
	set(h, 22, q, 2);
	set(h, 24, HAND_SIZE, 2);
	set(h, 26, vector, 2);
	set(h, 32, (uint32_t)desc, 4);
	set(h, 36, desc >> 32, 4);
	set(h, 40, (uint32_t)events, 4);
	set(h, 44, events >> 32, 4);
	set(h, 48, (uint32_t)events + 4, 4);
	set(h, 52, (events + 4) >> 32, 4);
	set(h, 28, 1, 2);
}

/** One slot at the queue's next place; @p flags without those of the lap. */
static inline void
hand_put(struct hand *h, uint16_t q, uint64_t at, uint32_t len, uint16_t id, uint16_t flags)
{
	uint8_t *slot = h->mem + RING_AT(q) + h->at[q].next * 16;
	const uint64_t addr = HAND_SHIFT + at;
	int i;

	flags |= h->at[q].wrap ? PD_F_AVAIL : PD_F_USED;
	for (i = 0; i < 8; i++)
		slot[i] = addr >> 8 * i;
	for (i = 0; i < 4; i++)
		slot[8 + i] = len >> 8 * i;
	slot[12] = id;
	slot[13] = id >> 8;
	slot[14] = flags;
	slot[15] = flags >> 8;
	if (++h->at[q].next == HAND_SIZE) {
		h->at[q].next = 0;
		h->at[q].wrap = !h->at[q].wrap;
	}
}

/** Whether the slot @p back places before the queue's next one is used by now. */
static inline bool
hand_used(const struct hand *h, uint16_t q, uint16_t back)
{
	const uint16_t slot = (h->at[q].next + HAND_SIZE - back) % HAND_SIZE;
	const bool wrap = slot < h->at[q].next ? h->at[q].wrap : !h->at[q].wrap;
	const uint8_t *at = h->mem + RING_AT(q) + slot * 16;
	const uint16_t flags = at[14] | at[15] << 8;

	return (flags & (PD_F_AVAIL | PD_F_USED)) == (wrap ? PD_F_AVAIL | PD_F_USED : 0);
}

/** Write a doorbell as it is, @p width bytes. */
static inline void
hand_ring(struct hand *h, uint32_t at, uint32_t value, unsigned int width)
{
	memcpy(h->d->regs.bar + VPM_NOTIFY + at, &value, width);
}

/** Ask for interrupts of a queue, or not. */
static inline void
hand_events(struct hand *h, uint16_t q, bool on)
{
	h->mem[RING_AT(q) + HAND_SIZE * 16 + 2] = on ? PD_EVENT_ENABLE : PD_EVENT_DISABLE;
}

/** Blamed for @p id in one line, and for nothing else; forgotten. */
static inline void
hand_blamed(struct hand *h, const char *id)
{
	const char *text = vpd_violations_text(h->d), *end = strchr(text, '\n');

	if (strstr(text, id) == NULL || end != text + strlen(text) - 1)
		fail_msg("not just %s: %s", id, text);
	vpd_violations_clear(h->d);
}

static inline void
hand_clean(struct hand *h)
{
	assert_string_equal(vpd_violations_text(h->d), "");
}

/** Plug in what h->conf says. */
static inline void
hand_plug(struct hand *h)
{
	h->d = vpd_create(&h->conf);
	assert_non_null(h->d);
}

/** From nothing to DRIVER_OK with one pair; interrupts by vectors 1 and 2. */
static inline void
hand_up(struct hand *h, uint64_t features)
{
	hand_plug(h);
	hand_negotiate(h, features);
	hand_set_up(h, 0, h->d->regs.conf.vectors != 0 ? 1 : VPM_NO_VECTOR);
	hand_set_up(h, 1, h->d->regs.conf.vectors != 0 ? 2 : VPM_NO_VECTOR);
	set(h, 20, 15, 1);
	hand_clean(h);
}

/** A receive buffer, whose id is its place as well. */
static inline void
hand_post(struct hand *h, uint16_t id)
{
	hand_put(h, 0, BUFFER_AT(id), 1536, id, PD_F_WRITE);
}

/** A packet of bytes @p mark behind an empty header. */
static inline void
hand_send(struct hand *h, uint16_t id, uint8_t mark)
{
	uint8_t *at = h->mem + BUFFER_AT(8 + id);

	memset(at, 0, PD_NET_HDR_BYTES);
	memset(at + PD_NET_HDR_BYTES, mark, HAND_LEN);
	hand_put(h, 1, BUFFER_AT(8 + id), PD_NET_HDR_BYTES + HAND_LEN, id, 0);
}

/** One packet there and back. */
static inline void
hand_echo(struct hand *h, uint16_t id, uint8_t mark)
{
	const uint8_t *got = h->mem + BUFFER_AT(id) + PD_NET_HDR_BYTES;
	uint32_t i;

	hand_post(h, id);
	hand_send(h, id, mark);
	hand_ring(h, 4, 1, 2);
	assert_true(vpd_step(h->d));
	assert_true(hand_used(h, 0, 1) && hand_used(h, 1, 1));
	for (i = 0; i < HAND_LEN; i++)
		assert_int_equal(got[i], mark);
}

static inline int
hand_start(void **state)
{
	struct hand *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	h->mem = calloc(1, HAND_BYTES);
	assert_non_null(h->mem);
	vpd_conf_init(&h->conf);
	h->conf.translate = hand_translate;
	h->conf.translate_arg = h;
	*state = h;
	return 0;
}

static inline int
hand_stop(void **state)
{
	struct hand *h = *state;

	vpd_destroy(h->d);
	free(h->mem);
	free(h);
	return 0;
}

#define hand_test(f) cmocka_unit_test_setup_teardown(f, hand_start, hand_stop)

#endif /* UNIT_DEVICE_PCI_H */
