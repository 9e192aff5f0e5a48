/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_KERNEL_X86_H
#define PVQ_KERNEL_X86_H

/**
 * @file
 * What the kernels for x86 share: everything that goes packet by packet because each packet has
 * cache lines of its own. A descriptor has 16 bytes, and so have the parts of an mbuf that a packet
 * needs, so it is a few operations on 128-bit registers without any shuffling between packets. One
 * branch a batch asks whether all of its packets were as they should be; if not, nothing of the
 * batch has been done.
 *
 * Aligned 16-byte loads and stores are atomic on processors with AVX, so a descriptor is read and
 * written as a whole.
 */

#include <immintrin.h>

#include "mbuf_layout.h"
#include "net_hdr.h"
#include "queue.h"

/** Packets that the kernel handles in one step. */
#define PVQ_BATCH 4

/** A descriptor's second half, as it is or as it has to be. */
#define PVQ_DESC_HIGH(len, id, flags) \
	((uint64_t)(len) | (uint64_t)(id) << 32 | (uint64_t)(flags) << 48)

/** The descriptor after this one, all else being equal. */
static __rte_always_inline __m128i
pvq_desc_next(__m128i desc)
{
	return _mm_add_epi64(desc, _mm_set_epi64x(PVQ_DESC_HIGH(0, 1, 0), 0));
}

static __rte_always_inline bool
pvq_is_zero(__m128i v)
{
	return _mm_testz_si128(v, v);
}

/** The mbufs of a batch without IN_ORDER. @return whether all ids are outstanding. */
static __rte_always_inline bool
pvq_kernel_rx_by_id(const struct pvq_rxq *q, const __m128i *desc, uint16_t *ids,
		    struct rte_mbuf **m)
{
	bool ok = true;
	int i;

	for (i = 0; i < PVQ_BATCH; i++) {
		ids[i] = _mm_extract_epi16(desc[i], 6);
		if (unlikely(ids[i] >= q->ring.size))
			return false;
		m[i] = q->shadow[ids[i]];
		ok &= m[i] != NULL;
	}
	/* The same id twice would give one mbuf to the application twice. */
	return ok && ids[0] != ids[1] && ids[0] != ids[2] && ids[0] != ids[3] &&
	       ids[1] != ids[2] && ids[1] != ids[3] && ids[2] != ids[3];
}

/** Write @p n buffers in slots that do not wrap; the flags of @p at's slot not, if @p is_head. */
static __rte_always_inline void
pvq_kernel_rx_post(struct pvq_rxq *q, struct rte_mbuf **bufs, uint16_t n, struct pvq_cursor at,
		   bool is_head, const bool in_order)
{
	struct virtq_desc *desc = &q->ring.desc[at.slot];
	__m128i next = _mm_set_epi64x(PVQ_DESC_HIGH(q->capacity, in_order ? at.slot : 0,
						    at.flags | VIRTQ_DESC_F_WRITE),
				      RTE_PKTMBUF_HEADROOM - VIRTIO_NET_HDR_LEN);
	uint16_t i;

	for (i = 0; i < n; i++) {
		__m128i d = _mm_add_epi64(next, _mm_loadl_epi64((__m128i *)&bufs[i]->buf_addr));

		if (in_order) {
			next = pvq_desc_next(next);
		} else {
			uint16_t id = q->slot_id[at.slot + i];

			d = _mm_insert_epi16(d, id, 6);
			q->shadow[id] = bufs[i];
		}
		/* Not available yet: as the lap before has left it. */
		if (unlikely(i == 0 && is_head))
			d = _mm_xor_si128(d, _mm_set_epi64x(PVQ_DESC_HIGH(0, 0, VIRTQ_DESC_F_AVAIL),
							    0));
		_mm_store_si128((__m128i *)&desc[i], d);
	}
}

struct pvq_kernel_tx {
	__m128i first; /**< what the batch's first descriptor has besides address and length */
	__m128i next;  /**< what it has when it is not the burst's head */
	__m128i want;  /**< what an mbuf shows of refcnt, nb_segs and ol_flags, under want_mask */
	__m128i want_mask;
	__m128i min;   /**< least data_off and data_len */
	__m128i max;   /**< largest */
	__m128i bytes; /**< sum of data_len in the upper half */
};

/** @param is_head Whether the first batch begins with the burst's head. */
static __rte_always_inline struct pvq_kernel_tx
pvq_kernel_tx_begin(const struct pvq_txq *q, struct pvq_cursor at, bool is_head)
{
	const __m128i next = _mm_set_epi64x(PVQ_DESC_HIGH(VIRTIO_NET_HDR_LEN, at.slot, at.flags),
					    -(int64_t)VIRTIO_NET_HDR_LEN);
	/* Not available yet: as the lap before has left it. */
	const __m128i hold =
		_mm_set_epi64x(PVQ_DESC_HIGH(0, 0, is_head ? VIRTQ_DESC_F_AVAIL : 0), 0);

	return (struct pvq_kernel_tx){
		.first = _mm_xor_si128(next, hold),
		.next = next,
		.want = _mm_set_epi64x(0, PVQ_REARM_ONE_REF_ONE_SEG),
		.want_mask = _mm_set_epi64x(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL,
					    PVQ_REARM_REFS_AND_SEGS),
		.min = _mm_set_epi64x(1, VIRTIO_NET_HDR_LEN),
		.max = _mm_set_epi64x(RTE_MIN(q->max_len, (uint32_t)UINT16_MAX), UINT16_MAX),
	};
}

/** Bytes of all packets of the batches that were written. */
static __rte_always_inline uint64_t
pvq_kernel_tx_bytes(const struct pvq_kernel_tx *k)
{
	return _mm_extract_epi64(k->bytes, 1);
}

/**
 * Write one batch if all of its packets are plain: one descriptor each with the header in the
 * headroom, of the queue's pool.
 *
 * @param slot
 *   The batch's first, which follows the last batch's; the batch does not wrap and is free.
 * @return
 *   false when no packet was touched; slots may have been written, but not been made available.
 */
static __rte_always_inline bool
pvq_kernel_tx_batch(struct pvq_txq *q, struct pvq_kernel_tx *k, struct rte_mbuf **pkts,
		    uint16_t slot, const bool in_order)
{
	const __m128i low_16 = _mm_set1_epi64x(UINT16_MAX);
	__m128i desc[PVQ_BATCH], min = k->min, max = k->max, sum = k->bytes, next = k->next;
	__m128i bad = _mm_setzero_si128();
	uint64_t other_pool = 0, hdr = 0;
	char *at[PVQ_BATCH];
	int i;

	for (i = 0; i < PVQ_BATCH; i++) {
		const struct rte_mbuf *m = pkts[i];
		const __m128i state = _mm_load_si128((const __m128i *)pvq_mbuf_rearm_of(m));
		const __m128i fields = _mm_load_si128((const __m128i *)pvq_mbuf_rx_fields_of(m));
		/* data_off below and data_len above, just where the address and the length go. */
		const __m128i where = _mm_and_si128(_mm_blend_epi32(state, fields, 0xc), low_16);
		const __m128i rest = _mm_add_epi64(i == 0 ? k->first : next,
						   _mm_loadl_epi64((const __m128i *)&m->buf_addr));

		bad = _mm_or_si128(bad, _mm_xor_si128(state, k->want));
		min = _mm_min_epu16(min, where);
		max = _mm_max_epu16(max, where);
		sum = _mm_add_epi64(sum, where);
		other_pool |= (uintptr_t)m->pool ^ (uintptr_t)q->pool;
		desc[i] = _mm_add_epi64(where, rest);
		next = pvq_desc_next(next);
	}
	bad = _mm_and_si128(bad, k->want_mask);
	bad = _mm_or_si128(bad, _mm_xor_si128(min, k->min));
	bad = _mm_or_si128(bad, _mm_xor_si128(max, k->max));
	if (unlikely(!pvq_is_zero(bad) || other_pool != 0))
		return false;

	for (i = 0; i < PVQ_BATCH; i++) {
		at[i] = (char *)pkts[i]->buf_addr + pkts[i]->data_off - VIRTIO_NET_HDR_LEN;
		hdr |= pvq_net_hdr_bits(at[i]);
	}
	/* Mostly zero already, and a line that is not written need not be fetched for it. */
	if (unlikely(hdr != 0))
		for (i = 0; i < PVQ_BATCH; i++)
			memset(at[i], 0, VIRTIO_NET_HDR_LEN);

	for (i = 0; i < PVQ_BATCH; i++) {
		if (!in_order) {
			const uint16_t id = q->free_ids[--q->nb_free_ids];

			desc[i] = _mm_insert_epi16(desc[i], id, 6);
			q->shadow[id] = pkts[i];
			q->info[id].seq = q->seq++;
		}
		_mm_store_si128((__m128i *)&q->ring.desc[slot + i], desc[i]);
	}
	if (in_order)
		memcpy(&q->shadow[slot], pkts, PVQ_BATCH * sizeof(pkts[0]));
	k->first = k->next = next;
	k->bytes = sum;
	return true;
}

#endif /* PVQ_KERNEL_X86_H */
