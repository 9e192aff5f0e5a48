/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/*
 * The limit: a loop that does only what no driver can leave out, on rings that no device reads.
 * To send is to load the mbuf, write a descriptor and its shadow, and give the completed mbuf back
 * to the lcore's mempool cache. To receive is to read the descriptor, write length, offset and
 * flags into the mbuf, and post a fresh one. What a device would do is done outside the time.
 */

#include <stddef.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "perf.h"

/* struct virtio_net_hdr in front of each frame */
#define HEADER 12
#define LEN_MASK UINT64_C(0xffffffff)
#define ID_SHIFT 32
#define FLAGS_SHIFT 48
/* Data offset, reference count, number of segments and port of an mbuf, in eight bytes. */
#define REARM(m) RTE_PTR_ADD(m, offsetof(struct rte_mbuf, rearm_data))

struct descriptor {
	uint64_t addr;
	uint64_t rest; /* length, buffer id and flags */
};

struct floor_ring {
	struct descriptor *desc;
	struct rte_mbuf **shadow;
	uint32_t size, next;
};

struct perf_floor {
	struct rte_mempool *pool;
	uint32_t pairs;
	uint64_t rearm;
	struct floor_ring tx[PERF_MAX_PAIRS], rx[PERF_MAX_PAIRS];
};

static int
create_ring(struct floor_ring *r, struct rte_mempool *pool, uint32_t size)
{
	r->size = size;
	r->desc = rte_zmalloc(NULL, size * sizeof(*r->desc), RTE_CACHE_LINE_SIZE);
	r->shadow = rte_zmalloc(NULL, size * sizeof(*r->shadow), RTE_CACHE_LINE_SIZE);
	if (r->desc == NULL || r->shadow == NULL)
		return -1;
	/* Full of mbufs, as rings are after their first lap. */
	if (rte_pktmbuf_alloc_bulk(pool, r->shadow, size) != 0) {
		r->shadow[0] = NULL;
		return -1;
	}
	return 0;
}

static void
free_ring(struct floor_ring *r)
{
	if (r->shadow != NULL && r->shadow[0] != NULL)
		rte_pktmbuf_free_bulk(r->shadow, r->size);
	rte_free(r->shadow);
	rte_free(r->desc);
}

struct perf_floor *
perf_floor_create(struct perf_bench *b)
{
	struct perf_floor *floor = rte_zmalloc(NULL, sizeof(*floor), 0);
	uint32_t q;

	if (floor == NULL)
		return NULL;
	floor->pool = b->pool;
	floor->pairs = b->pairs;
	for (q = 0; q < b->pairs; q++)
		if (create_ring(&floor->tx[q], b->pool, b->ring) != 0 ||
		    create_ring(&floor->rx[q], b->pool, b->ring) != 0) {
			perf_floor_free(floor);
			return NULL;
		}
	/* All mbufs of a port begin alike. */
	memcpy(&floor->rearm, REARM(floor->rx[0].shadow[0]), sizeof(floor->rearm));
	return floor;
}

void
perf_floor_free(struct perf_floor *floor)
{
	uint32_t q;

	if (floor == NULL)
		return;
	for (q = 0; q < floor->pairs; q++) {
		free_ring(&floor->tx[q]);
		free_ring(&floor->rx[q]);
	}
	rte_free(floor);
}

/* Called as a driver is, so not to be merged into the loop around it. */
static __rte_noinline uint16_t
floor_send(struct perf_floor *floor, uint16_t q, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mempool_cache *cache = rte_mempool_default_cache(floor->pool, rte_lcore_id());
	struct floor_ring *r = &floor->tx[q];
	uint16_t done = 0;

	if (cache->len + n > cache->flushthresh)
		rte_mempool_cache_flush(cache, floor->pool);
	while (done < n) {
		const uint16_t run = RTE_MIN((uint32_t)(n - done), r->size - r->next);
		struct descriptor *desc = r->desc + r->next;
		struct rte_mbuf **shadow = r->shadow + r->next;
		uint16_t i;

		for (i = 0; i < run; i++) {
			struct rte_mbuf *m = pkts[done + i];

			cache->objs[cache->len++] = shadow[i];
			desc[i].addr = rte_mbuf_iova_get(m) + m->data_off - HEADER;
			desc[i].rest = m->data_len + HEADER +
				((uint64_t)(r->next + i) << ID_SHIFT);
			shadow[i] = m;
		}
		r->next = r->next + run == r->size ? 0 : r->next + run;
		done += run;
	}
	return n;
}

static __rte_noinline uint16_t
floor_receive(struct perf_floor *floor, uint16_t q, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *fresh[PERF_MAX_BURST];
	struct floor_ring *r = &floor->rx[q];
	uint16_t done = 0;

	if (rte_mempool_get_bulk(floor->pool, (void **)fresh, n) != 0)
		return 0;
	while (done < n) {
		const uint16_t run = RTE_MIN((uint32_t)(n - done), r->size - r->next);
		struct descriptor *desc = r->desc + r->next;
		struct rte_mbuf **shadow = r->shadow + r->next;
		uint16_t i;

		for (i = 0; i < run; i++) {
			struct rte_mbuf *m = shadow[i];
			const uint32_t len = (uint32_t)(desc[i].rest & LEN_MASK) - HEADER;

			memcpy(REARM(m), &floor->rearm, sizeof(floor->rearm));
			m->ol_flags = 0;
			m->packet_type = 0;
			m->pkt_len = len;
			m->data_len = len;
			pkts[done + i] = m;
			shadow[i] = fresh[done + i];
			/* The pool has each buffer behind its mbuf. */
			desc[i].addr = (uintptr_t)(shadow[i] + 1) + RTE_PKTMBUF_HEADROOM - HEADER;
			desc[i].rest = RTE_MBUF_DEFAULT_DATAROOM + HEADER +
				((uint64_t)(r->next + i) << ID_SHIFT);
		}
		r->next = r->next + run == r->size ? 0 : r->next + run;
		done += run;
	}
	return n;
}

/* What a device would do. */
static void
use(struct floor_ring *r, uint16_t n, uint32_t len)
{
	uint32_t slot = r->next;
	uint16_t i;

	for (i = 0; i < n; i++) {
		r->desc[slot].rest = (len + HEADER) | (UINT64_C(1) << FLAGS_SHIFT);
		slot = slot + 1 == r->size ? 0 : slot + 1;
	}
}

/* One burst; returns the cycles it took. */
static uint64_t
send_burst(struct perf_bench *b, uint16_t q, const struct perf_point *point, uint64_t clock)
{
	struct rte_mbuf *pkts[PERF_MAX_BURST];
	uint64_t began, took;

	if (rte_pktmbuf_alloc_bulk(b->pool, pkts, point->burst) != 0)
		return 0;
	perf_frames_fill(pkts, point->burst, point->frame, 0);
	began = rte_rdtsc_precise();
	floor_send(b->floor, q, pkts, point->burst);
	took = rte_rdtsc_precise() - began;
	return took - RTE_MIN(took, clock);
}

static uint64_t
receive_burst(struct perf_bench *b, uint16_t q, const struct perf_point *point, uint64_t clock)
{
	struct rte_mbuf *pkts[PERF_MAX_BURST];
	uint64_t began, took;
	uint16_t got;

	use(&b->floor->rx[q], point->burst, point->frame);
	began = rte_rdtsc_precise();
	got = floor_receive(b->floor, q, pkts, point->burst);
	took = rte_rdtsc_precise() - began;
	rte_pktmbuf_free_bulk(pkts, got);
	return took - RTE_MIN(took, clock);
}

void
perf_floor_round(struct perf_bench *b, const struct perf_point *point, uint64_t clock,
		 struct perf_figures *f)
{
	const uint32_t warm_up = perf_solo_warm_up(point);
	const uint32_t bursts = perf_solo_bursts(b->opt, point);
	const double packets = (double)bursts * point->burst;
	uint64_t cycles;
	uint32_t i;

	for (i = cycles = 0; i < warm_up + bursts; i++) {
		if (i == warm_up)
			cycles = 0;
		cycles += send_burst(b, i % b->pairs, point, clock);
	}
	perf_series_add(&f->tx, cycles / packets);
	for (i = cycles = 0; i < warm_up + bursts; i++) {
		if (i == warm_up)
			cycles = 0;
		cycles += receive_burst(b, i % b->pairs, point, clock);
	}
	perf_series_add(&f->rx, cycles / packets);
}
