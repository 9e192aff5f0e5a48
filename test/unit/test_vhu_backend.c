/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The vhost-user backend of the tests: the protocol, what it must accept, answer and notice.
 */

#include "vhu_frontend.h"

static void
IN_01_sequence_is_accepted_and_logged(void **state)
{
	struct vhu_vring_info info;
	struct vhu_record rec;
	struct fe *f = *state;

	fe_start(f);
	fe_go_live(f);
	fe_clean(f);
	assert_int_equal(vhu_backend_status(f->b), 15);
	assert_int_equal(vhu_backend_regions(f->b), 2);
	assert_int_equal(vhu_backend_memory(f->b), 0x10000);
	assert_true(vhu_backend_features(f->b) == VHU_F_DEFAULT);
	assert_int_equal(fe_get_u64(f, VHU_GET_QUEUE_NUM), 1);
	assert_int_equal(fe_get_u64(f, VHU_GET_MAX_MEM_SLOTS), 32);
	assert_int_equal(fe_set_u64(f, VHU_NET_SET_MTU, 9000), 0);
	assert_int_equal(vhu_backend_mtu(f->b), 9000);
	assert_int_equal(vhu_backend_vring(f->b, 1, &info), 0);
	assert_int_equal(info.num, QSIZE);
	assert_true(info.live && info.enabled && info.has_kick && info.has_call);
	assert_int_equal(vhu_backend_count(f->b, VHU_SET_STATUS), 5);
	assert_int_equal(vhu_backend_last(f->b, VHU_SET_VRING_NUM, &rec), 0);
	assert_int_equal(rec.u64[0], 1 | (uint64_t)QSIZE << 32);
	assert_true(rec.need_reply && rec.answered);
	assert_int_equal(vhu_backend_last(f->b, VHU_ADD_MEM_REG, &rec), 0);
	assert_int_equal(rec.nfds, 1);
	assert_true(rec.u64[1] == GPA + 0x8000);
	assert_int_equal(vhu_backend_log_get(f->b, 0, &rec), 0);
	assert_int_equal(rec.request, VHU_GET_FEATURES);
	assert_int_equal(vhu_backend_log_get(f->b, 10000, &rec), -ENOENT);
	fe_clean(f);
}

static void
IN_09_configuration_space(void **state)
{
	struct fe *f = *state;
	struct {
		uint32_t words[3];
		uint8_t bytes[20];
	} c = { { 0, 20, 0 }, { 0 } };
	uint32_t hdr[3];

	f->cfg.mtu = 0x1234;
	f->cfg.queue_pairs = 3;
	fe_start(f);
	fe_negotiate(f);
	fe_send(f, VHU_GET_CONFIG, 0, &c, 32, -1);
	assert_int_equal(fe_answer(f, hdr, &c, 32), 44);
	assert_memory_equal(c.bytes, f->cfg.mac, 6);
	assert_int_equal(c.bytes[6], 1);
	assert_int_equal(c.bytes[8], 3);
	assert_int_equal(c.bytes[10], 0x34);
	assert_int_equal(c.bytes[11], 0x12);
	assert_int_equal(c.bytes[12], 0xff);
	fe_clean(f);
	c.words[1] = 1000;
	fe_send(f, VHU_GET_CONFIG, 0, &c, 32, -1);
	assert_int_equal(fe_answer(f, hdr, &c, 32), 12);
	assert_true(vhu_backend_violated(f->b, "VU"));
	vhu_backend_violations_clear(f->b);
	c.words[1] = 20;
	assert_int_equal(fe_acked(f, VHU_SET_CONFIG, &c, 32, -1), 0);
	assert_true(vhu_backend_violated(f->b, "NT-30"));
}

static void
IN_04_05_06_13_FD_features(void **state)
{
	static const struct {
		uint64_t features;
		const char *id;
	} bad[] = {
		{ VHU_F_DEFAULT | 1ull << 40, "IN-04" },
		{ VHU_F_DEFAULT & ~VHU_F_VERSION_1, "IN-05" },
		{ VHU_F_DEFAULT & ~VHU_F_RING_PACKED, "IN-05" },
		{ VHU_F_DEFAULT | 1ull << 24, "IN-13" },
		{ VHU_F_DEFAULT | VHU_F_HOST_TSO4, "FD-04" },
		{ VHU_F_DEFAULT | VHU_F_GUEST_TSO6, "FD-01" },
		{ VHU_F_DEFAULT | 1ull << 13, "FD-05" },
		{ VHU_F_DEFAULT | 1ull << 18, "FD-07" },
	};
	struct fe *f = *state;
	uint64_t pf;
	uint32_t i;

	fe_start(f);
	fe_get_u64(f, VHU_GET_FEATURES);
	pf = VHU_PF_STATUS | VHU_PF_REPLY_ACK;
	fe_send(f, VHU_SET_PROTOCOL_FEATURES, 0, &pf, 8, -1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fe_set_u64(f, VHU_SET_FEATURES, bad[i].features);
		if (!vhu_backend_violated(f->b, bad[i].id))
			fail_msg("%s of row %u not noticed", bad[i].id, i);
		vhu_backend_violations_clear(f->b);
	}
	assert_int_equal(fe_set_u64(f, VHU_SET_FEATURES, VHU_F_DEFAULT), 0);
	fe_clean(f);
	fe_set_u64(f, VHU_SET_STATUS, 1);
	fe_set_u64(f, VHU_SET_STATUS, 3);
	fe_set_u64(f, VHU_SET_STATUS, 11);
	fe_clean(f);
	fe_set_u64(f, VHU_SET_FEATURES, VHU_F_DEFAULT);
	assert_true(vhu_backend_violated(f->b, "IN-06"));
}

static void
IN_01_03_07_status(void **state)
{
	struct fe *f = *state;
	uint64_t pf = VHU_PF_STATUS | VHU_PF_REPLY_ACK;

	f->cfg.refuse_features_ok = true;
	fe_start(f);
	fe_get_u64(f, VHU_GET_FEATURES);
	fe_send(f, VHU_SET_PROTOCOL_FEATURES, 0, &pf, 8, -1);
	fe_set_u64(f, VHU_SET_STATUS, 2);
	assert_true(vhu_backend_violated(f->b, "IN-01")); /* DRIVER without ACKNOWLEDGE */
	vhu_backend_violations_clear(f->b);
	fe_set_u64(f, VHU_SET_STATUS, 0);
	fe_set_u64(f, VHU_SET_STATUS, 3);
	fe_clean(f);
	fe_set_u64(f, VHU_SET_STATUS, 1);
	assert_true(vhu_backend_violated(f->b, "IN-01")); /* a bit taken away */
	vhu_backend_violations_clear(f->b);
	fe_set_u64(f, VHU_SET_STATUS, 11);
	assert_true(vhu_backend_violated(f->b, "IN-01")); /* FEATURES_OK before features */
	vhu_backend_violations_clear(f->b);
	fe_set_u64(f, VHU_SET_STATUS, 0);
	fe_set_u64(f, VHU_SET_STATUS, 3);
	fe_set_u64(f, VHU_SET_FEATURES, VHU_F_DEFAULT);
	fe_set_u64(f, VHU_SET_STATUS, 11);
	assert_int_equal(fe_get_u64(f, VHU_GET_STATUS), 3);
	fe_clean(f);
	fe_set_u64(f, VHU_SET_STATUS, 15);
	assert_true(vhu_backend_violated(f->b, "IN-03"));
	vhu_backend_violations_clear(f->b);
	fe_set_u64(f, VHU_SET_STATUS, 0x80 | 15);
	fe_set_u64(f, VHU_SET_STATUS, 0x80 | 15);
	assert_true(vhu_backend_violated(f->b, "IN-07"));
}

static void
VU_protocol_breaches(void **state)
{
	struct fe *f = *state;
	uint64_t idx = 0, region[5] = { 0, GPA + 0x4000, 0x8000, UVA + 0x40000, 0x4000 };
	uint32_t hdr[3];

	fe_start(f);
	fe_send(f, VHU_GET_QUEUE_NUM, 0, NULL, 0, -1);
	fe_answer(f, hdr, &idx, 8);
	assert_true(vhu_backend_violated(f->b, "VU")); /* before MQ was negotiated */
	vhu_backend_violations_clear(f->b);
	fe_negotiate(f);
	fe_clean(f);
	assert_int_equal(fe_add_region(f, 0, 0x8000), 0);
	assert_int_equal(fe_acked(f, VHU_ADD_MEM_REG, region, 40, f->mem_fd), 1); /* overlaps */
	assert_int_equal(vhu_backend_regions(f->b), 1);
	assert_int_equal(fe_add_region(f, 0x8000, MEM_BYTES), 1); /* beyond the file */
	assert_int_equal(fe_acked(f, VHU_REM_MEM_REG, region, 40, -1), 1);
	assert_int_equal(fe_set_state(f, VHU_SET_VRING_NUM, 2, QSIZE), 1);
	assert_int_equal(fe_set_state(f, VHU_SET_VRING_NUM, 0, 32769), 1);
	assert_true(vhu_backend_violated(f->b, "PR-03"));
	idx = 0;
	assert_int_equal(fe_acked(f, VHU_SET_VRING_KICK, &idx, 8, -1), 1);
	assert_int_equal(fe_acked(f, 63, NULL, 0, -1), 1);
	assert_int_equal(fe_acked(f, VHU_SET_VRING_ADDR, &idx, 8, -1), 1);
	assert_int_equal(vhu_backend_violations(f->b), 8);
}

static void
PR_34_early_notification(void **state)
{
	struct fe *f = *state;

	fe_start(f);
	fe_notify(f, 1);
	fe_go_live(f);
	assert_true(vhu_backend_violated(f->b, "PR-34"));
}

static void
faults(void **state)
{
	struct fe *f = *state;
	uint32_t hdr[3] = { 0 };
	uint64_t v = 0;

	fe_start(f);
	fe_negotiate(f);
	vhu_backend_set_fault(f->b, VHU_GET_FEATURES, VHU_NO_ANSWER, 2);
	fe_get_u64(f, VHU_GET_FEATURES);
	fe_send(f, VHU_GET_FEATURES, 0, NULL, 0, -1);
	assert_int_equal(fe_answer(f, hdr, &v, 8), -1);
	fe_get_u64(f, VHU_GET_FEATURES);
	vhu_backend_clear_faults(f->b);

	vhu_backend_set_fault(f->b, VHU_GET_FEATURES, VHU_WRONG_SIZE, 0);
	fe_send(f, VHU_GET_FEATURES, 0, NULL, 0, -1);
	assert_int_equal(fe_answer(f, hdr, &v, 8), 16);
	assert_int_equal(hdr[2], 4);
	vhu_backend_clear_faults(f->b);

	vhu_backend_set_fault(f->b, VHU_GET_FEATURES, VHU_WRONG_REQUEST, 0);
	fe_send(f, VHU_GET_FEATURES, 0, NULL, 0, -1);
	assert_int_equal(fe_answer(f, hdr, &v, 8), 20);
	assert_int_equal(hdr[0], VHU_GET_FEATURES + 1);
	vhu_backend_clear_faults(f->b);

	vhu_backend_set_fault(f->b, VHU_NET_SET_MTU, VHU_NACK, 0);
	assert_int_equal(fe_set_u64(f, VHU_NET_SET_MTU, 2000), 1);
	assert_int_equal(vhu_backend_mtu(f->b), 0);
	vhu_backend_set_fault(f->b, VHU_GET_STATUS, VHU_NACK, 0);
	fe_send(f, VHU_GET_STATUS, 0, NULL, 0, -1);
	assert_int_equal(fe_answer(f, hdr, &v, 8), 12);
	fe_clean(f);

	vhu_backend_set_fault(f->b, VHU_SET_VRING_NUM, VHU_CLOSE, 0);
	fe_send(f, VHU_SET_VRING_NUM, 8, &v, 8, -1);
	assert_int_equal(fe_answer(f, hdr, &v, 8), 0);
	assert_true(vhu_backend_wait_connected(f->b, false, WAIT_MS));
	close(f->fd);
	f->fd = fe_socket(f->path, false);
	vhu_backend_clear_faults(f->b);
	vhu_backend_set_fault(f->b, VHU_GET_FEATURES, VHU_CLOSE_AFTER, 0);
	fe_get_u64(f, VHU_GET_FEATURES);
	assert_int_equal(fe_answer(f, hdr, &v, 8), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fe_open, fe_close)
	const struct CMUnitTest tests[] = {
		TEST(IN_01_sequence_is_accepted_and_logged),
		TEST(IN_09_configuration_space),
		TEST(IN_04_05_06_13_FD_features),
		TEST(IN_01_03_07_status),
		TEST(VU_protocol_breaches),
		TEST(PR_34_early_notification),
		TEST(faults),
	};

	return cmocka_run_group_tests_name("vhu_backend", tests, NULL, NULL);
}
