/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PACKED_DEVICE_PRIV_H
#define PACKED_DEVICE_PRIV_H

/**
 * @file
 * What the files of the packed device model share; tests include packed_device.h only.
 */

#include <endian.h>

#include "packed_device.h"

#define PD_MAX_VIOLATIONS 64u
#define PD_NO_SLOT UINT32_MAX

/** Bits of the flags that have no meaning in a packed descriptor. */
#define PD_F_NO_MEANING 0x7f78u

/** A descriptor in host byte order. */
struct pd_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

/** A used descriptor whose flags are kept back. */
struct pd_stage {
	uint32_t slot;
	uint32_t slots; /**< that the used position passed with it */
	uint16_t flags;
};

struct pd_vq {
	struct pd_config cfg;
	uint32_t avail_idx, used_idx; /**< next slot to fetch, next slot to write */
	bool avail_wrap, used_wrap;
	bool stopped;  /**< by a violation */
	bool unusable; /**< the ring's memory cannot be accessed */
	uint32_t live;
	uint64_t next_seq;
	struct pd_buf *first, *last;
	struct pd_buf **by_id;   /**< [size] buffer fetched under an id */
	struct pd_buf **scratch; /**< [size] */
	uint32_t *lens;          /**< [size] bytes written to the parts in scratch */
	/** [size] Slots that are the device's: the driver published them and cannot have seen that
	 *  the device's used position passed them. */
	bool *owned;
	struct pd_desc *shadow; /**< [size] what an owned slot has to hold */
	struct pd_desc *walk;   /**< [size] list being fetched */
	struct pd_stage *staged; /**< [size] oldest first */
	uint32_t nb_staged;
	uint32_t signal_idx; /**< position of the last pd_should_interrupt() */
	bool signal_wrap;
	uint32_t unsignalled; /**< slots used since, at most size */
	uint64_t junk;        /**< state of the poison generator */
	uint32_t nb_violations;
	struct pd_violation violations[PD_MAX_VIOLATIONS];
	char text[PD_MAX_VIOLATIONS * sizeof(((struct pd_violation *)0)->text) + 64];
};

/** Record a violation of row @p id at @p slot (PD_NO_SLOT: none). */
void
pd_report(struct pd_vq *vq, const char *id, uint32_t slot, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** Read a slot's flags, with acquire. */
uint16_t
pd_load_flags(const struct pd_vq *vq, uint32_t slot);

/** Store a slot's flags, with release. */
void
pd_store_flags(struct pd_vq *vq, uint32_t slot, uint16_t flags);

/** Read a slot; the caller has acquired what it needs. */
struct pd_desc
pd_load_desc(const struct pd_vq *vq, uint32_t slot);

/** Store everything of a slot but its flags. */
void
pd_store_body(struct pd_vq *vq, uint32_t slot, const struct pd_desc *desc);

/** Move a position on by @p slots, at most one lap; the wrap counter flips past the last slot. */
void
pd_advance(const struct pd_vq *vq, uint32_t *idx, bool *wrap, uint32_t slots);

/** AVAIL and USED of a used descriptor written under a used wrap counter. */
static inline uint16_t
pd_used_bits(bool wrap)
{
	return wrap ? PD_F_AVAIL | PD_F_USED : 0;
}

/** Check that the driver left an owned slot alone (PR-10). */
void
pd_check_slot(struct pd_vq *vq, uint32_t slot);

/** Check all owned slots of a buffer (PR-10) and its indirect table (PR-28). */
void
pd_check_buf(struct pd_vq *vq, const struct pd_buf *buf);

/** Take a buffer out of the list and free it. */
void
pd_retire(struct pd_vq *vq, struct pd_buf *buf);

/** Next value of a generator; @p state must not be 0. */
uint64_t
pd_random(uint64_t *state);

/**
 * Write id and length at the used position, pass @p slots slots and stage the flags.
 *
 * @param flags
 *   Bits besides AVAIL and USED.
 * @return
 *   Number of the staged descriptor.
 */
uint32_t
pd_stage_used(struct pd_vq *vq, uint16_t id, uint32_t len, uint16_t flags, uint32_t slots);

#endif /* PACKED_DEVICE_PRIV_H */
