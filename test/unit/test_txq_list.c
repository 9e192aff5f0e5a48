/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Packets of more than one element: indirect tables, lists in the ring, data that belong to others
 * and must not be written.
 */

#include <string.h>

#include <rte_ethdev.h>

#include "txq_env.h"

static struct tx_env env;

/* Move the ring's next slot to @p slot of the current or the next lap. */
static void
go_to_slot(uint16_t slot)
{
	while (env.q->ring.next_avail != slot) {
		tx_send_one(&env, TX_PLAIN, 60);
		tx_drain(&env);
	}
}

static void
test_pr07_pr11_l07_list_from_every_slot(void **state)
{
	static const uint16_t sizes[] = {5, 6, 7, 255};
	unsigned int i, mode, lap;
	uint16_t slot;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (mode = 0; mode < 2; mode++) {
			const struct tx_setup setup = tx_setup_of(sizes[i], mode);

			tx_open(&env, &setup);
			for (lap = 0; lap < 4; lap++) {
				slot = sizes[i] > 20 ? sizes[i] - 6 : 0;
				for (; slot < sizes[i]; slot++) {
					struct pd_buf *buf;

					go_to_slot(slot);
					tx_send_one(&env, TX_FIVE, 80);
					buf = pd_first(env.dev);
					assert_int_equal(buf->head, slot);
					assert_int_equal(buf->slots, 5);
					assert_int_equal(env.q->nb_special, 1);
					tx_drain(&env);
				}
			}
			tx_assert_empty(&env);
			tx_close(&env);
		}
	}
}

static void
test_pr25_table_costs_one_slot(void **state)
{
	const struct tx_setup setup = tx_setup_of(16, 2);
	struct pd_buf *buf;

	(void)state;
	tx_open(&env, &setup);
	tx_send_one(&env, TX_FIVE, 80);
	buf = pd_first(env.dev);
	assert_int_equal(buf->slots, 1);
	assert_int_equal(buf->nb_descs, 5);
	assert_int_equal(buf->table_len, 5 * PD_DESC_BYTES);
	assert_int_equal(env.q->nb_free_tables, env.q->nb_tables - 1);
	tx_drain(&env);
	tx_assert_empty(&env);
	tx_close(&env);
}

/* More packets than there are tables: the others become lists on the same ring. */
static void
test_pr24_tables_and_lists_on_one_ring(void **state)
{
	unsigned int mode, round, tables, lists;
	struct rte_mbuf *pkts[12];
	struct pd_buf *buf;
	uint16_t i;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		const struct tx_setup setup = tx_setup_of(64, mode);

		tx_open(&env, &setup);
		for (round = 0; round < 40; round++) {
			for (i = 0; i < RTE_DIM(pkts); i++)
				pkts[i] = tx_make(&env, i % 3 == 2 ? TX_PLAIN : TX_FIVE, 90);
			assert_int_equal(tx_send(&env, pkts, RTE_DIM(pkts)), RTE_DIM(pkts));
			assert_int_equal(env.q->nb_special, 8);
			tables = lists = 0;
			for (buf = pd_first(env.dev); buf != NULL; buf = buf->next) {
				tables += buf->table != NULL;
				lists += buf->slots > 1;
			}
			assert_int_equal(tables, env.q->nb_tables);
			assert_int_equal(lists, 8 - tables);
			tx_drain(&env);
			tx_assert_empty(&env);
		}
		tx_close(&env);
	}
}

/* Tables are the device's until it has used them; the model compares its copy (PR-28). */
static void
test_pr28_table_is_not_reused_early(void **state)
{
	const struct tx_setup setup = tx_setup_of(64, 2);
	unsigned int i;

	(void)state;
	tx_open(&env, &setup);
	for (i = 0; i < 200; i++) {
		if (pd_live(env.dev) > 5)
			pd_complete(env.dev, pd_pick(env.dev, PD_SHUFFLE, &(uint32_t){i}), 0);
		tx_reclaim(&env);
		tx_send_one(&env, i % 2 ? TX_TWO : TX_HOLES, 100);
	}
	tx_drain(&env);
	tx_assert_empty(&env);
	tx_close(&env);
}

/* The longest table, one more, and what a ring can hold at most. */
static void
test_pr12_pr27_limits_of_lists_and_tables(void **state)
{
	static const struct {
		uint16_t size;
		uint16_t segs;
		bool indirect;
		uint16_t slots; /* 0: dropped as too long */
	} cases[] = {
		{64, 16, true, 1}, {64, 17, true, 17}, {64, 16, false, 16}, {64, 64, false, 64},
		{64, 64, true, 64}, {64, 65, false, 0}, {64, 65, true, 0}, {3, 2, true, 1},
		/* A table is shorter than the ring, but a list may fill it. */
		{2, 2, true, 2}, {3, 3, true, 3}, {3, 3, false, 3}, {3, 4, true, 0},
		{1, 2, false, 0}, {1, 2, true, 0}, {1, 1, false, 1}, {2, 3, false, 0},
	};
	uint16_t lens[65];
	unsigned int i, mode;

	(void)state;
	for (i = 0; i < RTE_DIM(lens); i++)
		lens[i] = 3;
	for (i = 0; i < RTE_DIM(cases); i++) {
		for (mode = 0; mode < 2; mode++) {
			const struct tx_setup setup =
				tx_setup_of(cases[i].size, mode | cases[i].indirect * 2);
			struct rte_mbuf *m;

			tx_open(&env, &setup);
			m = unit_mbuf_chain(env.pool, lens, cases[i].segs, 0);
			env.len[0] = 3 * cases[i].segs;
			/* Dropped or sent, it is consumed. */
			assert_int_equal(env.burst(env.q, &m, 1), 1);
			assert_int_equal(tx_fetch(&env), cases[i].slots != 0);
			assert_int_equal(env.q->stats.too_long, cases[i].slots == 0);
			assert_int_equal(env.q->stats.ring_full, 0);
			assert_int_equal(pvq_ring_outstanding(&env.q->ring), cases[i].slots);
			tx_drain(&env);
			assert_int_equal(pvq_ring_outstanding(&env.q->ring), 0);
			tx_close(&env);
		}
	}
}

/* Around the most segments that the driver announces; the last byte tells if one was left out. */
static void
test_pr12_as_many_segments_as_announced(void **state)
{
	static const uint16_t segs[] = {PVQ_TX_SEGS_MAX - 1, PVQ_TX_SEGS_MAX, PVQ_TX_SEGS_MAX + 1,
					PVQ_TX_SEGS_MAX + 2, PVQ_TX_SEGS_MAX + 50};
	uint16_t lens[PVQ_TX_SEGS_MAX + 50];
	unsigned int i, bare, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(lens); i++)
		lens[i] = 3;
	for (i = 0; i < RTE_DIM(segs); i++) {
		for (switches = 0; switches < 4; switches++) {
			for (bare = 0; bare < 2; bare++) {
				const struct tx_setup setup = tx_setup_of(1024, switches);
				struct rte_mbuf *m;
				bool dropped;

				tx_open(&env, &setup);
				m = unit_mbuf_chain(env.pool, lens, segs[i], 0);
				env.len[0] = m->pkt_len;
				if (bare)
					rte_mbuf_refcnt_update(m, 1);
				assert_int_equal(env.burst(env.q, &m, 1), 1);
				dropped = env.q->stats.too_long != 0;
				/* Whole or not at all, and not more than announced is refused. */
				assert_int_equal(tx_fetch(&env), !dropped);
				assert_false(dropped && segs[i] <= PVQ_TX_SEGS_MAX);
				tx_drain(&env);
				if (bare)
					rte_pktmbuf_free_seg(m);
				tx_close(&env);
			}
		}
	}
}

/* free + 1 elements: nothing of the list is shown, and it goes as soon as there is room. */
static void
test_pr12_list_of_free_plus_one(void **state)
{
	struct rte_mbuf *m;
	unsigned int mode, fill;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(8, mode);

		tx_open(&env, &setup);
		for (fill = 0; fill < 40; fill++) {
			unsigned int i;

			for (i = 0; i < 4; i++)
				tx_send_one(&env, TX_PLAIN, 60);
			m = tx_make(&env, TX_FIVE, 60);
			assert_int_equal(tx_send(&env, &m, 1), 0);
			pd_complete(env.dev, pd_first(env.dev), 0);
			assert_int_equal(tx_send(&env, &m, 1), 1);
			tx_drain(&env);
		}
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

/* Slots enough for the count of packets, but not for their elements: used ones are taken back. */
static void
test_list_that_does_not_fit_reclaims(void **state)
{
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		struct tx_setup setup = tx_setup_of(16, mode);
		struct rte_mbuf *m;

		setup.free_thresh = 1;
		tx_open(&env, &setup);
		for (i = 0; i < 13; i++)
			tx_send_one(&env, TX_PLAIN, 60);
		pd_complete_all(env.dev, PD_FIFO, 0, 0);
		m = tx_make(&env, TX_FIVE, 60);
		assert_int_equal(tx_send(&env, &m, 1), 1);
		tx_drain(&env);
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

/* Tables run out and with them the room: later packets wait, order is kept. */
static void
test_packets_wait_in_order_when_tables_run_out(void **state)
{
	const struct tx_setup setup = tx_setup_of(16, 2);
	struct rte_mbuf *pkts[6];
	uint16_t n, i;

	(void)state;
	tx_open(&env, &setup);
	for (i = 0; i < 6; i++)
		pkts[i] = tx_make(&env, i == 5 ? TX_PLAIN : TX_FIVE, 60);
	/* A table, then three lists of five slots: sixteen slots, full. */
	n = tx_send(&env, pkts, 6);
	assert_int_equal(n, 4);
	pd_complete(env.dev, pd_first(env.dev), 0);
	assert_int_equal(tx_send(&env, pkts + n, 2), 1);
	pd_complete(env.dev, pd_first(env.dev), 0);
	assert_int_equal(tx_send(&env, pkts + 5, 1), 1);
	tx_drain(&env);
	tx_assert_empty(&env);
	tx_close(&env);
}

/* ---- data of others ------------------------------------------------------------------------- */

/** Mbufs whose bytes, headroom included, must be the same after sending as before. */
enum foreign {
	FOREIGN_CLONE,    /* indirect, and another mbuf refers to the data too */
	FOREIGN_ORIGINAL, /* direct, but a clone of it exists */
	FOREIGN_COUNTED,  /* direct, reference count 2 */
	FOREIGN_EXTERNAL,
	FOREIGN_BARE,     /* headroom shorter than a header */
	FOREIGN_SECOND,   /* an own first segment before a shared one */
	FOREIGN_FIRST,    /* a shared first segment before an own one */
	FOREIGN_NB,
};

static struct unit_external external;

/* Put @p tail behind @p head. @return head. */
static struct rte_mbuf *
join(struct rte_mbuf *head, struct rte_mbuf *tail)
{
	unit_fill(rte_pktmbuf_mtod(tail, void *), tail->data_len, env.made, head->data_len);
	head->next = tail;
	head->nb_segs = 2;
	head->pkt_len = head->data_len + tail->data_len;
	return head;
}

/* Make @p what; *other is an mbuf to free afterwards, if any, *watch the one not to be written. */
static struct rte_mbuf *
make_foreign(enum foreign what, struct rte_mbuf **other, struct rte_mbuf **watch)
{
	const uint32_t seed = env.made;
	const uint16_t len = 100;
	struct rte_mbuf *m;

	*other = NULL;
	if (what == FOREIGN_EXTERNAL)
		m = unit_mbuf_external(env.pool, &external, 64, len, seed);
	else if (what == FOREIGN_BARE)
		m = unit_mbuf(env.pool, seed % VIRTIO_NET_HDR_LEN, len, seed);
	else
		m = unit_mbuf(env.pool, 64, len, seed);
	*watch = m;
	if (what == FOREIGN_COUNTED || what == FOREIGN_FIRST) {
		rte_mbuf_refcnt_update(m, 1);
		*other = m;
	} else if (what != FOREIGN_EXTERNAL && what != FOREIGN_BARE) {
		*other = rte_pktmbuf_clone(m, env.pool);
	}
	if (what == FOREIGN_CLONE)
		RTE_SWAP(m, *other);
	if (what == FOREIGN_FIRST)
		return join(m, unit_mbuf(env.pool, 64, 10, seed));
	if (what == FOREIGN_SECOND)
		return join(unit_mbuf(env.pool, 64, 10, seed), m);
	return m;
}

static void
check_foreign(enum foreign what, bool in_order, bool indirect)
{
	const struct tx_setup setup = tx_setup_of(16, in_order | indirect * 2);
	static uint8_t before[2048];
	struct rte_mbuf *m, *other, *watch;
	unsigned int round;

	tx_open(&env, &setup);
	unit_memory_add(&env.memory, external.bytes, sizeof(external.bytes));
	for (round = 0; round < 30; round++) {
		const unsigned int freed = external.freed;

		m = make_foreign(what, &other, &watch);
		env.len[env.made++] = m->pkt_len;
		assert_true(watch->buf_len <= sizeof(before));
		memcpy(before, watch->buf_addr, watch->buf_len);
		assert_int_equal(tx_send(&env, &m, 1), 1);
		assert_memory_equal(before, watch->buf_addr, watch->buf_len);
		pd_complete_all(env.dev, PD_FIFO, 0, 0);
		assert_memory_equal(before, watch->buf_addr, watch->buf_len);
		assert_int_equal(tx_reclaim(&env), 1);
		/* The driver gave up its reference, no more and no less. */
		if (other != NULL) {
			assert_int_equal(rte_mbuf_refcnt_read(other), 1);
			rte_pktmbuf_free_seg(other);
		}
		assert_int_equal(external.freed - freed, what == FOREIGN_EXTERNAL);
	}
	tx_assert_empty(&env);
	tx_close(&env);
}

static void
test_shared_data_is_never_written(void **state)
{
	unsigned int what, mode;

	(void)state;
	for (what = 0; what < FOREIGN_NB; what++)
		for (mode = 0; mode < 4; mode++)
			check_foreign(what, mode & 1, mode & 2);
}

/* Only segments with data become elements, and the first may be among the empty ones. */
static void
test_pr13_segments_of_length_zero(void **state)
{
	static const struct {
		uint16_t lens[5];
		uint16_t n;
		uint16_t elements;
	} cases[] = {
		{{100, 0}, 2, 2},      {{0, 100}, 2, 2},         {{0, 0, 100, 0, 0}, 5, 2},
		{{10, 0, 20}, 3, 2},   {{0, 10, 0, 20, 0}, 5, 3}, {{1, 1, 1, 1, 0}, 5, 4},
		{{1, 0, 0, 0, 1}, 5, 2},
	};
	unsigned int i, mode;

	(void)state;
	for (mode = 0; mode < 4; mode++) {
		const struct tx_setup setup = tx_setup_of(16, mode);

		tx_open(&env, &setup);
		for (i = 0; i < RTE_DIM(cases); i++) {
			struct rte_mbuf *m =
				unit_mbuf_chain(env.pool, cases[i].lens, cases[i].n, env.made);

			env.len[env.made++] = m->pkt_len;
			assert_int_equal(tx_send(&env, &m, 1), 1);
			assert_int_equal(pd_first(env.dev)->nb_descs, cases[i].elements);
			tx_drain(&env);
		}
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pr07_pr11_l07_list_from_every_slot),
		cmocka_unit_test(test_pr25_table_costs_one_slot),
		cmocka_unit_test(test_pr24_tables_and_lists_on_one_ring),
		cmocka_unit_test(test_pr28_table_is_not_reused_early),
		cmocka_unit_test(test_pr12_pr27_limits_of_lists_and_tables),
		cmocka_unit_test(test_pr12_as_many_segments_as_announced),
		cmocka_unit_test(test_pr12_list_of_free_plus_one),
		cmocka_unit_test(test_list_that_does_not_fit_reclaims),
		cmocka_unit_test(test_packets_wait_in_order_when_tables_run_out),
		cmocka_unit_test(test_shared_data_is_never_written),
		cmocka_unit_test(test_pr13_segments_of_length_zero),
	};

	return cmocka_run_group_tests_name("txq_list", tests, unit_eal_start, unit_eal_stop);
}
