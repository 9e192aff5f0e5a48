/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_DEVICE_RINGS_H
#define PVQ_DEVICE_RINGS_H

/**
 * @file
 * What the device does with all of a port's rings at once. Part of device.c's work: dev->lock is
 * held in every function here, unless it says otherwise.
 */

#include "device.h"

/** Close all gates and wait for polling lcores to be out. @return 0 or -EBUSY. */
int
pvq_rings_quiesce(struct pvq_device *dev);

/** Set @p bits at the gates that stop traffic to a device that is not there; does not wait. */
void
pvq_rings_shut(struct pvq_device *dev, uint32_t bits);

/** Set or clear @p bits at the transmit gates. gate_lock is held, dev->lock need not be. */
void
pvq_rings_gate(struct pvq_device *dev, uint32_t bits, bool set);

/** Queue pairs that the port's rings make use of. */
uint16_t
pvq_rings_pairs(const struct pvq_device *dev);

/** Whether a ring of the port's is virtqueue @p index. */
bool
pvq_rings_have(const struct pvq_device *dev, uint16_t index);

/** Whether the device has a queue pair for every ring. @return 0, or -ENOSPC, logged. */
int
pvq_rings_check(const struct pvq_device *dev);

/** Put all rings into the state after reset. @return 0 or -ENOMEM. */
int
pvq_rings_reset(struct pvq_device *dev, const struct pvq_queue_mode *mode);

/** Send again what the device before had not taken. @return packets. */
unsigned int
pvq_rings_replay(struct pvq_device *dev);

/** Tell the device where all rings are and enable those that are started. @return 0 or -errno. */
int
pvq_rings_hand_over(struct pvq_device *dev);

/** Have the device leave the ring of one virtqueue. @return 0 or -errno. */
int
pvq_ring_withdraw(struct pvq_device *dev, uint16_t vq);

/** Have the device leave all rings. @return 0 or -errno. */
int
pvq_rings_take_back(struct pvq_device *dev);

/** Name the paths and open the gates of what is started. */
void
pvq_rings_open(struct pvq_device *dev);

/** Undo pvq_rings_quiesce(): nothing has changed meanwhile. */
void
pvq_rings_reopen(struct pvq_device *dev);

/** Clear the gates' STOPPED bit where neither queue nor link is stopped. */
void
pvq_rings_start_gates(struct pvq_device *dev);

/** Notify the device once of every ring: it may have gone to sleep on an empty one. */
void
pvq_rings_notify_all(struct pvq_device *dev);

/** Free all mbufs, or forget them: @p leak as for pvq_rxq_clear(). */
void
pvq_rings_clear(struct pvq_device *dev, bool leak);

/** Enable Rx interrupts on new rings where they were on the old ones. gate_lock is held. */
void
pvq_rings_resume_intr(struct pvq_device *dev);

/** Close all gates for @p error, until the rings are set up again. dev->lock held. */
void
pvq_rings_fail(struct pvq_device *dev, enum pvq_queue_error error);

/** Log queues closed by an error since the last call. @return whether there were any. */
bool
pvq_rings_report_errors(struct pvq_device *dev);

#endif /* PVQ_DEVICE_RINGS_H */
