/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * From a backend that appears to DRIVER_OK: conformance part B as far as vhost-user goes. The
 * backend checks by itself IN-01, IN-03 to IN-07, IN-13, PR-34, NT-30 and the feature dependencies;
 * port_teardown() fails on any breach.
 */

#include <stdlib.h>
#include <string.h>

#include "port.h"

#define BIT(n) (1ull << (n))
#define MAX_RECORDS 512u
/* How much faster the time between two tries passes. */
#define HURRY 10

/* All that a port without offloads has a use for, by the specification's numbers: MTU, MAC,
 * MRG_RXBUF, STATUS, INDIRECT_DESC, EVENT_IDX, VERSION_1, RING_PACKED, IN_ORDER; and 30, which is
 * vhost-user's.
 */
#define USEFUL                                                                                   \
	(BIT(3) | BIT(5) | BIT(15) | BIT(16) | BIT(17) | BIT(18) | BIT(20) | BIT(21) | BIT(22) | \
	 BIT(23) | BIT(28) | BIT(29) | BIT(30) | BIT(32) | BIT(34) | BIT(35))

/* Messages of the log from @p from on. @return how many, MAX_RECORDS at most. */
static uint32_t
read_log(const struct port *p, uint32_t from, struct vhu_record *recs)
{
	uint32_t n = 0;

	while (n < MAX_RECORDS && vhu_backend_log_get(p->b, from + n, &recs[n]) == 0)
		n++;
	return n;
}

static void
test_in01_in06_status_steps_in_order(void **state)
{
	static const uint8_t steps[] = {0x00, 0x01, 0x03, 0x0b, 0x0f};
	struct vhu_record recs[MAX_RECORDS];
	struct port *p = *state;
	uint32_t n, i, step = 0;
	bool reread = false;

	port_up(p, "");
	n = read_log(p, 0, recs);
	for (i = 0; i < n; i++) {
		switch (recs[i].request) {
		case VHU_SET_STATUS:
			assert_true(step < sizeof(steps));
			assert_int_equal(recs[i].u64[0], steps[step++]);
			break;
		case VHU_SET_FEATURES:
			assert_int_equal(step, 3);
			break;
		case VHU_GET_STATUS:
			reread |= step == 4;
			break;
		case VHU_SET_VRING_NUM:
		case VHU_SET_VRING_ADDR:
		case VHU_SET_VRING_BASE:
		case VHU_SET_VRING_KICK:
		case VHU_SET_VRING_CALL:
		case VHU_SET_VRING_ENABLE:
			/* Not before FEATURES_OK was seen to stay, and before DRIVER_OK. */
			assert_true(reread);
			assert_int_equal(step, 4);
			break;
		}
	}
	assert_int_equal(step, sizeof(steps));
	assert_int_equal(vhu_backend_count(p->b, VHU_SET_CONFIG), 0);
}

static void
test_in03_in07_features_ok_refused(void **state)
{
	struct port *p = *state;
	struct vhu_record rec;

	port_time_divisor(HURRY);
	p->cfg.refuse_features_ok = true;
	port_backend(p);
	port_start(p, "");
	assert_false(port_wait_link(p, true, 50));
	assert_true(vhu_backend_wait_message(p->b, VHU_SET_STATUS, 5, PORT_WAIT_MS));
	assert_int_equal(vhu_backend_last(p->b, VHU_SET_STATUS, &rec), 0);
	assert_int_equal(rec.u64[0] & VHU_STATUS_FAILED, VHU_STATUS_FAILED);
	assert_true(port_log_has("did not accept features"));
	/* The next try begins with a reset, which the backend insists on. */
	p->cfg.refuse_features_ok = false;
	vhu_backend_set_config(p->b, &p->cfg);
	port_wait_up(p);
}

static void
test_in04_in13_everything_offered(void **state)
{
	struct port *p = *state;

	p->cfg.features = UINT64_MAX;
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	assert_int_equal(vhu_backend_features(p->b), USEFUL);
	assert_int_equal(vhu_backend_protocol_features(p->b) & ~p->cfg.protocol_features, 0);
	port_ping(p, 0, 100, 64);
}

static void
test_in04_nothing_beyond_the_required(void **state)
{
	struct port *p = *state;

	p->cfg.features = VHU_F_VERSION_1 | VHU_F_RING_PACKED;
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	assert_int_equal(vhu_backend_features(p->b), p->cfg.features);
	assert_true(port_log_has("does without"));
	assert_true(port_log_has("IN_ORDER"));
	port_ping(p, 0, 200, 64);
}

/* Both ways: the feature is missing; then it is there. */
static void
check_required(struct port *p, uint64_t feature, const char *name)
{
	port_time_divisor(HURRY);
	p->cfg.features &= ~feature;
	port_backend(p);
	port_start(p, "");
	assert_false(port_wait_link(p, true, 100));
	assert_true(port_log_has(name));
	assert_true(port_log_has("OVS"));
	assert_true(port_log_has("QEMU"));
	assert_true(port_log_has("testpmd"));
	assert_int_equal(vhu_backend_count(p->b, VHU_SET_FEATURES), 0);
	/* It is tried again, and is not worth a second line. */
	assert_true(vhu_backend_wait_message(p->b, VHU_GET_FEATURES, 5, PORT_WAIT_MS));
	assert_int_equal(port_log_count("refusing"), 1);
	p->cfg.features |= feature;
	vhu_backend_set_config(p->b, &p->cfg);
	port_wait_up(p);
}

static void
test_in05_version_1_withheld(void **state)
{
	check_required(*state, VHU_F_VERSION_1, "does not offer VERSION_1.");
}

static void
test_in05_ring_packed_withheld(void **state)
{
	check_required(*state, VHU_F_RING_PACKED, "does not offer RING_PACKED.");
}

static void
test_in05_both_withheld(void **state)
{
	check_required(*state, VHU_F_VERSION_1 | VHU_F_RING_PACKED, "VERSION_1 RING_PACKED");
}

/* Part B, feature dependencies: the left side of each edge alone, and what is never accepted. */
static void
test_fd_in13_single_features_offered(void **state)
{
	struct port *p = *state;
	unsigned int bit;
	uint64_t begin;

	port_backend(p);
	for (bit = 0; bit < 64; bit++) {
		p->cfg.features = VHU_F_VERSION_1 | VHU_F_RING_PACKED | BIT(bit);
		port_backend_restart(p);
		begin = port_now_ms();
		port_start(p, "");
		/* A backend that is there is not waited for. */
		assert_true(port_now_ms() - begin < 1500);
		port_wait_up(p);
		if (vhu_backend_features(p->b) & ~USEFUL)
			fail_msg("feature %u was accepted", bit);
		port_close(p);
		assert_string_equal(vhu_backend_violations_text(p->b), "");
	}
}

static void
test_in09_configuration_space_refused(void **state)
{
	struct port *p = *state;
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;

	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	vhu_backend_set_fault(p->b, VHU_GET_CONFIG, VHU_NACK, 0);
	port_start(p, "");
	port_wait_up(p);
	assert_int_equal(rte_eth_macaddr_get(p->id, &mac), 0);
	assert_memory_not_equal(mac.addr_bytes, p->cfg.mac, sizeof(p->cfg.mac));
	assert_int_equal(rte_eth_dev_info_get(p->id, &info), 0);
	assert_true(info.max_mtu > 1500);
	/* A field that cannot be read makes a feature that cannot be used. */
	assert_int_equal(vhu_backend_features(p->b) & (VHU_F_MAC | VHU_F_STATUS), 0);
	port_ping(p, 0, 10, 64);
}

static void
test_in09_fields_without_their_feature(void **state)
{
	struct port *p = *state;
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;

	/* The fields hold values, and nothing says that they mean anything. */
	p->cfg.features &= ~(VHU_F_MAC | VHU_F_MTU | VHU_F_STATUS);
	p->cfg.status = 0;
	port_up(p, "");
	assert_int_equal(rte_eth_macaddr_get(p->id, &mac), 0);
	assert_memory_not_equal(mac.addr_bytes, p->cfg.mac, sizeof(p->cfg.mac));
	assert_int_equal(rte_eth_dev_info_get(p->id, &info), 0);
	assert_true(info.max_mtu > 1500);
	assert_int_equal(vhu_backend_count(p->b, VHU_NET_SET_MTU), 0);
}

static void
test_hd21_mtu_below_68_is_declined(void **state)
{
	struct port *p = *state;

	p->cfg.mtu = 67;
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	assert_int_equal(vhu_backend_features(p->b) & VHU_F_MTU, 0);
	assert_true(port_log_has("MTU is 67"));
	port_ping(p, 0, 10, 64);
}

static void
test_nt31_link_follows_the_status_field(void **state)
{
	struct port *p = *state;

	p->cfg.status = 0;
	port_backend(p);
	port_start(p, "");
	assert_true(vhu_backend_wait_live(p->b, PORT_WAIT_MS));
	assert_false(port_wait_link(p, true, 200));
	p->cfg.status = VHU_LINK_UP;
	port_backend_restart(p);
	port_wait_up(p);
}

/*
 * What one start says to the backend. Memory is told only when it changes; the link, and the status
 * of a device that runs, are asked for now and then.
 */
static uint32_t
read_cycle(const struct port *p, uint32_t from, struct vhu_record *recs)
{
	uint32_t n = read_log(p, from, recs), i, kept = 0;
	bool runs = false;

	for (i = 0; i < n; i++) {
		if (recs[i].request == VHU_SET_STATUS)
			runs = (recs[i].u64[0] & VHU_STATUS_DRIVER_OK) != 0;
		if (recs[i].request == VHU_ADD_MEM_REG || recs[i].request == VHU_GET_CONFIG ||
		    (runs && recs[i].request == VHU_GET_STATUS))
			continue;
		recs[kept++] = recs[i];
	}
	return kept;
}

static void
test_in11_two_cycles_are_equal(void **state)
{
	struct vhu_record first[MAX_RECORDS], second[MAX_RECORDS];
	struct port *p = *state;
	uint32_t from, n, i;

	p->cfg.mode = VHU_ECHO;
	p->cfg.queue_pairs = 2;
	p->nb_rxq = p->nb_txq = 2;
	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	assert_int_equal(port_configure(p), 0);
	from = vhu_backend_log_count(p->b);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_ping(p, 1, 100, 200);
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 1200), 0);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_int_equal(vhu_backend_status(p->b), 0);
	n = read_cycle(p, from, first);

	from = vhu_backend_log_count(p->b);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_ping(p, 1, 100, 200);
	assert_int_equal(rte_eth_dev_set_mtu(p->id, 1200), 0);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_int_equal(read_cycle(p, from, second), n);
	for (i = 0; i < n; i++) {
		/* What was set at run time is replayed: the first cycle began with 1500. */
		if (first[i].request == VHU_NET_SET_MTU) {
			assert_int_equal(second[i].u64[0], 1200);
			continue;
		}
		assert_int_equal(first[i].request, second[i].request);
		assert_int_equal(first[i].nfds, second[i].nfds);
		assert_memory_equal(first[i].u64, second[i].u64, sizeof(first[i].u64));
	}
	assert_int_equal(vhu_backend_connections(p->b), 1);
}

static bool
is_zero(const uint8_t *data, size_t len)
{
	while (len > 0 && data[len - 1] == 0)
		len--;
	return len == 0;
}

/* The transmit ring as the device finds it; receive buffers are there from the start. */
static void
check_fresh_rings(const struct port *p)
{
	struct pd_vq *rx, *tx;
	bool zero;
	int posted;

	vhu_backend_lock(p->b);
	rx = vhu_backend_vq(p->b, 0);
	tx = vhu_backend_vq(p->b, 1);
	zero = is_zero(pd_get_config(tx)->desc, pd_get_config(tx)->size * PD_DESC_BYTES) &&
	       is_zero(pd_get_config(tx)->device_event, PD_EVENT_BYTES) &&
	       is_zero(pd_get_config(rx)->device_event, PD_EVENT_BYTES) &&
	       pd_driver_event(tx) == PD_EVENT_DISABLE << 16 &&
	       pd_driver_event(rx) == PD_EVENT_DISABLE << 16;
	posted = pd_fetch(rx, UINT32_MAX);
	vhu_backend_unlock(p->b);
	assert_true(zero);
	assert_int_equal(posted, p->nb_rxd);
}

/* Notifications of the first run, which would look like early ones in the second. */
static uint64_t
read_notifications(const struct port *p)
{
	uint64_t n;

	vhu_backend_lock(p->b);
	n = vhu_backend_notified(p->b, 0) + vhu_backend_notified(p->b, 1);
	vhu_backend_unlock(p->b);
	return n;
}

static void
test_pr02_rings_begin_zeroed(void **state)
{
	struct port *p = *state;
	uint32_t i;

	p->nb_rxd = p->nb_txd = 7;
	port_up(p, "");
	check_fresh_rings(p);
	/* Move indices, laps and event structures away from where they began. */
	for (i = 0; i < 10; i++) {
		port_send(p, 0, 1, 64);
		assert_int_equal(port_take(p, 0), i);
		port_deliver(p, 0, i, 64);
		port_expect(p, 0, i, 1);
	}
	read_notifications(p);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	check_fresh_rings(p);
	port_backend_restart(p);
	port_wait_up(p);
	check_fresh_rings(p);
}

static void
test_pr34_first_notification_after_driver_ok(void **state)
{
	struct port *p = *state;

	/* The backend looks before it answers DRIVER_OK; after it, buffers are announced. */
	port_up(p, "");
	assert_true(read_notifications(p) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_in01_in06_status_steps_in_order),
		port_test(test_in03_in07_features_ok_refused),
		port_test(test_in04_in13_everything_offered),
		port_test(test_in04_nothing_beyond_the_required),
		port_test(test_in05_version_1_withheld),
		port_test(test_in05_ring_packed_withheld),
		port_test(test_in05_both_withheld),
		port_test(test_fd_in13_single_features_offered),
		port_test(test_in09_configuration_space_refused),
		port_test(test_in09_fields_without_their_feature),
		port_test(test_hd21_mtu_below_68_is_declined),
		port_test(test_nt31_link_follows_the_status_field),
		port_test(test_in11_two_cycles_are_equal),
		port_test(test_pr02_rings_begin_zeroed),
		port_test(test_pr34_first_notification_after_driver_ok),
	};

	return cmocka_run_group_tests_name("test_port_init", tests, port_group_setup,
					   port_group_teardown);
}
