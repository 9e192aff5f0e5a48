/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file What a port counts and tells: statistics, extended statistics, telemetry. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "burst.h"
#include "port_readers.h"

#define MAX_XSTATS 128

static void
check_stats(const struct port *p, uint64_t rx, uint64_t tx, uint64_t len)
{
	struct rte_eth_stats stats;

	assert_int_equal(rte_eth_stats_get(p->id, &stats), 0);
	assert_int_equal(stats.ipackets, rx);
	assert_int_equal(stats.ibytes, rx * len);
	assert_int_equal(stats.opackets, tx);
	assert_int_equal(stats.obytes, tx * len);
	assert_int_equal(stats.ierrors, 0);
	assert_int_equal(stats.oerrors, 0);
	assert_int_equal(stats.imissed, 0);
	assert_int_equal(stats.rx_nombuf, 0);
}

static void
test_stats_are_exact(void **state)
{
	struct port *p = *state;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	check_stats(p, 0, 0, 0);
	port_ping(p, 0, 333, 77);
	check_stats(p, 333, 333, 77);
	/* They outlive a backend, and a stop. */
	port_backend_restart(p);
	port_wait_up(p);
	port_ping(p, 0, 100, 77);
	check_stats(p, 433, 433, 77);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	port_ping(p, 0, 10, 77);
	check_stats(p, 443, 443, 77);
	assert_int_equal(rte_eth_stats_reset(p->id), 0);
	check_stats(p, 0, 0, 0);
	port_ping(p, 0, 5, 64);
	check_stats(p, 5, 5, 64);
}

static void
test_stats_of_single_queues(void **state)
{
	struct port *p = *state;

	p->cfg.mode = VHU_ECHO;
	p->cfg.queue_pairs = 3;
	p->nb_rxq = p->nb_txq = 3;
	port_up(p, "");
	port_ping(p, 0, 10, 64);
	port_ping(p, 2, 30, 100);
	check_stats(p, 40, 40, (10 * 64 + 30 * 100) / 40);
	assert_int_equal(port_xstat(p, "rx_q0_packets"), 10);
	assert_int_equal(port_xstat(p, "rx_q1_packets"), 0);
	assert_int_equal(port_xstat(p, "rx_q2_packets"), 30);
	assert_int_equal(port_xstat(p, "tx_q2_packets"), 30);
	assert_int_equal(port_xstat(p, "tx_q2_bytes"), 3000);
	assert_int_equal(port_xstat(p, "rx_q2_bytes"), 3000);
}

static void
test_xstats_by_name_and_id(void **state)
{
	static const char *const names[] = {
		"rx_q0_packets", "rx_q0_bytes", "rx_q0_stash_drops", "rx_q0_short_errors",
		"rx_q0_no_parts_errors",
		"rx_q0_scatter_errors", "rx_q0_mbuf_allocation_errors", "rx_q0_queue_errors",
		"rx_q0_notifications_sent", "rx_q0_notifications_suppressed", "tx_q0_packets",
		"tx_q0_bytes", "tx_q0_too_long_errors", "tx_q0_empty_errors", "tx_q0_ring_full",
		"tx_q0_reclaimed", "tx_q0_recycled", "tx_q0_replayed", "tx_q0_replay_drops",
		"tx_q0_queue_errors", "tx_q0_notifications_sent", "tx_q0_notifications_suppressed",
		"reconnects", "numa_mismatches",
	};
	struct rte_eth_xstat_name all[MAX_XSTATS];
	struct rte_eth_xstat values[MAX_XSTATS];
	struct port *p = *state;
	uint64_t ids[RTE_DIM(names)], some[RTE_DIM(names)];
	struct rte_eth_xstat_name some_names[RTE_DIM(names)];
	unsigned int i;
	int n;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	port_ping(p, 0, 50, 64);
	n = rte_eth_xstats_get_names(p->id, NULL, 0);
	assert_true(n >= (int)RTE_DIM(names) && n <= MAX_XSTATS);
	assert_int_equal(rte_eth_xstats_get_names(p->id, all, n), n);
	assert_int_equal(rte_eth_xstats_get(p->id, values, n), n);
	assert_int_equal(rte_eth_xstats_get(p->id, values, n - 1), n);
	for (i = 0; i < RTE_DIM(names); i++) {
		assert_int_equal(rte_eth_xstats_get_id_by_name(p->id, names[i], &ids[i]), 0);
		assert_string_equal(all[ids[i]].name, names[i]);
	}
	assert_int_equal(rte_eth_xstats_get_by_id(p->id, ids, some, RTE_DIM(ids)), RTE_DIM(ids));
	assert_int_equal(rte_eth_xstats_get_names_by_id(p->id, some_names, RTE_DIM(ids), ids),
			 RTE_DIM(ids));
	for (i = 0; i < RTE_DIM(names); i++) {
		assert_int_equal(some[i], values[ids[i]].value);
		assert_string_equal(some_names[i].name, names[i]);
	}
	assert_int_equal(port_xstat(p, "rx_q0_packets"), 50);
	assert_int_equal(rte_eth_xstats_reset(p->id), 0);
	assert_int_equal(port_xstat(p, "rx_q0_packets"), 0);
	ids[0] = n;
	assert_true(rte_eth_xstats_get_by_id(p->id, ids, some, 1) < 0);
}

static void
test_xstats_count_what_happens(void **state)
{
	struct port *p = *state;
	struct rte_mbuf *m;
	uint32_t i;

	/* The backend asks for every notification, then for none. */
	p->cfg.features &= ~VHU_F_EVENT_IDX;
	port_up(p, "");
	port_send(p, 0, 3, 64);
	assert_int_equal(port_xstat(p, "tx_q0_notifications_sent"), 3);
	vhu_backend_lock(p->b);
	pd_notify_disable(vhu_backend_vq(p->b, 1));
	vhu_backend_unlock(p->b);
	port_send(p, 0, 61, 64);
	assert_int_equal(port_xstat(p, "tx_q0_notifications_sent"), 3);
	assert_int_equal(port_xstat(p, "tx_q0_notifications_suppressed"), 61);
	assert_int_equal(port_xstat(p, "tx_q0_ring_full"), 0);
	m = port_packet(p->pool, 0, 64, 1);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 0);
	assert_int_equal(port_xstat(p, "tx_q0_ring_full"), 1);
	for (i = 0; i < 20; i++)
		assert_int_equal(port_take(p, 0), i);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 1);
	assert_int_equal(port_xstat(p, "tx_q0_reclaimed"), 20);
	/* 45 are with the backend as it goes. */
	port_backend_restart(p);
	port_wait_up(p);
	assert_int_equal(port_xstat(p, "tx_q0_replayed"), 45);
	assert_int_equal(port_xstat(p, "reconnects"), 1);
	assert_int_equal(port_xstat(p, "tx_q0_packets"), 65);
}

static void
test_xstats_of_dropped_packets(void **state)
{
	struct port *p = *state;
	struct rte_eth_stats stats;
	struct rte_mbuf *m;

	port_up(p, "");
	m = rte_pktmbuf_alloc(p->pool);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 1);
	assert_int_equal(port_xstat(p, "tx_q0_empty_errors"), 1);
	m = port_packet(p->pool, 0, 1600, 1);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 1);
	assert_int_equal(port_xstat(p, "tx_q0_too_long_errors"), 1);
	assert_int_equal(rte_eth_stats_get(p->id, &stats), 0);
	assert_int_equal(stats.oerrors, 2);
	assert_int_equal(stats.opackets, 0);
	assert_int_equal(vhu_backend_recv(p->b, 0, NULL, 0), -EAGAIN);
}

static void
test_stats_want_of_mbufs(void **state)
{
	struct rte_mbuf *all[2047];
	struct rte_eth_stats stats;
	struct port *p = *state;
	unsigned int i, n;

	p->rxconf.rx_free_thresh = 1;
	port_up(p, "");
	n = rte_mempool_avail_count(p->pool);
	assert_int_equal(rte_pktmbuf_alloc_bulk(p->pool, all, n), 0);
	for (i = 0; i < 10; i++)
		port_deliver(p, 0, i, 64);
	/* Kept, so that nothing returns to the pool. */
	assert_int_equal(port_receive(p, 0, &all[n], 10, PORT_WAIT_MS), 10);
	assert_int_equal(rte_eth_stats_get(p->id, &stats), 0);
	assert_true(stats.rx_nombuf > 0);
	assert_int_equal(stats.ipackets, 10);
	rte_pktmbuf_free_bulk(all, n + 10);
	/* With mbufs back in the pool the ring fills up again. */
	port_deliver(p, 0, 100, 64);
	port_expect(p, 0, 100, 1);
	assert_int_equal(rte_eth_rx_descriptor_status(p->id, 0, 63), RTE_ETH_RX_DESC_AVAIL);
}

/* Ask EAL's telemetry socket; the answer stays in @p answer. */
static void
ask(const char *command, char *answer, size_t size)
{
	int fd = port_telemetry_connect();

	assert_true(fd >= 0);
	assert_true(port_telemetry_ask(fd, command, answer, size));
	close(fd);
}

static void
test_telemetry(void **state)
{
	static const char *const refused[] = {"/pvq/port,77", "/pvq/port,x", "/pvq/port",
					      "/pvq/ring,%u", "/pvq/ring,%u,tx,9",
					      "/pvq/ring,%u,rx,0,1", "/pvq/ring,%u,up,0"};
	struct port *p = *state;
	char answer[16384], command[64], want[64];
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	p->nb_txd = 100;
	port_up(p, ",isa=scalar");
	port_ping(p, 0, 130, 64);
	ask("/pvq/list", answer, sizeof(answer));
	snprintf(want, sizeof(want), "\"/pvq/list\":[%u]", p->id);
	assert_non_null(strstr(answer, want));
	snprintf(command, sizeof(command), "/pvq/port,%u", p->id);
	ask(command, answer, sizeof(answer));
	assert_non_null(strstr(answer, "\"live\":1"));
	assert_non_null(strstr(answer, "RING_PACKED IN_ORDER"));
	assert_non_null(strstr(answer, "\"rx_path\":\"scalar, in-order, mergeable\""));
	assert_non_null(strstr(answer, p->path));
	snprintf(command, sizeof(command), "/pvq/ring,%u,tx,0", p->id);
	ask(command, answer, sizeof(answer));
	assert_non_null(strstr(answer, "\"size\":100"));
	assert_non_null(strstr(answer, "\"next_avail\":30"));
	assert_non_null(strstr(answer, "\"avail_wrap\":0"));
	snprintf(command, sizeof(command), "/pvq/ring,%u,rx,0", p->id);
	ask(command, answer, sizeof(answer));
	assert_non_null(strstr(answer, "\"size\":64"));
	for (i = 0; i < RTE_DIM(refused); i++) {
		snprintf(command, sizeof(command), refused[i], p->id);
		ask(command, answer, sizeof(answer));
		assert_non_null(strstr(answer, ":null"));
	}
}

static void
test_burst_mode(void **state)
{
	struct rte_eth_burst_mode mode;
	struct port *p = *state;

	port_start(p, ",isa=scalar");
	assert_int_equal(rte_eth_rx_burst_mode_get(p->id, 0, &mode), 0);
	assert_string_equal(mode.info, "waiting for a backend");
	port_backend(p);
	port_wait_up(p);
	assert_int_equal(rte_eth_rx_burst_mode_get(p->id, 0, &mode), 0);
	assert_string_equal(mode.info, "scalar, in-order, mergeable");
	assert_int_equal(rte_eth_tx_burst_mode_get(p->id, 0, &mode), 0);
	assert_string_equal(mode.info, "scalar, in-order");
	p->cfg.features &= ~(VHU_F_IN_ORDER | VHU_F_MRG_RXBUF);
	port_backend_restart(p);
	port_wait_up(p);
	assert_int_equal(rte_eth_rx_burst_mode_get(p->id, 0, &mode), 0);
	assert_string_equal(mode.info, "scalar");
}

#ifdef RTE_ARCH_X86_64
/* Each instruction set that the processor has can be asked for, and says so. */
static void
check_isa(struct port *p, enum pvq_isa isa, const char *rx, const char *tx)
{
	struct rte_eth_burst_mode mode;
	char args[32];

	if (!pvq_isa_usable(isa))
		skip();
	p->cfg.mode = VHU_ECHO;
	snprintf(args, sizeof(args), ",isa=%s", pvq_isa_name(isa));
	port_up(p, args);
	assert_int_equal(rte_eth_rx_burst_mode_get(p->id, 0, &mode), 0);
	assert_string_equal(mode.info, rx);
	assert_int_equal(rte_eth_tx_burst_mode_get(p->id, 0, &mode), 0);
	assert_string_equal(mode.info, tx);
	port_ping(p, 0, 300, 64);
}

static void
test_isa_avx2(void **state)
{
	check_isa(*state, PVQ_ISA_AVX2, "AVX2, in-order, mergeable", "AVX2, in-order");
}

static void
test_isa_avx512(void **state)
{
	check_isa(*state, PVQ_ISA_AVX512, "AVX-512, in-order, mergeable", "AVX-512, in-order");
}
#endif

static int
setup_with_telemetry(void **state)
{
	(void)state;
	port_eal_start("0", true);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_burst_mode),
#ifdef RTE_ARCH_X86_64
		port_test(test_isa_avx2),
		port_test(test_isa_avx512),
#endif
		port_test(test_stats_are_exact),
		port_test(test_stats_of_single_queues),
		port_test(test_xstats_by_name_and_id),
		port_test(test_xstats_count_what_happens),
		port_test(test_xstats_of_dropped_packets),
		port_test(test_stats_want_of_mbufs),
		port_test(test_telemetry),
	};

	return cmocka_run_group_tests_name("test_port_stats", tests, setup_with_telemetry,
					   port_group_teardown);
}
