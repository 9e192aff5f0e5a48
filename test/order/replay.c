/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Which of the driver's stores the device may have seen. A store comes before another if it is older
 * and the other one is a release store, stands behind a release fence that it stands before, or goes
 * to the same place. A state of the device's memory is a set of stores that with each store has all
 * that come before it. For each store there is a smallest state that has it and a largest one that
 * has not; between them all pairs are shown of which one can be seen without the other.
 */

#include <string.h>

#include "world.h"

#define WORDS (WORLD_STORES_MAX / 64u)
/* With fewer stores all states are shown. */
#define ALL_STATES_STORES 10u
#define RANDOM_STATES 48u

struct set {
	uint64_t word[WORDS];
};

/* By store: itself and all that come before it. */
static struct set below[WORLD_STORES_MAX];

static struct {
	uint32_t base;
	world_judge_t judge;
	void *arg;
	unsigned int states;
} replay;

static bool
has(const struct set *s, uint32_t i)
{
	return s->word[i / 64] >> i % 64 & 1;
}

static void
add(struct set *s, const struct set *other)
{
	uint32_t w;

	for (w = 0; w <= (world.nb_stores - 1) / 64; w++)
		s->word[w] |= other->word[w];
}

static bool
comes_before(uint32_t a, uint32_t b)
{
	const struct world_store *first = &world.stores[a], *second = &world.stores[b];

	return a < second->floor || world_releases(second->order) ||
	       (first->at != 0 &&
		world_overlap(first->at, first->len, second->at, second->len));
}

static void
find_order(void)
{
	uint32_t a, b;

	for (b = 0; b < world.nb_stores; b++) {
		memset(&below[b], 0, sizeof(below[b]));
		below[b].word[b / 64] = 1ull << b % 64;
		for (a = 0; a < b; a++)
			if (comes_before(a, b))
				add(&below[b], &below[a]);
	}
}

static void
store_to_copy(const struct world_store *s)
{
	if (s->at != 0)
		memcpy(world_copy_of(s->at), world.bytes + s->bytes, s->len);
}

/* Show one state and take it back. */
static void
show(const struct set *set)
{
	const uint32_t kept = world.nb_bytes;
	uint32_t undo[WORLD_STORES_MAX], i, shown = 0;
	struct world_state state = {.probe = world.probe};

	for (i = 0; i < world.nb_stores; i++) {
		const struct world_store *s = &world.stores[i];

		if (!has(set, i))
			continue;
		shown++;
		state.doorbell |= s->at == 0;
		if (s->at != 0)
			undo[i] = world_keep(world_copy_of(s->at), s->len);
		store_to_copy(s);
	}
	state.all = shown == world.nb_stores;
	pd_reset(world.probe);
	pd_violations_clear(world.probe);
	pd_set_base(world.probe, replay.base);
	replay.judge(&state, replay.arg);
	replay.states++;
	for (i = world.nb_stores; i-- > 0;) {
		const struct world_store *s = &world.stores[i];

		if (has(set, i) && s->at != 0)
			memcpy(world_copy_of(s->at), world.bytes + undo[i], s->len);
	}
	world.nb_bytes = kept;
}

/* All that have every store with those before it. */
static void
show_all(void)
{
	uint64_t mask;
	uint32_t i;

	for (mask = 0; mask < 1ull << world.nb_stores; mask++) {
		struct set set = {.word = {mask}};

		for (i = 0; i < world.nb_stores; i++)
			if ((mask >> i & 1) != 0 && (below[i].word[0] & ~mask) != 0)
				break;
		if (i == world.nb_stores)
			show(&set);
	}
}

/* The smallest with store @p i, the largest without it, and the first @p i stores. */
static void
show_around(uint32_t i)
{
	struct set without = {0}, first = {0};
	uint32_t k;

	for (k = 0; k < world.nb_stores; k++) {
		if (!has(&below[k], i))
			without.word[k / 64] |= 1ull << k % 64;
		if (k < i)
			first.word[k / 64] |= 1ull << k % 64;
	}
	show(&below[i]);
	show(&without);
	show(&first);
}

static void
show_random(uint32_t *seed)
{
	struct set set = {0};
	uint32_t i, one_in = 2 + *seed % 3;

	for (i = 0; i < world.nb_stores; i++) {
		*seed = *seed * 1664525u + 1013904223u;
		if ((*seed >> 8) % one_in == 0)
			add(&set, &below[i]);
	}
	show(&set);
}

unsigned int
world_replay(uint32_t base, world_judge_t judge, void *arg)
{
	struct set all = {0};
	uint32_t i, seed = 1;

	if (world.nb_stores == 0)
		return 0;
	replay.base = base;
	replay.judge = judge;
	replay.arg = arg;
	replay.states = 0;
	find_order();
	if (world.nb_stores <= ALL_STATES_STORES) {
		show_all();
		return replay.states;
	}
	for (i = 0; i < world.nb_stores; i++) {
		show_around(i);
		add(&all, &below[i]);
	}
	for (i = 0; i < RANDOM_STATES; i++)
		show_random(&seed);
	show(&all);
	return replay.states;
}

static void
show_for_good(const struct set *set)
{
	uint32_t i;

	for (i = 0; i < world.nb_stores; i++) {
		struct world_store *s = &world.stores[i];

		if (s->shown || (set != NULL && !has(set, i)))
			continue;
		store_to_copy(s);
		s->shown = true;
	}
}

void
world_flush(void)
{
	show_for_good(NULL);
	world_compare();
}

void
world_show_some(void)
{
	const unsigned int how = choose(3);
	struct set set = {0};
	uint32_t i;

	if (world.nb_stores == 0)
		return;
	if (how == 0) {
		show_for_good(NULL);
		return;
	}
	find_order();
	for (i = 0; i < world.nb_stores; i++)
		if (world.stores[i].shown || i < world.full_floor || (how == 2 && i % 2 == 0))
			add(&set, &below[i]);
	show_for_good(&set);
}
