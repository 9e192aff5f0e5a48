/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Feature bits: each edge of the specification's table of requirements with its left side offered
 * alone, with one of its requirements missing, and with all; and bits that are never accepted.
 * Numbers and edges are this file's own.
 */

#include <string.h>

#include "port.h"

#define BIT(n) (1ull << (n))
#define BASE (VHU_F_VERSION_1 | VHU_F_RING_PACKED | VHU_F_PROTOCOL_FEATURES)

enum {
	CSUM = 0,
	GUEST_CSUM = 1,
	CTRL_GUEST_OFFLOADS = 2,
	GUEST_TSO4 = 7,
	GUEST_TSO6 = 8,
	GUEST_ECN = 9,
	GUEST_UFO = 10,
	HOST_TSO4 = 11,
	HOST_TSO6 = 12,
	HOST_ECN = 13,
	HOST_UFO = 14,
	CTRL_VQ = 17,
	CTRL_RX = 18,
	CTRL_VLAN = 19,
	CTRL_RX_EXTRA = 20,
	GUEST_ANNOUNCE = 21,
	MQ = 22,
	CTRL_MAC_ADDR = 23,
	ADMIN_VQ = 41,
	SUSPEND = 43,
	DEVICE_STATS = 50,
	HASH_TUNNEL = 51,
	VQ_NOTF_COAL = 52,
	NOTF_COAL = 53,
	GUEST_USO4 = 54,
	GUEST_USO6 = 55,
	HOST_USO = 56,
	HASH_REPORT = 57,
	RSS = 60,
	RSC_EXT = 61,
	STANDBY = 62,
};

/** @p feature may be accepted with all of @p all, and one of @p any if that is not empty. */
struct edge {
	unsigned int feature;
	uint64_t all;
	uint64_t any;
};

/* What a device that offers @p features gets; the port is closed again. */
static uint64_t
accepted(struct port *p, uint64_t features)
{
	uint64_t got;

	p->cfg.features = BASE | features;
	if (p->b == NULL)
		port_backend(p);
	else
		port_backend_restart(p);
	port_start(p, "");
	port_wait_up(p);
	got = vhu_backend_features(p->b);
	port_close(p);
	assert_string_equal(vhu_backend_violations_text(p->b), "");
	if (got & ~p->cfg.features)
		fail_msg("accepted %#llx of %#llx", (unsigned long long)got,
			 (unsigned long long)p->cfg.features);
	return got;
}

static void
assert_closed(const struct edge *e, uint64_t got)
{
	if ((got & BIT(e->feature)) == 0)
		return;
	if ((got & e->all) != e->all || (e->any != 0 && (got & e->any) == 0))
		fail_msg("feature %u without what it requires, in %#llx", e->feature,
			 (unsigned long long)got);
}

static void
check_edge(struct port *p, const struct edge *e)
{
	const uint64_t left = BIT(e->feature);
	unsigned int bit;

	assert_int_equal(accepted(p, left) & left, 0);
	for (bit = 0; bit < 64; bit++) {
		if (e->all & BIT(bit))
			assert_closed(e, accepted(p, left | (e->all & ~BIT(bit)) | e->any));
		/* One way out of several is enough; none is not. */
		if (e->any & BIT(bit))
			assert_closed(e, accepted(p, left | e->all | BIT(bit)));
	}
	if (e->any != 0 && e->all != 0)
		assert_int_equal(accepted(p, left | e->all) & left, 0);
	/* Together with all that there is, whatever the driver makes of it must be closed. */
	assert_closed(e, accepted(p, UINT64_MAX));
	assert_closed(e, accepted(p, UINT64_MAX & ~e->all));
	if (e->any != 0)
		assert_closed(e, accepted(p, UINT64_MAX & ~e->any));
}

static void
check_edges(struct port *p, const struct edge *edges, unsigned int n)
{
	while (n-- > 0)
		check_edge(p, &edges[n]);
}

static void
test_fd01_receive_segmentation_needs_guest_csum(void **state)
{
	static const struct edge edges[] = {
		{GUEST_TSO4, BIT(GUEST_CSUM), 0}, {GUEST_TSO6, BIT(GUEST_CSUM), 0},
		{GUEST_UFO, BIT(GUEST_CSUM), 0},  {GUEST_USO4, BIT(GUEST_CSUM), 0},
		{GUEST_USO6, BIT(GUEST_CSUM), 0},
	};

	check_edges(*state, edges, RTE_DIM(edges));
}

static void
test_fd02_guest_ecn_needs_guest_tso(void **state)
{
	static const struct edge edge = {GUEST_ECN, 0, BIT(GUEST_TSO4) | BIT(GUEST_TSO6)};

	check_edge(*state, &edge);
}

static void
test_fd04_transmit_segmentation_needs_csum(void **state)
{
	static const struct edge edges[] = {
		{HOST_TSO4, BIT(CSUM), 0}, {HOST_TSO6, BIT(CSUM), 0},
		{HOST_UFO, BIT(CSUM), 0},  {HOST_USO, BIT(CSUM), 0},
	};

	check_edges(*state, edges, RTE_DIM(edges));
}

static void
test_fd05_host_ecn_needs_host_tso(void **state)
{
	static const struct edge edge = {HOST_ECN, 0, BIT(HOST_TSO4) | BIT(HOST_TSO6)};

	check_edge(*state, &edge);
}

static void
test_fd07_commands_need_the_control_queue(void **state)
{
	static const struct edge edges[] = {
		{CTRL_RX, BIT(CTRL_VQ), 0},        {CTRL_VLAN, BIT(CTRL_VQ), 0},
		{GUEST_ANNOUNCE, BIT(CTRL_VQ), 0}, {MQ, BIT(CTRL_VQ), 0},
		{CTRL_MAC_ADDR, BIT(CTRL_VQ), 0},  {RSS, BIT(CTRL_VQ), 0},
		{NOTF_COAL, BIT(CTRL_VQ), 0},      {VQ_NOTF_COAL, BIT(CTRL_VQ), 0},
	};

	check_edges(*state, edges, RTE_DIM(edges));
}

static void
test_fd08_hash_tunnel_needs_a_hash(void **state)
{
	static const struct edge edge = {HASH_TUNNEL, BIT(CTRL_VQ), BIT(RSS) | BIT(HASH_REPORT)};

	check_edge(*state, &edge);
}

static void
test_fd10_rsc_ext_needs_segmentation_of_both_kinds(void **state)
{
	static const struct edge edges[] = {
		{RSC_EXT, 0, BIT(HOST_TSO4) | BIT(HOST_TSO6)},
		{RSC_EXT, 0, BIT(GUEST_TSO4) | BIT(GUEST_TSO6)},
	};

	check_edges(*state, edges, RTE_DIM(edges));
}

static void
test_fd11_hash_report_and_rx_extra_need_the_control_queue(void **state)
{
	static const struct edge edges[] = {
		{HASH_REPORT, BIT(CTRL_VQ), 0}, {CTRL_RX_EXTRA, BIT(CTRL_VQ), 0},
	};

	check_edges(*state, edges, RTE_DIM(edges));
}

static void
test_fd12_offload_commands_and_statistics_need_the_control_queue(void **state)
{
	static const struct edge edges[] = {
		{CTRL_GUEST_OFFLOADS, BIT(CTRL_VQ), 0}, {DEVICE_STATS, BIT(CTRL_VQ), 0},
	};

	check_edges(*state, edges, RTE_DIM(edges));
}

/* Alone, and among all others. */
static void
check_never(struct port *p, unsigned int bit)
{
	if ((accepted(p, BIT(bit)) | accepted(p, UINT64_MAX)) & BIT(bit))
		fail_msg("feature %u was accepted", bit);
}

/* What only legacy devices have, SR_IOV without its capability, and reserved bits. */
static void
test_in13_reserved_bits_are_never_accepted(void **state)
{
	static const unsigned int bits[] = {24, 27, 37, 44, 45, 46, 47, 48, 49};
	unsigned int i;

	for (i = 0; i < RTE_DIM(bits); i++)
		check_never(*state, bits[i]);
}

static void
test_in12_suspend_is_never_accepted(void **state)
{
	check_never(*state, SUSPEND);
}

static void
test_nt33_standby_is_declined(void **state)
{
	check_never(*state, STANDBY);
}

/* Without it there is no way to speak of IPsec or flow filters. */
static void
test_nt34_the_admin_queue_is_declined(void **state)
{
	check_never(*state, ADMIN_VQ);
}

/* All 64 bits, in one offer and each by itself: unknown ones are ignored, never fatal. */
static void
test_in04_every_bit_alone_and_all_of_them(void **state)
{
	struct port *p = *state;
	const uint64_t all = accepted(p, UINT64_MAX);
	unsigned int bit;

	assert_int_equal(all & BASE, BASE);
	for (bit = 0; bit < 64; bit++)
		assert_int_equal(accepted(p, BIT(bit)) & ~all, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_fd01_receive_segmentation_needs_guest_csum),
		port_test(test_fd02_guest_ecn_needs_guest_tso),
		port_test(test_fd04_transmit_segmentation_needs_csum),
		port_test(test_fd05_host_ecn_needs_host_tso),
		port_test(test_fd07_commands_need_the_control_queue),
		port_test(test_fd08_hash_tunnel_needs_a_hash),
		port_test(test_fd10_rsc_ext_needs_segmentation_of_both_kinds),
		port_test(test_fd11_hash_report_and_rx_extra_need_the_control_queue),
		port_test(test_fd12_offload_commands_and_statistics_need_the_control_queue),
		port_test(test_in13_reserved_bits_are_never_accepted),
		port_test(test_in12_suspend_is_never_accepted),
		port_test(test_nt33_standby_is_declined),
		port_test(test_nt34_the_admin_queue_is_declined),
		port_test(test_in04_every_bit_alone_and_all_of_them),
	};

	return cmocka_run_group_tests_name("test_port_features", tests, port_group_setup,
					   port_group_teardown);
}
