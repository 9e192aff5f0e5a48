/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_NET_HDR_H
#define PVQ_NET_HDR_H

/**
 * @file
 * struct virtio_net_hdr to and from mbuf (specification 1.4, Network Device, Device Operation).
 * No offload is negotiated, so on transmit every field is zero (NT-04), and on receive gso_type is to
 * be zero (HD-17) and only num_buffers has a meaning.
 */

#include <string.h>

#include <rte_mbuf.h>

#include "virtio_spec.h"

/** The header of a received packet; it lies before the data of the packet's first mbuf. */
static inline const struct virtio_net_hdr *
pvq_net_hdr_rx(const struct rte_mbuf *m)
{
	return (const struct virtio_net_hdr *)((const char *)m->buf_addr + m->data_off -
					       VIRTIO_NET_HDR_LEN);
}

/** num_buffers of a received packet, fetched once: the device may still write there. */
static inline uint16_t
pvq_net_hdr_num_buffers(const struct rte_mbuf *m)
{
	return rte_le_to_cpu_16(
		__atomic_load_n(&pvq_net_hdr_rx(m)->num_buffers, __ATOMIC_RELAXED));
}

/** gso_type of a received packet, fetched once. */
static inline uint8_t
pvq_net_hdr_gso_type(const struct rte_mbuf *m)
{
	return __atomic_load_n(&pvq_net_hdr_rx(m)->gso_type, __ATOMIC_RELAXED);
}

/** Whether the header can be written before the packet's data without touching shared bytes. */
static inline bool
pvq_net_hdr_fits(const struct rte_mbuf *m)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 &&
	       rte_pktmbuf_headroom(m) >= VIRTIO_NET_HDR_LEN;
}

/** Write the header into the headroom; pvq_net_hdr_fits() must hold. */
static inline void
pvq_net_hdr_tx(struct rte_mbuf *m)
{
	memset((char *)m->buf_addr + m->data_off - VIRTIO_NET_HDR_LEN, 0, VIRTIO_NET_HDR_LEN);
}

#endif /* PVQ_NET_HDR_H */
