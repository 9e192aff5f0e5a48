/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Receive bursts against the device model: every size and mode with mixed traffic, every field of
 * every mbuf, refill and its threshold, an empty pool, statistics.
 */

#include <rte_ethdev.h>

#include "ring_env.h"
#include "rxq_env.h"

#define LAPS 4

static struct rx_env env;

/** How the device uses buffers. */
enum use {
	USE_FIFO,
	USE_REVERSE,
	USE_SHUFFLE,
	USE_BATCH,
};

/* A new wish of the device, any of the four kinds. */
static void
set_event(uint32_t *seed)
{
	env.event = unit_random(seed) % env.setup.size | (unit_random(seed) & 1) << 15 |
		    (unit_random(seed) & 3) << 16;
	pd_notify_raw(env.dev, env.event);
}

/* Deliver one packet or one batch. @return packets, 0 when the device has too few buffers. */
static unsigned int
deliver_some(enum use use, uint32_t *seed)
{
	struct pd_rx_opts opts = {
		.order = use == USE_BATCH ? PD_FIFO : (enum pd_order)use,
		.seed = unit_random(seed),
		.batch = use == USE_BATCH && unit_random(seed) % 2,
	};
	uint32_t len = 1 + unit_random(seed) % env.room;
	uint32_t live = pd_live(env.dev), n;

	if (use == USE_BATCH && !opts.batch && live != 0) {
		n = 1 + unit_random(seed) % RTE_MIN(live, 70u);
		rx_deliver_batch(&env, n, len);
		return n;
	}
	if (env.setup.mergeable && unit_random(seed) % 3 == 0)
		len += unit_random(seed) % 4 * (env.room + PD_NET_HDR_BYTES);
	return rx_deliver(&env, len, &opts) > 0;
}

static void
run_traffic(const struct rx_setup *setup, enum use use)
{
	uint32_t seed = setup->size, rounds = 0, waiting = 0, want;
	uint16_t n;

	rx_open(&env, setup);
	assert_int_equal(env.posted, setup->size);
	while (env.posted < (uint64_t)(LAPS + 1) * setup->size + 1) {
		assert_true(++rounds < 2000 + 10u * setup->size);
		set_event(&seed);
		for (want = unit_random(&seed) % 80; want > 0; want--) {
			n = deliver_some(use, &seed);
			waiting += n;
			if (n == 0)
				break;
		}
		n = 1 + unit_random(&seed) % RX_BURST;
		/* All that is used and complete, or as many as were asked for. */
		want = RTE_MIN(n, waiting);
		assert_int_equal(rx_poll(&env, n), want);
		waiting -= want;
	}
	assert_int_equal(rx_poll_all(&env), waiting);
	rx_assert_idle(&env);
	rx_close(&env);
}

static void
test_pr03_pr05_every_size_and_mode(void **state)
{
	unsigned int i, switches;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		for (switches = 0; switches < 16; switches++) {
			const struct rx_setup setup = rx_setup_of(ring_sizes[i], switches);

			/* Where size makes the difference, not the mode. */
			if (setup.size >= 32767 && switches < 12)
				continue;
			run_traffic(&setup, USE_FIFO);
		}
	}
}

static void
test_pr19_any_order_of_completion(void **state)
{
	unsigned int i, mergeable;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		for (mergeable = 0; mergeable < 4; mergeable += 2) {
			const struct rx_setup setup = rx_setup_of(ring_sizes[i], mergeable | 12);

			run_traffic(&setup, USE_REVERSE);
			if (setup.size <= 1024)
				run_traffic(&setup, USE_SHUFFLE);
		}
	}
}

static void
test_pr22_pr23_batches_every_size(void **state)
{
	unsigned int i, mergeable;

	(void)state;
	for (i = 0; i < ring_nb_sizes; i++) {
		for (mergeable = 0; mergeable < 4; mergeable += 2) {
			const struct rx_setup setup = rx_setup_of(ring_sizes[i], mergeable | 13);

			run_traffic(&setup, USE_BATCH);
		}
	}
}

/* An application may lay out its pool as it likes. */
static void
test_buffers_apart_from_their_mbufs(void **state)
{
	unsigned int switches;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		struct rx_setup setup = rx_setup_of(64, switches);

		setup.apart = true;
		run_traffic(&setup, USE_FIFO);
	}
}

/* From one byte to the most that one buffer takes, in every mode. */
static void
test_every_length_of_one_buffer(void **state)
{
	unsigned int switches;
	uint32_t len;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		const struct rx_setup setup = rx_setup_of(7, switches);

		rx_open(&env, &setup);
		for (len = 1; len <= env.room; len++) {
			assert_int_equal(rx_deliver(&env, len, NULL), 1);
			assert_int_equal(rx_poll(&env, 4), 1);
		}
		/* A header and nothing else is a packet without data. */
		assert_int_equal(rx_deliver(&env, 0, NULL), 1);
		assert_int_equal(rx_poll(&env, 4), 1);
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* From two parts to all buffers of the ring; from every slot, so over the end as well. */
static void
test_nt12_chains_of_every_length_from_every_slot(void **state)
{
	static const uint16_t sizes[] = {2, 3, 5, 7, 16};
	unsigned int i, mode, start, parts;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (mode = 2; mode < 4; mode++) {
			struct rx_setup setup = rx_setup_of(sizes[i], mode);

			setup.free_thresh = 1;
			rx_open(&env, &setup);
			for (start = 0; start < 2u * sizes[i]; start++) {
				for (parts = 1; parts <= sizes[i]; parts++) {
					uint32_t len = parts * (env.room + PD_NET_HDR_BYTES) -
						       PD_NET_HDR_BYTES - start % 50;

					assert_int_equal(rx_deliver(&env, len, NULL), parts);
					assert_int_equal(rx_poll(&env, 4), 1);
				}
				rx_deliver(&env, 1, NULL);
				rx_poll_all(&env);
			}
			rx_assert_idle(&env);
			rx_close(&env);
		}
	}
}

/* Short parts in the middle: lengths are those reported (HD-11). */
static void
test_hd11_parts_that_are_not_full(void **state)
{
	unsigned int mode, parts;
	uint32_t len;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		const struct rx_setup setup = rx_setup_of(16, mode);

		rx_open(&env, &setup);
		for (parts = 2; parts <= 8; parts++) {
			for (len = parts; len < 60; len++) {
				const struct pd_rx_opts opts = {.min_parts = parts};

				assert_int_equal(rx_deliver(&env, len, &opts), parts);
				assert_int_equal(rx_poll(&env, 4), 1);
			}
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* Lengths are 32 bits wide: ten parts of 9,000 bytes are one packet. */
static void
test_hd10_packets_beyond_64_kilobytes(void **state)
{
	unsigned int mode, i;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		struct rx_setup setup = rx_setup_of(32, mode);

		setup.data = 9000;
		rx_open(&env, &setup);
		for (i = 0; i < 20; i++) {
			assert_int_equal(rx_deliver(&env, 65525 + i, NULL), 8);
			assert_int_equal(rx_deliver(&env, 90000, NULL), 10);
			assert_int_equal(rx_poll_all(&env), 2);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* A burst may end anywhere, and go on in the middle of a packet's parts. */
static void
test_small_bursts_of_large_packets(void **state)
{
	unsigned int mode, n, i;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		const struct rx_setup setup = rx_setup_of(257, mode);

		rx_open(&env, &setup);
		for (n = 1; n <= 40; n++) {
			for (i = 0; i < 60; i++)
				assert_int_equal(rx_deliver(&env, 300, NULL), 3);
			for (i = 0; i < 60; i += RTE_MIN(n, 60 - i))
				assert_int_equal(rx_poll(&env, n), RTE_MIN(n, 60 - i));
			assert_int_equal(rx_poll(&env, n), 0);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

static void
test_several_mbufs_only_with_scatter(void **state)
{
	unsigned int mode;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		struct rx_setup setup = rx_setup_of(16, mode);

		setup.no_scatter = true;
		rx_open(&env, &setup);
		rx_deliver(&env, 50, NULL);
		assert_int_equal(rx_deliver(&env, 300, NULL), 3);
		rx_deliver(&env, 60, NULL);
		assert_int_equal(rx_poll(&env, 1), 1);
		rx_skip(&env);
		assert_int_equal(rx_poll(&env, 8), 1);
		assert_int_equal(env.q->stats.scattered, 1);
		assert_int_equal(env.q->stats.packets, 2);
		assert_int_equal(env.q->stats.bytes, 110);
		rx_close(&env);
	}
}

static void
test_refill_threshold(void **state)
{
	static const struct {
		uint16_t size;
		uint16_t asked;
		uint16_t expected;
	} cases[] = {
		{1, 0, 1}, {7, 0, 1}, {64, 0, 8}, {1024, 0, 32}, {64, 5, 5}, {64, 32, 32},
		{64, 1000, 32},
	};
	unsigned int i, mode, n;

	(void)state;
	for (i = 0; i < RTE_DIM(cases); i++) {
		for (mode = 0; mode < 4; mode++) {
			struct rx_setup setup = rx_setup_of(cases[i].size, mode);

			setup.free_thresh = cases[i].asked;
			rx_open(&env, &setup);
			for (n = 1; n < cases[i].expected; n++) {
				rx_deliver(&env, 60, NULL);
				assert_int_equal(rx_poll(&env, 4), 1);
				assert_int_equal(env.q->ring.nb_free, n);
			}
			/* That many slots are free: all are posted, at once. */
			rx_deliver(&env, 60, NULL);
			assert_int_equal(rx_poll(&env, 4), 1);
			assert_int_equal(env.q->ring.nb_free, 0);
			assert_int_equal(env.posted, cases[i].size + cases[i].expected);
			rx_close(&env);
		}
	}
}

/* The application keeps everything, the pool runs dry, and comes back. */
static void
test_pool_exhaustion_and_recovery(void **state)
{
	const unsigned int spare = 5;
	unsigned int switches, round, i, n;
	struct rte_mbuf *kept[64];

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		struct rx_setup setup = rx_setup_of(32, switches);

		setup.nb_mbufs = 32 + spare;
		setup.free_thresh = 1;
		rx_open(&env, &setup);
		for (round = 0; round < 20; round++) {
			uint64_t missing = env.q->stats.no_mbuf;

			for (n = 0; n < 32 + spare; n++) {
				assert_int_equal(rx_deliver(&env, 60, NULL), 1);
				assert_int_equal(env.burst(env.q, &kept[n], 1), 1);
				rx_check(&env, kept[n], env.got++);
				rx_fetch(&env);
			}
			assert_int_equal(pvq_ring_outstanding(&env.q->ring), 0);
			/* One slot more is missing at each packet beyond the spare ones. */
			assert_int_equal(env.q->stats.no_mbuf - missing, 32 * 33 / 2);
			assert_int_equal(rx_deliver(&env, 60, NULL), -EAGAIN);
			/* Some come back, then all. */
			for (i = 0; i < 3; i++)
				unit_mbuf_free(kept[--n]);
			assert_int_equal(env.burst(env.q, &kept[n], 1), 0);
			assert_int_equal(rx_fetch(&env), 3);
			while (n > 0)
				unit_mbuf_free(kept[--n]);
			assert_int_equal(env.burst(env.q, kept, 1), 0);
			assert_int_equal(rx_fetch(&env), 29);
			assert_int_equal(env.q->stats.packets, env.got);
		}
		unit_notifications(RX_VQ);
		rx_close(&env);
	}
}

/* Not one mbuf when the ring is set up: refused. A few: what there is. */
static void
test_reset_with_too_small_a_pool(void **state)
{
	struct rx_setup setup = rx_setup_of(32, 0);
	const struct pvq_queue_mode mode = {
		.bus = unit_bus(), .max_tx_len = UINT32_MAX,
	};
	struct rte_mbuf *m[4];
	unsigned int i;

	(void)state;
	setup.nb_mbufs = 4;
	rx_open(&env, &setup);
	assert_int_equal(pvq_ring_outstanding(&env.q->ring), 4);
	pvq_rxq_clear(env.q, false);
	for (i = 0; i < 4; i++)
		m[i] = rte_pktmbuf_alloc(env.pool);
	assert_int_equal(pvq_rxq_reset(env.q, &mode), -ENOMEM);
	rte_pktmbuf_free_bulk(m, 4);
	assert_int_equal(pvq_rxq_reset(env.q, &mode), 0);
	pd_reset(env.dev);
	assert_int_equal(rx_fetch(&env), 4);
	rx_deliver(&env, 50, NULL);
	assert_int_equal(env.burst(env.q, m, 4), 1);
	rx_check(&env, m[0], env.got++);
	unit_mbuf_free(m[0]);
	rx_close(&env);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pr03_pr05_every_size_and_mode),
		cmocka_unit_test(test_pr19_any_order_of_completion),
		cmocka_unit_test(test_pr22_pr23_batches_every_size),
		cmocka_unit_test(test_buffers_apart_from_their_mbufs),
		cmocka_unit_test(test_every_length_of_one_buffer),
		cmocka_unit_test(test_nt12_chains_of_every_length_from_every_slot),
		cmocka_unit_test(test_hd11_parts_that_are_not_full),
		cmocka_unit_test(test_hd10_packets_beyond_64_kilobytes),
		cmocka_unit_test(test_small_bursts_of_large_packets),
		cmocka_unit_test(test_several_mbufs_only_with_scatter),
		cmocka_unit_test(test_refill_threshold),
		cmocka_unit_test(test_pool_exhaustion_and_recovery),
		cmocka_unit_test(test_reset_with_too_small_a_pool),
	};

	return cmocka_run_group_tests_name("rxq", tests, unit_eal_start, unit_eal_stop);
}
