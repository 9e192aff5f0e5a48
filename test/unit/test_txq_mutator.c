/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Transmit bursts while a thread rewrites used descriptors and indirect tables under them (HD-12,
 * HD-13): every packet that was accepted is freed exactly once, whatever the device says.
 */

#include <sched.h>
#include <string.h>
#include <time.h>

#include <rte_ethdev.h>

#include "mutator.h"
#include "txq_env.h"

#define SIZE 32
#define BURST 8
#define MILLISECONDS 250
#define MILLISECONDS_MAX 15000
#define PACKETS_MIN 1000u
#define ERRORS_MIN 3u
/* Of an epoch. */
#define CHANGES 4000u

static struct tx_env env;
static uint64_t errors, accepted;

/*
 * A burst of packets of all kinds; a segment that is in the ring already would show. @return how
 * many were sent.
 */
static uint16_t
send_burst(uint32_t *seed)
{
	struct rte_mbuf *pkts[BURST], *seg;
	uint16_t n, k, sent;

	for (n = 0; n < BURST; n++) {
		enum tx_kind kind = unit_random(seed) % 3 ? TX_PLAIN :
				    (enum tx_kind)(unit_random(seed) % TX_NB_KINDS);

		pkts[n] = tx_make(&env, kind, 5 + unit_random(seed) % 100);
		if (pkts[n] == NULL)
			break;
		for (seg = pkts[n]; seg != NULL; seg = seg->next)
			assert_int_equal(rte_mbuf_refcnt_read(seg), 1);
	}
	sent = env.burst(env.q, pkts, n);
	assert_true(sent <= n);
	accepted += sent;
	for (k = sent; k < n; k++)
		rte_pktmbuf_free(pkts[k]);
	return sent;
}

/* Mbufs of a packet; an indirect one holds another. */
static unsigned int
mbufs_of(const struct rte_mbuf *m)
{
	unsigned int n = 0;

	for (; m != NULL; m = m->next)
		n += RTE_MBUF_CLONED(m) ? 2 : 1;
	return n;
}

static unsigned int
mbufs_in_ring(void)
{
	const struct pvq_txq *q = env.q;
	const bool in_order = env.setup.in_order;
	const uint16_t slots = in_order ? pvq_ring_outstanding(&q->ring) : SIZE;
	unsigned int n = 0;
	uint16_t i;

	for (i = 0; i < slots; i++)
		n += mbufs_of(q->shadow[in_order ? pvq_ring_slot_add(&q->ring, q->ring.next_used,
								     i) : i]);
	return n;
}

/* With nobody working: what is out is in the ring, and what is free is free once. */
static void
check_books(void)
{
	const struct pvq_txq *q = env.q;
	uint16_t i, ids = 0, tables = 0, slots = 0;

	assert_true(pvq_ring_outstanding(&q->ring) <= SIZE);
	assert_int_equal(q->stats.packets, accepted);
	assert_int_equal(rte_mempool_in_use_count(env.pool) + rte_mempool_in_use_count(env.other),
			 mbufs_in_ring());
	for (i = 0; i < SIZE && !env.setup.in_order; i++) {
		if (q->shadow[i] == NULL)
			continue;
		ids++;
		slots += q->info[i].slots;
		tables += q->info[i].table < q->nb_tables;
	}
	if (env.setup.in_order)
		return;
	assert_int_equal(slots, pvq_ring_outstanding(&q->ring));
	assert_int_equal(q->nb_free_ids, SIZE - ids);
	assert_int_equal(q->nb_free_tables, q->nb_tables - tables);
}

static void
run_epoch(uint32_t seed)
{
	const struct mutator_target target = {
		.ring = &env.q->ring,
		.tables = env.setup.indirect ? env.q->tables : NULL,
		.nb_entries = env.q->nb_tables * PVQ_TABLE_ELEMENTS,
	};
	struct mutator *m = mutator_start(&target, seed);

	while (mutator_changes(m) < CHANGES &&
	       (pvq_gate_state(&env.q->gate) & PVQ_GATE_ERROR) == 0)
		if (send_burst(&seed) == 0)
			sched_yield();
	mutator_stop(m);
	check_books();
	errors += env.q->vq.error != PVQ_QUEUE_OK;
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
	const bool enough = accepted >= PACKETS_MIN && errors >= ERRORS_MIN;

	return passed < MILLISECONDS || (!enough && passed < MILLISECONDS_MAX);
}

static void
run_mutator(unsigned int mode)
{
	const struct pvq_queue_mode as = {
		.in_order = mode & 1, .indirect = mode & 2, .bus = unit_bus(),
		.max_tx_len = UINT32_MAX,
	};
	const struct tx_setup setup = tx_setup_of(SIZE, mode);
	const int64_t begin = milliseconds();
	uint32_t epoch;

	tx_open(&env, &setup);
	errors = accepted = 0;
	for (epoch = 0; goes_on(milliseconds() - begin); epoch++) {
		run_epoch(epoch);
		/* Every other time what is in the ring is given up, else it is sent again. */
		if (epoch % 2)
			pvq_txq_clear(env.q, false);
		assert_true(pvq_txq_reset(env.q, &as) >= 0);
		check_books();
		pvq_gate_clear(&env.q->gate, PVQ_GATE_CLOSED);
	}
	assert_true(accepted > 0);
	pvq_txq_clear(env.q, false);
	mutator_assert_pool(env.pool);
	mutator_assert_pool(env.other);
	unit_notifications(TX_VQ);
	tx_close(&env);
}

static void
test_hd12_hd13_used_descriptors_change_under_a_burst(void **state)
{
	(void)state;
	run_mutator(0);
	run_mutator(1);
}

static void
test_hd12_hd13_tables_change_under_a_burst(void **state)
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
		cmocka_unit_test(test_hd12_hd13_tables_change_under_a_burst),
	};

	return cmocka_run_group_tests_name("txq_mutator", tests, unit_eal_start, unit_eal_stop);
}
