/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Several threads sending on one transmit queue at once (RTE_ETH_TX_OFFLOAD_MT_LOCKFREE): a ring
 * that they share is locked, rings of their own are not, each thread's packets keep their order.
 */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>

#include "txq_env.h"

#define THREADS 2
#define PACKETS 10000u
#define SECONDS_MAX 10
#define LEN 60

/** What a packet carries: who sent it, and the how manieth of that thread it is. */
struct label {
	uint32_t thread;
	uint32_t number;
};

static struct tx_env env[THREADS];

static struct {
	bool stop;             /**< senders give up */
	unsigned int running;  /**< senders that go on */
	unsigned int next;     /**< number for the next thread that comes */
	bool registered[THREADS];
	uint32_t sent[THREADS];
	uint32_t seen[THREADS];
	uint32_t wrong;
	pthread_barrier_t ready, go;
} run;

static struct rte_mbuf *
make_labelled(struct rte_mempool *pool, uint32_t thread, uint32_t number)
{
	const struct label label = {thread, number};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m == NULL)
		return NULL;
	m->data_len = LEN;
	m->pkt_len = LEN;
	memcpy(rte_pktmbuf_mtod(m, void *), &label, sizeof(label));
	return m;
}

static void *
sender_thread(void *arg)
{
	struct pvq_txq *first = env[0].q;
	const bool shared = arg != NULL;
	struct rte_mbuf *pkts[8];
	const unsigned int me = __atomic_fetch_add(&run.next, 1, __ATOMIC_RELAXED);
	uint16_t n = 0, done;

	/* An id of its own, so that the queue finds this thread's ring. */
	run.registered[me] = rte_thread_register() == 0;
	if (run.registered[me])
		first->by_lcore[rte_lcore_id()] = shared ? first : env[me].q;
	pthread_barrier_wait(&run.ready);
	pthread_barrier_wait(&run.go);
	while (run.registered[me] && run.sent[me] < PACKETS &&
	       !__atomic_load_n(&run.stop, __ATOMIC_ACQUIRE)) {
		for (; n < RTE_DIM(pkts); n++) {
			pkts[n] = make_labelled(env[0].pool, me, run.sent[me] + n);
			if (pkts[n] == NULL)
				break;
		}
		done = pvq_tx_burst_mt(first, pkts, n);
		run.sent[me] += done;
		n -= done;
		memmove(pkts, pkts + done, n * sizeof(pkts[0]));
		if (done == 0)
			sched_yield();
	}
	rte_pktmbuf_free_bulk(pkts, n);
	if (run.registered[me])
		rte_thread_unregister();
	__atomic_fetch_sub(&run.running, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Fetch, check and use whatever is there. @return buffers. */
static unsigned int
serve(struct tx_env *e)
{
	uint8_t data[LEN];
	struct label label;
	struct pd_buf *buf;
	int n = pd_fetch(e->dev, UINT32_MAX);

	for (buf = pd_first(e->dev); buf != NULL; buf = buf->next) {
		run.wrong += pd_tx_copy(e->dev, buf, NULL, data, sizeof(data)) != LEN;
		memcpy(&label, data, sizeof(label));
		if (label.thread < THREADS)
			run.wrong += label.number != run.seen[label.thread]++;
		else
			run.wrong++;
	}
	pd_complete_all(e->dev, PD_FIFO, 0, 0);
	return n < 0 ? 0 : n;
}

static void
serve_until_done(unsigned int rings)
{
	struct timespec start, now;
	unsigned int n, i;
	bool last;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		last = __atomic_load_n(&run.running, __ATOMIC_ACQUIRE) == 0;
		for (i = 0, n = 0; i < rings; i++)
			n += serve(&env[i]);
		if (n == 0)
			sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec > SECONDS_MAX)
			__atomic_store_n(&run.stop, true, __ATOMIC_RELEASE);
	} while (n != 0 || !last);
}

/* Two queues of the environment; the second ring belongs behind the first one's queue. */
static void
open_rings(unsigned int switches)
{
	struct tx_setup setup = tx_setup_of(64, switches);
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		setup.index = TX_VQ + 2 * i;
		tx_open(&env[i], &setup);
		unit_memory_add_pool(&env[i].memory, env[0].pool);
	}
	env[0].q->by_lcore = calloc(RTE_MAX_LCORE + 1, sizeof(env[0].q->by_lcore[0]));
	assert_non_null(env[0].q->by_lcore);
	for (i = 0; i <= RTE_MAX_LCORE; i++)
		env[0].q->by_lcore[i] = env[0].q;
}

static void
run_senders(unsigned int switches, bool shared)
{
	pthread_t threads[THREADS];
	unsigned int i;

	open_rings(switches);
	memset(&run, 0, sizeof(run));
	run.running = THREADS;
	env[0].q->shared = shared;
	pthread_barrier_init(&run.ready, NULL, THREADS + 1);
	pthread_barrier_init(&run.go, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, sender_thread, shared ? &run : NULL);
	pthread_barrier_wait(&run.ready);
	pthread_barrier_wait(&run.go);
	serve_until_done(THREADS);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&run.ready);
	pthread_barrier_destroy(&run.go);
	free(env[0].q->by_lcore);
	env[0].q->by_lcore = NULL;
	for (i = 0; i < THREADS; i++) {
		assert_true(run.registered[i]);
		assert_true(run.sent[i] > 100);
		assert_int_equal(run.seen[i], run.sent[i]);
		tx_reclaim(&env[i]);
	}
	assert_int_equal(run.wrong, 0);
	assert_int_equal(env[0].q->stats.packets + env[1].q->stats.packets,
			 run.sent[0] + run.sent[1]);
	assert_int_equal(env[1].q->stats.packets, shared ? 0 : run.sent[1]);
	for (i = THREADS; i-- > 0;)
		tx_close(&env[i]);
}

static void
test_one_ring_for_several_threads_is_locked(void **state)
{
	(void)state;
	run_senders(0, true);
	run_senders(1, true);
}

static void
test_a_ring_for_each_thread(void **state)
{
	(void)state;
	run_senders(0, false);
	run_senders(1, false);
}

static void *
send_one(void *arg)
{
	struct rte_mbuf *m = arg;

	return pvq_tx_burst_mt(env[0].q, &m, 1) == 1 ? arg : NULL;
}

/* The main thread finds its lcore's ring, a thread that EAL does not know the last entry's. */
static void
test_unknown_thread_uses_the_last_entry(void **state)
{
	struct rte_mbuf *m;
	pthread_t thread;
	void *sent;

	(void)state;
	open_rings(1);
	memset(&run, 0, sizeof(run));
	env[0].q->by_lcore[RTE_MAX_LCORE] = env[1].q;
	m = make_labelled(env[0].pool, 1, 0);
	assert_int_equal(pthread_create(&thread, NULL, send_one, m), 0);
	pthread_join(thread, &sent);
	assert_ptr_equal(sent, m);
	m = make_labelled(env[0].pool, 0, 0);
	assert_ptr_equal(send_one(m), m);
	assert_int_equal(serve(&env[1]), 1);
	assert_int_equal(serve(&env[0]), 1);
	assert_int_equal(run.wrong, 0);
	assert_int_equal(run.seen[0], 1);
	assert_int_equal(run.seen[1], 1);
	assert_int_equal(tx_reclaim(&env[1]), 1);
	assert_int_equal(tx_reclaim(&env[0]), 1);
	free(env[0].q->by_lcore);
	env[0].q->by_lcore = NULL;
	tx_close(&env[1]);
	tx_close(&env[0]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_ring_for_several_threads_is_locked),
		cmocka_unit_test(test_a_ring_for_each_thread),
		cmocka_unit_test(test_unknown_thread_uses_the_last_entry),
	};

	return cmocka_run_group_tests_name("txq_mt", tests, unit_eal_start, unit_eal_stop);
}
