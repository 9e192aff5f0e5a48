/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_KERNEL_AVX2_H
#define PVQ_KERNEL_AVX2_H

/** @file The kernel of the burst templates for processors with AVX2. */

#include "kernel_x86.h"

struct pvq_kernel_rx {
	__m128i used;  /**< what the next descriptor has to show under used_mask */
	__m128i used_mask;
	__m128i rearm; /**< of an mbuf, from data_off to ol_flags */
	__m128i max;   /**< largest packet length, in the place of pkt_len */
	__m128i bytes; /**< sum of packet lengths, in the place of pkt_len */
};

static __rte_always_inline struct pvq_kernel_rx
pvq_kernel_rx_begin(const struct pvq_rxq *q, const bool in_order)
{
	const struct pvq_ring *ring = &q->ring;

	/* With IN_ORDER the id is the slot's number, or it stands for several buffers (PR-22). */
	return (struct pvq_kernel_rx){
		.used = _mm_set_epi64x(
			PVQ_DESC_HIGH(0, in_order ? ring->next_used : 0, ring->used_flags), 0),
		.used_mask = _mm_set_epi64x(
			PVQ_DESC_HIGH(0, in_order ? UINT16_MAX : 0, PVQ_LAP_FLAGS), 0),
		.rearm = _mm_set_epi64x(0, q->rearm),
		.max = _mm_set_epi32(-1, -1, q->capacity - VIRTIO_NET_HDR_LEN, -1),
	};
}

/** Bytes of all packets of the batches that were taken; fewer than 65,536 packets. */
static __rte_always_inline uint64_t
pvq_kernel_rx_bytes(const struct pvq_kernel_rx *k)
{
	return (uint32_t)_mm_extract_epi32(k->bytes, 1);
}

/**
 * Receive one batch if all of it is used, each packet is in one buffer, and ids and lengths are
 * what they may be.
 *
 * @param slot
 *   The batch's first; the batch does not wrap and is outstanding.
 * @return
 *   false when nothing was done.
 */
static __rte_always_inline bool
pvq_kernel_rx_batch(struct pvq_rxq *q, struct pvq_kernel_rx *k, uint16_t slot,
		    struct rte_mbuf **pkts, const bool in_order, const bool mergeable)
{
	/* pkt_len and data_len from len; packet_type, vlan_tci and hash zero. */
	const __m128i to_fields = _mm_set_epi8(-1, -1, -1, -1, -1, -1, 9, 8, 11, 10, 9, 8, -1, -1,
					       -1, -1);
	const __m128i hdr_len = _mm_set_epi32(0, VIRTIO_NET_HDR_LEN, VIRTIO_NET_HDR_LEN, 0);
	const volatile __m128i *ring = (const volatile __m128i *)&q->ring.desc[slot];
	struct rte_mbuf **shadow = &q->shadow[slot];
	__m128i desc[PVQ_BATCH], fields[PVQ_BATCH], used = k->used, bad, max = k->max, sum = k->bytes;
	struct rte_mbuf *by_id[PVQ_BATCH];
	uint16_t ids[PVQ_BATCH];
	int i;

	bad = _mm_setzero_si128();
	for (i = 0; i < PVQ_BATCH; i++) {
		desc[i] = ring[i];
		bad = _mm_or_si128(bad, _mm_xor_si128(desc[i], used));
		if (in_order)
			used = pvq_desc_next(used);
	}
	/* The descriptors were read once and whole; what is behind them is read after them (PR-17). */
	__atomic_signal_fence(__ATOMIC_ACQUIRE);
	if (!_mm_testz_si128(bad, k->used_mask))
		return false;
	if (!in_order && unlikely(!pvq_kernel_rx_by_id(q, desc, ids, by_id)))
		return false;

	for (i = 0; i < PVQ_BATCH; i++) {
		/* A length below the header's wraps to one above the limit. */
		fields[i] = _mm_sub_epi32(_mm_shuffle_epi8(desc[i], to_fields), hdr_len);
		max = _mm_max_epu32(max, fields[i]);
		sum = _mm_add_epi32(sum, fields[i]);
	}
	if (unlikely(!pvq_is_zero(_mm_xor_si128(max, k->max))))
		return false;
	if (mergeable) {
		unsigned int parts = 0;

		for (i = 0; i < PVQ_BATCH; i++)
			parts |= 1 ^ pvq_net_hdr_posted_num_buffers(in_order ? shadow[i] : by_id[i]);
		if (unlikely(parts != 0))
			return false;
	}

	for (i = 0; i < PVQ_BATCH; i++) {
		struct rte_mbuf *m = in_order ? shadow[i] : by_id[i];

		pkts[i] = m;
		_mm_store_si128((__m128i *)pvq_mbuf_rearm(m), k->rearm);
		_mm_store_si128((__m128i *)pvq_mbuf_rx_fields(m), fields[i]);
		if (!in_order) {
			q->shadow[ids[i]] = NULL;
			q->slot_id[slot + i] = ids[i];
		}
	}
	if (in_order)
		_mm256_storeu_si256((__m256i *)shadow, _mm256_setzero_si256());
	k->used = used;
	k->bytes = sum;
	return true;
}

#endif /* PVQ_KERNEL_AVX2_H */
