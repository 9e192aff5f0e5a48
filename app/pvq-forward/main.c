/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A forwarder in a hundred lines: what comes in at one port goes out at the other with its MAC
 * addresses swapped; a single port sends back. Nothing here is special to net_pvq. There are two
 * ways to give a program the driver:
 *
 * - as a plugin that EAL loads, with the program as it is:
 *     cc main.c -o forward $(pkg-config --cflags --libs libdpdk)
 *     ./forward -d ./librte_net_pvq.so --vdev net_pvq0,path=A --vdev net_pvq1,path=B
 * - linked in, so that there is no file to load:
 *     cc main.c -o forward $(pkg-config --cflags --libs librte_net_pvq)
 *     ./forward --vdev net_pvq0,path=A --vdev net_pvq1,path=B
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#define BURST 32

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
	RTE_SET_USED(number);
	stop = 1;
}

/* The backend may come and go while we run: the driver says so, and traffic goes on by itself. */
static int
on_link(uint16_t port, enum rte_eth_event_type event, void *arg, void *ret)
{
	struct rte_eth_link link;

	RTE_SET_USED(event);
	RTE_SET_USED(arg);
	RTE_SET_USED(ret);
	if (rte_eth_link_get_nowait(port, &link) == 0)
		printf("port %u: link %s\n", port, link.link_status ? "up" : "down");
	return 0;
}

static void
start_port(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	char name[RTE_ETH_NAME_MAX_LEN];

	if (rte_eth_dev_info_get(port, &info) != 0 || rte_eth_dev_get_name_by_port(port, name) != 0)
		rte_exit(EXIT_FAILURE, "port %u says nothing of itself\n", port);
	printf("port %u: %s, driver %s\n", port, name, info.driver_name);
	conf.intr_conf.lsc = (*info.dev_flags & RTE_ETH_DEV_INTR_LSC) != 0;
	/* A queue size of 0 is the driver's default, which devarg queue_size= sets. */
	if (rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
	    rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_link, NULL) != 0 ||
	    rte_eth_rx_queue_setup(port, 0, 0, rte_eth_dev_socket_id(port), NULL, pool) != 0 ||
	    rte_eth_tx_queue_setup(port, 0, 0, rte_eth_dev_socket_id(port), NULL) != 0 ||
	    rte_eth_dev_start(port) != 0)
		rte_exit(EXIT_FAILURE, "port %u does not start\n", port);
}

/* One burst from a port to another; returns how many packets the other had no room for. */
static uint16_t
forward(uint16_t from, uint16_t to)
{
	struct rte_mbuf *pkts[BURST];
	const uint16_t got = rte_eth_rx_burst(from, 0, pkts, BURST);
	uint16_t i, sent;

	for (i = 0; i < got; i++) {
		struct rte_ether_hdr *eth = rte_pktmbuf_mtod(pkts[i], struct rte_ether_hdr *);
		const struct rte_ether_addr dst = eth->dst_addr;

		eth->dst_addr = eth->src_addr;
		eth->src_addr = dst;
	}
	sent = rte_eth_tx_burst(to, 0, pkts, got);
	rte_pktmbuf_free_bulk(pkts + sent, got - sent);
	return got - sent;
}

int
main(int argc, char **argv)
{
	struct rte_mempool *pool;
	struct rte_eth_stats stats;
	uint16_t ports[2], port, nb = 0, i;
	uint64_t dropped[2] = {0};

	if (rte_eal_init(argc, argv) < 0)
		rte_exit(EXIT_FAILURE, "EAL does not start\n");
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	pool = rte_pktmbuf_pool_create("mbufs", 4095, 250, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       (int)rte_socket_id());
	if (pool == NULL)
		rte_exit(EXIT_FAILURE, "no memory for mbufs\n");
	RTE_ETH_FOREACH_DEV(port)
		if (nb < RTE_DIM(ports))
			ports[nb++] = port;
	if (nb == 0)
		rte_exit(EXIT_FAILURE, "no port: add --vdev net_pvq0,path=SOCKET\n");
	for (i = 0; i < nb; i++)
		start_port(ports[i], pool);
	while (!stop)
		for (i = 0; i < nb; i++)
			dropped[i] += forward(ports[i], ports[nb - 1 - i]);
	for (i = 0; i < nb; i++) {
		rte_eth_stats_get(ports[i], &stats);
		printf("port %u: received %" PRIu64 ", sent %" PRIu64 ", dropped %" PRIu64 "\n",
		       ports[i], stats.ipackets, stats.opackets, dropped[nb - 1 - i]);
		rte_eth_dev_stop(ports[i]);
		rte_eth_dev_close(ports[i]);
	}
	return rte_eal_cleanup() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
