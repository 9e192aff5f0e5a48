/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_WATCH_DRIVER_H
#define ORDER_WATCH_DRIVER_H

/**
 * @file
 * Included by force before each source of the driver: besides watch_calls.h, fences that DPDK makes
 * of inline assembly, and system calls that matter to the order of memory.
 */

#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_atomic.h>

#include "watch_calls.h"

#define rte_atomic_thread_fence(order) watch_fence(order)
#undef rte_mb
#define rte_mb() watch_fence(__ATOMIC_SEQ_CST)
#undef rte_smp_mb
#define rte_smp_mb() watch_fence(__ATOMIC_SEQ_CST)
#undef rte_io_mb
#define rte_io_mb() watch_fence(__ATOMIC_SEQ_CST)
#undef rte_wmb
#define rte_wmb() watch_fence(__ATOMIC_RELEASE)
#undef rte_smp_wmb
#define rte_smp_wmb() watch_fence(__ATOMIC_RELEASE)
#undef rte_io_wmb
#define rte_io_wmb() watch_fence(__ATOMIC_RELEASE)
#undef rte_rmb
#define rte_rmb() watch_fence(__ATOMIC_ACQUIRE)
#undef rte_smp_rmb
#define rte_smp_rmb() watch_fence(__ATOMIC_ACQUIRE)
#undef rte_io_rmb
#define rte_io_rmb() watch_fence(__ATOMIC_ACQUIRE)

#define syscall(...) watch_syscall(__VA_ARGS__)
#define sched_yield() watch_sched_yield()
#define eventfd_write(fd, value) watch_eventfd_write(fd, value)

#endif /* ORDER_WATCH_DRIVER_H */
