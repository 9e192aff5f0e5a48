/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_LOOK_H
#define ORDER_LOOK_H

/** @file Code of the tests that is watched as the driver is. */

#include "queue.h"

/** Whether a queue is closed for an error; if so, @p error is which, read plainly. */
bool
look_for_error(const struct pvq_rxq *q, enum pvq_queue_error *error);

#endif /* ORDER_LOOK_H */
