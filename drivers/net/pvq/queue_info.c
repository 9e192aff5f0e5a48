/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdio.h>

#include "ethdev.h"

void
pvq_rxq_info_get(struct rte_eth_dev *eth, uint16_t id, struct rte_eth_rxq_info *info)
{
	const struct pvq_rxq *q = eth->data->rx_queues[id];

	info->mp = q->pool;
	info->conf.rx_free_thresh = q->free_thresh;
	info->conf.rx_deferred_start = q->vq.deferred_start;
	info->conf.offloads = q->offloads;
	info->scattered_rx = q->scatter;
	info->nb_desc = q->vq.size;
	info->rx_buf_size = q->capacity - VIRTIO_NET_HDR_LEN;
}

void
pvq_txq_info_get(struct rte_eth_dev *eth, uint16_t id, struct rte_eth_txq_info *info)
{
	const struct pvq_txq *q = eth->data->tx_queues[id];

	info->conf.tx_free_thresh = q->free_thresh;
	info->conf.tx_deferred_start = q->vq.deferred_start;
	info->conf.offloads = q->offloads;
	info->nb_desc = q->vq.size;
}

static int
burst_mode(const struct pvq_device *dev, const struct pvq_path *path,
	   struct rte_eth_burst_mode *mode)
{
	/* The path follows from what is negotiated, so before the first backend there is none. */
	snprintf(mode->info, sizeof(mode->info), "%s",
		 __atomic_load_n(&dev->features, __ATOMIC_RELAXED) != 0 ? path->name :
									  "waiting for a backend");
	return 0;
}

int
pvq_rx_burst_mode_get(struct rte_eth_dev *eth, uint16_t id, struct rte_eth_burst_mode *mode)
{
	const struct pvq_device *dev = pvq_device_of(eth);

	RTE_SET_USED(id);
	return burst_mode(dev, &pvq_rx_paths[__atomic_load_n(&dev->rx_path, __ATOMIC_RELAXED)],
			  mode);
}

int
pvq_tx_burst_mode_get(struct rte_eth_dev *eth, uint16_t id, struct rte_eth_burst_mode *mode)
{
	const struct pvq_device *dev = pvq_device_of(eth);

	RTE_SET_USED(id);
	return burst_mode(dev, &pvq_tx_paths[__atomic_load_n(&dev->tx_path, __ATOMIC_RELAXED)],
			  mode);
}

/* A place among the used descriptors, moved without taking anything. */
struct walk {
	const struct pvq_ring *ring;
	uint16_t slot;
	uint16_t used_flags;
	uint16_t seen; /* slots from next_used to here */
};

static bool
walk_is_used(const struct walk *w)
{
	return w->seen < pvq_ring_outstanding(w->ring) &&
	       pvq_flags_used(pvq_ring_used_load(w->ring, w->slot, w->ring->platform),
			      w->used_flags);
}

static void
walk_on(struct walk *w, uint16_t n)
{
	w->seen += n;
	if ((uint32_t)w->slot + n >= w->ring->size)
		w->used_flags ^= PVQ_LAP_FLAGS;
	w->slot = pvq_ring_slot_add(w->ring, w->slot, n);
}

/* Slots that used descriptors cover, from next_used on, as far as @p enough. */
static uint16_t
rx_used(const struct pvq_rxq *q, uint16_t enough)
{
	struct walk w = {&q->ring, q->ring.next_used, q->ring.used_flags, 0};

	/* These are used though no descriptor of their own says so. */
	walk_on(&w, q->batch_left);
	while (w.seen < enough && walk_is_used(&w)) {
		uint16_t span = 1, id;

		if (q->mode.in_order) {
			id = rte_le_to_cpu_16(q->ring.desc[w.slot].id);
			if (id >= q->ring.size)
				break;
			span = (id >= w.slot ? id - w.slot : id + q->ring.size - w.slot) + 1;
			if (span > pvq_ring_outstanding(&q->ring) - w.seen)
				break;
		}
		walk_on(&w, span);
	}
	return w.seen;
}

static uint16_t
tx_used(const struct pvq_txq *q, uint16_t enough)
{
	struct walk w = {&q->ring, q->ring.next_used, q->ring.used_flags, 0};

	while (w.seen < enough && walk_is_used(&w)) {
		const uint16_t id = rte_le_to_cpu_16(q->ring.desc[w.slot].id);
		uint32_t span;

		if (id >= q->ring.size)
			break;
		span = q->info[id].slots;
		if (q->mode.in_order)
			span += id >= w.slot ? id - w.slot : id + q->ring.size - w.slot;
		if (span == 0 || span > (uint32_t)(pvq_ring_outstanding(&q->ring) - w.seen))
			break;
		walk_on(&w, span);
	}
	return w.seen;
}

/*
 * The questions below may come from another thread than the polling lcore, which alone may enter
 * the gate. They only read, and the walk is bounded whatever it reads.
 */
static bool
is_closed(const struct pvq_gate *gate)
{
	return (pvq_gate_state(gate) & PVQ_GATE_CLOSED) != 0;
}

pvq_queue_count_t
pvq_rx_queue_count(void *queue)
{
	struct pvq_rxq *q = queue;

	return is_closed(&q->gate) ? 0 : rx_used(q, q->vq.size);
}

int
pvq_rx_descriptor_status(void *queue, uint16_t offset)
{
	struct pvq_rxq *q = queue;

	if (offset >= q->vq.size)
		return -EINVAL;
	if (is_closed(&q->gate) || offset >= pvq_ring_outstanding(&q->ring))
		return RTE_ETH_RX_DESC_UNAVAIL;
	return offset < rx_used(q, offset + 1) ? RTE_ETH_RX_DESC_DONE : RTE_ETH_RX_DESC_AVAIL;
}

int
pvq_tx_descriptor_status(void *queue, uint16_t offset)
{
	struct pvq_txq *q = queue;
	int32_t age;

	if (offset >= q->vq.size)
		return -EINVAL;
	if (is_closed(&q->gate))
		return RTE_ETH_TX_DESC_UNAVAIL;
	/* Free slots come first, then the oldest that the device holds. */
	age = (int32_t)offset - q->ring.nb_free;
	return age < 0 || age < tx_used(q, age + 1) ? RTE_ETH_TX_DESC_DONE : RTE_ETH_TX_DESC_FULL;
}

int
pvq_tx_done_cleanup(void *queue, uint32_t free_cnt)
{
	struct pvq_txq *first = queue;
	struct pvq_txq *q = first->by_lcore != NULL ?
		first->by_lcore[RTE_MIN(rte_lcore_id(), (unsigned int)RTE_MAX_LCORE)] : first;
	const uint16_t max = free_cnt == 0 ? UINT16_MAX : RTE_MIN(free_cnt, (uint32_t)UINT16_MAX);
	int n = 0;

	if (q->shared)
		rte_spinlock_lock(&q->lock);
	if ((pvq_gate_enter(&q->gate) & PVQ_GATE_CLOSED) == 0)
		n = pvq_txq_reclaim(q, max, q->mode.in_order);
	pvq_gate_leave(&q->gate);
	if (q->shared)
		rte_spinlock_unlock(&q->lock);
	return n;
}
