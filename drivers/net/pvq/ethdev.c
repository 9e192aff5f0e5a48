/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>

#include "ethdev.h"
#include "secondary.h"

static int
pvq_dev_configure(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	if (eth->data->nb_rx_queues == 0 || eth->data->nb_tx_queues == 0) {
		PVQ_LOG(ERR, dev->name, "a port needs at least one rx and one tx queue");
		return -EINVAL;
	}
	ret = pvq_intr_check(eth);
	if (ret == 0)
		pvq_filter_configure(eth);
	return ret;
}

/* After a control call: the link as it is now, and what the application registered for it. */
static void
announce(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);

	pvq_link_update(eth, 0);
	dev->hooks->raise_events(dev);
}

static void
set_queue_states(struct rte_eth_dev *eth, bool start)
{
	struct pvq_device *dev = pvq_device_of(eth);
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;

	eth->data->scattered_rx = 0;
	PVQ_FOREACH_RXQ(dev, i, rxq) {
		eth->data->scattered_rx |= rxq->scatter;
		rxq->vq.stopped = !start || rxq->vq.deferred_start;
		eth->data->rx_queue_state[i] = rxq->vq.stopped ? RTE_ETH_QUEUE_STATE_STOPPED :
								 RTE_ETH_QUEUE_STATE_STARTED;
	}
	PVQ_FOREACH_TXR(dev, i, r, txq) {
		txq->vq.stopped = !start || txq->vq.deferred_start;
		eth->data->tx_queue_state[i] = txq->vq.stopped ? RTE_ETH_QUEUE_STATE_STOPPED :
								 RTE_ETH_QUEUE_STATE_STARTED;
	}
}

static int
pvq_dev_stop(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	pthread_mutex_lock(&dev->lock);
	set_queue_states(eth, false);
	ret = pvq_device_stop(dev);
	pthread_mutex_unlock(&dev->lock);
	if (ret == 0)
		pvq_intr_tear_down(eth);
	announce(eth);
	return ret;
}

static int
pvq_dev_start(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);
	bool present;
	int ret;

	ret = pvq_intr_set_up(eth);
	if (ret != 0)
		return ret;
	pvq_ethdev_set_fast_path(eth);
	pthread_mutex_lock(&dev->lock);
	ret = pvq_device_check_mtu(dev, eth->data->mtu);
	if (ret == 0) {
		set_queue_states(eth, true);
		ret = pvq_device_start(dev);
		if (ret != 0)
			set_queue_states(eth, false);
	}
	present = dev->present;
	pthread_mutex_unlock(&dev->lock);
	if (ret != 0)
		pvq_intr_tear_down(eth);
	else if (!present)
		dev->transport->look_now(dev);
	announce(eth);
	return ret;
}

int
pvq_ethdev_close(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);
	unsigned int i;
	bool running;
	int ret = 0;

	if (rte_eal_process_type() == RTE_PROC_PRIMARY) {
		pvq_telemetry_set_port(eth->data->port_id, NULL);
		pthread_mutex_lock(&dev->lock);
		/* Live although stopped: a polling thread did not leave its ring the last time. */
		running = dev->started || dev->live;
		pthread_mutex_unlock(&dev->lock);
		if (running)
			ret = pvq_dev_stop(eth);
		pvq_secondary_unserve();
		dev->transport->close(dev);
		pvq_ethdev_cancel_events(dev);
		pvq_cvq_free(dev->control.cvq);
		for (i = 0; i < eth->data->nb_rx_queues; i++)
			pvq_rx_queue_release(eth, i);
		for (i = 0; i < eth->data->nb_tx_queues; i++)
			pvq_tx_queue_release(eth, i);
		rte_intr_instance_free(eth->intr_handle);
		eth->intr_handle = NULL;
		pthread_mutex_destroy(&dev->queues_lock);
		pthread_mutex_destroy(&dev->lock);
	}
	pvq_notify_close(eth->data->port_id);
	return ret;
}

/* For ethdev a reset is of a stopped port: a new conversation with the backend, from the start. */
static int
pvq_dev_reset(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);

	pthread_mutex_lock(&dev->lock);
	if (dev->present)
		pvq_device_drop(dev);
	pthread_mutex_unlock(&dev->lock);
	return 0;
}

/* Before the first backend, and where a backend does not tell, whatever a ring can have. */
static uint16_t
ring_limit(const uint16_t *offered)
{
	const uint16_t limit = __atomic_load_n(offered, __ATOMIC_RELAXED);

	return limit == 0 || limit > VIRTQ_PACKED_SIZE_MAX ? VIRTQ_PACKED_SIZE_MAX : limit;
}

static int
pvq_dev_infos_get(struct rte_eth_dev *eth, struct rte_eth_dev_info *info)
{
	const struct pvq_device *dev = pvq_device_of(eth);
	const uint64_t features = __atomic_load_n(&dev->offer.features, __ATOMIC_RELAXED);
	const uint16_t offered = __atomic_load_n(&dev->offer.mtu, __ATOMIC_RELAXED);
	const uint16_t mtu = offered != 0 ? RTE_MIN(offered, PVQ_MTU_MAX) : PVQ_MTU_MAX;

	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = mtu;
	info->max_rx_pktlen = pvq_frame_len(mtu);
	info->min_rx_bufsize = RTE_ETHER_MIN_LEN;
	info->max_rx_queues = pvq_device_max_pairs(dev);
	info->max_tx_queues = info->max_rx_queues;
	info->max_mac_addrs = PVQ_MACS_MAX;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_SCATTER;
	if (features >> VIRTIO_NET_F_CTRL_VLAN & 1)
		info->rx_offload_capa |= RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	info->rx_queue_offload_capa = RTE_ETH_RX_OFFLOAD_SCATTER;
	info->tx_queue_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS |
				      RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	info->tx_offload_capa = info->tx_queue_offload_capa | RTE_ETH_TX_OFFLOAD_MT_LOCKFREE;
	info->rx_desc_lim = (struct rte_eth_desc_lim){
		.nb_max = ring_limit(&dev->offer.max_rx_size),
		.nb_min = 1,
		.nb_align = 1,
	};
	info->tx_desc_lim = (struct rte_eth_desc_lim){
		.nb_max = ring_limit(&dev->offer.max_tx_size),
		.nb_min = 1,
		.nb_align = 1,
		.nb_seg_max = PVQ_TX_SEGS_MAX,
		.nb_mtu_seg_max = PVQ_TX_SEGS_MAX,
	};
	info->speed_capa = rte_eth_speed_bitflag(dev->opt.speed, RTE_ETH_LINK_FULL_DUPLEX);
	info->default_rxportconf = (struct rte_eth_dev_portconf){
		.burst_size = 32,
		.ring_size = RTE_MIN(dev->opt.queue_size, info->rx_desc_lim.nb_max),
		.nb_queues = 1,
	};
	info->default_txportconf = info->default_rxportconf;
	info->default_txportconf.ring_size =
		RTE_MIN(dev->opt.queue_size, info->tx_desc_lim.nb_max);
	info->dev_capa &= ~RTE_ETH_DEV_CAPA_FLOW_RULE_KEEP;
	return 0;
}

int
pvq_link_update(struct rte_eth_dev *eth, int wait)
{
	const struct pvq_device *dev = pvq_device_of(eth);
	const struct rte_eth_link link = {
		.link_speed = dev->opt.speed,
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_status = __atomic_load_n(&dev->link_up, __ATOMIC_RELAXED) ?
				       RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN,
	};

	/* A backend that is there has the link up when start returns; another may never come. */
	RTE_SET_USED(wait);
	return rte_eth_linkstatus_set(eth, &link);
}

static int
set_admin(struct rte_eth_dev *eth, bool up)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = pvq_device_set_admin(dev, up);
	pthread_mutex_unlock(&dev->lock);
	announce(eth);
	return ret;
}

static int
pvq_set_link_up(struct rte_eth_dev *eth)
{
	return set_admin(eth, true);
}

static int
pvq_set_link_down(struct rte_eth_dev *eth)
{
	return set_admin(eth, false);
}

static int
pvq_mtu_set(struct rte_eth_dev *eth, uint16_t mtu)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = pvq_device_check_mtu(dev, mtu);
	if (ret == 0 && dev->live && dev->transport->set_mtu != NULL &&
	    pvq_has(dev, VIRTIO_NET_F_MTU)) {
		ret = dev->transport->set_mtu(dev, mtu);
		ret = ret == -ENOTSUP ? 0 : pvq_unless_gone(ret);
	}
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

static const uint32_t *
pvq_ptypes_get(PVQ_PTYPES_GET_ARGS(eth, count))
{
	static const uint32_t none[] = {RTE_PTYPE_UNKNOWN};

	RTE_SET_USED(eth);
	/* The list ends at UNKNOWN in old releases and has a length in new ones. */
	PVQ_PTYPES_COUNT(count, 0);
	return none;
}

const struct eth_dev_ops pvq_eth_dev_ops = {
	.dev_configure = pvq_dev_configure,
	.dev_start = pvq_dev_start,
	.dev_stop = pvq_dev_stop,
	.dev_close = pvq_ethdev_close,
	.dev_reset = pvq_dev_reset,
	.dev_infos_get = pvq_dev_infos_get,
	.dev_set_link_up = pvq_set_link_up,
	.dev_set_link_down = pvq_set_link_down,
	.dev_supported_ptypes_get = pvq_ptypes_get,
	.link_update = pvq_link_update,
	.mtu_set = pvq_mtu_set,
	.promiscuous_enable = pvq_promiscuous_enable,
	.promiscuous_disable = pvq_promiscuous_disable,
	.allmulticast_enable = pvq_allmulticast_enable,
	.allmulticast_disable = pvq_allmulticast_disable,
	.mac_addr_set = pvq_mac_addr_set,
	.mac_addr_add = pvq_mac_addr_add,
	.mac_addr_remove = pvq_mac_addr_remove,
	.set_mc_addr_list = pvq_set_mc_addr_list,
	.vlan_filter_set = pvq_vlan_filter_set,
	.vlan_offload_set = pvq_vlan_offload_set,
	.rx_queue_setup = pvq_rx_queue_setup,
	.tx_queue_setup = pvq_tx_queue_setup,
	.rx_queue_release = pvq_rx_queue_release,
	.tx_queue_release = pvq_tx_queue_release,
	.rx_queue_start = pvq_rx_queue_start,
	.rx_queue_stop = pvq_rx_queue_stop,
	.tx_queue_start = pvq_tx_queue_start,
	.tx_queue_stop = pvq_tx_queue_stop,
	.rxq_info_get = pvq_rxq_info_get,
	.txq_info_get = pvq_txq_info_get,
	.rx_burst_mode_get = pvq_rx_burst_mode_get,
	.tx_burst_mode_get = pvq_tx_burst_mode_get,
	.tx_done_cleanup = pvq_tx_done_cleanup,
#ifdef PVQ_HAS_RECYCLE
	.recycle_rxq_info_get = pvq_recycle_rxq_info_get,
#endif
	.stats_get = pvq_stats_get,
	.stats_reset = pvq_stats_reset,
	.xstats_get = pvq_xstats_get,
	.xstats_reset = pvq_stats_reset,
	.xstats_get_names = pvq_xstats_get_names,
	.xstats_get_by_id = pvq_xstats_get_by_id,
	.xstats_get_names_by_id = pvq_xstats_get_names_by_id,
	.rx_queue_intr_enable = pvq_rx_queue_intr_enable,
	.rx_queue_intr_disable = pvq_rx_queue_intr_disable,
	.get_monitor_addr = pvq_get_monitor_addr,
};

/* What needs no conversation with the backend, which only the primary process can have. */
const struct eth_dev_ops pvq_eth_dev_secondary_ops = {
	.dev_close = pvq_ethdev_close,
	.dev_infos_get = pvq_dev_infos_get,
	.dev_supported_ptypes_get = pvq_ptypes_get,
	.link_update = pvq_link_update,
	.rxq_info_get = pvq_rxq_info_get,
	.txq_info_get = pvq_txq_info_get,
	.rx_burst_mode_get = pvq_rx_burst_mode_get,
	.tx_burst_mode_get = pvq_tx_burst_mode_get,
	.tx_done_cleanup = pvq_tx_done_cleanup,
	.stats_get = pvq_stats_get,
	.stats_reset = pvq_stats_reset,
	.xstats_get = pvq_xstats_get,
	.xstats_reset = pvq_stats_reset,
	.xstats_get_names = pvq_xstats_get_names,
	.xstats_get_by_id = pvq_xstats_get_by_id,
	.xstats_get_names_by_id = pvq_xstats_get_names_by_id,
	.get_monitor_addr = pvq_get_monitor_addr,
};
