/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PACKED_DEVICE_OFFLOAD_H
#define PACKED_DEVICE_OFFLOAD_H

/**
 * @file
 * What a device does with the checksum and segmentation fields of the network header: complete and
 * segment what the driver sends, describe what the driver receives. Part of packed_device.h.
 *
 * Knows Ethernet with up to two VLAN tags, IPv4, IPv6 without extension headers, TCP and UDP; other
 * packets have their checksum completed all the same.
 */

#include "packed_device.h"

/** Where the headers of a packet lie, in bytes from its beginning. */
struct pd_layout {
	uint32_t l3, l4, payload;
	bool ipv6;
	bool tcp; /**< else UDP */
};

/** Find the headers; false when the packet is not TCP or UDP, or is cut short. */
bool
pd_parse(const uint8_t *pkt, uint32_t len, struct pd_layout *at);

/** Internet checksum of @p len bytes added to @p sum, folded to 16 bits, not complemented. */
uint16_t
pd_sum(const uint8_t *data, uint32_t len, uint32_t sum);

/** Sum of a packet's pseudo header over @p l4_len bytes, folded, not complemented. */
uint16_t
pd_pseudo_sum(const uint8_t *pkt, const struct pd_layout *at, uint32_t l4_len);

/** Whether all checksums of a TCP or UDP packet are right. */
bool
pd_sums_right(const uint8_t *pkt, uint32_t len);

/** Gets each packet that leaves the device; the data are valid during the call. */
typedef void (*pd_segment_t)(void *arg, const void *data, uint32_t len);

/**
 * Do for a transmitted packet what its header asks for, and check what it asks: the field holds the
 * pseudo header's sum (NT-05), the segmentation fits the packet (NT-07), ECN (NT-08).
 *
 * @param slot
 *   Where a violation is recorded.
 * @param hdr
 *   As pd_tx_copy() gave it, which has checked what needs no look at the packet.
 * @param pkt
 *   The packet; its checksum field is completed in place.
 * @return
 *   Packets given to @p fn, or -EPROTO when the header makes no sense: none.
 */
int
pd_tx_offload(struct pd_vq *vq, uint32_t slot, const struct pd_net_hdr *hdr, uint8_t *pkt,
	      uint32_t len, pd_segment_t fn, void *arg);

/** What an honest device may say of a packet that it delivers. */
enum pd_rx_kind {
	PD_RX_PLAIN,      /**< nothing: checksum unknown */
	PD_RX_DATA_VALID, /**< checked and right; the packet as it is */
	PD_RX_NEEDS_CSUM, /**< the field is made the pseudo header's sum */
	PD_RX_GSO,        /**< the same, and the packet is one of several joined */
};

/**
 * Header for a TCP or UDP packet to deliver, for pd_rx_opts::hdr. PD_RX_NEEDS_CSUM and PD_RX_GSO
 * write the packet's checksum field.
 *
 * @param gso_size
 *   Payload of a segment in bytes, for PD_RX_GSO.
 * @return
 *   0, or -EINVAL when the packet is neither, or for a gso_size of 0.
 */
int
pd_rx_hdr(enum pd_rx_kind kind, uint8_t *pkt, uint32_t len, uint16_t gso_size,
	  struct pd_net_hdr *hdr);

#endif /* PACKED_DEVICE_OFFLOAD_H */
