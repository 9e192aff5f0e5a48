/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <rte_mbuf.h>

#include "order_mem.h"
#include "world.h"

static void
add_chunk(struct rte_mempool *pool, void *arg, struct rte_mempool_memhdr *chunk, unsigned int i)
{
	(void)pool;
	(void)arg;
	(void)i;
	world_add_memory(chunk->addr, chunk->len);
}

static void
add_buffer(struct rte_mempool *pool, void *arg, void *object, unsigned int i)
{
	const struct rte_mbuf *m = object;

	(void)pool;
	(void)arg;
	(void)i;
	world_add_window(m->buf_addr, m->buf_len);
}

void
order_add_pool(struct rte_mempool *pool)
{
	rte_mempool_mem_iter(pool, add_chunk, NULL);
	rte_mempool_obj_iter(pool, add_buffer, NULL);
}
