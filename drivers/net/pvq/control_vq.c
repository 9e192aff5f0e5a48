/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The control queue among the device's virtqueues, and those that the port does not use. */

#include <rte_ethdev.h>
#include <ethdev_driver.h>

#include "control.h"
#include "device.h"
#include "device_rings.h"

static int
hand_over_one(struct pvq_device *dev, struct pvq_vq *vq, const struct pvq_ring *ring)
{
	int ret = dev->transport->queue_setup(dev, vq, ring);

	return ret != 0 ? ret : dev->transport->queue_enable(dev, vq->index, true);
}

/*
 * With as many receive as transmit queues there are none. @return the number after @p from of a
 * virtqueue that belongs to a pair in use and not to a queue of the port, UINT32_MAX after the last.
 */
static uint32_t
next_idle(const struct pvq_device *dev, uint32_t from)
{
	const uint32_t end = pvq_has(dev, VIRTIO_NET_F_MQ) ? 2u * pvq_rings_pairs(dev) : 0;

	for (; from < end; from++)
		if (!pvq_rings_have(dev, from))
			return from;
	return UINT32_MAX;
}

int
pvq_control_hand_over(struct pvq_device *dev, const struct pvq_queue_mode *mode)
{
	struct pvq_cvq *cvq = dev->control.cvq;
	int ret = 0;
	uint32_t i;

	if (!pvq_has(dev, VIRTIO_NET_F_CTRL_VQ))
		return 0;
	cvq->vq.index = dev->offer.cvq_index;
	pvq_cvq_reset(cvq, mode->event_idx, mode->bus == PVQ_BUS_PLATFORM);
	for (i = next_idle(dev, 0); i != UINT32_MAX && ret == 0; i = next_idle(dev, i + 1)) {
		cvq->idle_vq.index = i;
		ret = hand_over_one(dev, &cvq->idle_vq, &cvq->idle);
	}
	return ret != 0 ? ret : hand_over_one(dev, &cvq->vq, &cvq->ring);
}

int
pvq_control_take_back(struct pvq_device *dev)
{
	int ret = 0;
	uint32_t i;

	if (!pvq_has(dev, VIRTIO_NET_F_CTRL_VQ))
		return 0;
	for (i = next_idle(dev, 0); i != UINT32_MAX && ret == 0; i = next_idle(dev, i + 1))
		ret = pvq_ring_withdraw(dev, i);
	return ret != 0 ? ret : pvq_ring_withdraw(dev, dev->control.cvq->vq.index);
}

void
pvq_control_leak(struct pvq_device *dev)
{
	if (dev->control.cvq != NULL)
		dev->control.cvq->vq.leaked = true;
}
