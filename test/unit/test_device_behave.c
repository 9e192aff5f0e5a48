/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * How the backend behaves when told to: orders of use, delays, notifications, junk, generated
 * packets. The driver is a hand that writes descriptors; packets of 48 bytes behind a header.
 */

#include <time.h>

#include "vhu_frontend.h"

#define LEN 60u

static uint16_t
id_of(const struct fe *f, uint32_t ring, uint32_t slot)
{
	const uint8_t *d = f->mem + RING(ring) + 16 * slot;

	return d[12] | d[13] << 8;
}

static uint16_t
flags_of(const struct fe *f, uint32_t ring, uint32_t slot)
{
	return __atomic_load_n((uint16_t *)(void *)(f->mem + RING(ring) + 16 * slot + 14),
			       __ATOMIC_ACQUIRE);
}

static bool
is_used(const struct fe *f, uint32_t ring, uint32_t slot)
{
	return (flags_of(f, ring, slot) & 0x8080) == 0x8080;
}

/* Transmit buffers from @first on, the oldest last, so that the device finds them all at once. */
static void
send(struct fe *f, uint32_t first, uint32_t n)
{
	uint32_t i;

	for (i = first + n; i-- > first;)
		fe_put(f, 1, i, BUF(8 + i), LEN, 0);
	fe_notify(f, 1);
}

static struct fe *
sink(void **state, bool in_order, struct vhu_behave how)
{
	struct fe *f = *state;

	f->cfg.mode = VHU_SINK;
	f->cfg.behave = how;
	if (!in_order)
		f->cfg.features &= ~VHU_F_IN_ORDER;
	fe_start(f);
	fe_go_live(f);
	return f;
}

static void
pr19_reverse(void **state)
{
	struct fe *f = sink(state, false, (struct vhu_behave){ .completion = VHU_REVERSE });
	uint32_t i;

	send(f, 0, 4);
	assert_true(vhu_backend_wait_packets(f->b, 4, WAIT_MS));
	for (i = 0; i < 4; i++)
		assert_int_equal(id_of(f, 1, i), 3 - i);
	fe_clean(f);
}

static void
pr19_shuffle(void **state)
{
	struct vhu_behave how = { .completion = VHU_SHUFFLE, .seed = 1 };
	struct fe *f = sink(state, false, how);
	uint32_t i, seen = 0, moved = 0;

	send(f, 0, 8);
	assert_true(vhu_backend_wait_packets(f->b, 8, WAIT_MS));
	for (i = 0; i < 8; i++) {
		assert_true(is_used(f, 1, i));
		seen |= 1u << id_of(f, 1, i);
		moved += id_of(f, 1, i) != i;
	}
	assert_int_equal(seen, 0xff);
	assert_true(moved > 2);
	fe_clean(f);
}

static void
pr22_batches_of_three(void **state)
{
	struct vhu_behave how = { .completion = VHU_BATCH, .batch = 3 };
	struct fe *f = sink(state, true, how);

	send(f, 0, 7);
	assert_true(vhu_backend_wait_packets(f->b, 7, WAIT_MS));
	assert_int_equal(id_of(f, 1, 0), 2);
	assert_true(is_used(f, 1, 0));
	assert_false(is_used(f, 1, 1) || is_used(f, 1, 2));
	assert_int_equal(id_of(f, 1, 3), 5);
	assert_false(is_used(f, 1, 4) || is_used(f, 1, 5));
	assert_int_equal(id_of(f, 1, 6), 6);
	assert_true(is_used(f, 1, 6));
	fe_clean(f);
}

/* With IN_ORDER no other order is possible, whatever was asked for. */
static void
pr22_in_order_stays_in_order(void **state)
{
	struct fe *f = sink(state, true, (struct vhu_behave){ .completion = VHU_REVERSE });
	uint32_t i;

	send(f, 0, 4);
	assert_true(vhu_backend_wait_packets(f->b, 4, WAIT_MS));
	for (i = 0; i < 4; i++)
		assert_int_equal(id_of(f, 1, i), i);
	fe_clean(f);
}

static void
the_youngest_are_kept_back(void **state)
{
	struct fe *f = sink(state, false, (struct vhu_behave){ .delay = 2 });

	send(f, 0, 4);
	assert_true(vhu_backend_wait_packets(f->b, 4, WAIT_MS));
	assert_true(is_used(f, 1, 0) && is_used(f, 1, 1));
	assert_false(is_used(f, 1, 2) || is_used(f, 1, 3));
	send(f, 4, 2);
	assert_true(vhu_backend_wait_packets(f->b, 6, WAIT_MS));
	assert_true(is_used(f, 1, 2) && is_used(f, 1, 3));
	assert_false(is_used(f, 1, 4));
	/* Never more than half the ring, which the driver needs to go on. */
	vhu_backend_behave(f->b, &(struct vhu_behave){ .delay = 100 }, NULL);
	send(f, 6, 2);
	assert_true(vhu_backend_wait_packets(f->b, 8, WAIT_MS));
	assert_false(is_used(f, 1, 4));
	fe_clean(f);
}

static uint32_t
device_event(struct fe *f, uint32_t ring)
{
	uint32_t event;

	vhu_backend_lock(f->b);
	memcpy(&event, f->mem + DEV_EVENT(ring), 4);
	vhu_backend_unlock(f->b);
	return event;
}

static void
pr33_notifications_asked_for(void **state)
{
	static const struct {
		enum vhu_events events;
		uint32_t flags;
	} all[] = { { VHU_EVENTS_POLL, 1 }, { VHU_EVENTS_ENABLE, 0 }, { VHU_EVENTS_DESC, 2 },
		    { VHU_EVENTS_AUTO, 2 } };
	struct fe *f = sink(state, false, (struct vhu_behave){ .events = VHU_EVENTS_POLL });
	uint32_t i, event;

	for (i = 0; i < 4; i++) {
		vhu_backend_behave(f->b, &(struct vhu_behave){ .events = all[i].events }, NULL);
		send(f, i, 1);
		assert_true(vhu_backend_wait_packets(f->b, i + 1, WAIT_MS));
		event = device_event(f, 1);
		assert_int_equal(event >> 16, all[i].flags);
		if (all[i].flags == 2)
			assert_int_equal(event & 0xffff, 0x8000 | (i + 1));
	}
	fe_clean(f);
}

/* Polling it needs no notification. */
static void
pr33_polling_finds_by_itself(void **state)
{
	struct fe *f = sink(state, false, (struct vhu_behave){ .events = VHU_EVENTS_POLL });

	fe_put(f, 1, 0, BUF(8), LEN, 0);
	assert_true(vhu_backend_wait_packets(f->b, 1, WAIT_MS));
	fe_clean(f);
}

static void
nt13_poison_spares_what_has_a_meaning(void **state)
{
	struct fe *f = *state;
	uint8_t *hdr = f->mem + BUF(0);
	uint32_t i;

	f->cfg.mode = VHU_ECHO;
	f->cfg.poison = true;
	f->cfg.behave.events = VHU_EVENTS_ENABLE;
	fe_start(f);
	fe_go_live(f);
	fe_put(f, 0, 0, BUF(0), 2048, 2);
	send(f, 0, 1);
	assert_true(vhu_backend_wait_packets(f->b, 1, WAIT_MS));
	assert_int_equal(hdr[0] & 0x0f, 0);
	assert_int_equal(hdr[1], 0);
	assert_int_equal(hdr[10] | hdr[11] << 8, 1);
	for (i = 2; i < 10 && hdr[i] == 0; i++)
		;
	assert_true(i < 10);
	/* Used descriptors: NEXT and INDIRECT mean nothing; the length of a transmitted one neither. */
	assert_int_equal(flags_of(f, 0, 0) & 0x8086, 0x8086);
	assert_int_equal(f->mem[RING(0) + 8], LEN);
	assert_int_equal(flags_of(f, 1, 0) & 0x0005, 0x0005);
	assert_memory_not_equal(f->mem + RING(1) + 8, "\x3c\0\0", 4);
	assert_int_equal(device_event(f, 1) >> 16, 0);
	assert_int_not_equal(device_event(f, 1) & 0xffff, 0);
	fe_clean(f);
}

/* Without MRG_RXBUF, receive buffers of any age are filled. */
static void
pr19_reverse_receive(void **state)
{
	struct fe *f = *state;
	uint32_t i;

	f->cfg.mode = VHU_ECHO;
	f->cfg.features &= ~(VHU_F_IN_ORDER | VHU_F_MRG_RXBUF);
	f->cfg.behave.completion = VHU_REVERSE;
	fe_start(f);
	fe_go_live(f);
	for (i = 3; i-- > 0;)
		fe_put(f, 0, i, BUF(i), 2048, 2);
	send(f, 0, 2);
	assert_true(vhu_backend_wait_packets(f->b, 2, WAIT_MS));
	assert_int_equal(id_of(f, 0, 0), 2);
	assert_int_equal(id_of(f, 0, 1), 1);
	fe_clean(f);
}

static bool
wait_sent(struct fe *f, uint64_t sent, struct vhu_generated *g)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	uint32_t i;

	for (i = 0; i < WAIT_MS; i++) {
		assert_int_equal(vhu_backend_generated(f->b, 0, g), 0);
		if (g->sent >= sent)
			return g->sent == sent;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* Give received packet @p slot back from transmit slot @p to. */
static void
give_back(struct fe *f, uint32_t slot, uint32_t to)
{
	const uint8_t *d = f->mem + RING(0) + 16 * slot;
	uint32_t len = d[8] | d[9] << 8;
	uint64_t packets = vhu_backend_packets(f->b);

	memcpy(f->mem + BUF(8 + to) + 12, f->mem + BUF(slot) + 12, len - 12);
	fe_put(f, 1, to, BUF(8 + to), len, 0);
	fe_notify(f, 1);
	assert_true(vhu_backend_wait_packets(f->b, packets + 1, WAIT_MS));
}

static void
generated_packets_are_followed(void **state)
{
	struct vhu_generated g;
	struct fe *f = *state;
	uint32_t i;

	f->cfg.mode = VHU_GENERATE;
	f->cfg.generator = (struct vhu_generator){ 60, 1500, 4, 7, false };
	fe_start(f);
	fe_go_live(f);
	for (i = 0; i < 8; i++)
		fe_put(f, 0, i, BUF(i), 2048, 2);
	fe_notify(f, 0);
	assert_true(wait_sent(f, 4, &g)); /* the window */
	assert_int_equal(g.returned, 0);
	give_back(f, 0, 0);
	give_back(f, 1, 1);
	fe_clean(f);
	assert_true(wait_sent(f, 6, &g));
	assert_int_equal(g.returned, 2);
	give_back(f, 3, 2); /* 2 is passed by */
	assert_true(wait_sent(f, 7, &g)); /* the limit */
	assert_int_equal(g.returned, 3);
	assert_int_equal(g.lost, 1);
	fe_clean(f);
	give_back(f, 3, 3);
	assert_true(wait_sent(f, 7, &g));
	assert_int_equal(g.again, 1);
	assert_true(vhu_backend_violated(f->b, "DATA"));
	vhu_backend_violations_clear(f->b);
	f->mem[BUF(4) + 12 + 59] ^= 1;
	give_back(f, 4, 4);
	assert_true(wait_sent(f, 7, &g));
	assert_int_equal(g.damaged, 1);
	assert_int_equal(g.returned, 3);
	assert_true(vhu_backend_violated(f->b, "DATA"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pr19_reverse, fe_open, fe_close),
		cmocka_unit_test_setup_teardown(pr19_shuffle, fe_open, fe_close),
		cmocka_unit_test_setup_teardown(pr19_reverse_receive, fe_open, fe_close),
		cmocka_unit_test_setup_teardown(pr22_batches_of_three, fe_open, fe_close),
		cmocka_unit_test_setup_teardown(pr22_in_order_stays_in_order, fe_open, fe_close),
		cmocka_unit_test_setup_teardown(the_youngest_are_kept_back, fe_open, fe_close),
		cmocka_unit_test_setup_teardown(pr33_notifications_asked_for, fe_open, fe_close),
		cmocka_unit_test_setup_teardown(pr33_polling_finds_by_itself, fe_open, fe_close),
		cmocka_unit_test_setup_teardown(nt13_poison_spares_what_has_a_meaning, fe_open,
						fe_close),
		cmocka_unit_test_setup_teardown(generated_packets_are_followed, fe_open, fe_close),
	};

	return cmocka_run_group_tests_name("device_behave", tests, NULL, NULL);
}
