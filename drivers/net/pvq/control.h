/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_CONTROL_H
#define PVQ_CONTROL_H

/**
 * @file
 * What the application wants of the device's filters, and the commands that tell the device
 * (specification 1.4, Network Device, Control Virtqueue). Wishes outlive devices: each one is told
 * all of them when it comes up, and while there is none they are kept. dev->lock is held in all
 * functions here.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "cvq.h"

struct pvq_device;

/** Unicast addresses of a port, its own included. */
#define PVQ_MACS_MAX 64u
/** Multicast addresses; an application with more gets all multicast frames. */
#define PVQ_MULTICASTS_MAX 512u
/** VLAN identifiers are bits of this many words. */
#define PVQ_VLAN_WORDS 64u
/** Receive modes that are switched: PROMISC, ALLMULTI, ALLUNI. */
#define PVQ_RX_MODES 3u

struct pvq_control {
	struct pvq_cvq *cvq; /**< NULL: there was no memory for one */
	/* What the application wants; ethdev's own record changes outside of dev->lock. */
	bool promiscuous;
	bool allmulticast;
	bool vlan_filter;         /**< frames with a VLAN tag that is not listed are unwanted */
	bool too_many_multicasts; /**< more than are kept here */
	uint16_t nb_multicasts;
	struct rte_ether_addr mac[PVQ_MACS_MAX]; /**< by ethdev's index, zero where there is none */
	struct rte_ether_addr multicast[PVQ_MULTICASTS_MAX];
	uint64_t vlan[PVQ_VLAN_WORDS];
	/* What the device has taken since its last reset. */
	int8_t mode_told[PVQ_RX_MODES]; /**< -1: nobody knows */
	bool mac_told;
	bool table_told;
	bool table_refused; /**< too long for the device: it is to deliver all */
	bool announced;     /**< its announcement was not acknowledged, and will not be again */
	uint64_t vlan_told[PVQ_VLAN_WORDS];
};

/**
 * Tell the device where the control queue is, if CTRL_VQ is negotiated, and of empty rings for what
 * the port's pairs lack on one side: a device is told of both before it may use a pair (NT-23).
 *
 * @return
 *   0 or -errno.
 */
int
pvq_control_hand_over(struct pvq_device *dev, const struct pvq_queue_mode *mode);

/** Have the device leave these rings. @return 0 or -errno. */
int
pvq_control_take_back(struct pvq_device *dev);

/** The device would not leave the queue: what it may still write to is not freed, ever (HD-23). */
void
pvq_control_leak(struct pvq_device *dev);

/**
 * Tell a device that has just got DRIVER_OK all that the application wants. That it refuses a
 * filter is logged and no reason to do without it; ethdev repeats the commands for the receive modes
 * when a port starts, and takes a refusal there for one of the start.
 *
 * @param pairs
 *   Queue pairs that are set up and will be used.
 * @return
 *   0; -ENOSPC when the device does not take as many pairs, logged; -errno when it has gone.
 */
int
pvq_control_replay(struct pvq_device *dev, uint16_t pairs);

/** Whether the device can be told which frames to receive; unknown when there is none. */
bool
pvq_control_filters(const struct pvq_device *dev);

/**
 * Change a wish, and tell the device if it is live and has the feature.
 *
 * @return
 *   0, also when the device is just going away; else the wish is as it was: -EIO when the device
 *   refuses, or does not answer since an earlier command; -ETIMEDOUT and -EPROTO as for
 *   pvq_cvq_command(). All are logged.
 */
int
pvq_control_set_promiscuous(struct pvq_device *dev, bool on);
int
pvq_control_set_allmulticast(struct pvq_device *dev, bool on);

/** The same for the unicast address that ethdev counts as @p index, 0 for the port's own. */
int
pvq_control_set_mac(struct pvq_device *dev, uint32_t index, const struct rte_ether_addr *addr);

/** Forget the unicast address @p index, which is not 0. The next device will not hear of it. */
void
pvq_control_remove_mac(struct pvq_device *dev, uint32_t index);

/** Replace all multicast addresses. @return as above, and -EINVAL for one that is none. */
int
pvq_control_set_multicasts(struct pvq_device *dev, const struct rte_ether_addr *addrs, uint32_t n);

/** Receive frames of VLAN @p id, 0 to 4095, or do not, as far as VLANs are filtered. */
int
pvq_control_set_vlan(struct pvq_device *dev, uint16_t id, bool on);

/** Tell the device that its announcement was made. @return as above. */
int
pvq_control_acknowledge(struct pvq_device *dev);

#endif /* PVQ_CONTROL_H */
