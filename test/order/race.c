/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdlib.h>
#include <string.h>

#include "race.h"

/* Memory is told apart in units of this many bytes. */
#define UNIT 2u
#define UNITS_MAX 16384u

/** Times of the last accesses to a unit, by thread. */
struct unit {
	uint32_t load[2], store[2];
	uint32_t atomic_load[2], atomic_store[2];
};

static struct unit units[UNITS_MAX];

static struct {
	uintptr_t start;
	size_t len;
} watched;

void
race_watch(const void *start, size_t len)
{
	if (len / UNIT >= UNITS_MAX)
		abort();
	watched.start = (uintptr_t)start;
	watched.len = len;
}

void
race_start(void)
{
	memset(units, 0, sizeof(units[0]) * (watched.len / UNIT + 1));
}

bool
race_access(uintptr_t at, int thread, uint32_t now, uint32_t known, bool store, bool atomic)
{
	const int other = !thread;
	struct unit *u;
	bool race;

	if (at - watched.start >= watched.len)
		return true;
	u = &units[(at - watched.start) / UNIT];
	race = u->store[other] > known || (store && u->load[other] > known);
	if (!atomic)
		race |= u->atomic_store[other] > known || (store && u->atomic_load[other] > known);
	if (atomic)
		*(store ? &u->atomic_store[thread] : &u->atomic_load[thread]) = now;
	else
		*(store ? &u->store[thread] : &u->load[thread]) = now;
	return !race;
}
