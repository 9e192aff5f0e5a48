/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * The control queue of the PCI device's model: what commands do, how they are answered, and which
 * of them a driver is blamed for (NT-18 to NT-26, HD-24).
 */

#include <errno.h>
#include <unistd.h>

#include "device_pci.h"

#define FEATURES                                                                                \
	(VHU_F_VERSION_1 | VHU_F_RING_PACKED | VPM_F_ACCESS_PLATFORM | VHU_F_MQ | VPD_F_CONTROL | \
	 VPD_F_CTRL_GUEST_OFFLOADS | VHU_F_GUEST_CSUM)
#define CONTROL 4u /* behind two pairs */
#define ACK_AT BUFFER_AT(15)
#define PRESET 0xff

static void
bring_up(struct hand *h, uint64_t features)
{
	const bool mq = features & VHU_F_MQ;

	h->conf.net.queue_pairs = 2;
	h->conf.regs.features |= FEATURES;
	hand_plug(h);
	hand_negotiate(h, features);
	hand_set_up(h, 0, VPM_NO_VECTOR);
	hand_set_up(h, 1, VPM_NO_VECTOR);
	if (mq) {
		hand_set_up(h, 2, VPM_NO_VECTOR);
		hand_set_up(h, 3, VPM_NO_VECTOR);
	}
	hand_set_up(h, mq ? CONTROL : 2, VPM_NO_VECTOR);
	set(h, 20, 15, 1);
	hand_clean(h);
}

static uint16_t
control(const struct hand *h)
{
	return vpd_control_index(h->d);
}

/* Publish a command, without waiting for an answer. */
static void
publish(struct hand *h, uint8_t class, uint8_t command, const void *data, uint32_t len)
{
	uint8_t *at = h->mem + BUFFER_AT(0);
	const uint16_t id = h->at[control(h)].next;

	at[0] = class;
	at[1] = command;
	memcpy(at + 2, data, len);
	h->mem[ACK_AT] = PRESET;
	hand_put(h, control(h), BUFFER_AT(0), 2 + len, id, PD_F_NEXT);
	hand_put(h, control(h), ACK_AT, 1, id, PD_F_WRITE);
	hand_ring(h, 4 * control(h), control(h), 2);
	vpd_step(h->d);
}

/* @return the answer, PRESET when there is none. */
static uint8_t
command(struct hand *h, uint8_t class, uint8_t command, const void *data, uint32_t len)
{
	publish(h, class, command, data, len);
	assert_true(hand_used(h, control(h), 2));
	return h->mem[ACK_AT];
}

static struct vpd_state
state_of(struct hand *h)
{
	struct vpd_state s;

	vpd_get_state(h->d, &s);
	return s;
}

static void
commands_that_are_right(void **state)
{
	static const uint8_t tables[] = {1, 0, 0, 0, 2, 1, 1, 1, 1, 1, 2, 0, 0, 0,
					 1, 0, 0, 0, 0, 1, 3, 3, 3, 3, 3, 4};
	struct hand *h = *state;
	struct vpd_command c;
	unsigned int i;

	bring_up(h, FEATURES);
	for (i = 0; i < 6; i++)
		assert_int_equal(command(h, 0, i, "\1", 1), 0);
	assert_true(state_of(h).promisc && state_of(h).allmulti && state_of(h).alluni);
	assert_true(state_of(h).nomulti && state_of(h).nouni && state_of(h).nobcast);
	assert_int_equal(command(h, 0, 0, "\0", 1), 0);
	assert_false(state_of(h).promisc);
	assert_int_equal(command(h, 1, 0, tables, sizeof(tables)), 0);
	assert_int_equal(state_of(h).nb_unicast, 1);
	assert_int_equal(state_of(h).nb_multicast, 2);
	assert_memory_equal(state_of(h).unicast[0], tables + 4, 6);
	assert_memory_equal(state_of(h).multicast[1], tables + 20, 6);
	assert_int_equal(command(h, 1, 1, "abcdef", 6), 0);
	assert_memory_equal(state_of(h).mac, "abcdef", 6);
	assert_int_equal(get(h, VPM_DEVICE, 1), 'a');
	assert_int_equal(command(h, 2, 0, "\x34\x02", 2), 0);
	assert_int_equal(state_of(h).vlan[0x234 / 8], 1 << 4);
	assert_int_equal(command(h, 2, 1, "\x34\x02", 2), 0);
	assert_int_equal(state_of(h).vlan[0x234 / 8], 0);
	assert_int_equal(command(h, 4, 0, "\2\0", 2), 0);
	assert_int_equal(state_of(h).pairs, 2);
	assert_int_equal(command(h, 5, 0, "\2\0\0\0\0\0\0", 8), 0);
	assert_int_equal(state_of(h).offloads, 2);
	vpd_announce(h->d);
	assert_int_equal(get(h, VPM_DEVICE + 6, 2), 3);
	assert_int_equal(command(h, 3, 0, "", 0), 0);
	assert_int_equal(get(h, VPM_DEVICE + 6, 2), 1);
	assert_int_equal(state_of(h).announced, 1);
	hand_clean(h);
	assert_int_equal(vpd_commands(h->d), 14);
	assert_int_equal(vpd_command_count(h->d, 0, 0), 2);
	assert_int_equal(vpd_command(h->d, 7, &c), 0);
	assert_int_equal(c.class, 1);
	assert_int_equal(c.len, sizeof(tables));
	assert_memory_equal(c.data, tables, sizeof(tables));
	assert_int_equal(vpd_command(h->d, 14, &c), -ENOENT);
	/* A reset forgets them (IN-11). */
	set(h, 20, 0, 1);
	get(h, 20, 1);
	assert_int_equal(state_of(h).pairs, 1);
	assert_false(state_of(h).alluni);
	assert_int_equal(state_of(h).nb_multicast, 0);
}

static void
commands_that_are_wrong(void **state)
{
	static const struct {
		uint8_t class, command;
		const char *data;
		uint32_t len;
		const char *id;
	} wrong[] = {
		{0, 6, "\1", 1, "NT-19"}, {0, 0, "\2", 1, "NT-19"}, {0, 0, "\1\0", 2, "NT-19"},
		{1, 1, "abcdefg", 7, "NT-20"}, {1, 2, "", 0, "NT-20"},
		{1, 0, "\0\0\0\0", 4, "NT-20"}, {1, 0, "\1\0\0\0abcde", 9, "NT-20"},
		{1, 0, "\0\0\0\0\0\0\0\0\0", 9, "NT-20"}, {2, 0, "\0\x10", 2, "NT-21"},
		{2, 2, "\1\0", 2, "NT-21"}, {3, 0, "x", 1, "NT-22"}, {4, 0, "\0\0", 2, "NT-23"},
		{4, 0, "\3\0", 2, "NT-23"}, {4, 0, "\1", 1, "NT-23"},
		{5, 0, "\x80\0\0\0\0\0\0", 8, "NT-26"}, {5, 0, "\0\0\0\0", 4, "NT-26"},
		{6, 0, "", 0, "NT-18"},
	};
	struct hand *h = *state;
	unsigned int i;

	bring_up(h, FEATURES);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(command(h, wrong[i].class, wrong[i].command, wrong[i].data,
					 wrong[i].len), 1);
		hand_blamed(h, wrong[i].id);
	}
	assert_int_equal(state_of(h).pairs, 1);
}

static void
commands_without_their_features(void **state)
{
	static const struct {
		uint8_t class, command;
		const char *data;
		uint32_t len;
		const char *id;
	} right[] = {
		{0, 0, "\1", 1, "NT-19"}, {0, 2, "\1", 1, "NT-19"}, {1, 1, "abcdef", 6, "NT-20"},
		{1, 0, "\0\0\0\0\0\0\0", 8, "NT-20"}, {2, 0, "\1\0", 2, "NT-21"},
		{3, 0, "", 0, "NT-22"}, {4, 0, "\1\0", 2, "NT-23"},
		{5, 0, "\0\0\0\0\0\0\0", 8, "NT-26"},
	};
	struct hand *h = *state;
	unsigned int i;

	bring_up(h, VHU_F_VERSION_1 | VHU_F_RING_PACKED | VPM_F_ACCESS_PLATFORM | VPD_F_CTRL_VQ);
	assert_int_equal(control(h), 2);
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(command(h, right[i].class, right[i].command, right[i].data,
					 right[i].len), 1);
		hand_blamed(h, right[i].id);
	}
}

static void
answers_as_they_are_ordered(void **state)
{
	struct hand *h = *state;
	struct vpd_command c;

	h->conf.late_ms = 20;
	bring_up(h, FEATURES);
	assert_int_equal(vpd_answer(h->d, 0, VPD_ANY, VPD_ERR), 0);
	assert_int_equal(command(h, 0, 0, "\1", 1), 1);
	assert_int_equal(command(h, 3, 0, "", 0), 0);
	assert_int_equal(vpd_answer(h->d, 0, 0, VPD_ODD), 0);
	assert_true(command(h, 0, 0, "\1", 1) > 1);
	assert_int_equal(command(h, 0, 1, "\1", 1), 1);
	assert_int_equal(vpd_answer(h->d, VPD_ANY, VPD_ANY, VPD_UNWRITTEN), 0);
	assert_int_equal(command(h, 0, 0, "\1", 1), PRESET);
	assert_int_equal(vpd_answer(h->d, VPD_ANY, VPD_ANY, VPD_LATE), 0);
	publish(h, 0, 0, "\1", 1);
	assert_false(hand_used(h, CONTROL, 2));
	usleep(30000);
	vpd_step(h->d);
	assert_true(hand_used(h, CONTROL, 2));
	assert_int_equal(h->mem[ACK_AT], 0);
	assert_int_equal(vpd_answer(h->d, VPD_ANY, VPD_ANY, VPD_NEVER), 0);
	publish(h, 0, 0, "\1", 1);
	assert_false(hand_used(h, CONTROL, 2));
	assert_int_equal(vpd_command(h->d, 6, &c), 0);
	assert_int_equal(c.how, VPD_NEVER);
	hand_clean(h);
	/* Memory of the one that hangs is the device's. */
	publish(h, 0, 1, "\1", 1);
	hand_blamed(h, "HD-24");
}

static void
answers_that_are_there_already(void **state)
{
	struct hand *h = *state;

	bring_up(h, FEATURES);
	h->mem[BUFFER_AT(0)] = 3;
	h->mem[BUFFER_AT(0) + 1] = 0;
	h->mem[ACK_AT] = 0;
	hand_put(h, CONTROL, BUFFER_AT(0), 2, 0, PD_F_NEXT);
	hand_put(h, CONTROL, ACK_AT, 1, 0, PD_F_WRITE);
	hand_ring(h, 4 * CONTROL, CONTROL, 2);
	vpd_step(h->d);
	hand_blamed(h, "NT-18");
}

static void
nothing_is_looked_at_without_a_doorbell(void **state)
{
	struct hand *h = *state;

	bring_up(h, FEATURES);
	h->mem[ACK_AT] = PRESET;
	h->mem[BUFFER_AT(0)] = 3;
	hand_put(h, CONTROL, BUFFER_AT(0), 2, 0, PD_F_NEXT);
	hand_put(h, CONTROL, ACK_AT, 1, 0, PD_F_WRITE);
	hand_ring(h, 0, 0, 2);
	vpd_step(h->d);
	assert_false(hand_used(h, CONTROL, 2));
	hand_ring(h, 4 * CONTROL, CONTROL, 2);
	vpd_step(h->d);
	assert_true(hand_used(h, CONTROL, 2));
	hand_clean(h);
}

/* A pair is in use from its command on, and no longer than that. */
static void
pairs_in_use(void **state)
{
	struct hand *h = *state;

	bring_up(h, FEATURES);
	assert_null(vhu_backend_vq(h->d->net, 2));
	command(h, 4, 0, "\2\0", 2);
	assert_non_null(vhu_backend_vq(h->d->net, 2));
	assert_non_null(vhu_backend_vq(h->d->net, 3));
	command(h, 4, 0, "\1\0", 2);
	assert_null(vhu_backend_vq(h->d->net, 3));
	hand_clean(h);
	hand_put(h, 3, BUFFER_AT(1), 100, 0, 0);
	hand_ring(h, 12, 3, 2);
	vpd_step(h->d);
	hand_blamed(h, "NT-23");
}

static void
frames_that_are_let_in(void **state)
{
	uint8_t frame[60] = {2, 0x70, 0x76, 0x71, 0, 1};
	struct hand *h = *state;

	bring_up(h, FEATURES);
	hand_put(h, 0, BUFFER_AT(2), 1536, 0, PD_F_WRITE);
	hand_put(h, 0, BUFFER_AT(3), 1536, 1, PD_F_WRITE);
	assert_int_equal(vpd_send(h->d, 0, frame, sizeof(frame)), 0);
	frame[5] = 2;
	assert_int_equal(vpd_send(h->d, 0, frame, sizeof(frame)), -EACCES);
	command(h, 0, 0, "\1", 1);
	assert_int_equal(vpd_send(h->d, 0, frame, sizeof(frame)), 0);
	command(h, 0, 0, "\0", 1);
	command(h, 0, 2, "\1", 1);
	assert_int_equal(vpd_send(h->d, 0, frame, sizeof(frame)), -EAGAIN);
	frame[12] = 0x81;
	frame[15] = 7;
	assert_int_equal(vpd_send(h->d, 0, frame, sizeof(frame)), -EACCES);
	command(h, 2, 0, "\7\0", 2);
	assert_int_equal(vpd_send(h->d, 0, frame, sizeof(frame)), -EAGAIN);
	frame[12] = 0;
	frame[0] = 1;
	assert_int_equal(vpd_send(h->d, 0, frame, sizeof(frame)), -EACCES);
	command(h, 0, 1, "\1", 1);
	assert_int_equal(vpd_send(h->d, 0, frame, sizeof(frame)), -EAGAIN);
	memset(frame, 0xff, 6);
	assert_int_equal(vpd_send(h->d, 0, frame, sizeof(frame)), -EAGAIN);
	command(h, 0, 5, "\1", 1);
	assert_int_equal(vpd_send(h->d, 0, frame, sizeof(frame)), -EACCES);
	hand_clean(h);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		hand_test(commands_that_are_right),
		hand_test(commands_that_are_wrong),
		hand_test(commands_without_their_features),
		hand_test(answers_as_they_are_ordered),
		hand_test(answers_that_are_there_already),
		hand_test(nothing_is_looked_at_without_a_doorbell),
		hand_test(pairs_in_use),
		hand_test(frames_that_are_let_in),
	};

	return cmocka_run_group_tests_name("device_control", tests, NULL, NULL);
}
