/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include "kernel_avx512.h"
#include "notify.h"

#include "burst_rx.h"
#include "burst_tx.h"
#include "burst_paths.h"

PVQ_DEFINE_PATHS(avx512, PVQ_ISA_AVX512)
