/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_KERNEL_AVX512_H
#define PVQ_KERNEL_AVX512_H

/**
 * @file
 * The kernel of the burst templates for processors with AVX-512: four descriptors, a cache line,
 * are received in one register.
 */

#include "kernel_x86.h"

struct pvq_kernel_rx {
	__m512i used;      /**< what the next four descriptors have to show under used_mask */
	__m512i used_mask;
	__m512i bytes;     /**< sums of packet lengths, in the places of pkt_len */
	__m128i rearm;     /**< of an mbuf, from data_off to ol_flags */
	uint32_t max;      /**< largest packet length */
};

static __rte_always_inline struct pvq_kernel_rx
pvq_kernel_rx_begin(const struct pvq_rxq *q, const bool in_order)
{
	const struct pvq_ring *ring = &q->ring;
	const uint64_t used =
		PVQ_DESC_HIGH(0, in_order ? ring->next_used : 0, ring->used_flags);
	const uint64_t one = in_order ? PVQ_DESC_HIGH(0, 1, 0) : 0;

	/* With IN_ORDER the id is the slot's number, or it stands for several buffers (PR-22). */
	return (struct pvq_kernel_rx){
		.used = _mm512_set_epi64(used + 3 * one, 0, used + 2 * one, 0, used + one, 0, used,
					 0),
		.used_mask = _mm512_maskz_set1_epi64(
			0xaa, PVQ_DESC_HIGH(0, in_order ? UINT16_MAX : 0, PVQ_LAP_FLAGS)),
		.rearm = _mm_set_epi64x(0, q->rearm),
		.max = q->capacity - VIRTIO_NET_HDR_LEN,
	};
}

/** Bytes of all packets of the batches that were taken; fewer than 65,536 packets. */
static __rte_always_inline uint64_t
pvq_kernel_rx_bytes(const struct pvq_kernel_rx *k)
{
	/* Four sums of a quarter of the packets each. */
	return (uint32_t)_mm512_mask_reduce_add_epi32(0x2222, k->bytes);
}

/** As in kernel_avx2.h. */
static __rte_always_inline bool
pvq_kernel_rx_batch(struct pvq_rxq *q, struct pvq_kernel_rx *k, uint16_t slot,
		    struct rte_mbuf **pkts, const bool in_order, const bool mergeable)
{
	const __m512i to_fields = _mm512_broadcast_i32x4(_mm_set_epi8(
		-1, -1, -1, -1, -1, -1, 9, 8, 11, 10, 9, 8, -1, -1, -1, -1));
	const __m512i hdr_len = _mm512_broadcast_i32x4(
		_mm_set_epi32(0, VIRTIO_NET_HDR_LEN, VIRTIO_NET_HDR_LEN, 0));
	const volatile __m512i_u *line = (const volatile __m512i_u *)&q->ring.desc[slot];
	struct rte_mbuf **shadow = &q->shadow[slot];
	struct rte_mbuf *by_id[PVQ_BATCH];
	__m512i desc, fields;
	__m128i part[PVQ_BATCH];
	uint16_t ids[PVQ_BATCH];
	int i;

	/*
	 * A load of 64 bytes is not promised to be of one moment. So this one is asked for flags
	 * alone, and once they show that the device is done with all four, a second gets the rest.
	 */
	desc = *line;
	if (_mm512_test_epi64_mask(_mm512_xor_si512(desc, k->used),
				   _mm512_maskz_set1_epi64(0xaa,
							   PVQ_DESC_HIGH(0, 0, PVQ_LAP_FLAGS))))
		return false;
	__atomic_signal_fence(__ATOMIC_ACQUIRE);
	desc = *line;
	part[0] = _mm512_castsi512_si128(desc);
	part[1] = _mm512_extracti32x4_epi32(desc, 1);
	part[2] = _mm512_extracti32x4_epi32(desc, 2);
	part[3] = _mm512_extracti32x4_epi32(desc, 3);
	if (in_order ? _mm512_test_epi64_mask(_mm512_xor_si512(desc, k->used), k->used_mask) != 0 :
		       !pvq_kernel_rx_by_id(q, part, ids, by_id))
		return false;

	/* A length below the header's wraps to one above the limit. */
	fields = _mm512_sub_epi32(_mm512_shuffle_epi8(desc, to_fields), hdr_len);
	if (unlikely(_mm512_mask_cmpgt_epu32_mask(0x2222, fields, _mm512_set1_epi32(k->max))))
		return false;
	if (mergeable) {
		unsigned int parts = 0;

		for (i = 0; i < PVQ_BATCH; i++)
			parts |= 1 ^ pvq_net_hdr_posted_num_buffers(in_order ? shadow[i] : by_id[i]);
		if (unlikely(parts != 0))
			return false;
	}

	part[0] = _mm512_castsi512_si128(fields);
	part[1] = _mm512_extracti32x4_epi32(fields, 1);
	part[2] = _mm512_extracti32x4_epi32(fields, 2);
	part[3] = _mm512_extracti32x4_epi32(fields, 3);
	for (i = 0; i < PVQ_BATCH; i++) {
		struct rte_mbuf *m = in_order ? shadow[i] : by_id[i];

		pkts[i] = m;
		_mm_store_si128((__m128i *)pvq_mbuf_rearm(m), k->rearm);
		_mm_store_si128((__m128i *)pvq_mbuf_rx_fields(m), part[i]);
		if (!in_order) {
			q->shadow[ids[i]] = NULL;
			q->slot_id[slot + i] = ids[i];
		}
	}
	if (in_order) {
		_mm256_storeu_si256((__m256i *)shadow, _mm256_setzero_si256());
		k->used = _mm512_add_epi64(
			k->used, _mm512_maskz_set1_epi64(0xaa, PVQ_DESC_HIGH(0, PVQ_BATCH, 0)));
	}
	k->bytes = _mm512_add_epi32(k->bytes, fields);
	return true;
}

#endif /* PVQ_KERNEL_AVX512_H */
