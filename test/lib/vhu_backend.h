/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef VHU_BACKEND_H
#define VHU_BACKEND_H

/**
 * @file
 * A vhost-user backend for tests, in a thread of its own: the other end of the driver's socket.
 *
 * It has its own definition of the protocol, shares no header with the driver and needs no DPDK.
 * It maps the memory that the driver passes, makes a pd_vq (packed_device.h) of each virtqueue
 * that starts, keeps a log of all messages and records breaches of what a driver owes to the
 * device with the ID of the checklist's row; "VU" stands for the vhost-user protocol itself.
 *
 * Threads: every function may be called from any thread but the backend's own (callbacks). What
 * vhu_backend_vq() returns may be used only between vhu_backend_lock() and vhu_backend_unlock(),
 * and is valid only that long. The lock is not recursive: functions marked [locked] need it held,
 * all others take it themselves.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "packed_device.h"
#include "vhu_behave.h"

/** Most queue pairs and memory regions of a backend. */
#define VHU_MAX_PAIRS 128u
#define VHU_MAX_VRINGS (2u * VHU_MAX_PAIRS)
#define VHU_MAX_REGIONS 1024u

/** Requests of the vhost-user protocol, from the driver to the backend. */
enum vhu_request {
	VHU_GET_FEATURES = 1,
	VHU_SET_FEATURES = 2,
	VHU_SET_OWNER = 3,
	VHU_RESET_OWNER = 4,
	VHU_SET_MEM_TABLE = 5,
	VHU_SET_LOG_BASE = 6,
	VHU_SET_LOG_FD = 7,
	VHU_SET_VRING_NUM = 8,
	VHU_SET_VRING_ADDR = 9,
	VHU_SET_VRING_BASE = 10,
	VHU_GET_VRING_BASE = 11,
	VHU_SET_VRING_KICK = 12,
	VHU_SET_VRING_CALL = 13,
	VHU_SET_VRING_ERR = 14,
	VHU_GET_PROTOCOL_FEATURES = 15,
	VHU_SET_PROTOCOL_FEATURES = 16,
	VHU_GET_QUEUE_NUM = 17,
	VHU_SET_VRING_ENABLE = 18,
	VHU_SEND_RARP = 19,
	VHU_NET_SET_MTU = 20,
	VHU_SET_BACKEND_REQ_FD = 21,
	VHU_IOTLB_MSG = 22,
	VHU_SET_VRING_ENDIAN = 23,
	VHU_GET_CONFIG = 24,
	VHU_SET_CONFIG = 25,
	VHU_RESET_DEVICE = 34,
	VHU_GET_MAX_MEM_SLOTS = 36,
	VHU_ADD_MEM_REG = 37,
	VHU_REM_MEM_REG = 38,
	VHU_SET_STATUS = 39,
	VHU_GET_STATUS = 40,
	VHU_REQUEST_END = 64,
};

/** Protocol features, as masks. */
#define VHU_PF_MQ (1ull << 0)
#define VHU_PF_LOG_SHMFD (1ull << 1)
#define VHU_PF_RARP (1ull << 2)
#define VHU_PF_REPLY_ACK (1ull << 3)
#define VHU_PF_NET_MTU (1ull << 4)
#define VHU_PF_BACKEND_REQ (1ull << 5)
#define VHU_PF_CONFIG (1ull << 9)
#define VHU_PF_RESET_DEVICE (1ull << 13)
#define VHU_PF_CONFIGURE_MEM_SLOTS (1ull << 15)
#define VHU_PF_STATUS (1ull << 16)

/** What vhu_config_init() offers. */
#define VHU_PF_DEFAULT                                                                          \
	(VHU_PF_MQ | VHU_PF_REPLY_ACK | VHU_PF_NET_MTU | VHU_PF_CONFIG |                        \
	 VHU_PF_CONFIGURE_MEM_SLOTS | VHU_PF_STATUS)

/** Virtio features that tests name, as masks. */
#define VHU_F_CSUM (1ull << 0)
#define VHU_F_GUEST_CSUM (1ull << 1)
#define VHU_F_MTU (1ull << 3)
#define VHU_F_MAC (1ull << 5)
#define VHU_F_GUEST_TSO4 (1ull << 7)
#define VHU_F_GUEST_TSO6 (1ull << 8)
#define VHU_F_HOST_TSO4 (1ull << 11)
#define VHU_F_HOST_TSO6 (1ull << 12)
#define VHU_F_HOST_ECN (1ull << 13)
#define VHU_F_MRG_RXBUF (1ull << 15)
#define VHU_F_STATUS (1ull << 16)
#define VHU_F_CTRL_VQ (1ull << 17)
#define VHU_F_MQ (1ull << 22)
#define VHU_F_INDIRECT_DESC (1ull << 28)
#define VHU_F_EVENT_IDX (1ull << 29)
#define VHU_F_PROTOCOL_FEATURES (1ull << 30)
#define VHU_F_VERSION_1 (1ull << 32)
#define VHU_F_RING_PACKED (1ull << 34)
#define VHU_F_IN_ORDER (1ull << 35)
#define VHU_F_HOST_USO (1ull << 56)
#define VHU_F_GUEST_HDRLEN (1ull << 59)

/** What vhu_config_init() offers. */
#define VHU_F_DEFAULT                                                                           \
	(VHU_F_MRG_RXBUF | VHU_F_MTU | VHU_F_MAC | VHU_F_STATUS | VHU_F_MQ |                    \
	 VHU_F_INDIRECT_DESC | VHU_F_EVENT_IDX | VHU_F_PROTOCOL_FEATURES | VHU_F_VERSION_1 |    \
	 VHU_F_RING_PACKED | VHU_F_IN_ORDER)

/** Bits of the device status. */
#define VHU_STATUS_ACKNOWLEDGE 0x01u
#define VHU_STATUS_DRIVER 0x02u
#define VHU_STATUS_DRIVER_OK 0x04u
#define VHU_STATUS_FEATURES_OK 0x08u
#define VHU_STATUS_NEEDS_RESET 0x40u
#define VHU_STATUS_FAILED 0x80u

/** Value of vhu_config::status with the link up. */
#define VHU_LINK_UP 0x0001u

/** What the backend's thread does with packets. */
enum vhu_mode {
	VHU_IDLE, /**< nothing: the test drives the virtqueues */
	VHU_ECHO, /**< every transmitted packet comes back on the receive queue of the same pair;
		   *   it waits, unused, until there is room */
	VHU_SINK, /**< transmitted packets are counted and used */
	VHU_GENERATE, /**< numbered packets go out, and what comes back is compared with them */
};

/** How to treat a request badly. */
enum vhu_fault_kind {
	VHU_NO_ANSWER,     /**< handle it, never answer */
	VHU_WRONG_SIZE,    /**< answer with a payload 4 bytes short, header to match */
	VHU_WRONG_REQUEST, /**< answer under another request number */
	VHU_NACK,          /**< do nothing and report failure, by ack or by an empty answer */
	VHU_CLOSE,         /**< close the connection instead of handling it */
	VHU_CLOSE_AFTER,   /**< handle and answer it, then close the connection */
};

/** A fault to apply to one type of request. */
struct vhu_fault {
	uint32_t request; /**< enum vhu_request */
	enum vhu_fault_kind kind;
	uint32_t nth; /**< 1 for the first such request after the fault is set, ...; 0 for all */
};

#define VHU_MAX_FAULTS 8u

/**
 * Sees every packet that leaves the device, in order within a pair, in the backend's
 * thread with the lock held: it must not call back into the backend.
 */
typedef void (*vhu_packet_t)(void *arg, uint32_t pair, const void *data, uint32_t len);

/** A backend; fill by vhu_config_init(), then change what the test is about. */
struct vhu_config {
	const char *path; /**< of the socket, shorter than 108 bytes; copied */
	bool client;      /**< connect (and connect again) instead of listening */
	uint64_t features;
	uint64_t protocol_features;
	uint32_t queue_pairs; /**< 1 to VHU_MAX_PAIRS */
	uint32_t mem_slots;   /**< answer to GET_MAX_MEM_SLOTS, up to VHU_MAX_REGIONS */
	uint8_t mac[6];
	uint16_t mtu;    /**< bytes, in the configuration space */
	uint16_t status; /**< in the configuration space: VHU_LINK_UP or 0 */
	uint32_t speed;  /**< Mb/s, in the configuration space; UINT32_MAX for unknown */
	uint8_t duplex;
	enum vhu_mode mode;
	vhu_packet_t on_packet; /**< may be NULL */
	void *on_packet_arg;
	struct vhu_behave behave;
	struct vhu_generator generator;
	uint32_t claimed_pairs;  /**< answer to GET_QUEUE_NUM instead of the truth, UINT32_MAX for that */
	bool busy_poll;          /**< ask for no notifications and look at the rings all the time */
	bool poison;             /**< pd_config::poison of every virtqueue */
	bool complete_in_batch;  /**< ECHO, SINK: one used descriptor for what was fetched at once */
	bool refuse_features_ok; /**< never show FEATURES_OK (IN-03) */
	bool refuse_commands;    /**< of the control queue */
	bool ignore_commands;    /**< leave them in the ring (HD-24) */
	/** Bases have their lower half only, both ways: used position = available position. */
	bool base_lower_only;
	uint32_t nb_faults;
	struct vhu_fault faults[VHU_MAX_FAULTS];
};

/** A message that arrived. */
struct vhu_record {
	uint32_t connection; /**< 1 for the backend's first connection, then 2, ... */
	uint32_t request;
	uint32_t flags; /**< of the header, as received */
	uint32_t size;  /**< bytes of payload */
	uint32_t nfds;
	bool need_reply;
	bool answered;   /**< by a reply or an acknowledgement */
	uint64_t u64[5]; /**< first 40 bytes of the payload, zero-padded */
	uint64_t ms;     /**< CLOCK_MONOTONIC */
};

/** A command of the control queue that arrived (NT-18). */
struct vhu_command {
	uint32_t connection; /**< as in struct vhu_record */
	uint8_t class, command;
	uint32_t len;     /**< bytes of data behind these two */
	uint8_t data[16]; /**< the first of them */
};

/** State of a virtqueue. */
struct vhu_vring_info {
	uint32_t num; /**< queue size as told, 0 if not */
	uint32_t base;
	bool has_addr;
	bool has_kick; /**< SET_VRING_KICK arrived */
	bool has_call; /**< with an eventfd */
	bool enabled;
	bool live;              /**< runs: vhu_backend_vq() has it */
	uint64_t notifications; /**< times the driver's eventfd was found signalled; ECHO, SINK */
	uint64_t interrupts;    /**< sent to the driver */
	uint64_t packets;       /**< taken (transmit) or delivered (receive) */
	uint64_t bytes;
	uint64_t starts; /**< times it went live */
};

/** A backend; opaque. */
struct vhu_backend;

/** Fill @p cfg: server at @p path, default features, one pair, 32 slots, mtu 1500, link up. */
void
vhu_config_init(struct vhu_config *cfg, const char *path);

/** Make a backend that does not run yet. NULL for a bad configuration or without memory. */
struct vhu_backend *
vhu_backend_create(const struct vhu_config *cfg);

/**
 * Start the thread. A server listens when this returns (what stands at the path is replaced); a
 * client tries to connect every 10 ms. After a lost connection both wait for the next one.
 *
 * @return
 *   0 or -errno; -EALREADY when it runs.
 */
int
vhu_backend_start(struct vhu_backend *b);

/**
 * End as by kill -9: connection closed at once, memory unmapped, state forgotten, the server's
 * socket file left behind. Log, counters of violations and totals stay. Nothing if not running.
 */
void
vhu_backend_kill(struct vhu_backend *b);

/** vhu_backend_kill() and remove the server's socket file. */
void
vhu_backend_stop(struct vhu_backend *b);

/** Stop and free. NULL is allowed. */
void
vhu_backend_destroy(struct vhu_backend *b);

/** Close the connection only; the thread waits for the next one. */
void
vhu_backend_disconnect(struct vhu_backend *b);

/** Change what the next connection sees; takes effect at once for packet handling and faults. */
void
vhu_backend_set_config(struct vhu_backend *b, const struct vhu_config *cfg);

/** Add a fault at run time. 0 or -ENOSPC. */
int
vhu_backend_set_fault(struct vhu_backend *b, uint32_t request, enum vhu_fault_kind kind,
		      uint32_t nth);

/** Remove all faults. */
void
vhu_backend_clear_faults(struct vhu_backend *b);

/* ---- waiting; all return true in time, false after @p timeout_ms milliseconds -------------- */

/** Wait until the driver is connected (or, with @p up false, is not). */
bool
vhu_backend_wait_connected(struct vhu_backend *b, bool up, uint32_t timeout_ms);

/** Wait until the first pair's virtqueues run. */
bool
vhu_backend_wait_live(struct vhu_backend *b, uint32_t timeout_ms);

/** Wait until at least @p count virtqueues run. */
bool
vhu_backend_wait_vrings(struct vhu_backend *b, uint32_t count, uint32_t timeout_ms);

/** Wait until @p count messages @p request have arrived since creation. */
bool
vhu_backend_wait_message(struct vhu_backend *b, uint32_t request, uint32_t count,
			 uint32_t timeout_ms);

/** Wait until @p count packets were taken from transmit queues since creation; ECHO, SINK. */
bool
vhu_backend_wait_packets(struct vhu_backend *b, uint64_t count, uint32_t timeout_ms);

/* ---- looking ------------------------------------------------------------------------------- */

/** Whether a driver is connected. */
bool
vhu_backend_connected(struct vhu_backend *b);

/** Connections since creation. */
uint32_t
vhu_backend_connections(struct vhu_backend *b);

/** Features, protocol features and status as the driver set them on this connection. */
uint64_t
vhu_backend_features(struct vhu_backend *b);
uint64_t
vhu_backend_protocol_features(struct vhu_backend *b);
uint8_t
vhu_backend_status(struct vhu_backend *b);

/** Memory regions mapped now, and their bytes together. */
uint32_t
vhu_backend_regions(struct vhu_backend *b);
uint64_t
vhu_backend_memory(struct vhu_backend *b);

/** Last NET_SET_MTU on this connection in bytes, 0 if none. */
uint64_t
vhu_backend_mtu(struct vhu_backend *b);

/** State of virtqueue @p idx; 0 or -EINVAL. */
int
vhu_backend_vring(struct vhu_backend *b, uint32_t idx, struct vhu_vring_info *info);

/** Packets taken from transmit queues since creation. */
uint64_t
vhu_backend_packets(struct vhu_backend *b);

/** Messages in the log since creation (the first 65,536 are kept). */
uint32_t
vhu_backend_log_count(struct vhu_backend *b);

/** Message @p i; 0 or -ENOENT. */
int
vhu_backend_log_get(struct vhu_backend *b, uint32_t i, struct vhu_record *rec);

/** Commands of the control queue since creation (the first 256 are kept). */
uint32_t
vhu_backend_commands(struct vhu_backend *b);

/** Command @p i; 0 or -ENOENT. */
int
vhu_backend_command(struct vhu_backend *b, uint32_t i, struct vhu_command *command);

/** How often @p request arrived since creation. */
uint32_t
vhu_backend_count(struct vhu_backend *b, uint32_t request);

/** The last message @p request; 0 or -ENOENT. */
int
vhu_backend_last(struct vhu_backend *b, uint32_t request, struct vhu_record *rec);

/** Name of a request for messages of tests, "SET_STATUS"; "?" if unknown. */
const char *
vhu_request_name(uint32_t request);

/** Breaches recorded since creation, those of all virtqueues included. */
uint32_t
vhu_backend_violations(struct vhu_backend *b);

/**
 * All breaches, a line each, "" if none: made for assert_string_equal(). The text is valid until
 * the next call or vhu_backend_destroy().
 */
const char *
vhu_backend_violations_text(struct vhu_backend *b);

/** Whether a breach of row @p id ("IN-06", "VU") was recorded. */
bool
vhu_backend_violated(struct vhu_backend *b, const char *id);

/** Forget all breaches. */
void
vhu_backend_violations_clear(struct vhu_backend *b);

/* ---- driving the virtqueues ------------------------------------------------------------------ */

/** Take and give back the lock; the backend's thread does nothing in between. */
void
vhu_backend_lock(struct vhu_backend *b);
void
vhu_backend_unlock(struct vhu_backend *b);

/** [locked] Virtqueue @p idx (2i receive, 2i+1 transmit of pair i); NULL if it does not run. */
struct pd_vq *
vhu_backend_vq(struct vhu_backend *b, uint32_t idx);

/** [locked] Interrupt the driver if it asks for it. Returns whether it did. */
bool
vhu_backend_interrupt(struct vhu_backend *b, uint32_t idx);

/** [locked] Interrupt the driver in any case (HD-27). 0 or -ENOTCONN without an eventfd. */
int
vhu_backend_interrupt_always(struct vhu_backend *b, uint32_t idx);

/** [locked] Read and clear the driver's notifications of @p idx; their number. VHU_IDLE only. */
uint64_t
vhu_backend_notified(struct vhu_backend *b, uint32_t idx);

/** [locked] Translate a device address; NULL if it is not wholly in one region. */
void *
vhu_backend_translate(struct vhu_backend *b, uint64_t addr, uint32_t len);

/**
 * Deliver a packet on the receive queue of @p pair, fetching as needed, and interrupt if asked.
 *
 * @return
 *   0; -EAGAIN without room; -ENOTCONN when the virtqueue does not run; -EPROTO; -EMSGSIZE.
 */
int
vhu_backend_send(struct vhu_backend *b, uint32_t pair, const void *data, uint32_t len);

/**
 * Take one packet from the transmit queue of @p pair, mark it used and interrupt if asked.
 *
 * @return
 *   Length in bytes, of which at most @p size were copied; -EAGAIN if there is none; -ENOTCONN;
 *   -EPROTO.
 */
ssize_t
vhu_backend_recv(struct vhu_backend *b, uint32_t pair, void *data, size_t size);

/**
 * Change the link bit of the configuration space, and tell the driver if it gave the backend a
 * channel for requests of its own.
 */
void
vhu_backend_set_link(struct vhu_backend *b, bool up);

#endif /* VHU_BACKEND_H */
