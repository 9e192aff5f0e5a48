/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PACKED_DEVICE_H
#define PACKED_DEVICE_H

/**
 * @file
 * One packed virtqueue as the device sees it: the oracle that the driver's tests run against.
 *
 * Written from the virtio specification alone ("Packed Virtqueues", "Network Device"); it shares
 * no header with the driver and needs no DPDK. What the driver owes is checked at every step and
 * each breach is recorded with the ID of its row in the conformance checklist.
 *
 * Threads: a pd_vq belongs to one thread at a time. The driver may run in another thread at the
 * same time on the same shared memory: availability is read with acquire, used flags are stored
 * with release, events go through full barriers as the specification asks of a device.
 *
 * The usual course of a test:
 * @code
 *	struct pd_config cfg = { .size = 256, .desc = ..., .driver_event = ...,
 *				 .device_event = ..., .dir = PD_TX, .in_order = true };
 *	struct pd_vq *vq = pd_create(&cfg);
 *	... the driver makes buffers available ...
 *	pd_fetch(vq, UINT32_MAX);
 *	len = pd_tx_copy(vq, pd_first(vq), NULL, pkt, sizeof(pkt));
 *	pd_complete_all(vq, PD_FIFO, 0);
 *	assert_string_equal(pd_violations_text(vq), "");
 *	pd_destroy(vq);
 * @endcode
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Largest size of a packed virtqueue. */
#define PD_MAX_SIZE 32768u
/** Bytes of a descriptor and of an event suppression structure. */
#define PD_DESC_BYTES 16u
#define PD_EVENT_BYTES 4u

/** Bits of a descriptor's flags, the device model's own definition (PR-04). */
#define PD_F_NEXT 0x0001u
#define PD_F_WRITE 0x0002u
#define PD_F_INDIRECT 0x0004u
#define PD_F_AVAIL 0x0080u
#define PD_F_USED 0x8000u

/** Values of the flags in an event suppression structure (PR-29). */
#define PD_EVENT_ENABLE 0u
#define PD_EVENT_DISABLE 1u
#define PD_EVENT_DESC 2u
#define PD_EVENT_RESERVED 3u

/** Bits of pd_config::gso. */
#define PD_HOST_TSO4 0x01u
#define PD_HOST_TSO6 0x02u
#define PD_HOST_UFO 0x04u
#define PD_HOST_USO 0x08u
#define PD_HOST_ECN 0x10u

/** Direction of a virtqueue, named from the driver's side. */
enum pd_dir {
	PD_TX, /**< transmit: the device reads every element */
	PD_RX, /**< receive: the device writes every element */
	PD_CONTROL, /**< control: it reads some, then writes at least one (NT-18) */
};

/** What the device wants to do with a piece of memory. */
enum pd_access {
	PD_READ,
	PD_WRITE,
};

/** Order in which fetched buffers are chosen. */
enum pd_order {
	PD_FIFO,    /**< oldest first */
	PD_REVERSE, /**< youngest first */
	PD_SHUFFLE, /**< by a seeded generator: the same seed gives the same order */
};

/**
 * Turn a device address into a pointer of this process.
 *
 * @param arg
 *   pd_config::translate_arg.
 * @param addr
 *   Address as it stands in the descriptor.
 * @param len
 *   In: bytes wanted, at least 1. Out: bytes that lie contiguously behind the returned pointer,
 *   1 to the wanted number; the model asks again for the rest.
 * @return
 *   NULL when the address is not memory that the driver gave to the device.
 */
typedef void *(*pd_translate_t)(void *arg, uint64_t addr, uint32_t *len, enum pd_access access);

/** What a virtqueue is made of. */
struct pd_config {
	uint32_t size;            /**< descriptors, 1 to PD_MAX_SIZE */
	void *desc;               /**< descriptor area, size * 16 bytes */
	const void *driver_event; /**< driver event suppression structure; only read */
	void *device_event;       /**< device event suppression structure; written here */
	enum pd_dir dir;
	bool in_order;  /**< VIRTIO_F_IN_ORDER negotiated */
	bool indirect;  /**< VIRTIO_F_INDIRECT_DESC negotiated */
	bool event_idx; /**< VIRTIO_F_EVENT_IDX negotiated */
	bool mrg_rxbuf; /**< VIRTIO_NET_F_MRG_RXBUF negotiated */
	bool csum;      /**< VIRTIO_NET_F_CSUM negotiated: header may ask for a checksum */
	bool hdrlen;    /**< VIRTIO_NET_F_GUEST_HDRLEN negotiated: hdr_len is exact (NT-07) */
	uint8_t gso;    /**< PD_HOST_*: segmentation negotiated, the VIRTIO_NET_F_HOST_* features */
	/**
	 * Put junk into everything that has no meaning: fields and bits of used descriptors (PR-20),
	 * of received headers (NT-13), the offset of an event structure that asks for all or nothing.
	 */
	bool poison;
	/** Longest direct list in descriptors; 0 for the queue size (PR-12). */
	uint32_t max_list;
	/** Most entries of an indirect table; 0 for size - 1 (PR-27). */
	uint32_t max_indirect;
	pd_translate_t translate; /**< NULL: addresses are pointers */
	void *translate_arg;
};

/** One contiguous piece of a fetched buffer, translated. */
struct pd_element {
	uint64_t addr; /**< address as the driver wrote it */
	void *base;    /**< the same in this process */
	uint32_t len;  /**< bytes, never 0 */
	bool writable;
};

/** A buffer (descriptor list) that the device fetched and has not used yet. */
struct pd_buf {
	struct pd_buf *next; /**< fetched after this one; private to the model */
	struct pd_buf *prev;
	uint16_t id;           /**< buffer id, from the list's last descriptor */
	uint16_t head;         /**< slot of the list's first descriptor */
	bool head_wrap;        /**< device's avail wrap counter at that slot */
	uint32_t slots;        /**< descriptors it takes in the ring; 1 if indirect */
	uint32_t nb_descs;     /**< elements as the driver wrote them */
	uint32_t nb_elements;  /**< pieces in elements[]; more than nb_descs if a range is split */
	struct pd_element *elements;
	uint64_t read_len;  /**< bytes the device may read */
	uint64_t write_len; /**< bytes the device may write */
	uint64_t seq;       /**< 0 for the first buffer fetched since reset, then 1, 2, ... */
	uint8_t *table;     /**< copy of the indirect table; NULL if direct */
	uint64_t table_addr;
	uint32_t table_len; /**< bytes */
	bool taken; /**< for whoever drives the queue: dealt with, waits to be used */
};

/** A breach of a driver's duty. */
struct pd_violation {
	char id[8];     /**< row of the checklist, "PR-06" */
	uint32_t slot;  /**< slot it was seen at; UINT32_MAX if it belongs to none */
	char text[120]; /**< "PR-06 slot 3: ..." */
};

/** A virtqueue; opaque. */
struct pd_vq;

/**
 * Make a virtqueue as it is after a reset: indices 0, wrap counters 1, nothing fetched. Writes
 * nothing to shared memory. Breaches of alignment (PR-01) and size (PR-03) are recorded.
 *
 * @return
 *   NULL when the size is outside 1 to PD_MAX_SIZE, a pointer is missing or memory is short.
 */
struct pd_vq *
pd_create(const struct pd_config *cfg);

/** Free a virtqueue; shared memory is not touched. NULL is allowed. */
void
pd_destroy(struct pd_vq *vq);

/** Forget everything but the configuration and the recorded violations; as pd_create(). */
void
pd_reset(struct pd_vq *vq);

/**
 * Move to other mappings of the same memory: new pointers for the ring, all fetched buffers
 * translated again. A buffer that is no longer in memory is a violation (PR-15).
 *
 * @return
 *   0 or -EFAULT.
 */
int
pd_relocate(struct pd_vq *vq, void *desc, const void *driver_event, void *device_event);

/** Check that descriptor area and event structures are all zero, as before first use (PR-02). */
void
pd_check_zeroed(struct pd_vq *vq);

/**
 * Start from given positions instead of 0 (vhost-user SET_VRING_BASE). Nothing may be fetched.
 *
 * @param base
 *   Bits 0-14 next available slot, 15 its wrap counter, 16-30 next used slot, 31 its wrap counter.
 * @return
 *   0 or -EINVAL for a position outside the ring.
 */
int
pd_set_base(struct pd_vq *vq, uint32_t base);

/** Positions in the form of pd_set_base(). */
uint32_t
pd_base(const struct pd_vq *vq);

/** The configuration in force. */
const struct pd_config *
pd_get_config(const struct pd_vq *vq);

/* ---- violations ---------------------------------------------------------------------------- */

/** Number of violations since creation or pd_violations_clear(). */
uint32_t
pd_violations(const struct pd_vq *vq);

/** Violation @p i, the first 64 are kept; NULL beyond. */
const struct pd_violation *
pd_violation(const struct pd_vq *vq, uint32_t i);

/** Whether a violation of row @p id ("PR-06") was recorded. */
bool
pd_violated(const struct pd_vq *vq, const char *id);

/**
 * All recorded violations, a line each, "" if there are none: made for assert_string_equal().
 * Valid until the next call on this virtqueue.
 */
const char *
pd_violations_text(struct pd_vq *vq);

/** Forget violations; a queue that stopped because of one goes on where it stopped. */
void
pd_violations_clear(struct pd_vq *vq);

/* ---- fetching ------------------------------------------------------------------------------ */

/** Whether the descriptor at the next available position is available; takes nothing. */
bool
pd_available(const struct pd_vq *vq);

/** Slots in a row from the next available position on that are available; takes nothing. */
uint32_t
pd_waiting(const struct pd_vq *vq);

/**
 * Fetch available buffers, oldest first, and check each against the rules of the ring.
 *
 * @param max
 *   Most buffers to take.
 * @return
 *   Buffers fetched by this call, or -EPROTO when the queue is stopped by a violation (what was
 *   fetched before it stays fetched).
 */
int
pd_fetch(struct pd_vq *vq, uint32_t max);

/** Buffers fetched and not used. */
uint32_t
pd_live(const struct pd_vq *vq);

/** Oldest and youngest buffer fetched and not used, NULL if none; walk with pd_buf::next. */
struct pd_buf *
pd_first(const struct pd_vq *vq);
struct pd_buf *
pd_last(const struct pd_vq *vq);

/** The fetched buffer with this id, or NULL. */
struct pd_buf *
pd_find(const struct pd_vq *vq, uint16_t id);

/** Choose one of the fetched buffers; @p seed is advanced by PD_SHUFFLE. NULL if none. */
struct pd_buf *
pd_pick(const struct pd_vq *vq, enum pd_order order, uint32_t *seed);

/* ---- using --------------------------------------------------------------------------------- */

/**
 * Mark one buffer used: one used descriptor at the next used position, flags stored last with
 * release. Checks first that the driver changed neither descriptors nor table (PR-10, PR-28).
 * @p buf is freed.
 *
 * @param written
 *   Bytes written. On a receive queue WRITE is set; on a transmit queue it is ignored.
 * @return
 *   0, or -EINVAL when IN_ORDER is negotiated and @p buf is not the oldest (nothing is done).
 */
int
pd_complete(struct pd_vq *vq, struct pd_buf *buf, uint32_t written);

/**
 * Mark the @p count oldest buffers used by one used descriptor in the slot of the first, with the
 * id of the last (PR-22). All are freed.
 *
 * @param written
 *   Bytes written into the last one; the others count as filled (PR-23).
 * @return
 *   0, or -EINVAL without IN_ORDER, for count 0 or when fewer are fetched.
 */
int
pd_complete_batch(struct pd_vq *vq, uint32_t count, uint32_t written);

/**
 * Mark all fetched buffers used, one used descriptor each.
 *
 * @param written
 *   Bytes for each, limited to its capacity.
 * @return
 *   Buffers completed, or -EINVAL for an order other than PD_FIFO with IN_ORDER.
 */
int
pd_complete_all(struct pd_vq *vq, enum pd_order order, uint32_t seed, uint32_t written);

/**
 * As pd_complete(), but the flags are kept back: id and length are written, the device's position
 * moves on, the driver sees nothing before pd_flush_one() or pd_flush() (PR-21, PR-39, HD-08).
 *
 * @return
 *   Number of the staged descriptor for pd_flush_one() (0 for the oldest staged), or -EINVAL.
 */
int
pd_stage(struct pd_vq *vq, struct pd_buf *buf, uint32_t written);

/** Staged used descriptors whose flags are not stored yet. */
uint32_t
pd_staged(const struct pd_vq *vq);

/** Store the flags of staged descriptor @p i; those behind it move up. 0 or -ENOENT. */
int
pd_flush_one(struct pd_vq *vq, uint32_t i);

/** Store the flags of all staged descriptors, the youngest first. */
void
pd_flush(struct pd_vq *vq);

/* ---- a device that lies (part E) ------------------------------------------------------------ */

/**
 * Write a used descriptor with any id and length at the next used position. No fetched buffer is
 * retired by it.
 *
 * @param flags
 *   Bits to set besides AVAIL and USED, which follow the used wrap counter.
 * @param advance
 *   Slots by which the device's used position moves on.
 */
void
pd_inject_used(struct pd_vq *vq, uint16_t id, uint32_t len, uint16_t flags, uint32_t advance);

/** Overwrite a slot with any 16 bytes in wire order, the flags last with release. */
void
pd_inject_slot(struct pd_vq *vq, uint32_t slot, const uint8_t bytes[PD_DESC_BYTES]);

/** Store the flags of a slot, with release; wire value. */
void
pd_inject_flags(struct pd_vq *vq, uint32_t slot, uint16_t flags);

/** Fill address, length and id of every slot the device owns with junk, flags kept (HD-13). */
void
pd_scribble(struct pd_vq *vq, uint32_t seed);

/** Next used position and its wrap counter, where pd_inject_used() will write. */
uint32_t
pd_used_slot(const struct pd_vq *vq, bool *wrap);

/* ---- event suppression ---------------------------------------------------------------------- */

/** Ask for a notification at every available buffer; full barrier after, so look at the ring. */
void
pd_notify_enable(struct pd_vq *vq);

/** Ask for no notification. */
void
pd_notify_disable(struct pd_vq *vq);

/** Ask for a notification when slot @p off of the lap with @p wrap is made available; barrier. */
void
pd_notify_at(struct pd_vq *vq, uint16_t off, bool wrap);

/** pd_notify_at() the next position the device will fetch. */
void
pd_notify_next(struct pd_vq *vq);

/** Store any 32 bits in the device event structure: off and wrap low, flags high (HD-20). */
void
pd_notify_raw(struct pd_vq *vq, uint32_t event);

/** The 32 bits of the driver event structure, read at once. */
uint32_t
pd_driver_event(const struct pd_vq *vq);

/**
 * Whether the slots used since the last call call for an interrupt: barrier, one read of the
 * driver event structure, reserved values are violations (PR-29) and answered with yes. The
 * slots count as signalled after the call, whatever the answer.
 */
bool
pd_should_interrupt(struct pd_vq *vq);

/**
 * The set oracle for PR-33, by enumeration: is (off, wrap) one of the @p count positions that
 * start at (pos, pos_wrap) in a ring of @p size?
 */
bool
pd_oracle_in_range(uint32_t size, uint32_t pos, bool pos_wrap, uint32_t count, uint32_t off,
		   bool wrap);

/**
 * Must a side that just published @p count slots from (pos, pos_wrap) tell the other one?
 *
 * @param event
 *   The other side's event structure: off and wrap low, flags high.
 * @param event_idx
 *   VIRTIO_F_EVENT_IDX negotiated. Values that make no sense ask for a notification (HD-20).
 */
bool
pd_oracle_must_notify(uint32_t size, uint32_t pos, bool pos_wrap, uint32_t count, uint32_t event,
		      bool event_idx);

/**
 * Does the other side ask for a position that was published before (pos, pos_wrap)? It has looked
 * there after asking, or ought to have; telling it once more is permitted.
 */
bool
pd_oracle_is_late(uint32_t size, uint32_t pos, bool pos_wrap, uint32_t event, bool event_idx);

#include "packed_device_net.h"

#endif /* PACKED_DEVICE_H */
