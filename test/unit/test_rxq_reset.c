/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A receive ring whose device is replaced: what the old device had finished is still delivered,
 * what it had not finished stays posted, nothing is lost to the pool.
 */

#include <string.h>

#include <rte_ethdev.h>
#include <rte_memzone.h>

#include "rxq_env.h"

static struct rx_env env;

/* Addresses of all buffers that the device holds, in the order of fetching. */
static unsigned int
list_posted(uint64_t *addr)
{
	struct pd_buf *buf;
	unsigned int n = 0;

	for (buf = pd_first(env.dev); buf != NULL; buf = buf->next)
		addr[n++] = buf->elements[0].addr;
	return n;
}

static bool
contains(const uint64_t *list, unsigned int n, uint64_t addr)
{
	while (n-- > 0)
		if (list[n] == addr)
			return true;
	return false;
}

static void
test_reset_keeps_posted_buffers(void **state)
{
	static const uint16_t sizes[] = {1, 2, 3, 5, 7, 255, 257};
	static uint64_t before[257], after[257];
	unsigned int i, switches, used, n;
	struct rte_mbuf *m;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (switches = 0; switches < 4; switches++) {
			struct rx_setup setup = rx_setup_of(sizes[i], switches);

			setup.free_thresh = sizes[i];
			rx_open(&env, &setup);
			/* Some are gone, some slots empty, the ring not at its start. */
			for (used = 0; used < sizes[i] / 4u; used++) {
				rx_deliver(&env, 30, NULL);
				assert_int_equal(env.burst(env.q, &m, 1), 1);
				rx_check(&env, m, env.got++);
				unit_mbuf_free(m);
			}
			rx_fetch(&env);
			n = list_posted(before);
			/* The next device may order and merge in another way. */
			setup = rx_setup_of(sizes[i], switches ^ 3);
			rx_reconnect(&env, &setup);
			assert_int_equal(list_posted(after), sizes[i]);
			while (n-- > 0)
				assert_true(contains(after, sizes[i], before[n]));
			assert_int_equal(rte_mempool_in_use_count(env.pool), sizes[i]);
			rx_deliver(&env, 40, NULL);
			env.got = env.made - 1;
			assert_int_equal(env.burst(env.q, &m, 1), 1);
			rx_check(&env, m, env.got++);
			unit_mbuf_free(m);
			rx_fetch(&env);
			unit_notifications(RX_VQ);
			rx_close(&env);
		}
	}
}

/* Deliver, replace the device before the application polls, and poll in bursts of @p n. */
static void
run_stash(uint16_t size, unsigned int switches, unsigned int packets, uint16_t n)
{
	struct rx_setup setup = rx_setup_of(size, switches);
	const struct pd_rx_opts two = {.min_parts = 2};
	unsigned int i, old = 0, got = 0;

	/* A full ring besides a full stash. */
	setup.nb_mbufs = 2 * size + 16;
	rx_open(&env, &setup);
	for (i = 0; i < packets; i++)
		old += rx_deliver(&env, 40 + i % 20,
				  (switches & 2) && i % 3 == 1 ? &two : NULL) > 0;
	rx_reconnect(&env, &setup);
	/* Counted when they were taken from the ring, once. */
	assert_int_equal(env.q->stats.packets, old);
	/* The new device delivers behind them. */
	rx_deliver(&env, 50, NULL);
	rx_deliver(&env, 51, NULL);
	for (i = 0; i < old + 20; i++)
		got += rx_poll(&env, n);
	assert_int_equal(got, env.made);
	assert_int_equal(env.q->stats.packets, env.made);
	assert_false(pvq_gate_state(&env.q->gate) & PVQ_GATE_STASH);
	rx_assert_idle(&env);
	rx_close(&env);
}

static void
test_finished_packets_outlive_their_device(void **state)
{
	static const uint16_t sizes[] = {2, 3, 7, 64, 257};
	unsigned int i, switches, packets;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++)
		for (switches = 0; switches < 4; switches++)
			for (packets = 1; packets <= sizes[i]; packets += 1 + sizes[i] / 9)
				run_stash(sizes[i], switches, packets, 1 + packets % 40);
}

/* Two resets without a poll in between: the first one's packets come first. */
static void
test_stash_is_added_to(void **state)
{
	unsigned int switches, i;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		const struct rx_setup setup = rx_setup_of(16, switches);

		rx_open(&env, &setup);
		for (i = 0; i < 5; i++)
			rx_deliver(&env, 40, NULL);
		rx_reconnect(&env, &setup);
		assert_int_equal(rx_poll(&env, 2), 2);
		for (i = 0; i < 6; i++)
			rx_deliver(&env, 41, NULL);
		rx_reconnect(&env, &setup);
		assert_int_equal(rx_poll_all(&env), 9);
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* The second device finished more than there is room for beside the first one's. */
static void
test_what_the_stash_cannot_hold_is_counted(void **state)
{
	unsigned int switches, i;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		struct rx_setup setup = rx_setup_of(16, switches);

		setup.nb_mbufs = 3 * 16;
		rx_open(&env, &setup);
		for (i = 0; i < 10; i++)
			rx_deliver(&env, 40, NULL);
		rx_reconnect(&env, &setup);
		for (i = 0; i < 10; i++)
			rx_deliver(&env, 41, NULL);
		rx_reconnect(&env, &setup);
		assert_int_equal(env.q->stats.stash_dropped, 4);
		assert_int_equal(env.q->stats.packets, 16);
		assert_int_equal(rx_poll_all(&env), 16);
		assert_int_equal(env.q->stats.packets, 16);
		assert_int_equal(env.q->stats.bytes, 10 * 40 + 6 * 41);
		/* The new device's follow, as if the lost ones had never been. */
		env.got = env.made;
		rx_deliver(&env, 42, NULL);
		assert_int_equal(rx_poll_all(&env), 1);
		assert_int_equal(env.q->stats.stash_dropped, 4);
		/* Else it is told that all were delivered. */
		env.q->stats.packets += 4;
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* A batch that was taken in part: the rest is finished as well. */
static void
test_rest_of_a_batch_is_stashed(void **state)
{
	const struct rx_setup setup = rx_setup_of(16, 1);

	(void)state;
	rx_open(&env, &setup);
	rx_deliver_batch(&env, 9, 5);
	assert_int_equal(rx_poll(&env, 4), 4);
	rx_reconnect(&env, &setup);
	assert_int_equal(env.q->batch_left, 0);
	assert_int_equal(rx_poll_all(&env), 5);
	rx_assert_idle(&env);
	rx_close(&env);
}

/* The old device died in the middle of a packet: that one is dropped, its mbufs are not lost. */
static void
test_half_a_packet_is_dropped(void **state)
{
	const struct pd_rx_opts stage = {.stage = true};
	unsigned int mode, flushed, polled;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		for (flushed = 0; flushed < 4; flushed++) {
			for (polled = 0; polled < 2; polled++) {
				const struct rx_setup setup = rx_setup_of(16, mode);
				unsigned int i;

				rx_open(&env, &setup);
				rx_deliver(&env, 33, NULL);
				rx_deliver(&env, 400, &stage);
				for (i = 0; i < flushed; i++)
					pd_flush_one(env.dev, 0);
				if (polled)
					assert_int_equal(rx_poll(&env, 5), 1);
				rx_reconnect(&env, &setup);
				if (!polled)
					assert_int_equal(rx_poll(&env, 5), 1);
				assert_int_equal(env.q->merge_left, 0);
				rx_skip(&env);
				rx_deliver(&env, 34, NULL);
				assert_int_equal(rx_poll(&env, 5), 1);
				assert_int_equal(env.q->stats.packets, 2);
				assert_int_equal(rte_mempool_in_use_count(env.pool),
						 pvq_ring_outstanding(&env.q->ring));
				rx_close(&env);
			}
		}
	}
}

/* What a device did that then broke the rules is not trusted: nothing of it is stashed. */
static void
test_nothing_is_saved_from_a_broken_device(void **state)
{
	unsigned int switches;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		const struct rx_setup setup = rx_setup_of(16, switches);

		rx_open(&env, &setup);
		pd_inject_used(env.dev, 999, 60, PD_F_WRITE, 1);
		assert_int_equal(rx_poll(&env, 5), 0);
		rx_deliver(&env, 40, NULL);
		rx_reconnect(&env, &setup);
		rx_skip(&env);
		assert_int_equal(rx_poll(&env, 5), 0);
		assert_int_equal(pd_live(env.dev), 16);
		rx_close(&env);
	}
}

static void
test_many_resets_in_a_row(void **state)
{
	uint32_t seed = 4;
	unsigned int round, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct rx_setup setup = rx_setup_of(31, 0);

		rx_open(&env, &setup);
		for (round = 0; round < 300; round++) {
			unsigned int n = unit_random(&seed) % 20;

			while (n-- > 0)
				rx_deliver(&env, 1 + unit_random(&seed) % 100, NULL);
			if (round % 2)
				rx_poll(&env, unit_random(&seed) % 50);
			setup = rx_setup_of(31, unit_random(&seed) % 8);
			rx_reconnect(&env, &setup);
			/* A stash that is full drops nothing here: at most 31 are waiting. */
			rx_poll_all(&env);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

static void
test_clear_frees_or_leaks_everything(void **state)
{
	const struct rx_setup setup = rx_setup_of(16, 0);
	char zone[RTE_MEMZONE_NAMESIZE];
	struct rte_mbuf *posted[16];
	unsigned int i;

	(void)state;
	rx_open(&env, &setup);
	for (i = 0; i < 5; i++)
		rx_deliver(&env, 40, NULL);
	rx_reconnect(&env, &setup);
	assert_int_equal(rte_mempool_in_use_count(env.pool), 21);
	memcpy(zone, env.q->vq.mz->name, sizeof(zone));
	memcpy(posted, env.q->shadow, sizeof(posted));
	/* HD-23: what is posted may still be written to, what is in the stash not. */
	pvq_rxq_clear(env.q, true);
	assert_int_equal(rte_mempool_in_use_count(env.pool), 16);
	assert_int_equal(pvq_ring_outstanding(&env.q->ring), 0);
	rte_pktmbuf_free_bulk(posted, 16);
	rx_close(&env);
	/* Nor is the ring given away, where the device marks what it has used. */
	assert_non_null(rte_memzone_lookup(zone));
	assert_int_equal(rte_memzone_free(rte_memzone_lookup(zone)), 0);

	rx_open(&env, &setup);
	for (i = 0; i < 5; i++)
		rx_deliver(&env, 40, NULL);
	rx_reconnect(&env, &setup);
	memcpy(zone, env.q->vq.mz->name, sizeof(zone));
	pvq_rxq_clear(env.q, false);
	unit_assert_pool_whole(env.pool);
	rx_close(&env);
	assert_null(rte_memzone_lookup(zone));
}

static void
test_nothing_is_read_through_a_closed_gate(void **state)
{
	static const uint32_t bits[] = {PVQ_GATE_STOPPED, PVQ_GATE_AWAY, PVQ_GATE_ERROR,
					PVQ_GATE_MEMORY};
	const struct rx_setup setup = rx_setup_of(8, 0);
	struct rte_mbuf *m;
	unsigned int i;

	(void)state;
	rx_open(&env, &setup);
	for (i = 0; i < RTE_DIM(bits); i++) {
		rx_deliver(&env, 40, NULL);
		pvq_gate_set(&env.q->gate, bits[i]);
		assert_int_equal(env.burst(env.q, &m, 1), 0);
		assert_int_equal(env.q->gate.epoch % 2, 0);
		pvq_gate_clear(&env.q->gate, bits[i]);
		assert_int_equal(rx_poll(&env, 1), 1);
	}
	rx_assert_idle(&env);
	rx_close(&env);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset_keeps_posted_buffers),
		cmocka_unit_test(test_finished_packets_outlive_their_device),
		cmocka_unit_test(test_stash_is_added_to),
		cmocka_unit_test(test_what_the_stash_cannot_hold_is_counted),
		cmocka_unit_test(test_rest_of_a_batch_is_stashed),
		cmocka_unit_test(test_half_a_packet_is_dropped),
		cmocka_unit_test(test_nothing_is_saved_from_a_broken_device),
		cmocka_unit_test(test_many_resets_in_a_row),
		cmocka_unit_test(test_clear_frees_or_leaks_everything),
		cmocka_unit_test(test_nothing_is_read_through_a_closed_gate),
	};

	return cmocka_run_group_tests_name("rxq_reset", tests, unit_eal_start, unit_eal_stop);
}
