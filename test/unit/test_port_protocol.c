/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file Backends that lack parts of the vhost-user protocol, or have fewer queues than wanted. */

#include <string.h>

#include "port.h"

#define PROTOCOL_FEATURES \
	(VHU_PF_MQ | VHU_PF_REPLY_ACK | VHU_PF_NET_MTU | VHU_PF_CONFIG | \
	 VHU_PF_CONFIGURE_MEM_SLOTS | VHU_PF_STATUS)

/* Up, packets both ways, a stop and a start, packets again. */
static void
check_works(struct port *p)
{
	port_wait_up(p);
	port_ping(p, 0, 200, 100);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_true(port_is_whole(p));
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	port_ping(p, 0, 200, 100);
}

static void
check_without(struct port *p, uint64_t missing)
{
	p->cfg.protocol_features &= ~missing;
	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	port_start(p, "");
	check_works(p);
	assert_int_equal(vhu_backend_protocol_features(p->b),
			 PROTOCOL_FEATURES & p->cfg.protocol_features);
}

static void
test_protocol_all(void **state)
{
	struct port *p = *state;

	p->cfg.protocol_features = UINT64_MAX;
	check_without(p, 0);
	assert_true(vhu_backend_count(p->b, VHU_GET_CONFIG) > 0);
	assert_true(vhu_backend_count(p->b, VHU_NET_SET_MTU) > 0);
	assert_true(vhu_backend_count(p->b, VHU_ADD_MEM_REG) > 0);
	assert_int_equal(vhu_backend_count(p->b, VHU_SET_MEM_TABLE), 0);
}

static void
test_protocol_without_mq(void **state)
{
	struct rte_eth_dev_info info;
	struct port *p = *state;

	p->cfg.queue_pairs = 4;
	check_without(p, VHU_PF_MQ);
	assert_int_equal(vhu_backend_count(p->b, VHU_GET_QUEUE_NUM), 0);
	assert_int_equal(rte_eth_dev_info_get(p->id, &info), 0);
	assert_int_equal(info.max_rx_queues, 1);
}

static void
test_protocol_without_reply_ack(void **state)
{
	struct port *p = *state;
	struct vhu_record rec;

	check_without(p, VHU_PF_REPLY_ACK);
	assert_int_equal(vhu_backend_last(p->b, VHU_SET_FEATURES, &rec), 0);
	assert_false(rec.need_reply);
}

static void
test_protocol_without_net_mtu(void **state)
{
	struct port *p = *state;

	check_without(p, VHU_PF_NET_MTU);
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 1000), 0);
}

static void
test_protocol_without_config(void **state)
{
	check_without(*state, VHU_PF_CONFIG);
}

static void
test_protocol_without_mem_slots(void **state)
{
	struct port *p = *state;

	check_without(p, VHU_PF_CONFIGURE_MEM_SLOTS);
	assert_true(vhu_backend_count(p->b, VHU_SET_MEM_TABLE) > 0);
}

/* The feature, and no slot to use it with. */
static void
test_protocol_zero_mem_slots(void **state)
{
	struct port *p = *state;

	p->cfg.mem_slots = 0;
	check_without(p, 0);
	assert_true(vhu_backend_count(p->b, VHU_SET_MEM_TABLE) > 0);
	assert_int_equal(vhu_backend_count(p->b, VHU_ADD_MEM_REG), 0);
}

static void
test_protocol_without_status(void **state)
{
	check_without(*state, VHU_PF_STATUS);
}

static void
test_protocol_features_offered_and_empty(void **state)
{
	check_without(*state, UINT64_MAX);
}

static void
test_protocol_features_not_offered(void **state)
{
	struct port *p = *state;

	p->cfg.features &= ~VHU_F_PROTOCOL_FEATURES;
	check_without(p, UINT64_MAX);
	assert_int_equal(vhu_backend_count(p->b, VHU_GET_PROTOCOL_FEATURES), 0);
	assert_int_equal(vhu_backend_count(p->b, VHU_SET_VRING_ENABLE), 0);
}

/* Without SET_VRING_ENABLE a queue is stopped by the port alone. */
static void
test_protocol_queue_stop_without_enable(void **state)
{
	struct port *p = *state;
	struct rte_mbuf *m;

	p->cfg.features &= ~VHU_F_PROTOCOL_FEATURES;
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	assert_int_equal(rte_eth_dev_rx_queue_stop(p->id, 0), 0);
	port_send(p, 0, 5, 64);
	assert_int_equal(port_receive(p, 0, &m, 1, 50), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(p->id, 0), 0);
	port_expect(p, 0, 0, 5);
}

static void
test_hd21_queue_num_zero(void **state)
{
	struct port *p = *state;

	port_backend(p);
	p->cfg.queue_pairs = 0;
	vhu_backend_set_config(p->b, &p->cfg);
	port_start(p, "");
	assert_false(port_wait_link(p, true, 100));
	assert_true(port_log_has("no queue pair"));
	p->cfg.queue_pairs = 1;
	vhu_backend_set_config(p->b, &p->cfg);
	port_wait_up(p);
}

static void
test_queue_num_below_configured(void **state)
{
	struct port *p = *state;

	p->nb_rxq = p->nb_txq = 2;
	p->cfg.mode = VHU_ECHO;
	/* Nobody there to say how many, so two are fine for now. */
	port_start(p, "");
	port_backend(p);
	assert_true(port_log_wait("set up for 2 queue pairs and the backend has 1", PORT_WAIT_MS));
	assert_false(port_wait_link(p, true, 50));
	p->cfg.queue_pairs = 2;
	vhu_backend_set_config(p->b, &p->cfg);
	port_wait_up(p);
	port_ping(p, 1, 100, 64);
}

static void
test_queue_num_known_at_configure(void **state)
{
	struct rte_eth_dev_info info;
	struct port *p = *state;

	p->cfg.queue_pairs = 3;
	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	assert_int_equal(rte_eth_dev_info_get(p->id, &info), 0);
	assert_int_equal(info.max_rx_queues, 3);
	assert_int_equal(info.max_tx_queues, 3);
	p->nb_rxq = p->nb_txq = 4;
	assert_true(port_configure(p) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_protocol_all),
		port_test(test_protocol_without_mq),
		port_test(test_protocol_without_reply_ack),
		port_test(test_protocol_without_net_mtu),
		port_test(test_protocol_without_config),
		port_test(test_protocol_without_mem_slots),
		port_test(test_protocol_zero_mem_slots),
		port_test(test_protocol_without_status),
		port_test(test_protocol_features_offered_and_empty),
		port_test(test_protocol_features_not_offered),
		port_test(test_protocol_queue_stop_without_enable),
		port_test(test_hd21_queue_num_zero),
		port_test(test_queue_num_below_configured),
		port_test(test_queue_num_known_at_configure),
	};

	return cmocka_run_group_tests_name("test_port_protocol", tests, port_group_setup,
					   port_group_teardown);
}
