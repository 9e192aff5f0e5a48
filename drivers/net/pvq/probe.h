/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_PROBE_H
#define PVQ_PROBE_H

/** @file What probing has in common for all buses. */

#include "ethdev.h"

/** Whether this kernel has what the driver needs. @return 0, or -errno with a message. */
int
pvq_gate_check(const char *name);

/**
 * Make a port of an ethdev that has just been allocated, in the primary process.
 *
 * @param attach
 *   Sets dev->transport, with @p arg.
 * @return
 *   0, or -errno with @p eth released.
 */
int
pvq_port_init(struct rte_eth_dev *eth, const struct pvq_options *opt,
	      int (*attach)(struct pvq_device *dev, const void *arg), const void *arg);

/**
 * Whether the primary process has a port of this name that is ours, in a secondary one: the registers
 * do not tell which driver the primary has left a device to.
 */
bool
pvq_port_is_known(const char *name);

/** Make a port of one that the primary process has, in a secondary one. @return 0 or -errno. */
int
pvq_port_attach(struct rte_device *device);

/** Close the port of this name and release it, in either process; it may be gone already. */
void
pvq_port_remove(const char *name);

#endif /* PVQ_PROBE_H */
