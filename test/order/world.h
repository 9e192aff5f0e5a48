/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_WORLD_H
#define ORDER_WORLD_H

/**
 * @file
 * A driver and a device that do not see the same memory at the same time.
 *
 * The device has a copy of all memory that is shared. What the driver stores goes to a log (replay.c)
 * and reaches the copy when the test lets it: in any order that the driver's release stores and
 * fences leave open, and that keeps the order of stores to one place. What the device stores reaches
 * the driver's memory at once, but a load of the driver (view.c) may still find what was there before,
 * unless an acquire load or a fence has ruled it out. Which of the values that are permitted a load
 * finds is for choose() to say.
 *
 * Stores that the driver has not the right to do yet are found by themselves: what the device read or
 * wrote last, before it gave a buffer back, has to be ordered before the store by an acquire (L-06).
 *
 * The kernels for x86 lean on x86, where loads happen in their order unless the compiler changes it,
 * and 16 aligned bytes are read at once, but of wider loads only each 4: with world.x86 the compiler's
 * fences order loads. Stores are held to the rules that hold everywhere.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "choose.h"
#include "packed_device.h"
#include "watch.h"

#define WORLD_STORES_MAX 1024u
#define WORLD_MESSAGES_MAX 8192u
#define WORLD_BYTES_MAX (1u << 20)

/** A store of the driver that the device may not have seen yet; bytes are those stored. */
struct world_store {
	uintptr_t at; /**< 0: a notification */
	uint32_t len;
	int order;
	uint32_t floor; /**< stores with a lower number come before, by a fence */
	uint32_t bytes; /**< where in world.bytes */
	bool shown;     /**< in the device's copy */
};

/** A store of the device. */
struct world_message {
	uintptr_t at;
	uint32_t len;
	uint32_t old; /**< where in world.bytes: what was there before */
	bool release;
	bool seen;    /**< by a load of the driver */
};

/** Memory that the device has read or written when it had sent @p time messages. */
struct world_access {
	uintptr_t at;
	uint32_t len;
	uint32_t time;
};

enum world_side { WORLD_DRIVER, WORLD_DEVICE, WORLD_NOBODY };

struct world {
	struct pd_vq *dev;   /**< the device, on its copy */
	struct pd_vq *probe; /**< another one, to look at states that only might be */
	enum world_side side;
	bool x86;
	bool calm;           /**< loads find the newest value */
	bool open;

	struct world_store stores[WORLD_STORES_MAX];
	uint32_t nb_stores;
	uint32_t floor;      /**< stores before the last release fence */
	uint32_t full_floor; /**< stores before the last full fence */

	struct world_message messages[WORLD_MESSAGES_MAX];
	uint32_t nb_messages;
	uint32_t known;      /**< messages that every load from now on has to show */
	uint32_t pending;    /**< as known, once there is an acquire fence */
	uint32_t fenced;     /**< messages before the device's last full fence */
	struct world_access accesses[WORLD_MESSAGES_MAX];
	uint32_t nb_accesses;

	uint8_t bytes[WORLD_BYTES_MAX];
	uint32_t nb_bytes;

	uintptr_t desc, desc_end; /**< the driver's ring */
	uintptr_t device_event;

	/** The device's part in the middle of the driver's: what, and at which of the events. */
	void (*act)(void);
	uint32_t act_at;
	uint32_t events;     /**< loads of shared memory, fences and notifications since world_begin() */
	uint32_t doorbells;  /**< since world_begin() */
	uint32_t asked;      /**< loads of the device event, any part of it, since world_begin() */
	char failure[512];   /**< the first one, "" for none */
};

extern struct world world;

/* ---- making it (world.c) ---------------------------------------------------------------------- */

/** Begin anew; frees what a failed test left behind. */
void
world_clear(void);

/** Memory that is copied. */
void
world_add_memory(const void *start, size_t len);

/** The parts of it that are shared with the device; no store elsewhere matters. */
void
world_add_window(const void *start, size_t len);

/** Make device and probe: @p cfg with the driver's pointers. Everything so far has been seen. */
void
world_open(const struct pd_config *cfg, bool x86);

/** Note the first failure; @p id is the litmus case. */
void
world_fail(const char *id, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Fail the test if something was noted. */
void
world_check(void);

/* ---- turns (world.c) -------------------------------------------------------------------------- */

/** The driver's turn: its stores are noted from now on. Everything before must have been shown. */
void
world_begin(void);

/** The test stored something as the application would, on the driver's processor. */
void
world_wrote(const void *at, size_t len);

/** Nobody's turn. */
void
world_end(void);

/** The device's turn; it sees what has been shown. Ends with world_end(). */
void
world_device(void);

/** The driver's address of something in the device's copy and the other way round; NULL outside. */
void *
world_copy_of(uintptr_t at);
uintptr_t
world_origin(const void *copy);

/** Whether memory is shared. */
bool
world_in_window(uintptr_t at);

/** All shared memory is to be as the device's copy has it. */
void
world_compare(void);

/* ---- what the device sees (replay.c) ---------------------------------------------------------- */

/** What the device might see, while it might be some way or other. */
struct world_state {
	struct pd_vq *probe; /**< at the position of world_begin(), nothing fetched */
	bool doorbell;       /**< the notification has arrived */
	bool all;            /**< everything has */
};

/** Fetch with state->probe and say what is wrong, with world_fail(). */
typedef void (*world_judge_t)(const struct world_state *state, void *arg);

/**
 * Show the device every state that the stores since world_begin() permit: all of them if they are few,
 * else for each two stores of which the second may be seen without the first a state like that, all
 * stages in program order, and random ones. Afterwards nothing is shown.
 *
 * @return
 *   States.
 */
unsigned int
world_replay(uint32_t base, world_judge_t judge, void *arg);

/** Show everything; the copy is to be the same as memory then, so no store was missed. */
void
world_flush(void);

/** Show what full fences guarantee to have been seen and as much more as choose() likes. */
void
world_show_some(void);

/* ---- what the driver sees (view.c) ------------------------------------------------------------ */

void
view_load(uintptr_t at, uint32_t len, int order);
void
view_fence(int order);
void
view_compiler_fence(int order);

/** Put back what a load was to find otherwise. */
void
view_put_back(void);

/** The device stored @p len bytes to its copy of @p at. */
void
view_message(uintptr_t at, uint32_t len, int order);

/** The device read. */
void
view_access(uintptr_t at, uint32_t len);

/** The driver stored: had it the right to? */
void
view_check_store(uintptr_t at, uint32_t len);

/** Forget what everybody knows. */
void
view_trim(void);

static inline bool
world_acquires(int order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_CONSUME ||
	       order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static inline bool
world_releases(int order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static inline bool
world_overlap(uintptr_t a, uint32_t a_len, uintptr_t b, uint32_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

/** Keep bytes. @return where in world.bytes. */
uint32_t
world_keep(const void *from, uint32_t len);

#endif /* ORDER_WORLD_H */
