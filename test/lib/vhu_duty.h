/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef VHU_DUTY_H
#define VHU_DUTY_H

/**
 * @file
 * What a driver owes during initialisation, parts B and FD of the checklist, as far as vhost-user
 * lets a backend see it. Each function looks at a message before it takes effect and records
 * breaches; all want the backend's lock held.
 */

#include "vhu_priv.h"

/** SET_FEATURES: IN-04, IN-05, IN-06, IN-13 and the feature dependencies. */
void
vhu_duty_features(struct vhu_backend *b, uint64_t features);

/**
 * SET_STATUS: IN-01, IN-03, IN-07, PR-34.
 *
 * @param waits
 *   The driver does nothing before it has the answer.
 */
void
vhu_duty_status(struct vhu_backend *b, uint8_t status, bool waits);

/** SET_CONFIG: IN-06, NT-30. */
void
vhu_duty_config_write(struct vhu_backend *b);

/** NET_SET_MTU, bytes: NT-10. */
void
vhu_duty_mtu(struct vhu_backend *b, uint64_t mtu);

#endif /* VHU_DUTY_H */
