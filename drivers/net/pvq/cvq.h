/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_CVQ_H
#define PVQ_CVQ_H

/**
 * @file
 * The control virtqueue: one command, one answer, one at a time (specification 1.4, Network Device,
 * Control Virtqueue). Callers hold dev->lock.
 */

#include "queue.h"

/** Bytes that a command's data may have. */
#define PVQ_CVQ_DATA_MAX 4096u

/** Slots of the ring: a command takes two, and there is one at a time. */
#define PVQ_CVQ_SIZE 2u

struct pvq_cvq {
	struct pvq_vq vq;
	struct pvq_ring ring;
	uint8_t *command; /**< class, command and data, then the device's answer */
	bool broken;      /**< a command was not answered as it should be: none goes out any more */
	/**
	 * A ring in which nothing is ever made available, for all virtqueues that the port does not
	 * use and that the device wants to know nevertheless.
	 */
	struct pvq_vq idle_vq;
	struct pvq_ring idle;
};

/**
 * Allocate a control queue in memory of its own.
 *
 * @param conf
 *   port_id, index, size (two slots at least), socket_id, iova.
 * @return
 *   NULL without memory.
 */
struct pvq_cvq *
pvq_cvq_create(const struct pvq_vq *conf);

/** Free it. The device must be out of the ring. NULL is no queue. */
void
pvq_cvq_free(struct pvq_cvq *cvq);

/** Put the ring into its state after device reset. */
void
pvq_cvq_reset(struct pvq_cvq *cvq, bool event_idx, bool platform);

/**
 * Send a command and wait for its answer, a second at most.
 *
 * @param data
 *   @p len bytes, PVQ_CVQ_DATA_MAX at most.
 * @return
 *   0; -EIO when the device refuses the command, or an earlier one was not answered; -E2BIG when
 *   the data is too long; -ETIMEDOUT when there is no answer: the command's memory stays the
 *   device's until it is reset (HD-24); -EPROTO when the answer is none. All are logged.
 */
int
pvq_cvq_command(struct pvq_cvq *cvq, const char *name, uint8_t class, uint8_t command,
		const void *data, uint32_t len);

#endif /* PVQ_CVQ_H */
