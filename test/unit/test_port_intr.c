/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Rx interrupts through the call eventfd, the way an application sleeps: enable, look once more,
 * wait, disable, receive. A packet that is there is never slept over (PR-31, L-04).
 */

#include <string.h>

#include <rte_epoll.h>
#include <rte_interrupts.h>

#include "port_wake.h"

/* A time in which nothing is expected to happen, ms. */
#define QUIET_MS 30

static void
intr_up(struct port *p, bool event_idx)
{
	p->conf.intr_conf.rxq = 1;
	port_up(p, event_idx ? "" : ",event_idx=0");
	assert_int_equal(rte_eth_dev_rx_intr_ctl_q(p->id, 0, RTE_EPOLL_PER_THREAD,
						   RTE_INTR_EVENT_ADD, NULL), 0);
}

static bool
wakes(int timeout_ms)
{
	struct rte_epoll_event event;

	return rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, timeout_ms) == 1;
}

static void
check_order_of_events(struct port *p, bool event_idx)
{
	uint32_t i;

	intr_up(p, event_idx);
	for (i = 0; i < 200; i += 4) {
		/* Packet, then enable. */
		port_deliver(p, 0, i, 64);
		assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, 0), 0);
		assert_true(wakes(PORT_WAIT_MS));
		assert_int_equal(rte_eth_dev_rx_intr_disable(p->id, 0), 0);
		port_expect(p, 0, i, 1);
		/* Enable, then packet. */
		assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, 0), 0);
		port_deliver(p, 0, i + 1, 64);
		port_deliver(p, 0, i + 2, 64);
		assert_true(wakes(PORT_WAIT_MS));
		assert_int_equal(rte_eth_dev_rx_intr_disable(p->id, 0), 0);
		port_expect(p, 0, i + 1, 2);
		/* Disabled: the device is told to be quiet, and polling finds the packet. */
		port_deliver(p, 0, i + 3, 64);
		assert_false(wakes(0));
		port_expect(p, 0, i + 3, 1);
	}
	assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, 0), 0);
	assert_false(wakes(QUIET_MS));
}

static void
test_pr31_events_in_any_order(void **state)
{
	check_order_of_events(*state, true);
}

static void
test_pr31_events_without_event_idx(void **state)
{
	check_order_of_events(*state, false);
}

static void
check_no_wake_up_is_lost(struct port *p, bool event_idx)
{
	intr_up(p, event_idx);
	port_check_wakes(p, wakes);
}

static void
test_l04_no_wake_up_is_lost(void **state)
{
	check_no_wake_up_is_lost(*state, true);
}

static void
test_l04_no_wake_up_is_lost_without_event_idx(void **state)
{
	check_no_wake_up_is_lost(*state, false);
}

/* Three packets under one used descriptor (PR-22), the first of which is taken. */
static void
leave_part_of_a_batch(struct port *p)
{
	static uint8_t data[3][2048];
	struct pd_pkt pkts[3];
	struct pd_vq *vq;
	int i, ret;

	vhu_backend_lock(p->b);
	vq = vhu_backend_vq(p->b, 0);
	pd_fetch(vq, UINT32_MAX);
	for (i = 0; i < 3; i++) {
		pkts[i] = (struct pd_pkt){data[i], i < 2 ? pd_rx_room(vq, i) : 64};
		port_fill(data[i], pkts[i].len, i);
	}
	ret = pd_rx_batch(vq, pkts, 3);
	vhu_backend_interrupt(p->b, 0);
	vhu_backend_unlock(p->b);
	assert_int_equal(ret, 0);
	port_expect(p, 0, 0, 1);
}

static void
test_pr31_rest_of_a_batch_wakes(void **state)
{
	struct port *p = *state;

	intr_up(p, true);
	leave_part_of_a_batch(p);
	assert_int_equal(rte_eth_rx_queue_count(p->id, 0), 2);
	assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, 0), 0);
	assert_true(wakes(1000));
	assert_int_equal(rte_eth_dev_rx_intr_disable(p->id, 0), 0);
	port_expect(p, 0, 1, 2);
}

/* The same for rte_power_monitor(). */
static void
test_pr31_rest_of_a_batch_is_not_slept_over(void **state)
{
	struct rte_power_monitor_cond cond;
	struct port *p = *state;
	uint64_t value = 0;

	port_up(p, "");
	leave_part_of_a_batch(p);
	assert_int_equal(rte_eth_get_monitor_addr(p->id, 0, &cond), 0);
	memcpy(&value, (const void *)(uintptr_t)cond.addr, cond.size);
	assert_int_equal(cond.fn(value, cond.opaque), -1);
	port_expect(p, 0, 1, 2);
}

static void
test_interrupts_over_a_new_backend(void **state)
{
	struct port *p = *state;
	uint32_t i;

	intr_up(p, true);
	for (i = 0; i < 6; i += 2) {
		/* Left by the old backend, unseen. */
		port_deliver(p, 0, i, 64);
		vhu_backend_kill(p->b);
		assert_true(port_wait_link(p, false, PORT_WAIT_MS));
		assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, 0), 0);
		assert_int_equal(vhu_backend_start(p->b), 0);
		port_wait_up(p);
		assert_true(wakes(PORT_WAIT_MS));
		port_expect(p, 0, i, 1);
		/* Still enabled, on a ring that knows nothing of it but by the driver. */
		while (wakes(0))
			;
		assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, 0), 0);
		port_deliver(p, 0, i + 1, 64);
		assert_true(wakes(PORT_WAIT_MS));
		assert_int_equal(rte_eth_dev_rx_intr_disable(p->id, 0), 0);
		port_expect(p, 0, i + 1, 1);
	}
}

static void
test_interrupts_enabled_before_the_first_backend(void **state)
{
	struct port *p = *state;

	p->conf.intr_conf.rxq = 1;
	port_start(p, "");
	assert_int_equal(rte_eth_dev_rx_intr_ctl_q(p->id, 0, RTE_EPOLL_PER_THREAD,
						   RTE_INTR_EVENT_ADD, NULL), 0);
	assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, 0), 0);
	assert_false(wakes(QUIET_MS));
	port_backend(p);
	port_wait_up(p);
	while (wakes(QUIET_MS))
		;
	port_deliver(p, 0, 0, 64);
	assert_true(wakes(PORT_WAIT_MS));
	port_expect(p, 0, 0, 1);
}

static void
test_hd27_interrupts_nobody_asked_for(void **state)
{
	struct port *p = *state;
	struct rte_mbuf *m;
	uint32_t i;

	intr_up(p, true);
	for (i = 0; i < 1000; i++) {
		vhu_backend_lock(p->b);
		vhu_backend_interrupt_always(p->b, 0);
		vhu_backend_unlock(p->b);
	}
	assert_true(wakes(PORT_WAIT_MS));
	assert_int_equal(rte_eth_rx_burst(p->id, 0, &m, 1), 0);
	assert_false(wakes(QUIET_MS));
	port_deliver(p, 0, 0, 64);
	port_expect(p, 0, 0, 1);
}

static void
test_interrupts_after_a_restart(void **state)
{
	struct port *p = *state;
	uint32_t i;

	intr_up(p, true);
	for (i = 0; i < 3; i++) {
		assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, 0), 0);
		port_deliver(p, 0, i, 64);
		assert_true(wakes(PORT_WAIT_MS));
		port_expect(p, 0, i, 1);
		assert_int_equal(rte_eth_dev_stop(p->id), 0);
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		port_wait_up(p);
		assert_int_equal(rte_eth_dev_rx_intr_ctl_q(p->id, 0, RTE_EPOLL_PER_THREAD,
							   RTE_INTR_EVENT_ADD, NULL), 0);
	}
}

static void
test_interrupts_of_several_queues(void **state)
{
	struct rte_epoll_event event;
	struct port *p = *state;
	uintptr_t q;

	p->cfg.queue_pairs = 3;
	p->nb_rxq = p->nb_txq = 3;
	p->conf.intr_conf.rxq = 1;
	port_up(p, "");
	for (q = 0; q < 3; q++) {
		assert_int_equal(rte_eth_dev_rx_intr_ctl_q(p->id, q, RTE_EPOLL_PER_THREAD,
							   RTE_INTR_EVENT_ADD, (void *)q), 0);
		assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, q), 0);
	}
	for (q = 0; q < 3; q++) {
		port_deliver(p, q, q, 64);
		assert_int_equal(rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, PORT_WAIT_MS),
				 1);
		assert_ptr_equal(event.epdata.data, (void *)q);
		port_expect(p, q, q, 1);
	}
	assert_int_equal(rte_eth_dev_rx_intr_ctl_q(p->id, 1, RTE_EPOLL_PER_THREAD,
						   RTE_INTR_EVENT_DEL, NULL), 0);
	assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, 1), 0);
	port_deliver(p, 1, 9, 64);
	assert_false(wakes(QUIET_MS));
	port_expect(p, 1, 9, 1);
}

static void
test_interrupts_not_configured(void **state)
{
	struct port *p = *state;

	port_up(p, "");
	assert_true(rte_eth_dev_rx_intr_enable(p->id, 0) < 0);
	assert_true(rte_eth_dev_rx_intr_ctl_q(p->id, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD,
					      NULL) < 0);
	port_deliver(p, 0, 0, 64);
	port_expect(p, 0, 0, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_pr31_events_in_any_order),
		port_test(test_pr31_events_without_event_idx),
		port_test(test_l04_no_wake_up_is_lost),
		port_test(test_l04_no_wake_up_is_lost_without_event_idx),
		port_test(test_pr31_rest_of_a_batch_wakes),
		port_test(test_pr31_rest_of_a_batch_is_not_slept_over),
		port_test(test_interrupts_over_a_new_backend),
		port_test(test_interrupts_enabled_before_the_first_backend),
		port_test(test_hd27_interrupts_nobody_asked_for),
		port_test(test_interrupts_after_a_restart),
		port_test(test_interrupts_of_several_queues),
		port_test(test_interrupts_not_configured),
	};

	return cmocka_run_group_tests_name("test_port_intr", tests, port_group_setup,
					   port_group_teardown);
}
