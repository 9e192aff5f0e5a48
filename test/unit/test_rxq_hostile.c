/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A device that lies on a receive ring (conformance part E). Reaction Q: the queue stops, counts
 * one error and leaves the ring alone until reset. Reaction P: the packet is dropped and counted,
 * what follows is received.
 */

#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "rxq_env.h"

#define SIZE 16

static struct rx_env env;

static void
open_queue(unsigned int switches)
{
	struct rx_setup setup = rx_setup_of(SIZE, switches);

	setup.free_thresh = 4;
	rx_open(&env, &setup);
}

/* Poll until the queue has stopped for @p error, then see that it touches the ring no more. */
static void
assert_stops(enum pvq_queue_error error)
{
	const size_t bytes = SIZE * sizeof(env.q->ring.desc[0]);
	struct virtq_desc before[SIZE];
	struct rte_mbuf *pkts[4];
	unsigned int i;

	rx_poll(&env, RX_BURST);
	assert_int_equal(env.q->vq.error, error);
	assert_int_equal(env.q->stats.queue_errors, 1);
	assert_int_equal(env.q->stats.packets, env.got);
	assert_true(pvq_gate_state(&env.q->gate) & PVQ_GATE_ERROR);
	memcpy(before, env.q->ring.desc, bytes);
	for (i = 0; i < 5; i++)
		assert_int_equal(env.burst(env.q, pkts, 4), 0);
	assert_memory_equal(before, env.q->ring.desc, bytes);
	assert_int_equal(env.q->stats.queue_errors, 1);
	assert_int_equal(env.q->gate.epoch % 2, 0);
}

/* A new device finds a full ring, and packets flow. */
static void
assert_recovers(void)
{
	const struct rx_setup setup = env.setup;
	unsigned int i;

	rx_reconnect(&env, &setup);
	assert_int_equal(env.q->vq.error, PVQ_QUEUE_OK);
	assert_int_equal(pd_live(env.dev), SIZE);
	env.got = env.made;
	for (i = 0; i < 3 * SIZE; i++) {
		assert_int_equal(rx_deliver(&env, 50, NULL), 1);
		assert_int_equal(rx_poll(&env, 4), 1);
	}
	assert_int_equal(rte_mempool_in_use_count(env.pool), pvq_ring_outstanding(&env.q->ring));
	rx_close(&env);
}

static enum pvq_queue_error
id_error(void)
{
	return env.setup.in_order ? PVQ_QUEUE_BAD_ORDER : PVQ_QUEUE_BAD_ID;
}

static void
test_hd01_id_outside_the_ring(void **state)
{
	static const uint16_t ids[] = {SIZE, SIZE + 1, 0x7fff, 0x8000, 65535};
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(ids); i++) {
		for (switches = 0; switches < 4; switches++) {
			open_queue(switches);
			rx_deliver(&env, 50, NULL);
			pd_inject_used(env.dev, ids[i], 60, PD_F_WRITE, 1);
			assert_stops(id_error());
			assert_int_equal(env.got, 1);
			assert_recovers();
		}
	}
}

static void
test_hd02_id_completed_twice(void **state)
{
	unsigned int switches;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		uint16_t id;

		open_queue(switches);
		rx_deliver(&env, 50, NULL);
		id = pd_first(env.dev)->id;
		rx_deliver(&env, 51, NULL);
		pd_inject_used(env.dev, id, 60, PD_F_WRITE, 1);
		assert_stops(id_error());
		assert_int_equal(env.got, 2);
		assert_recovers();
	}
}

/* IN_ORDER: an id that is not between next_used and next_avail. */
static void
test_hd03_id_outside_the_fifo(void **state)
{
	unsigned int mode, used, id;

	(void)state;
	for (mode = 1; mode < 4; mode += 2) {
		for (used = 1; used < 4; used++) {
			for (id = 0; id < used; id++) {
				unsigned int i;

				open_queue(mode);
				for (i = 0; i < used; i++)
					rx_deliver(&env, 50, NULL);
				/* Fewer free slots than the threshold: none is posted anew. */
				assert_int_equal(rx_poll(&env, RX_BURST), used);
				pd_inject_used(env.dev, id, 60, PD_F_WRITE, 1);
				assert_stops(PVQ_QUEUE_BAD_ORDER);
				assert_recovers();
			}
		}
	}
}

static void
test_hd04_longer_than_posted(void **state)
{
	static const uint32_t excess[] = {1, 2, 65536, 0x80000000};
	unsigned int i, switches;

	(void)state;
	for (i = 0; i <= RTE_DIM(excess); i++) {
		for (switches = 0; switches < 4; switches++) {
			struct pd_rx_opts opts = {.set_len = true};

			open_queue(switches);
			opts.len = i < RTE_DIM(excess) ?
					   PD_NET_HDR_BYTES + env.room + excess[i] : UINT32_MAX;
			rx_deliver(&env, 50, NULL);
			rx_deliver(&env, 50, &opts);
			assert_stops(PVQ_QUEUE_BAD_LEN);
			assert_int_equal(env.got, 1);
			assert_recovers();
		}
	}
}

/* The same in a part that is not the first. */
static void
test_hd04_part_longer_than_posted(void **state)
{
	const struct pd_rx_opts stage = {.stage = true};
	unsigned int mode;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		open_queue(mode);
		assert_int_equal(rx_deliver(&env, 300, &stage), 3);
		/* Overwrites what is staged for the second part. */
		env.q->ring.desc[1].len = rte_cpu_to_le_32(env.room + PD_NET_HDR_BYTES + 1);
		pd_inject_flags(env.dev, 2, PD_F_AVAIL | PD_F_USED | PD_F_WRITE);
		pd_inject_flags(env.dev, 1, PD_F_AVAIL | PD_F_USED | PD_F_WRITE);
		pd_inject_flags(env.dev, 0, PD_F_AVAIL | PD_F_USED | PD_F_WRITE);
		assert_stops(PVQ_QUEUE_BAD_LEN);
		assert_int_equal(env.got, 0);
		pd_violations_clear(env.dev);
		assert_recovers();
	}
}

/* Shorter than a header: a packet lost, or, where num_buffers would be in it, the queue. */
static void
test_hd05_shorter_than_a_header(void **state)
{
	static const uint32_t lens[] = {0, 1, 10, 11};
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < RTE_DIM(lens); i++) {
		for (switches = 0; switches < 4; switches++) {
			const struct pd_rx_opts opts = {.set_len = true, .len = lens[i]};

			open_queue(switches);
			rx_deliver(&env, 50, NULL);
			rx_deliver(&env, 50, &opts);
			rx_deliver(&env, 52, NULL);
			if (switches & 2) {
				assert_stops(PVQ_QUEUE_BAD_LEN);
				assert_int_equal(env.got, 1);
				assert_recovers();
				continue;
			}
			assert_int_equal(rx_poll(&env, 1), 1);
			rx_skip(&env);
			assert_int_equal(rx_poll(&env, RX_BURST), 1);
			assert_int_equal(env.q->stats.short_len, 1);
			assert_int_equal(env.q->stats.queue_errors, 0);
			assert_int_equal(env.q->stats.packets, 2);
			rx_close(&env);
		}
	}
}

/* A device that never says WRITE and reports the length all the same is understood. */
static void
test_hd05_write_clear_with_a_length(void **state)
{
	const struct pd_rx_opts opts = {.no_write = true};
	unsigned int switches, i;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		open_queue(switches);
		for (i = 0; i < 40; i++) {
			rx_deliver(&env, 50, &opts);
			assert_int_equal(rx_poll(&env, 2), 1);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

static void
test_hd06_num_buffers_zero(void **state)
{
	const struct pd_rx_opts opts = {.set_num_buffers = true, .num_buffers = 0};
	unsigned int mode, i;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		open_queue(mode);
		for (i = 0; i < 40; i++) {
			rx_deliver(&env, 50, &opts);
			rx_skip(&env);
			rx_deliver(&env, 51, NULL);
			assert_int_equal(rx_poll(&env, 3), 1);
		}
		assert_int_equal(env.q->stats.no_parts, 40);
		assert_int_equal(env.q->stats.packets, 40);
		assert_int_equal(env.q->stats.queue_errors, 0);
		rx_close(&env);
	}
}

/* More parts than there are buffers outstanding; that many exactly could still come. */
static void
test_hd07_num_buffers_beyond_what_is_outstanding(void **state)
{
	static const uint16_t counts[] = {SIZE, SIZE + 1, 257, 0x8000, 65535};
	unsigned int i, k, mode;

	(void)state;
	for (i = 0; i < RTE_DIM(counts); i++) {
		for (mode = 2; mode < 4; mode++) {
			const struct pd_rx_opts opts = {.set_num_buffers = true,
							.num_buffers = counts[i]};

			open_queue(mode);
			rx_deliver(&env, 50, NULL);
			rx_deliver(&env, 50, &opts);
			/* Enough to be looked at in a batch. */
			for (k = 0; k < 6; k++)
				rx_deliver(&env, 50, NULL);
			assert_stops(PVQ_QUEUE_BAD_NUM_BUFFERS);
			assert_int_equal(env.got, 1);
			assert_recovers();
		}
	}
}

static void
test_hd07_num_buffers_of_all_that_is_outstanding(void **state)
{
	unsigned int mode;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		open_queue(mode);
		assert_int_equal(rx_deliver(&env, SIZE * (env.room + PD_NET_HDR_BYTES) -
					    PD_NET_HDR_BYTES, NULL), SIZE);
		assert_int_equal(rx_poll(&env, 2), 1);
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* Parts that never come: polled for long without spinning, then the queue stops. */
static void
test_hd08_parts_withheld_for_ever(void **state)
{
	const struct pd_rx_opts opts = {.withhold = 2};
	struct rte_mbuf *pkts[4];
	unsigned int mode;
	uint32_t polls;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		open_queue(mode);
		assert_int_equal(rx_deliver(&env, 400, &opts), 4);
		for (polls = 0; polls <= PVQ_MERGE_POLLS_MAX; polls++) {
			assert_int_equal(env.burst(env.q, pkts, 4), 0);
			if (pvq_gate_state(&env.q->gate) & PVQ_GATE_ERROR)
				break;
		}
		assert_true(polls > 1000);
		rx_fetch(&env);
		unit_notifications(RX_VQ);
		assert_stops(PVQ_QUEUE_MERGE_STALLED);
		assert_recovers();
	}
}

/*
 * Without MRG_RXBUF num_buffers ought to be 1, but DPDK's vhost library leaves the field as it
 * finds it: not looked at, no packet lost.
 */
static void
test_hd09_num_buffers_without_mergeable_buffers(void **state)
{
	static const uint16_t counts[] = {0, 2, 0xeeee, 65535};
	unsigned int i, mode;

	(void)state;
	for (i = 0; i < RTE_DIM(counts); i++) {
		for (mode = 0; mode < 2; mode++) {
			const struct pd_rx_opts opts = {.set_num_buffers = true,
							.num_buffers = counts[i]};

			open_queue(mode);
			rx_deliver(&env, 50, &opts);
			rx_deliver(&env, 51, NULL);
			assert_int_equal(rx_poll(&env, 3), 2);
			rx_assert_idle(&env);
			rx_close(&env);
		}
	}
}

/* Whatever was complete before the lie is delivered, also behind a packet of several parts. */
static void
test_packets_before_a_lie_are_delivered(void **state)
{
	unsigned int mode;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		open_queue(mode);
		assert_int_equal(rx_deliver(&env, 200, NULL), 2);
		rx_deliver(&env, 50, NULL);
		assert_int_equal(rx_deliver(&env, 300, NULL), 3);
		pd_inject_used(env.dev, 65535, 60, PD_F_WRITE, 1);
		assert_stops(id_error());
		assert_int_equal(env.got, 3);
		assert_recovers();
	}
}

/* What the driver posted it knows; what stands in the ring meanwhile does not matter. */
static void
test_hd13_ring_rewritten_by_the_device(void **state)
{
	unsigned int switches, round;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		open_queue(switches);
		for (round = 0; round < 60; round++) {
			pd_scribble(env.dev, round);
			assert_int_equal(rx_deliver(&env, 50 + round, NULL), 1);
			assert_int_equal(rx_poll(&env, 4), 1);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* Slots that look used but were not made available are not looked at. */
static void
test_hd15_used_with_nothing_outstanding(void **state)
{
	unsigned int switches, n, slot;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		struct rx_setup setup = rx_setup_of(SIZE, switches);
		struct rte_mbuf *pkts[SIZE];

		/* No spare mbufs: what the application keeps is missing in the ring. */
		setup.nb_mbufs = SIZE;
		rx_open(&env, &setup);
		for (n = 0; n < SIZE; n++) {
			rx_deliver(&env, 50, NULL);
			assert_int_equal(env.burst(env.q, &pkts[n], 1), 1);
		}
		assert_int_equal(pvq_ring_outstanding(&env.q->ring), 0);
		/* The next lap's marks, without a single buffer there. */
		for (slot = 0; slot < SIZE; slot++)
			pd_inject_flags(env.dev, slot, PD_F_WRITE);
		assert_int_equal(env.burst(env.q, &(struct rte_mbuf *){NULL}, 1), 0);
		assert_int_equal(env.q->stats.queue_errors, 0);
		rte_pktmbuf_free_bulk(pkts, SIZE);
		assert_int_equal(rx_poll(&env, 4), 0);
		env.got = env.made;
		assert_int_equal(rx_deliver(&env, 50, NULL), 1);
		assert_int_equal(rx_poll(&env, 4), 1);
		rx_close(&env);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hd01_id_outside_the_ring),
		cmocka_unit_test(test_hd02_id_completed_twice),
		cmocka_unit_test(test_hd03_id_outside_the_fifo),
		cmocka_unit_test(test_hd04_longer_than_posted),
		cmocka_unit_test(test_hd04_part_longer_than_posted),
		cmocka_unit_test(test_hd05_shorter_than_a_header),
		cmocka_unit_test(test_hd05_write_clear_with_a_length),
		cmocka_unit_test(test_hd06_num_buffers_zero),
		cmocka_unit_test(test_hd07_num_buffers_beyond_what_is_outstanding),
		cmocka_unit_test(test_hd07_num_buffers_of_all_that_is_outstanding),
		cmocka_unit_test(test_hd08_parts_withheld_for_ever),
		cmocka_unit_test(test_hd09_num_buffers_without_mergeable_buffers),
		cmocka_unit_test(test_packets_before_a_lie_are_delivered),
		cmocka_unit_test(test_hd13_ring_rewritten_by_the_device),
		cmocka_unit_test(test_hd15_used_with_nothing_outstanding),
	};

	return cmocka_run_group_tests_name("rxq_hostile", tests, unit_eal_start, unit_eal_stop);
}
