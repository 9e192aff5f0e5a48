/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A device that lies on a transmit ring (conformance part E): the queue stops, counts one error,
 * leaves the ring alone, and is whole again after a reset.
 */

#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "txq_env.h"

#define SIZE 16

static struct tx_env env;

/* The queue has stopped for @p error, and nothing is read or written any more. */
static void
assert_stopped(enum pvq_queue_error error, unsigned int reclaimed)
{
	const size_t bytes = env.q->ring.size * sizeof(env.q->ring.desc[0]);
	void *before = malloc(bytes);
	struct rte_mbuf *m;
	unsigned int i;

	assert_non_null(before);
	assert_int_equal(env.q->vq.error, error);
	assert_int_equal(env.q->stats.queue_errors, 1);
	assert_int_equal(env.q->stats.reclaimed, reclaimed);
	assert_true(pvq_gate_state(&env.q->gate) & PVQ_GATE_ERROR);
	assert_string_not_equal(pvq_queue_error_text(error), pvq_queue_error_text(PVQ_QUEUE_OK));
	memcpy(before, env.q->ring.desc, bytes);
	for (i = 0; i < 5; i++) {
		m = unit_mbuf(env.pool, 64, 60, 0);
		assert_int_equal(env.burst(env.q, &m, 1), 0);
		rte_pktmbuf_free(m);
	}
	assert_memory_equal(before, env.q->ring.desc, bytes);
	assert_int_equal(env.q->stats.queue_errors, 1);
	assert_int_equal(env.q->gate.epoch % 2, 0);
	free(before);
}

/* A new device gets the packets that were not used, oldest first, and all is well. */
static void
assert_recovers(unsigned int reclaimed)
{
	const struct tx_setup setup = env.setup;
	const uint64_t sent = env.q->stats.packets;

	tx_reconnect(&env, &setup);
	assert_int_equal(env.q->vq.error, PVQ_QUEUE_OK);
	assert_int_equal(env.q->stats.replayed, sent - reclaimed);
	env.seen = reclaimed;
	assert_int_equal(tx_fetch(&env), sent - reclaimed);
	tx_send_one(&env, TX_PLAIN, 60);
	tx_drain(&env);
	assert_int_equal(pvq_ring_outstanding(&env.q->ring), 0);
	assert_int_equal(rte_mempool_in_use_count(env.pool), 0);
	assert_int_equal(env.q->stats.reclaimed, sent + 1);
	tx_close(&env);
}

/* Send ten packets, six of which are of more than one element, and let the device use two. */
static void
open_with_ten(unsigned int switches, uint16_t size)
{
	static const enum tx_kind kinds[] = {TX_PLAIN, TX_BARE, TX_TWO,  TX_PLAIN, TX_FIVE,
					     TX_BARE,  TX_TWO,  TX_PLAIN, TX_FIVE, TX_PLAIN};
	const struct tx_setup setup = tx_setup_of(size, switches);
	unsigned int i;

	tx_open(&env, &setup);
	for (i = 0; i < 10; i++)
		tx_send_one(&env, kinds[i], 60);
	pd_complete(env.dev, pd_first(env.dev), 0);
	pd_complete(env.dev, pd_first(env.dev), 0);
}

static void
test_hd01_id_outside_the_ring(void **state)
{
	/* Among them some that are those of live buffers, cut down to the size of the ring. */
	static const uint16_t ids[] = {32, 32 + 5, 0x7fff, 0x8000, 0x8000 + 4, 65510, 65535};
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(ids); i++) {
		for (switches = 0; switches < 4; switches++) {
			open_with_ten(switches, 32);
			pd_inject_used(env.dev, ids[i], 0, 0, 1);
			assert_int_equal(tx_reclaim(&env), 2);
			assert_stopped(switches & 1 ? PVQ_QUEUE_BAD_ORDER : PVQ_QUEUE_BAD_ID, 2);
			assert_recovers(2);
		}
	}
}

/* Taken for a slot of the next lap it would be within what is outstanding. */
static void
run_id_beyond_the_ring(unsigned int mode, unsigned int start, uint16_t id)
{
	const struct tx_setup setup = tx_setup_of(16, mode);
	unsigned int i;

	tx_open(&env, &setup);
	for (i = 0; i < 16 + start; i++) {
		tx_send_one(&env, TX_PLAIN, 60);
		if (i < start)
			tx_drain(&env);
	}
	pd_inject_used(env.dev, id, 0, 0, 1);
	assert_int_equal(tx_reclaim(&env), 0);
	assert_stopped(mode ? PVQ_QUEUE_BAD_ORDER : PVQ_QUEUE_BAD_ID, start);
	tx_reconnect(&env, &setup);
	env.seen = start;
	assert_int_equal(tx_fetch(&env), 16);
	tx_drain(&env);
	tx_close(&env);
}

static void
test_hd01_size_as_an_id_at_every_slot(void **state)
{
	unsigned int mode, start;
	uint16_t id;

	(void)state;
	for (mode = 0; mode < 2; mode++)
		for (start = 0; start < 16; start++)
			for (id = 16; id < 32; id++)
				run_id_beyond_the_ring(mode, start, id);
}

static void
test_hd02_id_completed_twice(void **state)
{
	unsigned int switches;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		uint16_t id;

		open_with_ten(switches, 32);
		id = pd_first(env.dev)->id;
		pd_complete(env.dev, pd_first(env.dev), 0);
		pd_inject_used(env.dev, id, 0, 0, 1);
		assert_int_equal(tx_reclaim(&env), 3);
		assert_stopped(switches & 1 ? PVQ_QUEUE_BAD_ORDER : PVQ_QUEUE_BAD_ID, 3);
		assert_recovers(3);
	}
}

static void
test_hd02_id_that_was_never_outstanding(void **state)
{
	unsigned int mode;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(32, mode);

		tx_open(&env, &setup);
		tx_send_one(&env, TX_PLAIN, 60);
		pd_inject_used(env.dev, 31, 0, 0, 1);
		assert_int_equal(tx_reclaim(&env), 0);
		assert_stopped(mode ? PVQ_QUEUE_BAD_ORDER : PVQ_QUEUE_BAD_ID, 0);
		assert_recovers(0);
	}
}

/* The burst finds out itself; nothing is published on top. */
static void
test_hd02_lie_met_by_a_burst(void **state)
{
	unsigned int switches;
	struct rte_mbuf *m;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		open_with_ten(switches, 32);
		env.q->free_thresh = 32;
		pd_inject_used(env.dev, 65535, 0, 0, 1);
		m = unit_mbuf(env.pool, 64, 60, 0);
		assert_int_equal(env.burst(env.q, &m, 1), 0);
		rte_pktmbuf_free(m);
		assert_false(pd_available(env.dev));
		assert_stopped(switches & 1 ? PVQ_QUEUE_BAD_ORDER : PVQ_QUEUE_BAD_ID, 2);
		assert_recovers(2);
	}
}

/* As above, by a packet whose elements do not fit until something is reclaimed. */
static void
test_hd02_lie_met_while_making_room(void **state)
{
	struct tx_setup setup = tx_setup_of(SIZE, 0);
	struct rte_mbuf *m;
	unsigned int mode, i;

	(void)state;
	setup.free_thresh = 1;
	for (mode = 0; mode < 2; mode++) {
		setup.in_order = mode;
		tx_open(&env, &setup);
		for (i = 0; i < SIZE - 4; i++)
			tx_send_one(&env, TX_PLAIN, 60);
		for (i = 0; i < 3; i++)
			pd_complete(env.dev, pd_first(env.dev), 0);
		pd_inject_used(env.dev, 65535, 0, 0, 1);
		m = tx_make(&env, TX_FIVE, 60);
		env.made--;
		assert_int_equal(env.burst(env.q, &m, 1), 0);
		rte_pktmbuf_free(m);
		assert_false(pd_available(env.dev));
		assert_stopped(mode ? PVQ_QUEUE_BAD_ORDER : PVQ_QUEUE_BAD_ID, 3);
		assert_recovers(3);
	}
}

/* IN_ORDER: ids are heads in the window between next_used and next_avail; nothing else will do. */
static void
test_hd03_id_outside_the_fifo(void **state)
{
	unsigned int slot, start, i;

	(void)state;
	for (start = 0; start < SIZE; start++) {
		for (slot = 0; slot < SIZE; slot++) {
			const struct tx_setup setup = tx_setup_of(SIZE, 1);
			const unsigned int ahead = (slot + SIZE - start) % SIZE;

			/* Slots 0 and 6 are packets, 1 to 5 a list: ids that may be named. */
			if (ahead == 0 || ahead == 1 || ahead == 6)
				continue;
			tx_open(&env, &setup);
			for (i = 0; i < start; i++) {
				tx_send_one(&env, TX_PLAIN, 60);
				tx_drain(&env);
			}
			tx_send_one(&env, TX_PLAIN, 60);
			tx_send_one(&env, TX_FIVE, 60);
			tx_send_one(&env, TX_PLAIN, 60);
			pd_inject_used(env.dev, slot, 0, 0, 1);
			assert_int_equal(tx_reclaim(&env), 0);
			assert_stopped(PVQ_QUEUE_BAD_ORDER, start);
			assert_recovers(start);
		}
	}
}

/* What the driver needs of a buffer it has in its own memory. */
static void
test_hd13_ring_rewritten_by_the_device(void **state)
{
	unsigned int switches, round;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		const struct tx_setup setup = tx_setup_of(32, switches);

		tx_open(&env, &setup);
		for (round = 0; round < 60; round++) {
			tx_send_one(&env, TX_FIVE, 60);
			tx_send_one(&env, TX_PLAIN, 60);
			tx_send_one(&env, TX_TWO, 60);
			pd_scribble(env.dev, round);
			if ((switches & 1) == 0)
				pd_complete_all(env.dev, PD_REVERSE, 0, 0);
			tx_drain(&env);
			tx_assert_empty(&env);
		}
		tx_close(&env);
	}
}

/* Slots that the driver has not made available may look used: nobody looks. */
static void
test_hd15_used_with_nothing_outstanding(void **state)
{
	unsigned int mode, slot;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(8, mode);

		tx_open(&env, &setup);
		for (slot = 0; slot < 8; slot++)
			pd_inject_flags(env.dev, slot, PD_F_AVAIL | PD_F_USED);
		assert_int_equal(tx_reclaim(&env), 0);
		tx_send_one(&env, TX_PLAIN, 60);
		assert_int_equal(tx_reclaim(&env), 0);
		tx_drain(&env);
		/* The slot behind the last one outstanding looks used, too. */
		assert_int_equal(tx_reclaim(&env), 0);
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

/* Used, then available again: what has been taken stays taken, what was seen once counts once. */
static void
test_hd12_used_flags_revert(void **state)
{
	const struct tx_setup setup = tx_setup_of(8, 0);

	(void)state;
	tx_open(&env, &setup);
	tx_send_one(&env, TX_PLAIN, 60);
	tx_send_one(&env, TX_PLAIN, 60);
	pd_complete(env.dev, pd_first(env.dev), 0);
	assert_int_equal(tx_reclaim(&env), 1);
	pd_inject_flags(env.dev, 0, PD_F_AVAIL);
	assert_int_equal(tx_reclaim(&env), 0);
	pd_inject_flags(env.dev, 0, PD_F_AVAIL | PD_F_USED);
	assert_int_equal(tx_reclaim(&env), 0);
	tx_drain(&env);
	tx_assert_empty(&env);
	tx_close(&env);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hd01_id_outside_the_ring),
		cmocka_unit_test(test_hd01_size_as_an_id_at_every_slot),
		cmocka_unit_test(test_hd02_id_completed_twice),
		cmocka_unit_test(test_hd02_id_that_was_never_outstanding),
		cmocka_unit_test(test_hd02_lie_met_by_a_burst),
		cmocka_unit_test(test_hd02_lie_met_while_making_room),
		cmocka_unit_test(test_hd03_id_outside_the_fifo),
		cmocka_unit_test(test_hd13_ring_rewritten_by_the_device),
		cmocka_unit_test(test_hd15_used_with_nothing_outstanding),
		cmocka_unit_test(test_hd12_used_flags_revert),
	};

	return cmocka_run_group_tests_name("txq_hostile", tests, unit_eal_start, unit_eal_stop);
}
