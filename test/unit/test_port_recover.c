/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * After a device's lie or its request for a reset: the application gets RTE_ETH_EVENT_INTR_RESET,
 * other queues go on where they can, and a restart of the queue or of the port brings back all that
 * was lost, without another process.
 */

#include <string.h>

#include "port.h"

/* Have the device name a buffer that does not exist, and tell the driver's side to look. */
static void
lie(struct port *p, uint32_t vring)
{
	struct pd_vq *vq;

	vhu_backend_lock(p->b);
	vq = vhu_backend_vq(p->b, vring);
	pd_fetch(vq, UINT32_MAX);
	pd_inject_used(vq, UINT16_MAX, 64, 0, 1);
	vhu_backend_unlock(p->b);
}

static void
expect_event(struct port *p, uint32_t count, const char *says)
{
	assert_true(port_wait_count(&p->reset_events, count, PORT_WAIT_MS));
	assert_true(port_log_has(says));
	port_log_clear();
}

static void
assert_rx_works(struct port *p, uint16_t queue, uint32_t mark)
{
	uint32_t i;

	/* More than the ring has slots. */
	for (i = 0; i < 3u * p->nb_rxd; i++) {
		port_deliver(p, queue, mark + i, 64);
		port_expect(p, queue, mark + i, 1);
	}
}

static void
assert_rx_stopped(const struct port *p, uint16_t queue)
{
	struct rte_mbuf *m;

	assert_int_equal(port_receive(p, queue, &m, 1, 20), 0);
}

static void
test_hd01_receive_queue_restarted(void **state)
{
	struct port *p = *state;
	uint32_t i;

	p->nb_rxq = p->nb_txq = 2;
	p->cfg.queue_pairs = 2;
	port_up(p, "");
	port_watch(p);
	for (i = 1; i <= 5; i++) {
		lie(p, 2);
		assert_rx_stopped(p, 1);
		expect_event(p, i, "rx queue 1 stopped: the device used a buffer id");
		/* The other queue knows nothing of it. */
		assert_rx_works(p, 0, 1000 * i);
		assert_int_equal(rte_eth_dev_rx_queue_stop(p->id, 1), 0);
		assert_int_equal(rte_eth_dev_rx_queue_start(p->id, 1), 0);
		assert_rx_works(p, 1, 1000 * i + 500);
		assert_int_equal(port_xstat(p, "rx_q1_queue_errors"), i);
	}
	assert_int_equal(vhu_backend_connections(p->b), 1);
}

/* What the device had not used before its lie is sent again, oldest first. */
static void
test_hd01_transmit_queue_restarted(void **state)
{
	struct port *p = *state;
	struct rte_mbuf *m;
	uint32_t i, k;

	port_up(p, "");
	port_watch(p);
	for (i = 1; i <= 5; i++) {
		const uint32_t first = p->next_mark;

		port_send(p, 0, 10, 64);
		lie(p, 1);
		/* Found when the queue makes room, or at once when it is asked to. */
		rte_eth_tx_done_cleanup(p->id, 0, 0);
		expect_event(p, i, "tx queue 0 stopped: the device used a buffer id");
		m = port_packet(p->pool, 0, 64, 1);
		assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 0);
		rte_pktmbuf_free(m);
		assert_int_equal(rte_eth_dev_tx_queue_stop(p->id, 0), 0);
		assert_int_equal(rte_eth_dev_tx_queue_start(p->id, 0), 0);
		for (k = 0; k < 10; k++)
			assert_int_equal(port_take(p, 0), first + k);
		for (k = 0; k < 3u * p->nb_txd; k++) {
			port_send(p, 0, 1, 64);
			assert_int_equal(port_take(p, 0), first + 10 + k);
		}
	}
	assert_int_equal(port_xstat(p, "tx_q0_replayed"), 50);
}

static void
test_hd01_port_restarted(void **state)
{
	struct port *p = *state;
	uint32_t i;

	port_up(p, "");
	port_watch(p);
	for (i = 1; i <= 3; i++) {
		port_send(p, 0, 5, 64);
		lie(p, 0);
		assert_rx_stopped(p, 0);
		expect_event(p, i, "rx queue 0 stopped");
		assert_int_equal(rte_eth_dev_stop(p->id), 0);
		assert_true(port_is_whole(p));
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		port_wait_up(p);
		assert_rx_works(p, 0, 1000 * i);
	}
}

/* The device asks for a reset: nothing is taken from it or given to it any more. */
static void
test_in10_hd26_needs_reset(void **state)
{
	struct port *p = *state;
	struct rte_mbuf *m;
	uint32_t i, events;

	p->nb_rxq = p->nb_txq = 2;
	p->cfg.queue_pairs = 2;
	port_up(p, "");
	port_watch(p);
	for (i = 1; i <= 3; i++) {
		events = __atomic_load_n(&p->reset_events, __ATOMIC_ACQUIRE);
		port_send(p, 0, 5, 64);
		vhu_backend_needs_reset(p->b);
		assert_true(port_wait_link(p, false, PORT_WAIT_MS));
		expect_event(p, events + 1, "needs a reset");
		/* What it does from here on is not looked at. */
		port_deliver(p, 0, 1, 64);
		assert_rx_stopped(p, 0);
		m = port_packet(p->pool, 0, 64, 1);
		assert_int_equal(rte_eth_tx_burst(p->id, 1, &m, 1), 0);
		rte_pktmbuf_free(m);
		/* One queue cannot do it. */
		assert_int_equal(rte_eth_dev_rx_queue_stop(p->id, 0), 0);
		assert_true(rte_eth_dev_rx_queue_start(p->id, 0) < 0);
		assert_true(port_log_has("restart the port"));
		assert_int_equal(rte_eth_dev_stop(p->id), 0);
		assert_true(port_is_whole(p));
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		port_wait_up(p);
		assert_rx_works(p, 0, 1000 * i);
		assert_rx_works(p, 1, 1000 * i);
	}
}

/* A backend that goes after it asked for a reset: the next one has no such wish. */
static void
test_in10_hd26_needs_reset_then_gone(void **state)
{
	struct port *p = *state;

	port_up(p, "");
	port_watch(p);
	vhu_backend_needs_reset(p->b);
	assert_true(port_wait_link(p, false, PORT_WAIT_MS));
	assert_true(port_wait_count(&p->reset_events, 1, PORT_WAIT_MS));
	port_backend_restart(p);
	port_wait_up(p);
	assert_rx_works(p, 0, 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_hd01_receive_queue_restarted),
		port_test(test_hd01_transmit_queue_restarted),
		port_test(test_hd01_port_restarted),
		port_test(test_in10_hd26_needs_reset),
		port_test(test_in10_hd26_needs_reset_then_gone),
	};

	return cmocka_run_group_tests_name("test_port_recover", tests, port_group_setup,
					   port_group_teardown);
}
