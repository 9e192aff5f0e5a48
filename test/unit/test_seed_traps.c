/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The mistakes that a known first draft of a packed-ring driver made, one test each, against the
 * driver's own queues (conformance part A, seed traps). Bytes of the ring are read directly.
 */

#include <rte_ethdev.h>

#include "rxq_env.h"
#include "txq_env.h"

#define SIZE 7

static struct tx_env tx;
static struct rx_env rx;

/* A transmit ring without tables whose next slot is @p slot of the first lap. */
static void
open_tx_at(uint16_t slot, unsigned int switches)
{
	const struct tx_setup setup = tx_setup_of(SIZE, switches);

	tx_open(&tx, &setup);
	while (tx.q->ring.next_avail != slot) {
		tx_send_one(&tx, TX_PLAIN, 60);
		tx_drain(&tx);
	}
}

static const struct virtq_desc *
slot_of(uint16_t start, uint16_t i)
{
	return &tx.q->ring.desc[(start + i) % SIZE];
}

static void
test_trap1_index_advances_inside_a_list(void **state)
{
	uint16_t i;

	(void)state;
	open_tx_at(1, 0);
	tx_send_one(&tx, TX_FIVE, 60);
	assert_int_equal(pd_first(tx.dev)->slots, 5);
	/* Five slots, five different addresses, five lengths. */
	for (i = 0; i < 5; i++) {
		assert_int_equal(rte_le_to_cpu_64(slot_of(1, i)->addr),
				 pd_first(tx.dev)->elements[i].addr);
		assert_int_equal(rte_le_to_cpu_32(slot_of(1, i)->len),
				 i == 0 ? 1 + PD_NET_HDR_BYTES : i == 2 ? 56 : 1);
	}
	assert_int_equal(tx.q->ring.next_avail, 6);
	tx_drain(&tx);
	tx_close(&tx);
}

static void
test_trap2_available_index_wraps_at_the_size(void **state)
{
	unsigned int i;

	(void)state;
	open_tx_at(0, 0);
	for (i = 0; i < 3 * SIZE; i++) {
		assert_int_equal(tx.q->ring.next_avail, i % SIZE);
		tx_send_one(&tx, TX_PLAIN, 60);
		assert_int_equal(pd_first(tx.dev)->head, i % SIZE);
		tx_drain(&tx);
	}
	tx_close(&tx);
}

static void
test_trap2_used_index_wraps_at_the_size(void **state)
{
	unsigned int i;

	(void)state;
	open_tx_at(0, 0);
	for (i = 0; i < 3 * SIZE; i++) {
		assert_int_equal(tx.q->ring.next_used, i % SIZE);
		tx_send_one(&tx, TX_PLAIN, 60);
		tx_drain(&tx);
	}
	tx_close(&tx);
}

static void
test_trap3_head_flags_are_deferred_on_purpose(void **state)
{
	uint16_t head_flags = 0, wrapped;
	struct pvq_cursor at;
	struct rte_mbuf *m;

	(void)state;
	open_tx_at(4, 0);
	m = tx_make(&tx, TX_FIVE, 60);
	at = pvq_ring_cursor(&tx.q->ring);
	assert_int_equal(pvq_txq_write_list(tx.q, m, &at, 0, false, &head_flags), 5);
	/* Written, tail flags included, and the device sees nothing of it. */
	wrapped = rte_le_to_cpu_16(tx.q->ring.desc[0].flags);
	assert_int_equal(wrapped & (PD_F_AVAIL | PD_F_USED), PD_F_USED);
	assert_false(pd_available(tx.dev));
	assert_int_equal(tx_fetch(&tx), 0);
	pvq_ring_publish(&tx.q->ring, head_flags | pvq_ring_cursor(&tx.q->ring).flags, at, 5,
			 tx.q->ring.platform);
	assert_int_equal(tx_fetch(&tx), 1);
	tx_drain(&tx);
	tx_close(&tx);
}

static void
test_trap4_in_order_still_reads_the_id(void **state)
{
	unsigned int k, i;

	(void)state;
	for (k = 1; k <= 5; k++) {
		open_tx_at(3, 1);
		for (i = 0; i < 5; i++)
			tx_send_one(&tx, TX_PLAIN, 60);
		/* One used descriptor in the first slot; only its id tells how many. */
		assert_int_equal(pd_complete_batch(tx.dev, k, 0), 0);
		assert_int_equal(tx_reclaim(&tx), k);
		tx_drain(&tx);
		tx_close(&tx);
	}
}

static void
test_trap_next_is_set_on_all_but_the_last(void **state)
{
	uint16_t start, i;

	(void)state;
	for (start = 0; start < SIZE; start++) {
		open_tx_at(start, 0);
		tx_send_one(&tx, TX_FIVE, 60);
		for (i = 0; i < 5; i++)
			assert_int_equal(rte_le_to_cpu_16(slot_of(start, i)->flags) & PD_F_NEXT,
					 i < 4 ? PD_F_NEXT : 0);
		tx_drain(&tx);
		tx_close(&tx);
	}
}

static void
test_trap_id_stands_in_the_last_slot(void **state)
{
	unsigned int mode;
	uint16_t start, id;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		for (start = 0; start < SIZE; start++) {
			open_tx_at(start, mode);
			tx_send_one(&tx, TX_FIVE, 60);
			id = rte_le_to_cpu_16(slot_of(start, 4)->id);
			assert_ptr_equal(tx.q->shadow[id], tx.q->shadow[pd_first(tx.dev)->id]);
			assert_non_null(tx.q->shadow[id]);
			/* A device that names this id, and no other, frees the packet. */
			pd_complete(tx.dev, pd_first(tx.dev), 0);
			assert_int_equal(tx_reclaim(&tx), 1);
			tx_close(&tx);
		}
	}
}

static void
test_trap_wrap_counter_flips_inside_a_list(void **state)
{
	const uint16_t both = PD_F_AVAIL | PD_F_USED;
	uint16_t start, i;

	(void)state;
	for (start = 3; start < SIZE; start++) {
		open_tx_at(start, 0);
		tx_send_one(&tx, TX_FIVE, 60);
		/* First lap up to the end of the ring, second lap behind it. */
		for (i = 0; i < 5; i++)
			assert_int_equal(rte_le_to_cpu_16(slot_of(start, i)->flags) & both,
					 start + i < SIZE ? PD_F_AVAIL : PD_F_USED);
		tx_drain(&tx);
		tx_close(&tx);
	}
}

/* Equal bits alone also match a slot never used and the lap before. */
static void
test_trap_used_is_compared_with_the_wrap_counter(void **state)
{
	struct rx_setup setup = rx_setup_of(3, 0);
	unsigned int i;

	(void)state;
	setup.free_thresh = 1;
	rx_open(&rx, &setup);
	/* Both bits clear: what zeroed memory shows, in the lap whose counter is 1. */
	pd_inject_flags(rx.dev, 0, PD_F_WRITE);
	assert_int_equal(rx_poll(&rx, 4), 0);
	pd_inject_flags(rx.dev, 0, PD_F_AVAIL | PD_F_WRITE);
	for (i = 0; i < 3; i++) {
		rx_deliver(&rx, 50, NULL);
		assert_int_equal(rx_poll(&rx, 4), 1);
	}
	/* Both bits set: used in the lap before, and the counter is 0 now. */
	pd_inject_flags(rx.dev, 0, PD_F_AVAIL | PD_F_USED | PD_F_WRITE);
	assert_int_equal(rx_poll(&rx, 4), 0);
	pd_inject_flags(rx.dev, 0, PD_F_USED | PD_F_WRITE);
	rx_deliver(&rx, 50, NULL);
	assert_int_equal(rx_poll(&rx, 4), 1);
	rx_close(&rx);
}

static void
test_trap_consumer_keeps_a_wrap_counter(void **state)
{
	unsigned int lap, i;

	(void)state;
	open_tx_at(0, 0);
	for (lap = 0; lap < 5; lap++) {
		assert_int_equal(tx.q->ring.used_flags,
				 lap % 2 ? 0 : PD_F_AVAIL | PD_F_USED);
		for (i = 0; i < SIZE; i++) {
			tx_send_one(&tx, TX_PLAIN, 60);
			assert_int_equal(tx_reclaim(&tx), 0);
			tx_drain(&tx);
		}
	}
	tx_close(&tx);
}

static void
test_trap_consumer_steps_by_the_slots_of_the_list(void **state)
{
	unsigned int mode;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		open_tx_at(2, mode);
		tx_send_one(&tx, TX_FIVE, 60);
		tx_send_one(&tx, TX_PLAIN, 60);
		pd_complete(tx.dev, pd_first(tx.dev), 0);
		assert_int_equal(tx_reclaim(&tx), 1);
		assert_int_equal(tx.q->ring.next_used, 0);
		assert_int_equal(tx.q->ring.nb_free, SIZE - 1);
		tx_drain(&tx);
		tx_close(&tx);
	}
}

static void
test_trap_disable_is_one_not_three(void **state)
{
	const struct rx_setup setup = rx_setup_of(SIZE, 4);

	(void)state;
	open_tx_at(0, 4);
	assert_int_equal(pd_driver_event(tx.dev) >> 16, 1);
	tx_close(&tx);
	rx_open(&rx, &setup);
	assert_int_equal(pd_driver_event(rx.dev) >> 16, 1);
	pvq_ring_enable_notify(&rx.q->ring);
	pvq_ring_disable_notify(&rx.q->ring);
	assert_int_equal(pd_driver_event(rx.dev) >> 16, 1);
	rx_close(&rx);
}

int
main(void)
{
	/* The missing read barrier has its test in ring_order: test_l02_pr17_... */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trap1_index_advances_inside_a_list),
		cmocka_unit_test(test_trap2_available_index_wraps_at_the_size),
		cmocka_unit_test(test_trap2_used_index_wraps_at_the_size),
		cmocka_unit_test(test_trap3_head_flags_are_deferred_on_purpose),
		cmocka_unit_test(test_trap4_in_order_still_reads_the_id),
		cmocka_unit_test(test_trap_next_is_set_on_all_but_the_last),
		cmocka_unit_test(test_trap_id_stands_in_the_last_slot),
		cmocka_unit_test(test_trap_wrap_counter_flips_inside_a_list),
		cmocka_unit_test(test_trap_used_is_compared_with_the_wrap_counter),
		cmocka_unit_test(test_trap_consumer_keeps_a_wrap_counter),
		cmocka_unit_test(test_trap_consumer_steps_by_the_slots_of_the_list),
		cmocka_unit_test(test_trap_disable_is_one_not_three),
	};

	return cmocka_run_group_tests_name("seed_traps", tests, unit_eal_start, unit_eal_stop);
}
