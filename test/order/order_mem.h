/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_MEM_H
#define ORDER_MEM_H

/** @file Mempools in a world. */

#include <rte_mempool.h>

/** Share the buffers of a pool's mbufs with the device; mbufs themselves are the driver's own. */
void
order_add_pool(struct rte_mempool *pool);

#endif /* ORDER_MEM_H */
