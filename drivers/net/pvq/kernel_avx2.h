/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_KERNEL_AVX2_H
#define PVQ_KERNEL_AVX2_H

/** @file The kernel of the burst templates for processors with AVX2. */

#include <immintrin.h>

#include "virtio_spec.h"

/**
 * Read four descriptors.
 *
 * @param meta
 *   Out: id and flags of each, as of the moment when that descriptor was read.
 * @param lens
 *   Out: len of each, of the same moment.
 */
static __rte_always_inline void
pvq_kernel_load(const struct virtq_desc *desc, __m128i *meta, __m128i *lens)
{
	const volatile __m128i *line = (const volatile __m128i *)desc;
	const __m128i d0 = line[0], d1 = line[1], d2 = line[2], d3 = line[3];
	const __m128i d01 = _mm_unpackhi_epi32(d0, d1), d23 = _mm_unpackhi_epi32(d2, d3);

	*lens = _mm_unpacklo_epi64(d01, d23);
	*meta = _mm_unpackhi_epi64(d01, d23);
}

#include "kernel_x86.h"

#endif /* PVQ_KERNEL_AVX2_H */
