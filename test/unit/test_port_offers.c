/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Offers that cannot be, and offers that are others after a reset or a reconnection (HD-21, HD-28):
 * negotiated afresh each time, refused when what is required is gone.
 */

#include <string.h>

#include "port.h"

static void
test_hd21_more_queue_pairs_than_there_can_be(void **state)
{
	static const uint32_t claims[] = {0x8000, 0x8001, 0x10000, 0x10001, UINT32_MAX - 1};
	struct rte_eth_dev_info info;
	struct port *p = *state;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	for (i = 0; i < RTE_DIM(claims); i++) {
		p->cfg.claimed_pairs = claims[i];
		port_backend_restart(p);
		port_start(p, "");
		port_wait_up(p);
		assert_int_equal(rte_eth_dev_info_get(p->id, &info), 0);
		assert_true(info.max_rx_queues >= 1 && info.max_rx_queues <= 0x8000);
		assert_int_equal(info.max_rx_queues, info.max_tx_queues);
		port_ping(p, 0, 50, 64);
		port_close(p);
	}
}

/* The next backend lacks what the driver cannot do without. */
static void
check_vanished(struct port *p, uint64_t feature, const char *name)
{
	struct rte_mbuf *m;
	uint32_t i;

	port_up(p, "");
	port_send(p, 0, 5, 64);
	p->cfg.features &= ~feature;
	port_log_clear();
	port_backend_restart(p);
	assert_true(port_log_wait(name, PORT_WAIT_MS));
	assert_false(port_wait_link(p, true, 200));
	m = port_packet(p->pool, 99, 64, 1);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 0);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_rx_burst(p->id, 0, &m, 1), 0);
	/* Then one that has it; nothing that was accepted is lost. */
	p->cfg.features |= feature;
	port_backend_restart(p);
	port_wait_up(p);
	for (i = 0; i < 5; i++)
		assert_int_equal(port_take(p, 0), i);
	assert_int_equal(port_take(p, 0), UINT32_MAX);
}

static void
test_hd28_version_1_vanishes(void **state)
{
	check_vanished(*state, VHU_F_VERSION_1, "does not offer VERSION_1.");
}

static void
test_hd28_ring_packed_vanishes(void **state)
{
	check_vanished(*state, VHU_F_RING_PACKED, "does not offer RING_PACKED.");
}

/* The same device, reset by a stop, offers less when it is started again. */
static void
test_hd28_features_shrink_between_stop_and_start(void **state)
{
	static const uint64_t gone[] = {
		VHU_F_IN_ORDER, VHU_F_MRG_RXBUF | VHU_F_EVENT_IDX, VHU_F_INDIRECT_DESC | VHU_F_MTU,
	};
	struct port *p = *state;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	for (i = 0; i < RTE_DIM(gone); i++) {
		port_ping(p, 0, 50, 64);
		assert_int_equal(rte_eth_dev_stop(p->id), 0);
		p->cfg.features &= ~gone[i];
		vhu_backend_set_config(p->b, &p->cfg);
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		port_wait_up(p);
		assert_int_equal(vhu_backend_features(p->b) & ~p->cfg.features, 0);
	}
	port_ping(p, 0, 50, 64);
	assert_int_equal(vhu_backend_connections(p->b), 1);
}

static void
test_hd28_queue_pairs_shrink(void **state)
{
	struct port *p = *state;

	p->nb_rxq = p->nb_txq = 2;
	p->cfg.queue_pairs = 2;
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	port_ping(p, 1, 50, 64);
	p->cfg.claimed_pairs = 1;
	port_backend_restart(p);
	assert_true(port_log_wait("set up for 2 queue pairs and the backend has 1", PORT_WAIT_MS));
	assert_false(port_wait_link(p, true, 200));
	p->cfg.claimed_pairs = UINT32_MAX;
	port_backend_restart(p);
	port_wait_up(p);
	port_ping(p, 1, 50, 64);
}

/* A smaller MTU than the application has set: refused until the application agrees. */
static void
test_hd28_mtu_shrinks(void **state)
{
	struct rte_eth_dev_info info;
	struct port *p = *state;

	p->cfg.mtu = 2000;
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 1900), 0);
	p->cfg.mtu = 1500;
	port_backend_restart(p);
	assert_true(port_log_wait("MTU 1900 is above the backend's 1500", PORT_WAIT_MS));
	assert_false(port_wait_link(p, true, 200));
	assert_int_equal(rte_eth_dev_info_get(p->id, &info), 0);
	assert_int_equal(info.max_mtu, 1500);
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 1500), 0);
	port_wait_up(p);
	port_ping(p, 0, 50, 1400);
}

/* Another address: the port keeps its own and does not promise the device's. */
static void
test_hd28_mac_changes(void **state)
{
	struct rte_ether_addr before, after;
	struct port *p = *state;

	port_up(p, "");
	assert_int_equal(vhu_backend_features(p->b) & VHU_F_MAC, VHU_F_MAC);
	assert_int_equal(rte_eth_macaddr_get(p->id, &before), 0);
	p->cfg.mac[5] ^= 0x55;
	port_backend_restart(p);
	port_wait_up(p);
	assert_int_equal(vhu_backend_features(p->b) & VHU_F_MAC, 0);
	assert_int_equal(rte_eth_macaddr_get(p->id, &after), 0);
	assert_memory_equal(&before, &after, sizeof(after));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_hd21_more_queue_pairs_than_there_can_be),
		port_test(test_hd28_version_1_vanishes),
		port_test(test_hd28_ring_packed_vanishes),
		port_test(test_hd28_features_shrink_between_stop_and_start),
		port_test(test_hd28_queue_pairs_shrink),
		port_test(test_hd28_mtu_shrinks),
		port_test(test_hd28_mac_changes),
	};

	return cmocka_run_group_tests_name("test_port_offers", tests, port_group_setup,
					   port_group_teardown);
}
