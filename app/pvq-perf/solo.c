/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/*
 * The driver's own cost. One lcore is driver and peer in turn, and nothing but the driver's burst
 * functions stands between two reads of the clock. Whatever the driver puts off, it pays for in a
 * later burst, since every burst counts and every poll does.
 */

#include <stdlib.h>

#include <rte_cycles.h>

#include "perf.h"

/* More than any driver needs to show what it has been given; then it is lost. */
#define MAX_POLLS 2000
/* More bursts than one lap of a ring. */
#define WARM_UP 2
#define CLOCK_READS 255

struct tally {
	uint64_t cycles;
	uint64_t packets;
};

static int
compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t
perf_clock_cost(void)
{
	uint64_t cost[CLOCK_READS], began;
	unsigned int i;

	for (i = 0; i < CLOCK_READS; i++) {
		began = rte_rdtsc_precise();
		cost[i] = rte_rdtsc_precise() - began;
	}
	qsort(cost, CLOCK_READS, sizeof(cost[0]), compare);
	return cost[CLOCK_READS / 2];
}

/* Take what the port has sent, and look at it. */
static void
take_all(struct perf_bench *b, struct perf_port *port, uint16_t q,
	 const struct perf_point *point, uint16_t sent, struct perf_figures *f)
{
	struct rte_mbuf *pkts[PERF_PEER_BURST];
	unsigned int polls;
	uint32_t got = 0;

	for (polls = 0; got < sent && polls < MAX_POLLS; polls++) {
		const uint16_t n = perf_peer_take(port, q, b->peer_pool, pkts, PERF_PEER_BURST);

		f->wrong += perf_frames_wrong(pkts, n, point->frame, port->tx_seq + got);
		rte_pktmbuf_free_bulk(pkts, n);
		got += n;
	}
	f->lost += got < sent ? sent - got : 0;
	port->tx_seq += sent;
}

static int
send_burst(struct perf_bench *b, struct perf_port *port, uint16_t q,
	   const struct perf_point *point, uint64_t clock, struct tally *tally,
	   struct perf_figures *f)
{
	struct rte_mbuf *pkts[PERF_MAX_BURST];
	const uint16_t n = point->burst;
	uint64_t began, took;
	uint16_t sent;

	if (rte_pktmbuf_alloc_bulk(b->pool, pkts, n) != 0)
		return -1;
	perf_frames_fill(pkts, n, point->frame, port->tx_seq);
	began = rte_rdtsc_precise();
	sent = rte_eth_tx_burst(port->id, q, pkts, n);
	took = rte_rdtsc_precise() - began;
	tally->cycles += took - RTE_MIN(took, clock);
	tally->packets += sent;
	f->offered += n;
	f->taken += sent;
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	take_all(b, port, q, point, sent, f);
	return 0;
}

/* Give the port a burst from the other end; returns how many there was room for. */
static int
give_burst(struct perf_bench *b, struct perf_port *port, uint16_t q,
	   const struct perf_point *point)
{
	struct rte_mbuf *pkts[PERF_MAX_BURST];
	const uint16_t n = point->burst;
	uint16_t given = 0;

	if (rte_pktmbuf_alloc_bulk(b->peer_pool, pkts, n) != 0)
		return -1;
	perf_frames_fill(pkts, n, point->frame, port->rx_seq);
	while (given < n) {
		const uint16_t want = RTE_MIN(n - given, PERF_PEER_BURST);
		const uint16_t got = perf_peer_give(port, q, pkts + given, want);

		given += got;
		if (got < want)
			break;
	}
	rte_pktmbuf_free_bulk(pkts + given, n - given);
	return given;
}

/* Polls go on until one finds nothing, as an application's do. */
static int
receive_burst(struct perf_bench *b, struct perf_port *port, uint16_t q,
	      const struct perf_point *point, uint64_t clock, struct tally *tally,
	      struct perf_figures *f)
{
	struct rte_mbuf *pkts[2 * PERF_MAX_BURST];
	const int given = give_burst(b, port, q, point);
	unsigned int polls;
	uint64_t began, took;
	uint16_t got = 0, n = 1;

	if (given < 0)
		return -1;
	for (polls = 0; (got < given || n > 0) && got <= PERF_MAX_BURST && polls < MAX_POLLS;
	     polls++) {
		began = rte_rdtsc_precise();
		n = rte_eth_rx_burst(port->id, q, pkts + got, point->burst);
		took = rte_rdtsc_precise() - began;
		tally->cycles += took - RTE_MIN(took, clock);
		got += n;
	}
	tally->packets += got;
	f->wrong += perf_frames_wrong(pkts, got, point->frame, port->rx_seq);
	f->lost += got < given ? given - got : 0;
	port->rx_seq += given;
	rte_pktmbuf_free_bulk(pkts, got);
	return 0;
}

uint32_t
perf_solo_warm_up(const struct perf_point *point)
{
	return point->pairs * (point->ring / point->burst + WARM_UP);
}

uint32_t
perf_solo_bursts(const struct perf_options *opt, const struct perf_point *point)
{
	return (opt->bursts + point->pairs - 1) / point->pairs * point->pairs;
}

int
perf_solo_round(struct perf_bench *b, struct perf_port *port, const struct perf_point *point,
		uint64_t clock, struct perf_figures *f)
{
	const uint32_t warm_up = perf_solo_warm_up(point);
	const uint32_t end = warm_up + perf_solo_bursts(b->opt, point);
	struct tally tx = {0}, rx = {0};
	uint32_t i;

	/* One direction after the other, so that neither has to warm what the other has used. */
	for (i = 0; i < end; i++) {
		if (i == warm_up)
			tx = (struct tally){0};
		if (send_burst(b, port, i % b->pairs, point, clock, &tx, f) != 0)
			return -1;
	}
	for (i = 0; i < end; i++) {
		if (i == warm_up)
			rx = (struct tally){0};
		if (receive_burst(b, port, i % b->pairs, point, clock, &rx, f) != 0)
			return -1;
	}
	if (tx.packets > 0)
		perf_series_add(&f->tx, (double)tx.cycles / tx.packets);
	if (rx.packets > 0)
		perf_series_add(&f->rx, (double)rx.cycles / rx.packets);
	return 0;
}
