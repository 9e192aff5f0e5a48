/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <numa.h>
#include <numaif.h>
#include <stddef.h>
#include <stdint.h>

#include "numa_node.h"

int
pvq_numa_node_of(const void *addr)
{
	int node;

	if (numa_available() < 0 ||
	    get_mempolicy(&node, NULL, 0, (void *)(uintptr_t)addr, MPOL_F_NODE | MPOL_F_ADDR) != 0)
		return -1;
	return node;
}
