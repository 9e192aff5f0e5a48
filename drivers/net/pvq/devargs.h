/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_DEVARGS_H
#define PVQ_DEVARGS_H

#include "device.h"

#define PVQ_DEFAULT_QUEUE_SIZE 256
#define PVQ_DEFAULT_SPEED 10000

#define PVQ_PARAM_COMMON \
	"queues=<1-128> queue_size=<1-32768> mac=<address> mrg_rxbuf=<0|1> in_order=<0|1> " \
	"event_idx=<0|1> speed=<Mbit/s> isa=<auto|scalar|avx2|avx512>"

/** For dpdk-pmdinfo.py and messages. */
#define PVQ_PARAM_STRING "path=<socket> server=<0|1> " PVQ_PARAM_COMMON
#define PVQ_PCI_PARAM_STRING "driver=<name> " PVQ_PARAM_COMMON

/**
 * Read a device's arguments.
 *
 * @param name
 *   The device's name, for messages.
 * @param args
 *   "key=value,..." as the user wrote it, may be NULL.
 * @param pci
 *   Whether the device is on the PCI bus, else it is at the other end of a socket.
 * @return
 *   0, or -EINVAL, logged with the values that are valid.
 */
int
pvq_devargs_parse(const char *name, const char *args, bool pci, struct pvq_options *opt);

/** Which driver the user wants for a device that several can drive. */
enum pvq_wish {
	PVQ_WISH_NONE,
	PVQ_WISH_PVQ,   /**< driver=net_pvq: this one and no other */
	PVQ_WISH_OTHER, /**< driver= with another name */
};

/** What "driver=" in @p args says; other arguments are not looked at. */
enum pvq_wish
pvq_devargs_wish(const char *args);

#endif /* PVQ_DEVARGS_H */
