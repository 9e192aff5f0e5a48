/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_CHOOSE_H
#define ORDER_CHOOSE_H

/**
 * @file
 * The adversary. A scenario is run again and again, and each time something may happen in several
 * ways, choose() says which: all combinations one after the other, as far as they go, in the first
 * half of the runs, random ones in the second. A scenario may go on where the last run has left it.
 */

#include <stdbool.h>

/** Begin @p runs runs. */
void
choose_start(unsigned int runs);

/** Whether there is another run; called before each. */
bool
choose_more(void);

/** One of 0 to n - 1. By 0 things happen as they are written. */
unsigned int
choose(unsigned int n);

/** Give up what choose_start() began: things happen as they are written. */
void
choose_stop(void);

/** Runs so far. */
unsigned int
choose_runs(void);

#endif /* ORDER_CHOOSE_H */
