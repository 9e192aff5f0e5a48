/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_DEVICE_H
#define PVQ_DEVICE_H

/**
 * @file
 * The virtio device behind a port: what it offers, the steps that bring it to DRIVER_OK with all
 * rings in place, and the way back. How words reach it is the transport's business.
 *
 * Locking: dev->lock orders everything that talks to the device, from the application's control
 * calls and from the transport's thread. EAL memory is not allocated or freed while it is held: EAL
 * has locks of its own there, and a backend in the same process may wait for them. dev->gate_lock
 * guards only gate bits and the flags that decide them; nothing is waited for while it is held.
 * dev->queues_lock keeps queues from being freed under readers of counters, who must not wait for a
 * device as holders of dev->lock may; it is taken last, and in the primary process only.
 *
 * Single fields that are told to applications without a lock are read and written atomically: an
 * answer may be a moment old.
 */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_spinlock.h>

#include "burst.h"
#include "control.h"
#include "log.h"
#include "notify.h"
#include "queue.h"

#define PVQ_PATH_MAX 108 /* sun_path of unix(7) */
#define PVQ_NAME_MAX 64
/* "pvq eth" */
#define PVQ_DEVICE_MAGIC 0x7076712065746800ull

struct rte_eth_dev_data;
struct pvq_device;

/** What the user asked for with devargs; constant after probe. */
struct pvq_options {
	char path[PVQ_PATH_MAX];
	bool server;
	uint16_t queues; /**< queue pairs at most, 0 for as many as the backend has */
	uint16_t queue_size;
	bool has_mac;
	struct rte_ether_addr mac;
	bool mrg_rxbuf;
	bool in_order;
	bool event_idx;
	uint32_t speed; /**< Mbit/s */
	enum pvq_isa isa;
};

/**
 * A way to reach a virtio device. Unless it says otherwise an operation is called with dev->lock
 * held, and it returns 0 or -errno; -ENOTSUP means that this device has no such thing.
 */
struct pvq_transport {
	const char *name;
	bool iova; /**< the device is to be told IOVAs, not virtual addresses */
	bool own_rings; /**< each ring is enabled by itself, so pairs can be used without MQ */
	bool unfiltered; /**< that a device does not filter is no news, and no error to tell of */
	uint64_t features; /**< what it can negotiate besides what the device itself is asked for */
	/**
	 * The device is there even when it has been given up: only a reset makes it leave its rings,
	 * and its status can be asked for at any time.
	 */
	bool stays;
	/** Look for the device; pvq_device_arrived() tells of it, possibly before return. */
	int (*open)(struct pvq_device *dev);
	/** Let go of the device for good. Called without the lock. */
	void (*close)(struct pvq_device *dev);
	/** Give up this device and look for it again, soon. */
	void (*drop)(struct pvq_device *dev);
	/** Look for the device now and wait, a moment, for what comes of it. Without the lock. */
	void (*look_now)(struct pvq_device *dev);
	int (*get_features)(struct pvq_device *dev, uint64_t *features);
	int (*set_features)(struct pvq_device *dev, uint64_t features);
	int (*get_status)(struct pvq_device *dev, uint8_t *status);
	int (*set_status)(struct pvq_device *dev, uint8_t status);
	/** Read @p len bytes of device configuration space from @p offset. */
	int (*read_config)(struct pvq_device *dev, uint32_t offset, uint32_t len, void *to);
	/**
	 * Virtqueues there can be, whatever configuration fields say: pairs and, where there is
	 * room for one behind them, a control queue.
	 */
	int (*get_num_queues)(struct pvq_device *dev, uint16_t *queues);
	/** Slots that a virtqueue can have at most; after a reset. NULL where nobody tells. */
	int (*get_queue_size)(struct pvq_device *dev, uint16_t vq, uint16_t *size);
	/** Tell the device all of the process's memory; cheap when nothing has changed. */
	int (*share_memory)(struct pvq_device *dev);
	/** Tell the device where a ring is; it starts at index 0 with wrap counters 1. */
	int (*queue_setup)(struct pvq_device *dev, struct pvq_vq *vq, const struct pvq_ring *ring);
	int (*queue_enable)(struct pvq_device *dev, uint16_t vq, bool enable);
	/** Have the device leave a ring; on return 0 it touches ring and buffers no more. */
	int (*queue_stop)(struct pvq_device *dev, uint16_t vq);
	/** Agree on an MTU that the device need not tell. NULL where it is the device's to tell. */
	int (*set_mtu)(struct pvq_device *dev, uint16_t mtu);
	/** Whether rx queues can interrupt; -ENOTSUP is logged. Without the lock. NULL: always. */
	int (*check_rx_intr)(struct pvq_device *dev);
	/**
	 * The port starts: let interrupts through, those of rx queues with a call_fd included; what
	 * the device cannot do is made up for. NULL when there is nothing to prepare.
	 */
	void (*intr_on)(struct pvq_device *dev);
	/** The port has stopped, and call_fds are about to be closed. Goes with intr_on. */
	void (*intr_off)(struct pvq_device *dev);
};

/** What the port has to do when something becomes of the device; primary process. */
struct pvq_device_hooks {
	/**
	 * Let lcores call the functions of dev->rx_path and tx_path: when these are decided, the
	 * gates still closed, and now and then, since ethdev may have copied the old ones just
	 * then. dev->lock held.
	 */
	void (*set_paths)(struct pvq_device *dev);
	/** Raise what is in dev->pending_events, if anything. Without the lock. */
	void (*raise_events)(struct pvq_device *dev);
};

/** What a device says of itself, read when it arrives. */
struct pvq_offer {
	uint64_t features; /**< without those that are of no use as they are offered */
	uint16_t max_pairs;
	uint16_t cvq_index; /**< where the control queue is, if CTRL_VQ is offered */
	uint16_t max_rx_size; /**< slots of a ring */
	uint16_t max_tx_size;
	uint16_t mtu; /**< 0 when not told */
	bool has_mac;
	struct rte_ether_addr mac;
};

struct pvq_device {
	uint64_t magic; /**< PVQ_DEVICE_MAGIC, by which other processes know it from other drivers' */
	char name[PVQ_NAME_MAX];
	uint16_t port_id;
	struct rte_eth_dev_data *data;
	const struct pvq_transport *transport; /**< primary process only */
	const struct pvq_device_hooks *hooks;  /**< primary process only */
	void *transport_priv;                  /**< primary process only */
	pthread_mutex_t lock;
	pthread_mutex_t queues_lock;
	rte_spinlock_t gate_lock;

	struct pvq_options opt;
	struct pvq_offer offer;
	uint64_t features;  /**< negotiated, 0 before the first time */
	uint8_t status;     /**< the status bits set so far */
	bool present;       /**< the device is there and was accepted */
	bool live;          /**< DRIVER_OK, rings in use */
	bool holds;         /**< the device was told DRIVER_OK and has not been reset since */
	bool started;       /**< rte_eth_dev_start was called */
	bool admin_down;    /**< rte_eth_dev_set_link_down was called */
	bool link_up;
	bool needs_reset;   /**< the device said so: nothing helps but a restart of the port */
	bool memory_dirty;  /**< EAL's memory changed since the device was told; gate_lock */
	bool memory_shut;   /**< transmit gates are closed for that; gate_lock */
	bool refused;       /**< the last device that arrived was turned away */
	bool was_live;      /**< since start, so that the next time counts as a reconnect */
	struct pvq_control control;
	uint16_t rx_path;
	uint16_t tx_path;
	uint64_t reconnects;
	uint32_t pending_events; /**< PVQ_EVENT_* not raised yet */
};

/** Bytes of the longest frame at @p mtu: two VLAN tags included. */
static inline uint32_t
pvq_frame_len(uint16_t mtu)
{
	return mtu + RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN;
}

/** Log why a device is turned away: as an error the first time, then for debugging. */
#define PVQ_REFUSE(dev, fmt, ...) \
	rte_log((dev)->refused ? RTE_LOG_DEBUG : RTE_LOG_ERR, pvq_logtype, "%s: " fmt "\n", \
		(dev)->name, ##__VA_ARGS__)

#define PVQ_EVENT_LINK (1u << 0)
#define PVQ_EVENT_ERROR (1u << 1)
#define PVQ_EVENT_REMOVED (1u << 2)

/** Features without which pvq does not drive a device. */
#define PVQ_FEATURES_REQUIRED (1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_RING_PACKED)

/** Negotiated? */
static inline bool
pvq_has(const struct pvq_device *dev, unsigned int bit)
{
	return (dev->features >> bit & 1) != 0;
}

/** Bytes of text that name all features pvq knows. */
#define PVQ_FEATURES_TEXT 256u

/**
 * A name for each bit of @p features that pvq knows, blank-separated, into @p buf.
 *
 * @return
 *   @p buf.
 */
const char *
pvq_features_text(uint64_t features, char *buf, size_t len);

/**
 * The transport has found the device: find out what it offers and, if the port is started, bring it
 * up. Transport's thread.
 *
 * @return
 *   0, or -errno: the transport lets go of the device and tries again later.
 */
int
pvq_device_arrived(struct pvq_device *dev);

/** The device is gone: link down, rings kept as they are. Transport's thread. */
void
pvq_device_lost(struct pvq_device *dev);

/** The same for a device that will not be back: the application is told to remove the port. */
void
pvq_device_removed(struct pvq_device *dev);

/** Nothing that the device does from here on can be relied on (IN-10, HD-23). dev->lock held. */
void
pvq_device_needs_reset(struct pvq_device *dev);

/** Give the device up and look for it afresh. dev->lock held. */
void
pvq_device_drop(struct pvq_device *dev);

/**
 * Things to do now and then: raise queue errors, catch up with memory. Transport's thread.
 *
 * @param look
 *   Whether the device's state and link may have changed, and are to be read.
 */
void
pvq_device_tend(struct pvq_device *dev, bool look);

/**
 * EAL's memory has changed. Any thread, under any of EAL's locks: marks the memory dirty, closes
 * the transmit gates and returns; pvq_device_tend() does the rest.
 */
void
pvq_device_memory_changed(struct pvq_device *dev);

/**
 * The port is started or stopped: bring the device up if it is there, or take the rings out of its
 * hands. dev->lock held.
 *
 * @return
 *   0, also when there is no device yet or its connection failed; -ENOMEM when a receive ring could
 *   not be filled; -ENOTSUP when the device no longer offers what it must; -ENOSPC when it has too
 *   few queue pairs; -E2BIG when it takes fewer memory regions than there are, or shorter rings;
 *   -EINVAL when the MTU does not fit; -EBUSY when a polling lcore did not leave its ring. All are
 *   logged.
 */
int
pvq_device_start(struct pvq_device *dev);
int
pvq_device_stop(struct pvq_device *dev);

/**
 * Close (or open) the gates of one queue and tell the device. A queue that was closed by an error
 * has its ring taken back and set up anew before it opens; the packets that the device held are
 * sent again. dev->lock held.
 *
 * @return
 *   0, also when the connection fails meanwhile: the next device is told. -EBUSY when a polling
 *   lcore does not leave its burst; -EIO when the whole device needs a reset; -ENOTSUP when only a
 *   reset of it all can take a ring back; -ETIMEDOUT when the ring's reset does not end, and the
 *   device needs one of it all; -ENOMEM when there is no mbuf for a receive ring; -EPROTO when the
 *   device refuses.
 */
int
pvq_device_enable_rxq(struct pvq_device *dev, struct pvq_rxq *q, bool enable);
int
pvq_device_enable_txq(struct pvq_device *dev, struct pvq_txq *q, bool enable);

/**
 * Turn Rx interrupts of a queue on or off; a queue with packets already waiting interrupts at once.
 * Any thread, no lock held. q->vq.call_fd must be there.
 */
void
pvq_device_rx_intr(struct pvq_device *dev, struct pvq_rxq *q, bool on);

/**
 * Wake whoever waits for an interrupt of a queue that shares one: it may have been meant. Any
 * thread, no lock held.
 */
void
pvq_device_wake_rx(struct pvq_device *dev);

/** Whether @p ret is an error of the connection, that the next one may not have. */
bool
pvq_connection_failed(int ret);

/** @p ret, or 0 when it says that the device is just going away: the next one is told then. */
static inline int
pvq_unless_gone(int ret)
{
	return ret != -EPROTO && pvq_connection_failed(ret) ? 0 : ret;
}

/**
 * Negotiate with the device anew and go on as before, since the port wants other features now. What
 * the device has not sent is sent again. dev->lock held.
 *
 * @return
 *   0, also when there is no live device; -EBUSY when a polling lcore does not leave its ring, and
 *   all is as it was; else as pvq_device_start(): the device is given up and looked for again.
 */
int
pvq_device_renegotiate(struct pvq_device *dev);

/**
 * The device asks for its address to be announced: send a packet that tells switches where the port
 * is, and tell the device so (specification 1.4, Gratuitous Packet Sending). dev->lock held.
 *
 * @return
 *   Whether that was done now; if not, the next call may do it.
 */
bool
pvq_device_announce(struct pvq_device *dev);

/** Link set up or down by the application. dev->lock held. */
int
pvq_device_set_admin(struct pvq_device *dev, bool up);

/** Queue pairs that can be configured now. */
uint16_t
pvq_device_max_pairs(const struct pvq_device *dev);

/** Whether frames of @p mtu bytes can be received; logs why not. @return 0 or -EINVAL. */
int
pvq_device_check_mtu(const struct pvq_device *dev, uint16_t mtu);

/** All receive queues that are set up. */
#define PVQ_FOREACH_RXQ(dev, i, q) \
	for ((i) = 0; (i) < (dev)->data->nb_rx_queues; (i)++) \
		if (((q) = (dev)->data->rx_queues[i]) != NULL)

/** All transmit rings of queues that are set up: ring @p r of queue @p i is @p q. */
#define PVQ_FOREACH_TXR(dev, i, r, q) \
	for ((i) = 0; (i) < (dev)->data->nb_tx_queues; (i)++) \
		for ((r) = 0; ((q) = pvq_txq_ring((dev)->data->tx_queues[i], (r))) != NULL; (r)++)

/** Ring @p r of a transmit queue, NULL after the last and when @p txq is NULL. */
static inline struct pvq_txq *
pvq_txq_ring(const struct pvq_txq *txq, unsigned int r)
{
	return txq != NULL && r < txq->nb_rings ? txq->rings[r] : NULL;
}

#endif /* PVQ_DEVICE_H */
