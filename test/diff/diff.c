/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diff.h"

struct diff_state diff;

static uint64_t rand_state;

void
diff_rand_start(uint64_t seed, uint32_t episode, bool tx)
{
	rand_state = seed + (uint64_t)episode * 2 * 0xd1342543de82ef95ull + tx;
	/* Neighbouring seeds are to have nothing in common. */
	diff_rand();
	diff_rand();
}

/* splitmix64, of which the upper half is given out. */
uint32_t
diff_rand(void)
{
	uint64_t z = rand_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) >> 32;
}

uint32_t
diff_below(uint32_t n)
{
	return (uint64_t)diff_rand() * n >> 32;
}

bool
diff_chance(uint32_t n)
{
	return diff_below(n) == 0;
}

uint32_t
diff_burst_len(void)
{
	uint32_t n;

	switch (diff_below(4)) {
	case 0:
		return diff_below(10);
	case 1:
		return diff_below(DIFF_BURST + 1);
	case 2:
		return 32;
	default:
		n = (1u << diff_below(9)) + diff_below(3) - 1;
		return RTE_MIN(n, DIFF_BURST);
	}
}

uint16_t
diff_ring_size(void)
{
	static const uint16_t sizes[] = {1,  2,	  3,   4,   5,	 7,   8,   16,	 31,  32,  33,
					 63, 64, 100, 127, 128, 255, 256, 257, 1000, 1024};

	return sizes[diff_below(RTE_DIM(sizes))];
}

void
diff_fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "\n%s %s, seed %" PRIu64 ", episode %u, step %u\n%s\n",
		pvq_isa_name(diff.isa), diff.tx ? "tx" : "rx", diff.seed, diff.episode, diff.step,
		diff.setup);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nrepeat: test_diff --isa %s --dir %s --seed %" PRIu64 " --episode %u\n",
		pvq_isa_name(diff.isa), diff.tx ? "tx" : "rx", diff.seed, diff.episode);
	fflush(NULL);
	/* Nothing of what is half done could be freed in order. */
	_exit(EXIT_FAILURE);
}

void
diff_fail_values(const char *what, uint64_t ref, uint64_t sub)
{
	diff_fail("%s: 0x%" PRIx64 " with scalar, 0x%" PRIx64 " with %s", what, ref, sub,
		  pvq_isa_name(diff.isa));
}

/* The number of the range above, the offset below; what is in no range is itself on both sides. */
uint64_t
diff_place(const struct diff_side *s, uint64_t addr)
{
	unsigned int i;

	for (i = 0; i < s->memory.n; i++)
		if (addr - s->memory.range[i].start <
		    s->memory.range[i].end - s->memory.range[i].start)
			return (uint64_t)(i + 1) << 56 | (addr - s->memory.range[i].start);
	return addr;
}

void
diff_same_places(const char *what, void *const *ref, void *const *sub, unsigned int n)
{
	const struct diff_side *r = &diff.side[DIFF_REF], *s = &diff.side[DIFF_SUB];
	uint64_t a, b;
	unsigned int i;

	for (i = 0; i < n; i++) {
		a = diff_place_of(r, ref[i]);
		b = diff_place_of(s, sub[i]);
		if (unlikely(a != b))
			diff_fail("%s[%u]: place 0x%" PRIx64 " with scalar, 0x%" PRIx64 " with %s",
				  what, i, a, b, pvq_isa_name(diff.isa));
	}
}

static void
same_slots(const struct pvq_ring *ref, const struct pvq_ring *sub)
{
	uint16_t i;

	for (i = 0; i < ref->size; i++) {
		const struct virtq_desc *a = &ref->desc[i], *b = &sub->desc[i];
		const uint64_t x = diff_place(&diff.side[DIFF_REF], a->addr);
		const uint64_t y = diff_place(&diff.side[DIFF_SUB], b->addr);

		if (unlikely(x != y || a->len != b->len || a->id != b->id || a->flags != b->flags))
			diff_fail("slot %u: addr 0x%" PRIx64 " len %u id %u flags 0x%04x with "
				  "scalar, addr 0x%" PRIx64 " len %u id %u flags 0x%04x with %s",
				  i, x, a->len, a->id, a->flags, y, b->len, b->id, b->flags,
				  pvq_isa_name(diff.isa));
	}
}

void
diff_same_rings(const struct pvq_ring *ref, const struct pvq_ring *sub)
{
	DIFF_FIELD(ref, sub, size);
	DIFF_FIELD(ref, sub, next_avail);
	DIFF_FIELD(ref, sub, next_used);
	DIFF_FIELD(ref, sub, nb_free);
	DIFF_FIELD(ref, sub, avail_flags);
	DIFF_FIELD(ref, sub, used_flags);
	DIFF_FIELD(ref, sub, event_idx);
	DIFF_FIELD(ref, sub, driver_event->off_wrap);
	DIFF_FIELD(ref, sub, driver_event->flags);
	DIFF_FIELD(ref, sub, device_event->off_wrap);
	DIFF_FIELD(ref, sub, device_event->flags);
	same_slots(ref, sub);
}

void
diff_same_common(const struct pvq_vq *ref, const struct pvq_vq *sub, const struct pvq_gate *ref_gate,
		 const struct pvq_gate *sub_gate)
{
	diff_same("error", ref->error, sub->error);
	diff_same("lcore", ref->lcore, sub->lcore);
	diff_same("gate's epoch", ref_gate->epoch, sub_gate->epoch);
	diff_same("gate's state", ref_gate->state & PVQ_GATE_BITS, sub_gate->state & PVQ_GATE_BITS);
	diff_same("gate and error", (ref_gate->state & PVQ_GATE_ERROR) != 0,
		  ref->error != PVQ_QUEUE_OK);
}

/* ---- pools ----------------------------------------------------------------------------------- */

static struct diff_pool pools[DIFF_SIDES][DIFF_POOLS];
static struct unit_external externals[DIFF_SIDES][DIFF_EXTERNALS];

static int
pointer_compare(const void *a, const void *b)
{
	const uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return (x > y) - (x < y);
}

/* Take all that is in the pool; @return how many. */
static unsigned int
pool_drain(struct diff_pool *pool, void **out, unsigned int max)
{
	unsigned int n = 0;

	while (n < max && rte_mempool_get(pool->mp, &out[n]) == 0)
		n++;
	return n;
}

/* Virtual addresses are IOVAs here, but the pool was told that it has none. */
static void
set_iova(struct rte_mempool *pool, void *arg, void *object, unsigned int i)
{
	struct rte_mbuf *m = object;

	RTE_SET_USED(pool);
	RTE_SET_USED(arg);
	RTE_SET_USED(i);
	rte_mbuf_iova_set(m, (uintptr_t)m->buf_addr);
	rte_mempool_get_header(m)->iova = (uintptr_t)m;
}

/* Objects may cross pages: they are to lie alike on both sides, wherever the memory begins. */
static void
pool_create(struct diff_pool *pool, unsigned int side, unsigned int number)
{
	struct rte_pktmbuf_pool_private private = {
		.mbuf_data_room_size =
			RTE_PKTMBUF_HEADROOM + (number == 0 ? DIFF_DATA_0 : DIFF_DATA_1),
	};
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "diff%u_%u", side, number);
	pool->mp = rte_mempool_create_empty(
		name, DIFF_MBUFS, sizeof(struct rte_mbuf) + private.mbuf_data_room_size,
		number == 0 ? 0 : 64, sizeof(private), SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (pool->mp == NULL)
		diff_fail("no mempool");
	rte_pktmbuf_pool_init(pool->mp, &private);
	if (rte_mempool_populate_default(pool->mp) < 0 || pool->mp->nb_mem_chunks != 1)
		diff_fail("no memory in one piece for %u mbufs", DIFF_MBUFS);
	rte_mempool_obj_iter(pool->mp, rte_pktmbuf_init, NULL);
	rte_mempool_obj_iter(pool->mp, set_iova, NULL);
	if (pool_drain(pool, pool->all, DIFF_MBUFS) != DIFF_MBUFS)
		diff_fail("a new pool is not full");
	qsort(pool->all, DIFF_MBUFS, sizeof(pool->all[0]), pointer_compare);
}

void
diff_pools_create(void)
{
	unsigned int side, i;

	for (side = 0; side < DIFF_SIDES; side++) {
		for (i = 0; i < DIFF_POOLS; i++)
			pool_create(&pools[side][i], side, i);
		diff.side[side].pool = pools[side];
		diff.side[side].ext = externals[side];
		diff.side[side].index = 2 * side;
	}
}

void
diff_pools_free(void)
{
	unsigned int side, i;

	for (side = 0; side < DIFF_SIDES; side++) {
		for (i = 0; i < DIFF_POOLS; i++) {
			rte_mempool_put_bulk(pools[side][i].mp, pools[side][i].all, DIFF_MBUFS);
			rte_mempool_free(pools[side][i].mp);
		}
	}
}

static void
pool_deal(struct diff_pool *pool, unsigned int n)
{
	unsigned int i;

	if (n > DIFF_MBUFS)
		diff_fail("%u mbufs asked for", n);
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = pool->all[i];

		unit_mbuf_spoil(m);
		memset(m->buf_addr, 0xee, m->buf_len);
	}
	pool->dealt = n;
	rte_mempool_put_bulk(pool->mp, pool->all, n);
}

void
diff_pools_deal(unsigned int n0, unsigned int n1)
{
	DIFF_FOREACH_SIDE(s) {
		pool_deal(&s->pool[0], n0);
		pool_deal(&s->pool[1], n1);
		memset(s->ext, 0, DIFF_EXTERNALS * sizeof(s->ext[0]));
		s->memory.n = 0;
	}
}

static void
pool_collect(const char *side, struct diff_pool *pool)
{
	void *back[DIFF_MBUFS + 1];
	const unsigned int n = pool_drain(pool, back, DIFF_MBUFS + 1);
	unsigned int i;

	if (n != pool->dealt)
		diff_fail("%s: %u mbufs in the pool, %u were dealt out", side, n, pool->dealt);
	qsort(back, n, sizeof(back[0]), pointer_compare);
	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = back[i];

		if (back[i] != pool->all[i])
			diff_fail("%s: an mbuf is twice or wrongly in the pool", side);
		if (rte_mbuf_refcnt_read(m) != 1 || m->next != NULL || m->nb_segs != 1 ||
		    !RTE_MBUF_DIRECT(m))
			diff_fail("%s: mbuf %u came back to the pool with refcnt %u, nb_segs %u, "
				  "ol_flags 0x%" PRIx64 "%s", side, i, rte_mbuf_refcnt_read(m),
				  m->nb_segs, m->ol_flags, m->next != NULL ? ", next" : "");
	}
}

void
diff_pools_collect(void)
{
	unsigned int i;

	for (i = 0; i < DIFF_POOLS; i++) {
		pool_collect("scalar", &diff.side[DIFF_REF].pool[i]);
		pool_collect("under test", &diff.side[DIFF_SUB].pool[i]);
	}
}

/* From the first mbuf to the last, wherever these begin in the pool's memory. */
static void
memory_add_pool(struct diff_side *s, const struct diff_pool *pool)
{
	const struct rte_mbuf *last = pool->all[DIFF_MBUFS - 1];
	const char *first = pool->all[0];

	unit_memory_add(&s->memory, first, (char *)last->buf_addr + last->buf_len - first);
}

void
diff_memory_add(struct diff_side *s, const struct pvq_vq *vq)
{
	memory_add_pool(s, &s->pool[0]);
	memory_add_pool(s, &s->pool[1]);
	unit_memory_add(&s->memory, vq->mz->addr, vq->mz->len);
	unit_memory_add(&s->memory, s->ext, DIFF_EXTERNALS * sizeof(s->ext[0]));
}
