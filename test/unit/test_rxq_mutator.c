/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Receive bursts while a thread rewrites used descriptors and headers under them (HD-12 to HD-14):
 * whatever the driver reads, it reads once and checks, so packets are made of buffers that were
 * posted, each once and within its bounds, and no mbuf is lost.
 */

#include <sched.h>
#include <string.h>
#include <time.h>

#include <rte_ethdev.h>

#include "mutator.h"
#include "rxq_env.h"

#define SIZE 16
#define MILLISECONDS 250
#define MILLISECONDS_MAX 15000
#define PACKETS_MIN 300u
#define ERRORS_MIN 3u
/* Of an epoch. */
#define CHANGES 4000u
/* Packets kept back, so that one delivered twice is seen. */
#define KEPT 24u

static struct rx_env env;

static struct {
	struct rte_mbuf *pkts[KEPT];
	unsigned int next;
	uint64_t packets;
	uint64_t errors;
} app;

/* The headers of all mbufs of the pool, wherever they are now. */
static uint8_t *headers[SIZE + 256];
static unsigned int nb_headers;

static void
note_header(struct rte_mempool *pool, void *arg, void *object, unsigned int i)
{
	struct rte_mbuf *m = object;

	(void)pool;
	(void)arg;
	(void)i;
	assert_true(nb_headers < RTE_DIM(headers));
	headers[nb_headers] = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM - PD_NET_HDR_BYTES;
	/* As an honest device leaves it: nothing but num_buffers. */
	memset(headers[nb_headers], 0, PD_NET_HDR_BYTES);
	headers[nb_headers++][10] = 1;
}

/* What must hold of a packet no matter what the device wrote. */
static void
check_packet(struct rte_mbuf *m)
{
	const struct rte_mbuf *seg;
	uint32_t bytes = 0;
	uint16_t n = 0;

	assert_int_equal(m->ol_flags, 0);
	for (seg = m; seg != NULL; seg = seg->next, n++) {
		assert_ptr_equal(seg->pool, env.pool);
		assert_int_equal(rte_mbuf_refcnt_read(seg), 1);
		assert_true(n < SIZE);
		assert_true(seg->data_off + seg->data_len <= RTE_PKTMBUF_HEADROOM + env.room);
		bytes += seg->data_len;
		mutator_own((struct rte_mbuf *)(uintptr_t)seg);
	}
	assert_int_equal(m->nb_segs, n);
	assert_int_equal(m->pkt_len, bytes);
	assert_true(n == 1 || env.setup.mergeable);
}

static void
keep(struct rte_mbuf *m)
{
	struct rte_mbuf **place = &app.pkts[app.next++ % KEPT];

	if (*place != NULL)
		mutator_free(*place);
	*place = m;
}

/* @return packets. */
static uint16_t
receive(void)
{
	struct rte_mbuf *pkts[SIZE + 3];
	uint16_t n, i;

	n = env.burst(env.q, pkts, 1 + app.packets % RTE_DIM(pkts));
	for (i = 0; i < n; i++) {
		check_packet(pkts[i]);
		keep(pkts[i]);
	}
	app.packets += n;
	return n;
}

/* Segments of all packets kept. */
static unsigned int
kept_mbufs(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < KEPT; i++)
		if (app.pkts[i] != NULL)
			n += app.pkts[i]->nb_segs;
	return n;
}

/* With nobody working: what is out is posted, kept, or a part of a packet. */
static void
check_books(void)
{
	const struct pvq_rxq *q = env.q;
	unsigned int parts = q->merge_head != NULL ? q->merge_head->nb_segs : 0, posted = 0, i;

	for (i = 0; i < SIZE; i++)
		posted += q->shadow[i] != NULL;
	assert_true(pvq_ring_outstanding(&q->ring) <= SIZE);
	assert_true(q->merge_left <= SIZE);
	assert_true(q->batch_left <= SIZE);
	assert_int_equal(rte_mempool_in_use_count(env.pool), posted + kept_mbufs() + parts);
	assert_int_equal(q->stats.packets, app.packets);
}

/* Until the queue has stopped for a lie, or for a while. */
static void
run_epoch(uint32_t seed)
{
	const struct mutator_target target = {
		.ring = &env.q->ring,
		.capacity = env.q->capacity,
		.headers = headers,
		.nb_headers = nb_headers,
	};
	struct mutator *m = mutator_start(&target, seed);
	unsigned int polls;
	bool closed = false;

	while (!closed && mutator_changes(m) < CHANGES) {
		if (receive() == 0)
			sched_yield();
		closed = (pvq_gate_state(&env.q->gate) & PVQ_GATE_ERROR) != 0;
	}
	/* Closed is closed, while the device goes on. */
	for (polls = 0; closed && polls < 50; polls++)
		assert_int_equal(env.burst(env.q, &(struct rte_mbuf *){NULL}, 1), 0);
	mutator_stop(m);
	check_books();
	app.errors += env.q->vq.error != PVQ_QUEUE_OK;
}

static int64_t
milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* On a busy machine it takes longer to see enough, but not for ever. */
static bool
goes_on(int64_t passed)
{
	const bool enough = app.packets >= PACKETS_MIN && app.errors >= ERRORS_MIN;

	return passed < MILLISECONDS || (!enough && passed < MILLISECONDS_MAX);
}

static void
run_mutator(unsigned int mode)
{
	const int64_t begin = milliseconds();
	struct rx_setup setup = rx_setup_of(SIZE, mode);
	uint32_t epoch;
	unsigned int i;

	setup.free_thresh = 2;
	rx_open(&env, &setup);
	memset(&app, 0, sizeof(app));
	nb_headers = 0;
	rte_mempool_obj_iter(env.pool, note_header, NULL);
	for (epoch = 0; goes_on(milliseconds() - begin); epoch++) {
		run_epoch(epoch);
		/* What looks used now goes to the stash, or is left where the device lied. */
		rx_reconnect(&env, &setup);
		app.packets = env.q->stats.packets - env.q->stash_len;
		while (env.q->stash_len != 0)
			receive();
		rx_fetch(&env);
	}
	for (i = 0; i < KEPT; i++)
		if (app.pkts[i] != NULL)
			mutator_free(app.pkts[i]);
	assert_true(app.packets > 0);
	pvq_rxq_clear(env.q, false);
	mutator_assert_pool(env.pool);
	unit_notifications(RX_VQ);
	rx_close(&env);
}

static void
test_hd12_hd13_used_descriptors_change_under_a_burst(void **state)
{
	(void)state;
	run_mutator(0);
	run_mutator(1);
}

static void
test_hd12_hd14_headers_change_under_a_burst(void **state)
{
	(void)state;
	run_mutator(2);
	run_mutator(3);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hd12_hd13_used_descriptors_change_under_a_burst),
		cmocka_unit_test(test_hd12_hd14_headers_change_under_a_burst),
	};

	return cmocka_run_group_tests_name("rxq_mutator", tests, unit_eal_start, unit_eal_stop);
}
