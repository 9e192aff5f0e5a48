/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * What loads of the driver may find. Stores of the device are messages, numbered as they were made.
 * Of those to one place a load shows the first so many: no fewer than an earlier load has shown, and
 * all that are known. Known is what stands before a release store, flags marked used say, of which an
 * acquire load has shown the value.
 */

#include <stdlib.h>
#include <string.h>

#include "world.h"

/* What one load may be cut into; wider loads find the newest beyond that. */
#define PATCHES_MAX 64u
#define PIECE_MAX 16u
#define CANDIDATES_MAX 64u

static struct {
	uintptr_t at;
	uint32_t len;
	uint8_t bytes[PIECE_MAX];
} patches[PATCHES_MAX];
static unsigned int nb_patches;

void
view_put_back(void)
{
	while (nb_patches != 0) {
		nb_patches--;
		memcpy((void *)patches[nb_patches].at, patches[nb_patches].bytes,
		       patches[nb_patches].len);
	}
}

/* Take message @p m out of @p len bytes at @p at. */
static void
take_out(const struct world_message *m, uintptr_t at, uint32_t len)
{
	const uintptr_t from = at > m->at ? at : m->at;
	const uintptr_t end = at + len < m->at + m->len ? at + len : m->at + m->len;

	memcpy((void *)from, world.bytes + m->old + (from - m->at), end - from);
}

/* The load has shown message number @p i. */
static void
saw(uint32_t i, int order)
{
	struct world_message *m = &world.messages[i];

	m->seen = true;
	if (!m->release && !world.x86)
		return;
	if (world.pending < i + 1)
		world.pending = i + 1;
	if (world_acquires(order) && world.known < i + 1)
		world.known = i + 1;
}

static void
load_piece(uintptr_t at, uint32_t len, int order)
{
	uint32_t open[CANDIDATES_MAX], n = 0, i, shown;
	int64_t last = -1;

	for (i = 0; i < world.nb_messages; i++) {
		const struct world_message *m = &world.messages[i];

		if (!world_overlap(m->at, m->len, at, len))
			continue;
		if (i < world.known || m->seen) {
			last = i;
			n = 0;
		} else if (n < CANDIDATES_MAX) {
			open[n++] = i;
		}
	}
	shown = n - (world.calm || nb_patches == PATCHES_MAX ? 0 : choose(n + 1));
	if (shown < n) {
		patches[nb_patches].at = at;
		patches[nb_patches].len = len;
		memcpy(patches[nb_patches].bytes, (void *)at, len);
		nb_patches++;
		for (i = n; i-- > shown;)
			take_out(&world.messages[open[i]], at, len);
	}
	if (shown != 0)
		last = open[shown - 1];
	if (last >= 0)
		saw(last, order);
}

void
view_load(uintptr_t at, uint32_t len, int order)
{
	/* What no processor promises to read at once is not; a double word always is. */
	const uint32_t unit = !world.x86 ? PIECE_MAX / 2 : len > PIECE_MAX ? 4 : PIECE_MAX;

	if (at >= world.desc && at < world.desc_end && at + len > world.desc_end)
		world_fail("L-08", "slot %u: a load of %u bytes goes beyond the ring",
			   (unsigned int)((at - world.desc) / PD_DESC_BYTES), len);
	while (len != 0) {
		uint32_t piece = unit - at % unit;

		piece = len < piece ? len : piece;
		load_piece(at, piece, order);
		at += piece;
		len -= piece;
	}
}

void
view_fence(int order)
{
	if (world_acquires(order) && world.known < world.pending)
		world.known = world.pending;
	/* Of two full fences one is the first: what stands before the device's is seen. */
	if (order == __ATOMIC_SEQ_CST && world.known < world.fenced)
		world.known = world.fenced;
}

void
view_compiler_fence(int order)
{
	if (world.x86 && world_acquires(order) && world.known < world.pending)
		world.known = world.pending;
}

static void
add_access(uintptr_t at, uint32_t len)
{
	if (world.nb_accesses == WORLD_MESSAGES_MAX)
		abort();
	world.accesses[world.nb_accesses++] =
		(struct world_access){.at = at, .len = len, .time = world.nb_messages};
}

void
view_access(uintptr_t at, uint32_t len)
{
	uint32_t i;

	for (i = world.nb_accesses; i-- > 0;) {
		struct world_access *a = &world.accesses[i];

		if (a->at == at && a->len == len) {
			a->time = world.nb_messages;
			return;
		}
	}
	add_access(at, len);
}

void
view_message(uintptr_t at, uint32_t len, int order)
{
	struct world_message *m = &world.messages[world.nb_messages];

	if (world.nb_messages == WORLD_MESSAGES_MAX)
		abort();
	*m = (struct world_message){
		.at = at,
		.len = len,
		.old = world_keep((void *)at, len),
		.release = world_releases(order),
	};
	memcpy((void *)at, world_copy_of(at), len);
	/* The store itself is part of what has to be known. */
	add_access(at, len);
	world.nb_messages++;
}

void
view_check_store(uintptr_t at, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < world.nb_accesses; i++) {
		const struct world_access *a = &world.accesses[i];

		if (a->time < world.known || !world_overlap(a->at, a->len, at, len))
			continue;
		if (at >= world.desc && at < world.desc_end)
			world_fail("L-06", "slot %u is rewritten, and nothing orders that after the "
				   "device's use of it",
				   (unsigned int)((at - world.desc) / PD_DESC_BYTES));
		else
			world_fail("L-06", "%u bytes of a buffer or table are rewritten, and nothing "
				   "orders that after the device's use of it", len);
	}
}

void
view_trim(void)
{
	uint32_t i, n = 0;

	if (world.known < world.nb_messages)
		return;
	for (i = 0; i < world.nb_accesses; i++)
		if (world.accesses[i].time >= world.known) {
			world.accesses[n] = world.accesses[i];
			world.accesses[n++].time = 0;
		}
	world.nb_accesses = n;
	world.nb_messages = 0;
	world.known = 0;
	world.pending = 0;
	world.fenced = 0;
	for (i = 0; i < world.nb_stores; i++)
		if (!world.stores[i].shown)
			return;
	world.nb_stores = 0;
	world.nb_bytes = 0;
}
