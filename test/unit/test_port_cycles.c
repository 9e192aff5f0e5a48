/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * What happens to a port while a thread polls it all the time: backends killed and restarted, other
 * features, stops, links set down, memory that changes. The backend echoes; every packet accepted
 * comes back exactly once, in order.
 */

#include <ethdev_driver.h>

#include "device.h"
#include "port_traffic.h"

#define CYCLES 20

/* One at a time; in static memory since a failed test leaves its stack. */
static struct traffic traffic;

static struct traffic *
traffic_start(struct port *p, uint16_t segs)
{
	traffic = (struct traffic){.p = p, .segs = segs};
	p->end = traffic_pause;
	p->end_arg = &traffic;
	traffic_go_on(&traffic);
	return &traffic;
}

static void
check_cycles(struct port *p, const char *args, const uint64_t *without, unsigned int n)
{
	const uint64_t features = p->cfg.features;
	struct traffic *t;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, args);
	port_watch(p);
	t = traffic_start(p, 3);
	for (i = 0; i < CYCLES; i++) {
		traffic_flows(t);
		vhu_backend_kill(p->b);
		assert_true(port_wait_link(p, false, PORT_WAIT_MS));
		p->cfg.features = features & ~without[i % n];
		vhu_backend_set_config(p->b, &p->cfg);
		assert_int_equal(vhu_backend_start(p->b), 0);
		traffic_flows(t);
	}
	traffic_finish(t);
	assert_int_equal(port_xstat(p, "reconnects"), CYCLES);
	assert_int_equal(port_xstat(p, "tx_q0_replay_drops"), 0);
	assert_int_equal(port_xstat(p, "rx_q0_packets"), t->received);
	/* Down and up in quick succession may be told as one. */
	assert_true(port_wait_count(&p->link_events, CYCLES, PORT_WAIT_MS));
	assert_true(port_wait_count(&p->last_link, RTE_ETH_LINK_UP, PORT_WAIT_MS));
}

static const uint64_t nothing;

static void
test_killed_as_server(void **state)
{
	check_cycles(*state, "", &nothing, 1);
}

static void
test_killed_as_client(void **state)
{
	struct port *p = *state;

	p->cfg.client = true;
	check_cycles(p, ",server=1", &nothing, 1);
}

static void
test_killed_any_order(void **state)
{
	check_cycles(*state, ",in_order=0,mrg_rxbuf=0,event_idx=0", &nothing, 1);
}

static void
test_killed_completing_in_batches(void **state)
{
	struct port *p = *state;

	p->cfg.complete_in_batch = true;
	p->cfg.poison = true;
	check_cycles(p, "", &nothing, 1);
}

static void
test_killed_with_busy_polling(void **state)
{
	struct port *p = *state;

	p->cfg.busy_poll = true;
	check_cycles(p, "", &nothing, 1);
}

static void
test_killed_with_features_changing(void **state)
{
	static const uint64_t without[] = {
		VHU_F_IN_ORDER,
		VHU_F_MRG_RXBUF,
		VHU_F_INDIRECT_DESC,
		0,
		VHU_F_EVENT_IDX,
		VHU_F_IN_ORDER | VHU_F_MRG_RXBUF | VHU_F_INDIRECT_DESC | VHU_F_EVENT_IDX,
		VHU_F_MAC | VHU_F_MTU | VHU_F_STATUS,
	};
	struct port *p = *state;

	p->conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	/* Room for all in flight as chains. */
	p->nb_txd = 256;
	check_cycles(p, "", without, RTE_DIM(without));
}

static void
test_disconnected(void **state)
{
	struct port *p = *state;
	struct traffic *t;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	t = traffic_start(p, 1);
	for (i = 0; i < CYCLES; i++) {
		traffic_flows(t);
		vhu_backend_disconnect(p->b);
	}
	traffic_flows(t);
	traffic_finish(t);
}

static void
test_stopped_with_packets_in_flight(void **state)
{
	struct port *p = *state;
	struct traffic *t;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	t = traffic_start(p, 2);
	for (i = 0; i < CYCLES; i++) {
		traffic_flows(t);
		/* ethdev wants nobody to poll a port that is being stopped. */
		traffic_pause(t);
		assert_int_equal(rte_eth_dev_stop(p->id), 0);
		assert_true(port_is_whole(p));
		t->next = t->sent;
		t->received = t->sent;
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		traffic_go_on(t);
	}
	traffic_flows(t);
	traffic_finish(t);
}

static void
test_link_set_down_and_up(void **state)
{
	struct port *p = *state;
	struct traffic *t;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	t = traffic_start(p, 1);
	for (i = 0; i < CYCLES; i++) {
		traffic_flows(t);
		assert_int_equal(rte_eth_dev_set_link_down(p->id), 0);
		if (i % 4 == 3) {
			port_backend_restart(p);
			assert_true(vhu_backend_wait_live(p->b, PORT_WAIT_MS));
		}
		assert_int_equal(rte_eth_dev_set_link_up(p->id), 0);
	}
	traffic_flows(t);
	traffic_finish(t);
}

static void
test_queues_stopped_and_started(void **state)
{
	struct port *p = *state;
	struct traffic *t;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	t = traffic_start(p, 1);
	for (i = 0; i < CYCLES; i++) {
		traffic_flows(t);
		assert_int_equal(rte_eth_dev_tx_queue_stop(p->id, 0), 0);
		assert_int_equal(rte_eth_dev_rx_queue_stop(p->id, 0), 0);
		if (i % 4 == 3)
			port_backend_restart(p);
		assert_int_equal(rte_eth_dev_tx_queue_start(p->id, 0), 0);
		assert_int_equal(rte_eth_dev_rx_queue_start(p->id, 0), 0);
	}
	traffic_flows(t);
	traffic_finish(t);
}

/* As EAL tells of memory added or removed. Nothing has changed, and nothing is told. */
static void
check_memory_events(struct port *p)
{
	struct traffic *t;
	uint32_t told;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	told = vhu_backend_count(p->b, VHU_ADD_MEM_REG) +
	       vhu_backend_count(p->b, VHU_SET_MEM_TABLE);
	t = traffic_start(p, 1);
	for (i = 0; i < CYCLES; i++) {
		pvq_device_memory_changed(rte_eth_devices[p->id].data->dev_private);
		if (i % 2 != 0)
			traffic_flows(t);
		if (i == 10) {
			port_backend_restart(p);
			traffic_flows(t);
		}
	}
	traffic_finish(t);
	assert_int_equal(vhu_backend_count(p->b, VHU_ADD_MEM_REG) +
				 vhu_backend_count(p->b, VHU_SET_MEM_TABLE),
			 2 * told);
}

static void
test_memory_events(void **state)
{
	check_memory_events(*state);
}

static void
test_memory_events_with_a_table(void **state)
{
	struct port *p = *state;

	p->cfg.protocol_features &= ~VHU_PF_CONFIGURE_MEM_SLOTS;
	check_memory_events(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_killed_as_server),
		port_test(test_killed_as_client),
		port_test(test_killed_any_order),
		port_test(test_killed_completing_in_batches),
		port_test(test_killed_with_busy_polling),
		port_test(test_killed_with_features_changing),
		port_test(test_disconnected),
		port_test(test_stopped_with_packets_in_flight),
		port_test(test_link_set_down_and_up),
		port_test(test_queues_stopped_and_started),
		port_test(test_memory_events),
		port_test(test_memory_events_with_a_table),
	};

	return cmocka_run_group_tests_name("test_port_cycles", tests, port_group_setup,
					   port_group_teardown);
}
