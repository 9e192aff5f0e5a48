/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A queue is reset, or closed for an error, while another thread polls it (L-15): the ring, the
 * queue's fields and the buffers behind them belong to one side at a time.
 */

#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <ethdev_driver.h>

#include "burst.h"
#include "choose.h"
#include "device_rings.h"
#include "eal.h"
#include "look.h"
#include "packed_device.h"
#include "queue.h"
#include "two.h"

#define SIZE 8
#define RUNS 3000u
#define POLLS 3

static struct rte_mempool *pool;
static struct pvq_rxq *rxq;
static struct pvq_txq *txq;
static struct pvq_queue_mode mode;
static struct rte_eth_dev_data data;
static struct pvq_device device = {.name = "gate", .port_id = UNIT_PORT, .data = &data};
static void *queues[1];
static unsigned int received, cycles;

static const struct pvq_vq conf = {
	.port_id = UNIT_PORT,
	.index = 4,
	.size = SIZE,
	.socket_id = SOCKET_ID_ANY,
	.call_fd = -1,
};

static void
release(void)
{
	choose_stop();
	two_clear();
	pvq_rxq_free(rxq);
	pvq_txq_free(txq);
	rte_mempool_free(pool);
	rxq = NULL;
	txq = NULL;
	pool = NULL;
	data.nb_rx_queues = 0;
	data.nb_tx_queues = 0;
	data.rx_queues = queues;
	data.tx_queues = queues;
}

static void
watch_queue(void *q, struct pvq_gate *gate, const struct pvq_vq *vq)
{
	two_add_word(&gate->epoch);
	two_add_word(&gate->state);
	race_watch(q, vq->mz->len);
}

static void
open_rx(bool in_order)
{
	release();
	mode = (struct pvq_queue_mode){.in_order = in_order, .max_tx_len = UINT32_MAX};
	pool = unit_pool_create(64, 100);
	rxq = pvq_rxq_create(&conf, pool, &(struct rte_eth_rxconf){.rx_free_thresh = 1}, 0);
	assert_non_null(rxq);
	assert_int_equal(pvq_rxq_reset(rxq, &mode), 0);
	pvq_gate_set_path(&rxq->gate, pvq_rx_path(&mode, PVQ_ISA_SCALAR));
	pvq_gate_clear(&rxq->gate, PVQ_GATE_CLOSED | PVQ_GATE_NEW);
	queues[0] = rxq;
	data.nb_rx_queues = 1;
	device.rx_path = pvq_rx_path(&mode, PVQ_ISA_SCALAR);
	watch_queue(rxq, &rxq->gate, &rxq->vq);
}

static void
open_tx(bool in_order)
{
	release();
	mode = (struct pvq_queue_mode){.in_order = in_order, .max_tx_len = UINT32_MAX};
	pool = unit_pool_create(64, 100);
	txq = pvq_txq_create(&conf, &(struct rte_eth_txconf){0}, 0);
	assert_non_null(txq);
	assert_int_equal(pvq_txq_reset(txq, &mode), 0);
	pvq_gate_set_path(&txq->gate, pvq_tx_path(&mode, PVQ_ISA_SCALAR));
	pvq_gate_clear(&txq->gate, PVQ_GATE_CLOSED | PVQ_GATE_NEW);
	queues[0] = txq;
	data.nb_tx_queues = 1;
	device.tx_path = pvq_tx_path(&mode, PVQ_ISA_SCALAR);
	watch_queue(txq, &txq->gate, &txq->vq);
}

/* A device that has just been given the ring, and uses @p n buffers. */
static void
use(const struct pvq_ring *ring, enum pd_dir dir, unsigned int n, bool lie)
{
	const struct pd_config cfg = {
		.size = ring->size,
		.desc = ring->desc,
		.driver_event = ring->driver_event,
		.device_event = ring->device_event,
		.dir = dir,
		.in_order = mode.in_order,
	};
	static uint8_t bytes[32];
	struct pd_vq *dev = pd_create(&cfg);

	assert_non_null(dev);
	pd_fetch(dev, UINT32_MAX);
	while (n-- > 0 && pd_live(dev) != 0) {
		if (dir == PD_RX)
			pd_rx_packet(dev, bytes, sizeof(bytes), NULL);
		else
			pd_complete(dev, pd_first(dev), 0);
	}
	if (lie)
		pd_inject_used(dev, ring->size, 20, PD_F_WRITE, 1);
	pd_destroy(dev);
}

/* ---- both sides --------------------------------------------------------------------------------- */

static void
poll_rx(void)
{
	struct rte_mbuf *pkts[4];
	uint16_t n;
	int i;

	for (i = 0; i < POLLS; i++) {
		const uint32_t path = pvq_rx_path(&mode, PVQ_ISA_SCALAR);

		n = pvq_rx_paths[path].burst(rxq, pkts, RTE_DIM(pkts));
		received += n;
		rte_pktmbuf_free_bulk(pkts, n);
	}
}

static void
poll_tx(void)
{
	struct rte_mbuf *pkts[2];
	int i, k;

	for (i = 0; i < POLLS; i++) {
		const uint32_t path = pvq_tx_path(&mode, PVQ_ISA_SCALAR);

		for (k = 0; k < 2; k++)
			pkts[k] = unit_mbuf(pool, RTE_PKTMBUF_HEADROOM, 20, k);
		k = pvq_tx_paths[path].burst(txq, pkts, RTE_DIM(pkts));
		rte_pktmbuf_free_bulk(pkts + k, RTE_DIM(pkts) - k);
	}
}

/* As the driver does it when a device goes and another one comes. */
static void
replace_device(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (pvq_rings_quiesce(&device) != 0) {
			two_fail("the poller does not leave");
			return;
		}
		pvq_rings_reset(&device, &mode);
		pvq_rings_replay(&device);
		pvq_rings_open(&device);
		cycles++;
	}
}

/* As the driver does it when a queue is stopped and started again. */
static void
stop_and_start(void)
{
	const struct pvq_gate *gate = rxq != NULL ? &rxq->gate : &txq->gate;
	int i;

	for (i = 0; i < 2; i++) {
		pvq_rings_shut(&device, PVQ_GATE_STOPPED);
		if (pvq_gate_wait(gate) != 0) {
			two_fail("the poller does not leave");
			return;
		}
		pvq_rings_reset(&device, &mode);
		pvq_rings_replay(&device);
		pvq_rings_start_gates(&device);
		cycles++;
	}
}

/* ---- the tests ---------------------------------------------------------------------------------- */

static void
run_rx(bool in_order, void (*control)(void))
{
	open_rx(in_order);
	received = 0;
	cycles = 0;
	for (choose_start(RUNS); choose_more();) {
		/* A ring that is all the device's again, and some packets in it. */
		pvq_rxq_clear(rxq, false);
		pvq_rxq_reset(rxq, &mode);
		use(&rxq->ring, PD_RX, choose_runs() % 4, false);
		two_run(poll_rx, control);
		two_check();
	}
	assert_int_equal(cycles, 2 * RUNS);
	assert_true(received > RUNS / 4);
	release();
}

static void
test_l15_receive_queue_is_reset(void **state)
{
	(void)state;
	run_rx(false, replace_device);
	run_rx(true, replace_device);
}

static void
run_tx(bool in_order, void (*control)(void))
{
	open_tx(in_order);
	cycles = 0;
	for (choose_start(RUNS); choose_more();) {
		pvq_txq_clear(txq, false);
		poll_tx();
		use(&txq->ring, PD_TX, choose_runs() % 4, false);
		two_run(poll_tx, control);
		two_check();
	}
	assert_int_equal(cycles, 2 * RUNS);
	assert_true(txq->stats.packets > RUNS);
	release();
}

static void
test_l15_transmit_queue_is_reset(void **state)
{
	(void)state;
	run_tx(false, replace_device);
	run_tx(true, replace_device);
}

static void
test_l15_queues_are_stopped_and_started(void **state)
{
	(void)state;
	run_rx(false, stop_and_start);
	run_tx(true, stop_and_start);
}

/* Whoever sees that there is an error sees which. */
static void
look(void)
{
	enum pvq_queue_error error;
	int i;

	for (i = 0; i < POLLS; i++) {
		if (!look_for_error(rxq, &error))
			continue;
		cycles++;
		if (error != PVQ_QUEUE_BAD_ID)
			two_fail("the error is another one");
	}
}

/* A buffer id that does not exist closes the gate from inside a burst. */
static void
test_l15_queue_is_closed_for_an_error(void **state)
{
	(void)state;
	open_rx(false);
	cycles = 0;
	for (choose_start(RUNS / 4); choose_more();) {
		pvq_rxq_clear(rxq, false);
		pvq_gate_clear(&rxq->gate, PVQ_GATE_ERROR);
		pvq_rxq_reset(rxq, &mode);
		use(&rxq->ring, PD_RX, 1, true);
		two_run(poll_rx, look);
		two_check();
		assert_true(pvq_gate_state(&rxq->gate) & PVQ_GATE_ERROR);
		assert_int_equal(rxq->vq.error, PVQ_QUEUE_BAD_ID);
	}
	assert_true(cycles > RUNS / 16);
	release();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l15_receive_queue_is_reset),
		cmocka_unit_test(test_l15_transmit_queue_is_reset),
		cmocka_unit_test(test_l15_queues_are_stopped_and_started),
		cmocka_unit_test(test_l15_queue_is_closed_for_an_error),
	};

	return cmocka_run_group_tests_name("order_gate", tests, unit_eal_start, unit_eal_stop);
}
