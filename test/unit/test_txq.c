/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Transmit bursts against the device model: every size and mode with mixed traffic, contents and
 * headers, a full ring, limits, notifications.
 */

#include <rte_errno.h>
#include <rte_ethdev.h>

#include "ring_env.h"
#include "txq_env.h"

#define LAPS 4
#define BURST 64
#define ALL_KINDS ((1u << TX_NB_KINDS) - 1)
#define PLAIN_ONLY (1u << TX_PLAIN)

static struct tx_env env;

/** How the device returns buffers. */
enum use {
	USE_FIFO,
	USE_REVERSE,
	USE_SHUFFLE,
	USE_BATCH,
};

/* Mark some of the fetched buffers used. */
static void
use_some(enum use use, uint32_t *seed)
{
	uint32_t n = pd_live(env.dev), i;

	if (n == 0)
		return;
	n = unit_random(seed) % (n + 1);
	if (use == USE_BATCH) {
		if (n != 0)
			assert_int_equal(pd_complete_batch(env.dev, n, 0), 0);
		return;
	}
	for (i = 0; i < n; i++)
		pd_complete(env.dev, pd_pick(env.dev, (enum pd_order)use, seed), 0);
}

/* Top up @p pkts to @p want packets of random kinds that the ring can hold. */
static uint16_t
top_up(struct rte_mbuf **pkts, uint16_t n, uint16_t want, unsigned int kinds, uint32_t *seed)
{
	while (n < want) {
		enum tx_kind kind = unit_random(seed) % TX_NB_KINDS;

		if ((kinds & 1u << kind) == 0 || tx_elements(kind) > env.setup.size)
			kind = TX_PLAIN;
		pkts[n] = tx_make(&env, kind, 5 + unit_random(seed) % 160);
		if (pkts[n] == NULL)
			break;
		n++;
	}
	return n;
}

/* A new wish of the device, any of the four kinds. */
static void
set_event(uint32_t *seed)
{
	env.event = unit_random(seed) % env.setup.size | (unit_random(seed) & 1) << 15 |
		    (unit_random(seed) & 3) << 16;
	pd_notify_raw(env.dev, env.event);
}

static void
run_traffic(const struct tx_setup *setup, unsigned int kinds, enum use use)
{
	const uint64_t end = (uint64_t)LAPS * setup->size + 1;
	struct rte_mbuf *pkts[BURST];
	uint32_t seed = setup->size, rounds = 0;
	uint16_t n = 0, sent;

	tx_open(&env, setup);
	while (env.slots < end) {
		assert_true(++rounds < 1000 + end * 10);
		n = top_up(pkts, n, 1 + unit_random(&seed) % BURST, kinds, &seed);
		/* With no mbuf left it is up to the application: rte_eth_tx_done_cleanup(). */
		if (n == 0)
			tx_reclaim(&env);
		set_event(&seed);
		sent = tx_send(&env, pkts, n);
		/* What was not accepted is offered again, so order shows. */
		n -= sent;
		memmove(pkts, pkts + sent, n * sizeof(pkts[0]));
		use_some(use, &seed);
	}
	rte_pktmbuf_free_bulk(pkts, n);
	tx_drain(&env);
	tx_assert_empty(&env);
	tx_close(&env);
}

static void
test_pr03_pr05_every_size_plain(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		for (switches = 0; switches < 16; switches++) {
			const struct tx_setup setup = tx_setup_of(ring_sizes[i], switches);

			/* Where size makes the difference, not the mode. */
			if (setup.size >= 32767 && switches != 12 && switches != 13)
				continue;
			run_traffic(&setup, PLAIN_ONLY, USE_FIFO);
		}
	}
}

static void
test_pr06_pr24_every_size_mixed_kinds(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		for (switches = 0; switches < 16; switches++) {
			const struct tx_setup setup = tx_setup_of(ring_sizes[i], switches);

			if (setup.size >= 32767 && switches < 12)
				continue;
			run_traffic(&setup, ALL_KINDS, USE_FIFO);
		}
	}
}

static void
test_pr19_any_order_of_completion(void **state)
{
	unsigned int i, indirect;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		for (indirect = 0; indirect < 2; indirect++) {
			const struct tx_setup setup = tx_setup_of(ring_sizes[i], indirect * 2 | 12);

			run_traffic(&setup, ALL_KINDS, USE_REVERSE);
			if (setup.size <= 1024)
				run_traffic(&setup, ALL_KINDS, USE_SHUFFLE);
		}
	}
}

static void
test_pr22_batches_every_size(void **state)
{
	unsigned int i, indirect;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		for (indirect = 0; indirect < 2; indirect++) {
			const struct tx_setup setup = tx_setup_of(ring_sizes[i], indirect * 2 | 13);

			run_traffic(&setup, PLAIN_ONLY, USE_BATCH);
			run_traffic(&setup, ALL_KINDS, USE_BATCH);
		}
	}
}

static void
test_nt03_nt04_one_descriptor_with_a_zero_header(void **state)
{
	const struct tx_setup setup = tx_setup_of(4, 0);
	struct rte_mbuf *m;
	struct pd_buf *buf;
	uint32_t round;

	(void)state;
	tx_open(&env, &setup);
	for (round = 0; round < 40; round++) {
		/* Headroom exactly that of the header is enough. */
		m = unit_mbuf(env.pool, VIRTIO_NET_HDR_LEN + round % 2, 1 + round, round);
		env.len[env.made++ % TX_RECORDS] = 1 + round;
		assert_int_equal(tx_send(&env, &m, 1), 1);
		buf = pd_first(env.dev);
		assert_int_equal(buf->nb_descs, 1);
		assert_int_equal(buf->read_len, PD_NET_HDR_BYTES + 1 + round);
		assert_ptr_equal((char *)buf->elements[0].base + PD_NET_HDR_BYTES,
				 rte_pktmbuf_mtod(m, char *));
		tx_drain(&env);
	}
	tx_assert_empty(&env);
	tx_close(&env);
}

static void
test_l10_l12_full_ring_accepts_a_part(void **state)
{
	struct rte_mbuf *pkts[BURST];
	unsigned int i, mode, round;

	(void)state;
	for (i = 0; i < ring_nb_sizes && ring_sizes[i] <= 1024; i++) {
		for (mode = 0; mode < 2; mode++) {
			const uint16_t size = ring_sizes[i];
			const struct tx_setup setup = tx_setup_of(size, mode);
			uint16_t left, n, used = 1 + (size > 2);

			tx_open(&env, &setup);
			for (left = size; left > 0; left -= n) {
				n = RTE_MIN(left, BURST);
				assert_int_equal(top_up(pkts, 0, n, PLAIN_ONLY, &(uint32_t){9}), n);
				assert_int_equal(tx_send(&env, pkts, n), n);
			}
			/* Full; then so many slots free as the device has used. */
			for (round = 0; round < 4u * size && round < 300; round++) {
				assert_int_equal(top_up(pkts, 0, 4, PLAIN_ONLY, &(uint32_t){9}), 4);
				assert_int_equal(tx_send(&env, pkts, 4), 0);
				for (n = 0; n < used; n++)
					pd_complete(env.dev, pd_first(env.dev), 0);
				assert_int_equal(tx_send(&env, pkts, 4), used);
				rte_pktmbuf_free_bulk(pkts + used, 4 - used);
				env.made = env.seen;
			}
			tx_drain(&env);
			tx_assert_empty(&env);
			tx_close(&env);
		}
	}
}

static void
test_ring_full_counts_and_empty_burst_does_not(void **state)
{
	const struct tx_setup setup = tx_setup_of(2, 0);
	struct rte_mbuf *pkts[3];

	(void)state;
	tx_open(&env, &setup);
	top_up(pkts, 0, 3, PLAIN_ONLY, &(uint32_t){1});
	assert_int_equal(tx_send(&env, pkts, 0), 0);
	assert_int_equal(env.q->stats.ring_full, 0);
	assert_int_equal(tx_send(&env, pkts, 3), 2);
	assert_int_equal(env.q->stats.ring_full, 1);
	assert_int_equal(tx_send(&env, &pkts[2], 1), 0);
	assert_int_equal(env.q->stats.ring_full, 2);
	rte_pktmbuf_free(pkts[2]);
	tx_drain(&env);
	tx_close(&env);
}

static void
test_nothing_is_written_to_a_closed_ring(void **state)
{
	static const uint32_t bits[] = {PVQ_GATE_STOPPED, PVQ_GATE_AWAY, PVQ_GATE_ERROR,
					PVQ_GATE_MEMORY};
	const struct tx_setup setup = tx_setup_of(8, 0);
	struct rte_mbuf *m;
	unsigned int i;

	(void)state;
	tx_open(&env, &setup);
	for (i = 0; i < RTE_DIM(bits); i++) {
		pvq_gate_set(&env.q->gate, bits[i]);
		m = tx_make(&env, TX_PLAIN, 60);
		assert_int_equal(env.burst(env.q, &m, 1), 0);
		assert_false(pd_available(env.dev));
		assert_int_equal(env.q->gate.epoch % 2, 0);
		pvq_gate_clear(&env.q->gate, bits[i]);
		assert_int_equal(tx_send(&env, &m, 1), 1);
		tx_drain(&env);
	}
	tx_assert_empty(&env);
	tx_close(&env);
}

static void
test_nt10_longer_than_the_device_takes(void **state)
{
	struct tx_setup setup = tx_setup_of(16, 2);
	const uint16_t fits[] = {50, 50}, not[] = {50, 51};
	struct rte_mbuf *pkts[4];
	unsigned int mode;

	(void)state;
	setup.max_len = 100;
	for (mode = 0; mode < 2; mode++) {
		setup.in_order = mode;
		tx_open(&env, &setup);
		pkts[0] = tx_make(&env, TX_PLAIN, 100);
		pkts[1] = unit_mbuf(env.pool, 64, 101, 0);
		pkts[2] = unit_mbuf_chain(env.pool, not, 2, 0);
		pkts[3] = unit_mbuf_chain(env.pool, fits, 2, 1);
		env.len[1] = 100;
		env.made = 2;
		/* Dropped ones count as consumed. */
		assert_int_equal(env.burst(env.q, pkts, 4), 4);
		assert_int_equal(tx_fetch(&env), 2);
		assert_int_equal(env.q->stats.too_long, 2);
		assert_int_equal(env.q->stats.packets, 2);
		assert_int_equal(env.q->stats.bytes, 200);
		assert_int_equal(env.q->stats.ring_full, 0);
		tx_drain(&env);
		tx_close(&env);
	}
}

static void
test_pr13_packets_without_data_are_dropped(void **state)
{
	const uint16_t none[] = {0, 0, 0};
	struct rte_mbuf *pkts[4];
	unsigned int switches;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		const struct tx_setup setup = tx_setup_of(8, switches);

		tx_open(&env, &setup);
		pkts[0] = unit_mbuf(env.pool, 64, 0, 0);
		pkts[1] = unit_mbuf_chain(env.pool, none, 3, 0);
		pkts[2] = tx_make(&env, TX_PLAIN, 60);
		pkts[3] = unit_mbuf(env.pool, 0, 0, 0);
		assert_int_equal(env.burst(env.q, pkts, 4), 4);
		assert_int_equal(tx_fetch(&env), 1);
		assert_int_equal(env.q->stats.empty, 3);
		assert_int_equal(env.q->stats.packets, 1);
		/* A burst of nothing but such packets publishes and notifies nothing. */
		unit_notifications(TX_VQ);
		pkts[0] = unit_mbuf(env.pool, 64, 0, 0);
		assert_int_equal(env.burst(env.q, pkts, 1), 1);
		assert_int_equal(unit_notifications(TX_VQ), 0);
		assert_false(pd_available(env.dev));
		tx_drain(&env);
		tx_close(&env);
	}
}

static void
test_nt06_prepare_refuses_what_was_not_negotiated(void **state)
{
	struct tx_setup setup = tx_setup_of(8, 0);
	static const uint64_t flags[] = {RTE_MBUF_F_TX_IP_CKSUM, RTE_MBUF_F_TX_TCP_CKSUM,
					 RTE_MBUF_F_TX_TCP_SEG, RTE_MBUF_F_TX_VLAN};
	struct rte_mbuf *pkts[3];
	unsigned int i;

	(void)state;
	setup.max_len = 100;
	tx_open(&env, &setup);
	for (i = 0; i < 3; i++)
		pkts[i] = unit_mbuf(env.pool, 64, 100, 0);
	assert_int_equal(pvq_tx_prepare(env.q, pkts, 3), 3);
	for (i = 0; i < RTE_DIM(flags); i++) {
		pkts[1]->ol_flags = flags[i];
		rte_errno = 0;
		assert_int_equal(pvq_tx_prepare(env.q, pkts, 3), 1);
		assert_int_equal(rte_errno, ENOTSUP);
	}
	pkts[1]->ol_flags = 0;
	pkts[2]->pkt_len = 101;
	assert_int_equal(pvq_tx_prepare(env.q, pkts, 3), 2);
	assert_int_equal(rte_errno, EINVAL);
	pkts[0]->pkt_len = 0;
	rte_errno = 0;
	assert_int_equal(pvq_tx_prepare(env.q, pkts, 3), 0);
	assert_int_equal(rte_errno, EINVAL);
	rte_pktmbuf_free_bulk(pkts, 3);
	tx_close(&env);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pr03_pr05_every_size_plain),
		cmocka_unit_test(test_pr06_pr24_every_size_mixed_kinds),
		cmocka_unit_test(test_pr19_any_order_of_completion),
		cmocka_unit_test(test_pr22_batches_every_size),
		cmocka_unit_test(test_nt03_nt04_one_descriptor_with_a_zero_header),
		cmocka_unit_test(test_l10_l12_full_ring_accepts_a_part),
		cmocka_unit_test(test_ring_full_counts_and_empty_burst_does_not),
		cmocka_unit_test(test_nothing_is_written_to_a_closed_ring),
		cmocka_unit_test(test_nt10_longer_than_the_device_takes),
		cmocka_unit_test(test_pr13_packets_without_data_are_dropped),
		cmocka_unit_test(test_nt06_prepare_refuses_what_was_not_negotiated),
	};

	return cmocka_run_group_tests_name("txq", tests, unit_eal_start, unit_eal_stop);
}
