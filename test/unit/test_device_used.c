/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The device model as the side that uses buffers: orders, batches, received packets, lies.
 */

#include "device_rig.h"

static void
PR_19_any_order_lands_consecutively(void **state)
{
	uint16_t seen[2][5];
	struct rig r;
	uint32_t run, i;

	(void)state;
	for (run = 0; run < 2; run++) {
		rig_open(&r, 5, PD_TX);
		rig_start(&r);
		for (i = 0; i < 5; i++)
			put(&r, i, r.mem, 8, 4 - i, WRAP1);
		assert_int_equal(pd_fetch(r.vq, 5), 5);
		assert_int_equal(pd_complete_all(r.vq, PD_SHUFFLE, 7, 0), 5);
		for (i = 0; i < 5; i++) {
			seen[run][i] = id_at(&r, i);
			assert_int_equal(flags_at(&r, i), 0x8080);
		}
		clean(&r);
		rig_close(&r);
	}
	assert_memory_equal(seen[0], seen[1], sizeof(seen[0]));
	for (i = 0, run = 0; i < 5; i++)
		run |= 1u << seen[0][i];
	assert_int_equal(run, 0x1f);

	rig_open(&r, 5, PD_TX);
	rig_start(&r);
	for (i = 0; i < 5; i++)
		put(&r, i, r.mem, 8, i, WRAP1);
	pd_fetch(r.vq, 5);
	assert_int_equal(pd_complete_all(r.vq, PD_REVERSE, 0, 0), 5);
	for (i = 0; i < 5; i++)
		assert_int_equal(id_at(&r, i), 4 - i);
	clean(&r);
	rig_close(&r);
}

/* The used descriptor of the second buffer lands in a slot of the first, which stays live; the
 * driver may reuse the slot at once. Neither is a fault of the driver.
 */
static void
PR_18_19_used_over_a_live_list(void **state)
{
	struct pd_buf *a;
	struct rig r;

	(void)state;
	rig_open(&r, 5, PD_TX);
	rig_start(&r);
	put(&r, 0, r.mem, 8, 0, N | WRAP1);
	put(&r, 1, r.mem, 8, 0, N | WRAP1);
	put(&r, 2, r.mem, 8, 0, WRAP1);
	put(&r, 3, r.mem, 8, 1, WRAP1);
	assert_int_equal(pd_fetch(r.vq, 2), 2);
	a = pd_first(r.vq);
	pd_complete(r.vq, pd_find(r.vq, 1), 0);
	assert_int_equal(id_at(&r, 0), 1);
	assert_int_equal(pd_used_slot(r.vq, NULL), 1);
	put(&r, 4, r.mem, 8, 1, N | WRAP1);
	put(&r, 0, r.mem, 8, 1, WRAP0);
	assert_int_equal(pd_fetch(r.vq, 2), 1);
	pd_complete(r.vq, a, 0);
	clean(&r);
	assert_int_equal(id_at(&r, 1), 0);
	assert_int_equal(pd_used_slot(r.vq, NULL), 4);
	/* Slot 3 was passed; it is free although nobody wrote a used descriptor there. */
	pd_complete(r.vq, pd_first(r.vq), 0);
	clean(&r);
	assert_int_equal(flags_at(&r, 4), 0x8080);
	assert_int_equal(pd_used_slot(r.vq, NULL), 1);
	rig_close(&r);
}

static void
PR_22_in_order_batch_across_the_wrap(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 5, PD_TX);
	r.cfg.in_order = true;
	rig_start(&r);
	assert_int_equal(pd_set_base(r.vq, 0x8003u << 16 | 0x8003), 0);
	put(&r, 3, r.mem, 8, 0, WRAP1);
	put(&r, 4, r.mem, 8, 1, N | WRAP1);
	put(&r, 0, r.mem, 8, 1, WRAP0);
	put(&r, 1, r.mem, 8, 2, WRAP0);
	put(&r, 2, r.mem, 8, 3, WRAP0);
	assert_int_equal(pd_fetch(r.vq, UINT32_MAX), 4);
	assert_int_equal(pd_complete(r.vq, pd_last(r.vq), 0), -EINVAL);
	assert_int_equal(pd_complete_all(r.vq, PD_REVERSE, 0, 0), -EINVAL);
	assert_int_equal(pd_complete_batch(r.vq, 5, 0), -EINVAL);
	assert_int_equal(pd_complete_batch(r.vq, 3, 0), 0);
	assert_int_equal(id_at(&r, 3), 2);
	assert_int_equal(flags_at(&r, 3), 0x8080);
	assert_int_equal(flags_at(&r, 4), N | WRAP1); /* skipped, untouched */
	assert_int_equal(pd_complete_batch(r.vq, 1, 0), 0);
	assert_int_equal(flags_at(&r, 2), 0); /* used in the lap of wrap 0 */
	assert_int_equal(id_at(&r, 2), 3);
	clean(&r);
	rig_close(&r);
}

static void
PR_21_later_slot_used_first(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4, PD_TX);
	rig_start(&r);
	put(&r, 0, r.mem, 8, 0, WRAP1);
	put(&r, 1, r.mem, 8, 1, WRAP1);
	pd_fetch(r.vq, 2);
	assert_int_equal(pd_stage(r.vq, pd_first(r.vq), 0), 0);
	assert_int_equal(pd_stage(r.vq, pd_first(r.vq), 0), 1);
	assert_int_equal(pd_staged(r.vq), 2);
	assert_int_equal(flags_at(&r, 0), WRAP1);
	assert_int_equal(flags_at(&r, 1), WRAP1);
	assert_int_equal(pd_flush_one(r.vq, 1), 0);
	assert_int_equal(flags_at(&r, 0), WRAP1);
	assert_int_equal(flags_at(&r, 1), 0x8080);
	assert_int_equal(pd_flush_one(r.vq, 1), -ENOENT);
	pd_flush(r.vq);
	assert_int_equal(flags_at(&r, 0), 0x8080);
	clean(&r);
	rig_close(&r);
}

static void
PR_20_poison(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4, PD_TX);
	r.cfg.poison = true;
	rig_start(&r);
	put(&r, 0, r.mem, 8, 3, WRAP1);
	pd_fetch(r.vq, 1);
	pd_complete(r.vq, pd_first(r.vq), 0);
	assert_int_equal(id_at(&r, 0), 3);
	assert_int_equal(flags_at(&r, 0) & (0x8080 | N | I | W), 0x8080 | N | I);
	assert_int_not_equal(len_at(&r, 0), 0);
	clean(&r);
	memset(r.ring, 0, 64);
	r.cfg.dir = PD_RX;
	rig_start(&r);
	put(&r, 0, r.mem, 100, 3, W | WRAP1);
	pd_fetch(r.vq, 1);
	assert_int_equal(pd_rx_packet(r.vq, "abcd", 4, NULL), 1);
	assert_int_equal(len_at(&r, 0), 16);
	assert_int_equal(flags_at(&r, 0) & (0x8080 | N | I | W), 0x8080 | N | I | W);
	clean(&r);
	rig_close(&r);
}

static void
rx_fill(struct rig *r, uint32_t count, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		put(r, i, buf_mem(r, i), len, i, W | WRAP1);
	assert_int_equal(pd_fetch(r->vq, UINT32_MAX), (int)count);
}

static void
PR_39_merged_and_withheld_parts(void **state)
{
	struct pd_rx_opts opts = { .withhold = 1 };
	uint8_t pkt[250];
	struct rig r;
	uint32_t i;

	(void)state;
	for (i = 0; i < sizeof(pkt); i++)
		pkt[i] = i * 7;
	rig_open(&r, 8, PD_RX);
	rig_start(&r);
	rx_fill(&r, 7, 100);
	assert_int_equal(pd_rx_packet(r.vq, pkt, sizeof(pkt), NULL), 3);
	assert_int_equal(buf_mem(&r, 0)[10], 3);
	assert_memory_equal(buf_mem(&r, 0) + 12, pkt, 88);
	assert_memory_equal(buf_mem(&r, 1), pkt + 88, 100);
	assert_memory_equal(buf_mem(&r, 2), pkt + 188, 62);
	assert_int_equal(len_at(&r, 0), 100);
	assert_int_equal(len_at(&r, 2), 62);
	assert_int_equal(flags_at(&r, 2), 0x8080 | W);
	assert_int_equal(pd_rx_packet(r.vq, pkt, sizeof(pkt), &opts), 3);
	assert_int_equal(flags_at(&r, 3), 0x8080 | W);
	assert_int_equal(flags_at(&r, 4), WRAP1 | W); /* withheld */
	assert_int_equal(flags_at(&r, 5), 0x8080 | W);
	pd_flush(r.vq);
	assert_int_equal(flags_at(&r, 4), 0x8080 | W);
	assert_int_equal(pd_rx_packet(r.vq, pkt, sizeof(pkt), NULL), -EAGAIN);
	clean(&r);
	rig_close(&r);
}

static void
PR_23_batches_of_full_buffers(void **state)
{
	struct pd_rx_opts opts = { .batch = true };
	struct pd_pkt pkts[3];
	uint8_t data[300];
	struct rig r;

	(void)state;
	memset(data, 0x5a, sizeof(data));
	rig_open(&r, 8, PD_RX);
	r.cfg.in_order = true;
	rig_start(&r);
	rx_fill(&r, 6, 100);
	pkts[0] = pkts[1] = (struct pd_pkt){ data, 88 };
	pkts[2] = (struct pd_pkt){ data, 10 };
	assert_int_equal(pd_rx_room(r.vq, 0), 88);
	pkts[1].len = 87;
	assert_int_equal(pd_rx_batch(r.vq, pkts, 3), -EINVAL);
	pkts[1].len = 88;
	assert_int_equal(pd_rx_batch(r.vq, pkts, 3), 0);
	assert_int_equal(id_at(&r, 0), 2);
	assert_int_equal(len_at(&r, 0), 22);
	assert_int_equal(flags_at(&r, 1), W | WRAP1);
	assert_int_equal(pd_used_slot(r.vq, NULL), 3);
	assert_int_equal(pd_rx_packet(r.vq, data, 200, &opts), 3);
	assert_int_equal(id_at(&r, 3), 5);
	assert_int_equal(len_at(&r, 3), 12);
	assert_int_equal(buf_mem(&r, 3)[10], 3);
	opts.order = PD_REVERSE;
	assert_int_equal(pd_rx_packet(r.vq, data, 1, &opts), -EINVAL);
	clean(&r);
	rig_close(&r);
}

static void
HD_04_to_11_receive_lies(void **state)
{
	struct pd_rx_opts opts = { .set_num_buffers = true, .num_buffers = 9, .min_parts = 2 };
	uint8_t data[50] = { 1, 2, 3 };
	struct rig r;

	(void)state;
	rig_open(&r, 8, PD_RX);
	rig_start(&r);
	rx_fill(&r, 6, 100);
	assert_int_equal(pd_rx_packet(r.vq, data, 50, &opts), 2);
	assert_int_equal(buf_mem(&r, 0)[10], 9);
	assert_int_equal(len_at(&r, 0), 61);
	assert_int_equal(len_at(&r, 1), 1);
	opts = (struct pd_rx_opts){ .set_len = true, .len = 101, .no_write = true };
	assert_int_equal(pd_rx_packet(r.vq, data, 50, &opts), 1);
	assert_int_equal(len_at(&r, 2), 101);
	assert_int_equal(flags_at(&r, 2), 0x8080);
	opts = (struct pd_rx_opts){ .order = PD_REVERSE, .stage = true };
	assert_int_equal(pd_rx_packet(r.vq, data, 50, &opts), 1);
	assert_int_equal(id_at(&r, 3), 5);
	assert_int_equal(flags_at(&r, 3), W | WRAP1);
	pd_flush(r.vq);
	opts = (struct pd_rx_opts){ .withhold = 1 };
	assert_int_equal(pd_rx_packet(r.vq, data, 50, &opts), -EINVAL);
	clean(&r);
	r.cfg.mrg_rxbuf = false;
	memset(r.ring, 0, 128);
	rig_start(&r);
	rx_fill(&r, 4, 40);
	assert_int_equal(pd_rx_packet(r.vq, data, 50, NULL), -EMSGSIZE);
	assert_int_equal(pd_rx_packet(r.vq, data, 28, NULL), 1);
	clean(&r);
	rig_close(&r);
}

static void
HD_01_13_injection_is_not_the_drivers_fault(void **state)
{
	static const uint8_t marked[16] = { [8] = 60, [12] = 1, [14] = 0x82, [15] = 0x80 };
	struct rig r;
	bool wrap;

	(void)state;
	rig_open(&r, 4, PD_RX);
	rig_start(&r);
	rx_fill(&r, 3, 100);
	pd_scribble(r.vq, 1);
	assert_int_not_equal(len_at(&r, 0), 100);
	assert_int_equal(flags_at(&r, 0), W | WRAP1);
	pd_inject_used(r.vq, 65535, 0xffffffff, W, 1);
	assert_int_equal(id_at(&r, 0), 65535);
	assert_int_equal(flags_at(&r, 0), 0x8080 | W);
	assert_int_equal(pd_used_slot(r.vq, &wrap), 1);
	assert_true(wrap);
	pd_inject_slot(r.vq, 3, marked);
	assert_int_equal(flags_at(&r, 3), 0x8082);
	pd_inject_flags(r.vq, 3, 0);
	assert_int_equal(flags_at(&r, 3), 0);
	assert_int_equal(pd_live(r.vq), 3);
	pd_complete(r.vq, pd_find(r.vq, 1), 10);
	clean(&r);
	rig_close(&r);
}

static void
tx_hdr(struct rig *r, uint32_t at, uint8_t value)
{
	struct pd_net_hdr hdr;

	memset(r->ring, 0, 64);
	memset(r->mem, 0, 12);
	r->mem[at] = value;
	put(r, 0, r->mem, 5, 0, N | WRAP1);
	put(r, 1, r->mem + 5, 67, 0, WRAP1);
	rig_start(r);
	assert_int_equal(pd_fetch(r->vq, 1), 1);
	assert_int_equal(pd_tx_copy(r->vq, pd_first(r->vq), &hdr, NULL, 0), 60);
}

static void
NT_01_04_05_06_07_transmit_header(void **state)
{
	static const struct {
		uint8_t at, value;
		const char *id;
	} bad[] = {
		{ 0, 1, "NT-04" },  { 0, 2, "NT-04" },  { 0, 4, "NT-04" }, { 1, 1, "NT-06" },
		{ 2, 54, "NT-04" }, { 4, 1, "NT-04" },  { 6, 1, "NT-04" }, { 9, 1, "NT-04" },
		{ 10, 1, "NT-04" }, { 11, 1, "NT-04" },
	};
	struct rig r;
	uint32_t i;

	(void)state;
	rig_open(&r, 4, PD_TX);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tx_hdr(&r, bad[i].at, bad[i].value);
		if (!pd_violated(r.vq, bad[i].id))
			fail_msg("header byte %u", bad[i].at);
	}
	tx_hdr(&r, 0, 0);
	clean(&r);
	r.cfg.csum = true;
	r.cfg.gso = PD_HOST_TSO4;
	tx_hdr(&r, 0, 1);
	clean(&r);
	tx_hdr(&r, 1, 1); /* segmentation without checksum */
	assert_true(pd_violated(r.vq, "NT-07"));
	tx_hdr(&r, 0, 1);
	r.mem[6] = 59;
	pd_tx_copy(r.vq, pd_first(r.vq), NULL, NULL, 0);
	assert_true(pd_violated(r.vq, "NT-05"));
	memset(r.ring, 0, 64);
	put(&r, 0, r.mem, 11, 0, WRAP1);
	rig_start(&r);
	assert_int_equal(pd_fetch(r.vq, 1), 1);
	assert_int_equal(pd_tx_copy(r.vq, pd_first(r.vq), NULL, NULL, 0), -EPROTO);
	assert_true(pd_violated(r.vq, "NT-01"));
	rig_close(&r);
}

static void
reset_starts_again(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 3, PD_TX);
	rig_start(&r);
	put(&r, 0, r.mem, 8, 0, WRAP1);
	put(&r, 1, r.mem, 8, 1, WRAP1);
	pd_fetch(r.vq, 2);
	pd_complete(r.vq, pd_first(r.vq), 0);
	pd_reset(r.vq);
	assert_int_equal(pd_live(r.vq), 0);
	assert_int_equal(pd_base(r.vq), 0x80008000u);
	memset(r.ring, 0, 48);
	put(&r, 0, r.mem, 8, 1, WRAP1);
	assert_int_equal(pd_fetch(r.vq, 2), 1);
	assert_int_equal(pd_first(r.vq)->seq, 0);
	clean(&r);
	rig_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(PR_19_any_order_lands_consecutively),
		cmocka_unit_test(PR_18_19_used_over_a_live_list),
		cmocka_unit_test(PR_22_in_order_batch_across_the_wrap),
		cmocka_unit_test(PR_21_later_slot_used_first),
		cmocka_unit_test(PR_20_poison),
		cmocka_unit_test(PR_39_merged_and_withheld_parts),
		cmocka_unit_test(PR_23_batches_of_full_buffers),
		cmocka_unit_test(HD_04_to_11_receive_lies),
		cmocka_unit_test(HD_01_13_injection_is_not_the_drivers_fault),
		cmocka_unit_test(NT_01_04_05_06_07_transmit_header),
		cmocka_unit_test(reset_starts_again),
	};

	return cmocka_run_group_tests_name("device_used", tests, NULL, NULL);
}
