/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file What a port does when something becomes of its device: burst functions and events. */

#include <rte_alarm.h>

#include "ethdev.h"

void
pvq_ethdev_set_fast_path(struct rte_eth_dev *eth)
{
	const struct pvq_device *dev = pvq_device_of(eth);
	const uint64_t offloads = eth->data->dev_conf.txmode.offloads;
	const bool primary = rte_eal_process_type() == RTE_PROC_PRIMARY;

	eth->rx_pkt_burst = (eth_rx_burst_t)pvq_rx_paths[dev->rx_path].burst;
	eth->tx_pkt_burst = (eth_tx_burst_t)pvq_tx_paths[dev->tx_path].burst;
#ifdef PVQ_HAS_RECYCLE
	eth->recycle_rx_descriptors_refill = pvq_rx_paths[dev->rx_path].recycle;
	eth->recycle_tx_mbufs_reuse = pvq_recycle_tx_mbufs;
#endif
	/* A secondary process is not told when the port is configured anew. */
	if ((offloads & RTE_ETH_TX_OFFLOAD_MT_LOCKFREE) || !primary)
		eth->tx_pkt_burst = pvq_tx_burst_mt;
	eth->tx_pkt_prepare = pvq_tx_prepare;
	eth->rx_queue_count = pvq_rx_queue_count;
	eth->rx_descriptor_status = pvq_rx_descriptor_status;
	eth->tx_descriptor_status = pvq_tx_descriptor_status;
}

static bool
is_rx_burst(eth_rx_burst_t burst)
{
	unsigned int i;

	for (i = 0; i < PVQ_PATH_COUNT; i++)
		if (burst == (eth_rx_burst_t)pvq_rx_paths[i].burst)
			return true;
	return false;
}

static bool
is_tx_burst(eth_tx_burst_t burst)
{
	unsigned int i;

	for (i = 0; i < PVQ_PATH_COUNT; i++)
		if (burst == (eth_tx_burst_t)pvq_tx_paths[i].burst)
			return true;
	return false;
}

/*
 * A port can start before its backend is there, so its functions may have to change while lcores
 * call them. One that calls the old function a last time is sent on by the gate. Only what ethdev
 * copied from here is replaced, never its dummies of a stopped port.
 */
static void
set_paths(struct pvq_device *dev)
{
	struct rte_eth_dev *eth = &rte_eth_devices[dev->port_id];
	struct rte_eth_fp_ops *fp = &rte_eth_fp_ops[dev->port_id];
#ifdef PVQ_HAS_RECYCLE
	eth_recycle_rx_descriptors_refill_t recycle =
		__atomic_load_n(&fp->recycle_rx_descriptors_refill, __ATOMIC_RELAXED);
#endif
	eth_rx_burst_t rx = __atomic_load_n(&fp->rx_pkt_burst, __ATOMIC_RELAXED);
	eth_tx_burst_t tx = __atomic_load_n(&fp->tx_pkt_burst, __ATOMIC_RELAXED);

	pvq_ethdev_set_fast_path(eth);
	if (is_rx_burst(rx) && rx != eth->rx_pkt_burst) {
#ifdef PVQ_HAS_RECYCLE
		__atomic_compare_exchange_n(&fp->recycle_rx_descriptors_refill, &recycle,
					    eth->recycle_rx_descriptors_refill, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
#endif
		__atomic_compare_exchange_n(&fp->rx_pkt_burst, &rx, eth->rx_pkt_burst, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
	if (is_tx_burst(tx) && tx != eth->tx_pkt_burst)
		__atomic_compare_exchange_n(&fp->tx_pkt_burst, &tx, eth->tx_pkt_burst, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/* In EAL's interrupt thread, where applications expect callbacks and may close the port. */
static void
raise_now(void *arg)
{
	struct pvq_device *dev = arg;
	const uint32_t events = __atomic_exchange_n(&dev->pending_events, 0, __ATOMIC_ACQ_REL);
	static const struct {
		uint32_t bit;
		enum rte_eth_event_type type;
	} order[] = {
		{PVQ_EVENT_LINK, RTE_ETH_EVENT_INTR_LSC},
		{PVQ_EVENT_ERROR, RTE_ETH_EVENT_INTR_RESET},
		{PVQ_EVENT_REMOVED, RTE_ETH_EVENT_INTR_RMV},
	};
	struct rte_eth_dev *eth = &rte_eth_devices[dev->port_id];
	unsigned int i;

	if (events & PVQ_EVENT_LINK)
		pvq_link_update(eth, 0);
	for (i = 0; i < RTE_DIM(order); i++)
		if ((events & order[i].bit) != 0 && eth->state != RTE_ETH_DEV_UNUSED)
			rte_eth_dev_callback_process(eth, order[i].type, NULL);
}

static void
raise_events(struct pvq_device *dev)
{
	if (__atomic_load_n(&dev->pending_events, __ATOMIC_ACQUIRE) != 0)
		rte_eal_alarm_set(1, raise_now, dev);
}

void
pvq_ethdev_cancel_events(struct pvq_device *dev)
{
	rte_eal_alarm_cancel(raise_now, dev);
}

const struct pvq_device_hooks pvq_ethdev_hooks = {
	.set_paths = set_paths,
	.raise_events = raise_events,
};
