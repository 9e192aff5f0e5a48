/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The device model's event suppression, and its fetching beside a driver in another thread.
 */

#include <pthread.h>
#include <sched.h>

#include "device_rig.h"

/* The enumeration against arithmetic on positions of two laps. */
static void
PR_33_oracle_exhaustive(void **state)
{
	uint32_t size, pos, pw, off, ow, count, from, ev;
	bool want;

	(void)state;
	for (size = 1; size <= 9; size++)
		for (pos = 0; pos < size; pos++)
			for (pw = 0; pw < 2; pw++)
				for (off = 0; off < size; off++)
					for (ow = 0; ow < 2; ow++)
						for (count = 0; count <= size; count++) {
							from = pos + (pw ? 0 : size);
							ev = off + (ow ? 0 : size);
							want = (ev + 2 * size - from) %
							       (2 * size) < count;
							assert_int_equal(want, pd_oracle_in_range(
								size, pos, pw, count, off, ow));
						}
}

static void
PR_33_oracle_flags(void **state)
{
	(void)state;
	assert_true(pd_oracle_must_notify(8, 0, true, 1, 0, true));
	assert_false(pd_oracle_must_notify(8, 0, true, 0, 0, true));
	assert_false(pd_oracle_must_notify(8, 0, true, 1, 1u << 16, true));
	assert_true(pd_oracle_must_notify(8, 0, true, 1, 2u << 16 | 0x8000, true));
	assert_false(pd_oracle_must_notify(8, 0, true, 1, 2u << 16 | 0x8001, true));
	assert_false(pd_oracle_must_notify(8, 0, true, 1, 2u << 16, true));
	assert_true(pd_oracle_must_notify(8, 7, true, 2, 2u << 16, true));
	assert_true(pd_oracle_must_notify(8, 0, true, 1, 2u << 16 | 0x8001, false));
	assert_true(pd_oracle_must_notify(8, 0, true, 1, 2u << 16 | 0x8008, true));
	assert_true(pd_oracle_must_notify(8, 0, true, 1, 3u << 16, true));
}

static void
PR_29_driver_event(void **state)
{
	static const uint32_t bad[] = { 3u << 16, 4u << 16, 0x8001u << 16, 2u << 16 | 4 };
	struct rig r;
	uint32_t i;

	(void)state;
	rig_open(&r, 4, PD_TX);
	for (i = 0; i < 4; i++) {
		r.events[0] = bad[i];
		rig_start(&r);
		pd_should_interrupt(r.vq);
		assert_true(pd_violated(r.vq, "PR-29"));
	}
	r.events[0] = 2u << 16;
	r.cfg.event_idx = false;
	rig_start(&r);
	pd_should_interrupt(r.vq);
	assert_true(pd_violated(r.vq, "PR-29"));
	r.events[0] = 0x7fff; /* the offset says nothing while flags are 0 */
	rig_start(&r);
	assert_false(pd_should_interrupt(r.vq)); /* nothing was used */
	clean(&r);
	rig_close(&r);
}

static void
F_07_interrupt_covers_skipped_slots(void **state)
{
	struct rig r;
	uint32_t off, i;

	(void)state;
	for (off = 0; off < 5; off++) {
		rig_open(&r, 5, PD_TX);
		r.cfg.in_order = true;
		rig_start(&r);
		r.events[0] = 2u << 16 | 0x8000 | off;
		for (i = 0; i < 4; i++)
			put(&r, i, r.mem, 8, i, WRAP1);
		pd_fetch(r.vq, 4);
		pd_complete_batch(r.vq, 3, 0);
		assert_int_equal(pd_should_interrupt(r.vq), off < 3);
		assert_false(pd_should_interrupt(r.vq));
		pd_complete(r.vq, pd_first(r.vq), 0);
		assert_int_equal(pd_should_interrupt(r.vq), off == 3);
		clean(&r);
		rig_close(&r);
	}
}

static void
F_08_device_event(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 5, PD_TX);
	rig_start(&r);
	pd_notify_disable(r.vq);
	assert_int_equal(r.events[1], 1u << 16);
	pd_set_base(r.vq, 0x0003u << 16 | 0x8004);
	pd_notify_next(r.vq);
	assert_int_equal(r.events[1], 2u << 16 | 0x8004);
	pd_notify_enable(r.vq);
	assert_int_equal(r.events[1] >> 16, 0);
	pd_notify_raw(r.vq, 0xdeadbeef);
	assert_int_equal(r.events[1], 0xdeadbeef);
	assert_int_equal(r.events[0], 0);
	assert_int_equal(pd_base(r.vq), 0x0003u << 16 | 0x8004);
	assert_int_equal(pd_set_base(r.vq, 5), -EINVAL);
	rig_close(&r);
}

/* A driver in another thread: lists of 1 to 3 descriptors whose content must be whole whenever
 * the head is seen.
 */
struct writer {
	struct rig *r;
	uint32_t total;
	uint32_t used; /* atomic: buffers the device gave back */
};

#define L01_TOTAL 20000u

static void
store_flags(struct rig *r, uint32_t slot, uint16_t flags)
{
	__atomic_store_n((uint16_t *)(void *)(r->ring + slot * 16 + 14), flags, __ATOMIC_RELEASE);
}

static void *
write_lists(void *arg)
{
	struct writer *w = arg;
	struct rig *r = w->r;
	uint32_t pos = 0, seq, k, n, head, *data;
	bool wrap = true, head_wrap;

	for (seq = 0; seq < w->total; seq++) {
		while (seq - __atomic_load_n(&w->used, __ATOMIC_ACQUIRE) >= 2)
			sched_yield();
		n = seq % 3 + 1;
		data = (uint32_t *)(void *)buf_mem(r, seq % 7);
		*data = seq;
		head = pos;
		head_wrap = wrap;
		for (k = 0; k < n; k++) {
			put_body(r, pos, data, 4, seq % 7);
			/* The head's flags stay what they were until all else is there. */
			if (k > 0)
				store_flags(r, pos, (k + 1 < n ? N : 0) | (wrap ? WRAP1 : WRAP0));
			if (++pos == r->cfg.size) {
				pos = 0;
				wrap = !wrap;
			}
		}
		store_flags(r, head, (n > 1 ? N : 0) | (head_wrap ? WRAP1 : WRAP0));
	}
	return NULL;
}

static void
L_01_06_concurrent_driver(void **state)
{
	struct writer w = { .total = L01_TOTAL };
	struct pd_buf *buf;
	uint32_t seq = 0;
	pthread_t thread;
	struct rig r;

	(void)state;
	rig_open(&r, 7, PD_TX);
	rig_start(&r);
	w.r = &r;
	assert_int_equal(pthread_create(&thread, NULL, write_lists, &w), 0);
	while (seq < w.total && pd_fetch(r.vq, 1) >= 0) {
		buf = pd_first(r.vq);
		if (buf == NULL) {
			sched_yield();
			continue;
		}
		if (buf->slots != seq % 3 + 1 || *(uint32_t *)buf->elements[0].base != seq)
			break;
		pd_complete(r.vq, buf, 0);
		__atomic_store_n(&w.used, ++seq, __ATOMIC_RELEASE);
	}
	/* Let the writer end in any case. */
	__atomic_store_n(&w.used, w.total, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	clean(&r);
	assert_int_equal(seq, w.total);
	rig_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(PR_33_oracle_exhaustive),
		cmocka_unit_test(PR_33_oracle_flags),
		cmocka_unit_test(PR_29_driver_event),
		cmocka_unit_test(F_07_interrupt_covers_skipped_slots),
		cmocka_unit_test(F_08_device_event),
		cmocka_unit_test(L_01_06_concurrent_driver),
	};

	return cmocka_run_group_tests_name("device_event", tests, NULL, NULL);
}
