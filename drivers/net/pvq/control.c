/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>

#include <rte_bitops.h>
#include <rte_ethdev.h>
#include <ethdev_driver.h>

#include "control.h"
#include "device.h"

#define VLAN_BITS 64u
/* Entries of a table follow their number. */
#define TABLE_BYTES(n) (sizeof(rte_le32_t) + (n) * sizeof(struct rte_ether_addr))

_Static_assert(TABLE_BYTES(PVQ_MACS_MAX) + TABLE_BYTES(PVQ_MULTICASTS_MAX) <= PVQ_CVQ_DATA_MAX,
	       "the longest table has to fit a command");
_Static_assert(PVQ_VLAN_WORDS * VLAN_BITS == RTE_ETHER_MAX_VLAN_ID + 1, "a bit for each VLAN");

static int
command(const struct pvq_device *dev, uint8_t class, uint8_t number, const void *data, uint32_t len)
{
	return pvq_cvq_command(dev->control.cvq, dev->name, class, number, data, len);
}

/* Whether the device said no, and not that it is out of order. */
static bool
is_refusal(const struct pvq_device *dev, int ret)
{
	return ret == -EIO && !dev->control.cvq->broken;
}

/* Whether a wish that has changed is to be told now. */
static bool
listens(const struct pvq_device *dev, unsigned int feature)
{
	return dev->live && !dev->needs_reset && pvq_has(dev, feature);
}

/* An error of a device that has just gone is none: the next one is told. */
static int
unless_gone(struct pvq_device *dev, int ret)
{
	uint64_t ignored;

	return ret == 0 || dev->transport->get_features(dev, &ignored) != 0 ? 0 : ret;
}

static int
tell_mac(struct pvq_device *dev)
{
	struct pvq_control *c = &dev->control;
	int ret;

	if (c->mac_told || !pvq_has(dev, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return 0;
	ret = command(dev, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, &c->mac[0],
		      sizeof(c->mac[0]));
	c->mac_told = ret == 0;
	return ret;
}

static uint32_t
put_count(uint8_t *at, uint32_t count)
{
	const rte_le32_t wire = rte_cpu_to_le_32(count);

	memcpy(at, &wire, sizeof(wire));
	return sizeof(wire);
}

/* Addresses by which frames come besides the one the device calls its own. @return bytes. */
static uint32_t
put_unicasts(const struct pvq_device *dev, uint8_t *at, uint32_t *count)
{
	const struct pvq_control *c = &dev->control;
	uint32_t i = pvq_has(dev, VIRTIO_NET_F_CTRL_MAC_ADDR) ? 1 : 0;
	uint8_t *entry = at + sizeof(rte_le32_t);

	for (*count = 0; i < PVQ_MACS_MAX; i++) {
		if (rte_is_zero_ether_addr(&c->mac[i]))
			continue;
		memcpy(entry + *count * sizeof(c->mac[i]), &c->mac[i], sizeof(c->mac[i]));
		(*count)++;
	}
	put_count(at, *count);
	return TABLE_BYTES(*count);
}

static int
tell_table(struct pvq_device *dev)
{
	uint8_t data[TABLE_BYTES(PVQ_MACS_MAX) + TABLE_BYTES(PVQ_MULTICASTS_MAX)];
	struct pvq_control *c = &dev->control;
	uint32_t unicasts, len;
	int ret;

	if (c->table_told)
		return 0;
	len = put_unicasts(dev, data, &unicasts);
	len += put_count(data + len, c->nb_multicasts);
	memcpy(data + len, c->multicast, c->nb_multicasts * sizeof(c->multicast[0]));
	len += c->nb_multicasts * sizeof(c->multicast[0]);
	ret = command(dev, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, data, len);
	c->table_refused = is_refusal(dev, ret);
	if (c->table_refused) {
		PVQ_LOG(NOTICE, dev->name,
			"the device does not filter by %u unicast and %u multicast addresses: it "
			"is asked for all frames of the kind",
			unicasts, c->nb_multicasts);
		ret = 0;
	}
	c->table_told = ret == 0;
	return ret;
}

static int
tell_mode(struct pvq_device *dev, uint8_t mode, bool on)
{
	struct pvq_control *c = &dev->control;
	const uint8_t wire = on;
	int ret;

	if (c->mode_told[mode] == wire)
		return 0;
	ret = command(dev, VIRTIO_NET_CTRL_RX, mode, &wire, sizeof(wire));
	if (ret == 0)
		c->mode_told[mode] = wire;
	return ret;
}

static int
tell_modes(struct pvq_device *dev)
{
	const struct pvq_control *c = &dev->control;
	const bool extra = pvq_has(dev, VIRTIO_NET_F_CTRL_RX_EXTRA);
	int ret;

	/* More before less, so that nothing is missed in between. */
	ret = extra ? tell_mode(dev, VIRTIO_NET_CTRL_RX_ALLUNI, c->table_refused) : 0;
	if (ret == 0)
		ret = tell_mode(dev, VIRTIO_NET_CTRL_RX_ALLMULTI,
				c->allmulticast || c->too_many_multicasts || c->table_refused);
	if (ret == 0)
		ret = tell_mode(dev, VIRTIO_NET_CTRL_RX_PROMISC,
				c->promiscuous || (c->table_refused && !extra));
	return ret;
}

static int
tell_addresses(struct pvq_device *dev)
{
	int ret = 0;

	/* Before the table goes without them, so that nothing is missed in between. */
	if (dev->control.too_many_multicasts)
		ret = tell_mode(dev, VIRTIO_NET_CTRL_RX_ALLMULTI, true);
	if (ret == 0)
		ret = tell_table(dev);
	return ret != 0 ? ret : tell_modes(dev);
}

static int
tell_vlan(struct pvq_device *dev, uint16_t id, bool on)
{
	const rte_le16_t wire = rte_cpu_to_le_16(id);
	int ret = command(dev, VIRTIO_NET_CTRL_VLAN,
			  on ? VIRTIO_NET_CTRL_VLAN_ADD : VIRTIO_NET_CTRL_VLAN_DEL, &wire,
			  sizeof(wire));

	if (ret == 0)
		dev->control.vlan_told[id / VLAN_BITS] ^= RTE_BIT64(id % VLAN_BITS);
	return ret;
}

static int
tell_vlans(struct pvq_device *dev)
{
	const struct pvq_control *c = &dev->control;
	unsigned int word, bit;
	uint64_t differ;
	int ret = 0, one;

	for (word = 0; word < PVQ_VLAN_WORDS; word++) {
		for (differ = c->vlan[word] ^ c->vlan_told[word]; differ != 0;
		     differ &= differ - 1) {
			bit = __builtin_ctzll(differ);
			one = tell_vlan(dev, word * VLAN_BITS + bit, c->vlan[word] >> bit & 1);
			/* One that is refused is no reason to do without the others. */
			if (one != 0 && !is_refusal(dev, one))
				return one;
			ret = ret != 0 ? ret : one;
		}
	}
	return ret;
}

static int
tell_pairs(struct pvq_device *dev, uint16_t pairs)
{
	const rte_le16_t wire = rte_cpu_to_le_16(pairs);
	int ret;

	/* One is what a device begins with. */
	if (pairs <= 1 || !pvq_has(dev, VIRTIO_NET_F_MQ))
		return 0;
	ret = command(dev, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &wire,
		      sizeof(wire));
	if (ret == 0)
		return 0;
	if (unless_gone(dev, ret) == 0)
		return -ECONNRESET;
	PVQ_REFUSE(dev, "the device does not take %u queue pairs: configure fewer queues", pairs);
	return -ENOSPC;
}

/* After a reset: an empty table, no VLAN, and whatever the device deems right to begin with. */
static void
forget_told(struct pvq_device *dev)
{
	struct pvq_control *c = &dev->control;
	uint32_t i;

	c->mode_told[VIRTIO_NET_CTRL_RX_PROMISC] = -1;
	c->mode_told[VIRTIO_NET_CTRL_RX_ALLMULTI] = -1;
	c->mode_told[VIRTIO_NET_CTRL_RX_ALLUNI] = 0;
	c->mac_told = dev->offer.has_mac && rte_is_same_ether_addr(&dev->offer.mac, &c->mac[0]);
	/* The device knows its own address without a table. */
	c->table_told = c->nb_multicasts == 0 &&
			(c->mac_told || pvq_has(dev, VIRTIO_NET_F_CTRL_MAC_ADDR));
	for (i = 1; i < PVQ_MACS_MAX; i++)
		c->table_told &= rte_is_zero_ether_addr(&c->mac[i]);
	c->table_refused = false;
	c->announced = false;
	memset(c->vlan_told, 0, sizeof(c->vlan_told));
}

int
pvq_control_replay(struct pvq_device *dev, uint16_t pairs)
{
	int ret = 0, one;

	if (pvq_has(dev, VIRTIO_NET_F_MQ) && pairs > dev->data->nb_rx_queues)
		PVQ_LOG(WARNING, dev->name,
			"%u queue pairs and %u rx queues: what the device delivers to the others is "
			"lost; configure as many rx as tx queues",
			pairs, dev->data->nb_rx_queues);
	if (dev->control.vlan_filter && !pvq_has(dev, VIRTIO_NET_F_CTRL_VLAN))
		PVQ_LOG(WARNING, dev->name,
			"the device has no VLAN filter: frames of all VLANs are received");
	if (!pvq_has(dev, VIRTIO_NET_F_CTRL_VQ))
		return 0;
	forget_told(dev);
	one = tell_pairs(dev, pairs);
	if (one != 0)
		return one;
	if (pvq_has(dev, VIRTIO_NET_F_CTRL_RX)) {
		ret = tell_mac(dev);
		one = ret == 0 || is_refusal(dev, ret) ? tell_addresses(dev) : ret;
		ret = ret != 0 ? ret : one;
	}
	if (pvq_has(dev, VIRTIO_NET_F_CTRL_VLAN) && (ret == 0 || is_refusal(dev, ret))) {
		one = tell_vlans(dev);
		ret = ret != 0 ? ret : one;
	}
	if (ret == 0)
		return 0;
	if (unless_gone(dev, ret) == 0)
		return -ECONNRESET;
	PVQ_LOG(ERR, dev->name,
		"the device does not filter as it was asked to: the port may receive frames that "
		"are not meant for it, or not all that are");
	return 0;
}

bool
pvq_control_filters(const struct pvq_device *dev)
{
	return (dev->offer.features >> VIRTIO_NET_F_CTRL_RX & 1) != 0;
}

/* A switch that is one of those behind tell_modes(). */
static int
set_mode(struct pvq_device *dev, bool *mode, bool on)
{
	const bool before = *mode;
	int ret = 0;

	*mode = on;
	if (listens(dev, VIRTIO_NET_F_CTRL_RX))
		ret = unless_gone(dev, tell_modes(dev));
	if (ret != 0)
		*mode = before;
	return ret;
}

int
pvq_control_set_promiscuous(struct pvq_device *dev, bool on)
{
	return set_mode(dev, &dev->control.promiscuous, on);
}

int
pvq_control_set_allmulticast(struct pvq_device *dev, bool on)
{
	return set_mode(dev, &dev->control.allmulticast, on);
}

int
pvq_control_set_mac(struct pvq_device *dev, uint32_t index, const struct rte_ether_addr *addr)
{
	struct pvq_control *c = &dev->control;
	const struct rte_ether_addr before = c->mac[index];
	const bool own = index == 0 && pvq_has(dev, VIRTIO_NET_F_CTRL_MAC_ADDR);
	bool *told = own ? &c->mac_told : &c->table_told;
	int ret = 0;

	if (!rte_is_same_ether_addr(&before, addr))
		*told = false;
	c->mac[index] = *addr;
	if (listens(dev, VIRTIO_NET_F_CTRL_RX))
		ret = unless_gone(dev, own ? tell_mac(dev) : tell_addresses(dev));
	if (ret == 0)
		return 0;
	c->mac[index] = before;
	*told = false;
	return ret;
}

void
pvq_control_remove_mac(struct pvq_device *dev, uint32_t index)
{
	struct pvq_control *c = &dev->control;

	memset(&c->mac[index], 0, sizeof(c->mac[index]));
	c->table_told = false;
	/* Nobody can be told of an error but by the log, and less is asked for than before. */
	if (listens(dev, VIRTIO_NET_F_CTRL_RX))
		RTE_SET_USED(tell_addresses(dev));
}

int
pvq_control_set_multicasts(struct pvq_device *dev, const struct rte_ether_addr *addrs, uint32_t n)
{
	struct rte_ether_addr before[PVQ_MULTICASTS_MAX];
	struct pvq_control *c = &dev->control;
	const uint16_t nb_before = c->nb_multicasts;
	const bool many_before = c->too_many_multicasts;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < n; i++) {
		if (rte_is_multicast_ether_addr(&addrs[i]))
			continue;
		PVQ_LOG(ERR, dev->name, RTE_ETHER_ADDR_PRT_FMT " is no multicast address",
			RTE_ETHER_ADDR_BYTES(&addrs[i]));
		return -EINVAL;
	}
	memcpy(before, c->multicast, nb_before * sizeof(before[0]));
	c->too_many_multicasts = n > PVQ_MULTICASTS_MAX;
	c->nb_multicasts = c->too_many_multicasts ? 0 : n;
	if (c->nb_multicasts != 0)
		memcpy(c->multicast, addrs, c->nb_multicasts * sizeof(addrs[0]));
	c->table_told = false;
	if (c->too_many_multicasts)
		PVQ_LOG(NOTICE, dev->name,
			"%u multicast addresses are more than the %u that can be filtered by: all "
			"multicast frames are received",
			n, PVQ_MULTICASTS_MAX);
	if (listens(dev, VIRTIO_NET_F_CTRL_RX))
		ret = unless_gone(dev, tell_addresses(dev));
	if (ret == 0)
		return 0;
	memcpy(c->multicast, before, nb_before * sizeof(before[0]));
	c->nb_multicasts = nb_before;
	c->too_many_multicasts = many_before;
	c->table_told = false;
	return ret;
}

int
pvq_control_set_vlan(struct pvq_device *dev, uint16_t id, bool on)
{
	uint64_t *word = &dev->control.vlan[id / VLAN_BITS];
	const uint64_t before = *word, bit = RTE_BIT64(id % VLAN_BITS);
	int ret = 0;

	*word = on ? before | bit : before & ~bit;
	if (listens(dev, VIRTIO_NET_F_CTRL_VLAN) &&
	    ((*word ^ dev->control.vlan_told[id / VLAN_BITS]) & bit) != 0)
		ret = unless_gone(dev, tell_vlan(dev, id, on));
	if (ret != 0)
		*word = before;
	return ret;
}

int
pvq_control_acknowledge(struct pvq_device *dev)
{
	return command(dev, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, "", 0);
}
