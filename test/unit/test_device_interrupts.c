/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The model of a PCI device: interrupts, and what can become of it. */

#include <errno.h>
#include <unistd.h>

#include "device_pci.h"

static uint64_t
fired(struct hand *h, uint16_t vector)
{
	uint64_t count;

	if (read(vpd_vector_fd(h->d, vector), &count, sizeof(count)) != (ssize_t)sizeof(count))
		return 0;
	return count;
}

static void
pc15_pc16_vectors(void **state)
{
	struct hand *h = *state;

	hand_up(h, HAND_PLAIN);
	set(h, 16, 0, 2);
	hand_events(h, 0, false);
	hand_events(h, 1, false);
	hand_echo(h, 0, 1);
	assert_int_equal(fired(h, 1) + fired(h, 2), 0);
	hand_events(h, 0, true);
	hand_echo(h, 1, 2);
	assert_int_equal(fired(h, 1), 1);
	assert_int_equal(fired(h, 2), 0);
	vpd_set_link(h->d, false);
	assert_int_equal(fired(h, 0), 1);
	assert_int_equal(get(h, VPM_DEVICE + 6, 2), 0);
	assert_int_equal(vpd_interrupts(h->d, 0), 1);
	assert_int_equal(vpd_interrupts(h->d, 1), 1);
	hand_clean(h);
	get(h, VPM_ISR, 1);
	hand_blamed(h, "PC-16");
}

/* One vector for all, and one that the caller has. */
static void
pc16_a_shared_vector(void **state)
{
	struct hand *h = *state;
	uint64_t count;
	int ends[2];

	h->conf.regs.vectors = 1;
	hand_plug(h);
	hand_negotiate(h, HAND_PLAIN);
	hand_set_up(h, 0, 0);
	hand_set_up(h, 1, 0);
	set(h, 16, 0, 2);
	set(h, 20, 15, 1);
	hand_events(h, 0, true);
	hand_events(h, 1, true);
	assert_int_equal(pipe(ends), 0);
	vpd_set_vector(h->d, 0, ends[1]);
	hand_echo(h, 0, 1);
	vpd_announce(h->d);
	assert_int_equal(vpd_interrupts(h->d, 0), 3);
	assert_int_equal(read(ends[0], &count, sizeof(count)), sizeof(count));
	vpd_set_vector(h->d, 0, -1);
	close(ends[0]);
	close(ends[1]);
	vpd_interrupt(h->d, 0);
	assert_int_equal(fired(h, 0), 1);
	hand_clean(h);
}

static void
pc16_intx(void **state)
{
	struct hand *h = *state;

	h->conf.no_msix = true;
	hand_up(h, HAND_PLAIN);
	hand_events(h, 0, true);
	hand_events(h, 1, false);
	hand_echo(h, 0, 1);
	assert_int_equal(fired(h, VPM_NO_VECTOR), 1);
	assert_int_equal(get(h, VPM_ISR, 1), VPM_ISR_QUEUE);
	assert_int_equal(get(h, VPM_ISR, 1), 0);
	vpd_set_link(h->d, false);
	hand_echo(h, 1, 2);
	assert_int_equal(get(h, VPM_ISR, 1), VPM_ISR_QUEUE | VPM_ISR_CONFIG);
	assert_int_equal(fired(h, VPM_NO_VECTOR), 2);
	hand_clean(h);
}

/* ---- its end ---------------------------------------------------------------------------------- */

static void
hd26_needs_reset(void **state)
{
	struct hand *h = *state;

	hand_up(h, HAND_PLAIN);
	set(h, 16, 0, 2);
	vpd_needs_reset(h->d);
	assert_int_equal(get(h, 20, 1), 15 | VPM_NEEDS_RESET);
	assert_int_equal(fired(h, 0), 1);
	hand_post(h, 0);
	hand_send(h, 0, 1);
	hand_ring(h, 4, 1, 2);
	vpd_step(h->d);
	assert_false(hand_used(h, 1, 1));
	/* Only a reset takes it back. */
	set(h, 20, 15 | VPM_FAILED, 1);
	assert_int_equal(get(h, 20, 1), 15 | VPM_FAILED | VPM_NEEDS_RESET);
	hand_negotiate(h, HAND_PLAIN);
	hand_set_up(h, 0, 1);
	hand_set_up(h, 1, 1);
	set(h, 20, 15, 1);
	hand_echo(h, 0, 1);
	hand_clean(h);
}

static void
hd26_unplugged(void **state)
{
	struct hand *h = *state;

	hand_up(h, HAND_PLAIN);
	hand_post(h, 0);
	vpd_unplug(h->d);
	hand_send(h, 0, 1);
	hand_ring(h, 4, 1, 2);
	vpd_step(h->d);
	assert_false(hand_used(h, 1, 1));
	assert_int_equal(get(h, 20, 1), 0xff);
	assert_int_equal(get(h, 4, 4), 0xffffffff);
	assert_int_equal(vhu_backend_send(h->d->net, 0, h->mem, HAND_LEN), -ENOTCONN);
	hand_clean(h);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		hand_test(pc15_pc16_vectors),
		hand_test(pc16_a_shared_vector),
		hand_test(pc16_intx),
		hand_test(hd26_needs_reset),
		hand_test(hd26_unplugged),
	};

	return cmocka_run_group_tests_name("device_interrupts", tests, NULL, NULL);
}
