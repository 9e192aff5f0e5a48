/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Backends that answer a message wrongly, late or not at all: the port waits no longer than it
 * says, starts afresh, and loses no mbuf except where a backend may still write to it (HD-23).
 */

#include <string.h>

#include "port.h"

#define PROTOCOL_FEATURES \
	(VHU_PF_MQ | VHU_PF_REPLY_ACK | VHU_PF_NET_MTU | VHU_PF_CONFIG | \
	 VHU_PF_CONFIGURE_MEM_SLOTS | VHU_PF_STATUS)
/* What the driver's limit for an answer is allowed to be. */
#define LONGEST_WAIT_MS 10000
/* How much faster they pass where it is not about them. Not too fast for a busy machine. */
#define HURRY 10

/* Every message between the connection and DRIVER_OK, and which one of them to treat badly. */
static const struct {
	uint32_t request;
	uint32_t nth;
	bool table; /* by a backend without memory slots */
} messages[] = {
	{VHU_GET_FEATURES, 1, false},
	{VHU_GET_FEATURES, 2, false},
	{VHU_SET_OWNER, 1, false},
	{VHU_GET_PROTOCOL_FEATURES, 1, false},
	{VHU_SET_PROTOCOL_FEATURES, 1, false},
	{VHU_GET_MAX_MEM_SLOTS, 1, false},
	{VHU_GET_QUEUE_NUM, 1, false},
	{VHU_GET_CONFIG, 1, false},
	{VHU_SET_STATUS, 1, false},
	{VHU_SET_STATUS, 2, false},
	{VHU_SET_STATUS, 3, false},
	{VHU_SET_FEATURES, 1, false},
	{VHU_SET_STATUS, 4, false},
	{VHU_GET_STATUS, 1, false},
	{VHU_ADD_MEM_REG, 1, false},
	{VHU_SET_MEM_TABLE, 1, true},
	{VHU_NET_SET_MTU, 1, false},
	{VHU_SET_VRING_NUM, 1, false},
	{VHU_SET_VRING_BASE, 1, false},
	{VHU_SET_VRING_ADDR, 1, false},
	{VHU_SET_VRING_CALL, 1, false},
	{VHU_SET_VRING_KICK, 1, false},
	{VHU_SET_VRING_KICK, 2, false},
	{VHU_SET_VRING_ENABLE, 1, false},
	{VHU_SET_VRING_ENABLE, 2, false},
	{VHU_SET_STATUS, 5, false},
	{VHU_GET_STATUS, 2, false},
};

static void
check_one_fault(struct port *p, unsigned int i, enum vhu_fault_kind kind)
{
	p->cfg.protocol_features = PROTOCOL_FEATURES;
	if (messages[i].table)
		p->cfg.protocol_features &= ~VHU_PF_CONFIGURE_MEM_SLOTS;
	p->cfg.mode = VHU_ECHO;
	if (p->b == NULL)
		port_backend(p);
	else
		port_backend_restart(p);
	assert_int_equal(vhu_backend_set_fault(p->b, messages[i].request, kind, messages[i].nth),
			 0);
	port_time_divisor(HURRY);
	port_start(p, "");
	port_wait_up(p);
	if (port_time_longest() > LONGEST_WAIT_MS)
		fail_msg("a wait of %d ms", port_time_longest());
	/* What is in time from here on is in true time. */
	port_time_divisor(1);
	port_ping(p, 0, 40, 64);
	port_close(p);
	vhu_backend_clear_faults(p->b);
	if (!port_is_whole(p))
		fail_msg("fault %d of %s %u: mbufs missing", kind,
			 vhu_request_name(messages[i].request), messages[i].nth);
}

static void
check_fault_everywhere(struct port *p, enum vhu_fault_kind kind)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(messages); i++) {
		/* These are not answered yet, so they cannot be refused. */
		if (kind == VHU_NACK && (messages[i].request == VHU_SET_OWNER ||
					 messages[i].request == VHU_SET_PROTOCOL_FEATURES))
			continue;
		check_one_fault(p, i, kind);
	}
}

static void
test_fault_message_unanswered(void **state)
{
	check_fault_everywhere(*state, VHU_NO_ANSWER);
	assert_true(port_log_has("did not answer SET_FEATURES"));
	assert_true(port_log_has("did not answer GET_QUEUE_NUM"));
}

static void
test_fault_answer_of_wrong_size(void **state)
{
	check_fault_everywhere(*state, VHU_WRONG_SIZE);
	assert_true(port_log_has("answered GET_QUEUE_NUM with message 17, flags 0x5, 4 bytes"));
}

static void
test_fault_answer_to_another_request(void **state)
{
	check_fault_everywhere(*state, VHU_WRONG_REQUEST);
	assert_true(port_log_has("answered GET_QUEUE_NUM with message 18"));
}

static void
test_fault_message_refused(void **state)
{
	check_fault_everywhere(*state, VHU_NACK);
	assert_true(port_log_has("backend refused SET_FEATURES"));
}

static void
test_fault_connection_closed_before(void **state)
{
	check_fault_everywhere(*state, VHU_CLOSE);
}

static void
test_fault_connection_closed_after(void **state)
{
	check_fault_everywhere(*state, VHU_CLOSE_AFTER);
}

/* One message in true time: it is the limit itself that counts here. */
static void
test_fault_true_time(void **state)
{
	struct port *p = *state;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	vhu_backend_set_fault(p->b, VHU_NET_SET_MTU, VHU_NO_ANSWER, 1);
	/* The connection is given up; the next backend is told the new MTU at its set-up. */
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 1000), 0);
	assert_true(port_log_has("did not answer NET_SET_MTU"));
	assert_true(vhu_backend_wait_message(p->b, VHU_SET_OWNER, 2, PORT_WAIT_MS));
	port_wait_up(p);
	port_ping(p, 0, 40, 64);
}

/* A backend that does not confirm at stop may write to what it holds: nothing of it goes back. */
static void
check_leak(struct port *p, uint32_t request, enum vhu_fault_kind kind)
{
	uint32_t held;

	port_up(p, "");
	port_send(p, 0, 10, 64);
	held = p->nb_rxd + 10;
	vhu_backend_set_fault(p->b, request, kind, 1);
	port_time_divisor(HURRY);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	port_time_divisor(1);
	assert_true(port_log_has("their mbufs are lost to the pools"));
	assert_int_equal(rte_mempool_avail_count(p->pool), p->pool_size - held);
	p->leaked = held;
	/* And the port goes on with other buffers. */
	vhu_backend_clear_faults(p->b);
	p->cfg.mode = VHU_ECHO;
	vhu_backend_set_config(p->b, &p->cfg);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	port_ping(p, 0, 200, 64);
}

static void
test_hd23_stop_status_unanswered(void **state)
{
	check_leak(*state, VHU_SET_STATUS, VHU_NO_ANSWER);
}

static void
test_hd23_stop_enable_unanswered(void **state)
{
	check_leak(*state, VHU_SET_VRING_ENABLE, VHU_NO_ANSWER);
}

static void
test_hd23_stop_base_unanswered(void **state)
{
	check_leak(*state, VHU_GET_VRING_BASE, VHU_NO_ANSWER);
}

static void
test_hd23_stop_base_refused(void **state)
{
	check_leak(*state, VHU_GET_VRING_BASE, VHU_NACK);
}

/* Nothing is lost where the backend cannot reach the memory any more, or stopped all the same. */
static void
check_no_leak(struct port *p, uint32_t request, enum vhu_fault_kind kind)
{
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	port_ping(p, 0, 40, 64);
	vhu_backend_set_fault(p->b, request, kind, 1);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_true(port_is_whole(p));
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	port_ping(p, 0, 40, 64);
}

static void
test_hd23_stop_closed_at_base(void **state)
{
	check_no_leak(*state, VHU_GET_VRING_BASE, VHU_CLOSE);
}

static void
test_hd23_stop_closed_at_status(void **state)
{
	check_no_leak(*state, VHU_SET_STATUS, VHU_CLOSE);
}

static void
test_hd23_stop_enable_refused(void **state)
{
	check_no_leak(*state, VHU_SET_VRING_ENABLE, VHU_NACK);
}

static void
test_hd23_stop_status_refused(void **state)
{
	check_no_leak(*state, VHU_SET_STATUS, VHU_NACK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_fault_message_unanswered),
		port_test(test_fault_answer_of_wrong_size),
		port_test(test_fault_answer_to_another_request),
		port_test(test_fault_message_refused),
		port_test(test_fault_connection_closed_before),
		port_test(test_fault_connection_closed_after),
		port_test(test_fault_true_time),
		port_test(test_hd23_stop_status_unanswered),
		port_test(test_hd23_stop_enable_unanswered),
		port_test(test_hd23_stop_base_unanswered),
		port_test(test_hd23_stop_base_refused),
		port_test(test_hd23_stop_closed_at_base),
		port_test(test_hd23_stop_closed_at_status),
		port_test(test_hd23_stop_enable_refused),
		port_test(test_hd23_stop_status_refused),
	};

	return cmocka_run_group_tests_name("test_port_fault", tests, port_group_setup,
					   port_group_teardown);
}
