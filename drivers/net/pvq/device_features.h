/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_DEVICE_FEATURES_H
#define PVQ_DEVICE_FEATURES_H

/**
 * @file
 * What a device offers and what is made of it (specification 1.4, Feature Bits; Device
 * Initialization, steps 1 to 6). dev->lock is held in every function that takes a device to change.
 */

#include "device.h"

/** Read dev->offer and check that it has PVQ_FEATURES_REQUIRED. @return 0 or -errno, logged. */
int
pvq_device_identify(struct pvq_device *dev);

/**
 * Reset the device and go through initialisation up to FEATURES_OK; sets dev->features.
 *
 * @return
 *   0; -EPROTO when the device did not accept the features (FAILED is then set); another -errno
 *   from the transport.
 */
int
pvq_device_negotiate(struct pvq_device *dev);

/** Add bits to the device status; bits are only ever added (IN-01). @return 0 or -errno. */
int
pvq_device_add_status(struct pvq_device *dev, uint8_t bits);

/** Reset the device. @return 0 or -errno. */
int
pvq_device_reset_status(struct pvq_device *dev);

/** VIRTIO_NET_S_* as they are now; nothing but link up when the device does not tell (NT-31). */
uint16_t
pvq_device_net_status(struct pvq_device *dev);

/** What dev->features means to a queue. */
struct pvq_queue_mode
pvq_device_queue_mode(const struct pvq_device *dev);

/** What the port asks for if offered, by its devargs. */
uint64_t
pvq_wanted_features(const struct pvq_device *dev);

/** @p features without those that need others which are not among them (conformance part B). */
uint64_t
pvq_features_closed(uint64_t features);

#endif /* PVQ_DEVICE_FEATURES_H */
