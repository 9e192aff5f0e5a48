/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * An application that sleeps: waits for Rx interrupts of a port's queues and sends each frame back
 * where it came from. Run as
 *	rx_wait EAL-ARGUMENTS -- FRAMES [QUEUES]
 * it says "ready", and after FRAMES frames, or a minute without any, how often it was woken:
 *	frames 300, wake-ups 300, in vain 0
 * Link changes are told by "link up" and "link down". It ends with status 0 when all frames came.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_epoll.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define PORT 0
#define QUEUES_MAX 16
#define DESCRIPTORS 256
#define BURST 32
#define IDLE_MS 60000
#define LAST_MS 200

struct figures {
	uint64_t frames;
	uint64_t wakes;
	uint64_t in_vain; /* nothing was there */
};

static void
check(int ret, const char *what)
{
	if (ret >= 0)
		return;
	printf("rx_wait: %s: %s\n", what, rte_strerror(-ret));
	exit(EXIT_FAILURE);
}

static int
link_changed(uint16_t port, enum rte_eth_event_type event, void *arg, void *ret)
{
	struct rte_eth_link link;

	(void)event;
	(void)arg;
	(void)ret;
	if (rte_eth_link_get_nowait(port, &link) == 0)
		printf("link %s\n", link.link_status == RTE_ETH_LINK_UP ? "up" : "down");
	return 0;
}

static void
start(uint16_t queues)
{
	const struct rte_eth_conf conf = {.intr_conf = {.rxq = 1, .lsc = 1}};
	struct rte_mempool *pool = rte_pktmbuf_pool_create("rx_wait",
		queues * (2 * DESCRIPTORS + BURST), 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
		SOCKET_ID_ANY);
	uint16_t q;

	if (pool == NULL)
		check(-rte_errno, "mempool");
	check(rte_eth_dev_configure(PORT, queues, queues, &conf), "configure");
	check(rte_eth_dev_callback_register(PORT, RTE_ETH_EVENT_INTR_LSC, link_changed, NULL),
	      "link events");
	for (q = 0; q < queues; q++) {
		check(rte_eth_rx_queue_setup(PORT, q, DESCRIPTORS, SOCKET_ID_ANY, NULL, pool),
		      "rx queue");
		check(rte_eth_tx_queue_setup(PORT, q, DESCRIPTORS, SOCKET_ID_ANY, NULL),
		      "tx queue");
	}
	check(rte_eth_dev_start(PORT), "start");
	check(rte_eth_promiscuous_enable(PORT), "promiscuous");
	for (q = 0; q < queues; q++)
		check(rte_eth_dev_rx_intr_ctl_q(PORT, q, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD,
						(void *)(uintptr_t)q), "interrupt");
}

/* One burst goes back. What it leaves interrupts again, at once. @return how many frames. */
static uint64_t
echo(uint16_t queue)
{
	struct rte_mbuf *m[BURST];
	uint16_t n = rte_eth_rx_burst(PORT, queue, m, BURST), sent = 0;

	while (sent < n)
		sent += rte_eth_tx_burst(PORT, queue, m + sent, n - sent);
	return n;
}

static void
enable(uint16_t queues, bool on)
{
	uint16_t q;

	for (q = 0; q < queues; q++)
		check((on ? rte_eth_dev_rx_intr_enable : rte_eth_dev_rx_intr_disable)(PORT, q),
		      on ? "interrupt enable" : "interrupt disable");
}

static void
sleep_and_echo(uint16_t queues, uint64_t frames, struct figures *f)
{
	struct rte_epoll_event events[QUEUES_MAX];
	uint64_t got;
	uint16_t q;
	int n;

	while (f->frames < frames) {
		enable(queues, true);
		n = rte_epoll_wait(RTE_EPOLL_PER_THREAD, events, queues, IDLE_MS);
		enable(queues, false);
		/* Whatever comes without an interrupt is left lying: nobody looks for it. */
		if (n <= 0)
			return;
		f->wakes++;
		for (got = 0; n > 0; n--) {
			q = (uint16_t)(uintptr_t)events[n - 1].epdata.data;
			got += echo(q);
		}
		f->frames += got;
		f->in_vain += got == 0;
	}
}

int
main(int argc, char **argv)
{
	struct figures f = {0};
	uint64_t frames;
	uint16_t queues;
	int n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	n = rte_eal_init(argc, argv);
	check(n < 0 ? -rte_errno : 0, "EAL");
	argc -= n;
	argv += n;
	frames = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	queues = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	if (frames == 0 || queues == 0 || queues > QUEUES_MAX) {
		printf("usage: rx_wait EAL-ARGUMENTS -- FRAMES [QUEUES]\n");
		return EXIT_FAILURE;
	}
	start(queues);
	printf("ready\n");
	sleep_and_echo(queues, frames, &f);
	printf("frames %" PRIu64 ", wake-ups %" PRIu64 ", in vain %" PRIu64 "\n", f.frames, f.wakes,
	       f.in_vain);
	/* The device may still be sending what it got last. */
	rte_delay_us_sleep(LAST_MS * 1000);
	check(rte_eth_dev_stop(PORT), "stop");
	check(rte_eth_dev_close(PORT), "close");
	rte_eal_cleanup();
	return f.frames >= frames ? EXIT_SUCCESS : EXIT_FAILURE;
}
