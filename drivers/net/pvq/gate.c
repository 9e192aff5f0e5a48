/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "gate.h"

#define WAIT_SECONDS 2

static int barrier_cmd;

static int
membarrier(int cmd)
{
	return syscall(__NR_membarrier, cmd, 0, 0);
}

int
pvq_gate_init(void)
{
	int known = membarrier(MEMBARRIER_CMD_QUERY);

	if (known < 0)
		return -ENOTSUP;
	/* Expedited takes microseconds; the other waits for a grace period of the scheduler. */
	if ((known & MEMBARRIER_CMD_GLOBAL_EXPEDITED) != 0 &&
	    membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0)
		barrier_cmd = MEMBARRIER_CMD_GLOBAL_EXPEDITED;
	else if ((known & MEMBARRIER_CMD_GLOBAL) != 0)
		barrier_cmd = MEMBARRIER_CMD_GLOBAL;
	else
		return -ENOTSUP;
	/* The slow one is refused on kernels that keep cores free of ticks. */
	return membarrier(barrier_cmd) == 0 ? 0 : -ENOTSUP;
}

void
pvq_gate_barrier(void)
{
	membarrier(barrier_cmd);
}

int
pvq_gate_wait(const struct pvq_gate *gate)
{
	uint32_t seen = __atomic_load_n(&gate->epoch, __ATOMIC_ACQUIRE);
	struct timespec start, now;

	if ((seen & 1) == 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (__atomic_load_n(&gate->epoch, __ATOMIC_ACQUIRE) == seen) {
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec > WAIT_SECONDS)
			return -EBUSY;
	}
	return 0;
}
