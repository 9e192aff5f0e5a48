/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef UNIT_SHARED_EVENT_H
#define UNIT_SHARED_EVENT_H

/**
 * @file
 * The device event structure as the specification has it: the device writes, the driver may only
 * read. A driver that writes there dies of it (PR-30).
 */

#include "packed_device.h"
#include "ring.h"

/** Give both sides mappings of their own; the driver's is read-only. Between bursts. */
void
shared_event_open(struct pvq_ring *ring, struct pd_vq *dev);

/** Both sides use @p own again, which is zero; the mappings are gone. */
void
shared_event_close(struct pvq_ring *ring, struct pd_vq *dev, struct virtq_event *own);

#endif /* UNIT_SHARED_EVENT_H */
