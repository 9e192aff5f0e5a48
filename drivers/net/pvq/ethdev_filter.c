/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Which frames the application wants to receive: modes, addresses, VLANs. Where the device cannot
 * be told, it delivers every frame: to ask for more is easily granted, for less is not.
 */

#include <errno.h>

#include <rte_malloc.h>

#include "ethdev.h"

static int
set_mode(struct rte_eth_dev *eth, int (*set)(struct pvq_device *dev, bool on), bool on)
{
	struct pvq_device *dev = pvq_device_of(eth);
	bool everything;
	int ret = 0;

	pthread_mutex_lock(&dev->lock);
	everything = dev->present && !pvq_control_filters(dev);
	if (on || !everything || dev->transport->unfiltered)
		ret = set(dev, on);
	else
		ret = -ENOTSUP;
	pthread_mutex_unlock(&dev->lock);
	if (!on && everything)
		PVQ_LOG(NOTICE, dev->name,
			"the port goes on receiving every frame: the device does not filter");
	return ret;
}

int
pvq_promiscuous_enable(struct rte_eth_dev *eth)
{
	return set_mode(eth, pvq_control_set_promiscuous, true);
}

int
pvq_promiscuous_disable(struct rte_eth_dev *eth)
{
	return set_mode(eth, pvq_control_set_promiscuous, false);
}

int
pvq_allmulticast_enable(struct rte_eth_dev *eth)
{
	return set_mode(eth, pvq_control_set_allmulticast, true);
}

int
pvq_allmulticast_disable(struct rte_eth_dev *eth)
{
	return set_mode(eth, pvq_control_set_allmulticast, false);
}

static int
set_mac(struct rte_eth_dev *eth, const struct rte_ether_addr *addr, uint32_t index)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = pvq_control_set_mac(dev, index, addr);
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

int
pvq_mac_addr_set(struct rte_eth_dev *eth, struct rte_ether_addr *addr)
{
	return set_mac(eth, addr, 0);
}

int
pvq_mac_addr_add(struct rte_eth_dev *eth, struct rte_ether_addr *addr, uint32_t index,
		 uint32_t pool)
{
	RTE_SET_USED(pool);
	return set_mac(eth, addr, index);
}

void
pvq_mac_addr_remove(struct rte_eth_dev *eth, uint32_t index)
{
	struct pvq_device *dev = pvq_device_of(eth);

	pthread_mutex_lock(&dev->lock);
	pvq_control_remove_mac(dev, index);
	pthread_mutex_unlock(&dev->lock);
}

int
pvq_set_mc_addr_list(struct rte_eth_dev *eth, struct rte_ether_addr *addrs, uint32_t n)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = pvq_control_set_multicasts(dev, addrs, n);
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

int
pvq_vlan_filter_set(struct rte_eth_dev *eth, uint16_t id, int on)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = pvq_control_set_vlan(dev, id, on != 0);
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

/*
 * A device filters VLANs from the moment that the feature is negotiated, and not without it. So to
 * switch that is to negotiate anew; to list all VLANs instead would be 4,096 commands each time.
 */
static int
switch_vlan_filter(struct pvq_device *dev, bool on)
{
	const bool before = dev->control.vlan_filter;
	const bool has = pvq_has(dev, VIRTIO_NET_F_CTRL_VLAN);
	int ret = 0;

	dev->control.vlan_filter = on;
	if (on != has && (has || (dev->offer.features >> VIRTIO_NET_F_CTRL_VLAN & 1) != 0))
		ret = pvq_device_renegotiate(dev);
	if (ret != 0)
		dev->control.vlan_filter = before;
	return ret;
}

int
pvq_vlan_offload_set(struct rte_eth_dev *eth, int mask)
{
	const uint64_t offloads = eth->data->dev_conf.rxmode.offloads;
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	if ((mask & RTE_ETH_VLAN_FILTER_MASK) == 0)
		return 0;
	pthread_mutex_lock(&dev->lock);
	ret = switch_vlan_filter(dev, (offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) != 0);
	pthread_mutex_unlock(&dev->lock);
	dev->hooks->raise_events(dev);
	return ret;
}

void
pvq_filter_configure(struct rte_eth_dev *eth)
{
	const uint64_t offloads = eth->data->dev_conf.rxmode.offloads;
	struct pvq_device *dev = pvq_device_of(eth);

	pthread_mutex_lock(&dev->lock);
	dev->control.vlan_filter = (offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) != 0;
	pthread_mutex_unlock(&dev->lock);
}

int
pvq_filter_init(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);
	struct rte_ether_addr *macs =
		rte_zmalloc("pvq_macs", PVQ_MACS_MAX * sizeof(macs[0]), 0);
	bool everything;

	if (macs == NULL)
		return -ENOMEM;
	/* Devices come and go already. */
	pthread_mutex_lock(&dev->lock);
	/* The user's, else the device's if it has told one by now, else one of our own (NT-30). */
	if (dev->opt.has_mac)
		macs[0] = dev->opt.mac;
	else if (dev->offer.has_mac)
		macs[0] = dev->offer.mac;
	else
		rte_eth_random_addr(macs[0].addr_bytes);
	/* How things stand before anybody asks for more or less. */
	everything = !dev->present || !pvq_control_filters(dev);
	dev->control.mac[0] = macs[0];
	dev->control.promiscuous = everything;
	dev->control.allmulticast = everything;
	pthread_mutex_unlock(&dev->lock);
	eth->data->mac_addrs = macs;
	eth->data->promiscuous = everything;
	eth->data->all_multicast = everything;
	return 0;
}
