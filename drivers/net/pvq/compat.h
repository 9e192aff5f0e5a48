/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_COMPAT_H
#define PVQ_COMPAT_H

/**
 * @file
 * The one place that asks which DPDK this is: 22.11 to 26.07.
 */

#include <pthread.h>
#include <stdint.h>

#include <rte_lcore.h>
#include <rte_version.h>

#if RTE_VERSION >= RTE_VERSION_NUM(23, 7, 0, 0)

#include <rte_thread.h>

typedef rte_thread_t pvq_thread_t;
#define PVQ_THREAD_RETURN uint32_t
#define PVQ_THREAD_DONE 0

static inline int
pvq_thread_create(pvq_thread_t *thread, const char *name, rte_thread_func func, void *arg)
{
	return rte_thread_create_internal_control(thread, name, func, arg);
}

static inline void
pvq_thread_join(pvq_thread_t thread)
{
	rte_thread_join(thread, NULL);
}

#else

typedef pthread_t pvq_thread_t;
#define PVQ_THREAD_RETURN void *
#define PVQ_THREAD_DONE NULL

static inline int
pvq_thread_create(pvq_thread_t *thread, const char *name, void *(*func)(void *), void *arg)
{
	return rte_ctrl_thread_create(thread, name, NULL, func, arg);
}

static inline void
pvq_thread_join(pvq_thread_t thread)
{
	pthread_join(thread, NULL);
}

#endif

/* stats_get has a third argument since 25.11: where the figures of single queues go. */
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
#define PVQ_STATS_GET_ARGS(dev, stats, queues) \
	struct rte_eth_dev *dev, struct rte_eth_stats *stats, struct eth_queue_stats *queues
#define PVQ_QUEUE_STATS(stats, queues) (queues)
#else
#define PVQ_STATS_GET_ARGS(dev, stats, queues) \
	struct rte_eth_dev *dev, struct rte_eth_stats *stats
#define PVQ_QUEUE_STATS(stats, queues) (stats)
#endif

/* dev_supported_ptypes_get counts its answer since 24.03. */
#if RTE_VERSION >= RTE_VERSION_NUM(24, 3, 0, 0)
#define PVQ_PTYPES_GET_ARGS(dev, count) struct rte_eth_dev *dev, size_t *count
#define PVQ_PTYPES_COUNT(count, n) (*(count) = (n))
#else
#define PVQ_PTYPES_GET_ARGS(dev, count) struct rte_eth_dev *dev
#define PVQ_PTYPES_COUNT(count, n)
#endif

/* rte_eth_recycle_mbufs came with 23.11. */
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
#define PVQ_HAS_RECYCLE
#endif

/* Renamed in 23.03. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define rte_tel_data_add_dict_uint rte_tel_data_add_dict_u64
#endif

#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
typedef int pvq_queue_count_t;
#else
typedef uint32_t pvq_queue_count_t;
#endif

#endif /* PVQ_COMPAT_H */
