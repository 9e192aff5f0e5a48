/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PACKED_DEVICE_NET_H
#define PACKED_DEVICE_NET_H

/**
 * @file
 * Network packets over a virtqueue seen from the device; part of packed_device.h, which has the
 * rules for threads.
 */

#include "packed_device.h"

/** Bytes of the network header without hash report or tunnel fields (NT-01). */
#define PD_NET_HDR_BYTES 12u

/** Network header in host byte order (NT-02). */
struct pd_net_hdr {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
};

/** Bits of pd_net_hdr::flags and values of gso_type. */
#define PD_HDR_NEEDS_CSUM 0x01u
#define PD_HDR_DATA_VALID 0x02u
#define PD_HDR_RSC_INFO 0x04u
#define PD_GSO_NONE 0x00u
#define PD_GSO_TCPV4 0x01u
#define PD_GSO_UDP 0x03u
#define PD_GSO_TCPV6 0x04u
#define PD_GSO_UDP_L4 0x05u
#define PD_GSO_UDP_TUNNEL4 0x20u
#define PD_GSO_UDP_TUNNEL6 0x40u
#define PD_GSO_ECN 0x80u

/**
 * Copy the packet of a fetched transmit buffer, header cut off, and check the header (NT-01,
 * NT-04). The buffer stays fetched.
 *
 * @param hdr
 *   Where to put the header, or NULL.
 * @return
 *   Length of the packet in bytes, of which at most @p size were copied; -EPROTO when the buffer
 *   is shorter than the header.
 */
ssize_t
pd_tx_copy(struct pd_vq *vq, const struct pd_buf *buf, struct pd_net_hdr *hdr, void *data,
	   size_t size);

/** How pd_rx_packet() is to deliver; all zero is an honest device. */
struct pd_rx_opts {
	const struct pd_net_hdr *hdr; /**< header fields except num_buffers; NULL for zeros */
	enum pd_order order;          /**< which fetched buffers to fill */
	uint32_t seed;                /**< for PD_SHUFFLE */
	/** Write every part by one used descriptor; needs IN_ORDER (PR-22, PR-23). */
	bool batch;
	/** Buffers to use at least, each part then gets at least one byte; 0 or 1: as needed. */
	uint32_t min_parts;
	/** Bytes that a part but the last gets at most; 0 for all it holds, as a device must (HD-11). */
	uint32_t part_bytes;
	bool set_num_buffers; /**< put num_buffers below into the header instead of the truth */
	uint16_t num_buffers;
	/** Leave the flags of this part out, 1 for the first after the head; 0 for none. They stay
	 *  staged: pd_flush() delivers them. */
	uint32_t withhold;
	bool set_len; /**< report len below for the first part instead of the truth */
	uint32_t len;
	bool no_write; /**< leave WRITE clear (HD-05) */
	bool stage;    /**< keep all flags staged */
};

/**
 * Write a packet into fetched receive buffers and mark them used: tail parts first, the first
 * part last (PR-39).
 *
 * @param opts
 *   NULL for the defaults.
 * @return
 *   Buffers used; -EAGAIN when too few are fetched (nothing is done), -EMSGSIZE when the packet
 *   needs several buffers and MRG_RXBUF is not negotiated, -EINVAL for options that contradict
 *   the queue's configuration.
 */
int
pd_rx_packet(struct pd_vq *vq, const void *data, uint32_t len, const struct pd_rx_opts *opts);

/** A packet to deliver. */
struct pd_pkt {
	const void *data;
	uint32_t len; /**< bytes */
};

/**
 * Deliver @p count packets, one buffer each, by one used descriptor (PR-23, needs IN_ORDER). All
 * but the last have to fill their buffer exactly, header included.
 *
 * @return
 *   0, -EAGAIN when too few buffers are fetched, -EINVAL when a length does not fit the rule.
 */
int
pd_rx_batch(struct pd_vq *vq, const struct pd_pkt *pkts, uint32_t count);

/** Bytes of packet that the @p i-th fetched receive buffer takes besides a header; 0 if none. */
uint32_t
pd_rx_room(const struct pd_vq *vq, uint32_t i);

#endif /* PACKED_DEVICE_NET_H */
