/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The order in which receive buffers are used: batches of an in-order device, any order otherwise,
 * used descriptors that show before those in front of them.
 */

#include <rte_ethdev.h>

#include "rxq_env.h"

static struct rx_env env;

/* Move both indices to @p slot, in a lap of either parity. */
static void
turn_to(unsigned int slot, bool odd_lap)
{
	unsigned int i;

	for (i = 0; i < slot + (odd_lap ? env.setup.size : 0u); i++) {
		rx_deliver(&env, 20, NULL);
		rx_poll(&env, 1);
	}
}

static void
run_batch(uint16_t size, unsigned int mode, uint16_t start, uint16_t k)
{
	struct rx_setup setup = rx_setup_of(size, 1 | 8 | mode);
	uint16_t first = 1 + start % k;

	setup.free_thresh = 1;
	rx_open(&env, &setup);
	turn_to(start, k % 2);
	rx_deliver_batch(&env, k, 33);
	/* Taken in two bursts, the second one starts inside the batch. */
	assert_int_equal(rx_poll(&env, first), first);
	assert_int_equal(rx_poll(&env, RX_BURST), k - first);
	assert_int_equal(rx_poll(&env, RX_BURST), 0);
	assert_int_equal(env.q->ring.next_used, (start + k) % size);
	rx_assert_idle(&env);
	rx_close(&env);
}

static void
test_pr22_pr23_batch_of_every_length_from_every_slot(void **state)
{
	static const uint16_t sizes[] = {1, 2, 3, 5, 7, 8};
	unsigned int i, mode;
	uint16_t start, k;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++)
		for (mode = 0; mode < 4; mode += 2)
			for (start = 0; start < sizes[i]; start++)
				for (k = 1; k <= sizes[i]; k++)
					run_batch(sizes[i], mode, start, k);
}

/* Batches longer than what a burst handles at a time, over the end of a large ring. */
static void
test_pr22_long_batches(void **state)
{
	static const uint16_t sizes[] = {255, 256, 257, 1024};
	unsigned int i, mode, k;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		for (mode = 0; mode < 4; mode += 2) {
			const struct rx_setup setup = rx_setup_of(sizes[i], 1 | 8 | mode);

			rx_open(&env, &setup);
			for (k = 30; k < 70; k++) {
				rx_deliver_batch(&env, k, 1 + k % 5);
				assert_int_equal(rx_poll_all(&env), k);
			}
			/* All that the device has, by one used descriptor. */
			k = pd_live(env.dev);
			rx_deliver_batch(&env, k, 7);
			assert_int_equal(rx_poll_all(&env), k);
			rx_assert_idle(&env);
			rx_close(&env);
		}
	}
}

/* A packet of several buffers that are used by one descriptor: all but the last are full. */
static void
test_pr22_pr23_merged_packet_as_a_batch(void **state)
{
	const struct pd_rx_opts opts = {.batch = true};
	const struct rx_setup setup = rx_setup_of(13, 3 | 8);
	unsigned int round, parts;

	(void)state;
	rx_open(&env, &setup);
	for (round = 0; round < 13 * 8; round++) {
		parts = 1 + round % 12;
		assert_int_equal(rx_deliver(&env, parts * (env.room + PD_NET_HDR_BYTES) -
					    PD_NET_HDR_BYTES - round % 9, &opts), parts);
		assert_int_equal(rx_poll(&env, 5), 1);
	}
	rx_assert_idle(&env);
	rx_close(&env);
}

/* The length of the used descriptor is the last buffer's; those before it are full. */
static void
test_pr23_length_belongs_to_the_last(void **state)
{
	const struct rx_setup setup = rx_setup_of(8, 1);
	struct rte_mbuf *pkts[8];
	unsigned int i;

	(void)state;
	rx_open(&env, &setup);
	rx_deliver_batch(&env, 5, 3);
	assert_int_equal(env.burst(env.q, pkts, 8), 5);
	for (i = 0; i < 5; i++) {
		assert_int_equal(pkts[i]->pkt_len, i < 4 ? env.room : 3);
		rx_check(&env, pkts[i], env.got++);
		unit_mbuf_free(pkts[i]);
	}
	rx_close(&env);
}

/* The id says where a batch ends; behind it nothing is taken. */
static void
test_pr22_the_id_is_read(void **state)
{
	const struct rx_setup setup = rx_setup_of(7, 1);
	unsigned int round, k;

	(void)state;
	rx_open(&env, &setup);
	for (round = 0; round < 50; round++) {
		k = 1 + round % 6;
		rx_deliver_batch(&env, k, 9);
		assert_int_equal(rx_poll(&env, 7), k);
	}
	rx_assert_idle(&env);
	rx_close(&env);
}

static void
test_pr21_a_hole_is_waited_for(void **state)
{
	const struct pd_rx_opts opts = {.stage = true};
	unsigned int switches, round, i;

	(void)state;
	for (switches = 0; switches < 4; switches++) {
		struct rx_setup setup = rx_setup_of(5, switches);

		setup.free_thresh = 1;
		rx_open(&env, &setup);
		for (round = 0; round < 25; round++) {
			for (i = 0; i < 4; i++)
				assert_int_equal(rx_deliver(&env, 30 + i, &opts), 1);
			pd_flush_one(env.dev, 3);
			pd_flush_one(env.dev, 1);
			assert_int_equal(rx_poll(&env, 8), 0);
			pd_flush_one(env.dev, 0);
			assert_int_equal(rx_poll(&env, 8), 2);
			pd_flush(env.dev);
			assert_int_equal(rx_poll(&env, 8), 2);
			if (round % 2)
				turn_to(1, false);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* Tail parts show first: until the head does there is no packet (PR-39, L-14). */
static void
test_pr39_parts_before_their_head(void **state)
{
	const struct pd_rx_opts opts = {.stage = true};
	unsigned int mode, round, staged;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		const struct rx_setup setup = rx_setup_of(9, mode);

		rx_open(&env, &setup);
		for (round = 0; round < 40; round++) {
			assert_int_equal(rx_deliver(&env, 400, &opts), 4);
			for (staged = 3; staged > 0; staged--) {
				pd_flush_one(env.dev, staged);
				assert_int_equal(rx_poll(&env, 4), 0);
			}
			pd_flush_one(env.dev, 0);
			assert_int_equal(rx_poll(&env, 4), 1);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* The device breaks PR-39: parts come late, and the packet is complete all the same. */
static void
test_hd08_late_parts_complete_a_packet(void **state)
{
	const struct pd_rx_opts opts = {.stage = true};
	unsigned int mode, round, i;

	(void)state;
	for (mode = 2; mode < 4; mode++) {
		const struct rx_setup setup = rx_setup_of(9, mode);

		rx_open(&env, &setup);
		for (round = 0; round < 40; round++) {
			rx_deliver(&env, 400, &opts);
			for (i = 0; i < 3; i++) {
				pd_flush_one(env.dev, 0);
				assert_int_equal(rx_poll(&env, 4), 0);
				assert_int_equal(rx_poll(&env, 4), 0);
			}
			pd_flush(env.dev);
			assert_int_equal(rx_poll(&env, 4), 1);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* Ids come back in the order of use, so the next lap posts them in that order. */
static void
test_pr14_ids_stay_unique_when_shuffled(void **state)
{
	struct rx_setup setup = rx_setup_of(11, 8);
	unsigned int round, i, n;

	(void)state;
	setup.free_thresh = 1;
	rx_open(&env, &setup);
	for (round = 0; round < 200; round++) {
		n = 1 + round % 11;
		for (i = 0; i < n; i++) {
			const struct pd_rx_opts opts = {
				.order = PD_SHUFFLE,
				.seed = round * 31 + i,
			};

			assert_int_equal(rx_deliver(&env, 40, &opts), 1);
		}
		assert_int_equal(rx_poll(&env, 20), n);
		/* Every id is live again at the device, each once: the model checks (PR-14). */
		for (i = 0; i < 11; i++)
			assert_non_null(pd_find(env.dev, i));
	}
	rx_assert_idle(&env);
	rx_close(&env);
}

/*
 * Four packets, the id of one of them that of an earlier one, or @p outside if @p twin is not
 * earlier: it is the end, for a path that looks at all four at once too.
 */
static void
run_id_in_a_batch(bool mergeable, unsigned int bad, unsigned int twin, uint16_t outside)
{
	const struct pd_rx_opts shuffle = {.order = PD_SHUFFLE, .seed = 5};
	const struct rx_setup setup = rx_setup_of(16, mergeable ? 2 : 0);
	struct rte_mbuf *pkts[RX_BURST];
	struct virtq_desc *used;
	unsigned int i;

	rx_open(&env, &setup);
	/* A packet has been in the stash, which begins where the shadow ends. */
	rx_deliver(&env, 30, NULL);
	rx_reconnect(&env, &setup);
	assert_int_equal(rx_poll_all(&env), 1);
	/* As long as ids are the slots' own, they are only compared with those. */
	for (i = 0; i < 16; i++)
		rx_deliver(&env, 30, &shuffle);
	assert_int_equal(rx_poll_all(&env), 16);
	assert_false(env.q->ordered);
	for (i = 0; i < 4; i++)
		rx_deliver(&env, 40, &shuffle);
	assert_int_equal(env.q->ring.next_used, 0);
	used = env.q->ring.desc;
	used[bad].id = twin < bad ? used[twin].id : outside;
	assert_int_equal(env.burst(env.q, pkts, RX_BURST), bad);
	for (i = 0; i < bad; i++)
		rx_check(&env, pkts[i], env.got++);
	rte_pktmbuf_free_bulk(pkts, bad);
	assert_int_equal(env.q->vq.error, PVQ_QUEUE_BAD_ID);
	assert_int_equal(env.q->stats.queue_errors, 1);
	rx_close(&env);
}

static void
test_hd01_hd02_ids_in_a_batch(void **state)
{
	static const uint16_t outside[] = {16, 17, 0x7fff, 0x8000, 65535};
	unsigned int mode, bad, i;

	(void)state;
	for (mode = 0; mode < 2; mode++)
		for (bad = 0; bad < 4; bad++) {
			for (i = 0; i < bad; i++)
				run_id_in_a_batch(mode, bad, i, 0);
			for (i = 0; i < RTE_DIM(outside); i++)
				run_id_in_a_batch(mode, bad, bad, outside[i]);
		}
}

/* Taken for a slot of the next lap it would be within what is outstanding. */
static void
run_id_beyond_the_ring(unsigned int mode, uint16_t start, uint16_t id)
{
	struct rx_setup setup = rx_setup_of(16, mode);
	struct rte_mbuf *m;

	setup.free_thresh = 1;
	rx_open(&env, &setup);
	turn_to(start, false);
	pd_inject_used(env.dev, id, 60, PD_F_WRITE, 1);
	assert_int_equal(env.burst(env.q, &m, 1), 0);
	assert_int_equal(env.q->vq.error, PVQ_QUEUE_BAD_ORDER);
	rx_close(&env);
}

static void
test_hd01_size_as_an_id_at_every_slot(void **state)
{
	unsigned int mode;
	uint16_t start, id;

	(void)state;
	for (mode = 1; mode < 4; mode += 2)
		for (start = 0; start < 16; start++)
			for (id = 16; id < 32; id++)
				run_id_beyond_the_ring(mode, start, id);
}

/* Used means that both bits stand as the lap has them; one of them alone means nothing. */
static void
run_half_used(unsigned int mode, uint16_t flag, unsigned int bad)
{
	struct rx_setup setup = rx_setup_of(16, mode);
	struct rte_mbuf *pkts[RX_BURST];
	unsigned int round, i;
	uint16_t *flags;

	/* The device does not look, to which such a slot may seem available, until all is well. */
	setup.free_thresh = 8;
	rx_open(&env, &setup);
	for (round = 0; round < 6; round++) {
		for (i = 0; i < 8; i++)
			rx_deliver(&env, 40, NULL);
		flags = &env.q->ring.desc[(env.q->ring.next_used + bad) % 16].flags;
		*flags ^= flag;
		assert_int_equal(env.burst(env.q, pkts, RX_BURST), bad);
		for (i = 0; i < bad; i++) {
			rx_check(&env, pkts[i], env.got++);
			env.bytes += pkts[i]->pkt_len;
		}
		rte_pktmbuf_free_bulk(pkts, bad);
		*flags ^= flag;
		assert_int_equal(rx_poll(&env, RX_BURST), 8 - bad);
	}
	rx_assert_idle(&env);
	rx_close(&env);
}

static void
test_pr16_both_bits_say_used(void **state)
{
	unsigned int mode, bad;

	(void)state;
	for (mode = 0; mode < 4; mode++)
		for (bad = 0; bad < 8; bad++) {
			run_half_used(mode, VIRTQ_DESC_F_AVAIL, bad);
			run_half_used(mode, VIRTQ_DESC_F_USED, bad);
		}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pr22_pr23_batch_of_every_length_from_every_slot),
		cmocka_unit_test(test_pr22_long_batches),
		cmocka_unit_test(test_pr22_pr23_merged_packet_as_a_batch),
		cmocka_unit_test(test_pr23_length_belongs_to_the_last),
		cmocka_unit_test(test_pr22_the_id_is_read),
		cmocka_unit_test(test_hd01_hd02_ids_in_a_batch),
		cmocka_unit_test(test_hd01_size_as_an_id_at_every_slot),
		cmocka_unit_test(test_pr16_both_bits_say_used),
		cmocka_unit_test(test_pr21_a_hole_is_waited_for),
		cmocka_unit_test(test_pr39_parts_before_their_head),
		cmocka_unit_test(test_hd08_late_parts_complete_a_packet),
		cmocka_unit_test(test_pr14_ids_stay_unique_when_shuffled),
	};

	return cmocka_run_group_tests_name("rxq_order", tests, unit_eal_start, unit_eal_stop);
}
