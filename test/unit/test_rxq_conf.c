/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Rows of the conformance list that hold of every receive ring: what is posted stays, the device's
 * area is only read, a header is twelve bytes of which only num_buffers has a meaning.
 */

#include <string.h>

#include <rte_ethdev.h>

#include "ring_env.h"
#include "rxq_env.h"
#include "shared_event.h"

#define SIZE 16
#define MODES 4

static struct rx_env env;

/* ---- the ring -------------------------------------------------------------------------------- */

/* Slots that the device holds, as they were when it fetched them. */
static struct virtq_desc seen[SIZE];

static void
see_live_slots(const struct pd_buf *from)
{
	const struct pd_buf *buf;

	for (buf = from != NULL ? from->next : pd_first(env.dev); buf != NULL; buf = buf->next)
		seen[buf->head] = env.q->ring.desc[buf->head];
}

static void
test_pr10_posted_descriptors_stay_as_they_are(void **state)
{
	unsigned int mode, round, slow;
	const struct pd_buf *buf, *last;

	(void)state;
	for (mode = 0; mode < MODES; mode++) {
		struct rx_setup setup = rx_setup_of(SIZE, mode);

		setup.free_thresh = 1;
		rx_open(&env, &setup);
		see_live_slots(NULL);
		for (round = 0; round < 8 * SIZE; round++) {
			last = pd_last(env.dev);
			for (slow = 0; slow <= round % 3; slow++)
				rx_deliver(&env, 40 + round % 60, NULL);
			rx_poll(&env, 1 + round % 5);
			see_live_slots(last);
			/* Nothing that the driver did since touched a slot of the device's. */
			for (buf = pd_first(env.dev); buf != NULL; buf = buf->next)
				assert_memory_equal(&seen[buf->head],
						    &env.q->ring.desc[buf->head], sizeof(seen[0]));
		}
		rx_poll_all(&env);
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* Address, NEXT, INDIRECT and undefined bits of used descriptors are junk. */
static void
test_pr20_meaningless_fields_are_ignored(void **state)
{
	unsigned int mode, round, parts;

	(void)state;
	for (mode = 0; mode < MODES; mode++) {
		const struct rx_setup setup = rx_setup_of(SIZE, 8 | mode);

		rx_open(&env, &setup);
		for (round = 0; round < 8 * SIZE; round++) {
			parts = setup.mergeable ? 1 + round % 4 : 1;
			pd_scribble(env.dev, round);
			assert_int_equal(rx_deliver(&env, parts * (env.room + PD_NET_HDR_BYTES) -
						    PD_NET_HDR_BYTES - round % 20, NULL), parts);
			assert_int_equal(rx_poll(&env, 4), 1);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

static void
test_pr30_device_event_is_only_read(void **state)
{
	unsigned int switches, round;

	(void)state;
	for (switches = 0; switches < 8; switches++) {
		const struct rx_setup setup = rx_setup_of(SIZE, switches);
		struct virtq_event *own;

		rx_open(&env, &setup);
		own = env.q->ring.device_event;
		shared_event_open(&env.q->ring, env.dev);
		for (round = 0; round < 4 * SIZE; round++) {
			env.event = round * 5 % SIZE | (round & 1) << 15 | (round % 4) << 16;
			pd_notify_raw(env.dev, env.event);
			assert_int_equal(rx_deliver(&env, 50, NULL), 1);
			assert_int_equal(rx_poll(&env, 4), 1);
			if (setup.event_idx)
				pvq_ring_enable_notify(&env.q->ring);
			pvq_ring_disable_notify(&env.q->ring);
		}
		rx_assert_idle(&env);
		shared_event_close(&env.q->ring, env.dev, own);
		env.event = 0;
		rx_close(&env);
	}
}

/* Values that make no sense, in every combination with what was negotiated. */
static void
test_hd20_events_without_sense_are_answered(void **state)
{
	static const uint32_t events[] = {
		3u << 16, SIZE | 2u << 16, 0x7fff | 2u << 16, SIZE | 0x8000 | 2u << 16,
		0xffffffff, 0xfffeffff, 2u << 16,
	};
	unsigned int switches, i, round;

	(void)state;
	for (switches = 0; switches < 8; switches++) {
		for (i = 0; i < RTE_DIM(events); i++) {
			struct rx_setup setup = rx_setup_of(SIZE, switches);

			setup.free_thresh = 1;
			rx_open(&env, &setup);
			env.event = events[i];
			pd_notify_raw(env.dev, env.event);
			for (round = 0; round < 2 * SIZE + 3; round++) {
				rx_deliver(&env, 50, NULL);
				assert_int_equal(rx_poll(&env, 1), 1);
			}
			/* What makes no sense asks for each; rx_poll() knows which do. */
			assert_true(env.notified > 0);
			rx_assert_idle(&env);
			rx_close(&env);
		}
	}
}

/* ---- the header ------------------------------------------------------------------------------ */

/* Twelve bytes whatever was negotiated; num_buffers is bytes 10 and 11, low byte first. */
static void
test_nt01_nt02_num_buffers_alone_is_read(void **state)
{
	static const struct pd_net_hdr junk = {
		.hdr_len = 0x0302, .gso_size = 0x0504, .csum_start = 0x0706, .csum_offset = 0x0908,
	};
	const struct pd_rx_opts opts = {.hdr = &junk};
	unsigned int switches, parts, round;

	(void)state;
	for (switches = 0; switches < 16; switches++) {
		struct rx_setup setup = rx_setup_of(300, switches);

		setup.nb_mbufs = 900;
		rx_open(&env, &setup);
		for (round = 0; round < 8; round++) {
			/* 260 parts have a high byte as well. */
			parts = !setup.mergeable ? 1 : round % 4 == 3 ? 260 : 1 + round % 4;
			assert_int_equal(rx_deliver(&env, parts * (env.room + PD_NET_HDR_BYTES) -
						    PD_NET_HDR_BYTES, &opts), parts);
			assert_int_equal(rx_poll(&env, 2), 1);
			/* A batch of a kernel, too. */
			while (pd_live(env.dev) > 290)
				assert_int_equal(rx_deliver(&env, 60, &opts), 1);
			rx_poll_all(&env);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/*
 * Every value of the flags, and a checksum that would lie far behind the packet. Without GUEST_CSUM
 * the driver knows nothing of the checksum and says so; the packet's bytes are as they came.
 */
static void
test_nt13_hd16_flags_promise_nothing(void **state)
{
	static const uint16_t places[][2] = {{0, 0}, {14, 16}, {65535, 65535}, {49, 0}, {50, 0}};
	unsigned int mode, flags, i;

	(void)state;
	for (mode = 0; mode < MODES; mode++) {
		const struct rx_setup setup = rx_setup_of(64, mode);

		rx_open(&env, &setup);
		for (flags = 0; flags < 256; flags++) {
			for (i = 0; i < RTE_DIM(places); i++) {
				const struct pd_net_hdr hdr = {
					.flags = flags,
					.csum_start = places[i][0],
					.csum_offset = places[i][1],
				};
				const struct pd_rx_opts opts = {.hdr = &hdr};

				assert_int_equal(rx_deliver(&env, 50, &opts), 1);
			}
			assert_int_equal(rx_poll(&env, 8), RTE_DIM(places));
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* hdr_len is a hint, and one that lies beyond the packet is no more than that. */
static void
test_nt14_hd19_header_length_is_a_hint(void **state)
{
	static const uint16_t lens[] = {0, 1, 11, 13, 50, 51, 2048, 0x8000, 65535};
	unsigned int mode, i, round;

	(void)state;
	for (mode = 0; mode < MODES; mode++) {
		const struct rx_setup setup = rx_setup_of(64, mode);

		rx_open(&env, &setup);
		for (round = 0; round < 20; round++) {
			for (i = 0; i < RTE_DIM(lens); i++) {
				const struct pd_net_hdr hdr = {.hdr_len = lens[i]};
				const struct pd_rx_opts opts = {.hdr = &hdr};

				assert_int_equal(rx_deliver(&env, 50, &opts), 1);
			}
			assert_int_equal(rx_poll(&env, 16), RTE_DIM(lens));
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* ---- what was not negotiated ----------------------------------------------------------------- */

/* TCP, UDP, with and without ECN, tunnels of one kind, of both, without a base, and unknown ones. */
static const uint8_t segmentations[] = {
	0x01, 0x03, 0x04, 0x05, 0x81, 0x84, 0x21, 0x24, 0x41, 0x45, 0x61, 0x20, 0x40, 0x60,
	0x80, 0x02, 0x1f, 0xff,
};

/* Deliver @p n good packets of one buffer. */
static void
deliver_good(unsigned int n)
{
	while (n-- > 0)
		assert_int_equal(rx_deliver(&env, 50, NULL), 1);
}

/* With merged packets the header is read: a segment is dropped, all its parts, and counted. */
static void
test_hd17_hd18_segments_are_dropped(void **state)
{
	unsigned int mode, i, parts, before, dropped, good;

	(void)state;
	for (mode = 2; mode < MODES; mode++) {
		const struct rx_setup setup = rx_setup_of(64, mode);

		rx_open(&env, &setup);
		dropped = good = 0;
		for (i = 0; i < RTE_DIM(segmentations) * 12; i++) {
			const struct pd_net_hdr hdr = {
				.gso_type = segmentations[i % RTE_DIM(segmentations)],
				.gso_size = i % 2 ? 0 : 40,
			};
			const struct pd_rx_opts opts = {.hdr = &hdr};

			/* At every place of a kernel's batch. */
			before = i % 9;
			parts = i % 4 == 3 ? 3 : 1;
			deliver_good(before);
			assert_int_equal(rx_deliver(&env, parts * 100, &opts), parts);
			deliver_good(12);
			assert_int_equal(rx_poll(&env, before), before);
			rx_skip(&env);
			assert_int_equal(rx_poll(&env, RX_BURST), 12);
			good += before + 12;
			assert_int_equal(env.q->stats.gso, ++dropped);
		}
		assert_int_equal(env.q->stats.packets, good);
		assert_int_equal(env.q->stats.queue_errors, 0);
		rx_poll_all(&env);
		assert_int_equal(rte_mempool_in_use_count(env.pool),
				 pvq_ring_outstanding(&env.q->ring));
		rx_close(&env);
	}
}

/* Where packets are not merged nobody looks at the header; the packet is as good as any. */
static void
test_hd17_hd18_unmerged_headers_are_not_looked_at(void **state)
{
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct rx_setup setup = rx_setup_of(64, mode);

		rx_open(&env, &setup);
		for (i = 0; i < RTE_DIM(segmentations) * 12; i++) {
			const struct pd_net_hdr hdr = {
				.gso_type = segmentations[i % RTE_DIM(segmentations)],
			};
			const struct pd_rx_opts opts = {.hdr = &hdr};

			deliver_good(i % 9);
			assert_int_equal(rx_deliver(&env, 60, &opts), 1);
			assert_int_equal(rx_poll(&env, RX_BURST), i % 9 + 1);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* Parts that are not full although others follow: lengths as reported, and each is counted. */
static void
test_hd11_short_parts_are_counted(void **state)
{
	unsigned int mode, round, parts, lefts = 0;

	(void)state;
	for (mode = 2; mode < MODES; mode++) {
		const struct rx_setup setup = rx_setup_of(64, mode);

		rx_open(&env, &setup);
		lefts = 0;
		for (round = 0; round < 200; round++) {
			const struct pd_rx_opts opts = {.part_bytes = 20 + round % 40};

			parts = 2 + round % 4;
			assert_int_equal(rx_deliver(&env, parts * opts.part_bytes -
						    PD_NET_HDR_BYTES - round % 7, &opts), parts);
			lefts += parts - 1;
			/* Full but for the last one: nothing to count. */
			assert_int_equal(rx_deliver(&env, 300, NULL), 3);
			assert_int_equal(rx_poll(&env, 2), 2);
			assert_int_equal(env.q->stats.short_parts, lefts);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* ---- capacity -------------------------------------------------------------------------------- */

/* Each posted element is the room of its mbuf and a header; the device may fill all of it. */
static void
test_nt11_buffers_hold_what_their_mbufs_do(void **state)
{
	static const uint16_t rooms[] = {1, 2, 64, 1514, 2048, 9018};
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < MODES; mode++) {
		for (i = 0; i < RTE_DIM(rooms); i++) {
			struct rx_setup setup = rx_setup_of(SIZE, mode);

			setup.data = rooms[i];
			/* rx_fetch() compares every element. */
			rx_open(&env, &setup);
			assert_int_equal(pd_rx_room(env.dev, 0), rooms[i]);
			assert_int_equal(rx_deliver(&env, rooms[i], NULL), 1);
			assert_int_equal(rx_poll(&env, 2), 1);
			rx_assert_idle(&env);
			rx_close(&env);
		}
	}
}

/* The largest buffers that mbufs can have, filled to the last byte, several to a packet. */
static void
test_hd10_parts_of_64_kilobytes(void **state)
{
	unsigned int mode, parts, round;

	(void)state;
	for (mode = 2; mode < MODES; mode++) {
		struct rx_setup setup = rx_setup_of(8, mode);

		setup.data = UINT16_MAX - RTE_PKTMBUF_HEADROOM;
		setup.nb_mbufs = 32;
		rx_open(&env, &setup);
		for (round = 0; round < 12; round++) {
			parts = 1 + round % 3;
			assert_int_equal(rx_deliver(&env, parts * (env.room + PD_NET_HDR_BYTES) -
						    PD_NET_HDR_BYTES, NULL), parts);
			assert_int_equal(rx_poll(&env, 2), 1);
		}
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

/* As many segments as there can be: what the largest ring holds is within an mbuf's limits. */
static void
test_hd10_a_packet_of_all_slots(void **state)
{
	const struct pd_rx_opts opts = {.min_parts = 32768};
	unsigned int mode;

	(void)state;
	for (mode = 2; mode < MODES; mode++) {
		struct rx_setup setup = rx_setup_of(32768, mode);

		setup.nb_mbufs = 2 * 32768 + 64;
		rx_open(&env, &setup);
		assert_int_equal(rx_deliver(&env, 100000, &opts), 32768);
		assert_int_equal(rx_poll_all(&env), 1);
		rx_assert_idle(&env);
		rx_close(&env);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pr10_posted_descriptors_stay_as_they_are),
		cmocka_unit_test(test_pr20_meaningless_fields_are_ignored),
		cmocka_unit_test(test_pr30_device_event_is_only_read),
		cmocka_unit_test(test_hd20_events_without_sense_are_answered),
		cmocka_unit_test(test_nt01_nt02_num_buffers_alone_is_read),
		cmocka_unit_test(test_nt13_hd16_flags_promise_nothing),
		cmocka_unit_test(test_nt14_hd19_header_length_is_a_hint),
		cmocka_unit_test(test_hd17_hd18_segments_are_dropped),
		cmocka_unit_test(test_hd17_hd18_unmerged_headers_are_not_looked_at),
		cmocka_unit_test(test_hd11_short_parts_are_counted),
		cmocka_unit_test(test_nt11_buffers_hold_what_their_mbufs_do),
		cmocka_unit_test(test_hd10_parts_of_64_kilobytes),
		cmocka_unit_test(test_hd10_a_packet_of_all_slots),
	};

	return cmocka_run_group_tests_name("rxq_conf", tests, unit_eal_start, unit_eal_stop);
}
