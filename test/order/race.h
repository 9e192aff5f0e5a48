/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_RACE_H
#define ORDER_RACE_H

/**
 * @file
 * Memory that two threads use in turn: of two accesses to one place, one of them a store, the later
 * thread has to know that the earlier one is over. Threads are 0 and 1; each counts its own time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Watch @p len bytes from @p start. */
void
race_watch(const void *start, size_t len);

/** Forget all accesses. */
void
race_start(void);

/**
 * An access to one byte.
 *
 * @param now
 *   The thread's time, from 1 on.
 * @param known
 *   Up to which time it knows that the other thread's accesses are over.
 * @param atomic
 *   Two atomic accesses may meet.
 * @return
 *   false if it meets one of the other thread's.
 */
bool
race_access(uintptr_t at, int thread, uint32_t now, uint32_t known, bool store, bool atomic);

#endif /* ORDER_RACE_H */
