/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define MEMORIES_MAX 16u
#define WINDOWS_MAX 4096u
/* Copies are aligned as the memory itself is. */
#define ALIGN 64u

struct world world;

static struct {
	uintptr_t start;
	size_t len;
	uint8_t *alloc;
	uint8_t *copy;
} memories[MEMORIES_MAX];
static unsigned int nb_memories;

static struct {
	uintptr_t start;
	uintptr_t end;
} windows[WINDOWS_MAX];
static unsigned int nb_windows;

static const struct watch_machine machine;

void
world_clear(void)
{
	watch_by(NULL);
	choose_stop();
	pd_destroy(world.dev);
	pd_destroy(world.probe);
	while (nb_memories != 0)
		free(memories[--nb_memories].alloc);
	nb_windows = 0;
	memset(&world, 0, sizeof(world));
	world.side = WORLD_NOBODY;
}

void
world_add_memory(const void *start, size_t len)
{
	const size_t shift = (uintptr_t)start % ALIGN;

	assert_true(nb_memories < MEMORIES_MAX);
	memories[nb_memories].start = (uintptr_t)start;
	memories[nb_memories].len = len;
	memories[nb_memories].alloc = aligned_alloc(ALIGN, (shift + len + ALIGN) / ALIGN * ALIGN);
	assert_non_null(memories[nb_memories].alloc);
	memories[nb_memories].copy = memories[nb_memories].alloc + shift;
	nb_memories++;
}

void
world_add_window(const void *start, size_t len)
{
	unsigned int i = nb_windows++;

	assert_true(i < WINDOWS_MAX);
	while (i > 0 && windows[i - 1].start > (uintptr_t)start) {
		windows[i] = windows[i - 1];
		i--;
	}
	windows[i].start = (uintptr_t)start;
	windows[i].end = (uintptr_t)start + len;
}

bool
world_in_window(uintptr_t at)
{
	unsigned int low = 0, high = nb_windows;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (windows[mid].end <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < nb_windows && windows[low].start <= at;
}

void *
world_copy_of(uintptr_t at)
{
	unsigned int i;

	for (i = 0; i < nb_memories; i++)
		if (at - memories[i].start < memories[i].len)
			return memories[i].copy + (at - memories[i].start);
	return NULL;
}

uintptr_t
world_origin(const void *copy)
{
	unsigned int i;

	for (i = 0; i < nb_memories; i++)
		if ((uintptr_t)copy - (uintptr_t)memories[i].copy < memories[i].len)
			return memories[i].start + ((uintptr_t)copy - (uintptr_t)memories[i].copy);
	return 0;
}

void
world_compare(void)
{
	unsigned int i;
	uintptr_t at;

	for (i = 0; i < nb_windows; i++) {
		const uint8_t *copy = world_copy_of(windows[i].start);
		const size_t len = windows[i].end - windows[i].start;

		if (memcmp((void *)windows[i].start, copy, len) == 0)
			continue;
		for (at = windows[i].start; *(uint8_t *)at == *copy; at++, copy++)
			;
		world_fail("log", "byte %zu of window %u (%zu bytes) was stored without being seen",
			   (size_t)(at - windows[i].start), i, len);
		return;
	}
}

/* Addresses that the driver gives out must be in a window, from end to end. */
static void *
translate(void *arg, uint64_t addr, uint32_t *len, enum pd_access access)
{
	(void)arg;
	(void)access;
	if (!world_in_window(addr) || !world_in_window(addr + *len - 1))
		return NULL;
	return world_copy_of(addr);
}

void
world_open(const struct pd_config *cfg, bool x86)
{
	struct pd_config copy = *cfg;
	unsigned int i;

	for (i = 0; i < nb_memories; i++)
		memcpy(memories[i].copy, (void *)memories[i].start, memories[i].len);
	world.desc = (uintptr_t)cfg->desc;
	world.desc_end = world.desc + (uintptr_t)cfg->size * PD_DESC_BYTES;
	world.device_event = (uintptr_t)cfg->device_event;
	copy.desc = world_copy_of((uintptr_t)cfg->desc);
	copy.driver_event = world_copy_of((uintptr_t)cfg->driver_event);
	copy.device_event = world_copy_of((uintptr_t)cfg->device_event);
	copy.translate = translate;
	world.dev = pd_create(&copy);
	world.probe = pd_create(&copy);
	assert_non_null(world.dev);
	assert_non_null(world.probe);
	world.x86 = x86;
	world.open = true;
}

void
world_fail(const char *id, const char *fmt, ...)
{
	va_list args;
	int n;

	if (world.failure[0] != '\0')
		return;
	n = snprintf(world.failure, sizeof(world.failure), "%s: ", id);
	va_start(args, fmt);
	vsnprintf(world.failure + n, sizeof(world.failure) - n, fmt, args);
	va_end(args);
}

void
world_check(void)
{
	if (world.failure[0] != '\0')
		fail_msg("%s", world.failure);
	if (world.dev != NULL)
		assert_string_equal(pd_violations_text(world.dev), "");
}

uint32_t
world_keep(const void *from, uint32_t len)
{
	const uint32_t at = world.nb_bytes;

	if (at + len > WORLD_BYTES_MAX)
		abort();
	memcpy(world.bytes + at, from, len);
	world.nb_bytes += len;
	return at;
}

/* ---- turns ------------------------------------------------------------------------------------ */

void
world_begin(void)
{
	unsigned int i;

	view_trim();
	for (i = 0; i < world.nb_stores; i++)
		assert_true(world.stores[i].shown);
	world.nb_stores = 0;
	world.floor = 0;
	world.full_floor = 0;
	world.events = 0;
	world.doorbells = 0;
	world.asked = 0;
	world.side = WORLD_DRIVER;
	watch_by(&machine);
}

void
world_end(void)
{
	watch_by(NULL);
	view_put_back();
	world.side = WORLD_NOBODY;
}

void
world_device(void)
{
	view_trim();
	world.side = WORLD_DEVICE;
	watch_by(&machine);
}

static void
note_store(uintptr_t at, uint32_t len, int order)
{
	struct world_store *s = &world.stores[world.nb_stores];

	if (world.nb_stores == WORLD_STORES_MAX)
		abort();
	*s = (struct world_store){
		.at = at,
		.len = len,
		.order = order,
		.floor = world.floor,
		.bytes = at != 0 ? world_keep((void *)at, len) : 0,
	};
	world.nb_stores++;
}

void
world_wrote(const void *at, size_t len)
{
	watch_settle();
	if (len == 0)
		return;
	view_check_store((uintptr_t)at, len);
	note_store((uintptr_t)at, len, WATCH_PLAIN);
}

/* ---- the machine ------------------------------------------------------------------------------ */

/* In the middle of the driver's part the device has its turn. */
static void
event(void)
{
	const uint32_t now = world.events++;

	if (world.act == NULL || now != world.act_at)
		return;
	world_show_some();
	world.side = WORLD_DEVICE;
	world.act();
	watch_settle();
	world.side = WORLD_DRIVER;
}

static void
on_load(void *at, uint32_t size, int order)
{
	uintptr_t origin;

	view_put_back();
	if (world.side == WORLD_DRIVER && world_in_window((uintptr_t)at)) {
		event();
		world.asked += world_overlap((uintptr_t)at, size, world.device_event, PD_EVENT_BYTES);
		view_load((uintptr_t)at, size, order);
	} else if (world.side == WORLD_DEVICE && !world_acquires(order)) {
		origin = world_origin(at);
		if (origin != 0 && world_in_window(origin))
			view_access(origin, size);
	}
}

static void
on_update(void *at, uint32_t size, int order)
{
	(void)order;
	view_put_back();
	if (world.side == WORLD_DRIVER && world_in_window((uintptr_t)at))
		world_fail("L-01", "%u bytes of shared memory are read and written at once", size);
}

static void
on_store(void *at, uint32_t size, int order)
{
	uintptr_t origin;

	view_put_back();
	if (world.side == WORLD_DRIVER && world_in_window((uintptr_t)at)) {
		view_check_store((uintptr_t)at, size);
		note_store((uintptr_t)at, size, order);
	} else if (world.side == WORLD_DEVICE) {
		origin = world_origin(at);
		if (origin != 0 && world_in_window(origin))
			view_message(origin, size, order);
	}
}

static void
on_fence(int order)
{
	view_put_back();
	if (world.side == WORLD_DRIVER) {
		event();
		if (world_releases(order))
			world.floor = world.nb_stores;
		if (order == __ATOMIC_SEQ_CST)
			world.full_floor = world.nb_stores;
		view_fence(order);
	} else if (order == __ATOMIC_SEQ_CST) {
		world.fenced = world.nb_messages;
	}
}

static void
on_compiler_fence(int order)
{
	view_put_back();
	if (world.side == WORLD_DRIVER)
		view_compiler_fence(order);
}

static void
on_doorbell(void)
{
	view_put_back();
	event();
	world.doorbells++;
	note_store(0, 0, WATCH_PLAIN);
}

static void
on_nothing(void)
{
	view_put_back();
}

static const struct watch_machine machine = {
	.load = on_load,
	.update = on_update,
	.store = on_store,
	.fence = on_fence,
	.compiler_fence = on_compiler_fence,
	.doorbell = on_doorbell,
	.membarrier = on_nothing,
	.yield = on_nothing,
};
