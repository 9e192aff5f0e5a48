/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The handshake between polling threads and the control path, alone and around queues whose device
 * is replaced again and again while a thread sends.
 */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>

#include "rxq_env.h"
#include "txq_env.h"

#define MILLISECONDS 1500
/* On a busy machine it takes longer to have enough rounds. */
#define MILLISECONDS_MAX 20000

static struct tx_env tx;
static struct rx_env rx;

static int64_t
milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Whether a test that began at @p start has had its time, or all the time there is. */
static bool
time_is_up(int64_t start, uint32_t rounds, uint32_t rounds_min)
{
	return milliseconds() - start > (rounds < rounds_min ? MILLISECONDS_MAX : MILLISECONDS);
}

static void
test_states_and_paths(void **state)
{
	static const uint32_t bits[] = {PVQ_GATE_STOPPED, PVQ_GATE_AWAY,  PVQ_GATE_ERROR,
					PVQ_GATE_NEW,     PVQ_GATE_STASH, PVQ_GATE_MEMORY};
	struct pvq_gate gate = {0};
	unsigned int i;

	(void)state;
	pvq_gate_set_path(&gate, 3);
	assert_int_equal(pvq_gate_state(&gate), PVQ_GATE_OPEN(3));
	for (i = 0; i < RTE_DIM(bits); i++) {
		pvq_gate_set(&gate, bits[i]);
		pvq_gate_set(&gate, bits[i]);
		assert_int_equal(pvq_gate_state(&gate), PVQ_GATE_OPEN(3) | bits[i]);
		assert_int_equal(pvq_gate_path(pvq_gate_state(&gate)), 3);
		pvq_gate_set_path(&gate, 2);
		assert_int_equal(pvq_gate_state(&gate), PVQ_GATE_OPEN(2) | bits[i]);
		pvq_gate_clear(&gate, bits[i]);
		pvq_gate_set_path(&gate, 3);
		assert_int_equal(pvq_gate_state(&gate), PVQ_GATE_OPEN(3));
	}
	/* Reasons to be closed add up, and go one by one. */
	pvq_gate_set(&gate, PVQ_GATE_STOPPED);
	pvq_gate_set(&gate, PVQ_GATE_AWAY);
	pvq_gate_clear(&gate, PVQ_GATE_STOPPED);
	assert_true(pvq_gate_enter(&gate) & PVQ_GATE_CLOSED);
	pvq_gate_leave(&gate);
}

static void
test_epoch_is_odd_inside_only(void **state)
{
	struct pvq_gate gate = {0};
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_int_equal(gate.epoch % 2, 0);
		assert_int_equal(pvq_gate_wait(&gate), 0);
		pvq_gate_enter(&gate);
		assert_int_equal(gate.epoch % 2, 1);
		pvq_gate_leave(&gate);
	}
	/* The counter passes its end without a thread appearing to be inside. */
	gate.epoch = UINT32_MAX - 1;
	pvq_gate_enter(&gate);
	assert_int_equal(gate.epoch, UINT32_MAX);
	pvq_gate_leave(&gate);
	assert_int_equal(gate.epoch, 0);
	assert_int_equal(pvq_gate_wait(&gate), 0);
}

/** A thread that goes in and out, and what it must never see inside. */
struct visitor {
	struct pvq_gate gate;
	bool stop;
	bool forbidden; /**< the control path believes nobody is inside */
	uint32_t inside; /**< visits through the open gate */
	uint32_t bad;
};

static void *
visitor_thread(void *arg)
{
	struct visitor *v = arg;
	unsigned int i;

	while (!__atomic_load_n(&v->stop, __ATOMIC_ACQUIRE)) {
		if ((pvq_gate_enter(&v->gate) & PVQ_GATE_CLOSED) == 0) {
			for (i = 0; i < 5; i++)
				v->bad += __atomic_load_n(&v->forbidden, __ATOMIC_RELAXED);
			__atomic_store_n(&v->inside, v->inside + 1, __ATOMIC_RELAXED);
		}
		pvq_gate_leave(&v->gate);
	}
	return NULL;
}

static void
test_nobody_is_inside_a_closed_gate(void **state)
{
	static struct visitor v;
	const int64_t start = milliseconds();
	uint32_t rounds = 0, before, i;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, visitor_thread, &v), 0);
	while (!time_is_up(start, rounds, 50)) {
		pvq_gate_set(&v.gate, PVQ_GATE_STOPPED);
		pvq_gate_barrier();
		if (pvq_gate_wait(&v.gate) != 0)
			break;
		__atomic_store_n(&v.forbidden, true, __ATOMIC_RELAXED);
		before = __atomic_load_n(&v.inside, __ATOMIC_RELAXED);
		for (i = 0; i < rounds % 200; i++)
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
		v.bad += __atomic_load_n(&v.inside, __ATOMIC_RELAXED) != before;
		__atomic_store_n(&v.forbidden, false, __ATOMIC_RELAXED);
		pvq_gate_clear(&v.gate, PVQ_GATE_STOPPED);
		rounds++;
		for (i = 0; i < rounds * 7 % 300; i++)
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
		if (rounds % 64 == 0)
			sched_yield();
	}
	__atomic_store_n(&v.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_int_equal(v.bad, 0);
	assert_true(rounds >= 50);
	assert_true(v.inside > 0);
}

static void *
stays_inside(void *arg)
{
	struct visitor *v = arg;

	pvq_gate_enter(&v->gate);
	__atomic_store_n(&v->inside, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&v->stop, __ATOMIC_ACQUIRE))
		sched_yield();
	pvq_gate_leave(&v->gate);
	return NULL;
}

static void
test_a_thread_that_does_not_leave_is_reported(void **state)
{
	static struct visitor v;
	int64_t start;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, stays_inside, &v), 0);
	while (!__atomic_load_n(&v.inside, __ATOMIC_ACQUIRE))
		sched_yield();
	pvq_gate_set(&v.gate, PVQ_GATE_STOPPED);
	pvq_gate_barrier();
	start = milliseconds();
	assert_int_equal(pvq_gate_wait(&v.gate), -EBUSY);
	assert_in_range(milliseconds() - start, 1900, 10000);
	__atomic_store_n(&v.stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pvq_gate_wait(&v.gate), 0);
	pthread_join(thread, NULL);
}

/* ---- around queues --------------------------------------------------------------------------- */

/* Function pointers of ethdev may be those of the last device: each finds the right one. */
static void
test_any_burst_function_takes_the_right_path(void **state)
{
	struct rte_mbuf *m;
	unsigned int mode, wrong;

	(void)state;
	for (mode = 0; mode < 4; mode++) {
		const struct rx_setup rx_setup = rx_setup_of(8, mode);
		const struct tx_setup tx_setup = tx_setup_of(8, mode);

		rx_open(&rx, &rx_setup);
		for (wrong = 0; wrong < 4; wrong++) {
			rx.burst = pvq_rx_paths[wrong].burst;
			rx_deliver(&rx, mode & 2 ? 300 : 100, NULL);
			assert_int_equal(rx_poll(&rx, 1), 1);
			assert_int_equal(rx.q->gate.epoch % 2, 0);
		}
		rx_assert_idle(&rx);
		rx_close(&rx);
		tx_open(&tx, &tx_setup);
		for (wrong = 0; wrong < 2; wrong++) {
			tx.burst = pvq_tx_paths[wrong].burst;
			m = tx_make(&tx, TX_FIVE, 60);
			assert_int_equal(tx_send(&tx, &m, 1), 1);
			tx_drain(&tx);
			assert_int_equal(tx.q->gate.epoch % 2, 0);
		}
		tx_assert_empty(&tx);
		tx_close(&tx);
	}
}

static void
test_path_names_and_numbers(void **state)
{
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 4; mode++) {
		const struct pvq_queue_mode m = {.in_order = mode & 1, .mergeable = mode & 2};

		assert_int_equal(pvq_rx_path(&m, PVQ_ISA_SCALAR),
				 (mode & 1 ? PVQ_PATH_IN_ORDER : 0) |
				 (mode & 2 ? PVQ_PATH_MERGEABLE : 0));
		assert_int_equal(pvq_tx_path(&m, PVQ_ISA_SCALAR), mode & 1 ? PVQ_PATH_IN_ORDER : 0);
		assert_non_null(pvq_rx_paths[pvq_rx_path(&m, PVQ_ISA_AUTO)].burst);
		assert_non_null(pvq_tx_paths[pvq_tx_path(&m, PVQ_ISA_AUTO)].burst);
		for (i = 0; i < mode; i++) {
			const struct pvq_queue_mode o = {.in_order = i & 1, .mergeable = i & 2};

			assert_string_not_equal(
				pvq_rx_paths[pvq_rx_path(&m, PVQ_ISA_SCALAR)].name,
				pvq_rx_paths[pvq_rx_path(&o, PVQ_ISA_SCALAR)].name);
		}
	}
}

static void
test_the_first_burst_notes_its_lcore(void **state)
{
	const struct tx_setup tx_setup = tx_setup_of(8, 0);
	const struct rx_setup rx_setup = rx_setup_of(8, 0);
	struct rte_mbuf *m;

	(void)state;
	rx_open(&rx, &rx_setup);
	assert_true(pvq_gate_state(&rx.q->gate) & PVQ_GATE_NEW);
	assert_int_equal(rx.q->vq.lcore, LCORE_ID_ANY);
	rx_deliver(&rx, 50, NULL);
	assert_int_equal(rx_poll(&rx, 1), 1);
	assert_int_equal(rx.q->vq.lcore, rte_lcore_id());
	assert_int_equal(pvq_gate_state(&rx.q->gate), PVQ_GATE_OPEN(0));
	rx_close(&rx);
	tx_open(&tx, &tx_setup);
	m = tx_make(&tx, TX_PLAIN, 60);
	assert_int_equal(tx_send(&tx, &m, 1), 1);
	assert_int_equal(tx.q->vq.lcore, rte_lcore_id());
	assert_int_equal(pvq_gate_state(&tx.q->gate), PVQ_GATE_OPEN(0));
	tx_drain(&tx);
	tx_close(&tx);
}

/** The sending thread's side of the test below. */
static struct {
	bool stop;
	uint32_t sent;
} sender;

static void *
sender_thread(void *arg)
{
	/* Set again with each new device, though always to the same. */
	const pvq_burst_t burst = tx.burst;
	struct rte_mbuf *m = NULL;

	(void)arg;
	while (!__atomic_load_n(&sender.stop, __ATOMIC_ACQUIRE)) {
		if (m == NULL)
			m = tx_make(&tx, tx.made % TX_NB_KINDS, 5 + tx.made % 90);
		if (m == NULL || burst(tx.q, &m, 1) == 0) {
			sched_yield();
			continue;
		}
		m = NULL;
		sender.sent++;
	}
	rte_pktmbuf_free(m);
	return NULL;
}

/* Close, wait, replace the device; it must find what the old one had not used, in order. */
static void
replace_device_under_load(uint32_t used)
{
	const struct tx_setup setup = tx.setup;

	pvq_gate_set(&tx.q->gate, PVQ_GATE_AWAY);
	pvq_gate_barrier();
	assert_int_equal(pvq_gate_wait(&tx.q->gate), 0);
	/* The thread may go on before this returns: burst functions do not change here. */
	tx_reconnect(&tx, &setup);
	tx.seen = used;
}

static void
test_devices_replaced_while_a_thread_sends(void **state)
{
	const struct tx_setup setup = tx_setup_of(31, 3);
	const int64_t start = milliseconds();
	uint32_t used = 0, rnd = 1, n, rounds = 0;
	pthread_t thread;

	(void)state;
	tx_open(&tx, &setup);
	assert_int_equal(pthread_create(&thread, NULL, sender_thread, NULL), 0);
	while (!time_is_up(start, rounds, 4)) {
		/* The contents of every packet are checked in order: none lost, none doubled. */
		tx_fetch(&tx);
		n = pd_live(tx.dev) == 0 ? 0 : unit_random(&rnd) % (pd_live(tx.dev) + 1);
		if (n != 0)
			assert_int_equal(pd_complete_batch(tx.dev, n, 0), 0);
		used += n;
		if (unit_random(&rnd) % 16 == 0) {
			replace_device_under_load(used);
			rounds++;
		}
		sched_yield();
	}
	__atomic_store_n(&sender.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	tx_fetch(&tx);
	tx_drain(&tx);
	assert_true(rounds >= 4);
	assert_int_equal(tx.seen, sender.sent);
	assert_int_equal(tx.q->stats.packets, sender.sent);
	assert_int_equal(tx.q->stats.reclaimed, sender.sent);
	assert_int_equal(tx.q->stats.replay_dropped, 0);
	tx_close(&tx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states_and_paths),
		cmocka_unit_test(test_epoch_is_odd_inside_only),
		cmocka_unit_test(test_nobody_is_inside_a_closed_gate),
		cmocka_unit_test(test_a_thread_that_does_not_leave_is_reported),
		cmocka_unit_test(test_any_burst_function_takes_the_right_path),
		cmocka_unit_test(test_path_names_and_numbers),
		cmocka_unit_test(test_the_first_burst_notes_its_lcore),
		cmocka_unit_test(test_devices_replaced_while_a_thread_sends),
	};

	return cmocka_run_group_tests_name("gate", tests, unit_eal_start, unit_eal_stop);
}
