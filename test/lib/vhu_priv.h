/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef VHU_PRIV_H
#define VHU_PRIV_H

/**
 * @file
 * What the files of the vhost-user backend share; tests include vhu_backend.h only. Unless a
 * comment says otherwise a function here wants the backend's lock held.
 */

#include <pthread.h>

#include "vhu_backend.h"

#define VHU_PATH_BYTES 108u
#define VHU_MAX_FDS 64u
#define VHU_MAX_PAYLOAD 4096u
#define VHU_MAX_LOG 65536u
#define VHU_MAX_BREACHES 128u
#define VHU_CONFIG_BYTES 64u
#define VHU_MAX_LIES 16u
#define VHU_MAX_COMMANDS 256u

/** In vhu_report(): the breach belongs to no virtqueue. */
#define VHU_NO_VRING UINT32_MAX

/** Header of a message and bits of its flags. */
#define VHU_HDR_BYTES 12u
#define VHU_VERSION_MASK 0x3u
#define VHU_VERSION 0x1u
#define VHU_REPLY 0x4u
#define VHU_NEED_REPLY 0x8u

/** Payload of SET_VRING_KICK, CALL and ERR. */
#define VHU_VRING_INDEX_MASK 0xffull
#define VHU_VRING_NOFD 0x100ull

/** Region as the wire has it; {guest address, size, user address, offset in the file}. */
struct vhu_wire_region {
	uint64_t gpa, size, uva, offset;
};

/** A piece of the driver's memory. */
struct vhu_region {
	struct vhu_wire_region wire;
	void *map; /**< what mmap() returned */
	size_t map_len;
	uint8_t *base; /**< where the region begins */
};

/** A message in hand. */
struct vhu_msg {
	uint32_t request, flags, size;
	uint32_t nfds;
	int fds[VHU_MAX_FDS]; /**< -1 when a handler took it over */
	union {
		uint8_t bytes[VHU_MAX_PAYLOAD];
		uint64_t u64[VHU_MAX_PAYLOAD / 8];
		uint32_t u32[VHU_MAX_PAYLOAD / 4];
	};
};

struct vhu_vring {
	uint32_t num;
	uint32_t base;
	uint64_t desc, driver_event, device_event; /**< user addresses */
	bool has_addr, has_kick, enabled;
	int kick_fd, call_fd;
	struct pd_vq *vq; /**< from start to GET_VRING_BASE or reset */
	bool live;        /**< vq is there and enabled */
	bool hung;        /**< after a lie: left alone until the ring starts anew */
	uint64_t notifications, interrupts, packets, bytes, starts;
};

/** A lie that waits for its time. */
struct vhu_lie {
	const struct vhu_lie_row *row;
	uint32_t vring, arg;
	uint64_t at; /**< vhu_vring::packets from which on it is due */
	uint64_t quiet_until; /**< ms, 0 before it is due */
};

/** Generated packets of a pair: the next to send, the next to come back. */
struct vhu_traffic {
	uint64_t next, expected;
	uint64_t moved_ms; /**< when a packet last came back, or went out with none on the way */
	struct vhu_generated count;
};

struct vhu_backend {
	struct vhu_config cfg;
	char path[VHU_PATH_BYTES];
	uint32_t fault_seen[VHU_MAX_FAULTS];

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint32_t waiters; /**< atomic: threads that want the lock */
	bool running;
	bool stop, drop; /**< orders to the thread */
	int wake_fd;
	int listen_fd, conn_fd;

	/* One connection. */
	int driver_fd; /**< channel for the backend's own requests, -1 if none */
	uint64_t features, protocol_features, mtu;
	bool features_asked, features_set, owned;
	uint8_t status;
	bool work_left; /**< look at the rings again without waiting */
	bool moved;     /**< packets, the last time */
	struct vhu_vring vrings[VHU_MAX_VRINGS];
	struct vhu_region regions[VHU_MAX_REGIONS];
	uint32_t nb_regions;

	/* Since creation. */
	uint32_t connections;
	uint64_t packets;
	uint32_t counts[VHU_REQUEST_END];
	struct vhu_record *log;
	uint32_t nb_log, log_size;
	uint32_t nb_commands;
	struct vhu_command commands[VHU_MAX_COMMANDS];
	uint32_t nb_breaches;
	struct pd_violation breaches[VHU_MAX_BREACHES];
	char *text;
	uint8_t scratch[65536 + 4096]; /**< a packet between two rings */
	uint8_t made[65536 + 4096];    /**< a generated packet */
	struct vhu_traffic traffic[VHU_MAX_PAIRS];
	uint32_t nb_lies;
	struct vhu_lie lies[VHU_MAX_LIES];
	uint64_t lies_told;
};

/* vhu_log.c */

/** Record a breach of row @p id; @p vring VHU_NO_VRING if it belongs to none. */
void
vhu_report(struct vhu_backend *b, const char *id, uint32_t vring, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** Move the violations of a virtqueue that is about to go into the backend's list. */
void
vhu_collect(struct vhu_backend *b, uint32_t vring);

/** Append a message to the log; its place, or NULL when the log is full. */
struct vhu_record *
vhu_log_append(struct vhu_backend *b, const struct vhu_msg *msg);

/* vhu_mem.c */

/** Replace all regions by those of SET_MEM_TABLE; file descriptors are taken over. 0, -errno. */
int
vhu_mem_set(struct vhu_backend *b, struct vhu_msg *msg);

/** ADD_MEM_REG and REM_MEM_REG. 0 or -errno. */
int
vhu_mem_add(struct vhu_backend *b, struct vhu_msg *msg);
int
vhu_mem_remove(struct vhu_backend *b, struct vhu_msg *msg);

/** Unmap everything. */
void
vhu_mem_clear(struct vhu_backend *b);

/** User address to a pointer; NULL unless all @p len bytes are in one region. */
void *
vhu_mem_user(struct vhu_backend *b, uint64_t uva, uint64_t len);

/** A pd_translate_t over device addresses; @p arg is the backend. */
void *
vhu_mem_translate(void *arg, uint64_t addr, uint32_t *len, enum pd_access access);

/* vhu_vring.c */

/** Start, pause or resume a virtqueue after anything it depends on has changed. */
void
vhu_vring_update(struct vhu_backend *b, uint32_t idx);
void
vhu_vring_update_all(struct vhu_backend *b);

/** Stop a virtqueue and close its eventfds; its base stays readable in vhu_vring::base. */
void
vhu_vring_stop(struct vhu_backend *b, uint32_t idx);

/** Forget all virtqueues. */
void
vhu_vring_reset_all(struct vhu_backend *b);

/** Follow a change of the memory map with all rings. */
void
vhu_vring_relocate_all(struct vhu_backend *b);

/* vhu_msg.c */

/** Handle one message and answer it. False when the connection is to be closed. */
bool
vhu_msg_handle(struct vhu_backend *b, struct vhu_msg *msg);

/** Send bytes on a socket; false if it did not take them all in time. No lock needed. */
bool
vhu_send_all(int fd, const void *data, size_t len);

/* vhu_msg_vring.c: the requests that name a virtqueue; 0, or -errno after a report. */

int
vhu_msg_set_vring_num(struct vhu_backend *b, struct vhu_msg *msg);
int
vhu_msg_set_vring_addr(struct vhu_backend *b, struct vhu_msg *msg);
int
vhu_msg_set_vring_base(struct vhu_backend *b, struct vhu_msg *msg);
int
vhu_msg_get_vring_base(struct vhu_backend *b, struct vhu_msg *msg);
int
vhu_msg_set_vring_kick(struct vhu_backend *b, struct vhu_msg *msg);
int
vhu_msg_set_vring_call(struct vhu_backend *b, struct vhu_msg *msg);
int
vhu_msg_set_vring_err(struct vhu_backend *b, struct vhu_msg *msg);
int
vhu_msg_set_vring_enable(struct vhu_backend *b, struct vhu_msg *msg);

/* vhu_packets.c */

/** Do what the mode asks for on all running pairs. */
void
vhu_packets_run(struct vhu_backend *b);

/** How long to wait before that is to be done again without a notification, ms; -1 for ever. */
int
vhu_packets_wait_ms(const struct vhu_backend *b);

/* vhu_control.c */

/** Index of the control queue, VHU_MAX_VRINGS without CTRL_VQ (PC-17). */
uint32_t
vhu_control_index(const struct vhu_backend *b);

/** Fetch and answer commands. */
void
vhu_control_run(struct vhu_backend *b);

/* vhu_backend.c */

/** End the thread's wait. No lock needed. */
void
vhu_wake(struct vhu_backend *b);

/* vhu_lies.c */

/** CLOCK_MONOTONIC, ms. */
uint64_t
vhu_now_ms(void);

/* vhu_thread.c */

/** The backend's thread; takes and gives the lock itself. */
void *
vhu_thread_main(void *arg);

/** Forget the connection: close, unmap, zero. */
void
vhu_connection_reset(struct vhu_backend *b);

#endif /* VHU_PRIV_H */
