/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_VQ_H
#define PVQ_VQ_H

/**
 * @file
 * What receive, transmit and control queues have in common besides the ring: where their memory is,
 * how the device is told, what it calls an address.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_memzone.h>

#include "gate.h"
#include "ring.h"

/** How a device sees memory. */
enum pvq_bus {
	PVQ_BUS_VIRTUAL,  /**< as this process does, at virtual addresses */
	PVQ_BUS_IOVA,     /**< at IOVAs, in the order in which other processors see it */
	PVQ_BUS_PLATFORM, /**< at IOVAs, in the order of devices: VIRTIO_F_ORDER_PLATFORM */
};

/** Why a gate has PVQ_GATE_ERROR; index of pvq_queue_error_text(). */
enum pvq_queue_error {
	PVQ_QUEUE_OK,
	PVQ_QUEUE_BAD_ID,
	PVQ_QUEUE_BAD_ORDER,
	PVQ_QUEUE_BAD_LEN,
	PVQ_QUEUE_BAD_NUM_BUFFERS,
	PVQ_QUEUE_MERGE_STALLED,
	PVQ_QUEUE_NEEDS_RESET,
};

/** What both directions have, apart from the data path's own fields. */
struct pvq_vq {
	uint16_t port_id;
	uint16_t queue_id; /**< ethdev's index */
	uint16_t index;    /**< virtqueue index */
	uint16_t size;     /**< slots */
	int socket_id;     /**< asked for at set-up */
	int call_fd;       /**< eventfd the device notifies by, -1 for none; primary process */
	bool call_shared;  /**< others share its interrupt: pvq_device_wake_rx(); atomic */
	int node;          /**< where the ring's pages are, -1 unknown */
	unsigned int lcore; /**< who polled first after set-up, LCORE_ID_ANY before that */
	bool deferred_start;
	bool stopped;      /**< by the application, with rx/tx_queue_stop */
	bool withdrawn;    /**< the device has left the ring: VIRTIO_F_RING_RESET */
	enum pvq_queue_error error;
	bool error_reported;
	bool leaked;       /**< a device that hangs may still write to the ring: never free it */
	uint64_t numa_mismatches;
	bool iova;         /**< the device is to be told IOVAs, not virtual addresses */
	void *notify_addr; /**< the register to notify by, NULL for an eventfd; see notify.h */
	uint16_t notify_id; /**< what the register is told of the virtqueue */
	bool notify_data;  /**< VIRTIO_F_NOTIFICATION_DATA negotiated */
	uint64_t bus_shift; /**< from addresses in the ring's memory to those the device uses */
	const struct rte_memzone *mz;
	void *ring_mem;    /**< pvq_ring_bytes(size) */
};

/** Zeroed memory for a queue, on conf->socket_id. @return the zone, or NULL. */
const struct rte_memzone *
pvq_vq_reserve(const struct pvq_vq *conf, size_t bytes);

/**
 * Fill in what a queue's set-up decides.
 *
 * @param conf
 *   port_id, queue_id, index, size, socket_id and call_fd, to be copied.
 * @param ring_at
 *   Where in @p mz the ring is.
 */
void
pvq_vq_init(struct pvq_vq *vq, const struct pvq_vq *conf, const struct rte_memzone *mz,
	    size_t ring_at);

/** Free the queue's zone, in which @p vq lies itself. */
void
pvq_vq_free(struct pvq_vq *vq);

/**
 * Notify the device of available buffers (specification 1.4, Available Buffer Notifications). By
 * whoever may make buffers available in @p ring, which is @p vq's.
 */
void
pvq_vq_notify(const struct pvq_vq *vq, const struct pvq_ring *ring);

/** What the device is to call an address in the ring's memory. */
static inline uint64_t
pvq_vq_bus_addr(const struct pvq_vq *vq, const void *addr)
{
	return (uintptr_t)addr + vq->bus_shift;
}

/** Where an mbuf's buffer begins, as the device is to call it. */
static __rte_always_inline uint64_t
pvq_mbuf_addr(const struct rte_mbuf *m, const enum pvq_bus bus)
{
	return bus == PVQ_BUS_VIRTUAL ? (uintptr_t)m->buf_addr : rte_mbuf_iova_get(m);
}

/** One line for the log: what a device did to get its ring closed. */
const char *
pvq_queue_error_text(enum pvq_queue_error error);

/** Close the queue's gate from inside a burst: the device broke the rules of the ring. */
static inline void
pvq_vq_fail(struct pvq_vq *vq, struct pvq_gate *gate, uint64_t *counter, enum pvq_queue_error error)
{
	__atomic_store_n(&vq->error, error, __ATOMIC_RELAXED);
	(*counter)++;
	pvq_gate_set(gate, PVQ_GATE_ERROR);
}

#endif /* PVQ_VQ_H */
