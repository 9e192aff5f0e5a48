/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The halves of rte_eth_recycle_mbufs: taken from one ring, posted on another. */

#include "rxq_env.h"
#include "txq_env.h"

#define SIZE 32

static struct tx_env tx;
static struct rx_env rx;

/* ---- the transmit queue ------------------------------------------------------------------------ */

/* Send plain packets; @p pkts keeps them. */
static void
send_plain(struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		pkts[i] = tx_make(&tx, TX_PLAIN, 60);
		assert_int_equal(tx_send(&tx, &pkts[i], 1), 1);
	}
}

static void
put_back(struct rte_mbuf **pkts, unsigned int n)
{
	if (n != 0)
		rte_mempool_put_bulk(tx.pool, (void **)pkts, n);
}

static void
close_tx(void)
{
	tx_drain(&tx);
	tx_assert_empty(&tx);
	tx_close(&tx);
}

/* From every slot, so over the end of the ring as well; no more than is wanted. */
static void
test_oldest_packets_are_taken(void **state)
{
	struct rte_mbuf *pkts[9], *got[SIZE];
	unsigned int mode, round, wanted;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(SIZE, mode);

		tx_open(&tx, &setup);
		for (round = 0; round < 4 * SIZE; round++) {
			wanted = 1 + round % RTE_DIM(pkts);
			send_plain(pkts, RTE_DIM(pkts));
			assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 0, SIZE), 0);
			pd_complete_all(tx.dev, PD_FIFO, 0, 0);
			assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 0, wanted), wanted);
			assert_memory_equal(got, pkts, wanted * sizeof(pkts[0]));
			put_back(got, wanted);
			assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 0, SIZE),
					 RTE_DIM(pkts) - wanted);
			assert_memory_equal(got, pkts + wanted,
					    (RTE_DIM(pkts) - wanted) * sizeof(pkts[0]));
			put_back(got, RTE_DIM(pkts) - wanted);
			tx_assert_empty(&tx);
		}
		close_tx();
	}
}

/* Whatever order the device uses them in: each once. */
static void
test_packets_used_in_reverse(void **state)
{
	const struct tx_setup setup = tx_setup_of(SIZE, 0);
	struct rte_mbuf *pkts[9], *got[SIZE];
	unsigned int round, i;

	(void)state;
	tx_open(&tx, &setup);
	for (round = 0; round < 2 * SIZE; round++) {
		send_plain(pkts, RTE_DIM(pkts));
		pd_complete_all(tx.dev, PD_REVERSE, 0, 0);
		assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 0, SIZE), RTE_DIM(pkts));
		for (i = 0; i < RTE_DIM(pkts); i++)
			assert_ptr_equal(got[i], pkts[RTE_DIM(pkts) - 1 - i]);
		put_back(got, RTE_DIM(pkts));
	}
	close_tx();
}

/* One used descriptor for several packets, more than there is room for: later, with the others. */
static void
test_pr22_a_batch_is_not_split(void **state)
{
	const struct tx_setup setup = tx_setup_of(SIZE, 1);
	struct rte_mbuf *pkts[9], *got[SIZE];

	(void)state;
	tx_open(&tx, &setup);
	send_plain(pkts, RTE_DIM(pkts));
	pd_complete_batch(tx.dev, 3, 0);
	pd_complete_batch(tx.dev, 4, 0);
	assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 0, 2), 0);
	assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 0, 6), 3);
	put_back(got, 3);
	assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 0, 6), 4);
	assert_memory_equal(got, pkts + 3, 4 * sizeof(pkts[0]));
	put_back(got, 4);
	close_tx();
}

/* A receive queue that takes 8 or none gets none, and nothing is lost. */
static void
test_too_few_go_to_the_pool(void **state)
{
	struct rte_mbuf *pkts[9], *got[SIZE];
	unsigned int mode;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(SIZE, mode);

		tx_open(&tx, &setup);
		send_plain(pkts, 7);
		pd_complete_all(tx.dev, PD_FIFO, 0, 0);
		assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 8, 8), 0);
		tx_assert_empty(&tx);
		send_plain(pkts, 9);
		pd_complete_all(tx.dev, PD_FIFO, 0, 0);
		assert_int_equal(tx.q->stats.recycled, 0);
		assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 8, 8), 8);
		assert_int_equal(tx.q->stats.recycled, 8);
		put_back(got, 8);
		close_tx();
	}
}

/* Shared, chained, or of another pool: not for a receive ring, nor are their neighbours. */
static void
test_other_packets_are_left_alone(void **state)
{
	static const enum tx_kind kinds[] = {TX_CLONE, TX_TWO, TX_OTHER};
	struct rte_mbuf *got[SIZE];
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(SIZE, mode);

		for (i = 0; i < RTE_DIM(kinds); i++) {
			tx_open(&tx, &setup);
			tx_send_one(&tx, TX_PLAIN, 60);
			tx_send_one(&tx, kinds[i], 60);
			pd_complete_all(tx.dev, PD_FIFO, 0, 0);
			assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 0, SIZE), 0);
			assert_int_equal(tx.q->stats.reclaimed, 0);
			close_tx();
		}
		tx_open(&tx, &setup);
		tx_send_one(&tx, TX_PLAIN, 60);
		pd_complete_all(tx.dev, PD_FIFO, 0, 0);
		assert_int_equal(pvq_txq_recycle(tx.q, tx.other, got, 0, SIZE), 0);
		pvq_gate_set(&tx.q->gate, PVQ_GATE_AWAY);
		assert_int_equal(pvq_txq_recycle(tx.q, tx.pool, got, 0, SIZE), 0);
		pvq_gate_clear(&tx.q->gate, PVQ_GATE_AWAY);
		assert_int_equal(tx.q->stats.reclaimed, 0);
		close_tx();
	}
}

/* ---- the receive queue ------------------------------------------------------------------------- */

/* Bring @p n mbufs to the receive queue, as a transmit queue does. */
static void
bring(unsigned int n)
{
	assert_int_equal(rte_mempool_get_bulk(rx.pool, (void **)rx.q->recycled, n), 0);
	pvq_rx_paths[pvq_gate_path(pvq_gate_state(&rx.q->gate))].recycle(rx.q, n);
}

static void
open_rx(unsigned int switches)
{
	const struct rx_setup setup = rx_setup_of(SIZE, switches);

	rx_open(&rx, &setup);
	assert_true(pvq_rxq_recycle(rx.q));
	assert_int_equal(rx.q->free_thresh, SIZE / 4);
}

/* In all modes, from every slot, and after a device without IN_ORDER has changed the order. */
static void
test_recycled_mbufs_are_posted(void **state)
{
	unsigned int switches, round, i, n;

	(void)state;
	for (switches = 0; switches < 8; switches++) {
		struct pd_rx_opts opts = {
			.order = switches % 2 == 0 ? PD_REVERSE : PD_FIFO,
		};

		open_rx(switches);
		for (round = 0; round < 6 * SIZE; round++) {
			n = 1 + round % (SIZE / 4 - 1);
			for (i = 0; i < n; i++)
				assert_int_equal(rx_deliver(&rx, 60, &opts), 1);
			for (i = 0; i < n; i++) {
				struct rte_mbuf *m;

				assert_int_equal(rx.burst(rx.q, &m, 1), 1);
				rx_check(&rx, m, rx.got++);
				unit_mbuf_free(m);
			}
			assert_int_equal(rx.q->ring.nb_free, n);
			bring(n);
			assert_int_equal(rx.q->ring.nb_free, 0);
			assert_int_equal(rx_fetch(&rx), n);
		}
		unit_notifications(RX_VQ);
		rx_close(&rx);
	}
}

/* The port was stopped in between, or more came than there is room for: back to the pool. */
static void
test_mbufs_that_cannot_be_posted(void **state)
{
	unsigned int switches;
	struct rte_mbuf *m;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		open_rx(switches);
		bring(3);
		assert_int_equal(rte_mempool_in_use_count(rx.pool), SIZE);
		assert_int_equal(rx_deliver(&rx, 60, NULL), 1);
		assert_int_equal(rx.burst(rx.q, &m, 1), 1);
		rx_check(&rx, m, rx.got++);
		unit_mbuf_free(m);
		pvq_gate_set(&rx.q->gate, PVQ_GATE_STOPPED);
		bring(1);
		assert_int_equal(rx.q->ring.nb_free, 1);
		pvq_gate_clear(&rx.q->gate, PVQ_GATE_STOPPED);
		assert_int_equal(rte_mempool_in_use_count(rx.pool), SIZE - 1);
		assert_int_equal(rx_fetch(&rx), 0);
		bring(5);
		assert_int_equal(rte_mempool_in_use_count(rx.pool), SIZE);
		assert_int_equal(rx.q->ring.nb_free, 0);
		assert_int_equal(rx_fetch(&rx), 1);
		unit_notifications(RX_VQ);
		rx_close(&rx);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oldest_packets_are_taken),
		cmocka_unit_test(test_packets_used_in_reverse),
		cmocka_unit_test(test_pr22_a_batch_is_not_split),
		cmocka_unit_test(test_too_few_go_to_the_pool),
		cmocka_unit_test(test_other_packets_are_left_alone),
		cmocka_unit_test(test_recycled_mbufs_are_posted),
		cmocka_unit_test(test_mbufs_that_cannot_be_posted),
	};

	return cmocka_run_group_tests_name("rxq_recycle", tests, unit_eal_start, unit_eal_stop);
}
