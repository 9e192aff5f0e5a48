/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file A device that has moved asks for its address to be announced (NT-22). */

#include <errno.h>

#include <rte_arp.h>
#include <rte_ethdev.h>
#include <ethdev_driver.h>

#include "device.h"
#include "device_rings.h"

/* Through a gate that is closed and empty. @return whether the packet is on its way. */
static bool
send_one(struct pvq_txq *q, struct rte_mbuf *m)
{
	struct pvq_cursor from;
	struct pvq_tx_sum sum;

	pvq_txq_reclaim(q, UINT16_MAX, q->mode.in_order);
	if ((pvq_gate_state(&q->gate) & PVQ_GATE_ERROR) != 0)
		return false;
	from = pvq_ring_cursor(&q->ring);
	if (pvq_txq_write(q, &m, 1, &sum) == 0)
		return false;
	q->stats.packets += sum.packets;
	q->stats.bytes += sum.bytes;
	if (sum.slots != 0 &&
	    pvq_ring_must_notify(&q->ring, from, sum.slots, q->ring.platform))
		pvq_vq_notify(&q->vq, &q->ring);
	return true;
}

static bool
send_announcement(struct pvq_device *dev)
{
	const struct pvq_rxq *rxq = dev->data->rx_queues[0];
	struct pvq_txq *txq = pvq_txq_ring(dev->data->tx_queues[0], 0);
	struct rte_mbuf *m;
	bool sent;

	/* Of a queue that is stopped nothing is sent: it is tried again when it runs. */
	if (rxq == NULL || txq == NULL || (pvq_gate_state(&txq->gate) & PVQ_GATE_CLOSED) != 0)
		return false;
	m = rte_net_make_rarp_packet(rxq->pool, &dev->control.mac[0]);
	if (m == NULL)
		return false;
	/* It does not happen often enough for one queue alone to be worth the trouble. */
	sent = pvq_rings_quiesce(dev) == 0 && send_one(txq, m);
	pvq_rings_reopen(dev);
	if (!sent)
		rte_pktmbuf_free(m);
	return sent;
}

bool
pvq_device_announce(struct pvq_device *dev)
{
	if (!pvq_has(dev, VIRTIO_NET_F_GUEST_ANNOUNCE) || dev->control.announced ||
	    dev->needs_reset || !send_announcement(dev))
		return false;
	PVQ_LOG(INFO, dev->name, "announced, as the device asked for");
	/* One that does not take the acknowledgement would ask for ever. */
	dev->control.announced = pvq_control_acknowledge(dev) != 0;
	return true;
}
