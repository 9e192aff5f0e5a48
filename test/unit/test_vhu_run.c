/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The vhost-user backend of the tests at work: packets, memory that changes, connections that
 * end.
 */

#include <sys/socket.h>

#include "vhu_frontend.h"

static void
send_and_receive(void **state)
{
	struct fe *f = *state;
	uint8_t pkt[128];
	uint32_t slot;

	fe_start(f);
	fe_go_live(f);
	assert_int_equal(vhu_backend_send(f->b, 0, "abc", 3), -EAGAIN);
	fe_put(f, 0, 0, BUF(0), 64, 2);
	assert_int_equal(vhu_backend_send(f->b, 0, "abc", 3), 0);
	assert_memory_equal(f->mem + BUF(0) + 12, "abc", 3);
	assert_int_equal(f->mem[RING(0) + 8], 15);
	assert_true(fe_wait_call(f, 0));
	assert_int_equal(vhu_backend_recv(f->b, 0, pkt, sizeof(pkt)), -EAGAIN);
	memcpy(f->mem + BUF(1) + 12, "hello", 5);
	fe_put(f, 1, 0, BUF(1), 17, 0);
	fe_notify(f, 1);
	assert_int_equal(vhu_backend_recv(f->b, 0, pkt, sizeof(pkt)), 5);
	assert_memory_equal(pkt, "hello", 5);
	assert_true(fe_wait_call(f, 1));
	vhu_backend_lock(f->b);
	assert_int_equal(vhu_backend_notified(f->b, 1), 1);
	assert_int_equal(vhu_backend_notified(f->b, 1), 0);
	slot = pd_used_slot(vhu_backend_vq(f->b, 1), NULL);
	assert_ptr_equal(vhu_backend_translate(f->b, GPA + 0x8000, 0x8001), NULL);
	assert_non_null(vhu_backend_translate(f->b, GPA + 0x8000, 0x8000));
	vhu_backend_unlock(f->b);
	assert_int_equal(slot, 1);
	fe_clean(f);
	/* What a virtqueue finds is among the backend's breaches. */
	fe_put(f, 1, 1, BUF(1), 0, 0);
	assert_int_equal(vhu_backend_recv(f->b, 0, pkt, sizeof(pkt)), -EPROTO);
	assert_true(vhu_backend_violated(f->b, "PR-13"));
	assert_non_null(strstr(vhu_backend_violations_text(f->b), "vring 1, PR-13 slot 1"));
}

struct seen {
	uint32_t count, sum;
};

static void
see(void *arg, uint32_t pair, const void *data, uint32_t len)
{
	struct seen *s = arg;

	s->count++;
	s->sum += ((const uint8_t *)data)[0] + pair + len;
}

static void
echo_mode_returns_every_packet(void **state)
{
	struct seen seen = { 0 };
	struct fe *f = *state;
	uint32_t i;

	f->cfg.mode = VHU_ECHO;
	f->cfg.on_packet = see;
	f->cfg.on_packet_arg = &seen;
	fe_start(f);
	fe_go_live(f);
	for (i = 0; i < 4; i++) {
		f->mem[BUF(4 + i) + 12] = 10 + i;
		fe_put(f, 1, i, BUF(4 + i), 60, 0);
	}
	fe_notify(f, 1);
	/* No room yet: nothing may be lost, nothing used. */
	assert_false(vhu_backend_wait_packets(f->b, 1, 50));
	for (i = 0; i < 4; i++)
		fe_put(f, 0, i, BUF(i), 2048, 2);
	fe_notify(f, 0);
	assert_true(vhu_backend_wait_packets(f->b, 4, WAIT_MS));
	assert_true(fe_wait_call(f, 0));
	for (i = 0; i < 4; i++) {
		assert_int_equal(f->mem[BUF(i) + 12], 10 + i);
		assert_int_equal(f->mem[RING(0) + 16 * i + 8], 60);
		assert_int_equal(f->mem[RING(1) + 16 * i + 15], 0x80);
	}
	vhu_backend_lock(f->b);
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.sum, 10 + 11 + 12 + 13 + 4 * 48);
	vhu_backend_unlock(f->b);
	fe_clean(f);
}

static void
sink_mode_in_batches(void **state)
{
	struct vhu_vring_info info;
	struct fe *f = *state;
	uint32_t i;

	f->cfg.mode = VHU_SINK;
	f->cfg.complete_in_batch = true;
	fe_start(f);
	fe_go_live(f);
	for (i = 3; i-- > 0;)
		fe_put(f, 1, i, BUF(i), 60, 0);
	fe_notify(f, 1);
	assert_true(vhu_backend_wait_packets(f->b, 3, WAIT_MS));
	assert_int_equal(f->mem[RING(1) + 15], 0x80);
	assert_int_equal(f->mem[RING(1) + 12], 2);
	assert_int_equal(f->mem[RING(1) + 31], 0); /* skipped */
	assert_int_equal(vhu_backend_vring(f->b, 1, &info), 0);
	assert_int_equal(info.packets, 3);
	assert_int_equal(info.bytes, 3 * 48);
	assert_int_equal(info.notifications, 1);
	fe_clean(f);
}

static void
GET_VRING_BASE_stops_and_resumes(void **state)
{
	uint32_t p[2] = { 1, 0 }, hdr[3];
	struct fe *f = *state;
	uint64_t idx = 1;
	uint8_t pkt[64];

	fe_start(f);
	fe_go_live(f);
	fe_put(f, 1, 0, BUF(0), 60, 0);
	fe_put(f, 1, 1, BUF(0), 60, 0);
	assert_int_equal(vhu_backend_recv(f->b, 0, pkt, sizeof(pkt)), 48);
	assert_int_equal(fe_set_state(f, VHU_SET_VRING_ENABLE, 1, 0), 0);
	assert_int_equal(vhu_backend_recv(f->b, 0, pkt, sizeof(pkt)), -ENOTCONN);
	assert_int_equal(fe_set_state(f, VHU_SET_VRING_ENABLE, 1, 1), 0);
	fe_send(f, VHU_GET_VRING_BASE, 0, p, 8, -1);
	assert_int_equal(fe_answer(f, hdr, p, 8), 20);
	assert_int_equal(p[1], 0x80018002u); /* two fetched, one used */
	assert_int_equal(vhu_backend_recv(f->b, 0, pkt, sizeof(pkt)), -ENOTCONN);
	/* The buffer that was not used is available again. */
	assert_int_equal(fe_set_state(f, VHU_SET_VRING_BASE, 1, 0x80018001u), 0);
	assert_int_equal(fe_acked(f, VHU_SET_VRING_KICK, &idx, 8, f->notify[1]), 0);
	assert_int_equal(vhu_backend_recv(f->b, 0, pkt, sizeof(pkt)), 48);
	fe_clean(f);
}

static void
memory_map_changes_under_running_rings(void **state)
{
	uint64_t region[5] = { 0, GPA + 0x8000, 0x8000, UVA + 0x8000, 0x8000 };
	uint64_t table[5] = { 1, GPA, MEM_BYTES, UVA, 0 };
	struct fe *f = *state;
	uint8_t pkt[64];

	fe_start(f);
	fe_go_live(f);
	fe_put(f, 1, 0, BUF(0), 60, 0);
	fe_put(f, 1, 1, 0x9000, 60, 0);
	assert_int_equal(vhu_backend_recv(f->b, 0, pkt, sizeof(pkt)), 48);
	assert_int_equal(fe_acked(f, VHU_SET_MEM_TABLE, table, 40, f->mem_fd), 0);
	assert_int_equal(vhu_backend_regions(f->b), 1);
	memset(f->mem + 0x9000 + 12, 0x77, 48);
	assert_int_equal(vhu_backend_recv(f->b, 0, pkt, sizeof(pkt)), 48);
	assert_int_equal(pkt[47], 0x77);
	fe_clean(f);
	/* A region goes while a fetched buffer lies in it. */
	table[2] = 0x8000;
	assert_int_equal(fe_acked(f, VHU_SET_MEM_TABLE, table, 40, f->mem_fd), 0);
	assert_int_equal(fe_add_region(f, 0x8000, 0x8000), 0);
	fe_put(f, 0, 0, 0x9000, 60, 2);
	assert_int_equal(vhu_backend_send(f->b, 0, pkt, 48 + 48), -EAGAIN);
	assert_int_equal(fe_acked(f, VHU_REM_MEM_REG, region, 40, -1), 0);
	assert_true(vhu_backend_violated(f->b, "PR-15"));
	assert_int_equal(vhu_backend_regions(f->b), 1);
}

static void
kill_and_start_again(void **state)
{
	struct fe *f = *state;
	uint32_t hdr[3], i;
	uint64_t v;

	fe_start(f);
	for (i = 0; i < 5; i++) {
		fe_go_live(f);
		vhu_backend_kill(f->b);
		assert_int_equal(fe_answer(f, hdr, &v, 8), 0);
		assert_int_equal(vhu_backend_regions(f->b), 0);
		assert_int_equal(access(f->path, F_OK), 0);
		assert_int_equal(fe_socket(f->path, false), -1);
		close(f->fd);
		assert_int_equal(vhu_backend_start(f->b), 0);
		assert_int_equal(vhu_backend_start(f->b), -EALREADY);
		f->fd = fe_socket(f->path, false);
		assert_true(f->fd >= 0);
	}
	assert_true(vhu_backend_wait_connected(f->b, true, WAIT_MS));
	assert_int_equal(vhu_backend_connections(f->b), 6);
	vhu_backend_disconnect(f->b);
	assert_int_equal(fe_answer(f, hdr, &v, 8), 0);
	fe_clean(f);
	vhu_backend_stop(f->b);
	assert_int_not_equal(access(f->path, F_OK), 0);
}

static void
client_connects_and_again(void **state)
{
	static const uint32_t ring[2] = { 1, 0 };
	struct fe *f = *state;
	uint32_t i, base[2], hdr[3];

	f->cfg.client = true;
	f->cfg.base_lower_only = true;
	f->cfg.busy_poll = true;
	f->cfg.mode = VHU_SINK;
	f->b = vhu_backend_create(&f->cfg);
	assert_int_equal(vhu_backend_start(f->b), 0);
	assert_false(vhu_backend_wait_connected(f->b, true, 30));
	f->listen_fd = fe_socket(f->path, true);
	for (i = 0; i < 3; i++) {
		f->fd = accept(f->listen_fd, NULL, NULL);
		assert_true(f->fd >= 0);
		assert_true(vhu_backend_wait_connected(f->b, true, WAIT_MS));
		fe_go_live(f);
		fe_put(f, 1, 0, BUF(0), 60, 0); /* nobody notifies */
		assert_true(vhu_backend_wait_packets(f->b, i + 1, WAIT_MS));
		fe_send(f, VHU_GET_VRING_BASE, 0, ring, 8, -1);
		assert_int_equal(fe_answer(f, hdr, base, 8), 20);
		assert_int_equal(base[1], 0x8001);
		close(f->fd);
		f->fd = -1;
	}
	fe_clean(f);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fe_open, fe_close)
	const struct CMUnitTest tests[] = {
		TEST(send_and_receive),
		TEST(echo_mode_returns_every_packet),
		TEST(sink_mode_in_batches),
		TEST(GET_VRING_BASE_stops_and_resumes),
		TEST(memory_map_changes_under_running_rings),
		TEST(kill_and_start_again),
		TEST(client_connects_and_again),
	};

	return cmocka_run_group_tests_name("vhu_run", tests, NULL, NULL);
}
