/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>

#include <rte_malloc.h>

#include "ethdev.h"

/* A ring or a pool on another node than its lcore costs on every packet: say so once, and count. */
static void
check_numa(const struct pvq_device *dev, struct pvq_vq *vq, const char *direction,
	   const struct rte_mempool *pool)
{
	if (vq->node < 0)
		return;
	if (vq->socket_id != SOCKET_ID_ANY && vq->node != vq->socket_id) {
		vq->numa_mismatches++;
		PVQ_LOG(WARNING, dev->name,
			"%s queue %u: ring memory is on NUMA node %d although node %d was asked "
			"for; give EAL memory there with --socket-mem",
			direction, vq->queue_id, vq->node, vq->socket_id);
	}
	if (pool != NULL && pool->socket_id != SOCKET_ID_ANY && vq->node != pool->socket_id) {
		vq->numa_mismatches++;
		PVQ_LOG(WARNING, dev->name,
			"%s queue %u: ring memory is on NUMA node %d and mempool \"%s\" on node %d",
			direction, vq->queue_id, vq->node, pool->name, pool->socket_id);
	}
}

/*
 * The transport's thread and readers of counters walk the queues under their locks; memory is
 * allocated and freed outside of them, so a queue appears and disappears in one step. @return what
 * was there before.
 */
static void *
swap_queue(struct pvq_device *dev, void **place, void *queue)
{
	void *old;

	pthread_mutex_lock(&dev->lock);
	pthread_mutex_lock(&dev->queues_lock);
	old = *place;
	*place = queue;
	pthread_mutex_unlock(&dev->queues_lock);
	pthread_mutex_unlock(&dev->lock);
	return old;
}

int
pvq_rx_queue_setup(struct rte_eth_dev *eth, uint16_t id, uint16_t nb_desc, unsigned int socket_id,
		   const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct pvq_device *dev = pvq_device_of(eth);
	const uint64_t offloads = conf->offloads | eth->data->dev_conf.rxmode.offloads;
	const struct pvq_vq vq = {
		.port_id = eth->data->port_id,
		.queue_id = id,
		.index = VIRTIO_NET_RXQ(id),
		.size = nb_desc,
		.socket_id = (int)socket_id,
		.call_fd = -1,
		.iova = dev->transport->iova,
	};
	struct pvq_rxq *q;

	if (rte_pktmbuf_priv_flags(pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) {
		PVQ_LOG(ERR, dev->name,
			"mempool \"%s\" has pinned external buffers, which a backend cannot "
			"reach: use one made by rte_pktmbuf_pool_create()",
			pool->name);
		return -EINVAL;
	}
	q = pvq_rxq_create(&vq, pool, conf, offloads);
	if (q == NULL) {
		PVQ_LOG(ERR, dev->name,
			"no memory for rx queue %u with %u descriptors: ask for fewer, or give "
			"EAL more",
			id, nb_desc);
		return -ENOMEM;
	}
	check_numa(dev, &q->vq, "rx", pool);
	swap_queue(dev, &eth->data->rx_queues[id], q);
	return 0;
}

void
pvq_rx_queue_release(struct rte_eth_dev *eth, uint16_t id)
{
	pvq_rxq_free(swap_queue(pvq_device_of(eth), &eth->data->rx_queues[id], NULL));
}

/* Lcores that can send, and one more for all threads that EAL does not know. */
static unsigned int
count_senders(void)
{
	return rte_lcore_count() + 1;
}

/*
 * As many rings as the device's queue pairs allow, each for as few lcores as possible. The ring of
 * the unknown threads is locked always, the others only when they are shared.
 */
static void
assign_lcores(struct pvq_txq *first)
{
	const unsigned int senders = count_senders();
	unsigned int lcore, i = 0;

	/* Service cores and registered threads are not counted: they go with the unknown. */
	for (lcore = 0; lcore <= RTE_MAX_LCORE; lcore++)
		first->by_lcore[lcore] = first->rings[(senders - 1) % first->nb_rings];
	RTE_LCORE_FOREACH(lcore)
		first->by_lcore[lcore] = first->rings[i++ % first->nb_rings];
	for (i = 0; i < first->nb_rings; i++)
		first->rings[i]->shared = senders > first->nb_rings;
	first->rings[(senders - 1) % first->nb_rings]->shared = true;
}

/*
 * Queue pairs that lock-free transmit queues may have rings in. With MQ a device delivers to all
 * pairs that are in use, and only those with a receive queue of the port's are of any use.
 */
static unsigned int
pairs_for_rings(const struct rte_eth_dev *eth)
{
	const struct pvq_device *dev = pvq_device_of(eth);
	const uint64_t features = __atomic_load_n(&dev->offer.features, __ATOMIC_RELAXED);

	if (features >> VIRTIO_NET_F_MQ & 1)
		return RTE_MAX(eth->data->nb_rx_queues, eth->data->nb_tx_queues);
	return pvq_device_max_pairs(dev);
}

static int
add_lcore_rings(struct pvq_txq *first, const struct rte_eth_txconf *conf, unsigned int nb_rings,
		unsigned int stride)
{
	struct pvq_vq vq = first->vq;
	unsigned int r;

	first->rings = rte_zmalloc_socket("pvq_tx_rings", nb_rings * sizeof(first->rings[0]), 0,
					  vq.socket_id);
	first->by_lcore = rte_zmalloc_socket("pvq_tx_by_lcore",
					     (RTE_MAX_LCORE + 1) * sizeof(first->by_lcore[0]), 0,
					     vq.socket_id);
	if (first->rings == NULL || first->by_lcore == NULL) {
		rte_free(first->rings);
		first->rings = &first->self;
		return -ENOMEM;
	}
	first->rings[0] = first;
	for (r = 1; r < nb_rings; r++) {
		vq.index = VIRTIO_NET_TXQ(first->vq.queue_id + r * stride);
		first->rings[r] = pvq_txq_create(&vq, conf, first->offloads);
		if (first->rings[r] == NULL)
			return -ENOMEM;
		first->nb_rings = r + 1;
	}
	assign_lcores(first);
	return 0;
}

static void
free_rings(struct pvq_txq *first)
{
	unsigned int r;

	if (first == NULL)
		return;
	for (r = 1; r < first->nb_rings; r++)
		pvq_txq_free(first->rings[r]);
	if (first->rings != &first->self)
		rte_free(first->rings);
	rte_free(first->by_lcore);
	pvq_txq_free(first);
}

int
pvq_tx_queue_setup(struct rte_eth_dev *eth, uint16_t id, uint16_t nb_desc, unsigned int socket_id,
		   const struct rte_eth_txconf *conf)
{
	struct pvq_device *dev = pvq_device_of(eth);
	const uint64_t offloads = conf->offloads | eth->data->dev_conf.txmode.offloads;
	const struct pvq_vq vq = {
		.port_id = eth->data->port_id,
		.queue_id = id,
		.index = VIRTIO_NET_TXQ(id),
		.size = nb_desc,
		.socket_id = (int)socket_id,
		.call_fd = -1,
		.iova = dev->transport->iova,
	};
	unsigned int nb_rings = 1;
	struct pvq_txq *q;

	if ((offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) && nb_desc < PVQ_MULTI_SEG_DESC_MIN) {
		PVQ_LOG(ERR, dev->name,
			"tx queue %u: packets of several segments need %u descriptors at least, "
			"not %u",
			id, PVQ_MULTI_SEG_DESC_MIN, nb_desc);
		return -EINVAL;
	}
	if (offloads & RTE_ETH_TX_OFFLOAD_MT_LOCKFREE)
		nb_rings = RTE_MIN(count_senders(), RTE_MAX(1u, pairs_for_rings(eth) /
							(unsigned int)eth->data->nb_tx_queues));
	q = pvq_txq_create(&vq, conf, offloads);
	if (q == NULL || ((offloads & RTE_ETH_TX_OFFLOAD_MT_LOCKFREE) &&
			  add_lcore_rings(q, conf, nb_rings, eth->data->nb_tx_queues) != 0)) {
		free_rings(q);
		PVQ_LOG(ERR, dev->name,
			"no memory for tx queue %u, %u ring(s) of %u descriptors: ask for fewer, "
			"or give EAL more",
			id, nb_rings, nb_desc);
		return -ENOMEM;
	}
	if ((offloads & RTE_ETH_TX_OFFLOAD_MT_LOCKFREE) && nb_rings < count_senders())
		PVQ_LOG(NOTICE, dev->name,
			"tx queue %u: %u rings for %u lcores, which take turns with a lock; a "
			"backend with more queue pairs avoids that",
			id, nb_rings, count_senders() - 1);
	check_numa(dev, &q->vq, "tx", NULL);
	swap_queue(dev, &eth->data->tx_queues[id], q);
	return 0;
}

void
pvq_tx_queue_release(struct rte_eth_dev *eth, uint16_t id)
{
	free_rings(swap_queue(pvq_device_of(eth), &eth->data->tx_queues[id], NULL));
}

static int
enable_rxq(struct rte_eth_dev *eth, uint16_t id, bool enable)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = pvq_device_enable_rxq(dev, eth->data->rx_queues[id], enable);
	pthread_mutex_unlock(&dev->lock);
	if (ret == 0)
		eth->data->rx_queue_state[id] =
			enable ? RTE_ETH_QUEUE_STATE_STARTED : RTE_ETH_QUEUE_STATE_STOPPED;
	return ret;
}

static int
enable_txq(struct rte_eth_dev *eth, uint16_t id, bool enable)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = pvq_device_enable_txq(dev, eth->data->tx_queues[id], enable);
	pthread_mutex_unlock(&dev->lock);
	if (ret == 0)
		eth->data->tx_queue_state[id] =
			enable ? RTE_ETH_QUEUE_STATE_STARTED : RTE_ETH_QUEUE_STATE_STOPPED;
	return ret;
}

int
pvq_rx_queue_start(struct rte_eth_dev *eth, uint16_t id)
{
	return enable_rxq(eth, id, true);
}

int
pvq_rx_queue_stop(struct rte_eth_dev *eth, uint16_t id)
{
	return enable_rxq(eth, id, false);
}

int
pvq_tx_queue_start(struct rte_eth_dev *eth, uint16_t id)
{
	return enable_txq(eth, id, true);
}

int
pvq_tx_queue_stop(struct rte_eth_dev *eth, uint16_t id)
{
	return enable_txq(eth, id, false);
}
