/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <string.h>

#include "diff.h"

static enum pd_order
choose_order(bool in_order)
{
	static const enum pd_order orders[] = {PD_FIFO, PD_FIFO, PD_SHUFFLE, PD_REVERSE};

	return in_order ? PD_FIFO : orders[diff_below(RTE_DIM(orders))];
}

void
diff_habits_change(struct diff_habits *habits, bool in_order)
{
	if (diff_chance(16))
		habits->order = choose_order(in_order);
}

struct diff_habits
diff_habits_choose(bool in_order)
{
	return (struct diff_habits){
		.order = choose_order(in_order),
		.batch = in_order && diff_chance(2),
		.stage = diff_chance(4),
		.slow = diff_chance(3),
	};
}

int
diff_fetch(bool slow)
{
	const uint32_t max = slow ? diff_below(64) : UINT32_MAX;
	const int ref = pd_fetch(diff.side[DIFF_REF].dev, max);

	diff_same("buffers that the device fetched", ref, pd_fetch(diff.side[DIFF_SUB].dev, max));
	DIFF_FOREACH_SIDE(s) {
		if (pd_violations(s->dev) != 0)
			diff_fail("the driver's breach of rules, index %u:\n%s", s->index,
				  pd_violations_text(s->dev));
	}
	return ref;
}

void
diff_device_event(uint16_t size)
{
	const uint32_t what = diff_below(20), event = diff_rand();
	const uint16_t off = diff_below(size);
	const bool wrap = diff_chance(2);

	DIFF_FOREACH_SIDE(s) {
		switch (what) {
		case 0:
			pd_notify_enable(s->dev);
			break;
		case 1:
			pd_notify_disable(s->dev);
			break;
		case 2:
			pd_notify_at(s->dev, off, wrap);
			break;
		case 3:
			pd_notify_next(s->dev);
			break;
		case 4:
			pd_notify_raw(s->dev, event);
			break;
		default:
			break;
		}
	}
}

void
diff_flush(bool all)
{
	uint32_t n = pd_staged(diff.side[DIFF_REF].dev);

	diff_same("used descriptors kept back", n, pd_staged(diff.side[DIFF_SUB].dev));
	if (all || diff_chance(3)) {
		DIFF_FOREACH_SIDE(s)
			pd_flush(s->dev);
		return;
	}
	for (n = diff_below(n + 1); n != 0; n--) {
		const uint32_t i = diff_below(pd_staged(diff.side[DIFF_REF].dev));

		DIFF_FOREACH_SIDE(s)
			pd_flush_one(s->dev, i);
	}
}

/* The id that stands @back slots before the place where the device writes next. */
static uint16_t
id_used_before(uint16_t size, uint32_t back)
{
	const struct diff_side *r = &diff.side[DIFF_REF];
	const struct virtq_desc *desc = r->rxq != NULL ? r->rxq->ring.desc : r->txq->ring.desc;

	return desc[(pd_used_slot(r->dev, NULL) + size - back % size) % size].id;
}

/* An id that is out of range, or was used just now, or is about to be, or is any. */
static uint16_t
lie_id(uint16_t size)
{
	const bool oldest = diff_chance(2);
	const struct pd_buf *buf = oldest ? pd_first(diff.side[DIFF_REF].dev) :
					    pd_last(diff.side[DIFF_REF].dev);
	uint32_t i;

	switch (diff_below(8)) {
	case 0:
		return diff_rand();
	case 1:
		return size + diff_below(3);
	case 2:
		return UINT16_MAX;
	case 3:
	case 4:
		return id_used_before(size, 1 + diff_below(4));
	case 5:
	case 6:
		for (i = diff_below(4); i != 0 && buf != NULL; i--)
			buf = oldest ? buf->next : buf->prev;
		return buf != NULL ? buf->id : 0;
	default:
		return diff_below(size);
	}
}

static uint32_t
lie_len(void)
{
	return diff_chance(2) ? PD_NET_HDR_BYTES + diff_below(DIFF_DATA_0) :
				diff_rand() >> diff_below(32);
}

/* Slots that look used and as they should be, or nearly so, whoever they belong to. */
static void
lie_slots(uint16_t size)
{
	bool wrap;
	uint32_t slot = pd_used_slot(diff.side[DIFF_REF].dev, &wrap), n = 1 + diff_below(20);
	const bool right_len = !diff_chance(4), right_flags = diff_chance(2);
	uint8_t bytes[PD_DESC_BYTES] = {0};
	uint16_t flags;

	for (slot += diff_chance(2) ? 0 : diff_below(size); n != 0; n--, slot++) {
		const uint32_t at = slot % size, len = right_len ? PD_NET_HDR_BYTES : lie_len();

		flags = slot / size % 2 != (uint32_t)wrap ? PD_F_AVAIL | PD_F_USED : 0;
		if (!right_flags && diff_chance(8))
			flags = diff_rand();
		memcpy(bytes + 8, &len, sizeof(len));
		memcpy(bytes + 12, &at, sizeof(uint16_t));
		memcpy(bytes + 14, &flags, sizeof(flags));
		DIFF_FOREACH_SIDE(s)
			pd_inject_slot(s->dev, at, bytes);
	}
}

void
diff_lie_used(uint16_t size, bool rx)
{
	const uint16_t id = lie_id(size), flags = rx ? PD_F_WRITE : 0;
	const uint32_t len = lie_len(), advance = diff_chance(4) ? 0 : 1;

	if (diff_chance(3)) {
		lie_slots(size);
	} else {
		DIFF_FOREACH_SIDE(s)
			pd_inject_used(s->dev, id, len, flags, advance);
	}
	diff.seen[DIFF_LIES]++;
	diff.lied = true;
}

/* Fill what lies between the last slot and the event structures with used descriptors. */
static void
lie_behind(struct pvq_ring *ring)
{
	struct virtq_desc *d;
	uint16_t id = ring->size;

	for (d = ring->desc + ring->size; (void *)(d + 1) <= (void *)ring->driver_event; d++)
		*d = (struct virtq_desc){
			.len = 64, .id = id++, .flags = diff.episode % 2 ? PVQ_LAP_FLAGS : 0};
}

void
diff_connect(struct diff_side *s, struct pvq_ring *ring, struct pd_config *cfg)
{
	lie_behind(ring);
	cfg->desc = ring->desc;
	cfg->driver_event = ring->driver_event;
	cfg->device_event = ring->device_event;
	cfg->translate = unit_translate;
	cfg->translate_arg = &s->memory;
	s->dev = pd_create(cfg);
	if (s->dev == NULL)
		diff_fail("no device");
}

void
diff_burst_done(uint16_t ref, uint16_t sub, uint16_t asked)
{
	uint64_t notified;

	diff_same("packets of a burst", ref, sub);
	if (ref > asked)
		diff_fail("a burst of %u packets gave %u", asked, ref);
	notified = unit_notifications(diff.side[DIFF_REF].index);
	diff_same("notifications", notified, unit_notifications(diff.side[DIFF_SUB].index));
	diff.seen[DIFF_NOTIFIED] += notified;
	diff.seen[DIFF_BURSTS]++;
	diff.seen[DIFF_PACKETS] += ref;
	diff.seen[DIFF_FULL_BURSTS] += asked != 0 && ref == asked;
	diff.seen[DIFF_CUT_BURSTS] += ref != 0 && ref < asked;
}

void
diff_free_held(unsigned int n)
{
	n = RTE_MIN(n, diff.nb_held);
	DIFF_FOREACH_SIDE(s) {
		unsigned int i;

		for (i = 0; i < n; i++)
			rte_pktmbuf_free(s->held[i]);
		memmove(s->held, s->held + n, (diff.nb_held - n) * sizeof(s->held[0]));
	}
	diff.nb_held -= n;
}

void
diff_devices_close(bool honest)
{
	DIFF_FOREACH_SIDE(s) {
		if (honest && pd_violations(s->dev) != 0)
			diff_fail("the driver's breach of rules, index %u:\n%s", s->index,
				  pd_violations_text(s->dev));
		pd_destroy(s->dev);
		s->dev = NULL;
	}
}
