/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_DEVARGS_H
#define PVQ_DEVARGS_H

#include "device.h"

#define PVQ_DEFAULT_QUEUE_SIZE 256
#define PVQ_DEFAULT_SPEED 10000

/** For dpdk-pmdinfo.py and messages. */
#define PVQ_PARAM_STRING \
	"path=<socket> server=<0|1> queues=<1-128> queue_size=<1-32768> mac=<address> " \
	"mrg_rxbuf=<0|1> in_order=<0|1> event_idx=<0|1> speed=<Mbit/s> isa=<auto|scalar|avx2|avx512>"

/**
 * Read a device's arguments.
 *
 * @param name
 *   The device's name, for messages.
 * @param args
 *   "key=value,..." as the user wrote it, may be NULL.
 * @param needs_path
 *   Whether the device is at the other end of a socket.
 * @return
 *   0, or -EINVAL, logged with the values that are valid.
 */
int
pvq_devargs_parse(const char *name, const char *args, bool needs_path, struct pvq_options *opt);

#endif /* PVQ_DEVARGS_H */
