/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_VHOST_USER_H
#define PVQ_VHOST_USER_H

/**
 * @file
 * One vhost-user connection and the thread that looks after it. The thread finds a backend, greets
 * it and introduces it to the device; what the device then says goes through the operations in
 * transport_vhost_user.c.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "compat.h"
#include "device.h"
#include "vhost_user_mem.h"
#include "vhost_user_msg.h"
#include "vhost_user_sock.h"

struct vhost_user {
	struct pvq_device *dev;
	struct vhost_user_conn conn;
	struct vhost_user_sock sock;
	int wake_fd;
	pvq_thread_t thread;
	bool quit;
	uint64_t protocol_features;
	unsigned int mem_slots;
	struct vhost_user_mem known; /**< what this connection's backend was told */
	pthread_mutex_t try_lock;
	pthread_cond_t try_cond;
	unsigned int tries; /**< times a backend was looked for */
	bool found;         /**< and one is there; try_lock, as the number */
};

/** Operations of struct pvq_transport that concern the thread. */
int
vhost_user_open(struct pvq_device *dev);
void
vhost_user_close(struct pvq_device *dev);
void
vhost_user_look_now(struct pvq_device *dev);

static inline struct vhost_user *
vhost_user_of(struct pvq_device *dev)
{
	return dev->transport_priv;
}

/** Negotiated? @p bit is a VHOST_USER_PROTOCOL_F_*. */
static inline bool
vhost_user_has(const struct vhost_user *vu, unsigned int bit)
{
	return (vu->protocol_features >> bit & 1) != 0;
}

#endif /* PVQ_VHOST_USER_H */
