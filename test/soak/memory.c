/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Memory that comes and goes at run time: pools that frames are sent from and received into, and
 * blocks that only take room. Where EAL can, it asks the system for more, and gives it back.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>

#include "soak.h"

#define EXTRA_MAX 2
#define EXTRA_MBUFS 16383
#define EXTRA_CACHE 128
#define BLOCKS_MAX 4

static struct rte_mempool *extra[EXTRA_MAX];
static unsigned int nb_extra, made;
static void *block[BLOCKS_MAX];
static unsigned int nb_blocks;

struct rte_mempool *
soak_extra_pool(void)
{
	return nb_extra != 0 ? extra[nb_extra - 1] : NULL;
}

/* The pool that frames of this port are made from, from now on. */
static void
choose_pool(struct soak_port *p, struct rte_mempool *pool)
{
	if (!p->setup.fast_free)
		__atomic_store_n(&p->tx_pool, pool, __ATOMIC_RELEASE);
}

int
soak_extra_make(void)
{
	struct rte_mempool *pool;
	char name[32];
	unsigned int i;

	if (nb_extra == EXTRA_MAX)
		return -ENOSPC;
	snprintf(name, sizeof(name), "soak_extra_%u", made++);
	pool = rte_pktmbuf_pool_create(name, EXTRA_MBUFS, EXTRA_CACHE, 0,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		return -ENOMEM;
	extra[nb_extra++] = pool;
	for (i = 0; i < SOAK_PORTS; i++)
		choose_pool(&soak.port[i], pool);
	return 0;
}

int
soak_extra_free(void)
{
	struct rte_mempool *pool = extra[0], *next;
	bool busy = false;
	unsigned int i;

	if (nb_extra == 0)
		return -ENOENT;
	next = nb_extra > 1 ? extra[1] : soak.pool;
	/* A worker that stands still, or has stood still since, holds no pointer of before. */
	for (i = 0; i < SOAK_PORTS; i++) {
		struct soak_port *p = &soak.port[i];
		const bool held = p->hold;

		if (p->tx_pool == pool) {
			if (!held)
				soak_hold(p, true);
			choose_pool(p, next);
			if (!held)
				soak_hold(p, false);
		}
		busy |= p->rx_pool == pool || p->tx_pool == pool;
	}
	if (busy || !rte_mempool_full(pool))
		return -EBUSY;
	rte_mempool_free(pool);
	memmove(&extra[0], &extra[1], (nb_extra - 1) * sizeof(extra[0]));
	nb_extra--;
	return 0;
}

int
soak_block_make(size_t bytes)
{
	void *p;

	if (nb_blocks == BLOCKS_MAX)
		return -ENOSPC;
	p = rte_malloc("soak_block", bytes, 0);
	if (p == NULL)
		return -ENOMEM;
	memset(p, 0x5a, bytes);
	block[nb_blocks++] = p;
	return 0;
}

int
soak_block_free(void)
{
	if (nb_blocks == 0)
		return -ENOENT;
	rte_free(block[0]);
	memmove(&block[0], &block[1], (nb_blocks - 1) * sizeof(block[0]));
	nb_blocks--;
	return 0;
}
