/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>

#include <rte_ethdev.h>
#include <ethdev_driver.h>

#include "device_rings.h"
#include "log.h"

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

uint16_t
pvq_rings_pairs(const struct pvq_device *dev)
{
	unsigned int pairs = dev->data->nb_rx_queues, i, r;
	struct pvq_txq *txq;

	PVQ_FOREACH_TXR(dev, i, r, txq)
		pairs = RTE_MAX(pairs, txq->vq.index / 2u + 1);
	return pairs;
}

bool
pvq_rings_have(const struct pvq_device *dev, uint16_t index)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		if (rxq->vq.index == index)
			return true;
	PVQ_FOREACH_TXR(dev, i, r, txq)
		if (txq->vq.index == index)
			return true;
	return false;
}

int
pvq_rings_check(const struct pvq_device *dev)
{
	const unsigned int needed = pvq_rings_pairs(dev);

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
pvq_rings_reset(struct pvq_device *dev, const struct pvq_queue_mode *mode)
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
		int ret = pvq_txq_empty(txq, mode);

		if (ret != 0)
			return ret;
	}
	return 0;
}

unsigned int
pvq_rings_replay(struct pvq_device *dev)
{
	unsigned int i, r, n = 0;
	struct pvq_txq *txq;

	PVQ_FOREACH_TXR(dev, i, r, txq)
		n += pvq_txq_replay(txq);
	return n;
}

static int
set_up(struct pvq_device *dev, struct pvq_vq *vq, const struct pvq_ring *ring)
{
	vq->withdrawn = false;
	return dev->transport->queue_setup(dev, vq, ring);
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
			ret = set_up(dev, &rxq->vq, &rxq->ring);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		if (ret == 0)
			ret = set_up(dev, &txq->vq, &txq->ring);
	PVQ_FOREACH_RXQ(dev, i, rxq)
		if (ret == 0 && !rxq->vq.stopped)
			ret = t->queue_enable(dev, rxq->vq.index, true);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		if (ret == 0 && !txq->vq.stopped)
			ret = t->queue_enable(dev, txq->vq.index, true);
	return ret;
}

int
pvq_ring_withdraw(struct pvq_device *dev, uint16_t vq)
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
			ret = pvq_ring_withdraw(dev, rxq->vq.index);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		if (ret == 0)
			ret = pvq_ring_withdraw(dev, txq->vq.index);
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
pvq_rings_reopen(struct pvq_device *dev)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		pvq_gate_clear(&rxq->gate, PVQ_GATE_AWAY);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		pvq_gate_clear(&txq->gate, PVQ_GATE_AWAY);
}

void
pvq_rings_notify_all(struct pvq_device *dev)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		pvq_vq_notify(&rxq->vq, &rxq->ring);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		pvq_vq_notify(&txq->vq, &txq->ring);
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

static void
fail(struct pvq_vq *vq, struct pvq_gate *gate, enum pvq_queue_error error)
{
	__atomic_store_n(&vq->error, error, __ATOMIC_RELAXED);
	vq->error_reported = false;
	pvq_gate_set(gate, PVQ_GATE_ERROR);
}

void
pvq_rings_fail(struct pvq_device *dev, enum pvq_queue_error error)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		fail(&rxq->vq, &rxq->gate, error);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		fail(&txq->vq, &txq->gate, error);
	pvq_gate_barrier();
}

static bool
report_error(const struct pvq_device *dev, struct pvq_vq *vq, const char *direction)
{
	const enum pvq_queue_error error = __atomic_load_n(&vq->error, __ATOMIC_RELAXED);

	if (error == PVQ_QUEUE_OK || vq->error_reported)
		return false;
	PVQ_LOG(ERR, dev->name,
		"%s queue %u stopped: the device %s; restart the %s to go on", direction,
		vq->queue_id, pvq_queue_error_text(error),
		dev->needs_reset || (dev->transport->stays && !pvq_has(dev, VIRTIO_F_RING_RESET)) ?
			"port" : "queue or the port");
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
