/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <ethdev_driver.h>

#include "device_features.h"
#include "log.h"

static const struct {
	unsigned int bit;
	const char *name;
} feature_names[] = {
	{VIRTIO_NET_F_MTU, "MTU"},
	{VIRTIO_NET_F_MAC, "MAC"},
	{VIRTIO_NET_F_MRG_RXBUF, "MRG_RXBUF"},
	{VIRTIO_NET_F_STATUS, "STATUS"},
	{VIRTIO_NET_F_CTRL_VQ, "CTRL_VQ"},
	{VIRTIO_NET_F_CTRL_RX, "CTRL_RX"},
	{VIRTIO_NET_F_CTRL_VLAN, "CTRL_VLAN"},
	{VIRTIO_NET_F_CTRL_RX_EXTRA, "CTRL_RX_EXTRA"},
	{VIRTIO_NET_F_GUEST_ANNOUNCE, "GUEST_ANNOUNCE"},
	{VIRTIO_NET_F_MQ, "MQ"},
	{VIRTIO_NET_F_CTRL_MAC_ADDR, "CTRL_MAC_ADDR"},
	{VIRTIO_F_INDIRECT_DESC, "INDIRECT_DESC"},
	{VIRTIO_F_EVENT_IDX, "EVENT_IDX"},
	{VIRTIO_F_VERSION_1, "VERSION_1"},
	{VIRTIO_F_RING_PACKED, "RING_PACKED"},
	{VIRTIO_F_IN_ORDER, "IN_ORDER"},
	{VIRTIO_F_ACCESS_PLATFORM, "ACCESS_PLATFORM"},
	{VIRTIO_F_ORDER_PLATFORM, "ORDER_PLATFORM"},
	{VIRTIO_F_NOTIFICATION_DATA, "NOTIFICATION_DATA"},
	{VIRTIO_F_NOTIF_CONFIG_DATA, "NOTIF_CONFIG_DATA"},
	{VIRTIO_F_RING_RESET, "RING_RESET"},
};

/*
 * Network Device, Feature bit requirements (FD-07, FD-11). That addresses and the additional receive
 * modes need CTRL_RX as well is what the control queue's chapter says (NT-20).
 */
static const struct {
	unsigned int bit;
	uint64_t needs;
} feature_needs[] = {
	{VIRTIO_NET_F_CTRL_RX, 1ULL << VIRTIO_NET_F_CTRL_VQ},
	{VIRTIO_NET_F_CTRL_VLAN, 1ULL << VIRTIO_NET_F_CTRL_VQ},
	{VIRTIO_NET_F_MQ, 1ULL << VIRTIO_NET_F_CTRL_VQ},
	{VIRTIO_NET_F_CTRL_RX_EXTRA, 1ULL << VIRTIO_NET_F_CTRL_RX},
	{VIRTIO_NET_F_CTRL_MAC_ADDR, 1ULL << VIRTIO_NET_F_CTRL_RX},
	{VIRTIO_NET_F_GUEST_ANNOUNCE, 1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_STATUS},
};

/* Without what lacks its requirements; those that others need come first in the table. */
uint64_t
pvq_features_closed(uint64_t features)
{
	size_t i;

	for (i = 0; i < RTE_DIM(feature_needs); i++)
		if ((features & feature_needs[i].needs) != feature_needs[i].needs)
			features &= ~(1ULL << feature_needs[i].bit);
	return features;
}

const char *
pvq_features_text(uint64_t features, char *buf, size_t len)
{
	size_t used = 0, i;

	buf[0] = '\0';
	for (i = 0; i < RTE_DIM(feature_names); i++) {
		if ((features >> feature_names[i].bit & 1) == 0)
			continue;
		used += snprintf(buf + used, len - used, "%s%s", used != 0 ? " " : "",
				 feature_names[i].name);
		if (used >= len)
			break;
	}
	return buf;
}

uint64_t
pvq_wanted_features(const struct pvq_device *dev)
{
	uint64_t wanted = PVQ_FEATURES_REQUIRED | 1ULL << VIRTIO_F_INDIRECT_DESC |
			  1ULL << VIRTIO_NET_F_MTU | 1ULL << VIRTIO_NET_F_STATUS |
			  dev->transport->features;

	if (dev->opt.mrg_rxbuf)
		wanted |= 1ULL << VIRTIO_NET_F_MRG_RXBUF;
	if (dev->opt.in_order)
		wanted |= 1ULL << VIRTIO_F_IN_ORDER;
	if (dev->opt.event_idx)
		wanted |= 1ULL << VIRTIO_F_EVENT_IDX;
	wanted |= 1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_CTRL_RX |
		  1ULL << VIRTIO_NET_F_CTRL_RX_EXTRA | 1ULL << VIRTIO_NET_F_CTRL_MAC_ADDR |
		  1ULL << VIRTIO_NET_F_GUEST_ANNOUNCE | 1ULL << VIRTIO_NET_F_MQ;
	/* Once it is negotiated, tagged frames come only for VLANs that the device was told of. */
	if (dev->control.vlan_filter)
		wanted |= 1ULL << VIRTIO_NET_F_CTRL_VLAN;
	/* To accept MAC is to promise the device's address; the port may have its own by now. */
	if (dev->offer.has_mac &&
	    ((dev->offer.features >> VIRTIO_NET_F_CTRL_MAC_ADDR & 1) != 0 ||
	     rte_is_same_ether_addr(&dev->offer.mac, &dev->control.mac[0])))
		wanted |= 1ULL << VIRTIO_NET_F_MAC;
	return wanted;
}

int
pvq_device_add_status(struct pvq_device *dev, uint8_t bits)
{
	int ret;

	dev->status |= bits;
	ret = dev->transport->set_status(dev, dev->status);
	/* A backend without a status has nothing to be told. */
	return ret == -ENOTSUP ? 0 : ret;
}

int
pvq_device_reset_status(struct pvq_device *dev)
{
	int ret;

	dev->status = 0;
	ret = dev->transport->set_status(dev, 0);
	if (ret == 0)
		dev->holds = false;
	return ret == -ENOTSUP ? 0 : ret;
}

static int
negotiate_once(struct pvq_device *dev)
{
	const struct pvq_transport *t = dev->transport;
	const uint64_t features = pvq_features_closed(dev->offer.features & pvq_wanted_features(dev));
	uint8_t status;
	int ret;

	ret = pvq_device_reset_status(dev);
	if (ret == 0)
		ret = pvq_device_add_status(dev, VIRTIO_STATUS_ACKNOWLEDGE);
	if (ret == 0)
		ret = pvq_device_add_status(dev, VIRTIO_STATUS_DRIVER);
	if (ret == 0)
		ret = t->set_features(dev, features);
	if (ret == 0)
		ret = pvq_device_add_status(dev, VIRTIO_STATUS_FEATURES_OK);
	if (ret != 0)
		return ret;
	ret = t->get_status(dev, &status);
	if (ret == 0 && (status & VIRTIO_STATUS_FEATURES_OK) == 0) {
		PVQ_REFUSE(dev, "backend did not accept features %#" PRIx64, features);
		pvq_device_add_status(dev, VIRTIO_STATUS_FAILED);
		return -EPROTO;
	}
	if (ret != 0 && ret != -ENOTSUP)
		return ret;
	__atomic_store_n(&dev->features, features, __ATOMIC_RELAXED);
	return 0;
}

/*
 * Whether the control queue is there, now that the features are settled that decide where it is. If
 * not, the offer loses what led there.
 */
static int
check_control_queue(struct pvq_device *dev, bool *again)
{
	const bool mq = pvq_has(dev, VIRTIO_NET_F_MQ);
	uint64_t features;
	uint16_t size;
	int ret;

	*again = false;
	if (!pvq_has(dev, VIRTIO_NET_F_CTRL_VQ) || dev->transport->get_queue_size == NULL)
		return 0;
	ret = dev->transport->get_queue_size(dev, dev->offer.cvq_index, &size);
	if (ret != 0 || size != 0)
		return ret;
	PVQ_LOG(WARNING, dev->name, "the device has no virtqueue %u for control: %s are done without",
		dev->offer.cvq_index, mq ? "pairs" : "commands");
	features = dev->offer.features & ~(1ULL << (mq ? VIRTIO_NET_F_MQ : VIRTIO_NET_F_CTRL_VQ));
	__atomic_store_n(&dev->offer.features, pvq_features_closed(features), __ATOMIC_RELAXED);
	__atomic_store_n(&dev->offer.max_pairs, 1, __ATOMIC_RELAXED);
	dev->offer.cvq_index = VIRTIO_NET_RXQ(1);
	*again = true;
	return 0;
}

int
pvq_device_negotiate(struct pvq_device *dev)
{
	bool again = true;
	int ret = 0;

	/* Three times at most: with MQ, without it, without CTRL_VQ. */
	while (ret == 0 && again) {
		ret = negotiate_once(dev);
		if (ret == 0)
			ret = check_control_queue(dev, &again);
	}
	return ret;
}

static enum pvq_bus
bus_of(const struct pvq_device *dev)
{
	if (pvq_has(dev, VIRTIO_F_ORDER_PLATFORM))
		return PVQ_BUS_PLATFORM;
	/* Where IOVAs are virtual addresses the shorter way does. */
	return dev->transport->iova && rte_eal_iova_mode() != RTE_IOVA_VA ? PVQ_BUS_IOVA :
									    PVQ_BUS_VIRTUAL;
}

struct pvq_queue_mode
pvq_device_queue_mode(const struct pvq_device *dev)
{
	const bool limited = pvq_has(dev, VIRTIO_NET_F_MTU) && dev->offer.mtu != 0;

	return (struct pvq_queue_mode){
		.in_order = pvq_has(dev, VIRTIO_F_IN_ORDER),
		.mergeable = pvq_has(dev, VIRTIO_NET_F_MRG_RXBUF),
		.indirect = pvq_has(dev, VIRTIO_F_INDIRECT_DESC),
		.bus = bus_of(dev),
		.event_idx = pvq_has(dev, VIRTIO_F_EVENT_IDX),
		.max_tx_len = limited ? pvq_frame_len(dev->offer.mtu) : UINT32_MAX,
	};
}

uint16_t
pvq_device_net_status(struct pvq_device *dev)
{
	rte_le16_t status;

	if (!pvq_has(dev, VIRTIO_NET_F_STATUS) ||
	    dev->transport->read_config(dev, offsetof(struct virtio_net_config, status),
					sizeof(status), &status) != 0)
		return VIRTIO_NET_S_LINK_UP;
	return rte_le_to_cpu_16(status);
}

uint16_t
pvq_device_max_pairs(const struct pvq_device *dev)
{
	const uint16_t pairs = dev->opt.queues != 0 ? dev->opt.queues : PVQ_MAX_PAIRS;
	const uint16_t offered = __atomic_load_n(&dev->offer.max_pairs, __ATOMIC_RELAXED);

	return offered != 0 ? RTE_MIN(pairs, offered) : pairs;
}

int
pvq_device_check_mtu(const struct pvq_device *dev, uint16_t mtu)
{
	const uint32_t frame = pvq_frame_len(mtu) + VIRTIO_NET_HDR_LEN;
	struct pvq_rxq *q;
	unsigned int i;

	if (dev->offer.mtu != 0 && mtu > dev->offer.mtu) {
		PVQ_REFUSE(dev, "MTU %u is above the backend's %u", mtu, dev->offer.mtu);
		return -EINVAL;
	}
	PVQ_FOREACH_RXQ(dev, i, q) {
		/* Before the first backend nobody knows whether it will merge. */
		const bool merges = q->scatter && (dev->features == 0 ||
						   pvq_has(dev, VIRTIO_NET_F_MRG_RXBUF));

		if (frame <= q->capacity || (merges && frame <= q->capacity * (uint32_t)q->vq.size))
			continue;
		PVQ_REFUSE(dev,
			"MTU %u needs %u bytes and rx queue %u's buffers have %u: use a mempool "
			"of larger mbufs, or RTE_ETH_RX_OFFLOAD_SCATTER with mergeable buffers "
			"(mrg_rxbuf=1 and a backend that offers them) and enough descriptors",
			mtu, frame, i, q->capacity);
		return -EINVAL;
	}
	return 0;
}
