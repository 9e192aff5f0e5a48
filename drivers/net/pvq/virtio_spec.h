/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_VIRTIO_SPEC_H
#define PVQ_VIRTIO_SPEC_H

/**
 * @file
 * What the virtio 1.4 specification puts on the wire: structures shared with the device and the
 * numbers that go into them. Nothing here belongs to this driver.
 */

#include <stdint.h>

#include <rte_byteorder.h>

/* Device Status Field */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER 2u
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED 128u

/* Feature Bits: network device (Network Device, Feature bits) */
#define VIRTIO_NET_F_MTU 3
#define VIRTIO_NET_F_MAC 5
#define VIRTIO_NET_F_MRG_RXBUF 15
#define VIRTIO_NET_F_STATUS 16
#define VIRTIO_NET_F_CTRL_VQ 17
#define VIRTIO_NET_F_CTRL_RX 18
#define VIRTIO_NET_F_CTRL_VLAN 19
#define VIRTIO_NET_F_CTRL_RX_EXTRA 20
#define VIRTIO_NET_F_GUEST_ANNOUNCE 21
#define VIRTIO_NET_F_MQ 22
#define VIRTIO_NET_F_CTRL_MAC_ADDR 23

/* Reserved Feature Bits */
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_F_RING_PACKED 34
#define VIRTIO_F_IN_ORDER 35
#define VIRTIO_F_ORDER_PLATFORM 36
#define VIRTIO_F_NOTIFICATION_DATA 38
#define VIRTIO_F_NOTIF_CONFIG_DATA 39
#define VIRTIO_F_RING_RESET 40

/** Packed Virtqueues, The Virtqueue Descriptor Table: one 16-byte slot of the ring. */
struct virtq_desc {
	rte_le64_t addr;
	rte_le32_t len;
	rte_le16_t id;
	rte_le16_t flags;
};

#define VIRTQ_DESC_F_NEXT (1u << 0)
#define VIRTQ_DESC_F_WRITE (1u << 1)
#define VIRTQ_DESC_F_INDIRECT (1u << 2)
#define VIRTQ_DESC_F_AVAIL (1u << 7)
#define VIRTQ_DESC_F_USED (1u << 15)

/** Packed Virtqueues, Event Suppression Structure Format. */
struct virtq_event {
	rte_le16_t off_wrap; /* bits 0-14 descriptor offset, bit 15 wrap counter */
	rte_le16_t flags;
};

#define VIRTQ_EVENT_F_ENABLE 0u
#define VIRTQ_EVENT_F_DISABLE 1u
#define VIRTQ_EVENT_F_DESC 2u
#define VIRTQ_EVENT_F_MASK 3u
#define VIRTQ_EVENT_WRAP_SHIFT 15

#define VIRTQ_PACKED_SIZE_MAX 32768u

/** Network Device, Device Operation: precedes every packet; 12 bytes without hash and tunnels. */
struct virtio_net_hdr {
	uint8_t flags;
	uint8_t gso_type;
	rte_le16_t hdr_len;
	rte_le16_t gso_size;
	rte_le16_t csum_start;
	rte_le16_t csum_offset;
	rte_le16_t num_buffers;
};

#define VIRTIO_NET_HDR_LEN 12u
#define VIRTIO_NET_HDR_GSO_NONE 0u

/** Network Device, Device configuration layout, as far as this driver reads it. */
struct virtio_net_config {
	uint8_t mac[6];
	rte_le16_t status;
	rte_le16_t max_virtqueue_pairs;
	rte_le16_t mtu;
};

#define VIRTIO_NET_S_LINK_UP 1u
#define VIRTIO_NET_S_ANNOUNCE 2u
#define VIRTIO_NET_MTU_MIN 68u
#define VIRTIO_NET_PAIRS_MAX 0x8000u

/* Control Virtqueue: the device's answer */
#define VIRTIO_NET_OK 0
#define VIRTIO_NET_ERR 1

/* Control Virtqueue: classes, and the commands of each */
#define VIRTIO_NET_CTRL_RX 0
#define VIRTIO_NET_CTRL_RX_PROMISC 0
#define VIRTIO_NET_CTRL_RX_ALLMULTI 1
#define VIRTIO_NET_CTRL_RX_ALLUNI 2
#define VIRTIO_NET_CTRL_MAC 1
#define VIRTIO_NET_CTRL_MAC_TABLE_SET 0
#define VIRTIO_NET_CTRL_MAC_ADDR_SET 1
#define VIRTIO_NET_CTRL_VLAN 2
#define VIRTIO_NET_CTRL_VLAN_ADD 0
#define VIRTIO_NET_CTRL_VLAN_DEL 1
#define VIRTIO_NET_CTRL_ANNOUNCE 3
#define VIRTIO_NET_CTRL_ANNOUNCE_ACK 0
#define VIRTIO_NET_CTRL_MQ 4
#define VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET 0

/* Network Device, Virtqueues: receiveq(i) and transmitq(i), i counted from zero */
#define VIRTIO_NET_RXQ(i) ((uint16_t)(2 * (i)))
#define VIRTIO_NET_TXQ(i) ((uint16_t)(2 * (i) + 1))

#endif /* PVQ_VIRTIO_SPEC_H */
