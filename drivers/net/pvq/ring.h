/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_RING_H
#define PVQ_RING_H

/**
 * @file
 * The driver's side of one packed virtqueue (specification 1.4, Packed Virtqueues). Knows slots,
 * wrap counters and notifications; knows nothing of packets.
 *
 * Every function here is called by the one lcore that owns the ring, or by the control path while
 * that lcore is kept out (gate.h).
 *
 * Where there is an argument @p platform, it is ring->platform, as a constant on the data path: with
 * VIRTIO_F_ORDER_PLATFORM the device need not see memory as another processor would, and barriers
 * are those for devices (PR-36; specification 1.4, Reserved Feature Bits).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_atomic.h>
#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "virtio_spec.h"

/** The bits that tell the state of a slot; toggled together when a lap ends. */
#define PVQ_LAP_FLAGS (VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED)

struct pvq_ring {
	struct virtq_desc *desc;
	struct virtq_event *driver_event;
	struct virtq_event *device_event;
	uint16_t size;
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t nb_free;     /**< slots that belong to the driver */
	uint16_t avail_flags; /**< what makes a slot at next_avail available: AVAIL or USED */
	uint16_t used_flags;  /**< what a used slot at next_used shows: both bits, or none */
	bool event_idx;       /**< VIRTIO_F_EVENT_IDX negotiated */
	bool platform;        /**< VIRTIO_F_ORDER_PLATFORM negotiated */
	uint32_t event_seen;  /**< the device's event structure at the last look */
};

/** A place in the ring while a burst is being written: the slot and its lap's flags. */
struct pvq_cursor {
	uint16_t slot;
	uint16_t flags;
};

/** Bytes of memory for a ring of @p size slots with both event structures, each on its own line. */
size_t
pvq_ring_bytes(uint16_t size);

/**
 * Lay a ring out in @p mem and put it into the state after device reset: memory zero, indices 0,
 * wrap counters 1, used-buffer notifications disabled.
 *
 * @param mem
 *   pvq_ring_bytes(size) bytes, cache-line aligned (the specification asks for 16).
 * @param size
 *   Slots, 1 to 32768, any number.
 * @param event_idx, platform
 *   Whether VIRTIO_F_EVENT_IDX and VIRTIO_F_ORDER_PLATFORM were negotiated.
 */
void
pvq_ring_init(struct pvq_ring *ring, void *mem, uint16_t size, bool event_idx, bool platform);

/**
 * Forget what is in the ring without touching its memory, which the device may still use: nothing is
 * outstanding for the driver. Before the next use comes pvq_ring_init().
 */
void
pvq_ring_forget(struct pvq_ring *ring);

/**
 * Ask the device to notify when the slot at next_used is used, and tell whether that is too late.
 *
 * Specification: Driver and Device Event Suppression; Receiving Used Buffers From The Device.
 *
 * @return
 *   true when the slot is used already: no notification may come, so the caller must look itself.
 */
bool
pvq_ring_enable_notify(struct pvq_ring *ring);

/** Ask the device not to notify. Advice only: a notification may still arrive. */
void
pvq_ring_disable_notify(struct pvq_ring *ring);

/** Store what lets the device see all that was stored before. */
static __rte_always_inline void
pvq_ring_store_last(rte_le16_t *to, uint16_t value, const bool platform)
{
	if (platform)
		rte_io_wmb();
	__atomic_store_n(to, rte_cpu_to_le_16(value),
			 platform ? __ATOMIC_RELAXED : __ATOMIC_RELEASE);
}

/** What keeps a store before a load, as no other barrier does. */
static __rte_always_inline void
pvq_ring_full_barrier(const bool platform)
{
	if (platform)
		rte_mb();
	else
		rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/** Where the next buffer is made available. */
static inline struct pvq_cursor
pvq_ring_cursor(const struct pvq_ring *ring)
{
	return (struct pvq_cursor){.slot = ring->next_avail, .flags = ring->avail_flags};
}

static inline void
pvq_cursor_next(const struct pvq_ring *ring, struct pvq_cursor *at)
{
	if (unlikely(++at->slot >= ring->size)) {
		at->slot = 0;
		at->flags ^= PVQ_LAP_FLAGS;
	}
}

/** As pvq_cursor_next(), @p n times, not beyond the ring's end. */
static inline void
pvq_cursor_add(const struct pvq_ring *ring, struct pvq_cursor *at, uint16_t n)
{
	at->slot += n;
	if (unlikely(at->slot >= ring->size)) {
		at->slot = 0;
		at->flags ^= PVQ_LAP_FLAGS;
	}
}

/** @p slot moved @p n places on, n not above the ring's size. */
static inline uint16_t
pvq_ring_slot_add(const struct pvq_ring *ring, uint16_t slot, uint16_t n)
{
	uint32_t sum = (uint32_t)slot + n;

	return sum >= ring->size ? sum - ring->size : sum;
}

/** How far @p slot lies ahead of next_used, 0 to size - 1. Both must be below size. */
static inline uint16_t
pvq_ring_ahead(const struct pvq_ring *ring, uint16_t slot)
{
	return slot >= ring->next_used ? slot - ring->next_used :
					 slot + ring->size - ring->next_used;
}

/**
 * Write a slot's body and, unless it is the head of the burst, its flags. The head's flags come
 * with pvq_ring_publish(); until then the device cannot get past that slot, so the order of these
 * stores among themselves is free.
 */
static inline void
pvq_ring_write(struct pvq_ring *ring, uint16_t slot, uint64_t addr, uint32_t len, uint16_t id)
{
	struct virtq_desc *d = &ring->desc[slot];

	d->addr = rte_cpu_to_le_64(addr);
	d->len = rte_cpu_to_le_32(len);
	d->id = rte_cpu_to_le_16(id);
}

/**
 * Make everything written since the last call available at once.
 *
 * Owns the release ordering that PR-09 asks for: all slots written before, flags of the later
 * ones included, are visible to a device that sees the head's flags.
 *
 * @param head_flags
 *   Flags of the slot at next_avail, lap flags included.
 * @param end
 *   The place after the last slot written.
 * @param n
 *   Slots written, at least 1.
 */
static __rte_always_inline void
pvq_ring_publish(struct pvq_ring *ring, uint16_t head_flags, struct pvq_cursor end, uint16_t n,
		 const bool platform)
{
	pvq_ring_store_last(&ring->desc[ring->next_avail].flags, head_flags, platform);
	ring->next_avail = end.slot;
	ring->avail_flags = end.flags;
	ring->nb_free -= n;
}

/**
 * Read the flags of the slot at next_used, once.
 *
 * Owns the acquire ordering that PR-17 asks for: id, length and data are read after it.
 */
static __rte_always_inline uint16_t
pvq_ring_used_load(const struct pvq_ring *ring, uint16_t slot, const bool platform)
{
	const rte_le16_t flags = __atomic_load_n(&ring->desc[slot].flags,
						 platform ? __ATOMIC_RELAXED : __ATOMIC_ACQUIRE);

	if (platform)
		rte_io_rmb();
	return rte_le_to_cpu_16(flags);
}

/** Whether @p flags, read at next_used, show a used slot of lap @p used_flags (PR-16). */
static inline bool
pvq_flags_used(uint16_t flags, uint16_t used_flags)
{
	return (flags & PVQ_LAP_FLAGS) == used_flags;
}

/** Take @p n slots back from the device, n not above the ring's size. */
static inline void
pvq_ring_take(struct pvq_ring *ring, uint16_t n)
{
	uint32_t next = (uint32_t)ring->next_used + n;

	if (next >= ring->size) {
		next -= ring->size;
		ring->used_flags ^= PVQ_LAP_FLAGS;
	}
	ring->next_used = next;
	ring->nb_free += n;
}

/** The decision behind pvq_ring_must_notify() for one value of the device's event structure. */
static inline bool
pvq_event_wants(const struct pvq_ring *ring, struct pvq_cursor from, uint16_t n,
		struct virtq_event event)
{
	uint16_t off_wrap = rte_le_to_cpu_16(event.off_wrap);
	uint16_t off = off_wrap & (uint16_t)~(1u << VIRTQ_EVENT_WRAP_SHIFT);
	uint32_t distance;
	bool from_wrap, off_lap;

	switch (rte_le_to_cpu_16(event.flags) & VIRTQ_EVENT_F_MASK) {
	case VIRTQ_EVENT_F_DISABLE:
		return false;
	case VIRTQ_EVENT_F_DESC:
		break;
	default:
		return true;
	}
	/*
	 * A device that breaks the rules is notified: too often is allowed, too seldom hangs. Nor
	 * does one lap's distance tell when more slots than the ring has were published.
	 */
	if (unlikely(!ring->event_idx || off >= ring->size || n > ring->size))
		return true;

	from_wrap = (from.flags & VIRTQ_DESC_F_AVAIL) != 0;
	off_lap = (off_wrap >> VIRTQ_EVENT_WRAP_SHIFT) != 0;
	if (off_lap == from_wrap) {
		if (off < from.slot)
			return false;
		distance = off - from.slot;
	} else {
		distance = (uint32_t)off + ring->size - from.slot;
	}
	return distance < n;
}

/**
 * Whether the device asks for a slot that was made available before @p from. It has looked at that
 * slot after asking, so there is nothing to tell it (PR-32); but a device that then took more slots
 * and left its structure as it was (QEMU's, after a packet that could not be sent at once) would
 * never be notified again.
 */
static inline bool
pvq_event_is_late(const struct pvq_ring *ring, struct pvq_cursor from, struct virtq_event event)
{
	const uint16_t off_wrap = rte_le_to_cpu_16(event.off_wrap);
	const uint16_t off = off_wrap & (uint16_t)~(1u << VIRTQ_EVENT_WRAP_SHIFT);
	const bool same_lap = (off_wrap >> VIRTQ_EVENT_WRAP_SHIFT != 0) ==
			      ((from.flags & VIRTQ_DESC_F_AVAIL) != 0);

	return ring->event_idx &&
	       (rte_le_to_cpu_16(event.flags) & VIRTQ_EVENT_F_MASK) == VIRTQ_EVENT_F_DESC &&
	       (same_lap ? off < from.slot : off > from.slot);
}

/**
 * Whether the device wants to hear of the slots just published.
 *
 * The full barrier stands between the head's flags and the read of the device's event structure
 * (PR-32): without it both sides may miss each other and the notification is lost for good. It is
 * the dearest instruction of a burst, so call this once a burst.
 *
 * Specification: Driver and Device Event Suppression, Sending Available Buffer Notifications.
 *
 * @param from
 *   The place of the first of those slots.
 * @param n
 *   How many slots, list elements included.
 */
static __rte_always_inline bool
pvq_ring_must_notify(struct pvq_ring *ring, struct pvq_cursor from, uint16_t n, const bool platform)
{
	union {
		uint32_t word;
		struct virtq_event event;
	} now;
	bool news;

	pvq_ring_full_barrier(platform);
	/* One load: offset and flags must be of the same moment. */
	now.word = __atomic_load_n((const uint32_t *)(const void *)ring->device_event,
				   __ATOMIC_RELAXED);
	news = now.word != ring->event_seen;
	ring->event_seen = now.word;
	return pvq_event_wants(ring, from, n, now.event) ||
	       (unlikely(news) && pvq_event_is_late(ring, from, now.event));
}

#endif /* PVQ_RING_H */
