/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Questions about a queue (rte_eth_rx_queue_count() and descriptor states) while the device lies, or
 * the gate is closed: the answers stay within what the device holds, and nothing is taken.
 */

#include <errno.h>

#include <rte_ethdev.h>

#include "ethdev.h"
#include "rxq_env.h"
#include "txq_env.h"

#define SIZE 16

static struct tx_env tx;
static struct rx_env rx;

/* A queue whose next used slot is @p first; all but @p first slots are outstanding if @p short. */
static void
open_rx(unsigned int switches, uint16_t first, bool refilled)
{
	struct rx_setup setup = rx_setup_of(SIZE, switches);
	unsigned int i;

	setup.free_thresh = refilled ? 1 : SIZE / 2;
	rx_open(&rx, &setup);
	for (i = 0; i < first; i++) {
		rx_deliver(&rx, 50, NULL);
		assert_int_equal(rx_poll(&rx, 1), 1);
	}
	assert_int_equal(pvq_ring_outstanding(&rx.q->ring), refilled ? SIZE : SIZE - first);
}

/* What the test injected is nobody's packet. */
static void
close_rx(void)
{
	const struct rx_setup setup = rx.setup;

	pvq_gate_set(&rx.q->gate, PVQ_GATE_ERROR);
	rx_reconnect(&rx, &setup);
	rx.got = rx.made;
	rx_close(&rx);
}

static void
test_hd01_hd03_rx_count_with_ids_that_are_none(void **state)
{
	static const uint16_t ids[] = {SIZE, SIZE + 1, 0x7fff, 0x8000, UINT16_MAX};
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(ids); i++) {
		open_rx(1, 5, true);
		pd_inject_used(rx.dev, ids[i], 60, PD_F_WRITE, 1);
		assert_int_equal(pvq_rx_queue_count(rx.q), 0);
		assert_int_equal(pvq_rx_descriptor_status(rx.q, 0), RTE_ETH_RX_DESC_AVAIL);
		close_rx();
	}
	/* Ids of slots that the device has given back, and does not hold. */
	for (i = 0; i < 5; i++) {
		open_rx(1, 5, false);
		pd_inject_used(rx.dev, i, 60, PD_F_WRITE, 1);
		assert_int_equal(pvq_rx_queue_count(rx.q), 0);
		close_rx();
	}
}

/* All slots look used, also those that were never made available. */
static void
test_hd15_rx_count_is_what_the_device_holds(void **state)
{
	unsigned int slot;

	(void)state;
	open_rx(0, 5, false);
	for (slot = 0; slot < SIZE; slot++)
		pd_inject_flags(rx.dev, slot, slot < 5 ? PD_F_WRITE :
						PD_F_WRITE | PD_F_AVAIL | PD_F_USED);
	assert_int_equal(pvq_rx_queue_count(rx.q), SIZE - 5);
	assert_int_equal(pvq_rx_descriptor_status(rx.q, SIZE - 6), RTE_ETH_RX_DESC_DONE);
	assert_int_equal(pvq_rx_descriptor_status(rx.q, SIZE - 5), RTE_ETH_RX_DESC_UNAVAIL);
	close_rx();
}

static void
test_offsets_outside_of_the_ring(void **state)
{
	static const uint16_t offsets[] = {SIZE, SIZE + 1, 0x8000, UINT16_MAX};
	const struct tx_setup setup = tx_setup_of(SIZE, 0);
	unsigned int i;

	(void)state;
	rx_open(&rx, &(struct rx_setup){.size = SIZE});
	tx_open(&tx, &setup);
	for (i = 0; i < RTE_DIM(offsets); i++) {
		assert_int_equal(pvq_rx_descriptor_status(rx.q, offsets[i]), -EINVAL);
		assert_int_equal(pvq_tx_descriptor_status(tx.q, offsets[i]), -EINVAL);
	}
	rx_close(&rx);
	tx_close(&tx);
}

static void
test_l15_nothing_is_told_through_a_closed_gate(void **state)
{
	static const uint32_t bits[] = {PVQ_GATE_STOPPED, PVQ_GATE_AWAY, PVQ_GATE_ERROR};
	const struct tx_setup setup = tx_setup_of(SIZE, 0);
	unsigned int i;

	(void)state;
	rx_open(&rx, &(struct rx_setup){.size = SIZE});
	tx_open(&tx, &setup);
	rx_deliver(&rx, 50, NULL);
	tx_send_one(&tx, TX_PLAIN, 60);
	for (i = 0; i < RTE_DIM(bits); i++) {
		pvq_gate_set(&rx.q->gate, bits[i]);
		pvq_gate_set(&tx.q->gate, bits[i]);
		assert_int_equal(pvq_rx_queue_count(rx.q), 0);
		assert_int_equal(pvq_rx_descriptor_status(rx.q, 0), RTE_ETH_RX_DESC_UNAVAIL);
		assert_int_equal(pvq_tx_descriptor_status(tx.q, SIZE - 1), RTE_ETH_TX_DESC_UNAVAIL);
		pvq_gate_clear(&rx.q->gate, bits[i]);
		pvq_gate_clear(&tx.q->gate, bits[i]);
		assert_int_equal(pvq_rx_queue_count(rx.q), 1);
		assert_int_equal(pvq_tx_descriptor_status(tx.q, SIZE - 1), RTE_ETH_TX_DESC_FULL);
	}
	assert_int_equal(rx_poll(&rx, 1), 1);
	rx_close(&rx);
	tx_drain(&tx);
	tx_close(&tx);
}

/* Nothing seems sent because the device names what it does not hold. */
static void
test_hd01_hd03_tx_state_with_ids_that_are_none(void **state)
{
	static const uint16_t ids[] = {SIZE, SIZE + 1, 0x7fff, 0x8000, UINT16_MAX};
	unsigned int mode, i, k;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		for (i = 0; i <= RTE_DIM(ids); i++) {
			const struct tx_setup setup = tx_setup_of(SIZE, mode);

			/* IN_ORDER alone tells that an id which was given back is none. */
			if (i == RTE_DIM(ids) && mode == 0)
				continue;
			tx_open(&tx, &setup);
			for (k = 0; k < 5; k++)
				tx_send_one(&tx, TX_PLAIN, 60);
			tx_drain(&tx);
			for (k = 0; k < (i == RTE_DIM(ids) ? 9 : SIZE); k++)
				tx_send_one(&tx, TX_PLAIN, 60);
			pd_inject_used(tx.dev, i == RTE_DIM(ids) ? 3 : ids[i], 0, 0, 1);
			for (k = tx.q->ring.nb_free; k < SIZE; k++)
				assert_int_equal(pvq_tx_descriptor_status(tx.q, k),
						 RTE_ETH_TX_DESC_FULL);
			pvq_gate_set(&tx.q->gate, PVQ_GATE_ERROR);
			pvq_txq_clear(tx.q, false);
			tx_close(&tx);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hd01_hd03_rx_count_with_ids_that_are_none),
		cmocka_unit_test(test_hd15_rx_count_is_what_the_device_holds),
		cmocka_unit_test(test_offsets_outside_of_the_ring),
		cmocka_unit_test(test_l15_nothing_is_told_through_a_closed_gate),
		cmocka_unit_test(test_hd01_hd03_tx_state_with_ids_that_are_none),
	};

	return cmocka_run_group_tests_name("queue_count", tests, unit_eal_start, unit_eal_stop);
}
