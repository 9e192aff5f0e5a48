/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The lies of part E as they appear in memory. A hand makes buffers available; a packet of 100
 * bytes that it transmits comes back on the receive queue, where the lie is told.
 */

#include <poll.h>
#include <time.h>

#include "vhu_frontend.h"

#define NB_RX 4u
#define PACKET 100u
#define NEVER 0xffffu

static uint16_t
le16(const struct fe *f, uint32_t at)
{
	return f->mem[at] | f->mem[at + 1] << 8;
}

static uint32_t
len_of(const struct fe *f, uint32_t slot)
{
	return le16(f, RING(0) + 16 * slot + 8) |
	       (uint32_t)le16(f, RING(0) + 16 * slot + 10) << 16;
}

static uint16_t
id_of(const struct fe *f, uint32_t ring, uint32_t slot)
{
	return le16(f, RING(ring) + 16 * slot + 12);
}

static uint16_t
flags_of(const struct fe *f, uint32_t ring, uint32_t slot)
{
	return le16(f, RING(ring) + 16 * slot + 14);
}

static void
wait_told(struct fe *f, uint64_t told)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	uint32_t i;

	for (i = 0; i < WAIT_MS && vhu_backend_lies_told(f->b) < told; i++)
		nanosleep(&pause, NULL);
	assert_int_equal(vhu_backend_lies_told(f->b), told);
	/* The thread has finished what it was doing. */
	vhu_backend_lock(f->b);
	vhu_backend_unlock(f->b);
}

static struct fe *
tell(void **state, const char *name, uint32_t arg, uint64_t without)
{
	struct fe *f;
	uint32_t i;

	assert_int_equal(fe_open(state), 0);
	f = *state;
	f->cfg.mode = VHU_ECHO;
	f->cfg.features &= ~without;
	fe_start(f);
	fe_go_live(f);
	for (i = NB_RX; i-- > 0;)
		fe_put(f, 0, i, BUF(i), 2048, 2);
	assert_int_equal(vhu_backend_lie(f->b, name, 0, 0, arg), 0);
	fe_put(f, 1, 0, BUF(8), 12 + PACKET, 0);
	fe_notify(f, 1);
	wait_told(f, 1);
	assert_int_equal(vhu_backend_lies_left(f->b), 0);
	return f;
}

/* What the first received descriptor and its header are to look like; NEVER for what is not asked. */
static void
spoils(const char *name, uint32_t arg, uint32_t len, uint32_t at, uint32_t value)
{
	void *state = NULL;
	struct fe *f = tell(&state, name, arg, 0);

	assert_int_equal(flags_of(f, 0, 0) & 0x8080, 0x8080);
	assert_int_equal(len_of(f, 0), len);
	if (at != NEVER)
		assert_int_equal(le16(f, BUF(0) + at), value);
	fe_clean(f);
	fe_close(&state);
}

static void
hd01_id_outside_the_ring(void **state)
{
	static const uint32_t args[] = { VHU_LIE_DEFAULT, 65535 };
	static const uint16_t ids[] = { QSIZE, 65535 };
	struct fe *f;
	uint32_t i;

	for (i = 0; i < 2; i++) {
		f = tell(state, "hd-01", args[i], 0);
		assert_int_equal(id_of(f, 0, 0), ids[i]);
		assert_int_equal(flags_of(f, 0, 0) & 0x8080, 0x8080);
		/* Left alone: the packet does not come behind the lie. */
		fe_notify(f, 0);
		assert_false(vhu_backend_wait_packets(f->b, 1, 30));
		assert_int_equal(flags_of(f, 0, 1) & 0x8000, 0);
		fe_close(state);
	}
}

static void
hd02_hd03_ids_that_were_used(void **state)
{
	struct fe *f = tell(state, "hd-02", VHU_LIE_DEFAULT, VHU_F_IN_ORDER);

	assert_int_equal(id_of(f, 0, 0), 0);
	assert_int_equal(id_of(f, 0, 1), 0);
	assert_int_equal(flags_of(f, 0, 1) & 0x8080, 0x8080);
	fe_close(state);
	f = tell(state, "hd-03", VHU_LIE_DEFAULT, 0);
	assert_int_equal(id_of(f, 0, 1), 1);
	assert_int_equal(id_of(f, 0, 2), 0);
	assert_int_equal(flags_of(f, 0, 2) & 0x8080, 0x8080);
	assert_int_equal(flags_of(f, 0, 3) & 0x8000, 0);
	fe_close(state);
}

static void
hd04_hd05_lengths(void **state)
{
	struct fe *f;

	spoils("hd-04", VHU_LIE_DEFAULT, 2049, 10, 1);
	spoils("hd-04", 0xfffffffe, 0xfffffffe, 10, 1);
	spoils("hd-05", VHU_LIE_DEFAULT, 0, 10, 1);
	spoils("hd-05", 11, 11, 10, 1);
	f = tell(state, "hd-05-write", VHU_LIE_DEFAULT, 0);
	assert_int_equal(flags_of(f, 0, 0), 0x8080);
	fe_close(state);
}

static void
hd06_hd07_hd09_numbers_of_buffers(void **state)
{
	(void)state;
	spoils("hd-06", VHU_LIE_DEFAULT, 12 + PACKET, 10, 0);
	spoils("hd-07", VHU_LIE_DEFAULT, 12 + PACKET, 10, 65535);
	spoils("hd-07", 5, 12 + PACKET, 10, 5);
	spoils("hd-09", VHU_LIE_DEFAULT, 12 + PACKET, 10, 2);
}

static void
hd08_a_part_is_withheld(void **state)
{
	struct fe *f = tell(state, "hd-08", VHU_LIE_DEFAULT, 0);

	assert_int_equal(le16(f, BUF(0) + 10), 2);
	assert_int_equal(flags_of(f, 0, 0) & 0x8080, 0x8080);
	assert_int_equal(flags_of(f, 0, 1) & 0x8000, 0);
	fe_close(state);
}

static void
hd10_hd11_parts(void **state)
{
	struct fe *f = tell(state, "hd-10", 3, 0);

	assert_int_equal(le16(f, BUF(0) + 10), 3);
	assert_int_equal(len_of(f, 0), 2048);
	assert_int_equal(len_of(f, 1), 2048);
	assert_int_equal(len_of(f, 2), 12);
	fe_close(state);
	f = tell(state, "hd-11", 40, 0);
	assert_int_equal(le16(f, BUF(0) + 10), 3);
	assert_int_equal(len_of(f, 0), 40);
	assert_int_equal(len_of(f, 1), 40);
	assert_int_equal(len_of(f, 2), 32);
	fe_clean(f);
	fe_close(state);
}

/* Whatever happened in between, in the end the buffer is used. */
static void
hd12_hd14_what_flaps_comes_to_rest(void **state)
{
	struct fe *f = tell(state, "hd-12", VHU_LIE_DEFAULT, 0);
	uint32_t i;

	assert_int_equal(flags_of(f, 0, 0) & 0x8082, 0x8082);
	assert_int_equal(len_of(f, 0), 12 + 64);
	fe_clean(f);
	fe_close(state);
	f = tell(state, "hd-14", VHU_LIE_DEFAULT, 0);
	assert_int_equal(flags_of(f, 0, 0) & 0x8082, 0x8082);
	for (i = 0; i < 12; i++)
		assert_int_equal(f->mem[BUF(0) + i], 0);
	fe_clean(f);
	fe_close(state);
}

static void
hd13_descriptors_are_scribbled_over(void **state)
{
	struct fe *f = tell(state, "hd-13", VHU_LIE_DEFAULT, 0);
	uint64_t addr;
	uint32_t i;

	/* The packet follows: its descriptor is the device's to write anyway. */
	fe_notify(f, 1);
	assert_true(vhu_backend_wait_packets(f->b, 1, WAIT_MS));
	for (i = 0; i < NB_RX; i++) {
		memcpy(&addr, f->mem + RING(0) + 16 * i, 8);
		assert_true(addr != GPA + BUF(i));
	}
	assert_int_equal(len_of(f, 0), 12 + PACKET);
	assert_int_equal(flags_of(f, 0, 1), 0x0082);
	fe_clean(f);
	fe_close(state);
}

static void
hd16_to_hd19_headers(void **state)
{
	(void)state;
	spoils("hd-16", VHU_LIE_DEFAULT, 12 + PACKET, 6, 65535);
	spoils("hd-16", VHU_LIE_DEFAULT, 12 + PACKET, 0, 0x0001);
	spoils("hd-17", VHU_LIE_DEFAULT, 12 + PACKET, 0, 0x0101);
	spoils("hd-17", VHU_LIE_DEFAULT, 12 + PACKET, 4, 1000);
	spoils("hd-17", 0x103, 12 + PACKET, 0, 0x0301);
	spoils("hd-17", 0x103, 12 + PACKET, 4, 0);
	spoils("hd-18", VHU_LIE_DEFAULT, 12 + PACKET, 0, 0x6001);
	spoils("hd-19", VHU_LIE_DEFAULT, 12 + PACKET, 2, 65535);
}

static struct fe *
idle_sink(void **state)
{
	struct fe *f;

	assert_int_equal(fe_open(state), 0);
	f = *state;
	f->cfg.mode = VHU_SINK;
	fe_start(f);
	fe_go_live(f);
	return f;
}

static void
hd15_free_slots_look_used(void **state)
{
	struct fe *f = idle_sink(state);
	uint32_t i;

	assert_int_equal(vhu_backend_lie(f->b, "hd-15", 1, 0, VHU_LIE_DEFAULT), 0);
	wait_told(f, 1);
	for (i = 0; i < QSIZE; i++)
		assert_int_equal(flags_of(f, 1, i), 0x8080);
	/* It does not believe it itself. */
	fe_put(f, 1, 0, BUF(8), 60, 0);
	fe_notify(f, 1);
	assert_true(vhu_backend_wait_packets(f->b, 1, WAIT_MS));
	fe_clean(f);
	fe_close(state);
}

static void
hd20_events_without_sense(void **state)
{
	struct fe *f = idle_sink(state);

	assert_int_equal(vhu_backend_lie(f->b, "hd-20", 1, 0, VHU_LIE_DEFAULT), 0);
	wait_told(f, 1);
	assert_int_equal(le16(f, DEV_EVENT(1) + 2), 3);
	assert_int_equal(vhu_backend_lie(f->b, "hd-20", 1, 1, 0x27fff), 0);
	fe_put(f, 1, 0, BUF(8), 60, 0);
	fe_notify(f, 1);
	wait_told(f, 2);
	assert_int_equal(le16(f, DEV_EVENT(1)), 0x7fff);
	assert_int_equal(le16(f, DEV_EVENT(1) + 2), 2);
	fe_close(state);
}

static void
hd27_interrupts_in_numbers(void **state)
{
	struct fe *f = tell(state, "hd-27", 500, 0);
	uint64_t n = 0;

	assert_int_equal(read(f->call[0], &n, 8), 8);
	assert_true(n >= 500);
	fe_close(state);
}

static void
lies_wait_for_their_time(void **state)
{
	struct fe *f = idle_sink(state);
	uint32_t i;

	assert_int_equal(vhu_backend_lie(f->b, "hd-01", 1, 2, VHU_LIE_DEFAULT), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(vhu_backend_lies_told(f->b), 0);
		fe_put(f, 1, i, BUF(8), 60, 0);
		fe_notify(f, 1);
		assert_true(vhu_backend_wait_packets(f->b, i + 1, WAIT_MS));
	}
	wait_told(f, 1);
	fe_close(state);
}

static void
lies_have_names_and_places(void **state)
{
	struct fe *f = idle_sink(state);
	uint32_t i;

	assert_int_equal(vhu_backend_lie(f->b, "hd-99", 0, 0, 0), -EINVAL);
	assert_int_equal(vhu_backend_lie(f->b, "hd-04", 1, 0, 0), -EINVAL);
	assert_int_equal(vhu_backend_lie(f->b, "hd-15", 0, 0, 0), -EINVAL);
	assert_int_equal(vhu_backend_lie(f->b, "hd-01", 2, 0, 0), -EINVAL);
	for (i = 0; vhu_lie_name(i) != NULL; i++)
		assert_int_equal(strncmp(vhu_lie_name(i), "hd-", 3), 0);
	assert_true(i > 20);
	for (i = 0; vhu_backend_lie(f->b, "hd-04", 0, 1000, 0) == 0; i++)
		assert_true(i < 100);
	assert_int_equal(vhu_backend_lies_left(f->b), i);
	fe_close(state);
}

static void
hd26_reset_is_asked_for(void **state)
{
	struct fe *f = idle_sink(state);

	assert_int_equal(fe_get_u64(f, VHU_GET_STATUS), 0x0f);
	vhu_backend_needs_reset(f->b);
	assert_int_equal(fe_get_u64(f, VHU_GET_STATUS), 0x4f);
	fe_close(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hd01_id_outside_the_ring),
		cmocka_unit_test(hd02_hd03_ids_that_were_used),
		cmocka_unit_test(hd04_hd05_lengths),
		cmocka_unit_test(hd06_hd07_hd09_numbers_of_buffers),
		cmocka_unit_test(hd08_a_part_is_withheld),
		cmocka_unit_test(hd10_hd11_parts),
		cmocka_unit_test(hd12_hd14_what_flaps_comes_to_rest),
		cmocka_unit_test(hd13_descriptors_are_scribbled_over),
		cmocka_unit_test(hd15_free_slots_look_used),
		cmocka_unit_test(hd16_to_hd19_headers),
		cmocka_unit_test(hd20_events_without_sense),
		cmocka_unit_test(hd26_reset_is_asked_for),
		cmocka_unit_test(hd27_interrupts_in_numbers),
		cmocka_unit_test(lies_wait_for_their_time),
		cmocka_unit_test(lies_have_names_and_places),
	};

	return cmocka_run_group_tests_name("device_lies", tests, NULL, NULL);
}
