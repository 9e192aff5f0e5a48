/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A backend that goes and comes back: what was accepted is sent exactly once and in order, what was
 * delivered is received, and no mbuf is lost, whatever the next backend is able to do.
 */

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "port.h"

/* Take packets @p mark to @p mark + @p n - 1, in this order, and find no more. */
static void
take_all(const struct port *p, uint32_t mark, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(port_take(p, 0), mark + i);
	assert_int_equal(port_take(p, 0), UINT32_MAX);
}

static void
new_backend(struct port *p)
{
	port_backend_restart(p);
	port_wait_up(p);
}

static void
check_replay(struct port *p)
{
	uint32_t i;

	port_up(p, "");
	port_send(p, 0, 20, 64);
	for (i = 0; i < 7; i++)
		assert_int_equal(port_take(p, 0), i);
	new_backend(p);
	/* New packets come behind the old ones. */
	port_send(p, 0, 10, 64);
	take_all(p, 7, 23);
	/* Twice in a row, nothing used in between; then a full ring. */
	port_send(p, 0, 64, 64);
	new_backend(p);
	new_backend(p);
	take_all(p, 30, 64);
	assert_int_equal(port_xstat(p, "tx_q0_replayed"), 13 + 128);
	assert_int_equal(port_xstat(p, "tx_q0_replay_drops"), 0);
	assert_int_equal(port_xstat(p, "tx_q0_packets"), 94);
}

static void
test_replay_in_order(void **state)
{
	check_replay(*state);
}

static void
test_replay_any_order(void **state)
{
	struct port *p = *state;

	p->cfg.features &= ~VHU_F_IN_ORDER;
	check_replay(p);
}

/* Packets used out of order leave holes; the others are sent again in the order of sending. */
static void
test_replay_after_shuffled_completion(void **state)
{
	struct port *p = *state;
	uint32_t seed = 7, mark, last = 0, i;
	bool used[40] = {false};
	struct pd_vq *vq;
	uint8_t data[64];

	p->cfg.features &= ~VHU_F_IN_ORDER;
	port_up(p, "");
	port_send(p, 0, 40, 64);
	vhu_backend_lock(p->b);
	vq = vhu_backend_vq(p->b, 1);
	pd_fetch(vq, UINT32_MAX);
	for (i = 0; i < 15; i++) {
		struct pd_buf *buf = pd_pick(vq, PD_SHUFFLE, &seed);

		pd_tx_copy(vq, buf, NULL, data, sizeof(data));
		if (port_is_filled(data, sizeof(data), &mark) && mark < RTE_DIM(used))
			used[mark] = true;
		pd_complete(vq, buf, 0);
	}
	vhu_backend_unlock(p->b);
	new_backend(p);
	for (i = 0; i < 25; i++) {
		mark = port_take(p, 0);
		assert_true(mark < RTE_DIM(used));
		assert_false(used[mark]);
		assert_true(i == 0 || mark > last);
		used[mark] = true;
		last = mark;
	}
	assert_int_equal(port_take(p, 0), UINT32_MAX);
}

/* Some of one element, some in tables, some as chains: there are four tables. */
static void
send_mixed(struct port *p, uint32_t n)
{
	struct rte_mbuf *m;
	uint32_t i;

	for (i = 0; i < n; i++) {
		m = port_packet(p->pool, p->next_mark++, 300, i % 3 == 0 ? 3 : 1);
		assert_non_null(m);
		assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 1);
	}
}

static void
test_replay_under_other_features(void **state)
{
	static const uint64_t without[] = {
		0,
		VHU_F_IN_ORDER,
		0,
		VHU_F_MRG_RXBUF,
		VHU_F_INDIRECT_DESC,
		VHU_F_EVENT_IDX,
		VHU_F_IN_ORDER | VHU_F_INDIRECT_DESC,
		VHU_F_IN_ORDER | VHU_F_MRG_RXBUF | VHU_F_INDIRECT_DESC | VHU_F_EVENT_IDX,
		0,
	};
	const uint64_t features = (*(struct port **)state)->cfg.features;
	struct port *p = *state;
	uint32_t first = 0;
	unsigned int i;

	p->conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	port_up(p, "");
	for (i = 0; i < RTE_DIM(without); i++) {
		send_mixed(p, 21);
		port_deliver(p, 0, 1000 + i, 64);
		p->cfg.features = features & ~without[i];
		new_backend(p);
		assert_int_equal(vhu_backend_features(p->b), p->cfg.features & ~VHU_F_MQ);
		port_expect(p, 0, 1000 + i, 1);
		/* Half of them; the rest is for the next one. */
		for (; first < p->next_mark - 10; first++)
			assert_int_equal(port_take(p, 0), first);
		port_deliver(p, 0, 2000 + i, 1000);
		port_expect(p, 0, 2000 + i, 1);
	}
	take_all(p, first, 10);
	assert_int_equal(port_xstat(p, "tx_q0_replay_drops"), 0);
}

/* Tables gone, the lists need more slots than there are: what was sent is sent or counted. */
static void
test_replay_does_not_fit(void **state)
{
	uint32_t mark, last = 0, i, taken = 0, accepted = 0;
	struct port *p = *state;
	struct rte_mbuf *m;

	p->conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	port_up(p, "");
	for (i = 0; i < 64; i++) {
		m = port_packet(p->pool, i, 300, i % 16 == 0 ? 3 : 1);
		accepted += rte_eth_tx_burst(p->id, 0, &m, 1);
	}
	assert_int_equal(accepted, 64);
	p->cfg.features &= ~VHU_F_INDIRECT_DESC;
	new_backend(p);
	while ((mark = port_take(p, 0)) != UINT32_MAX) {
		assert_true(taken == 0 || mark > last);
		last = mark;
		taken++;
	}
	assert_true(taken > 50);
	assert_int_equal(taken + port_xstat(p, "tx_q0_replay_drops"), 64);
}

static void
check_rx_survives(struct port *p)
{
	uint32_t i;

	port_up(p, "");
	for (i = 0; i < 30; i++)
		port_deliver(p, 0, i, 64);
	port_expect(p, 0, 0, 3);
	vhu_backend_kill(p->b);
	assert_true(port_wait_link(p, false, PORT_WAIT_MS));
	/* Some with nobody there, some after the ring was made anew. */
	port_expect(p, 0, 3, 10);
	assert_int_equal(vhu_backend_start(p->b), 0);
	port_wait_up(p);
	port_deliver(p, 0, 30, 64);
	port_expect(p, 0, 13, 5);
	new_backend(p);
	port_deliver(p, 0, 31, 64);
	port_expect(p, 0, 18, 14);
	assert_int_equal(port_xstat(p, "rx_q0_packets"), 32);
}

static void
test_received_packets_survive(void **state)
{
	check_rx_survives(*state);
}

static void
test_received_packets_survive_any_order(void **state)
{
	struct port *p = *state;

	p->cfg.features &= ~(VHU_F_IN_ORDER | VHU_F_MRG_RXBUF);
	check_rx_survives(p);
}

static void
test_received_packets_nobody_takes(void **state)
{
	struct port *p = *state;
	uint32_t i, k;

	/* More than a ring's worth over several backends, then the port is stopped. */
	port_up(p, "");
	for (k = 0; k < 4; k++) {
		for (i = 0; i < 30; i++) {
			uint8_t data[64];

			port_fill(data, sizeof(data), i);
			if (vhu_backend_send(p->b, 0, data, sizeof(data)) != 0)
				break;
		}
		new_backend(p);
	}
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_true(port_is_whole(p));
}

/* The head of a merged packet was never used, so its parts are nothing. */
static void
test_half_a_packet_is_dropped(void **state)
{
	struct port *p = *state;
	struct pd_rx_opts opts = {.stage = true};
	static uint8_t data[5000];
	struct rte_mbuf *m;
	int ret;

	p->conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	port_up(p, "");
	port_fill(data, sizeof(data), 1);
	vhu_backend_lock(p->b);
	pd_fetch(vhu_backend_vq(p->b, 0), UINT32_MAX);
	ret = pd_rx_packet(vhu_backend_vq(p->b, 0), data, sizeof(data), &opts);
	if (ret == 3)
		ret = pd_flush_one(vhu_backend_vq(p->b, 0), 0);
	vhu_backend_unlock(p->b);
	assert_int_equal(ret, 0);
	assert_int_equal(rte_eth_rx_burst(p->id, 0, &m, 1), 0);
	new_backend(p);
	port_deliver(p, 0, 2, 64);
	port_expect(p, 0, 2, 1);
}

static void
test_stopped_while_away(void **state)
{
	struct port *p = *state;
	uint32_t i;

	p->cfg.mode = VHU_IDLE;
	port_up(p, "");
	for (i = 0; i < 5; i++) {
		port_send(p, 0, 20, 64);
		port_deliver(p, 0, i, 64);
		vhu_backend_kill(p->b);
		assert_true(port_wait_link(p, false, PORT_WAIT_MS));
		assert_int_equal(rte_eth_dev_stop(p->id), 0);
		assert_true(port_is_whole(p));
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		assert_int_equal(vhu_backend_start(p->b), 0);
		port_wait_up(p);
		/* A stop forgets: the new backend sees nothing of before. */
		assert_int_equal(port_take(p, 0), UINT32_MAX);
	}
}

static void
test_backend_before_and_after_start(void **state)
{
	struct port *p = *state;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	for (i = 0; i < 6; i++) {
		/* The path is the driver's in the second half. */
		const bool server = i >= 3;

		p->cfg.client = server;
		if (i % 3 == 0)
			port_backend(p);
		assert_int_equal(port_probe(p, server ? ",server=1" : ""), 0);
		assert_int_equal(port_configure(p), 0);
		if (i % 3 == 1)
			port_backend(p);
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		if (i % 3 == 2)
			port_backend(p);
		port_wait_up(p);
		port_ping(p, 0, 100, 64);
		port_close(p);
		assert_true(!server || access(p->path, F_OK) != 0);
		assert_string_equal(vhu_backend_violations_text(p->b), "");
		vhu_backend_destroy(p->b);
		p->b = NULL;
	}
}

static int
listen_on(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void
test_server_path_in_use(void **state)
{
	struct port *p = *state;
	int fd = listen_on(p->path);

	assert_true(port_probe(p, ",server=1") != 0);
	assert_true(port_log_has("cannot listen on"));
	assert_int_equal(access(p->path, F_OK), 0);
	/* Nobody behind it any more: what a crash leaves. */
	close(fd);
	p->cfg.client = true;
	p->cfg.mode = VHU_ECHO;
	port_up(p, ",server=1");
	port_ping(p, 0, 10, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_replay_in_order),
		port_test(test_replay_any_order),
		port_test(test_replay_after_shuffled_completion),
		port_test(test_replay_under_other_features),
		port_test(test_replay_does_not_fit),
		port_test(test_received_packets_survive),
		port_test(test_received_packets_survive_any_order),
		port_test(test_received_packets_nobody_takes),
		port_test(test_half_a_packet_is_dropped),
		port_test(test_stopped_while_away),
		port_test(test_backend_before_and_after_start),
		port_test(test_server_path_in_use),
	};

	return cmocka_run_group_tests_name("test_port_reconnect", tests, port_group_setup,
					   port_group_teardown);
}
