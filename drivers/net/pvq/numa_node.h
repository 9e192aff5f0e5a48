/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_NUMA_NODE_H
#define PVQ_NUMA_NODE_H

/**
 * Where memory really is, whatever was asked for.
 *
 * @return
 *   The NUMA node of the page at @p addr, or -1 when the kernel does not tell.
 */
int
pvq_numa_node_of(const void *addr);

#endif /* PVQ_NUMA_NODE_H */
