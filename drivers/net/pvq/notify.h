/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_NOTIFY_H
#define PVQ_NOTIFY_H

/**
 * @file
 * The eventfds by which a process notifies the device of available buffers, one for each
 * virtqueue. A file descriptor means nothing in another process, so the table is local to each
 * process; it outlives the connection, so that a new backend listens to the same eventfds.
 */

#include <stdint.h>

/** Queue pairs a port can have; as many as DPDK's vhost library has. */
#define PVQ_MAX_PAIRS 128
#define PVQ_MAX_VQS (2 * PVQ_MAX_PAIRS)

/**
 * Where a secondary process gets an eventfd that it does not have yet.
 *
 * @return
 *   A file descriptor that the table then owns, or -errno.
 */
typedef int (*pvq_notify_source_t)(uint16_t port_id, uint16_t vq);

/**
 * Give @p port_id an empty table in this process. Control path.
 *
 * @param source
 *   Asked for descriptors that are missing; NULL in the primary process, which makes its own.
 * @return
 *   0 or -ENOMEM.
 */
int
pvq_notify_open(uint16_t port_id, pvq_notify_source_t source);

/** Close all eventfds of @p port_id in this process. Nobody may be polling the port. */
void
pvq_notify_close(uint16_t port_id);

/**
 * The eventfd of a virtqueue, made or asked for on first use.
 *
 * @param vq
 *   Virtqueue index, below PVQ_MAX_VQS.
 * @return
 *   A file descriptor that stays the table's, or -errno.
 */
int
pvq_notify_fd(uint16_t port_id, uint16_t vq);

/**
 * A copy of what pvq_notify_fd() returns, to be closed by the caller: for threads that nothing keeps
 * from asking while the port is closed.
 *
 * @return
 *   A file descriptor, or -errno: -ENODEV for a port that has no table.
 */
int
pvq_notify_dup(uint16_t port_id, uint16_t vq);

/** Send the available-buffer notification for virtqueue @p vq. Data path, out of line. */
void
pvq_notify(uint16_t port_id, uint16_t vq);

#endif /* PVQ_NOTIFY_H */
