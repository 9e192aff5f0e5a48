/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_SECONDARY_H
#define PVQ_SECONDARY_H

/** @file How a secondary process gets the eventfds that the primary has made. */

#include <stdint.h>

/** Be ready to answer secondary processes; in the primary, for every port that is probed. */
void
pvq_secondary_serve(void);

/** Stop answering, when the last port goes. */
void
pvq_secondary_unserve(void);

/** A pvq_notify_source_t: ask the primary process. At most a second. */
int
pvq_secondary_ask_fd(uint16_t port_id, uint16_t vq);

#endif /* PVQ_SECONDARY_H */
