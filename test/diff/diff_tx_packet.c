/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Packets to send, of every kind that an application may come with, made twice.
 */

#include <string.h>

#include "diff.h"

#define MANY_MAX 300u

/** Longest segment that fits behind any headroom. */
#define LEN_MAX (DIFF_DATA_0 - 20)

/** All choices for a packet, made once for both sides. */
struct shape {
	enum {
		PLAIN,       /* room for the header, or just not */
		EMPTY,
		TWO,
		FIVE,
		HOLES,       /* segments without data before, between and behind others */
		MANY,        /* more segments than a table or even a packet may have */
		LONG,        /* above the longest that the device takes */
		LAST_FAST_FREE = LONG,
		OTHER_POOL,
		CLONE,       /* attached to data that nobody else has */
		SHARED,      /* the application keeps a reference */
		SHARED_TAIL,
		CLONE_PAIR,  /* attached to data that the application keeps */
		EXTERNAL,
		MIXED,       /* segments of both pools */
		SHAPES,
	} kind;
	uint16_t headroom;
	uint16_t len;
	uint16_t segs;
	unsigned int pool;
	unsigned int ext;
	uint16_t lens[MANY_MAX];
};

/* Room for the header exactly, one byte less, none, the usual, more. */
static uint16_t
choose_headroom(void)
{
	static const uint16_t some[] = {PD_NET_HDR_BYTES, PD_NET_HDR_BYTES - 1, 0, 1,
					PD_NET_HDR_BYTES + 1, RTE_PKTMBUF_HEADROOM + 20};

	return diff_chance(16) ? some[diff_below(RTE_DIM(some))] : RTE_PKTMBUF_HEADROOM;
}

static bool
choose_external(struct shape *s)
{
	const struct unit_external *ext = diff.side[DIFF_REF].ext;
	unsigned int i, first = diff_below(DIFF_EXTERNALS);

	for (i = 0; i < DIFF_EXTERNALS; i++) {
		s->ext = (first + i) % DIFF_EXTERNALS;
		if (rte_mbuf_ext_refcnt_read(&ext[s->ext].shared) == 0)
			return true;
	}
	return false;
}

static void
choose_lens(struct shape *s)
{
	uint32_t i;

	switch (s->kind) {
	case TWO:
	case SHARED_TAIL:
	case MIXED:
		s->segs = 2;
		break;
	case FIVE:
		s->segs = 5;
		break;
	case HOLES:
		s->segs = 2 + diff_below(5);
		break;
	case MANY:
		s->segs = diff_chance(4) ? 250 + diff_below(MANY_MAX - 250) : 14 + diff_below(8);
		break;
	default:
		s->segs = 1;
		break;
	}
	for (i = 0; i < s->segs; i++)
		s->lens[i] = s->kind == HOLES && diff_chance(2) ? 0 : 1 + diff_below(LEN_MAX);
}

static void
choose_shape(struct shape *s, const struct diff_wish *wish)
{
	const uint32_t kinds = wish->fast_free ? LAST_FAST_FREE + 1 : SHAPES;

	if (!wish->again)
		s->kind = !wish->special ? PLAIN : diff_below(kinds);
	s->pool = wish->pool;
	if (s->kind == EXTERNAL && !choose_external(s))
		s->kind = CLONE;
	s->headroom = choose_headroom();
	s->len = 1 + diff_below(RTE_MIN(LEN_MAX, wish->max_len));
	/* The longest there may be, or one byte more. */
	if (wish->max_len < LEN_MAX && diff_chance(wish->special ? 4 : 100))
		s->len = wish->max_len + diff_below(2);
	if (s->kind == EMPTY)
		s->len = 0;
	if (s->kind == LONG)
		s->len = LEN_MAX;
	choose_lens(s);
}

/* The application keeps a reference to @m, if it can remember another one. */
static void
keep(struct diff_side *side, struct rte_mbuf *m)
{
	if (m == NULL || diff.nb_held == DIFF_MBUFS)
		return;
	rte_mbuf_refcnt_update(m, 1);
	side->held[diff.nb_held] = m;
}

static struct rte_mbuf *
make_clone_pair(struct diff_side *side, const struct shape *s)
{
	struct rte_mbuf *m = unit_mbuf(side->pool[s->pool].mp, RTE_PKTMBUF_HEADROOM, s->len, diff.made);
	struct rte_mbuf *clone;

	if (m == NULL)
		return NULL;
	clone = rte_pktmbuf_clone(m, side->pool[s->pool].mp);
	if (clone != NULL)
		keep(side, m);
	rte_pktmbuf_free(m);
	return clone;
}

/* The second segment is of the other pool. */
static struct rte_mbuf *
make_mixed(struct diff_side *side, const struct shape *s)
{
	struct rte_mbuf *m = unit_mbuf(side->pool[s->pool].mp, s->headroom, s->lens[0], diff.made);
	struct rte_mbuf *tail = unit_mbuf(side->pool[!s->pool].mp, 0, s->lens[1], diff.made);

	if (m == NULL || tail == NULL || rte_pktmbuf_chain(m, tail) != 0) {
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(tail);
		return NULL;
	}
	return m;
}

static struct rte_mbuf *
make_for(struct diff_side *side, const struct shape *s)
{
	struct rte_mempool *mp = side->pool[s->pool].mp;
	struct rte_mbuf *m;

	switch (s->kind) {
	case PLAIN:
	case EMPTY:
	case LONG:
		return unit_mbuf(mp, s->headroom, s->len, diff.made);
	case OTHER_POOL:
		return unit_mbuf(side->pool[!s->pool].mp, s->headroom, s->len, diff.made);
	case CLONE:
		return unit_mbuf_clone(mp, s->len, diff.made);
	case CLONE_PAIR:
		return make_clone_pair(side, s);
	case SHARED:
		m = unit_mbuf(mp, s->headroom, s->len, diff.made);
		keep(side, m);
		return m;
	case SHARED_TAIL:
		m = unit_mbuf_chain(mp, s->lens, s->segs, diff.made);
		keep(side, m != NULL ? m->next : NULL);
		return m;
	case EXTERNAL:
		return unit_mbuf_external(mp, &side->ext[s->ext], s->headroom, s->len, diff.made);
	case MIXED:
		return make_mixed(side, s);
	default:
		return unit_mbuf_chain(mp, s->lens, s->segs, diff.made);
	}
}

bool
diff_tx_make(const struct diff_wish *wish, struct rte_mbuf *m[DIFF_SIDES])
{
	static struct shape shape;

	choose_shape(&shape, wish);
	DIFF_FOREACH_SIDE(s)
		m[s - diff.side] = make_for(s, &shape);
	diff_same("a packet's first mbuf, from the pool",
		  diff_place_of(&diff.side[DIFF_REF], m[DIFF_REF]),
		  diff_place_of(&diff.side[DIFF_SUB], m[DIFF_SUB]));
	if (m[DIFF_REF] == NULL)
		return false;
	if (shape.kind == SHARED || shape.kind == SHARED_TAIL || shape.kind == CLONE_PAIR)
		diff.nb_held += diff.nb_held < DIFF_MBUFS;
	diff.made++;
	return true;
}

void
diff_externals_check(void)
{
	unsigned int i;

	DIFF_FOREACH_SIDE(s)
		for (i = 0; i < DIFF_EXTERNALS; i++)
			if (rte_mbuf_ext_refcnt_read(&s->ext[i].shared) != 0)
				diff_fail("an external buffer has %u references left",
					  rte_mbuf_ext_refcnt_read(&s->ext[i].shared));
	for (i = 0; i < DIFF_EXTERNALS; i++)
		diff_same("times that an external buffer was freed",
			  diff.side[DIFF_REF].ext[i].freed, diff.side[DIFF_SUB].ext[i].freed);
}
