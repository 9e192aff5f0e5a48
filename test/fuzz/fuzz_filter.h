/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef FUZZ_FILTER_H
#define FUZZ_FILTER_H

#include <stdint.h>

/** What a port is to receive: one of the operations of ethdev, whose answer does not matter. */
void
fuzz_filter_set(uint16_t port_id, uint8_t choice);

#endif /* FUZZ_FILTER_H */
