/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_WATCH_CALLS_H
#define ORDER_WATCH_CALLS_H

/**
 * @file
 * Included by force before each watched source: compilers leave memcpy() and memset() to the library
 * or expand them without a word.
 */

#include <string.h>

#include "watch.h"

#undef memcpy
#define memcpy(to, from, len) watch_memcpy(to, from, len)
#undef memmove
#define memmove(to, from, len) watch_memmove(to, from, len)
#undef memset
#define memset(at, byte, len) watch_memset(at, byte, len)

#endif /* ORDER_WATCH_CALLS_H */
