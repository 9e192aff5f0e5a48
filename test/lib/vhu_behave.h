/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef VHU_BEHAVE_H
#define VHU_BEHAVE_H

/**
 * @file
 * How the backend's thread behaves towards rings and packets: when and in what order it uses
 * buffers, which notifications it asks for, what it generates, and the lies of part E of the
 * checklist. Part of vhu_backend.h, which has the rules for threads.
 */

#include <stdbool.h>
#include <stdint.h>

struct vhu_backend;

/** In which order buffers are marked used; with IN_ORDER all but VHU_BATCH mean VHU_FIFO. */
enum vhu_completion {
	VHU_FIFO,
	VHU_REVERSE, /**< transmit: the youngest fetched first; receive: filled youngest first */
	VHU_SHUFFLE, /**< by a seeded generator */
	VHU_BATCH,   /**< with IN_ORDER: one used descriptor for several buffers */
};

/** Which notifications the driver is asked for while there is nothing to do. */
enum vhu_events {
	VHU_EVENTS_AUTO,   /**< VHU_EVENTS_DESC with EVENT_IDX, VHU_EVENTS_ENABLE without */
	VHU_EVENTS_POLL,   /**< none: the backend looks by itself, every millisecond when idle */
	VHU_EVENTS_ENABLE, /**< all */
	VHU_EVENTS_DESC,   /**< at the next descriptor; as VHU_EVENTS_ENABLE without EVENT_IDX */
};

/** The honest part; all zero is the simplest device. */
struct vhu_behave {
	enum vhu_completion completion;
	uint32_t batch; /**< VHU_BATCH: buffers of a used descriptor, 0 for all that there are */
	uint32_t delay; /**< transmitted buffers kept back, the youngest; at most half the ring */
	uint32_t seed;  /**< VHU_SHUFFLE */
	enum vhu_events events;
};

/** In place of the value to lie with: the one that the row names first. */
#define VHU_LIE_DEFAULT UINT32_MAX

/** VHU_GENERATE: numbered packets on every receive queue, of which every one is to come back. */
struct vhu_generator {
	uint32_t min_len, max_len; /**< bytes, at least VHU_GENERATE_MIN */
	uint32_t window;           /**< packets of a pair on the way at most */
	uint64_t limit;            /**< packets of a pair in all; 0 for no end */
	/** The device is to lie: packets that come back damaged or twice are no breach. */
	bool tolerant;
};

#define VHU_GENERATE_MIN 60u

/** What has become of the generated packets of a pair. */
struct vhu_generated {
	uint64_t sent;
	uint64_t returned; /**< in order and whole */
	uint64_t lost;     /**< passed by a younger one, or away for too long */
	uint64_t again;    /**< back twice, or after being written off */
	uint64_t damaged;
};

/** Counters of a pair; 0 or -EINVAL. */
int
vhu_backend_generated(struct vhu_backend *b, uint32_t pair, struct vhu_generated *g);

/** Change behaviour and generator at run time; NULL leaves it as it is. */
void
vhu_backend_behave(struct vhu_backend *b, const struct vhu_behave *how,
		   const struct vhu_generator *gen);

/**
 * Tell a lie once, as soon as the virtqueue has moved @p after packets from now on.
 *
 * @param name
 *   A row of part E that concerns rings and packets, "hd-04"; vhu_lie_name() has all.
 * @param vring
 *   Virtqueue: 2i receive, 2i+1 transmit.
 * @param arg
 *   The value to lie with, or VHU_LIE_DEFAULT.
 * @return
 *   0, -EINVAL for a name that is unknown or means nothing in that direction, -ENOSPC.
 */
int
vhu_backend_lie(struct vhu_backend *b, const char *name, uint32_t vring, uint64_t after,
		uint32_t arg);

/** Name of lie @p i, NULL beyond the last. */
const char *
vhu_lie_name(uint32_t i);

/** Lies told since creation. */
uint64_t
vhu_backend_lies_told(struct vhu_backend *b);

/** Lies ordered and not told yet. */
uint32_t
vhu_backend_lies_left(struct vhu_backend *b);

/** Slots that the driver has made available on a virtqueue and the backend has not looked at. */
uint32_t
vhu_backend_waiting(struct vhu_backend *b, uint32_t vring);

/** Ask the driver to reset the device: NEEDS_RESET in the status (HD-26). */
void
vhu_backend_needs_reset(struct vhu_backend *b);

#endif /* VHU_BEHAVE_H */
