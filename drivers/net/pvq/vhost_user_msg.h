/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_VHOST_USER_MSG_H
#define PVQ_VHOST_USER_MSG_H

/**
 * @file
 * Messages of the vhost-user protocol, front-end side: one request, one answer, never for ever.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Requests of the front-end that pvq sends. */
enum vhost_user_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_NET_SET_MTU = 20,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_GET_MAX_MEM_SLOTS = 36,
	VHOST_USER_ADD_MEM_REG = 37,
	VHOST_USER_REM_MEM_REG = 38,
	VHOST_USER_SET_STATUS = 39,
	VHOST_USER_GET_STATUS = 40,
};

/** Feature bit by which a backend says that it has protocol features. */
#define VHOST_USER_F_PROTOCOL_FEATURES 30

#define VHOST_USER_PROTOCOL_F_MQ 0
#define VHOST_USER_PROTOCOL_F_REPLY_ACK 3
#define VHOST_USER_PROTOCOL_F_NET_MTU 4
#define VHOST_USER_PROTOCOL_F_CONFIG 9
#define VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS 15
#define VHOST_USER_PROTOCOL_F_STATUS 16

/** Regions in one SET_MEM_TABLE. */
#define VHOST_USER_TABLE_REGIONS 8
/** Bytes of configuration space in one GET_CONFIG. */
#define VHOST_USER_CONFIG_MAX 256

struct vhost_user_vring_state {
	uint32_t index;
	uint32_t num;
};

struct vhost_user_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;  /* packed ring: the device event structure */
	uint64_t avail; /* packed ring: the driver event structure */
	uint64_t log;
};

struct vhost_user_region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t mmap_offset;
};

struct vhost_user_mem_table {
	uint32_t nb_regions;
	uint32_t padding;
	struct vhost_user_region regions[VHOST_USER_TABLE_REGIONS];
};

struct vhost_user_mem_reg {
	uint64_t padding;
	struct vhost_user_region region;
};

struct vhost_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[VHOST_USER_CONFIG_MAX];
};

/** A connection; set up by its owner with fd and name. One thread at a time. */
struct vhost_user_conn {
	int fd;           /**< non-blocking; -1 when there is none */
	bool broken;      /**< out of step after an error: every request fails from now on */
	bool reply_ack;   /**< REPLY_ACK negotiated: every request is answered */
	const char *name; /**< for the log */
};

/**
 * Send a request that has no answer of its own. With REPLY_ACK the backend confirms it.
 *
 * @param fds, nb_fds
 *   File descriptors to pass along; they stay the caller's. At most VHOST_USER_TABLE_REGIONS.
 * @return
 *   0; -EPROTO when the backend refused; -ETIMEDOUT; -ECONNRESET when the backend is gone;
 *   another -errno. Anything but -EPROTO breaks the connection: later requests are -ECONNRESET.
 */
int
vhost_user_send(struct vhost_user_conn *conn, enum vhost_user_request request, const void *payload,
		uint32_t len, const int *fds, unsigned int nb_fds);

/**
 * Send a request and wait for its own answer.
 *
 * @param reply, reply_len
 *   Where the payload of the answer goes, and its exact length; an answer of another length is
 *   -EPROTO.
 * @return
 *   As vhost_user_send().
 */
int
vhost_user_ask(struct vhost_user_conn *conn, enum vhost_user_request request, const void *payload,
	       uint32_t len, void *reply, uint32_t reply_len);

/** Requests with one 64-bit number as payload, or as answer. @return as above. */
int
vhost_user_send_u64(struct vhost_user_conn *conn, enum vhost_user_request request, uint64_t value);
int
vhost_user_ask_u64(struct vhost_user_conn *conn, enum vhost_user_request request, uint64_t *value);

/** The name of a request as the protocol's text has it. */
const char *
vhost_user_request_name(enum vhost_user_request request);

#endif /* PVQ_VHOST_USER_MSG_H */
