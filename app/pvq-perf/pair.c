/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/*
 * What crosses cores. One lcore forwards what the port under test receives back to it, touching
 * the frames as a forwarder does; another echoes at the other end. A fixed number of packets goes
 * round. Every window begins and ends with nothing in the rings, and then each packet is looked at.
 */

#include <string.h>

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "perf.h"

#define WARM_UP_MS 2
#define DRAIN_MS 1000

struct echo {
	struct perf_port *port;
	struct rte_mempool *pool;
	uint32_t pairs;
	bool stop;
	uint64_t dropped; /* mbufs left over at the end, not on their way any more */
};

struct forward {
	struct perf_port *port;
	const struct perf_point *point;
	uint64_t polls, empty, received, dropped;
};

static uint64_t
cycles_of_ms(uint64_t ms)
{
	return rte_get_tsc_hz() * ms / 1000;
}

static int
echo_main(void *arg)
{
	struct echo *e = arg;
	struct rte_mbuf *pkts[PERF_PEER_BURST];
	uint32_t q = 0;

	while (!__atomic_load_n(&e->stop, __ATOMIC_ACQUIRE)) {
		const uint16_t n = perf_peer_take(e->port, q, e->pool, pkts, PERF_PEER_BURST);
		uint16_t done = 0;

		while (done < n && !__atomic_load_n(&e->stop, __ATOMIC_ACQUIRE))
			done += perf_peer_give(e->port, q, pkts + done, n - done);
		rte_pktmbuf_free_bulk(pkts + done, n - done);
		e->dropped += n - done;
		q = q + 1 == e->pairs ? 0 : q + 1;
	}
	return 0;
}

static void
swap_addresses(struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	const struct rte_ether_addr dst = eth->dst_addr;

	eth->dst_addr = eth->src_addr;
	eth->src_addr = dst;
}

/* Send all of a burst, as long as it is not hopeless. */
static void
send_all(struct forward *w, uint16_t q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent = rte_eth_tx_burst(w->port->id, q, pkts, n);
	uint64_t deadline;

	if (likely(sent == n))
		return;
	deadline = rte_rdtsc() + cycles_of_ms(DRAIN_MS);
	while (sent < n && rte_rdtsc() < deadline)
		sent += rte_eth_tx_burst(w->port->id, q, pkts + sent, n - sent);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	w->dropped += n - sent;
}

/* Forward until a time; returns how long it was in cycles. */
static uint64_t
forward(struct forward *w, uint64_t cycles)
{
	const uint16_t burst = w->point->burst;
	const uint32_t pairs = w->point->pairs;
	const uint64_t began = rte_rdtsc();
	struct rte_mbuf *pkts[PERF_MAX_BURST];
	uint64_t now = began;
	uint32_t q = 0;

	w->polls = w->empty = w->received = 0;
	while (now - began < cycles) {
		const uint16_t n = rte_eth_rx_burst(w->port->id, q, pkts, burst);
		uint16_t i;

		w->polls++;
		if (n == 0) {
			w->empty++;
		} else {
			w->received += n;
			for (i = 0; i < n; i++)
				swap_addresses(pkts[i]);
			send_all(w, q, pkts, n);
		}
		q = q + 1 == pairs ? 0 : q + 1;
		now = rte_rdtsc();
	}
	return now - began;
}

/* Bring packets into the loop; returns how many are in it. */
static uint32_t
fill(struct forward *w, struct rte_mempool *pool, uint32_t n)
{
	const uint32_t pairs = w->point->pairs;
	struct rte_mbuf *m;
	uint32_t i;

	for (i = 0; i < n; i++) {
		m = rte_pktmbuf_alloc(pool);
		if (m == NULL)
			break;
		perf_frames_fill(&m, 1, w->point->frame, i);
		send_all(w, i % pairs, &m, 1);
	}
	return i;
}

/* Take all packets out of the loop and look at each; wrong ones and doubles are counted. */
static uint32_t
drain(struct forward *w, uint32_t n, uint64_t *wrong)
{
	const uint64_t deadline = rte_rdtsc() + cycles_of_ms(DRAIN_MS);
	uint64_t seen[PERF_MAX_INFLIGHT / 64] = {0};
	struct rte_mbuf *pkts[PERF_MAX_BURST];
	uint32_t got = 0, q = 0;
	uint64_t seq;

	while (got + w->dropped < n && rte_rdtsc() < deadline) {
		const uint16_t some = rte_eth_rx_burst(w->port->id, q, pkts, w->point->burst);
		uint16_t i;

		for (i = 0; i < some; i++) {
			if (!perf_frame_seq(pkts[i], w->point->frame, &seq) || seq >= n ||
			    (seen[seq / 64] >> seq % 64 & 1) != 0)
				(*wrong)++;
			else
				seen[seq / 64] |= UINT64_C(1) << seq % 64;
		}
		rte_pktmbuf_free_bulk(pkts, some);
		got += some;
		q = q + 1 == w->point->pairs ? 0 : q + 1;
	}
	return got;
}

int
perf_pair_window(struct perf_bench *b, struct perf_port *port, const struct perf_point *point,
		 struct perf_figures *f)
{
	const unsigned int lcore = rte_get_next_lcore(-1, 1, 0);
	struct echo echo = {port, b->peer_pool, point->pairs, false, 0};
	struct forward w = {.port = port, .point = point};
	uint64_t took;
	uint32_t in, out;

	if (rte_eal_remote_launch(echo_main, &echo, lcore) != 0)
		return -1;
	in = fill(&w, b->pool, b->opt->inflight);
	forward(&w, cycles_of_ms(WARM_UP_MS));
	took = forward(&w, cycles_of_ms(b->opt->window_ms));
	perf_series_add(&f->mpps, w.received * 1e-6 * rte_get_tsc_hz() / took);
	f->polls += w.polls;
	f->empty_polls += w.empty;
	f->received += w.received;
	out = drain(&w, in, &f->wrong);
	__atomic_store_n(&echo.stop, true, __ATOMIC_RELEASE);
	rte_eal_wait_lcore(lcore);
	f->lost += out < in ? in - out : 0;
	return in == b->opt->inflight ? 0 : -1;
}
