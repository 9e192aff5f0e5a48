/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_KERNEL_X86_H
#define PVQ_KERNEL_X86_H

/**
 * @file
 * What the kernels for x86 share; each has its own way to read descriptors. A descriptor has 16
 * bytes, and so have the parts of an mbuf that a packet needs, each on cache lines of its own: most
 * of the work is a few operations a packet on 128-bit registers, and wider ones would only be taken
 * apart again. A few branches ask whether a whole batch is as it should be; if not, nothing of the
 * batch is done.
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

/** Bytes of headroom that are read together with the header, to have it in one register. */
#define PVQ_HDR_PAD (sizeof(__m128i) - VIRTIO_NET_HDR_LEN)

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

struct pvq_kernel_rx {
	__m128i used;  /**< id and flags that the next four descriptors have to show */
	__m128i mask;  /**< as far as they matter */
	__m128i step;  /**< from one batch to the next */
	__m128i last;  /**< largest buffer id */
	__m128i max;   /**< largest packet length */
	__m128i bytes; /**< sums of packet lengths */
	__m128i rearm; /**< of an mbuf, from data_off to ol_flags */
};

static __rte_always_inline struct pvq_kernel_rx
pvq_kernel_rx_begin(const struct pvq_rxq *q, const bool ordered)
{
	const struct pvq_ring *ring = &q->ring;
	const __m128i flags = _mm_set1_epi32((uint32_t)ring->used_flags << 16);
	const __m128i ids = _mm_add_epi32(_mm_set1_epi32(ring->next_used),
					  _mm_set_epi32(3, 2, 1, 0));

	/* An id that is not the slot's number may stand for several buffers (PR-22). */
	return (struct pvq_kernel_rx){
		.used = ordered ? _mm_or_si128(flags, ids) : flags,
		.mask = _mm_set1_epi32((uint32_t)PVQ_LAP_FLAGS << 16 | (ordered ? UINT16_MAX : 0)),
		.step = _mm_set1_epi32(ordered ? PVQ_BATCH : 0),
		.last = _mm_set1_epi16(ring->size - 1),
		.max = _mm_set1_epi32(q->capacity - VIRTIO_NET_HDR_LEN),
		.rearm = _mm_set_epi64x(0, q->rearm),
	};
}

/** Bytes of all packets of the batches that were taken; fewer than 65,536 packets. */
static __rte_always_inline uint64_t
pvq_kernel_rx_bytes(const struct pvq_kernel_rx *k)
{
	__m128i sum = _mm_add_epi64(_mm_cvtepu32_epi64(k->bytes),
				    _mm_cvtepu32_epi64(_mm_srli_si128(k->bytes, 8)));

	return _mm_extract_epi64(sum, 0) + _mm_extract_epi64(sum, 1);
}

/**
 * The mbufs of a batch without IN_ORDER.
 *
 * @param meta
 *   Ids and flags of the used descriptors.
 * @param ids
 *   Out: the four ids, 16 bits each.
 * @return
 *   Whether all are outstanding, and no two the same: that would give one mbuf away twice.
 */
static __rte_always_inline bool
pvq_kernel_rx_by_id(const struct pvq_rxq *q, const struct pvq_kernel_rx *k, __m128i meta,
		    uint64_t *ids, struct rte_mbuf **m)
{
	const __m128i pick = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 13, 12, 9, 8, 5, 4, 1, 0);
	const __m128i id = _mm_shuffle_epi8(meta, pick);
	/* Each with its neighbour and with the one after: all pairs there are. */
	const __m128i same = _mm_or_si128(_mm_cmpeq_epi16(id, _mm_shufflelo_epi16(id, 0x39)),
					  _mm_cmpeq_epi16(id, _mm_shufflelo_epi16(id, 0x4e)));
	const __m128i bad = _mm_or_si128(same, _mm_subs_epu16(id, k->last));
	bool ok = true;
	int i;

	if (unlikely(_mm_cvtsi128_si64(bad) != 0))
		return false;
	*ids = _mm_cvtsi128_si64(id);
	for (i = 0; i < PVQ_BATCH; i++) {
		m[i] = q->shadow[(uint16_t)(*ids >> 16 * i)];
		ok &= m[i] != NULL;
	}
	return ok;
}

/** pkt_len and data_len of packet @p i from the four lengths; packet_type, vlan_tci, hash zero. */
static __rte_always_inline __m128i
pvq_kernel_rx_fields(__m128i lens, int i)
{
	const char a = 4 * i, b = a + 1, c = a + 2, d = a + 3;

	return _mm_shuffle_epi8(lens, _mm_set_epi8(-1, -1, -1, -1, -1, -1, b, a, d, c, b, a, -1,
						   -1, -1, -1));
}

/** Whether the headers of a batch tell of packets in one buffer each, and of no segmentation. */
static __rte_always_inline bool
pvq_kernel_rx_single(const struct pvq_rxq *q, struct rte_mbuf **m)
{
	/* gso_type, with the padding the sixth byte, and num_buffers, the last two. */
	const __m128i mask = _mm_set_epi16(-1, 0, 0, 0, 0, (short)0xff00, 0, 0);
	const __m128i single = _mm_set_epi16(1, 0, 0, 0, 0, 0, 0, 0);
	__m128i bad = _mm_setzero_si128();
	int i;

	for (i = 0; i < PVQ_BATCH; i++) {
		const char *buf = pvq_rx_buf(q, m[i]);
		/* One load: the device may still write there. */
		const __m128i hdr = *(const volatile __m128i_u *)(buf + RTE_PKTMBUF_HEADROOM -
								  sizeof(__m128i));

		bad = _mm_or_si128(bad, _mm_xor_si128(hdr, single));
	}
	return _mm_testz_si128(bad, mask);
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
		    struct rte_mbuf **pkts, const bool ordered, const bool mergeable)
{
	struct rte_mbuf *by_id[PVQ_BATCH], **m = ordered ? &q->shadow[slot] : by_id;
	__m128i meta, lens;
	uint64_t ids = 0;
	int i;

	pvq_kernel_load(&q->ring.desc[slot], &meta, &lens);
	/* What the device wrote elsewhere is read after the flags (PR-17). */
	__atomic_signal_fence(__ATOMIC_ACQUIRE);
	if (!_mm_testz_si128(_mm_xor_si128(meta, k->used), k->mask))
		return false;
	if (!ordered && unlikely(!pvq_kernel_rx_by_id(q, k, meta, &ids, by_id)))
		return false;
	/* A length below the header's wraps to one above the limit. */
	lens = _mm_sub_epi32(lens, _mm_set1_epi32(VIRTIO_NET_HDR_LEN));
	if (unlikely(!pvq_is_zero(_mm_xor_si128(_mm_max_epu32(lens, k->max), k->max))))
		return false;
	if (mergeable && unlikely(!pvq_kernel_rx_single(q, m)))
		return false;

	for (i = 0; i < PVQ_BATCH; i++) {
		pkts[i] = m[i];
		_mm_store_si128((__m128i *)pvq_mbuf_rearm(pkts[i]), k->rearm);
		_mm_store_si128((__m128i *)pvq_mbuf_rx_fields(pkts[i]),
				pvq_kernel_rx_fields(lens, i));
		if (!ordered)
			q->shadow[(uint16_t)(ids >> 16 * i)] = NULL;
	}
	if (ordered)
		_mm256_storeu_si256((__m256i *)m, _mm256_setzero_si256());
	else
		memcpy(&q->slot_id[slot], &ids, sizeof(ids));
	k->used = _mm_add_epi32(k->used, k->step);
	k->bytes = _mm_add_epi32(k->bytes, lens);
	return true;
}

/** Write @p n buffers in slots that do not wrap; the flags of @p at's slot not, if @p is_head. */
static __rte_always_inline void
pvq_kernel_rx_post(struct pvq_rxq *q, struct rte_mbuf **bufs, uint16_t n, struct pvq_cursor at,
		   bool is_head, const bool ordered, const enum pvq_bus bus)
{
	struct virtq_desc *desc = &q->ring.desc[at.slot];
	__m128i next = _mm_set_epi64x(PVQ_DESC_HIGH(q->capacity, ordered ? at.slot : 0,
						    at.flags | VIRTQ_DESC_F_WRITE),
				      RTE_PKTMBUF_HEADROOM - VIRTIO_NET_HDR_LEN);
	uint16_t i;

	for (i = 0; i < n; i++) {
		const uint64_t buf = bus == PVQ_BUS_VIRTUAL ? (uintptr_t)pvq_rx_buf(q, bufs[i]) :
							      pvq_mbuf_addr(bufs[i], bus);
		__m128i d = _mm_add_epi64(next, _mm_set_epi64x(0, buf));

		if (ordered) {
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
		.min = _mm_set_epi64x(1, VIRTIO_NET_HDR_LEN + PVQ_HDR_PAD),
		.max = _mm_set_epi64x(RTE_MIN(q->max_len, (uint32_t)UINT16_MAX), UINT16_MAX),
	};
}

/** Bytes of all packets of the batches that were written. */
static __rte_always_inline uint64_t
pvq_kernel_tx_bytes(const struct pvq_kernel_tx *k)
{
	return _mm_extract_epi64(k->bytes, 1);
}

/** Where the header goes. Its descriptor has the address already, if that is a virtual one. */
static __rte_always_inline char *
pvq_kernel_tx_hdr(const struct rte_mbuf *m, __m128i desc, const enum pvq_bus bus)
{
	return bus == PVQ_BUS_VIRTUAL ? (char *)_mm_cvtsi128_si64(desc) :
					rte_pktmbuf_mtod(m, char *) - VIRTIO_NET_HDR_LEN;
}

/**
 * Write one batch if all of its packets are plain: one descriptor each with the header in the
 * headroom, of the queue's pool.
 *
 * @param slot
 *   The batch's first, which follows the last batch's; the batch does not wrap and is free.
 * @return
 *   false when nothing was done.
 */
static __rte_always_inline bool
pvq_kernel_tx_batch(struct pvq_txq *q, struct pvq_kernel_tx *k, struct rte_mbuf **pkts,
		    uint16_t slot, const bool in_order, const enum pvq_bus bus)
{
	const __m128i low_16 = _mm_set1_epi64x(UINT16_MAX);
	__m128i desc[PVQ_BATCH], min = k->min, max = k->max, sum = k->bytes, next = k->next;
	__m128i bad = _mm_setzero_si128(), hdrs = _mm_setzero_si128();
	uint64_t other_pool = 0;
	char *hdr[PVQ_BATCH];
	int i;

	for (i = 0; i < PVQ_BATCH; i++) {
		const struct rte_mbuf *m = pkts[i];
		const __m128i state = _mm_load_si128((const __m128i *)pvq_mbuf_rearm_of(m));
		const __m128i fields = _mm_load_si128((const __m128i *)pvq_mbuf_rx_fields_of(m));
		/* data_off below and data_len above, just where the address and the length go. */
		const __m128i where = _mm_and_si128(_mm_blend_epi32(state, fields, 0xc), low_16);
		const __m128i buf = _mm_set_epi64x(0, pvq_mbuf_addr(m, bus));
		const __m128i rest = _mm_add_epi64(i == 0 ? k->first : next, buf);

		bad = _mm_or_si128(bad, _mm_xor_si128(state, k->want));
		min = _mm_min_epu16(min, where);
		max = _mm_max_epu16(max, where);
		sum = _mm_add_epi64(sum, where);
		other_pool |= (uintptr_t)m->pool ^ (uintptr_t)q->pool;
		desc[i] = _mm_add_epi64(where, rest);
		next = pvq_desc_next(next);
	}
	bad = _mm_or_si128(_mm_and_si128(bad, k->want_mask),
			   _mm_or_si128(_mm_xor_si128(min, k->min), _mm_xor_si128(max, k->max)));
	if (unlikely(!pvq_is_zero(bad) || other_pool != 0))
		return false;

	for (i = 0; i < PVQ_BATCH; i++) {
		hdr[i] = pvq_kernel_tx_hdr(pkts[i], desc[i], bus);
		hdrs = _mm_or_si128(hdrs, _mm_loadu_si128((__m128i *)(hdr[i] - PVQ_HDR_PAD)));
	}
	/* Mostly zero already, and a line that is not written need not be fetched for it. */
	if (unlikely(!pvq_is_zero(_mm_srli_si128(hdrs, PVQ_HDR_PAD))))
		for (i = 0; i < PVQ_BATCH; i++)
			memset(hdr[i], 0, VIRTIO_NET_HDR_LEN);

	if (in_order) {
		memcpy(&q->shadow[slot], pkts, PVQ_BATCH * sizeof(pkts[0]));
	} else {
		const uint16_t *ids = &q->free_ids[q->nb_free_ids - 1];
		const uint32_t seq = q->seq;

		for (i = 0; i < PVQ_BATCH; i++) {
			desc[i] = _mm_insert_epi16(desc[i], ids[-i], 6);
			q->shadow[ids[-i]] = pkts[i];
			q->info[ids[-i]].seq = seq + i;
		}
		q->nb_free_ids -= PVQ_BATCH;
		q->seq = seq + PVQ_BATCH;
	}
	for (i = 0; i < PVQ_BATCH; i++)
		_mm_store_si128((__m128i *)&q->ring.desc[slot + i], desc[i]);
	k->first = k->next = next;
	k->bytes = sum;
	return true;
}

#endif /* PVQ_KERNEL_X86_H */
