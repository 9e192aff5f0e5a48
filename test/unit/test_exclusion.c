/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file One side at a time: gate bits that two sides change, closed gates, locked rings. */

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "ethdev.h"
#include "rxq_env.h"
#include "txq_env.h"

#define SIZE 16

static struct tx_env tx;
static struct rx_env rx;

/* ---- bits ---------------------------------------------------------------------------------------- */

#ifdef RTE_ARCH_X86_64

static struct pvq_gate gate;
static uint32_t others; /* what the other side's bit has to be */
static unsigned int countdown; /* instructions before the other side changes it */

/* The other side changes a bit of its own between two instructions. */
static void
on_instruction(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	if (countdown-- != 0)
		return;
	others ^= PVQ_GATE_ERROR;
	gate.state ^= PVQ_GATE_ERROR;
}

static void
trap(bool on)
{
	if (on)
		__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
	else
		__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}

static void
test_l15_no_bit_of_the_gate_is_lost(void **state)
{
	struct sigaction action = {.sa_sigaction = on_instruction, .sa_flags = SA_SIGINFO}, before;
	unsigned int i;

	(void)state;
	sigemptyset(&action.sa_mask);
	assert_int_equal(sigaction(SIGTRAP, &action, &before), 0);
	/* Setting and clearing, both by both, after each of the first instructions. */
	for (i = 0; i < 4 * 16; i++) {
		const uint32_t own = i % 2 != 0 ? PVQ_GATE_STOPPED : 0;

		countdown = i / 4;
		gate.state = others = i & 2 ? PVQ_GATE_ERROR : 0;
		gate.state |= PVQ_GATE_STOPPED ^ own;
		trap(true);
		if (own != 0)
			pvq_gate_set(&gate, PVQ_GATE_STOPPED);
		else
			pvq_gate_clear(&gate, PVQ_GATE_STOPPED);
		trap(false);
		assert_int_equal(gate.state, own | others);
	}
	sigaction(SIGTRAP, &before, NULL);
}

#else

static void
test_l15_no_bit_of_the_gate_is_lost(void **state)
{
	(void)state;
	fprintf(stderr, "x86 alone has the trap flag that lets a thread act between two instructions\n");
	skip();
}

#endif

/* ---- gates --------------------------------------------------------------------------------------- */

/* The gate was open when the burst began, and is not any more: the stash belongs to the reset. */
static void
test_l15_stash_behind_a_gate_that_closes(void **state)
{
	struct rx_setup setup = rx_setup_of(SIZE, 0);
	struct rte_mbuf *pkts[4];
	uint32_t word;

	(void)state;
	rx_open(&rx, &setup);
	rx_deliver(&rx, 50, NULL);
	rx_reconnect(&rx, &setup);
	word = pvq_gate_state(&rx.q->gate);
	assert_true(word & PVQ_GATE_STASH);
	pvq_gate_set(&rx.q->gate, PVQ_GATE_AWAY);
	assert_int_equal(pvq_rx_burst_odd(rx.q, pkts, 4, word), 0);
	assert_int_equal(rx.q->gate.epoch % 2, 0);
	pvq_gate_clear(&rx.q->gate, PVQ_GATE_AWAY);
	assert_int_equal(rx_poll(&rx, 4), 1);
	rx_assert_idle(&rx);
	rx_close(&rx);
}

static void
test_l15_cleanup_through_a_closed_gate(void **state)
{
	const struct tx_setup setup = tx_setup_of(SIZE, 0);

	(void)state;
	tx_open(&tx, &setup);
	tx_send_one(&tx, TX_PLAIN, 60);
	pd_complete_all(tx.dev, PD_FIFO, 0, 0);
	pvq_gate_set(&tx.q->gate, PVQ_GATE_STOPPED);
	assert_int_equal(pvq_tx_done_cleanup(tx.q, 0), 0);
	assert_int_equal(tx.q->gate.epoch % 2, 0);
	assert_int_equal(tx.q->stats.reclaimed, 0);
	pvq_gate_clear(&tx.q->gate, PVQ_GATE_STOPPED);
	/* More than 16 bits count is as many as there are. */
	assert_int_equal(pvq_tx_done_cleanup(tx.q, UINT16_MAX + 1u), 1);
	tx_assert_empty(&tx);
	tx_close(&tx);
}

/* The ring is another one by now: the mbuf goes to the pool. */
static void
test_pr22_recycling_on_another_path(void **state)
{
	const struct rx_setup setup = rx_setup_of(SIZE, 0);

	(void)state;
	rx_open(&rx, &setup);
	assert_true(pvq_rxq_recycle(rx.q));
	rx_deliver(&rx, 50, NULL);
	assert_int_equal(rx_poll(&rx, 1), 1);
	assert_int_equal(rx.q->ring.nb_free, 1);
	rx.q->recycled[0] = rte_pktmbuf_alloc(rx.pool);
	pvq_rx_paths[PVQ_PATH(PVQ_ISA_SCALAR, PVQ_PATH_IN_ORDER)].recycle(rx.q, 1);
	assert_int_equal(rx.q->ring.nb_free, 1);
	assert_int_equal(rte_mempool_in_use_count(rx.pool), SIZE - 1);
	assert_int_equal(rx.q->gate.epoch % 2, 0);
	rx_assert_idle(&rx);
	rx_close(&rx);
}

/* What the device used before its lie is taken; the lie is found out once. */
static void
test_hd01_recycling_from_a_device_that_lies(void **state)
{
	const struct tx_setup setup = tx_setup_of(SIZE, 0);
	struct rte_mbuf *got[SIZE];
	unsigned int i;

	(void)state;
	tx_open(&tx, &setup);
	for (i = 0; i < 4; i++)
		tx_send_one(&tx, TX_PLAIN, 60);
	pd_complete(tx.dev, pd_first(tx.dev), 0);
	pd_complete(tx.dev, pd_first(tx.dev), 0);
	pd_inject_used(tx.dev, SIZE, 0, 0, 1);
	assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 0, SIZE), 2);
	assert_int_equal(tx.q->vq.error, PVQ_QUEUE_BAD_ID);
	assert_int_equal(tx.q->stats.queue_errors, 1);
	assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got + 2, 0, SIZE - 2), 0);
	assert_int_equal(tx.q->stats.queue_errors, 1);
	rte_mempool_put_bulk(tx.pool, (void **)got, 2);
	tx_close(&tx);
}

/* ---- locks --------------------------------------------------------------------------------------- */

/** A second lcore on a ring that two share. */
struct second {
	struct rte_mbuf *m; /* to send; NULL: to clean up */
	uint32_t begun;
	uint32_t ended;
	int did;
};

static void *
second_thread(void *arg)
{
	struct second *s = arg;

	__atomic_store_n(&s->begun, 1, __ATOMIC_RELEASE);
	if (s->m != NULL)
		s->did = pvq_tx_burst_mt(tx.q, &s->m, 1);
	else
		s->did = pvq_tx_done_cleanup(tx.q, 0);
	__atomic_store_n(&s->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* While one thread has the ring the other waits, then does what it came for. */
static void
assert_waits_its_turn(struct rte_mbuf *m)
{
	struct second s = {.m = m};
	pthread_t thread;

	rte_spinlock_lock(&tx.q->lock);
	assert_int_equal(pthread_create(&thread, NULL, second_thread, &s), 0);
	while (!__atomic_load_n(&s.begun, __ATOMIC_ACQUIRE))
		usleep(100);
	usleep(100000);
	assert_int_equal(__atomic_load_n(&s.ended, __ATOMIC_ACQUIRE), 0);
	rte_spinlock_unlock(&tx.q->lock);
	pthread_join(thread, NULL);
	assert_int_equal(s.did, 1);
	/* And leaves it unlocked. */
	assert_int_equal(rte_spinlock_trylock(&tx.q->lock), 1);
	rte_spinlock_unlock(&tx.q->lock);
}

static void
test_shared_ring_is_locked(void **state)
{
	const struct tx_setup setup = tx_setup_of(SIZE, 0);

	(void)state;
	tx_open(&tx, &setup);
	tx.q->shared = true;
	assert_waits_its_turn(tx_make(&tx, TX_PLAIN, 60));
	tx_fetch(&tx);
	pd_complete_all(tx.dev, PD_FIFO, 0, 0);
	assert_waits_its_turn(NULL);
	assert_int_equal(pvq_ring_outstanding(&tx.q->ring), 0);
	tx_close(&tx);
}

/* A thread that EAL does not know has the last ring of the table, in whatever it calls. */
static void
test_thread_without_an_id(void **state)
{
	static struct pvq_txq *by_lcore[RTE_MAX_LCORE + 1];
	const struct tx_setup setup = tx_setup_of(SIZE, 0);
	struct second s = {0};
	pthread_t thread;

	(void)state;
	tx_open(&tx, &setup);
	by_lcore[RTE_MAX_LCORE] = tx.q;
	tx.q->by_lcore = by_lcore;
	s.m = tx_make(&tx, TX_PLAIN, 60);
	assert_int_equal(pthread_create(&thread, NULL, second_thread, &s), 0);
	pthread_join(thread, NULL);
	assert_int_equal(s.did, 1);
	tx_fetch(&tx);
	pd_complete_all(tx.dev, PD_FIFO, 0, 0);
	s.m = NULL;
	assert_int_equal(pthread_create(&thread, NULL, second_thread, &s), 0);
	pthread_join(thread, NULL);
	assert_int_equal(s.did, 1);
	tx.q->by_lcore = NULL;
	tx_close(&tx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l15_no_bit_of_the_gate_is_lost),
		cmocka_unit_test(test_l15_stash_behind_a_gate_that_closes),
		cmocka_unit_test(test_l15_cleanup_through_a_closed_gate),
		cmocka_unit_test(test_pr22_recycling_on_another_path),
		cmocka_unit_test(test_hd01_recycling_from_a_device_that_lies),
		cmocka_unit_test(test_shared_ring_is_locked),
		cmocka_unit_test(test_thread_without_an_id),
	};

	return cmocka_run_group_tests_name("exclusion", tests, unit_eal_start, unit_eal_stop);
}
