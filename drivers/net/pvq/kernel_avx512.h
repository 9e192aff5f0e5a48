/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_KERNEL_AVX512_H
#define PVQ_KERNEL_AVX512_H

/** @file The kernel of the burst templates for processors with AVX-512. */

#include <immintrin.h>

#include "virtio_spec.h"

/** As in kernel_avx2.h, but lens are of a later moment than meta. */
static __rte_always_inline void
pvq_kernel_load(const struct virtq_desc *desc, __m128i *meta, __m128i *lens)
{
	const volatile __m512i_u *line = (const volatile __m512i_u *)desc;
	const __m512i pick = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 14, 10, 6, 2, 15, 11, 7, 3);

	/*
	 * A load of 64 bytes is not promised to be of one moment, so it can show a descriptor as
	 * used and an older length. The next one cannot: what was used before it began is there.
	 */
	*meta = _mm512_castsi512_si128(_mm512_permutexvar_epi32(pick, *line));
	__atomic_signal_fence(__ATOMIC_ACQUIRE);
	*lens = _mm512_extracti32x4_epi32(_mm512_permutexvar_epi32(pick, *line), 1);
}

#include "kernel_x86.h"

#endif /* PVQ_KERNEL_AVX512_H */
