/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * What a port shows of its link, and what it is told of frames: link state and events, MTU, address
 * filters, MAC address, device arguments.
 */

#include <errno.h>
#include <string.h>

#include "port.h"

static void
test_link_and_events(void **state)
{
	struct rte_eth_link link;
	struct port *p = *state;
	uint32_t i;

	p->cfg.mode = VHU_ECHO;
	p->conf.intr_conf.lsc = 1;
	port_backend(p);
	assert_int_equal(port_probe(p, ",speed=40000"), 0);
	assert_int_equal(port_configure(p), 0);
	assert_int_equal(rte_eth_link_get_nowait(p->id, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
	port_watch(p);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	assert_true(port_wait_count(&p->link_events, 1, PORT_WAIT_MS));
	assert_int_equal(rte_eth_link_get(p->id, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_UP);
	assert_int_equal(link.link_speed, 40000);
	assert_int_equal(link.link_duplex, RTE_ETH_LINK_FULL_DUPLEX);
	for (i = 1; i < 4; i++) {
		vhu_backend_stop(p->b);
		assert_true(port_wait_count(&p->link_events, 2 * i, PORT_WAIT_MS));
		assert_true(port_wait_link(p, false, PORT_WAIT_MS));
		assert_int_equal(vhu_backend_start(p->b), 0);
		assert_true(port_wait_count(&p->link_events, 2 * i + 1, PORT_WAIT_MS));
		port_wait_up(p);
		port_ping(p, 0, 20, 64);
	}
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_true(port_wait_count(&p->link_events, 8, PORT_WAIT_MS));
	port_sleep_ms(20);
	/* Every change once. */
	assert_int_equal(p->link_events, 8);
}

static void
test_set_link_down_and_up(void **state)
{
	struct port *p = *state;
	struct rte_mbuf *m;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	port_watch(p);
	port_ping(p, 0, 100, 64);
	assert_int_equal(rte_eth_dev_set_link_down(p->id), 0);
	assert_true(port_wait_link(p, false, 0));
	assert_true(port_wait_count(&p->link_events, 1, PORT_WAIT_MS));
	m = port_packet(p->pool, 0, 64, 1);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 0);
	rte_pktmbuf_free(m);
	/* Another backend does not bring it up. */
	port_backend_restart(p);
	assert_true(vhu_backend_wait_live(p->b, PORT_WAIT_MS));
	assert_false(port_wait_link(p, true, 50));
	assert_int_equal(rte_eth_dev_set_link_up(p->id), 0);
	assert_true(port_wait_count(&p->link_events, 2, PORT_WAIT_MS));
	port_wait_up(p);
	port_ping(p, 0, 100, 64);
	/* A start does. */
	assert_int_equal(rte_eth_dev_set_link_down(p->id), 0);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	port_ping(p, 0, 100, 64);
}

static void
test_nt31_down_by_the_device(void **state)
{
	struct port *p = *state;

	/* Link down in the configuration space; the application cannot talk it up. */
	p->cfg.status = 0;
	port_backend(p);
	port_start(p, "");
	assert_true(vhu_backend_wait_live(p->b, PORT_WAIT_MS));
	assert_int_equal(rte_eth_dev_set_link_up(p->id), 0);
	assert_false(port_wait_link(p, true, 50));
	/* Without the feature, the same field means nothing. */
	p->cfg.features &= ~VHU_F_STATUS;
	port_backend_restart(p);
	port_wait_up(p);
}

static void
test_nt31_changes_at_run_time(void **state)
{
	struct port *p = *state;
	uint32_t i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	port_watch(p);
	for (i = 0; i < 3; i++) {
		vhu_backend_set_link(p->b, false);
		assert_true(port_wait_link(p, false, PORT_WAIT_MS));
		assert_true(port_wait_count(&p->link_events, 2 * i + 1, PORT_WAIT_MS));
		vhu_backend_set_link(p->b, true);
		assert_true(port_wait_link(p, true, PORT_WAIT_MS));
		assert_true(port_wait_count(&p->link_events, 2 * i + 2, PORT_WAIT_MS));
		port_ping(p, 0, 20, 64);
	}
}

static void
test_nt10_mtu_is_told(void **state)
{
	struct port *p = *state;
	uint16_t mtu;

	p->cfg.mtu = 9000;
	port_up(p, "");
	assert_int_equal(vhu_backend_mtu(p->b), 1500);
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 1000), 0);
	assert_int_equal(vhu_backend_mtu(p->b), 1000);
	assert_int_equal(rte_eth_dev_get_mtu(p->id, &mtu), 0);
	assert_int_equal(mtu, 1000);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 1400), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	assert_int_equal(vhu_backend_mtu(p->b), 1400);
	/* And to a new backend as well. */
	port_backend_restart(p);
	port_wait_up(p);
	assert_int_equal(vhu_backend_mtu(p->b), 1400);
}

static void
test_nt10_mtu_refused_by_buffers(void **state)
{
	struct port *p = *state;

	p->cfg.mtu = 9000;
	port_up(p, "");
	/* 2,048 bytes less an Ethernet header and two tags. */
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 2026), 0);
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 2027), -EINVAL);
	assert_true(port_log_has("MTU 2027 needs"));
	assert_true(port_log_has("use a mempool of larger mbufs"));
	assert_int_equal(vhu_backend_mtu(p->b), 2026);
	assert_true(rte_eth_dev_set_mtu(p->id, 9001) < 0);
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 68), 0);
	assert_true(rte_eth_dev_set_mtu(p->id, 67) < 0);
}

static void
test_nt10_mtu_with_scatter(void **state)
{
	struct rte_mbuf *m;
	struct port *p = *state;
	uint32_t mark;

	p->cfg.mtu = 9000;
	p->conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	p->conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 9000), 0);
	m = port_packet(p->pool, 5, 9014, 6);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 1);
	assert_int_equal(port_receive(p, 0, &m, 1, PORT_WAIT_MS), 1);
	assert_int_equal(m->pkt_len, 9014);
	assert_int_equal(m->nb_segs, 5);
	assert_true(port_is_packet(m, &mark));
	rte_pktmbuf_free(m);
	/* Merging gone: frames of this size fit nowhere, so this backend is of no use. */
	p->cfg.features &= ~VHU_F_MRG_RXBUF;
	port_backend_restart(p);
	assert_true(port_log_wait("MTU 9000 needs", PORT_WAIT_MS));
	assert_true(port_wait_link(p, false, PORT_WAIT_MS));
	p->cfg.features |= VHU_F_MRG_RXBUF;
	port_backend_restart(p);
	port_wait_up(p);
}

static void
test_nt10_longer_frames_are_not_sent(void **state)
{
	struct rte_mbuf *m;
	struct port *p = *state;

	p->cfg.mode = VHU_SINK;
	port_up(p, "");
	m = port_packet(p->pool, 0, 1500 + 22, 1);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 1);
	m = port_packet(p->pool, 0, 1500 + 23, 1);
	assert_int_equal(rte_eth_tx_prepare(p->id, 0, &m, 1), 0);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 1);
	assert_true(vhu_backend_wait_packets(p->b, 1, PORT_WAIT_MS));
	assert_int_equal(port_xstat(p, "tx_q0_too_long_errors"), 1);
	assert_int_equal(port_xstat(p, "tx_q0_packets"), 1);
}

static void
test_promiscuous_and_allmulticast(void **state)
{
	struct port *p = *state;

	port_up(p, "");
	assert_int_equal(rte_eth_promiscuous_get(p->id), 1);
	assert_int_equal(rte_eth_allmulticast_get(p->id), 1);
	assert_int_equal(rte_eth_promiscuous_disable(p->id), 0);
	assert_true(port_log_has("goes on receiving every frame: the device does not filter"));
	assert_int_equal(rte_eth_allmulticast_disable(p->id), 0);
	assert_int_equal(rte_eth_promiscuous_enable(p->id), 0);
	assert_int_equal(rte_eth_allmulticast_enable(p->id), 0);
}

static void
test_nt30_mac_of_the_device(void **state)
{
	struct port *p = *state;
	struct rte_ether_addr mac, other = {{0x02, 1, 2, 3, 4, 5}};

	port_up(p, "");
	assert_int_equal(rte_eth_macaddr_get(p->id, &mac), 0);
	assert_memory_equal(mac.addr_bytes, p->cfg.mac, sizeof(p->cfg.mac));
	assert_int_equal(rte_eth_dev_default_mac_addr_set(p->id, &other), 0);
	assert_int_equal(rte_eth_macaddr_get(p->id, &mac), 0);
	assert_memory_equal(&mac, &other, sizeof(mac));
	assert_int_equal(vhu_backend_count(p->b, VHU_SET_CONFIG), 0);
}

static void
test_nt30_mac_of_the_user(void **state)
{
	static const uint8_t want[6] = {0x02, 0xaa, 0, 0, 0, 7};
	struct port *p = *state;
	struct rte_ether_addr mac;

	port_up(p, ",mac=02:aa:00:00:00:07");
	assert_int_equal(rte_eth_macaddr_get(p->id, &mac), 0);
	assert_memory_equal(mac.addr_bytes, want, sizeof(want));
}

static void
test_nt30_mac_made_up(void **state)
{
	struct port *p = *state;
	struct rte_ether_addr mac;

	p->cfg.features &= ~VHU_F_MAC;
	port_up(p, "");
	assert_int_equal(rte_eth_macaddr_get(p->id, &mac), 0);
	assert_true(rte_is_local_admin_ether_addr(&mac));
	assert_true(rte_is_valid_assigned_ether_addr(&mac));
	assert_memory_not_equal(mac.addr_bytes, p->cfg.mac, sizeof(p->cfg.mac));
}

static void
test_nt30_mac_of_the_device_is_invalid(void **state)
{
	struct port *p = *state;
	struct rte_ether_addr mac;

	memset(p->cfg.mac, 0xff, sizeof(p->cfg.mac));
	port_up(p, "");
	assert_int_equal(rte_eth_macaddr_get(p->id, &mac), 0);
	assert_true(rte_is_valid_assigned_ether_addr(&mac));
}

static void
test_devargs_refused(void **state)
{
	static const struct {
		const char *args;
		const char *says;
	} bad[] = {
		{",server=2", "server=2 is not valid: 0 or 1"},
		{",server=", "server= is not valid: 0 or 1"},
		{",queues=0", "1 to "},
		{",queues=100000", "queues=100000 is not valid"},
		{",queues=two", "queues=two is not valid"},
		{",queue_size=0", "1 to 32768 descriptors"},
		{",queue_size=32769", "queue_size=32769 is not valid"},
		{",queue_size=-1", "queue_size=-1 is not valid"},
		{",mac=nonsense", "mac=nonsense is not valid: a unicast address"},
		{",mac=01:00:00:00:00:01", "is not valid: a unicast address"},
		{",mac=00:00:00:00:00:00", "is not valid: a unicast address"},
		{",mrg_rxbuf=yes", "mrg_rxbuf=yes is not valid: 0 or 1"},
		{",in_order=2", "in_order=2 is not valid: 0 or 1"},
		{",event_idx=-", "event_idx=- is not valid: 0 or 1"},
		{",speed=0", "10, 100, 1000, 2500"},
		{",speed=12345", "speed=12345 is not valid"},
		{",isa=mmx", "isa=mmx is not valid: one of auto, scalar"},
		{",path=", "path= is not valid: the vhost-user socket"},
		{",colour=red", "valid are path="},
	};
	struct port *p = *state;
	char path[200];
	unsigned int i;

	for (i = 0; i < RTE_DIM(bad); i++) {
		port_log_clear();
		if (port_probe(p, bad[i].args) == 0 || !port_log_has(bad[i].says))
			fail_msg("\"%s\" was accepted, or not explained", bad[i].args);
	}
	/* A path that no socket can have. */
	path[0] = '\0';
	memset(path, 'x', 120);
	memcpy(path, ",path=", 6);
	path[120] = '\0';
	assert_true(port_probe(p, path) != 0);
	assert_true(port_log_has("107 characters"));
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void
test_devargs_taken(void **state)
{
	struct rte_eth_dev_info info;
	struct port *p = *state;

	p->cfg.queue_pairs = 8;
	p->cfg.mode = VHU_ECHO;
	port_up(p, ",queues=3,queue_size=128,mrg_rxbuf=0,in_order=0,event_idx=0,isa=auto");
	assert_int_equal(rte_eth_dev_info_get(p->id, &info), 0);
	assert_int_equal(info.max_rx_queues, 3);
	assert_int_equal(info.default_rxportconf.ring_size, 128);
	assert_int_equal(info.default_txportconf.ring_size, 128);
	assert_int_equal(vhu_backend_features(p->b) &
				 (VHU_F_MRG_RXBUF | VHU_F_IN_ORDER | VHU_F_EVENT_IDX),
			 0);
	port_ping(p, 0, 100, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_link_and_events),
		port_test(test_set_link_down_and_up),
		port_test(test_nt31_down_by_the_device),
		port_test(test_nt31_changes_at_run_time),
		port_test(test_nt10_mtu_is_told),
		port_test(test_nt10_mtu_refused_by_buffers),
		port_test(test_nt10_mtu_with_scatter),
		port_test(test_nt10_longer_frames_are_not_sent),
		port_test(test_promiscuous_and_allmulticast),
		port_test(test_nt30_mac_of_the_device),
		port_test(test_nt30_mac_of_the_user),
		port_test(test_nt30_mac_made_up),
		port_test(test_nt30_mac_of_the_device_is_invalid),
		port_test(test_devargs_refused),
		port_test(test_devargs_taken),
	};

	return cmocka_run_group_tests_name("test_port_link", tests, port_group_setup,
					   port_group_teardown);
}
