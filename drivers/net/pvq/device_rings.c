/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <sys/eventfd.h>

#include <rte_ethdev.h>
#include <ethdev_driver.h>

#include "device_rings.h"
#include "log.h"

bool
pvq_connection_failed(int ret)
{
	switch (ret) {
	case -EPROTO:
	case -EBADMSG:
	case -ETIMEDOUT:
	case -ECONNRESET:
	case -EIO:
		return true;
	default:
		return false;
	}
}

void
pvq_rings_shut(struct pvq_device *dev, uint32_t bits)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	/* A receive ring is polled on: what the device has left there is still to be delivered. */
	if (bits != PVQ_GATE_AWAY)
		PVQ_FOREACH_RXQ(dev, i, rxq)
			pvq_gate_set(&rxq->gate, bits);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		pvq_gate_set(&txq->gate, bits);
	pvq_gate_barrier();
}

int
pvq_rings_quiesce(struct pvq_device *dev)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;
	int ret = 0;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		pvq_gate_set(&rxq->gate, PVQ_GATE_AWAY);
	pvq_rings_shut(dev, PVQ_GATE_AWAY);
	PVQ_FOREACH_RXQ(dev, i, rxq)
		ret |= pvq_gate_wait(&rxq->gate);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		ret |= pvq_gate_wait(&txq->gate);
	if (ret == 0)
		return 0;
	PVQ_LOG(ERR, dev->name, "a polling thread does not leave its burst: rings stay as they "
		"are");
	return -EBUSY;
}

void
pvq_rings_gate(struct pvq_device *dev, uint32_t bits, bool set)
{
	struct pvq_txq *txq;
	unsigned int i, r;

	PVQ_FOREACH_TXR(dev, i, r, txq) {
		if (set)
			pvq_gate_set(&txq->gate, bits);
		else
			pvq_gate_clear(&txq->gate, bits);
	}
}

int
pvq_rings_check(const struct pvq_device *dev)
{
	struct pvq_txq *txq;
	unsigned int needed = dev->data->nb_rx_queues, i, r;

	PVQ_FOREACH_TXR(dev, i, r, txq)
		needed = RTE_MAX(needed, txq->vq.index / 2u + 1);
	if (needed <= dev->offer.max_pairs)
		return 0;
	PVQ_REFUSE(dev,
		"the port is set up for %u queue pairs and the backend has %u: configure fewer "
		"queues or give the backend more; devarg queues=%u makes the lcores of a "
		"lock-free transmit queue share rings",
		needed, dev->offer.max_pairs, dev->offer.max_pairs);
	return -ENOSPC;
}

int
pvq_rings_reset(struct pvq_device *dev, const struct pvq_queue_mode *mode, unsigned int *replayed)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	PVQ_FOREACH_RXQ(dev, i, rxq) {
		if (pvq_rxq_reset(rxq, mode) == 0)
			continue;
		PVQ_REFUSE(dev, "mempool \"%s\" has no mbuf for rx queue %u: make it larger",
			rxq->pool->name, i);
		return -ENOMEM;
	}
	PVQ_FOREACH_TXR(dev, i, r, txq) {
		int n = pvq_txq_reset(txq, mode);

		if (n < 0)
			return n;
		*replayed += n;
	}
	return 0;
}

int
pvq_rings_hand_over(struct pvq_device *dev)
{
	const struct pvq_transport *t = dev->transport;
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;
	int ret = 0;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		if (ret == 0)
			ret = t->queue_setup(dev, &rxq->vq, &rxq->ring);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		if (ret == 0)
			ret = t->queue_setup(dev, &txq->vq, &txq->ring);
	PVQ_FOREACH_RXQ(dev, i, rxq)
		if (ret == 0 && !rxq->vq.stopped)
			ret = t->queue_enable(dev, rxq->vq.index, true);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		if (ret == 0 && !txq->vq.stopped)
			ret = t->queue_enable(dev, txq->vq.index, true);
	return ret;
}

static int
take_back(struct pvq_device *dev, uint16_t vq)
{
	int ret = dev->transport->queue_enable(dev, vq, false);

	/* Some backends cannot disable a ring, all can stop it. */
	if (ret != 0 && ret != -ENOTSUP && ret != -EPROTO)
		return ret;
	return dev->transport->queue_stop(dev, vq);
}

int
pvq_rings_take_back(struct pvq_device *dev)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;
	int ret = 0;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		if (ret == 0)
			ret = take_back(dev, rxq->vq.index);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		if (ret == 0)
			ret = take_back(dev, txq->vq.index);
	return ret;
}

void
pvq_rings_start_gates(struct pvq_device *dev)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	if (dev->admin_down)
		return;
	PVQ_FOREACH_RXQ(dev, i, rxq)
		if (!rxq->vq.stopped)
			pvq_gate_clear(&rxq->gate, PVQ_GATE_STOPPED);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		if (!txq->vq.stopped)
			pvq_gate_clear(&txq->gate, PVQ_GATE_STOPPED);
}

void
pvq_rings_open(struct pvq_device *dev)
{
	const uint32_t bits = PVQ_GATE_AWAY | PVQ_GATE_ERROR;
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	PVQ_FOREACH_RXQ(dev, i, rxq) {
		pvq_gate_set_path(&rxq->gate, dev->rx_path);
		pvq_gate_clear(&rxq->gate, bits);
	}
	PVQ_FOREACH_TXR(dev, i, r, txq) {
		pvq_gate_set_path(&txq->gate, dev->tx_path);
		pvq_gate_clear(&txq->gate, bits);
	}
}

void
pvq_rings_notify_all(struct pvq_device *dev)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		pvq_notify(dev->port_id, rxq->vq.index);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		pvq_notify(dev->port_id, txq->vq.index);
}

void
pvq_rings_clear(struct pvq_device *dev, bool leak)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		pvq_rxq_clear(rxq, leak);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		pvq_txq_clear(txq, leak);
}

static bool
report_error(const struct pvq_device *dev, struct pvq_vq *vq, const char *direction)
{
	if (vq->error == PVQ_QUEUE_OK || vq->error_reported)
		return false;
	PVQ_LOG(ERR, dev->name,
		"%s queue %u stopped: the device %s; restart the port to go on", direction,
		vq->queue_id, pvq_queue_error_text(vq->error));
	vq->error_reported = true;
	return true;
}

bool
pvq_rings_report_errors(struct pvq_device *dev)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;
	bool any = false;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		any |= report_error(dev, &rxq->vq, "rx");
	PVQ_FOREACH_TXR(dev, i, r, txq)
		any |= report_error(dev, &txq->vq, "tx");
	return any;
}

/*
 * A backend that cannot disable a ring finds nothing to do there: the gate is enough. One that is
 * just going away is told when it is back.
 */
static int
tell_enabled(struct pvq_device *dev, uint16_t vq, bool enable)
{
	int ret = dev->live ? dev->transport->queue_enable(dev, vq, enable) : 0;

	if (ret == -ENOTSUP || (ret != -EPROTO && pvq_connection_failed(ret)))
		return 0;
	return ret;
}

int
pvq_device_enable_rxq(struct pvq_device *dev, struct pvq_rxq *q, bool enable)
{
	int ret;

	if (enable) {
		ret = tell_enabled(dev, q->vq.index, true);
		if (ret == 0) {
			q->vq.stopped = false;
			pvq_rings_start_gates(dev);
		}
		return ret;
	}
	q->vq.stopped = true;
	pvq_gate_set(&q->gate, PVQ_GATE_STOPPED);
	pvq_gate_barrier();
	ret = pvq_gate_wait(&q->gate);
	return ret != 0 ? ret : tell_enabled(dev, q->vq.index, false);
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
	for (r = 0; (q = pvq_txq_ring(first, r)) != NULL && ret == 0; r++) {
		ret = pvq_gate_wait(&q->gate);
		if (ret == 0)
			ret = tell_enabled(dev, q->vq.index, enable);
		if (ret == 0)
			q->vq.stopped = !enable;
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
pvq_rings_resume_intr(struct pvq_device *dev)
{
	struct pvq_rxq *q;
	unsigned int i;

	PVQ_FOREACH_RXQ(dev, i, q) {
		if (!q->intr_on)
			continue;
		pvq_ring_enable_notify(&q->ring);
		/* Whoever sleeps on the old ring looks at the new one. */
		eventfd_write(q->vq.call_fd, 1);
	}
}
