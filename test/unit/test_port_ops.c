/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * ethdev operations of a port: life cycle, queues, link, MTU, addresses. Statistics are in
 * test_port_stats.c, interrupts in test_port_intr.c.
 */

#include <errno.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <bus_vdev_driver.h>

#include "port.h"

static void
test_info(void **state)
{
	struct rte_eth_dev_info info;
	struct port *p = *state;

	p->cfg.queue_pairs = 2;
	p->cfg.mtu = 9000;
	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	assert_int_equal(rte_eth_dev_info_get(p->id, &info), 0);
	assert_string_equal(info.driver_name, "net_pvq");
	assert_int_equal(info.max_rx_queues, 2);
	assert_int_equal(info.max_tx_queues, 2);
	assert_int_equal(info.max_mac_addrs, 64);
	assert_int_equal(info.max_mtu, 9000);
	assert_int_equal(info.rx_desc_lim.nb_min, 1);
	assert_int_equal(info.rx_desc_lim.nb_max, 32768);
	assert_int_equal(info.rx_desc_lim.nb_align, 1);
	assert_int_equal(info.tx_desc_lim.nb_max, 32768);
	assert_int_equal(info.rx_offload_capa, RTE_ETH_RX_OFFLOAD_SCATTER);
	assert_int_equal(info.tx_offload_capa, RTE_ETH_TX_OFFLOAD_MULTI_SEGS |
						       RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE |
						       RTE_ETH_TX_OFFLOAD_MT_LOCKFREE);
	assert_int_equal(info.speed_capa, RTE_ETH_LINK_SPEED_10G);
}

static void
test_configure_needs_queues_of_both_kinds(void **state)
{
	struct port *p = *state;

	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	assert_true(rte_eth_dev_configure(p->id, 1, 0, &p->conf) < 0);
	assert_true(rte_eth_dev_configure(p->id, 0, 1, &p->conf) < 0);
	assert_true(port_log_has("at least one rx and one tx queue"));
	assert_int_equal(port_configure(p), 0);
}

static void
test_reconfigure_to_more_and_fewer_queues(void **state)
{
	static const uint16_t counts[] = {4, 3, 1};
	struct port *p = *state;
	unsigned int i;
	uint16_t n;

	p->cfg.queue_pairs = 4;
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	for (i = 0; i < RTE_DIM(counts); i++) {
		n = counts[i];
		assert_int_equal(rte_eth_dev_stop(p->id), 0);
		p->nb_rxq = p->nb_txq = n;
		assert_int_equal(port_configure(p), 0);
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		assert_true(vhu_backend_wait_vrings(p->b, 2 * n, PORT_WAIT_MS));
		port_wait_up(p);
		port_ping(p, n - 1, 100, 64);
		port_ping(p, 0, 100, 64);
	}
}

/* PR-03 through ethdev: any size, and with few slots few packets at a time. */
static void
test_pr03_queue_sizes(void **state)
{
	static const uint16_t sizes[] = {1, 2, 3, 5, 7, 255, 256, 257, 1024, 32768};
	struct port *p = *state;
	struct vhu_vring_info info;
	unsigned int i, k;

	p->cfg.mode = VHU_ECHO;
	port_pool(p, 70000, RTE_PKTMBUF_HEADROOM + 256);
	port_backend(p);
	p->cfg.mtu = 100;
	vhu_backend_set_config(p->b, &p->cfg);
	assert_int_equal(port_probe(p, ""), 0);
	p->conf.rxmode.mtu = 100;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		p->nb_rxd = p->nb_txd = sizes[i];
		assert_int_equal(port_configure(p), 0);
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		port_wait_up(p);
		assert_int_equal(vhu_backend_vring(p->b, 0, &info), 0);
		assert_int_equal(info.num, sizes[i]);
		/* More than a lap even where one packet fills the ring. */
		for (k = 0; k < 10; k++) {
			port_send(p, 0, 1, 64);
			port_expect(p, 0, p->next_mark - 1, 1);
		}
		if (sizes[i] > 1)
			port_ping(p, 0, sizes[i] < 1024 ? 5 * sizes[i] : 2048, 64);
		assert_int_equal(rte_eth_dev_stop(p->id), 0);
	}
}

static void
test_queue_setup_limits(void **state)
{
	struct port *p = *state;
	struct rte_mempool *pool;

	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	assert_int_equal(port_configure(p), 0);
	assert_true(rte_eth_rx_queue_setup(p->id, 0, 32769, 0, &p->rxconf, p->pool) < 0);
	assert_true(rte_eth_tx_queue_setup(p->id, 0, 32769, 0, &p->txconf) < 0);
	assert_true(rte_eth_rx_queue_setup(p->id, 1, 64, 0, &p->rxconf, p->pool) < 0);
	p->txconf.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	assert_int_equal(rte_eth_tx_queue_setup(p->id, 0, 2, 0, &p->txconf), -EINVAL);
	assert_true(port_log_has("several segments need 3 descriptors"));
	assert_int_equal(rte_eth_tx_queue_setup(p->id, 0, 3, 0, &p->txconf), 0);
	pool = rte_pktmbuf_pool_create("tiny", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 16, SOCKET_ID_ANY);
	assert_non_null(pool);
	assert_true(rte_eth_rx_queue_setup(p->id, 0, 64, 0, &p->rxconf, pool) < 0);
	rte_mempool_free(pool);
	/* Set up again after a refusal, and once more over a queue that is there. */
	assert_int_equal(rte_eth_rx_queue_setup(p->id, 0, 64, 0, &p->rxconf, p->pool), 0);
	assert_int_equal(rte_eth_rx_queue_setup(p->id, 0, 32, 0, &p->rxconf, p->pool), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
}

static void
test_start_with_an_empty_pool(void **state)
{
	struct rte_mbuf *all[2047];
	struct port *p = *state;

	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	assert_int_equal(port_configure(p), 0);
	assert_int_equal(rte_pktmbuf_alloc_bulk(p->pool, all, 2047), 0);
	assert_int_equal(rte_eth_dev_start(p->id), -ENOMEM);
	assert_true(port_log_has("has no mbuf for rx queue 0"));
	rte_pktmbuf_free_bulk(all, 2047);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	port_ping(p, 0, 100, 64);
}

static void
test_queue_stop_and_start(void **state)
{
	struct port *p = *state;
	struct rte_eth_rxq_info rxq;
	struct vhu_vring_info info;
	struct rte_mbuf *m;

	p->cfg.mode = VHU_ECHO;
	p->cfg.queue_pairs = 2;
	p->nb_rxq = p->nb_txq = 2;
	port_up(p, "");
	assert_int_equal(rte_eth_dev_rx_queue_stop(p->id, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_stop(p->id, 1), 0);
	assert_int_equal(rte_eth_rx_queue_info_get(p->id, 1, &rxq), 0);
	assert_int_equal(rxq.queue_state, RTE_ETH_QUEUE_STATE_STOPPED);
	assert_int_equal(vhu_backend_vring(p->b, 3, &info), 0);
	assert_false(info.live);
	m = port_packet(p->pool, 0, 64, 1);
	assert_int_equal(rte_eth_tx_burst(p->id, 1, &m, 1), 0);
	rte_pktmbuf_free(m);
	port_ping(p, 0, 100, 64);
	/* A new backend finds it stopped too. */
	port_backend_restart(p);
	port_wait_up(p);
	assert_int_equal(vhu_backend_vring(p->b, 3, &info), 0);
	assert_false(info.live);
	assert_int_equal(rte_eth_dev_rx_queue_start(p->id, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p->id, 1), 0);
	assert_true(vhu_backend_wait_vrings(p->b, 4, PORT_WAIT_MS));
	port_ping(p, 1, 100, 64);
}

static void
test_deferred_start(void **state)
{
	struct port *p = *state;
	struct rte_eth_txq_info txq;
	struct rte_mbuf *m;

	p->cfg.mode = VHU_ECHO;
	p->rxconf.rx_deferred_start = 1;
	p->txconf.tx_deferred_start = 1;
	port_backend(p);
	port_start(p, "");
	assert_true(port_wait_link(p, true, PORT_WAIT_MS));
	assert_int_equal(rte_eth_tx_queue_info_get(p->id, 0, &txq), 0);
	assert_int_equal(txq.queue_state, RTE_ETH_QUEUE_STATE_STOPPED);
	assert_int_equal(txq.conf.tx_deferred_start, 1);
	assert_false(vhu_backend_wait_vrings(p->b, 1, 50));
	m = port_packet(p->pool, 0, 64, 1);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 0);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_dev_rx_queue_start(p->id, 0), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p->id, 0), 0);
	port_wait_up(p);
	port_ping(p, 0, 100, 64);
}

static void
test_queue_info(void **state)
{
	struct port *p = *state;
	struct rte_eth_rxq_info rxq;
	struct rte_eth_txq_info txq;

	p->rxconf.rx_free_thresh = 5;
	p->txconf.tx_free_thresh = 9;
	p->conf.rxmode.offloads = p->rxconf.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	p->txconf.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	p->nb_txd = 100;
	port_up(p, "");
	assert_int_equal(rte_eth_rx_queue_info_get(p->id, 0, &rxq), 0);
	assert_ptr_equal(rxq.mp, p->pool);
	assert_int_equal(rxq.nb_desc, 64);
	assert_int_equal(rxq.conf.rx_free_thresh, 5);
	assert_int_equal(rxq.conf.offloads, RTE_ETH_RX_OFFLOAD_SCATTER);
	assert_int_equal(rxq.scattered_rx, 1);
	assert_int_equal(rxq.rx_buf_size, RTE_MBUF_DEFAULT_DATAROOM);
	assert_int_equal(rxq.queue_state, RTE_ETH_QUEUE_STATE_STARTED);
	assert_int_equal(rte_eth_tx_queue_info_get(p->id, 0, &txq), 0);
	assert_int_equal(txq.nb_desc, 100);
	assert_int_equal(txq.conf.tx_free_thresh, 9);
	assert_int_equal(txq.conf.offloads, RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
}

static void
test_rx_descriptors(void **state)
{
	struct port *p = *state;
	uint32_t i;

	p->rxconf.rx_free_thresh = 8;
	port_up(p, "");
	assert_int_equal(rte_eth_rx_queue_count(p->id, 0), 0);
	for (i = 0; i < 5; i++)
		port_deliver(p, 0, i, 64);
	assert_int_equal(rte_eth_rx_queue_count(p->id, 0), 5);
	for (i = 0; i < 64; i++)
		assert_int_equal(rte_eth_rx_descriptor_status(p->id, 0, i),
				 i < 5 ? RTE_ETH_RX_DESC_DONE : RTE_ETH_RX_DESC_AVAIL);
	assert_int_equal(rte_eth_rx_descriptor_status(p->id, 0, 64), -EINVAL);
	port_expect(p, 0, 0, 3);
	assert_int_equal(rte_eth_rx_queue_count(p->id, 0), 2);
	/* Three free slots are not refilled yet. */
	assert_int_equal(rte_eth_rx_descriptor_status(p->id, 0, 60), RTE_ETH_RX_DESC_AVAIL);
	assert_int_equal(rte_eth_rx_descriptor_status(p->id, 0, 61), RTE_ETH_RX_DESC_UNAVAIL);
	port_expect(p, 0, 3, 2);
}

static void
test_tx_descriptors_and_cleanup(void **state)
{
	struct port *p = *state;
	uint32_t i;

	port_up(p, "");
	port_send(p, 0, 10, 64);
	for (i = 0; i < 64; i++)
		assert_int_equal(rte_eth_tx_descriptor_status(p->id, 0, i),
				 i < 54 ? RTE_ETH_TX_DESC_DONE : RTE_ETH_TX_DESC_FULL);
	assert_int_equal(rte_eth_tx_done_cleanup(p->id, 0, 0), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(port_take(p, 0), i);
	for (i = 0; i < 64; i++)
		assert_int_equal(rte_eth_tx_descriptor_status(p->id, 0, i),
				 i < 58 ? RTE_ETH_TX_DESC_DONE : RTE_ETH_TX_DESC_FULL);
	assert_int_equal(rte_mempool_avail_count(p->pool), p->pool_size - 64 - 10);
	assert_int_equal(rte_eth_tx_done_cleanup(p->id, 0, 1), 1);
	assert_int_equal(rte_eth_tx_done_cleanup(p->id, 0, 0), 3);
	assert_int_equal(rte_mempool_avail_count(p->pool), p->pool_size - 64 - 6);
	assert_int_equal(rte_eth_tx_descriptor_status(p->id, 0, 64), -EINVAL);
}

/* What rte_power_monitor() would sleep on: it must not while there is something to receive. */
static void
test_monitor_address(void **state)
{
	struct rte_power_monitor_cond cond;
	struct port *p = *state;
	uint16_t value;

	port_up(p, "");
	assert_int_equal(rte_eth_get_monitor_addr(p->id, 0, &cond), 0);
	assert_int_equal(cond.size, 2);
	memcpy(&value, (const void *)(uintptr_t)cond.addr, sizeof(value));
	assert_int_equal(cond.fn(value, cond.opaque), 0);
	port_deliver(p, 0, 1, 64);
	memcpy(&value, (const void *)(uintptr_t)cond.addr, sizeof(value));
	assert_int_equal(cond.fn(value, cond.opaque), -1);
	port_expect(p, 0, 1, 1);
}

static void
test_reset(void **state)
{
	struct port *p = *state;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	port_ping(p, 0, 100, 64);
	assert_int_equal(rte_eth_dev_reset(p->id), 0);
	assert_true(port_is_whole(p));
	assert_int_equal(port_configure(p), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	port_ping(p, 0, 100, 64);
	assert_int_equal(vhu_backend_connections(p->b), 2);
}

static void
test_close_twice_and_probe_again(void **state)
{
	struct port *p = *state;
	int i;

	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	for (i = 0; i < 3; i++) {
		port_start(p, "");
		port_wait_up(p);
		port_ping(p, 0, 100, 64);
		assert_int_equal(rte_eth_dev_stop(p->id), 0);
		assert_int_equal(rte_eth_dev_close(p->id), 0);
		assert_false(rte_eth_dev_is_valid_port(p->id));
		assert_true(port_is_whole(p));
		port_close(p);
		assert_true(vhu_backend_wait_connected(p->b, false, PORT_WAIT_MS));
	}
}

static void
test_hotplug(void **state)
{
	struct port *p = *state;
	char args[80];
	int i;

	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	snprintf(args, sizeof(args), "path=%s", p->path);
	for (i = 0; i < 3; i++) {
		assert_int_equal(rte_eal_hotplug_add("vdev", "net_pvq7", args), 0);
		assert_int_equal(rte_eth_dev_get_port_by_name("net_pvq7", &p->id), 0);
		assert_int_equal(port_configure(p), 0);
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		port_wait_up(p);
		port_ping(p, 0, 100, 64);
		/* Detached as it runs. */
		assert_int_equal(rte_eal_hotplug_remove("vdev", "net_pvq7"), 0);
		p->id = RTE_MAX_ETHPORTS;
		assert_true(port_is_whole(p));
	}
}

static void
test_supported_ptypes(void **state)
{
	struct port *p = *state;

	port_up(p, "");
	assert_int_equal(rte_eth_dev_get_supported_ptypes(p->id, RTE_PTYPE_ALL_MASK, NULL, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_info),
		port_test(test_configure_needs_queues_of_both_kinds),
		port_test(test_reconfigure_to_more_and_fewer_queues),
		port_test(test_pr03_queue_sizes),
		port_test(test_queue_setup_limits),
		port_test(test_start_with_an_empty_pool),
		port_test(test_queue_stop_and_start),
		port_test(test_deferred_start),
		port_test(test_queue_info),
		port_test(test_rx_descriptors),
		port_test(test_tx_descriptors_and_cleanup),
		port_test(test_monitor_address),
		port_test(test_reset),
		port_test(test_close_twice_and_probe_again),
		port_test(test_hotplug),
		port_test(test_supported_ptypes),
	};

	return cmocka_run_group_tests_name("test_port_ops", tests, port_group_setup,
					   port_group_teardown);
}
