/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The device model's checksums and segments, on packets written by hand; sums worked out by hand.
 */

#include "device_rig.h"
#include "packed_device_offload.h"

#define ETH_IP 34u /* Ethernet and IPv4 headers */

/* 10.0.0.1 to 10.0.0.2, UDP 1 to 2, payload "abc": the sums are in the comments. */
static const uint8_t udp[] = {
	2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00,
	0x45, 0, 0, 31, 0, 7, 0, 0, 64, 17, 0x66, 0xc5, 10, 0, 0, 1, 10, 0, 0, 2,
	0, 1, 0, 2, 0, 11,
	/* pseudo header: 0a00 + 0001 + 0a00 + 0002 + 0011 + 000b */
	0x14, 0x1f,
	'a', 'b', 'c',
};

#define UDP_SUM_AT 40u
/* 141f + 0001 + 0002 + 000b + 6162 + 6300 = d88f, complemented */
#define UDP_SUM 0x2770u

struct out {
	uint32_t count;
	uint32_t len[8];
	uint8_t data[8][256];
};

static void
take(void *arg, const void *data, uint32_t len)
{
	struct out *o = arg;

	assert_true(o->count < 8 && len <= sizeof(o->data[0]));
	memcpy(o->data[o->count], data, len);
	o->len[o->count++] = len;
}

static struct rig rig;

/* A transmit queue with one buffer: header and packet. */
static struct pd_vq *
queue(uint8_t gso, bool hdrlen)
{
	rig_open(&rig, 4, PD_TX);
	rig.cfg.csum = true;
	rig.cfg.gso = gso;
	rig.cfg.hdrlen = hdrlen;
	rig_start(&rig);
	return rig.vq;
}

static struct pd_net_hdr
needs_csum(uint16_t offset)
{
	return (struct pd_net_hdr){ .flags = PD_HDR_NEEDS_CSUM, .csum_start = ETH_IP,
				    .csum_offset = offset };
}

static uint32_t
be16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t
be32(const uint8_t *at)
{
	return be16(at) << 16 | be16(at + 2);
}

/* An IPv4 TCP packet of @payload bytes, the checksum field holding the pseudo header's sum. */
static uint32_t
make_tcp(uint8_t *pkt, uint32_t payload, uint8_t flags)
{
	uint32_t l4 = 20 + payload, sum = 0x0a00 + 1 + 0x0a00 + 2 + 6 + l4, i;

	memset(pkt, 0, ETH_IP + 20);
	pkt[12] = 8;
	pkt[14] = 0x45;
	pkt[16] = (l4 + 20) >> 8;
	pkt[17] = (l4 + 20) & 0xff;
	pkt[19] = 0xff; /* identification 255 */
	pkt[23] = 6;
	pkt[26] = pkt[30] = 10;
	pkt[29] = 1;
	pkt[33] = 2;
	pkt[38] = 0x12; /* sequence 0x12fffff0: the second segment carries */
	pkt[39] = pkt[40] = 0xff;
	pkt[41] = 0xf0;
	pkt[46] = 0x50;
	pkt[47] = flags;
	pkt[50] = sum >> 8;
	pkt[51] = sum & 0xff;
	for (i = 0; i < payload; i++)
		pkt[ETH_IP + 20 + i] = i;
	return ETH_IP + l4;
}

static struct pd_net_hdr
tso(uint16_t size)
{
	struct pd_net_hdr h = needs_csum(16);

	h.gso_type = PD_GSO_TCPV4;
	h.gso_size = size;
	h.hdr_len = 54;
	return h;
}

static void
nt05_checksum_is_completed(void **state)
{
	struct pd_net_hdr h = needs_csum(6);
	struct pd_vq *vq = queue(0, false);
	struct out out = { 0 };
	uint8_t pkt[sizeof(udp)];

	(void)state;
	memcpy(pkt, udp, sizeof(udp));
	assert_int_equal(pd_tx_offload(vq, 0, &h, pkt, sizeof(pkt), take, &out), 1);
	clean(&rig);
	assert_int_equal(out.len[0], sizeof(udp));
	assert_int_equal(be16(out.data[0] + UDP_SUM_AT), UDP_SUM);
	assert_memory_equal(out.data[0], udp, UDP_SUM_AT);
	assert_memory_equal(out.data[0] + 42, "abc", 3);
	assert_true(pd_sums_right(out.data[0], out.len[0]));
	out.data[0][42] ^= 1;
	assert_false(pd_sums_right(out.data[0], out.len[0]));
	/* Without a wish the packet goes out as it is. */
	h.flags = 0;
	memcpy(pkt, udp, sizeof(udp));
	out.count = 0;
	assert_int_equal(pd_tx_offload(vq, 0, &h, pkt, sizeof(pkt), take, &out), 1);
	assert_memory_equal(out.data[0], udp, sizeof(udp));
	rig_close(&rig);
}

static void
nt05_field_and_place_are_checked(void **state)
{
	struct pd_net_hdr h = needs_csum(6);
	struct pd_vq *vq = queue(0, false);
	struct out out = { 0 };
	uint8_t pkt[sizeof(udp)];

	(void)state;
	memcpy(pkt, udp, sizeof(udp));
	pkt[UDP_SUM_AT] = 0;
	assert_int_equal(pd_tx_offload(vq, 2, &h, pkt, sizeof(pkt), take, &out), -EPROTO);
	assert_true(pd_violated(vq, "NT-05"));
	assert_int_equal(pd_violation(vq, 0)->slot, 2);
	pd_violations_clear(vq);
	memcpy(pkt, udp, sizeof(udp));
	h.csum_offset = 16;
	assert_int_equal(pd_tx_offload(vq, 0, &h, pkt, sizeof(pkt), take, &out), -EPROTO);
	h.csum_offset = 6;
	assert_int_equal(pd_tx_offload(vq, 0, &h, pkt, 41, take, &out), -EPROTO);
	pd_violations_clear(vq);
	/* What is neither TCP nor UDP is summed without knowing why. */
	memcpy(pkt, udp, sizeof(udp));
	pkt[12] = 0x88;
	assert_int_equal(pd_tx_offload(vq, 0, &h, pkt, sizeof(pkt), take, &out), 1);
	assert_int_equal(be16(out.data[0] + UDP_SUM_AT), UDP_SUM);
	clean(&rig);
	rig_close(&rig);
}

/* 25 bytes in segments of 10: 10, 10, 5; FIN and PSH on the last, CWR on the first. */
static void
nt07_tcp_segments(void **state)
{
	static const uint32_t payload[] = { 10, 10, 5 }, seq[] = { 0x12fffff0, 0x12fffffa, 0x13000004 };
	static const uint8_t flags[] = { 0x90, 0x10, 0x19 };
	struct pd_vq *vq = queue(PD_HOST_TSO4 | PD_HOST_ECN, true);
	struct pd_net_hdr h = tso(10);
	struct out out = { 0 };
	uint32_t len, i, k;
	uint8_t pkt[128];

	(void)state;
	len = make_tcp(pkt, 25, 0x99);
	h.gso_type |= PD_GSO_ECN;
	assert_int_equal(pd_tx_offload(vq, 0, &h, pkt, len, take, &out), 3);
	clean(&rig);
	for (i = 0; i < 3; i++) {
		assert_int_equal(out.len[i], 54 + payload[i]);
		assert_int_equal(be16(out.data[i] + 16), 40 + payload[i]);
		assert_int_equal(be16(out.data[i] + 18), 255 + i);
		assert_int_equal(be32(out.data[i] + 38), seq[i]);
		assert_int_equal(out.data[i][47], flags[i]);
		for (k = 0; k < payload[i]; k++)
			assert_int_equal(out.data[i][54 + k], 10 * i + k);
		assert_true(pd_sums_right(out.data[i], out.len[i]));
	}
	rig_close(&rig);
}

static void
nt07_udp_segments(void **state)
{
	struct pd_vq *vq = queue(PD_HOST_USO, false);
	struct pd_net_hdr h = needs_csum(6);
	struct out out = { 0 };
	uint8_t pkt[sizeof(udp)];

	(void)state;
	h.gso_type = PD_GSO_UDP_L4;
	h.gso_size = 2;
	h.hdr_len = 44; /* more than the headers: a hint without GUEST_HDRLEN */
	memcpy(pkt, udp, sizeof(udp));
	assert_int_equal(pd_tx_offload(vq, 0, &h, pkt, sizeof(pkt), take, &out), 2);
	clean(&rig);
	assert_int_equal(be16(out.data[0] + 38), 10);
	assert_int_equal(be16(out.data[1] + 38), 9);
	assert_int_equal(out.data[1][42], 'c');
	assert_true(pd_sums_right(out.data[0], out.len[0]));
	assert_true(pd_sums_right(out.data[1], out.len[1]));
	rig_close(&rig);
}

static bool
names(struct pd_net_hdr h, uint8_t gso, bool hdrlen, uint8_t flags, const char *id)
{
	struct pd_vq *vq = queue(gso, hdrlen);
	struct out out = { 0 };
	uint8_t pkt[128];
	bool found;

	pd_tx_offload(vq, 0, &h, pkt, make_tcp(pkt, 25, flags), take, &out);
	found = pd_violated(vq, id) && pd_violations(vq) == 1;
	rig_close(&rig);
	return found;
}

static void
nt07_nt08_breaches_have_names(void **state)
{
	struct pd_net_hdr h = tso(10);

	(void)state;
	assert_false(names(h, PD_HOST_TSO4, true, 0x10, "NT-07"));
	h.hdr_len = 55;
	assert_true(names(h, PD_HOST_TSO4, true, 0x10, "NT-07"));
	assert_false(names(h, PD_HOST_TSO4, false, 0x10, "NT-07"));
	h.hdr_len = 53;
	assert_true(names(h, PD_HOST_TSO4, false, 0x10, "NT-07"));
	h = tso(0);
	assert_true(names(h, PD_HOST_TSO4, false, 0x10, "NT-07"));
	h = tso(10);
	h.gso_type = PD_GSO_TCPV6;
	assert_true(names(h, PD_HOST_TSO6, false, 0x10, "NT-07"));
	h.gso_type = PD_GSO_UDP_L4;
	assert_true(names(h, PD_HOST_USO, false, 0x10, "NT-07"));
	h = tso(10);
	assert_true(names(h, PD_HOST_TSO4, false, 0x90, "NT-08"));
	assert_true(names(h, PD_HOST_TSO4 | PD_HOST_ECN, false, 0x90, "NT-08"));
	h.gso_type |= PD_GSO_ECN;
	assert_true(names(h, PD_HOST_TSO4, false, 0x10, "NT-08"));
	assert_false(names(h, PD_HOST_TSO4 | PD_HOST_ECN, false, 0x90, "NT-08"));
}

/* pd_tx_copy() knows which features allow which type. */
static void
nt06_only_what_was_negotiated(void **state)
{
	static const struct {
		uint8_t type, bit;
	} types[] = {
		{ PD_GSO_TCPV4, PD_HOST_TSO4 }, { PD_GSO_TCPV6, PD_HOST_TSO6 },
		{ PD_GSO_UDP, PD_HOST_UFO },	{ PD_GSO_UDP_L4, PD_HOST_USO },
	};
	uint32_t i, k;

	(void)state;
	for (i = 0; i < 4; i++)
		for (k = 0; k < 4; k++) {
			queue(types[k].bit, false);
			put(&rig, 0, rig.mem, 64, 0, WRAP1);
			rig.mem[0] = PD_HDR_NEEDS_CSUM;
			rig.mem[1] = types[i].type;
			rig.mem[4] = 10;
			assert_int_equal(pd_fetch(rig.vq, 1), 1);
			pd_tx_copy(rig.vq, pd_first(rig.vq), NULL, NULL, 0);
			assert_int_equal(pd_violated(rig.vq, "NT-06"), i != k);
			rig_close(&rig);
		}
}

static void
layouts(void **state)
{
	uint8_t pkt[128] = { 0 };
	struct pd_layout at;

	(void)state;
	assert_true(pd_parse(udp, sizeof(udp), &at));
	assert_int_equal(at.l3, 14);
	assert_int_equal(at.l4, 34);
	assert_int_equal(at.payload, 42);
	assert_false(at.tcp || at.ipv6);
	assert_false(pd_parse(udp, 41, &at));
	/* Two VLAN tags, IPv6, TCP with options: 22 + 40 + 24. */
	pkt[12] = 0x88;
	pkt[13] = 0xa8;
	pkt[16] = 0x81;
	pkt[20] = 0x86;
	pkt[21] = 0xdd;
	pkt[28] = 6;
	pkt[62 + 12] = 0x60;
	assert_true(pd_parse(pkt, 86, &at));
	assert_true(at.tcp && at.ipv6);
	assert_int_equal(at.l4, 62);
	assert_int_equal(at.payload, 86);
	assert_false(pd_parse(pkt, 85, &at));
}

static void
nt13_headers_of_received_packets(void **state)
{
	struct pd_net_hdr h;
	uint8_t pkt[128];
	uint32_t len;

	(void)state;
	memcpy(pkt, udp, sizeof(udp));
	assert_int_equal(pd_rx_hdr(PD_RX_PLAIN, pkt, sizeof(udp), 0, &h), 0);
	assert_int_equal(h.flags | h.gso_type | h.csum_start, 0);
	assert_int_equal(pd_rx_hdr(PD_RX_DATA_VALID, pkt, sizeof(udp), 0, &h), 0);
	assert_int_equal(h.flags, PD_HDR_DATA_VALID);
	pkt[UDP_SUM_AT] = 0xaa;
	assert_int_equal(pd_rx_hdr(PD_RX_NEEDS_CSUM, pkt, sizeof(udp), 0, &h), 0);
	assert_int_equal(h.flags, PD_HDR_NEEDS_CSUM);
	assert_int_equal(h.csum_start, 34);
	assert_int_equal(h.csum_offset, 6);
	assert_memory_equal(pkt, udp, sizeof(udp));
	len = make_tcp(pkt, 25, 0x10);
	assert_int_equal(pd_rx_hdr(PD_RX_GSO, pkt, len, 10, &h), 0);
	assert_int_equal(h.gso_type, PD_GSO_TCPV4);
	assert_int_equal(h.gso_size, 10);
	assert_int_equal(h.hdr_len, 54);
	assert_int_equal(h.csum_offset, 16);
	assert_int_equal(pd_rx_hdr(PD_RX_GSO, pkt, len, 0, &h), -EINVAL);
	pkt[12] = 0x88;
	assert_int_equal(pd_rx_hdr(PD_RX_GSO, pkt, len, 10, &h), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nt05_checksum_is_completed),
		cmocka_unit_test(nt05_field_and_place_are_checked),
		cmocka_unit_test(nt06_only_what_was_negotiated),
		cmocka_unit_test(nt07_tcp_segments),
		cmocka_unit_test(nt07_udp_segments),
		cmocka_unit_test(nt07_nt08_breaches_have_names),
		cmocka_unit_test(nt13_headers_of_received_packets),
		cmocka_unit_test(layouts),
	};

	return cmocka_run_group_tests_name("device_offload", tests, NULL, NULL);
}
