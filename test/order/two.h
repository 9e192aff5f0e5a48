/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_TWO_H
#define ORDER_TWO_H

/**
 * @file
 * Two threads of the driver, one of which polls while the other changes the queue (gate.h).
 *
 * They take turns as choose() likes, at every access to the words by which they agree. Such a word
 * has a history: a load finds any value that is not older than what its thread knows. A thread comes
 * to know more by acquire loads of what was stored with release, and by full fences; membarrier() is
 * one in both threads, but it reaches only stores that the compiler cannot have left for later: those
 * before a compiler's fence. Accesses to other memory are held to what the threads know of one
 * another (race.h).
 */

#include "race.h"

/** Forget words, memory and failures. */
void
two_clear(void);

/** A word of 4 bytes by which the threads agree. */
void
two_add_word(void *at);

/** Run both to their ends, once. */
void
two_run(void (*poller)(void), void (*control)(void));

/** Note the first failure, and fail the test for it if there was one. */
void
two_fail(const char *text);
void
two_check(void);

#endif /* ORDER_TWO_H */
