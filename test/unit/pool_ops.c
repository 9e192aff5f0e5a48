/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Mempools for tests: a stack behind a mutex. Lcores share processors here, and in DPDK's default
 * one that is preempted inside makes all others spin their time away, while ring_mt_rts loses what
 * is put back in that time. Besides, ThreadSanitizer can follow this one: it knows who handed which
 * mbuf to whom, and tells of any that one thread still uses when another has got it.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "pool_ops.h"

struct stack {
	pthread_mutex_t lock;
	unsigned int n;
	void *objects[];
};

static int
stack_alloc(struct rte_mempool *pool)
{
	struct stack *s = calloc(1, sizeof(*s) + pool->size * sizeof(s->objects[0]));

	if (s == NULL)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	pool->pool_data = s;
	return 0;
}

static void
stack_free(struct rte_mempool *pool)
{
	struct stack *s = pool->pool_data;

	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int
stack_put(struct rte_mempool *pool, void *const *objects, unsigned int n)
{
	struct stack *s = pool->pool_data;
	int ret = -ENOBUFS;

	pthread_mutex_lock(&s->lock);
	if (s->n + n <= pool->size) {
		memcpy(&s->objects[s->n], objects, n * sizeof(objects[0]));
		s->n += n;
		ret = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

static int
stack_get(struct rte_mempool *pool, void **objects, unsigned int n)
{
	struct stack *s = pool->pool_data;
	int ret = -ENOBUFS;

	pthread_mutex_lock(&s->lock);
	if (n <= s->n) {
		s->n -= n;
		memcpy(objects, &s->objects[s->n], n * sizeof(objects[0]));
		ret = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

static unsigned int
stack_count(const struct rte_mempool *pool)
{
	struct stack *s = pool->pool_data;
	unsigned int n;

	pthread_mutex_lock(&s->lock);
	n = s->n;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static const struct rte_mempool_ops ops = {
	.name = "pvq_test_stack",
	.alloc = stack_alloc,
	.free = stack_free,
	.enqueue = stack_put,
	.dequeue = stack_get,
	.get_count = stack_count,
};

RTE_MEMPOOL_REGISTER_OPS(ops)

const char *
pool_ops_name(void)
{
	return ops.name;
}
