/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The control queue of a vhost-user backend that has one, and of those that only say so. */

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "port.h"

#define CTRL_RX (1ull << 18)
#define CTRL_MAC_ADDR (1ull << 23)
#define CONTROL (VHU_F_CTRL_VQ | CTRL_RX | CTRL_MAC_ADDR)

static uint32_t seen;

static void
up(struct port *p)
{
	seen = 0;
	p->cfg.features |= CONTROL;
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
}

static void
expect(const struct port *p, uint32_t connection, uint8_t class, uint8_t command, const void *data,
       uint32_t len)
{
	struct vhu_command c;

	assert_int_equal(vhu_backend_command(p->b, seen, &c), 0);
	assert_int_equal(c.connection, connection);
	assert_int_equal(c.class, class);
	assert_int_equal(c.command, command);
	assert_int_equal(c.len, len);
	assert_memory_equal(c.data, data, len);
	seen++;
}

/* PROMISC is 0, ALLMULTI 1. */
static void
expect_mode(const struct port *p, uint32_t connection, uint8_t mode, uint8_t value)
{
	expect(p, connection, 0, mode, &value, 1);
}

static void
expect_no_more(const struct port *p)
{
	assert_int_equal(vhu_backend_commands(p->b), seen);
}

static void
ignore(struct port *p, bool on)
{
	p->cfg.ignore_commands = on;
	vhu_backend_set_config(p->b, &p->cfg);
}

static void
test_nt18_nt19_commands(void **state)
{
	struct rte_ether_addr mac = {{0x02, 0, 0, 0, 0, 0x11}};
	struct port *p = *state;

	up(p);
	assert_int_equal(vhu_backend_features(p->b) & CONTROL, CONTROL);
	assert_int_equal(rte_eth_promiscuous_get(p->id), 0);
	expect_mode(p, 1, 1, 0);
	expect_mode(p, 1, 0, 0);
	assert_int_equal(rte_eth_promiscuous_enable(p->id), 0);
	expect_mode(p, 1, 0, 1);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(p->id, &mac), 0);
	expect(p, 1, 1, 1, &mac, 6);
	expect_no_more(p);
	port_ping(p, 0, 100, 64);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	expect(p, 1, 1, 1, &mac, 6);
	expect_mode(p, 1, 1, 0);
	expect_mode(p, 1, 0, 1);
	expect_no_more(p);
	port_ping(p, 0, 100, 64);
}

/* What was asked for outlives the backend, and what is asked for without one is kept. */
static void
test_in11_the_next_backend_is_told(void **state)
{
	struct port *p = *state;

	up(p);
	assert_int_equal(rte_eth_allmulticast_enable(p->id), 0);
	vhu_backend_kill(p->b);
	assert_true(port_wait_link(p, false, PORT_WAIT_MS));
	assert_int_equal(rte_eth_promiscuous_enable(p->id), 0);
	seen = vhu_backend_commands(p->b);
	port_backend_restart(p);
	port_wait_up(p);
	expect_mode(p, 2, 1, 1);
	expect_mode(p, 2, 0, 1);
	expect_no_more(p);
	port_ping(p, 0, 100, 64);
}

/*
 * DPDK's vhost library offers the control queue and has none: a machine monitor is to serve it. Such
 * a backend has no configuration space either.
 */
static void
test_nt18_offered_for_somebody_else(void **state)
{
	struct port *p = *state;

	p->cfg.protocol_features &= ~VHU_PF_CONFIG;
	up(p);
	assert_int_equal(vhu_backend_features(p->b) & CONTROL, 0);
	assert_int_equal(rte_eth_promiscuous_get(p->id), 1);
	assert_int_equal(rte_eth_promiscuous_disable(p->id), 0);
	assert_true(port_log_has("goes on receiving every frame"));
	expect_no_more(p);
	port_ping(p, 0, 100, 64);
}

/* With MQ, pairs are asked for and the control queue is behind them. */
static void
test_nt23_pc17_pairs(void **state)
{
	static const uint8_t two[2] = {2, 0};
	struct port *p = *state;

	p->cfg.queue_pairs = 3;
	p->nb_rxq = p->nb_txq = 2;
	up(p);
	assert_true((vhu_backend_features(p->b) & VHU_F_MQ) != 0);
	expect(p, 1, 4, 0, two, 2);
	expect_mode(p, 1, 1, 0);
	expect_mode(p, 1, 0, 0);
	expect_no_more(p);
	port_ping(p, 0, 100, 64);
	port_ping(p, 1, 100, 64);
}

/* Packets that a backend left, and that the next one does not get either: its pairs are refused. */
static void
refuse_pairs(struct port *p)
{
	p->cfg.queue_pairs = 2;
	p->nb_rxq = p->nb_txq = 2;
	p->cfg.features |= CONTROL;
	p->cfg.mode = VHU_IDLE;
	port_up(p, "");
	port_send(p, 0, 5, 100);
	port_send(p, 1, 5, 100);
	vhu_backend_kill(p->b);
	assert_true(port_wait_link(p, false, PORT_WAIT_MS));
	p->cfg.refuse_commands = true;
	port_log_clear();
	port_backend_restart(p);
	assert_true(port_log_wait("does not take 2 queue pairs", PORT_WAIT_MS));
}

static void
test_nt23_packets_wait_for_their_pair(void **state)
{
	struct port *p = *state;
	uint32_t i;

	refuse_pairs(p);
	p->cfg.refuse_commands = false;
	vhu_backend_set_config(p->b, &p->cfg);
	port_wait_up(p);
	for (i = 0; i < 10; i++)
		assert_int_equal(port_take(p, i / 5), i);
	assert_int_equal(port_xstat(p, "tx_q0_replayed"), 5);
	assert_int_equal(port_xstat(p, "tx_q1_replayed"), 5);
}

/* They are freed with the rest when the port stops, as the end of each test makes sure. */
static void
test_nt23_packets_wait_in_vain(void **state)
{
	struct port *p = *state;

	refuse_pairs(p);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_true(port_is_whole(p));
}

/* Where there is no status to reset, only that makes a backend leave a ring. */
static void
test_pr38_the_control_queue_is_left(void **state)
{
	struct vhu_vring_info info;
	struct port *p = *state;

	p->cfg.protocol_features &= ~VHU_PF_STATUS;
	up(p);
	assert_int_equal(vhu_backend_vring(p->b, 2, &info), 0);
	assert_true(info.live);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_int_equal(vhu_backend_vring(p->b, 2, &info), 0);
	assert_false(info.live);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	assert_int_equal(rte_eth_promiscuous_enable(p->id), 0);
	port_ping(p, 0, 100, 64);
}

/* Without MQ the control queue's number is that of the second pair, which matters more. */
static void
test_pc17_pairs_without_mq(void **state)
{
	struct port *p = *state;

	p->cfg.features &= ~VHU_F_MQ;
	p->cfg.queue_pairs = 2;
	p->nb_rxq = p->nb_txq = 2;
	up(p);
	assert_int_equal(vhu_backend_features(p->b) & CONTROL, 0);
	assert_true(port_log_has("the control queue would be virtqueue 2"));
	expect_no_more(p);
	port_ping(p, 0, 100, 64);
	port_ping(p, 1, 100, 64);
}

static void
test_hd24_a_silent_backend(void **state)
{
	struct port *p = *state;

	up(p);
	ignore(p, true);
	assert_int_equal(rte_eth_promiscuous_enable(p->id), -ETIMEDOUT);
	assert_int_equal(rte_eth_promiscuous_enable(p->id), -EIO);
	port_ping(p, 0, 100, 64);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	ignore(p, false);
	seen = vhu_backend_commands(p->b);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	expect_mode(p, 1, 1, 0);
	expect_mode(p, 1, 0, 0);
	expect_no_more(p);
}

static void *
kill_soon(void *arg)
{
	struct port *p = arg;

	port_sleep_ms(200);
	vhu_backend_kill(p->b);
	return NULL;
}

/* The backend dies over a command: that is no refusal, and the next one hears of it. */
static void
test_nt18_a_backend_that_dies_over_a_command(void **state)
{
	struct port *p = *state;
	pthread_t thread;

	up(p);
	ignore(p, true);
	assert_int_equal(pthread_create(&thread, NULL, kill_soon, p), 0);
	assert_int_equal(rte_eth_promiscuous_enable(p->id), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rte_eth_promiscuous_get(p->id), 1);
	p->cfg.ignore_commands = false;
	seen = vhu_backend_commands(p->b);
	port_backend_restart(p);
	port_wait_up(p);
	expect_mode(p, 2, 1, 0);
	expect_mode(p, 2, 0, 1);
	expect_no_more(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_nt18_nt19_commands),
		port_test(test_in11_the_next_backend_is_told),
		port_test(test_nt18_offered_for_somebody_else),
		port_test(test_nt23_pc17_pairs),
		port_test(test_nt23_packets_wait_for_their_pair),
		port_test(test_nt23_packets_wait_in_vain),
		port_test(test_pr38_the_control_queue_is_left),
		port_test(test_pc17_pairs_without_mq),
		port_test(test_hd24_a_silent_backend),
		port_test(test_nt18_a_backend_that_dies_over_a_command),
	};

	return cmocka_run_group_tests_name("test_port_control", tests, port_group_setup,
					   port_group_teardown);
}
