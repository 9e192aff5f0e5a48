/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_malloc.h>
#include <rte_memzone.h>

#include "soak.h"

#define WORDS_MAX 12

static unsigned int
number(const char *word)
{
	return word != NULL ? strtoul(word, NULL, 10) : 0;
}

static bool
is(const char *word, const char *name)
{
	return word != NULL && strcmp(word, name) == 0;
}

/* setup PORT PAIRS RX_SIZE TX_SIZE [scatter] [multi] [fast] [extra] */
static int
do_setup(struct soak_port *p, char **word)
{
	struct soak_setup s = {
		.pairs = number(word[2]),
		.rx_size = number(word[3]),
		.tx_size = number(word[4]),
	};
	unsigned int i;

	if (s.pairs == 0 || s.pairs > SOAK_PAIRS || p->started)
		return -EINVAL;
	for (i = 5; word[i] != NULL; i++) {
		s.scatter |= is(word[i], "scatter");
		s.multi_segs |= is(word[i], "multi");
		s.fast_free |= is(word[i], "fast");
		s.extra_pool |= is(word[i], "extra");
	}
	return soak_port_setup(p, &s);
}

static int
do_queue(struct soak_port *p, char **word)
{
	const uint16_t q = number(word[2]);
	const bool start = is(word[3], "start");
	int ret;

	if (is(word[0], "txq"))
		return start ? rte_eth_dev_tx_queue_start(p->id, q) :
			       rte_eth_dev_tx_queue_stop(p->id, q);
	/* What the backend sends to a stopped queue is dropped there. */
	soak_disturb(p, q);
	ret = start ? rte_eth_dev_rx_queue_start(p->id, q) : rte_eth_dev_rx_queue_stop(p->id, q);
	soak_disturb(p, q);
	return ret;
}

static int
do_mtu(struct soak_port *p, char **word)
{
	const uint32_t mtu = number(word[2]);
	int ret;

	if (mtu + RTE_ETHER_HDR_LEN < p->max_len)
		__atomic_store_n(&p->max_len, mtu + RTE_ETHER_HDR_LEN, __ATOMIC_SEQ_CST);
	ret = rte_eth_dev_set_mtu(p->id, mtu);
	if (ret == 0)
		__atomic_store_n(&p->max_len, mtu + RTE_ETHER_HDR_LEN, __ATOMIC_SEQ_CST);
	return ret;
}

static int
do_mac(struct soak_port *p, char **word)
{
	struct rte_ether_addr addr, now;
	int ret;

	if (word[2] == NULL || rte_ether_unformat_addr(word[2], &addr) != 0)
		return -EINVAL;
	ret = rte_eth_dev_default_mac_addr_set(p->id, &addr);
	if (ret == 0)
		ret = rte_eth_macaddr_get(p->id, &now);
	return ret == 0 && !rte_is_same_ether_addr(&addr, &now) ? -EIO : ret;
}

static int
do_switch(struct soak_port *p, char **word)
{
	const bool on = is(word[2], "on");

	if (is(word[0], "promisc"))
		return on ? rte_eth_promiscuous_enable(p->id) : rte_eth_promiscuous_disable(p->id);
	if (is(word[0], "allmulti"))
		return on ? rte_eth_allmulticast_enable(p->id) :
			    rte_eth_allmulticast_disable(p->id);
	if (is(word[0], "link"))
		return on ? rte_eth_dev_set_link_up(p->id) : rte_eth_dev_set_link_down(p->id);
	if (is(word[0], "intr"))
		__atomic_store_n(&p->intr, on, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&p->quiet, on, __ATOMIC_RELAXED);
	return 0;
}

static void
add(struct soak_counts *sum, const struct soak_counts *one)
{
	const uint64_t *from = (const uint64_t *)one;
	uint64_t *to = (uint64_t *)sum;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

/* Of one port, or of all. */
static void
print_counts(const char *port)
{
	struct soak_counts c = {0};
	uint64_t wakeups = 0;
	uint32_t in_flight = 0;
	unsigned int i, q;

	for (i = 0; i < SOAK_PORTS; i++) {
		if (port != NULL && i != number(port))
			continue;
		wakeups += soak.port[i].wakeups;
		for (q = 0; q < SOAK_PAIRS; q++) {
			add(&c, &soak.port[i].ledger[q].counts);
			in_flight += soak.port[i].ledger[q].in_flight;
		}
	}
	printf("ok {\"sent\": %" PRIu64 ", \"verified\": %" PRIu64 ", \"duplicated\": %" PRIu64
	       ", \"lost\": %" PRIu64 ", \"late\": %" PRIu64 ", \"reordered\": %" PRIu64
	       ", \"bad_content\": %" PRIu64 ", \"bad_duplicate\": %" PRIu64
	       ", \"bad_loss\": %" PRIu64 ", \"bad_order\": %" PRIu64 ", \"bad_stall\": %" PRIu64
	       ", \"in_flight\": %u, \"wakeups\": %" PRIu64 ", \"reads\": %" PRIu64
	       ", \"memory_events\": %" PRIu64 "}\n",
	       c.sent, c.verified, c.duplicated, c.lost, c.late, c.reordered, c.bad_content,
	       c.bad_duplicate, c.bad_loss, c.bad_order, c.bad_stall, in_flight, wakeups,
	       __atomic_load_n(&soak.reads, __ATOMIC_RELAXED),
	       __atomic_load_n(&soak.memory_events, __ATOMIC_RELAXED));
}

static void
count_zone(const struct rte_memzone *mz, void *arg)
{
	RTE_SET_USED(mz);
	(*(unsigned int *)arg)++;
}

/* What is allocated now; with all ports stopped every mbuf is to be in its pool. */
static void
print_memory(void)
{
	struct rte_malloc_socket_stats heap = {0}, one;
	unsigned int zones = 0;
	int socket;

	for (socket = 0; socket < RTE_MAX_NUMA_NODES; socket++) {
		if (rte_malloc_get_socket_stats(socket, &one) != 0)
			continue;
		heap.alloc_count += one.alloc_count;
		heap.heap_allocsz_bytes += one.heap_allocsz_bytes;
		heap.heap_totalsz_bytes += one.heap_totalsz_bytes;
	}
	rte_memzone_walk(count_zone, &zones);
	printf("ok {\"missing\": %u, \"zones\": %u, \"objects\": %u, \"allocated\": %zu, "
	       "\"heap\": %zu}\n",
	       soak.pool->size - rte_mempool_avail_count(soak.pool), zones, heap.alloc_count,
	       heap.heap_allocsz_bytes, heap.heap_totalsz_bytes);
}

static int
do_memory(char **word)
{
	if (is(word[1], "make"))
		return is(word[0], "pool") ? soak_extra_make() : soak_block_make(number(word[2]));
	return is(word[0], "pool") ? soak_extra_free() : soak_block_free();
}

static int
do_link_is(const struct soak_port *p)
{
	struct rte_eth_link link;
	int ret = rte_eth_link_get_nowait(p->id, &link);

	return ret != 0 ? ret : link.link_status == RTE_ETH_LINK_UP ? 0 : -ENOLINK;
}

/* Commands to a port. */
static int
do_port(struct soak_port *p, char **word)
{
	if (is(word[0], "plug"))
		return soak_port_plug(p);
	if (is(word[0], "unplug"))
		return soak_port_unplug(p);
	if (is(word[0], "setup"))
		return do_setup(p, word);
	if (is(word[0], "start"))
		return soak_port_start(p);
	if (is(word[0], "stop"))
		return soak_port_stop(p);
	if (is(word[0], "rxq") || is(word[0], "txq"))
		return do_queue(p, word);
	if (is(word[0], "mtu"))
		return do_mtu(p, word);
	if (is(word[0], "mac"))
		return do_mac(p, word);
	if (is(word[0], "up?"))
		return do_link_is(p);
	if (is(word[0], "disturb")) {
		soak_disturb(p, -1);
		return 0;
	}
	if (is(word[0], "promisc") || is(word[0], "allmulti") || is(word[0], "link") ||
	    is(word[0], "intr") || is(word[0], "quiet"))
		return do_switch(p, word);
	return -ENOSYS;
}

bool
soak_command(char *line)
{
	char *word[WORDS_MAX + 1] = {0}, *save = NULL;
	unsigned int n = 0;
	int ret;

	if (!is(line, "counts\n") && strncmp(line, "up?", 3) != 0)
		fprintf(stderr, "soak: %" PRIu64 " ms: %s", rte_get_tsc_cycles() /
			(rte_get_tsc_hz() / 1000), line);
	while (n < WORDS_MAX &&
	       (word[n] = strtok_r(n == 0 ? line : NULL, " \n", &save)) != NULL)
		n++;
	if (n == 0 || is(word[0], "quit")) {
		return false;
	} else if (is(word[0], "counts")) {
		print_counts(word[1]);
		return true;
	} else if (is(word[0], "memory")) {
		print_memory();
		return true;
	}
	if (is(word[0], "pool") || is(word[0], "block"))
		ret = do_memory(word);
	else if (n < 2 || number(word[1]) >= SOAK_PORTS)
		ret = -EINVAL;
	else
		ret = do_port(&soak.port[number(word[1])], word);
	if (ret == 0)
		printf("ok\n");
	else
		printf("error %d %s\n", -ret, rte_strerror(-ret));
	return true;
}
