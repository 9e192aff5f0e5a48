/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/*
 * net_memif leaves its listening socket registered with EAL's interrupt thread when its port is
 * closed. Should that thread look at its sources once more while rte_eal_cleanup() unmaps the
 * memory that they are in, and it does so whenever an alarm was ever used, the process ends by a
 * signal. So the thread is given something to do until the process has ended.
 */

#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_interrupts.h>

#include "perf.h"

#define PARK_S 10
#define WAIT_MS 1000

static bool parked;

static void
park(void *arg)
{
	unsigned int i;

	RTE_SET_USED(arg);
	__atomic_store_n(&parked, true, __ATOMIC_RELEASE);
	for (i = 0; i < PARK_S; i++)
		sleep(1);
}

static bool
uses_memif(const struct perf_options *opt)
{
	unsigned int i;

	for (i = 0; i < opt->nb_ports; i++)
		if (perf_devargs_is(opt->port[i].devargs, "net_memif") ||
		    perf_devargs_is(opt->port[i].peer, "net_memif"))
			return true;
	return false;
}

void
perf_park_interrupts(const struct perf_options *opt)
{
	struct rte_intr_handle *handle;
	unsigned int ms;
	int fd;

	if (!uses_memif(opt))
		return;
	/* Readable from the beginning. */
	fd = eventfd(1, EFD_CLOEXEC);
	handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (fd < 0 || handle == NULL || rte_intr_fd_set(handle, fd) != 0 ||
	    rte_intr_type_set(handle, RTE_INTR_HANDLE_EXT) != 0 ||
	    rte_intr_callback_register(handle, park, NULL) != 0)
		return;
	for (ms = 0; ms < WAIT_MS && !__atomic_load_n(&parked, __ATOMIC_ACQUIRE); ms++)
		rte_delay_us_sleep(1000);
}
