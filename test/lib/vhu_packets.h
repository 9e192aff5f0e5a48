/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef VHU_PACKETS_H
#define VHU_PACKETS_H

/**
 * @file
 * Packets between the rings and what the backend's mode does with them. All functions want the
 * backend's lock held.
 */

#include "vhu_priv.h"

/** Deliver a packet on the pair's receive queue. False when there is no room, or not now. */
bool
vhu_deliver(struct vhu_backend *b, uint32_t pair, const void *data, uint32_t len);

/* vhu_generate.c */

/** Send what may be sent. Whether it wants room in the receive queue for more. */
bool
vhu_generate(struct vhu_backend *b, uint32_t pair);

/** Look at a packet that came from the driver. */
void
vhu_verify(struct vhu_backend *b, uint32_t pair, const void *data, uint32_t len);

/** A ring of the pair starts anew: what was on the way is lost. */
void
vhu_generate_again(struct vhu_backend *b, uint32_t pair);

/** Whether packets are on the way. */
bool
vhu_generate_waits(const struct vhu_backend *b);

#endif /* VHU_PACKETS_H */
