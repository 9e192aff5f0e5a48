/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Rows of the conformance list that hold of every transmit ring: what was published stays, ids are
 * unique, tables carry nothing but addresses and lengths, the device's area is only read, a header
 * of twelve zero bytes stands before every packet.
 */

#include <string.h>

#include <rte_ethdev.h>

#include "ring_env.h"
#include "shared_event.h"
#include "txq_env.h"

#define SIZE 32
#define MODES 4

static struct tx_env env;

/* Send one packet of some kind, if the ring has room. */
static void
send_some(uint32_t *seed)
{
	struct rte_mbuf *m = tx_make(&env, unit_random(seed) % TX_NB_KINDS,
				     5 + unit_random(seed) % 150);

	assert_non_null(m);
	if (tx_send(&env, &m, 1) == 1)
		return;
	rte_pktmbuf_free(m);
	env.made--;
}

/* Slots that the device holds, as they were when it fetched them. */
static struct virtq_desc seen[SIZE];

static bool
slots_are_as_seen(const struct pd_buf *buf)
{
	uint32_t i, slot;

	for (i = 0; i < buf->slots; i++) {
		slot = (buf->head + i) % SIZE;
		if (memcmp(&seen[slot], &env.q->ring.desc[slot], sizeof(seen[0])) != 0)
			return false;
	}
	return true;
}

static void
see_slots(const struct pd_buf *buf)
{
	uint32_t i, slot;

	for (; buf != NULL; buf = buf->next) {
		for (i = 0; i < buf->slots; i++) {
			slot = (buf->head + i) % SIZE;
			seen[slot] = env.q->ring.desc[slot];
		}
	}
}

/* The device holds on to packets while others are sent, wrap, and are used. */
static void
test_pr10_published_descriptors_stay_as_they_are(void **state)
{
	unsigned int mode, round, hold;
	const struct pd_buf *buf, *last;
	uint32_t seed = 3;

	(void)state;
	for (mode = 0; mode < MODES; mode++) {
		const struct tx_setup setup = tx_setup_of(SIZE, mode);

		tx_open(&env, &setup);
		for (round = 0; round < 20 * SIZE; round++) {
			last = pd_last(env.dev);
			send_some(&seed);
			see_slots(last != NULL ? last->next : pd_first(env.dev));
			hold = unit_random(&seed) % 40;
			/* One used descriptor for each, so the first slots only change in turn. */
			while (pd_live(env.dev) > hold)
				pd_complete(env.dev, pd_first(env.dev), 0);
			tx_reclaim(&env);
			for (buf = pd_first(env.dev); buf != NULL; buf = buf->next)
				assert_true(slots_are_as_seen(buf));
		}
		tx_drain(&env);
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

/* Whatever order the device uses buffers in, no id is given to two of them. */
static void
test_pr14_ids_are_unique_while_outstanding(void **state)
{
	unsigned int mode, round, n;
	const struct pd_buf *buf;
	bool taken[SIZE];
	uint32_t seed = 7;

	(void)state;
	for (mode = 0; mode < MODES; mode++) {
		const struct tx_setup setup = tx_setup_of(SIZE, 8 | mode);

		tx_open(&env, &setup);
		for (round = 0; round < 40 * SIZE; round++) {
			send_some(&seed);
			memset(taken, 0, sizeof(taken));
			for (buf = pd_first(env.dev); buf != NULL; buf = buf->next) {
				assert_true(buf->id < SIZE);
				assert_false(taken[buf->id]);
				taken[buf->id] = true;
			}
			for (n = unit_random(&seed) % 4; n > 0 && pd_live(env.dev) > 0; n--)
				pd_complete(env.dev,
					    pd_pick(env.dev, setup.in_order ? PD_FIFO : PD_SHUFFLE,
						    &seed), 0);
			tx_reclaim(&env);
		}
		tx_drain(&env);
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

/* Id and flags of every entry are zero: no NEXT, no INDIRECT, no lap; and no table in a table. */
static void
test_pr26_table_entries_are_addresses_and_lengths(void **state)
{
	static const enum tx_kind kinds[] = {TX_TWO, TX_FIVE, TX_BARE, TX_CLONE, TX_HOLES};
	unsigned int mode, round, tables = 0;
	const struct pd_buf *buf;
	uint32_t i;

	(void)state;
	for (mode = 2; mode < MODES; mode++) {
		const struct tx_setup setup = tx_setup_of(SIZE, mode);

		tx_open(&env, &setup);
		for (round = 0; round < 100; round++) {
			tx_send_one(&env, kinds[round % RTE_DIM(kinds)], 100);
			buf = pd_first(env.dev);
			assert_non_null(buf->table);
			assert_int_equal(buf->table_len, buf->nb_descs * PD_DESC_BYTES);
			for (i = 0; i < buf->nb_descs; i++) {
				const uint8_t *entry = buf->table + i * PD_DESC_BYTES;

				assert_int_equal(entry[12] | entry[13] | entry[14] | entry[15], 0);
				tables++;
			}
			tx_drain(&env);
		}
		tx_assert_empty(&env);
		tx_close(&env);
	}
	assert_true(tables > 400);
}

static void
test_pr30_device_event_is_only_read(void **state)
{
	unsigned int switches, round;
	uint32_t seed = 1;

	(void)state;
	for (switches = 0; switches < 8; switches++) {
		const struct tx_setup setup = tx_setup_of(SIZE, switches);
		struct virtq_event *own;

		tx_open(&env, &setup);
		own = env.q->ring.device_event;
		shared_event_open(&env.q->ring, env.dev);
		for (round = 0; round < 4 * SIZE; round++) {
			env.event = round * 5 % SIZE | (round & 1) << 15 | (round % 4) << 16;
			pd_notify_raw(env.dev, env.event);
			send_some(&seed);
			if (round % 4 == 3)
				tx_drain(&env);
		}
		tx_drain(&env);
		tx_assert_empty(&env);
		shared_event_close(&env.q->ring, env.dev, own);
		env.event = 0;
		tx_close(&env);
	}
}

/* tx_send() compares with an oracle; here the events are those without sense. */
static void
test_hd20_events_without_sense_are_answered(void **state)
{
	static const uint32_t events[] = {
		3u << 16, SIZE | 2u << 16, 0x7fff | 2u << 16, SIZE | 0x8000 | 2u << 16,
		0xffffffff, 0xfffeffff, 2u << 16,
	};
	struct rte_mbuf *pkts[12];
	unsigned int switches, i, round, k;

	(void)state;
	for (switches = 0; switches < 8; switches++) {
		for (i = 0; i < RTE_DIM(events); i++) {
			const struct tx_setup setup = tx_setup_of(SIZE, switches);

			tx_open(&env, &setup);
			env.event = events[i];
			pd_notify_raw(env.dev, env.event);
			for (round = 0; round < 10; round++) {
				for (k = 0; k < RTE_DIM(pkts); k++)
					pkts[k] = tx_make(&env, TX_PLAIN, 60);
				assert_int_equal(tx_send(&env, pkts, RTE_DIM(pkts)),
						 RTE_DIM(pkts));
				tx_drain(&env);
			}
			assert_true(env.notified > 0);
			tx_assert_empty(&env);
			tx_close(&env);
		}
	}
}

/* The header's bytes themselves, before packets of every kind, whatever was negotiated. */
static void
test_nt01_nt02_nt04_twelve_zero_bytes(void **state)
{
	static const uint8_t zero[PD_NET_HDR_BYTES];
	struct rte_mbuf *pkts[2 * TX_NB_KINDS];
	unsigned int switches, round, kind;
	const struct pd_buf *buf;

	(void)state;
	for (switches = 0; switches < 16; switches++) {
		const struct tx_setup setup = tx_setup_of(64, switches);

		tx_open(&env, &setup);
		for (round = 0; round < 6; round++) {
			/* Headroom is full of other bytes; a batch of a kernel is among them. */
			for (kind = 0; kind < TX_NB_KINDS; kind++) {
				pkts[kind] = tx_make(&env, TX_PLAIN, 60 + kind);
				pkts[TX_NB_KINDS + kind] = NULL;
			}
			for (kind = 0; kind < TX_NB_KINDS; kind++)
				pkts[TX_NB_KINDS + kind] = tx_make(&env, kind, 70 + kind);
			assert_int_equal(tx_send(&env, pkts, RTE_DIM(pkts)), RTE_DIM(pkts));
			for (buf = pd_first(env.dev); buf != NULL; buf = buf->next) {
				assert_true(buf->elements[0].len >= sizeof(zero));
				assert_memory_equal(buf->elements[0].base, zero, sizeof(zero));
			}
			tx_drain(&env);
		}
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

/* Of a batch whose headers are zero already but for one byte. */
static void
test_nt04_any_byte_of_the_header(void **state)
{
	static const uint8_t zero[PD_NET_HDR_BYTES];
	const unsigned int bytes = 8 * PD_NET_HDR_BYTES;
	struct rte_mbuf *pkts[8];
	unsigned int mode, dirty, k;
	const struct pd_buf *buf;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		const struct tx_setup setup = tx_setup_of(SIZE, mode);

		tx_open(&env, &setup);
		for (dirty = 0; dirty < bytes; dirty++) {
			for (k = 0; k < RTE_DIM(pkts); k++) {
				uint8_t *hdr;

				pkts[k] = tx_make(&env, TX_PLAIN, 60);
				hdr = rte_pktmbuf_mtod(pkts[k], uint8_t *) - sizeof(zero);
				memset(hdr, 0, sizeof(zero));
				if (k == dirty / PD_NET_HDR_BYTES)
					hdr[dirty % PD_NET_HDR_BYTES] = 1;
			}
			assert_int_equal(tx_send(&env, pkts, RTE_DIM(pkts)), RTE_DIM(pkts));
			for (buf = pd_first(env.dev); buf != NULL; buf = buf->next)
				assert_memory_equal(buf->elements[0].base, zero, sizeof(zero));
			tx_drain(&env);
		}
		tx_assert_empty(&env);
		tx_close(&env);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pr10_published_descriptors_stay_as_they_are),
		cmocka_unit_test(test_pr14_ids_are_unique_while_outstanding),
		cmocka_unit_test(test_pr26_table_entries_are_addresses_and_lengths),
		cmocka_unit_test(test_pr30_device_event_is_only_read),
		cmocka_unit_test(test_hd20_events_without_sense_are_answered),
		cmocka_unit_test(test_nt01_nt02_nt04_twelve_zero_bytes),
		cmocka_unit_test(test_nt04_any_byte_of_the_header),
	};

	return cmocka_run_group_tests_name("txq_conf", tests, unit_eal_start, unit_eal_stop);
}
