/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * soak [EAL options] -- SEED DEVARGS DEVARGS: see soak.h. DEVARGS is what follows the device's name
 * and a comma, once for each port. Needs a main lcore and another for each port.
 */

#include <stdio.h>
#include <stdlib.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_memory.h>

#include "soak.h"

#define MBUFS 16383
#define CACHE 256
#define READERS 2

struct soak soak;

static void
init_ports(char **devargs)
{
	unsigned int i, q;

	for (i = 0; i < SOAK_PORTS; i++) {
		struct soak_port *p = &soak.port[i];

		p->number = i;
		for (q = 0; q < SOAK_PAIRS; q++) {
			p->ledger[q].port = i;
			p->ledger[q].queue = q;
		}
		p->hold = true;
		p->tx_pool = soak.pool;
		p->rx_pool = soak.pool;
		snprintf(p->name, sizeof(p->name), "net_pvq%u", i);
		snprintf(p->devargs, sizeof(p->devargs), "%s", devargs[i]);
		pthread_mutex_init(&p->readers, NULL);
	}
}

static void
on_memory(enum rte_mem_event event, const void *addr, size_t len, void *arg)
{
	RTE_SET_USED(event);
	RTE_SET_USED(addr);
	RTE_SET_USED(len);
	RTE_SET_USED(arg);
	__atomic_fetch_add(&soak.memory_events, 1, __ATOMIC_RELAXED);
}

static void
launch(pthread_t *readers)
{
	unsigned int i = 0, lcore;

	RTE_LCORE_FOREACH_WORKER(lcore)
		if (i < SOAK_PORTS && rte_eal_remote_launch(soak_worker, &soak.port[i], lcore) == 0)
			i++;
	if (i != SOAK_PORTS)
		rte_exit(EXIT_FAILURE, "every port needs an lcore\n");
	for (i = 0; i < READERS; i++)
		if (pthread_create(&readers[i], NULL, soak_reader, NULL) != 0)
			rte_exit(EXIT_FAILURE, "no thread for a reader\n");
}

int
main(int argc, char **argv)
{
	pthread_t readers[READERS];
	char line[256];
	unsigned int i;
	int used = rte_eal_init(argc, argv);

	if (used < 0 || argc - used != 2 + SOAK_PORTS)
		rte_exit(EXIT_FAILURE, "usage: soak [EAL options] -- SEED DEVARGS DEVARGS\n");
	setvbuf(stdout, NULL, _IOLBF, 0);
	soak.seed = strtoull(argv[used + 1], NULL, 10);
	soak_frame_init(soak.seed);
	soak.pool = rte_pktmbuf_pool_create("soak", MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					    SOCKET_ID_ANY);
	if (soak.pool == NULL)
		rte_exit(EXIT_FAILURE, "no memory for mbufs\n");
	/* Fails where EAL's memory never changes: without hugepages. */
	rte_mem_event_callback_register("soak", on_memory, NULL);
	init_ports(&argv[used + 2]);
	launch(readers);
	printf("ok ready\n");
	while (fgets(line, sizeof(line), stdin) != NULL && soak_command(line))
		;
	__atomic_store_n(&soak.quit, true, __ATOMIC_RELEASE);
	rte_eal_mp_wait_lcore();
	for (i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	for (i = 0; i < SOAK_PORTS; i++)
		if (soak.port[i].started)
			rte_eth_dev_stop(soak.port[i].id);
	rte_mempool_free(soak.pool);
	return rte_eal_cleanup() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
