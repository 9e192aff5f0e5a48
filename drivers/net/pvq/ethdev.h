/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_ETHDEV_H
#define PVQ_ETHDEV_H

/**
 * @file
 * ethdev's operations on a port, grouped by file. They follow ethdev's own contracts: one thread at
 * a time on a port's control path, bursts and what belongs to them on the polling lcore.
 */

#include <rte_ethdev.h>
#include <ethdev_driver.h>

#include "compat.h"
#include "device.h"

/** Largest MTU of a port; 65535 would mean "unknown" to ethdev. */
#define PVQ_MTU_MAX 65534u
/** Fewest descriptors with which a multi-segment packet can be sent: header and two segments. */
#define PVQ_MULTI_SEG_DESC_MIN 3u

/** The operations of a port in the primary process, and in a secondary one. */
extern const struct eth_dev_ops pvq_eth_dev_ops;
extern const struct eth_dev_ops pvq_eth_dev_secondary_ops;

static inline struct pvq_device *
pvq_device_of(const struct rte_eth_dev *eth)
{
	return eth->data->dev_private;
}

/* ethdev_hooks.c */

/** What the device calls when its paths change or something happens to it. */
extern const struct pvq_device_hooks pvq_ethdev_hooks;

/** Set the burst functions and the other fast-path operations of @p eth in this process. */
void
pvq_ethdev_set_fast_path(struct rte_eth_dev *eth);

/** Stop events from being raised, before the port goes away. */
void
pvq_ethdev_cancel_events(struct pvq_device *dev);

/* ethdev.c */
int
pvq_ethdev_close(struct rte_eth_dev *eth);
int
pvq_link_update(struct rte_eth_dev *eth, int wait);

/* ethdev_filter.c */

/** Addresses and receive modes of a new port, whose device may be there. @return 0 or -ENOMEM. */
int
pvq_filter_init(struct rte_eth_dev *eth);

/** Take over what rte_eth_dev_configure() was told. */
void
pvq_filter_configure(struct rte_eth_dev *eth);

int
pvq_promiscuous_enable(struct rte_eth_dev *eth);
int
pvq_promiscuous_disable(struct rte_eth_dev *eth);
int
pvq_allmulticast_enable(struct rte_eth_dev *eth);
int
pvq_allmulticast_disable(struct rte_eth_dev *eth);
int
pvq_mac_addr_set(struct rte_eth_dev *eth, struct rte_ether_addr *addr);
int
pvq_mac_addr_add(struct rte_eth_dev *eth, struct rte_ether_addr *addr, uint32_t index,
		 uint32_t pool);
void
pvq_mac_addr_remove(struct rte_eth_dev *eth, uint32_t index);
int
pvq_set_mc_addr_list(struct rte_eth_dev *eth, struct rte_ether_addr *addrs, uint32_t n);
int
pvq_vlan_filter_set(struct rte_eth_dev *eth, uint16_t id, int on);
int
pvq_vlan_offload_set(struct rte_eth_dev *eth, int mask);

/* ethdev_queue.c */
int
pvq_rx_queue_setup(struct rte_eth_dev *eth, uint16_t id, uint16_t nb_desc, unsigned int socket_id,
		   const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int
pvq_tx_queue_setup(struct rte_eth_dev *eth, uint16_t id, uint16_t nb_desc, unsigned int socket_id,
		   const struct rte_eth_txconf *conf);
void
pvq_rx_queue_release(struct rte_eth_dev *eth, uint16_t id);
void
pvq_tx_queue_release(struct rte_eth_dev *eth, uint16_t id);
int
pvq_rx_queue_start(struct rte_eth_dev *eth, uint16_t id);
int
pvq_rx_queue_stop(struct rte_eth_dev *eth, uint16_t id);
int
pvq_tx_queue_start(struct rte_eth_dev *eth, uint16_t id);
int
pvq_tx_queue_stop(struct rte_eth_dev *eth, uint16_t id);

/* queue_info.c */
void
pvq_rxq_info_get(struct rte_eth_dev *eth, uint16_t id, struct rte_eth_rxq_info *info);
void
pvq_txq_info_get(struct rte_eth_dev *eth, uint16_t id, struct rte_eth_txq_info *info);
int
pvq_rx_burst_mode_get(struct rte_eth_dev *eth, uint16_t id, struct rte_eth_burst_mode *mode);
int
pvq_tx_burst_mode_get(struct rte_eth_dev *eth, uint16_t id, struct rte_eth_burst_mode *mode);
pvq_queue_count_t
pvq_rx_queue_count(void *queue);
int
pvq_rx_descriptor_status(void *queue, uint16_t offset);
int
pvq_tx_descriptor_status(void *queue, uint16_t offset);
int
pvq_tx_done_cleanup(void *queue, uint32_t free_cnt);

/* ethdev_recycle.c */
#ifdef PVQ_HAS_RECYCLE
uint16_t
pvq_recycle_tx_mbufs(void *queue, struct rte_eth_recycle_rxq_info *info);
void
pvq_recycle_rxq_info_get(struct rte_eth_dev *eth, uint16_t id,
			 struct rte_eth_recycle_rxq_info *info);
#endif

/* stats.c */
int
pvq_stats_get(PVQ_STATS_GET_ARGS(eth, stats, queues));
int
pvq_stats_reset(struct rte_eth_dev *eth);
int
pvq_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *xstats, unsigned int n);
int
pvq_xstats_get_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names, unsigned int n);
int
pvq_xstats_get_by_id(struct rte_eth_dev *eth, const uint64_t *ids, uint64_t *values,
		     unsigned int n);
int
pvq_xstats_get_names_by_id(struct rte_eth_dev *eth, const uint64_t *ids,
			   struct rte_eth_xstat_name *names, unsigned int n);

/* telemetry.c */

/** From now on commands may ask for the port; with NULL none does any more on return. */
void
pvq_telemetry_set_port(uint16_t port_id, struct pvq_device *dev);

/* intr.c */

/** Whether the port can have the interrupts that it is configured for. @return 0 or -ENOTSUP. */
int
pvq_intr_check(struct rte_eth_dev *eth);

/**
 * Let interrupts of the device through, and make the eventfds that rx queues interrupt by, if the
 * port asks for it. Before the device has the rings, and undone after. @return 0 or -errno.
 */
int
pvq_intr_set_up(struct rte_eth_dev *eth);
void
pvq_intr_tear_down(struct rte_eth_dev *eth);
int
pvq_rx_queue_intr_enable(struct rte_eth_dev *eth, uint16_t id);
int
pvq_rx_queue_intr_disable(struct rte_eth_dev *eth, uint16_t id);
int
pvq_get_monitor_addr(void *queue, struct rte_power_monitor_cond *cond);

#endif /* PVQ_ETHDEV_H */
