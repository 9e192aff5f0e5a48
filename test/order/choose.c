/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdint.h>

#include "choose.h"

/* Choices of a run that are remembered; those beyond are not varied in order. */
#define CHOICES_MAX 4096u

static struct {
	bool on;
	bool random;
	unsigned int runs;
	unsigned int runs_max;
	unsigned int depth; /* choices made in this run */
	unsigned int len;   /* choices made in the last one */
	uint32_t state;
	struct {
		unsigned int pick;
		unsigned int of;
	} at[CHOICES_MAX];
} chosen;

void
choose_start(unsigned int runs)
{
	chosen.on = true;
	chosen.random = false;
	chosen.runs = 0;
	chosen.runs_max = runs;
	chosen.depth = 0;
	chosen.len = 0;
	chosen.state = 1;
}

/* The next combination; after the last one the first again. */
static void
advance(void)
{
	chosen.len = chosen.depth < CHOICES_MAX ? chosen.depth : CHOICES_MAX;
	while (chosen.len != 0) {
		if (++chosen.at[chosen.len - 1].pick < chosen.at[chosen.len - 1].of)
			break;
		chosen.len--;
	}
}

bool
choose_more(void)
{
	if (chosen.runs != 0 && !chosen.random)
		advance();
	if (chosen.runs == chosen.runs_max)
		chosen.on = false;
	if (!chosen.random && chosen.runs >= chosen.runs_max / 2)
		chosen.random = true;
	chosen.depth = 0;
	chosen.runs += chosen.on;
	return chosen.on;
}

static uint32_t
next_random(void)
{
	chosen.state = chosen.state * 1664525u + 1013904223u;
	return chosen.state >> 8;
}

unsigned int
choose(unsigned int n)
{
	unsigned int i = chosen.depth;

	if (n < 2 || !chosen.on)
		return 0;
	chosen.depth++;
	if (chosen.random) {
		/* Every fourth run as late as can be, and every fourth mostly as it is written. */
		if (chosen.runs % 4 == 0)
			return n - 1;
		if (chosen.runs % 4 == 1 && next_random() % 8 != 0)
			return 0;
		return next_random() % n;
	}
	if (i >= CHOICES_MAX)
		return 0;
	if (i >= chosen.len)
		chosen.at[i].pick = 0;
	chosen.at[i].of = n;
	return chosen.at[i].pick < n ? chosen.at[i].pick : n - 1;
}

void
choose_stop(void)
{
	chosen.on = false;
}

unsigned int
choose_runs(void)
{
	return chosen.runs;
}
