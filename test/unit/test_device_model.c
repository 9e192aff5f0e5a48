/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The device model against rings built byte by byte: what it must accept when it fetches, and
 * that it notices each breach it exists to notice.
 */

#include "device_rig.h"

/* Fetching is to fail for a reason of row @id, and only that. */
static void
refuses(struct rig *r, const char *id)
{
	assert_int_equal(pd_fetch(r->vq, UINT32_MAX), -EPROTO);
	if (!pd_violated(r->vq, id))
		fail_msg("wanted %s, got %s", id, pd_violations_text(r->vq));
	assert_int_equal(pd_violations(r->vq), 1);
	assert_int_equal(pd_live(r->vq), 0);
	memset(r->ring, 0, r->cfg.size * 16);
	rig_start(r);
}

static void
PR_04_literal_bytes(void **state)
{
	static const uint8_t desc[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0x2a, 0x01, 0, 0,
					  0x05, 0x00, 0x80, 0x00 };
	struct rig r;
	struct pd_buf *buf;
	uint64_t addr;
	int i;

	(void)state;
	rig_open(&r, 8, PD_TX);
	rig_start(&r);
	memcpy(r.ring, desc, 16);
	addr = (uintptr_t)r.mem;
	for (i = 0; i < 8; i++)
		r.ring[i] = addr >> (8 * i);
	assert_int_equal(pd_fetch(r.vq, UINT32_MAX), 1);
	buf = pd_first(r.vq);
	assert_int_equal(buf->id, 5);
	assert_int_equal(buf->slots, 1);
	assert_int_equal(buf->nb_elements, 1);
	assert_ptr_equal(buf->elements[0].base, r.mem);
	assert_int_equal(buf->read_len, 0x12a);
	assert_int_equal(pd_complete(r.vq, buf, 0), 0);
	assert_int_equal(flags_at(&r, 0), 0x8080);
	assert_int_equal(id_at(&r, 0), 5);
	clean(&r);
	rig_close(&r);
}

static void
PR_01_02_03_layout(void **state)
{
	struct pd_config bad;
	struct pd_vq *vq;
	struct rig r;

	(void)state;
	rig_open(&r, 8, PD_TX);
	rig_start(&r);
	pd_check_zeroed(r.vq);
	clean(&r);
	put(&r, 3, NULL, 1, 0, 0);
	pd_check_zeroed(r.vq);
	assert_true(pd_violated(r.vq, "PR-02"));
	assert_int_equal(pd_violation(r.vq, 0)->slot, 3);

	bad = r.cfg;
	bad.size = 4;
	bad.desc = r.ring + 8;
	vq = pd_create(&bad);
	assert_true(pd_violated(vq, "PR-01"));
	assert_int_equal(pd_fetch(vq, 1), -EPROTO);
	pd_destroy(vq);

	bad = r.cfg;
	bad.device_event = r.mem + 2;
	vq = pd_create(&bad);
	assert_true(pd_violated(vq, "PR-01"));
	pd_destroy(vq);

	memset(r.ring, 0, 8 * 16);
	r.events[0] = 1;
	rig_start(&r);
	pd_check_zeroed(r.vq);
	assert_true(pd_violated(r.vq, "PR-02"));

	bad = r.cfg;
	bad.size = 0;
	assert_null(pd_create(&bad));
	bad.size = 32769;
	assert_null(pd_create(&bad));
	rig_close(&r);
}

static void
PR_06_07_wrap_bits_of_every_slot(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4, PD_TX);
	rig_start(&r);
	put(&r, 0, r.mem, 8, 0, N | WRAP1);
	put(&r, 1, r.mem, 8, 0, N | WRAP0);
	put(&r, 2, r.mem, 8, 0, WRAP1);
	refuses(&r, "PR-06");

	put(&r, 0, r.mem, 8, 0, N | WRAP1);
	refuses(&r, "PR-06"); /* tail not written at all */

	/* A head with both bits equal is not available, whatever the lap. */
	put(&r, 0, r.mem, 8, 0, WRAP1 | WRAP0);
	assert_int_equal(pd_fetch(r.vq, 1), 0);
	clean(&r);
	memset(r.ring, 0, 64);

	assert_int_equal(pd_set_base(r.vq, 0x8003u << 16 | 0x8003), 0);
	put(&r, 3, r.mem, 8, 0, N | WRAP1);
	put(&r, 0, r.mem, 8, 1, WRAP1); /* should have flipped */
	refuses(&r, "PR-07");

	assert_int_equal(pd_set_base(r.vq, 0x8003u << 16 | 0x8003), 0);
	put(&r, 3, r.mem, 8, 0, N | WRAP1);
	put(&r, 0, r.mem, 8, 1, WRAP0);
	assert_int_equal(pd_fetch(r.vq, 1), 1);
	assert_int_equal(pd_first(r.vq)->id, 1);
	clean(&r);
	rig_close(&r);
}

static void
PR_10_changed_while_published(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4, PD_TX);
	rig_start(&r);
	put(&r, 0, r.mem, 8, 0, N | WRAP1);
	put(&r, 1, r.mem, 8, 0, WRAP1);
	assert_int_equal(pd_fetch(r.vq, 1), 1);
	put(&r, 1, r.mem, 9, 0, WRAP1);
	pd_complete(r.vq, pd_first(r.vq), 0);
	assert_true(pd_violated(r.vq, "PR-10"));
	assert_int_equal(pd_violation(r.vq, 0)->slot, 1);
	rig_close(&r);
}

static void
PR_12_list_too_long(void **state)
{
	struct rig r;
	uint32_t i;

	(void)state;
	rig_open(&r, 4, PD_TX);
	rig_start(&r);
	for (i = 0; i < 4; i++)
		put(&r, i, r.mem, 8, 0, N | WRAP1);
	refuses(&r, "PR-12");

	r.cfg.max_list = 2;
	rig_start(&r);
	for (i = 0; i < 3; i++)
		put(&r, i, r.mem, 8, 0, (i < 2 ? N : 0) | WRAP1);
	refuses(&r, "PR-12");
	rig_close(&r);
}

static void
PR_12_slot_still_owned(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 2, PD_TX);
	rig_start(&r);
	put(&r, 0, r.mem, 8, 0, WRAP1);
	put(&r, 1, r.mem, 8, 1, WRAP1);
	assert_int_equal(pd_fetch(r.vq, 2), 2);
	put(&r, 0, r.mem, 8, 1, WRAP0);
	assert_int_equal(pd_fetch(r.vq, 1), -EPROTO);
	assert_true(pd_violated(r.vq, "PR-12"));
	rig_close(&r);
}

static void
PR_13_elements(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4, PD_TX);
	rig_start(&r);
	put(&r, 0, r.mem, 0, 0, WRAP1);
	refuses(&r, "PR-13");
	put(&r, 0, r.mem, 8, 0, W | WRAP1);
	refuses(&r, "PR-13");
	r.cfg.dir = PD_RX;
	rig_start(&r);
	put(&r, 0, r.mem, 8, 0, WRAP1);
	refuses(&r, "PR-13");
	put(&r, 0, r.mem, 8, 0, W | N | WRAP1);
	put(&r, 1, r.mem, 8, 0, WRAP1);
	refuses(&r, "PR-13"); /* readable after writable */
	put(&r, 0, r.mem, 8, 0, 0x40 | W | WRAP1);
	refuses(&r, "PR-04");
	rig_close(&r);
}

static void
PR_14_ids(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4, PD_TX);
	rig_start(&r);
	put(&r, 0, r.mem, 8, 4, WRAP1);
	refuses(&r, "PR-14");
	put(&r, 0, r.mem, 8, 2, WRAP1);
	put(&r, 1, r.mem, 8, 2, WRAP1);
	assert_int_equal(pd_fetch(r.vq, 2), -EPROTO);
	assert_true(pd_violated(r.vq, "PR-14"));
	assert_int_equal(pd_live(r.vq), 1);
	rig_close(&r);
}

static void
PR_11_id_of_last_slot(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 4, PD_TX);
	rig_start(&r);
	put(&r, 0, r.mem, 8, 0xffff, N | WRAP1);
	put(&r, 1, r.mem, 8, 0xffff, N | WRAP1);
	put(&r, 2, r.mem, 8, 3, WRAP1);
	assert_int_equal(pd_fetch(r.vq, 1), 1);
	assert_int_equal(pd_first(r.vq)->id, 3);
	clean(&r);
	rig_close(&r);
}

/* Device address 0x10000 + i is byte i of mem, in pieces of 100 bytes; the rest is not memory. */
static void *
pieces(void *arg, uint64_t addr, uint32_t *len, enum pd_access access)
{
	struct rig *r = arg;
	uint32_t left;

	assert_int_equal(access, PD_READ);
	if (addr < 0x10000 || addr >= 0x10000 + 1000)
		return NULL;
	left = 100 - (addr - 0x10000) % 100;
	if (left < *len)
		*len = left;
	return r->mem + (addr - 0x10000);
}

static void
PR_15_translation(void **state)
{
	uint8_t pkt[250];
	struct rig r;
	uint32_t i;

	(void)state;
	rig_open(&r, 4, PD_TX);
	r.cfg.translate = pieces;
	r.cfg.translate_arg = &r;
	rig_start(&r);
	for (i = 0; i < 238; i++)
		r.mem[50 + 12 + i] = i;
	put(&r, 0, (void *)(uintptr_t)(0x10000 + 50), 250, 0, WRAP1);
	assert_int_equal(pd_fetch(r.vq, 1), 1);
	assert_int_equal(pd_first(r.vq)->nb_descs, 1);
	assert_int_equal(pd_first(r.vq)->nb_elements, 3);
	assert_int_equal(pd_relocate(r.vq, r.ring, &r.events[0], &r.events[1]), 0);
	assert_int_equal(pd_first(r.vq)->nb_elements, 3);
	assert_int_equal(pd_tx_copy(r.vq, pd_first(r.vq), NULL, pkt, sizeof(pkt)), 238);
	assert_memory_equal(pkt, r.mem + 62, 238);
	clean(&r);
	memset(r.ring, 0, 64);
	rig_start(&r);
	put(&r, 0, (void *)(uintptr_t)(0x10000 + 900), 101, 0, WRAP1);
	refuses(&r, "PR-15");
	put(&r, 0, (void *)(uintptr_t)(0x10000 + 990), 32, 0, I | WRAP1);
	refuses(&r, "PR-15");
	rig_close(&r);
}

static void
entry(uint8_t *table, uint32_t i, const void *addr, uint32_t len, uint16_t flags)
{
	struct rig r = { .ring = table };

	put(&r, i, addr, len, 0, flags);
}

static void
PR_24_25_26_27_indirect_rules(void **state)
{
	uint8_t *table;
	struct rig r;

	(void)state;
	rig_open(&r, 4, PD_TX);
	rig_start(&r);
	table = buf_mem(&r, 8);
	entry(table, 0, r.mem, 12, 0);
	entry(table, 1, r.mem + 64, 100, 0);
	put(&r, 0, table, 32, 1, I | W | WRAP1); /* WRITE says nothing here */
	assert_int_equal(pd_fetch(r.vq, 1), 1);
	assert_int_equal(pd_first(r.vq)->slots, 1);
	assert_int_equal(pd_first(r.vq)->nb_descs, 2);
	assert_int_equal(pd_first(r.vq)->read_len, 112);
	pd_complete(r.vq, pd_first(r.vq), 0);
	clean(&r);
	memset(r.ring, 0, 64);
	rig_start(&r);

	put(&r, 0, table, 32, 1, I | N | WRAP1);
	refuses(&r, "PR-24");
	put(&r, 0, r.mem, 8, 1, N | WRAP1);
	put(&r, 1, table, 32, 1, I | WRAP1);
	refuses(&r, "PR-24");
	put(&r, 0, table, 0, 1, I | WRAP1);
	refuses(&r, "PR-25");
	put(&r, 0, table, 24, 1, I | WRAP1);
	refuses(&r, "PR-25");
	put(&r, 0, table, 64, 1, I | WRAP1);
	refuses(&r, "PR-27");
	entry(table, 0, r.mem, 12, N);
	put(&r, 0, table, 32, 1, I | WRAP1);
	refuses(&r, "PR-26");
	entry(table, 0, r.mem, 12, I);
	put(&r, 0, table, 32, 1, I | WRAP1);
	refuses(&r, "PR-26");
	entry(table, 0, r.mem, 12, WRAP1);
	put(&r, 0, table, 32, 1, I | WRAP1);
	refuses(&r, "PR-26");
	r.cfg.indirect = false;
	rig_start(&r);
	entry(table, 0, r.mem, 12, 0);
	put(&r, 0, table, 32, 1, I | WRAP1);
	refuses(&r, "PR-24");
	rig_close(&r);
}

static void
PR_28_table_changed(void **state)
{
	uint8_t *table;
	struct rig r;

	(void)state;
	rig_open(&r, 4, PD_TX);
	rig_start(&r);
	table = buf_mem(&r, 8);
	entry(table, 0, r.mem, 12, 0);
	entry(table, 1, r.mem + 64, 100, 0);
	put(&r, 0, table, 32, 1, I | WRAP1);
	assert_int_equal(pd_fetch(r.vq, 1), 1);
	entry(table, 1, r.mem + 64, 101, 0);
	pd_complete(r.vq, pd_first(r.vq), 0);
	assert_true(pd_violated(r.vq, "PR-28"));
	assert_false(pd_violated(r.vq, "PR-10"));
	rig_close(&r);
}

/* Lists of @slots descriptors over many laps: bits of available and used descriptors follow. */
static void
laps(uint32_t size, uint32_t slots)
{
	uint32_t pos = 0, lap = 0, k, start, step;
	bool first_wrap;
	struct rig r;

	rig_open(&r, size, PD_TX);
	rig_start(&r);
	for (step = 0; step < 5 * size; step++) {
		start = pos;
		first_wrap = lap % 2 == 0;
		for (k = 0; k < slots; k++) {
			put(&r, pos, r.mem, 8, step % size,
			    (k + 1 < slots ? N : 0) | (lap % 2 == 0 ? WRAP1 : WRAP0));
			if (++pos == size) {
				pos = 0;
				lap++;
			}
		}
		assert_int_equal(pd_fetch(r.vq, UINT32_MAX), 1);
		assert_int_equal(pd_first(r.vq)->head, start);
		assert_int_equal(pd_first(r.vq)->slots, slots);
		assert_int_equal(pd_complete(r.vq, pd_first(r.vq), 0), 0);
		assert_int_equal(flags_at(&r, start), first_wrap ? 0x8080 : 0);
		assert_int_equal(id_at(&r, start), step % size);
		assert_false(pd_available(r.vq));
	}
	clean(&r);
	rig_close(&r);
}

static void
PR_05_08_five_laps_odd_sizes(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 3, 5, 7, 255, 257 };
	uint32_t i, slots;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (slots = 1; slots <= 3 && slots <= sizes[i]; slots++)
			laps(sizes[i], slots);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(PR_04_literal_bytes),
		cmocka_unit_test(PR_01_02_03_layout),
		cmocka_unit_test(PR_06_07_wrap_bits_of_every_slot),
		cmocka_unit_test(PR_10_changed_while_published),
		cmocka_unit_test(PR_12_list_too_long),
		cmocka_unit_test(PR_12_slot_still_owned),
		cmocka_unit_test(PR_13_elements),
		cmocka_unit_test(PR_14_ids),
		cmocka_unit_test(PR_11_id_of_last_slot),
		cmocka_unit_test(PR_15_translation),
		cmocka_unit_test(PR_24_25_26_27_indirect_rules),
		cmocka_unit_test(PR_28_table_changed),
		cmocka_unit_test(PR_05_08_five_laps_odd_sizes),
	};

	return cmocka_run_group_tests_name("device_model", tests, NULL, NULL);
}
