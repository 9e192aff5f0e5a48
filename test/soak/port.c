/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdio.h>

#include <rte_dev.h>
#include <rte_ether.h>

#include "soak.h"

#define MTU_MAX (SOAK_LEN_MAX - RTE_ETHER_HDR_LEN)

int
soak_port_plug(struct soak_port *p)
{
	int ret = rte_eal_hotplug_add("vdev", p->name, p->devargs);

	if (ret == 0)
		ret = rte_eth_dev_get_port_by_name(p->name, &p->id);
	p->plugged = ret == 0;
	p->reconnects = 0;
	return ret;
}

static int
setup_queues(struct soak_port *p, const struct soak_setup *s, const struct rte_eth_conf *conf)
{
	struct rte_eth_dev_info info;
	int ret = rte_eth_dev_info_get(p->id, &info);
	uint16_t q;

	info.default_rxconf.offloads = conf->rxmode.offloads;
	info.default_txconf.offloads = conf->txmode.offloads;
	for (q = 0; ret == 0 && q < s->pairs; q++) {
		ret = rte_eth_rx_queue_setup(p->id, q, s->rx_size, SOCKET_ID_ANY,
					     &info.default_rxconf, p->rx_pool);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(p->id, q, s->tx_size, SOCKET_ID_ANY,
						     &info.default_txconf);
	}
	return ret;
}

int
soak_port_setup(struct soak_port *p, const struct soak_setup *s)
{
	struct rte_mempool *extra = soak_extra_pool();
	struct rte_eth_conf conf = {.intr_conf = {.rxq = 1, .lsc = 1}};
	/* What a frame may take of the backend's view of our ring, and what is not refilled yet. */
	const uint32_t parts = s->scatter ? SOAK_LEN_MAX / 2048 + 1 : 1;
	int ret;

	if (s->scatter)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	if (s->multi_segs)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (s->fast_free)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	p->rx_pool = s->extra_pool && extra != NULL ? extra : soak.pool;
	pthread_mutex_lock(&p->readers);
	ret = rte_eth_dev_configure(p->id, s->pairs, s->pairs, &conf);
	if (ret == 0)
		ret = setup_queues(p, s, &conf);
	pthread_mutex_unlock(&p->readers);
	if (ret != 0)
		return ret;
	ret = rte_eth_dev_set_mtu(p->id, s->scatter ? MTU_MAX : RTE_ETHER_MTU);
	p->max_len = (s->scatter ? MTU_MAX : RTE_ETHER_MTU) + RTE_ETHER_HDR_LEN;
	p->setup = *s;
	/* A promise to the driver: all from one pool. */
	p->tx_pool = s->fast_free || extra == NULL ? soak.pool : extra;
	p->window = RTE_MAX(4u, s->rx_size * 3u / 8 / parts);
	return ret;
}

int
soak_port_start(struct soak_port *p)
{
	int ret = rte_eth_dev_start(p->id);

	if (ret != 0)
		return ret;
	p->started = true;
	soak_hold(p, false);
	return 0;
}

int
soak_port_stop(struct soak_port *p)
{
	int ret;

	soak_hold(p, true);
	soak_disturb(p, -1);
	ret = rte_eth_dev_stop(p->id);
	if (ret == 0)
		p->started = false;
	return ret;
}

int
soak_port_unplug(struct soak_port *p)
{
	struct rte_eth_dev_info info;
	int ret;

	pthread_mutex_lock(&p->readers);
	ret = rte_eth_dev_info_get(p->id, &info);
	if (ret == 0)
		ret = rte_eth_dev_close(p->id);
	if (ret == 0)
		ret = rte_dev_remove(info.device);
	if (ret == 0)
		p->plugged = false;
	pthread_mutex_unlock(&p->readers);
	return ret;
}

bool
soak_has_reconnected(struct soak_port *p)
{
	uint64_t id, value;

	if (rte_eth_xstats_get_id_by_name(p->id, "reconnects", &id) != 0 ||
	    rte_eth_xstats_get_by_id(p->id, &id, &value, 1) != 1 || value == p->reconnects)
		return false;
	p->reconnects = value;
	soak_disturb(p, -1);
	return true;
}

static void
read_once(struct soak_port *p)
{
	struct rte_eth_xstat_name names[256];
	struct rte_eth_xstat values[256];
	struct rte_eth_stats stats;
	struct rte_eth_dev_info info;
	struct rte_eth_link link;
	struct rte_eth_rxq_info rxq;
	struct rte_eth_burst_mode mode;

	rte_eth_stats_get(p->id, &stats);
	if (rte_eth_xstats_get_names(p->id, names, RTE_DIM(names)) > 0)
		rte_eth_xstats_get(p->id, values, RTE_DIM(values));
	if (rte_eth_link_get_nowait(p->id, &link) != 0 || rte_eth_dev_info_get(p->id, &info) != 0)
		return;
	if (info.nb_rx_queues != 0) {
		rte_eth_rx_queue_info_get(p->id, 0, &rxq);
		rte_eth_tx_burst_mode_get(p->id, 0, &mode);
	}
}

void *
soak_reader(void *arg)
{
	const struct timespec pause = {.tv_nsec = 500000};
	uint64_t n = 0;

	RTE_SET_USED(arg);
	while (!__atomic_load_n(&soak.quit, __ATOMIC_ACQUIRE)) {
		struct soak_port *p = &soak.port[n % SOAK_PORTS];

		pthread_mutex_lock(&p->readers);
		if (p->plugged)
			read_once(p);
		pthread_mutex_unlock(&p->readers);
		__atomic_fetch_add(&soak.reads, 1, __ATOMIC_RELAXED);
		n++;
		nanosleep(&pause, NULL);
	}
	return NULL;
}
