/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_TRANSPORT_VHOST_USER_H
#define PVQ_TRANSPORT_VHOST_USER_H

#include "device.h"

/** The vhost-user front-end over a unix socket, as client or as server. */
extern const struct pvq_transport pvq_transport_vhost_user;

#endif /* PVQ_TRANSPORT_VHOST_USER_H */
