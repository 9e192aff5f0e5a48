/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "ethdev.h"

/*
 * Counters belong to the lcores that write them, so a reset writes none: it remembers where they
 * stand, and readers subtract.
 */

struct counter {
	const char *name;
	size_t at; /* in struct pvq_rx_stats or pvq_tx_stats */
};

#define RX(field) offsetof(struct pvq_rx_stats, field)
#define TX(field) offsetof(struct pvq_tx_stats, field)

static const struct counter rx_counters[] = {
	{"packets", RX(packets)},
	{"bytes", RX(bytes)},
	{"short_errors", RX(short_len)},
	{"no_parts_errors", RX(no_parts)},
	{"gso_errors", RX(gso)},
	{"scatter_errors", RX(scattered)},
	{"stash_drops", RX(stash_dropped)},
	{"short_parts", RX(short_parts)},
	{"mbuf_allocation_errors", RX(no_mbuf)},
	{"queue_errors", RX(queue_errors)},
	{"notifications_sent", RX(notified)},
	{"notifications_suppressed", RX(suppressed)},
};

static const struct counter tx_counters[] = {
	{"packets", TX(packets)},
	{"bytes", TX(bytes)},
	{"too_long_errors", TX(too_long)},
	{"empty_errors", TX(empty)},
	{"ring_full", TX(ring_full)},
	{"reclaimed", TX(reclaimed)},
	{"recycled", TX(recycled)},
	{"replayed", TX(replayed)},
	{"replay_drops", TX(replay_dropped)},
	{"queue_errors", TX(queue_errors)},
	{"notifications_sent", TX(notified)},
	{"notifications_suppressed", TX(suppressed)},
};

/* After the queues': counters of the port. */
static const char *const port_counters[] = {"reconnects", "numa_mismatches"};

/*
 * Any thread may ask, telemetry's for one, while another sets queues up anew. A secondary process
 * does without: if it died here the primary would never get the lock.
 */
static struct pvq_device *
lock_queues(const struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);

	if (rte_eal_process_type() == RTE_PROC_PRIMARY)
		pthread_mutex_lock(&dev->queues_lock);
	return dev;
}

static void
unlock_queues(struct pvq_device *dev)
{
	if (rte_eal_process_type() == RTE_PROC_PRIMARY)
		pthread_mutex_unlock(&dev->queues_lock);
}

/* The lcore's stores are plain, yet whole: nothing that ThreadSanitizer need tell of. */
__attribute__((no_sanitize("thread"))) static uint64_t
load(const void *stats, size_t at)
{
	return __atomic_load_n((const uint64_t *)((const char *)stats + at), __ATOMIC_RELAXED);
}

static uint64_t
rx_value(const struct pvq_rxq *q, size_t at)
{
	return load(&q->stats, at) - load(&q->stats_base, at);
}

/* Over all rings of the queue. */
static uint64_t
tx_value(const struct pvq_txq *first, size_t at)
{
	const struct pvq_txq *q;
	uint64_t sum = 0;
	unsigned int r;

	for (r = 0; (q = pvq_txq_ring(first, r)) != NULL; r++)
		sum += load(&q->stats, at) - load(&q->stats_base, at);
	return sum;
}

static uint64_t
rx_errors(const struct pvq_rxq *q)
{
	return rx_value(q, RX(short_len)) + rx_value(q, RX(no_parts)) + rx_value(q, RX(gso)) +
	       rx_value(q, RX(scattered)) + rx_value(q, RX(queue_errors));
}

static uint64_t
tx_errors(const struct pvq_txq *q)
{
	return tx_value(q, TX(too_long)) + tx_value(q, TX(empty)) +
	       tx_value(q, TX(replay_dropped)) + tx_value(q, TX(queue_errors));
}

int
pvq_stats_get(PVQ_STATS_GET_ARGS(eth, stats, queues))
{
	struct pvq_device *dev = lock_queues(eth);
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i;

	PVQ_FOREACH_RXQ(dev, i, rxq) {
		stats->ipackets += rx_value(rxq, RX(packets));
		stats->ibytes += rx_value(rxq, RX(bytes));
		stats->ierrors += rx_errors(rxq);
		stats->imissed += rx_value(rxq, RX(stash_dropped));
		stats->rx_nombuf += rx_value(rxq, RX(no_mbuf));
		if (PVQ_QUEUE_STATS(stats, queues) == NULL || i >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
			continue;
		PVQ_QUEUE_STATS(stats, queues)->q_ipackets[i] = rx_value(rxq, RX(packets));
		PVQ_QUEUE_STATS(stats, queues)->q_ibytes[i] = rx_value(rxq, RX(bytes));
		PVQ_QUEUE_STATS(stats, queues)->q_errors[i] = rx_errors(rxq);
	}
	for (i = 0; i < dev->data->nb_tx_queues; i++) {
		txq = dev->data->tx_queues[i];
		if (txq == NULL)
			continue;
		stats->opackets += tx_value(txq, TX(packets));
		stats->obytes += tx_value(txq, TX(bytes));
		stats->oerrors += tx_errors(txq);
		if (PVQ_QUEUE_STATS(stats, queues) == NULL || i >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
			continue;
		PVQ_QUEUE_STATS(stats, queues)->q_opackets[i] = tx_value(txq, TX(packets));
		PVQ_QUEUE_STATS(stats, queues)->q_obytes[i] = tx_value(txq, TX(bytes));
	}
	unlock_queues(dev);
	return 0;
}

/* Make the counters, all of them 64-bit, start from where they stand. */
static void
rebase(void *base, const void *stats, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += sizeof(uint64_t))
		__atomic_store_n((uint64_t *)((char *)base + at), load(stats, at),
				 __ATOMIC_RELAXED);
}

int
pvq_stats_reset(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = lock_queues(eth);
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	PVQ_FOREACH_RXQ(dev, i, rxq)
		rebase(&rxq->stats_base, &rxq->stats, sizeof(rxq->stats));
	PVQ_FOREACH_TXR(dev, i, r, txq)
		rebase(&txq->stats_base, &txq->stats, sizeof(txq->stats));
	unlock_queues(dev);
	return 0;
}

/* How many ids there are for rx queues, for tx queues, and with the port's in all. */
struct xstat_ids {
	unsigned int rx;
	unsigned int tx;
	unsigned int all;
};

/* Counted once for a whole answer: ethdev changes the numbers of queues while others ask. */
static struct xstat_ids
count_xstats(const struct rte_eth_dev *eth)
{
	struct xstat_ids ids = {
		.rx = eth->data->nb_rx_queues * RTE_DIM(rx_counters),
		.tx = eth->data->nb_tx_queues * RTE_DIM(tx_counters),
	};

	ids.all = ids.rx + ids.tx + RTE_DIM(port_counters);
	return ids;
}

static uint64_t
port_value(const struct pvq_device *dev, unsigned int id)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;
	uint64_t sum = 0;

	if (id == 0)
		return __atomic_load_n(&dev->reconnects, __ATOMIC_RELAXED);
	PVQ_FOREACH_RXQ(dev, i, rxq)
		sum += __atomic_load_n(&rxq->vq.numa_mismatches, __ATOMIC_RELAXED);
	PVQ_FOREACH_TXR(dev, i, r, txq)
		sum += __atomic_load_n(&txq->vq.numa_mismatches, __ATOMIC_RELAXED);
	return sum;
}

/*
 * Ids run through rx queues, tx queues, port; within a queue in the order of its table. Values want
 * the queues locked; a queue that is gone meanwhile has counted nothing.
 */
static int
xstat(const struct rte_eth_dev *eth, const struct xstat_ids *ids, uint64_t id, char *name,
      uint64_t *value)
{
	const struct rte_eth_dev_data *data = eth->data;
	const struct counter *c;
	const char *direction = "rx";
	unsigned int queue;

	if (id >= ids->all)
		return -EINVAL;
	if (id >= ids->rx + ids->tx) {
		id -= ids->rx + ids->tx;
		if (name != NULL)
			snprintf(name, RTE_ETH_XSTATS_NAME_SIZE, "%s", port_counters[id]);
		if (value != NULL)
			*value = port_value(pvq_device_of(eth), id);
		return 0;
	}
	if (id < ids->rx) {
		queue = id / RTE_DIM(rx_counters);
		c = &rx_counters[id % RTE_DIM(rx_counters)];
		if (value != NULL)
			*value = queue < data->nb_rx_queues && data->rx_queues[queue] != NULL ?
				 rx_value(data->rx_queues[queue], c->at) : 0;
	} else {
		id -= ids->rx;
		direction = "tx";
		queue = id / RTE_DIM(tx_counters);
		c = &tx_counters[id % RTE_DIM(tx_counters)];
		if (value != NULL)
			*value = queue < data->nb_tx_queues ?
				 tx_value(data->tx_queues[queue], c->at) : 0;
	}
	if (name != NULL)
		snprintf(name, RTE_ETH_XSTATS_NAME_SIZE, "%s_q%u_%s", direction, queue, c->name);
	return 0;
}

int
pvq_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *xstats, unsigned int n)
{
	const struct xstat_ids known = count_xstats(eth);
	struct pvq_device *dev;
	unsigned int i;

	if (xstats == NULL || n < known.all)
		return known.all;
	dev = lock_queues(eth);
	for (i = 0; i < known.all; i++) {
		xstats[i].id = i;
		xstat(eth, &known, i, NULL, &xstats[i].value);
	}
	unlock_queues(dev);
	return known.all;
}

int
pvq_xstats_get_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names, unsigned int n)
{
	return pvq_xstats_get_names_by_id(eth, NULL, names, n);
}

int
pvq_xstats_get_by_id(struct rte_eth_dev *eth, const uint64_t *ids, uint64_t *values,
		     unsigned int n)
{
	const struct xstat_ids known = count_xstats(eth);
	struct pvq_device *dev;
	unsigned int i;
	int ret = 0;

	if (values == NULL || (ids == NULL && n < known.all))
		return known.all;
	if (ids == NULL)
		n = known.all;
	dev = lock_queues(eth);
	for (i = 0; i < n && ret == 0; i++)
		ret = xstat(eth, &known, ids != NULL ? ids[i] : i, NULL, &values[i]);
	unlock_queues(dev);
	return ret != 0 ? ret : (int)n;
}

int
pvq_xstats_get_names_by_id(struct rte_eth_dev *eth, const uint64_t *ids,
			   struct rte_eth_xstat_name *names, unsigned int n)
{
	const struct xstat_ids known = count_xstats(eth);
	unsigned int i;

	if (names == NULL || (ids == NULL && n < known.all))
		return known.all;
	if (ids == NULL)
		n = known.all;
	for (i = 0; i < n; i++)
		if (xstat(eth, &known, ids != NULL ? ids[i] : i, names[i].name, NULL) != 0)
			return -EINVAL;
	return n;
}
