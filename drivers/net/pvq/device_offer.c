/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file What a device says of itself when it arrives, as far as it can be believed. */

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ether.h>

#include "device_features.h"
#include "log.h"

/* Tells how to turn the missing feature on: that is what the user needs to know. */
static int
check_required(const struct pvq_device *dev, uint64_t offered)
{
	const uint64_t missing = PVQ_FEATURES_REQUIRED & ~offered;
	char text[64];

	if (missing == 0)
		return 0;
	PVQ_REFUSE(dev,
		"refusing the backend: it does not offer %s. OVS: use a version with DPDK 19.11 or "
		"later; QEMU: add packed=on (and disable-legacy=on) to the device; testpmd: update "
		"the net_vhost side to DPDK 19.11 or later",
		pvq_features_text(missing, text, sizeof(text)));
	return -ENOTSUP;
}

/* Fields are read only if their feature is there (IN-09); without CONFIG none can be read. */
static int
read_fields(struct pvq_device *dev, struct pvq_offer *offer, struct virtio_net_config *config)
{
	/* The last one first: it says how far to read. */
	static const struct {
		unsigned int bit;
		uint32_t end;
	} fields[] = {
		{VIRTIO_NET_F_MTU, sizeof(*config)},
		{VIRTIO_NET_F_MQ, offsetof(struct virtio_net_config, mtu)},
		{VIRTIO_NET_F_STATUS, offsetof(struct virtio_net_config, max_virtqueue_pairs)},
		{VIRTIO_NET_F_MAC, offsetof(struct virtio_net_config, status)},
	};
	int ret = -ENOTSUP;
	size_t i;

	memset(config, 0, sizeof(*config));
	for (i = 0; i < RTE_DIM(fields); i++) {
		if ((offer->features >> fields[i].bit & 1) == 0)
			continue;
		ret = dev->transport->read_config(dev, 0, fields[i].end, config);
		if (ret == 0)
			break;
		/* What nobody can read is not negotiated either. */
		if (fields[i].bit != VIRTIO_NET_F_MTU || dev->transport->set_mtu == NULL)
			offer->features &= ~(1ULL << fields[i].bit);
	}
	return ret;
}

static void
read_offer_config(struct pvq_device *dev, struct pvq_offer *offer)
{
	struct virtio_net_config config;
	int ret = read_fields(dev, offer, &config);

	if (ret != 0) {
		if (ret != -ENOTSUP)
			PVQ_LOG(WARNING, dev->name, "backend's configuration space is unreadable");
		/*
		 * Vhost-user backends without a configuration space offer the control queue for the
		 * sake of a virtual machine monitor that serves it, and would leave commands lying.
		 */
		if (!dev->transport->stays)
			offer->features &= ~(1ULL << VIRTIO_NET_F_CTRL_VQ);
		return;
	}
	offer->max_pairs = rte_le_to_cpu_16(config.max_virtqueue_pairs);
	if (offer->features >> VIRTIO_NET_F_MAC & 1) {
		memcpy(offer->mac.addr_bytes, config.mac, sizeof(config.mac));
		offer->has_mac = rte_is_valid_assigned_ether_addr(&offer->mac);
	}
	if (offer->features >> VIRTIO_NET_F_MTU & 1)
		offer->mtu = rte_le_to_cpu_16(config.mtu);
	if ((offer->features >> VIRTIO_NET_F_MTU & 1) != 0 && offer->mtu < VIRTIO_NET_MTU_MIN &&
	    (offer->mtu != 0 || dev->transport->set_mtu == NULL)) {
		PVQ_LOG(WARNING, dev->name, "backend says its MTU is %u: ignored", offer->mtu);
		offer->features &= ~(1ULL << VIRTIO_NET_F_MTU);
		offer->mtu = 0;
	}
}

/* Those of the first pair stand for all: ethdev knows only one limit. */
static int
read_queue_sizes(struct pvq_device *dev, struct pvq_offer *offer)
{
	const struct pvq_transport *t = dev->transport;
	int ret;

	offer->max_rx_size = VIRTQ_PACKED_SIZE_MAX;
	offer->max_tx_size = VIRTQ_PACKED_SIZE_MAX;
	if (t->get_queue_size == NULL)
		return 0;
	ret = t->get_queue_size(dev, VIRTIO_NET_RXQ(0), &offer->max_rx_size);
	if (ret == 0)
		ret = t->get_queue_size(dev, VIRTIO_NET_TXQ(0), &offer->max_tx_size);
	return ret;
}

/* Whether the number of pairs in the configuration is one that there can be (HD-21). */
static bool
has_mq(const struct pvq_device *dev, const struct pvq_offer *offer, uint16_t queues)
{
	const uint16_t pairs = offer->max_pairs;
	/* QEMU's device shows those of the second pair and on when MQ is negotiated, no sooner. */
	const uint16_t most = dev->transport->own_rings ? queues / 2 : UINT16_MAX / 2;

	if ((pvq_features_closed(offer->features) >> VIRTIO_NET_F_MQ & 1) == 0)
		return false;
	if (pairs != 0 && pairs <= most)
		return true;
	PVQ_LOG(WARNING, dev->name,
		"the device says it has %u queue pairs, and has %u virtqueues: pairs are not "
		"negotiated",
		pairs, queues);
	return false;
}

/* How many pairs there are and where the control queue is, or that there is none (PC-17). */
static void
settle_queues(const struct pvq_device *dev, struct pvq_offer *offer, uint16_t queues)
{
	const uint16_t own = dev->transport->own_rings ? queues / 2 : 1;

	if (dev->control.cvq == NULL)
		offer->features &= ~(1ULL << VIRTIO_NET_F_CTRL_VQ);
	offer->cvq_index = VIRTIO_NET_RXQ(1);
	if (has_mq(dev, offer, queues)) {
		offer->cvq_index = VIRTIO_NET_RXQ(offer->max_pairs);
	} else {
		offer->features &= ~(1ULL << VIRTIO_NET_F_MQ);
		offer->max_pairs = own;
	}
	/* Where a second pair is used without MQ, its receive queue has the number. */
	if (dev->transport->own_rings && (offer->features >> VIRTIO_NET_F_CTRL_VQ & 1) != 0 &&
	    (offer->cvq_index >= queues || offer->cvq_index < 2u * offer->max_pairs)) {
		PVQ_LOG(WARNING, dev->name,
			"the control queue would be virtqueue %u, which is not there or is another: "
			"not used",
			offer->cvq_index);
		offer->features &= ~(1ULL << VIRTIO_NET_F_CTRL_VQ);
		offer->max_pairs = own;
	}
	offer->max_pairs = RTE_MIN(offer->max_pairs, PVQ_MAX_PAIRS);
	offer->features = pvq_features_closed(offer->features);
}

int
pvq_device_identify(struct pvq_device *dev)
{
	struct pvq_offer offer = {0};
	uint16_t queues;
	int ret = dev->transport->get_features(dev, &offer.features);

	if (ret == 0)
		ret = check_required(dev, offer.features);
	if (ret == 0)
		ret = dev->transport->get_num_queues(dev, &queues);
	if (ret == 0)
		ret = read_queue_sizes(dev, &offer);
	if (ret != 0)
		return ret;
	read_offer_config(dev, &offer);
	settle_queues(dev, &offer, queues);
	/* Applications ask for these at any time, without the lock. */
	__atomic_store_n(&dev->offer.max_pairs, offer.max_pairs, __ATOMIC_RELAXED);
	__atomic_store_n(&dev->offer.mtu, offer.mtu, __ATOMIC_RELAXED);
	__atomic_store_n(&dev->offer.max_rx_size, offer.max_rx_size, __ATOMIC_RELAXED);
	__atomic_store_n(&dev->offer.max_tx_size, offer.max_tx_size, __ATOMIC_RELAXED);
	__atomic_store_n(&dev->offer.features, offer.features, __ATOMIC_RELAXED);
	dev->offer.cvq_index = offer.cvq_index;
	dev->offer.has_mac = offer.has_mac;
	dev->offer.mac = offer.mac;
	return 0;
}
