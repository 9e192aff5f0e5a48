/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include <rte_pause.h>

#include "mutator.h"

/* In a field that neither driver nor mempool writes. */
#define OWNED 0xbeef
#define FREE 0x1eaf

struct mutator {
	struct mutator_target target;
	pthread_t thread;
	uint32_t seed;
	uint64_t changes;
	bool stop;
};

static uint16_t
some_id(const struct pvq_ring *ring, uint16_t slot, uint32_t r)
{
	static const uint16_t odd[] = {0x8000, 0x7fff, 65535};

	switch (r % 24) {
	case 0:
		return ring->size + r / 24 % 3;
	case 1:
		return odd[r / 24 % RTE_DIM(odd)];
	case 2:
		return r / 24 % ring->size;
	default:
		/* What an honest device would say, most of the time. */
		return slot;
	}
}

static uint32_t
some_length(uint32_t capacity, uint32_t r)
{
	switch (r % 24) {
	case 0:
		return r / 24 % 13;
	case 1:
		return capacity + 1 + r / 24 % 3;
	case 2:
		return UINT32_MAX - r / 24 % 3;
	default:
		return capacity == 0 ? r : 12 + r % (capacity - 11);
	}
}

static uint16_t
some_flags(uint32_t r)
{
	static const uint16_t laps[] = {0, PVQ_LAP_FLAGS, VIRTQ_DESC_F_AVAIL, VIRTQ_DESC_F_USED};

	return laps[r % 4] | (r >> 2 & 7);
}

static void
change_header(const struct mutator_target *t, uint32_t r, uint32_t value)
{
	static const uint16_t counts[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 0, 65535};
	static const uint8_t segmentation[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0x20, 0xff};
	uint8_t *hdr = t->headers[r % t->nb_headers];

	if (value % 5 == 0)
		__atomic_store_n(hdr + 1, segmentation[value / 5 % RTE_DIM(segmentation)],
				 __ATOMIC_RELAXED);
	else
		__atomic_store_n((uint16_t *)(void *)(hdr + 10),
				 rte_cpu_to_le_16(counts[value / 5 % RTE_DIM(counts)]),
				 __ATOMIC_RELAXED);
}

static void
change_table(const struct mutator_target *t, uint32_t r, uint32_t value)
{
	struct virtq_desc *d = &t->tables[r % t->nb_entries];

	__atomic_store_n(&d->addr, value * 0x100000001ull, __ATOMIC_RELAXED);
	__atomic_store_n(&d->len, value, __ATOMIC_RELAXED);
	__atomic_store_n(&d->flags, (uint16_t)value, __ATOMIC_RELAXED);
}

static void
change_one(const struct mutator_target *t, uint32_t *seed)
{
	const uint32_t what = unit_random(seed), r = unit_random(seed);
	/* Mostly where the driver looks next. */
	const uint16_t at = __atomic_load_n(&t->ring->next_used, __ATOMIC_RELAXED);
	const uint16_t slot = (at + what / 16 % 5) % t->ring->size;
	struct virtq_desc *d = &t->ring->desc[slot];

	switch (what % 16) {
	case 0:
		__atomic_store_n(&d->addr, r * 0x9e3779b97f4aull, __ATOMIC_RELAXED);
		break;
	case 1:
	case 2:
		if (t->headers != NULL)
			change_header(t, r, what >> 4);
		if (t->tables != NULL)
			change_table(t, r, what);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		__atomic_store_n(&d->id, rte_cpu_to_le_16(some_id(t->ring, slot, r)),
				 __ATOMIC_RELAXED);
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		__atomic_store_n(&d->len, rte_cpu_to_le_32(some_length(t->capacity, r)),
				 __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n(&d->flags, rte_cpu_to_le_16(some_flags(r)), __ATOMIC_RELEASE);
		break;
	}
}

/** What changes to and fro in a slot that is honestly used otherwise. */
enum flip {
	FLIP_NONE, /* everything changes, at random */
	FLIP_ID,
	FLIP_LENGTH,
	FLIP_FLAGS,
	FLIP_HEADER,
	FLIP_NB,
};

/*
 * Use the next slot as an honest device would, and change one field of it at once, and back, again
 * and again: a driver that reads it twice sees one value pass its check and another in its place.
 */
static void
flip_next(const struct mutator_target *t, enum flip what, uint32_t *seed)
{
	const uint16_t slot = __atomic_load_n(&t->ring->next_used, __ATOMIC_RELAXED);
	const uint16_t used = __atomic_load_n(&t->ring->used_flags, __ATOMIC_RELAXED);
	struct virtq_desc *d = &t->ring->desc[slot];
	uint16_t *count = (uint16_t *)(uintptr_t)(d->addr - unit_iova_shift() + 10);
	/* Now and then the last word is a lie. */
	const unsigned int changes = 40 + (unit_random(seed) % 8 == 0);
	unsigned int i;

	__atomic_store_n(&d->id, rte_cpu_to_le_16(slot), __ATOMIC_RELAXED);
	__atomic_store_n(&d->len, rte_cpu_to_le_32(64), __ATOMIC_RELAXED);
	__atomic_store_n(&d->flags, rte_cpu_to_le_16(used | VIRTQ_DESC_F_WRITE), __ATOMIC_RELEASE);
	for (i = 0; i < changes; i++) {
		const bool bad = i % 2 == 0;

		switch (what) {
		case FLIP_ID:
			__atomic_store_n(&d->id, rte_cpu_to_le_16(bad ? 60000 : slot),
					 __ATOMIC_RELAXED);
			break;
		case FLIP_LENGTH:
			__atomic_store_n(&d->len, rte_cpu_to_le_32(bad ? 60000 : 64),
					 __ATOMIC_RELAXED);
			break;
		case FLIP_FLAGS:
			__atomic_store_n(&d->flags,
					 rte_cpu_to_le_16(bad ? used ^ PVQ_LAP_FLAGS : used),
					 __ATOMIC_RELEASE);
			break;
		default:
			__atomic_store_n(count, rte_cpu_to_le_16(bad ? 60000 : 2 - i / 2 % 2),
					 __ATOMIC_RELAXED);
			break;
		}
		/* Good values last longer: most lies end an epoch. */
		if (!bad)
			rte_pause();
	}
}

static void *
mutate(void *arg)
{
	struct mutator *m = arg;
	enum flip what = m->seed % FLIP_NB;

	if (what == FLIP_HEADER && m->target.headers == NULL)
		what = FLIP_ID;
	while (!__atomic_load_n(&m->stop, __ATOMIC_ACQUIRE)) {
		if (what == FLIP_NONE)
			change_one(&m->target, &m->seed);
		else
			flip_next(&m->target, what, &m->seed);
		__atomic_store_n(&m->changes, m->changes + 1, __ATOMIC_RELAXED);
		/* There may be fewer processors than threads. */
		if (m->changes % 64 == 0)
			sched_yield();
	}
	return NULL;
}

uint64_t
mutator_changes(const struct mutator *m)
{
	return __atomic_load_n(&m->changes, __ATOMIC_RELAXED);
}

struct mutator *
mutator_start(const struct mutator_target *target, uint32_t seed)
{
	struct mutator *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->target = *target;
	m->seed = seed;
	assert_int_equal(pthread_create(&m->thread, NULL, mutate, m), 0);
	while (mutator_changes(m) == 0)
		sched_yield();
	return m;
}

void
mutator_stop(struct mutator *m)
{
	__atomic_store_n(&m->stop, true, __ATOMIC_RELEASE);
	pthread_join(m->thread, NULL);
	free(m);
}

void
mutator_own(struct rte_mbuf *m)
{
	assert_int_not_equal(m->vlan_tci_outer, OWNED);
	m->vlan_tci_outer = OWNED;
}

void
mutator_free(struct rte_mbuf *m)
{
	struct rte_mbuf *seg;

	for (seg = m; seg != NULL; seg = seg->next)
		seg->vlan_tci_outer = FREE;
	rte_pktmbuf_free(m);
}

void
mutator_assert_pool(struct rte_mempool *pool)
{
	const unsigned int n = pool->size;
	struct rte_mbuf **all = calloc(n, sizeof(all[0]));
	unsigned int i, twice = 0;

	assert_non_null(all);
	assert_int_equal(rte_mempool_avail_count(pool), n);
	assert_int_equal(rte_mempool_get_bulk(pool, (void **)all, n), 0);
	for (i = 0; i < n; i++) {
		twice += all[i]->vlan_tci_outer == OWNED;
		all[i]->vlan_tci_outer = OWNED;
	}
	for (i = 0; i < n; i++)
		all[i]->vlan_tci_outer = FREE;
	rte_mempool_put_bulk(pool, (void **)all, n);
	free(all);
	assert_int_equal(twice, 0);
}
