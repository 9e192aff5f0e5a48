/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file One queue of a running device: stop, start, recover from an error, interrupt. */

#include <errno.h>
#include <sys/eventfd.h>

#include <rte_ethdev.h>
#include <ethdev_driver.h>

#include "device_rings.h"
#include "log.h"

/* gate_lock is held. */
static void
resume_intr(struct pvq_rxq *q)
{
	if (!q->intr_on)
		return;
	pvq_ring_enable_notify(&q->ring);
	/* Whoever sleeps on the old ring looks at the new one. */
	eventfd_write(q->vq.call_fd, 1);
}

void
pvq_rings_resume_intr(struct pvq_device *dev)
{
	struct pvq_rxq *q;
	unsigned int i;

	PVQ_FOREACH_RXQ(dev, i, q)
		resume_intr(q);
}

/* A backend that cannot disable a ring finds nothing to do there: the gate is enough. */
static int
tell_enabled(struct pvq_device *dev, uint16_t vq)
{
	int ret = dev->live ? dev->transport->queue_enable(dev, vq, true) : 0;

	return ret == -ENOTSUP ? 0 : pvq_unless_gone(ret);
}

/* A queue whose reset does not end may be written to at any time: the device is stuck (HD-23). */
static int
unless_stuck(struct pvq_device *dev, int ret)
{
	if (ret == -ETIMEDOUT)
		pvq_device_needs_reset(dev);
	return ret;
}

/*
 * Where a queue can be reset it is (PR-37): a device that is only left without notifications goes on
 * with the buffers that it has.
 */
static int
tell_disabled(struct pvq_device *dev, struct pvq_vq *vq)
{
	int ret;

	if (!dev->live)
		return 0;
	if (!pvq_has(dev, VIRTIO_F_RING_RESET)) {
		ret = dev->transport->queue_enable(dev, vq->index, false);
		return ret == -ENOTSUP ? 0 : pvq_unless_gone(ret);
	}
	ret = vq->withdrawn ? 0 : dev->transport->queue_stop(dev, vq->index);
	if (ret == 0)
		vq->withdrawn = true;
	return unless_stuck(dev, ret);
}

static bool
needs_renewal(const struct pvq_device *dev, const struct pvq_vq *vq, const struct pvq_gate *gate)
{
	return dev->live && (vq->withdrawn || (pvq_gate_state(gate) & PVQ_GATE_ERROR) != 0);
}

static int
withdraw(struct pvq_device *dev, const struct pvq_vq *vq)
{
	return vq->withdrawn ? 0 : unless_stuck(dev, pvq_ring_withdraw(dev, vq->index));
}

/* Says so even if nothing is new in the ring: the device has not looked since it was disabled. */
static void
notify_started(const struct pvq_device *dev, const struct pvq_vq *vq, const struct pvq_ring *ring)
{
	if (dev->live)
		pvq_vq_notify(vq, ring);
}

static bool
queue_can_recover(const struct pvq_device *dev, const struct pvq_vq *vq, const char *direction)
{
	if (!dev->needs_reset)
		return true;
	PVQ_LOG(ERR, dev->name,
		"%s queue %u cannot start: the device needs a reset; restart the port", direction,
		vq->queue_id);
	return false;
}

/* After an error or a reset: have the device leave the ring and forget all it knew of it. */
static int
renew_rxq(struct pvq_device *dev, struct pvq_rxq *q)
{
	int ret;

	if (!queue_can_recover(dev, &q->vq, "rx"))
		return -EIO;
	ret = withdraw(dev, &q->vq);
	if (ret == 0)
		ret = pvq_rxq_reset(q, &q->mode);
	if (ret == 0)
		ret = dev->transport->queue_setup(dev, &q->vq, &q->ring);
	if (ret != 0)
		return pvq_unless_gone(ret);
	q->vq.withdrawn = false;
	rte_spinlock_lock(&dev->gate_lock);
	resume_intr(q);
	rte_spinlock_unlock(&dev->gate_lock);
	pvq_gate_clear(&q->gate, PVQ_GATE_ERROR);
	return 0;
}

static int
renew_txr(struct pvq_device *dev, struct pvq_txq *q)
{
	int ret;

	if (!queue_can_recover(dev, &q->vq, "tx"))
		return -EIO;
	ret = withdraw(dev, &q->vq);
	if (ret == 0)
		ret = pvq_txq_reset(q, &q->mode);
	if (ret >= 0)
		ret = dev->transport->queue_setup(dev, &q->vq, &q->ring);
	if (ret != 0)
		return pvq_unless_gone(ret);
	q->vq.withdrawn = false;
	pvq_gate_clear(&q->gate, PVQ_GATE_ERROR);
	return 0;
}

int
pvq_device_enable_rxq(struct pvq_device *dev, struct pvq_rxq *q, bool enable)
{
	int ret;

	if (enable) {
		ret = needs_renewal(dev, &q->vq, &q->gate) ? renew_rxq(dev, q) : 0;
		if (ret == 0)
			ret = tell_enabled(dev, q->vq.index);
		if (ret == 0) {
			q->vq.stopped = false;
			notify_started(dev, &q->vq, &q->ring);
			pvq_rings_start_gates(dev);
		}
		return ret;
	}
	q->vq.stopped = true;
	pvq_gate_set(&q->gate, PVQ_GATE_STOPPED);
	pvq_gate_barrier();
	ret = pvq_gate_wait(&q->gate);
	return ret != 0 ? ret : tell_disabled(dev, &q->vq);
}

int
pvq_device_enable_txq(struct pvq_device *dev, struct pvq_txq *first, bool enable)
{
	struct pvq_txq *q;
	unsigned int r;
	int ret = 0;

	for (r = 0; !enable && (q = pvq_txq_ring(first, r)) != NULL; r++)
		pvq_gate_set(&q->gate, PVQ_GATE_STOPPED);
	pvq_gate_barrier();
	for (r = 0; (q = pvq_txq_ring(first, r)) != NULL; r++) {
		ret = pvq_gate_wait(&q->gate);
		/* Whatever the device makes of it, nobody fills a ring that it was told to leave. */
		if (ret == 0 && !enable)
			q->vq.stopped = true;
		if (ret == 0 && enable && needs_renewal(dev, &q->vq, &q->gate))
			ret = renew_txr(dev, q);
		if (ret == 0)
			ret = enable ? tell_enabled(dev, q->vq.index) : tell_disabled(dev, &q->vq);
		if (ret != 0)
			break;
		if (!enable)
			continue;
		q->vq.stopped = false;
		notify_started(dev, &q->vq, &q->ring);
	}
	pvq_rings_start_gates(dev);
	return ret;
}

void
pvq_device_rx_intr(struct pvq_device *dev, struct pvq_rxq *q, bool on)
{
	bool pending = false;

	rte_spinlock_lock(&dev->gate_lock);
	q->intr_on = on;
	/* Without a live device, the next one's ring gets it: pvq_rings_resume_intr(). */
	if (dev->live && on)
		pending = pvq_ring_enable_notify(&q->ring) || pvq_rxq_has_more(q);
	else if (dev->live)
		pvq_ring_disable_notify(&q->ring);
	rte_spinlock_unlock(&dev->gate_lock);
	/* What came before the device could know is announced by ourselves: no lost wake-up. */
	if (pending)
		eventfd_write(q->vq.call_fd, 1);
}

void
pvq_device_wake_rx(struct pvq_device *dev)
{
	struct pvq_rxq *q;
	unsigned int i;

	rte_spinlock_lock(&dev->gate_lock);
	/* While the device is live no queue is freed and no eventfd closed. */
	if (dev->live)
		PVQ_FOREACH_RXQ(dev, i, q)
			if (q->intr_on && __atomic_load_n(&q->vq.call_shared, __ATOMIC_RELAXED))
				eventfd_write(q->vq.call_fd, 1);
	rte_spinlock_unlock(&dev->gate_lock);
}
