/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PORT_WAKE_H
#define PORT_WAKE_H

/** @file A receiver that sleeps whenever it finds nothing, and is woken for every packet (L-04). */

#include "port.h"

/** Sleeps until an Rx interrupt. @return whether one came in time. */
typedef bool (*port_wakes_t)(int timeout_ms);

/**
 * Packets come to queue 0 at odd moments, from a thread of its own, while the caller receives them:
 * all of them whole, once and in order, without sleeping over one. The port is started, and its
 * interrupt is where @p wakes waits for it.
 */
void
port_check_wakes(struct port *p, port_wakes_t wakes);

#endif /* PORT_WAKE_H */
