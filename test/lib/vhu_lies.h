/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef VHU_LIES_H
#define VHU_LIES_H

/**
 * @file
 * Lies between vhu_backend_lie() and the rings. All functions want the backend's lock held.
 */

#include "vhu_priv.h"

/** What a lie did to what was about to be done. */
enum vhu_lied {
	VHU_HONEST,  /**< nothing: go on */
	VHU_SPOILED, /**< the options are spoiled: deliver with them, then vhu_lie_told() */
	VHU_WAITS,   /**< not now, and nothing else either */
	VHU_DONE,    /**< told by itself: do nothing more */
};

/** What a lie has to work with. */
struct vhu_telling {
	struct vhu_backend *b;
	const struct vhu_lie *lie;
	struct pd_vq *vq;
	/* A packet that is about to be delivered, by these options; NULL on other occasions. */
	struct pd_rx_opts *o;
	struct pd_net_hdr *hdr; /**< zeros; room for what o->hdr may point to */
	uint32_t *len;          /**< of the packet, to change */
};

/** Occasions for a lie, and what belongs to it. */
#define VHU_LIES_RX 0x01u    /**< when a packet is delivered */
#define VHU_LIES_TX 0x02u    /**< when transmit buffers are used */
#define VHU_LIES_EVENT 0x04u /**< when a notification is asked for, on any queue */
#define VHU_LIES_IDLE 0x08u  /**< when a transmit queue is empty */
#define VHU_LIE_QUIET 0x10u  /**< after the driver has had the time to see everything */
#define VHU_LIE_HANGS 0x20u  /**< the ring is left alone afterwards, so that it stands */

/** A row of part E. */
struct vhu_lie_row {
	const char *name;
	enum vhu_lied (*tell)(struct vhu_telling *t);
	uint32_t how;
};

/** Row @p i, NULL beyond the last. */
const struct vhu_lie_row *
vhu_lie_row(uint32_t i);

/**
 * A packet is about to be delivered on receive queue @p idx.
 *
 * @param o, hdr, len
 *   As in struct vhu_telling.
 */
enum vhu_lied
vhu_lie_rx(struct vhu_backend *b, uint32_t idx, struct pd_vq *vq, struct pd_rx_opts *o,
	   struct pd_net_hdr *hdr, uint32_t *len);

/** The spoiled packet is delivered. */
void
vhu_lie_told(struct vhu_backend *b, uint32_t idx);

/** Whether a transmit queue is to be left alone, until a lie that wants it quiet is told. */
bool
vhu_lie_pauses(struct vhu_backend *b, uint32_t idx);

/** Buffers are about to be used on transmit queue @p idx. False when it is to be left alone. */
bool
vhu_lie_tx(struct vhu_backend *b, uint32_t idx, struct pd_vq *vq);

/** A notification is about to be asked for. Whether a lie did that. */
bool
vhu_lie_event(struct vhu_backend *b, uint32_t idx, struct pd_vq *vq);

/** Nothing is fetched and nothing available on transmit queue @p idx. */
void
vhu_lie_idle(struct vhu_backend *b, uint32_t idx, struct pd_vq *vq);

#endif /* VHU_LIES_H */
