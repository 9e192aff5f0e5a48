/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <string.h>

#include <rte_ethdev.h>

#include "order_mem.h"
#include "order_rx.h"

/* Polls of a round while loads may find old values. */
#define ADVERSE_POLLS 3

struct orx orx;

static void
release(void)
{
	pvq_rxq_free(orx.q);
	rte_mempool_free(orx.pool);
	memset(&orx, 0, sizeof(orx));
	world_clear();
}

static void
open_world(void)
{
	const struct pvq_rxq *q = orx.q;
	const struct pd_config cfg = {
		.size = orx.size,
		.desc = q->ring.desc,
		.driver_event = q->ring.driver_event,
		.device_event = q->ring.device_event,
		.dir = PD_RX,
		.in_order = orx.in_order,
		.mrg_rxbuf = orx.mergeable,
		.event_idx = orx.event_idx,
	};

	world_add_memory(q->vq.mz->addr, q->vq.mz->len);
	world_add_window(q->vq.ring_mem, pvq_ring_bytes(orx.size));
	order_add_pool(orx.pool);
	world_open(&cfg, unit_isa() != PVQ_ISA_SCALAR);
}

static struct pvq_rxq *
make_queue(uint16_t size)
{
	const struct pvq_vq vq = {
		.port_id = UNIT_PORT,
		.index = ORX_VQ,
		.size = size,
		.socket_id = SOCKET_ID_ANY,
		.call_fd = -1,
	};
	const struct rte_eth_rxconf conf = {.rx_free_thresh = 1};
	struct pvq_rxq *q = pvq_rxq_create(&vq, orx.pool, &conf, RTE_ETH_RX_OFFLOAD_SCATTER);

	assert_non_null(q);
	return q;
}

void
orx_open(const char *id, uint16_t size, unsigned int switches)
{
	const struct pvq_queue_mode mode = {
		.in_order = switches & 1,
		.mergeable = switches & 2,
		.event_idx = switches & 4,
		.bus = unit_bus(),
		.max_tx_len = UINT32_MAX,
	};
	const uint16_t path = pvq_rx_path(&mode, unit_isa());

	release();
	orx.id = id;
	orx.size = size;
	orx.in_order = mode.in_order;
	orx.mergeable = mode.mergeable;
	orx.event_idx = mode.event_idx;
	orx.rnd = size + switches;
	orx.pool = unit_pool_create(size + 16u + ORX_BURST, ORX_ROOM);
	orx.q = make_queue(size);
	/* The ring as it is before buffers are posted, so that these are stores too. */
	open_world();
	orx_begin();
	assert_int_equal(pvq_rxq_reset(orx.q, &mode), 0);
	orx.burst = pvq_rx_paths[path].burst;
	pvq_gate_set_path(&orx.q->gate, path);
	pvq_gate_clear(&orx.q->gate, PVQ_GATE_CLOSED | PVQ_GATE_NEW);
	orx_replay();
}

void
orx_close(void)
{
	world_check();
	assert_int_equal(orx.got, orx.made);
	assert_int_equal(orx.q->stats.packets, orx.got);
	assert_int_equal(orx.q->stats.queue_errors, 0);
	assert_int_equal(orx.q->stats.short_len, 0);
	pvq_rxq_free(orx.q);
	orx.q = NULL;
	unit_assert_pool_whole(orx.pool);
	release();
}

uint32_t
orx_random(uint32_t below)
{
	return unit_random(&orx.rnd) % below;
}

void
orx_begin(void)
{
	orx.base = pd_base(world.dev);
	world_begin();
}

uint16_t
orx_poll(uint16_t n)
{
	struct rte_mbuf *pkts[ORX_BURST];
	uint16_t i, got;

	assert_true(n <= ORX_BURST);
	got = orx.burst(orx.q, pkts, n);
	watch_settle();
	view_put_back();
	for (i = 0; i < got; i++) {
		const uint32_t seed = orx.got++;

		if (orx.got > orx.made)
			world_fail(orx.id, "%u packets were sent, and more are received", orx.made);
		else if (!unit_mbuf_matches(pkts[i], seed, orx.len[seed % ORX_RECORDS]))
			world_fail(orx.id, "packet %u is received with a length or bytes that are not "
				   "its own", seed);
		unit_mbuf_free(pkts[i]);
	}
	return got;
}

/* What is posted is the buffer that the driver has under that id. */
static bool
posted_right(const struct pd_buf *buf)
{
	const struct rte_mbuf *m = orx.q->shadow[buf->id];

	return m != NULL && buf->slots == 1 && buf->nb_elements == 1 &&
	       buf->write_len == PD_NET_HDR_BYTES + ORX_ROOM &&
	       buf->elements[0].addr ==
		       (uintptr_t)m->buf_addr + RTE_PKTMBUF_HEADROOM - PD_NET_HDR_BYTES;
}

static uint16_t posted;

static void
judge(const struct world_state *state, void *arg)
{
	const int got = pd_fetch(state->probe, UINT32_MAX);
	const char *breach = pd_violations_text(state->probe);
	const struct pd_buf *buf;

	(void)arg;
	if (breach[0] != '\0') {
		world_fail(orx.id, "a device that sees part of the stores finds %s", breach);
		return;
	}
	for (buf = pd_first(state->probe); buf != NULL; buf = buf->next)
		if (!posted_right(buf))
			world_fail(orx.id, "slot %u is available, and its buffer is another one",
				   buf->head);
	if (got != 0 && got != posted)
		world_fail(orx.id, "%d of %u buffers are available: part of a refill", got, posted);
	if (state->doorbell && got == 0)
		world_fail("L-13", "the notification is there, and no buffer");
	if (state->all && got != posted)
		world_fail(orx.id, "in the end %d of %u buffers are available", got, posted);
}

static void
fetch(void)
{
	const struct pd_buf *buf;

	world_flush();
	world_device();
	buf = pd_last(world.dev);
	pd_fetch(world.dev, UINT32_MAX);
	for (buf = buf != NULL ? buf->next : pd_first(world.dev); buf != NULL; buf = buf->next)
		assert_true(posted_right(buf));
	world_end();
	world_check();
}

/* Slots that were published since orx_begin(). */
static uint16_t
count_posted(void)
{
	const struct pvq_ring *ring = &orx.q->ring;
	const uint16_t before = orx.base & 0x7fff;
	const bool same_lap = (orx.base >> 15 & 1) == (ring->avail_flags == VIRTQ_DESC_F_AVAIL);

	return same_lap ? ring->next_avail - before : ring->next_avail + ring->size - before;
}

void
orx_replay(void)
{
	world_end();
	posted = count_posted();
	orx.states += world_replay(orx.base, judge, NULL);
	world_check();
	fetch();
}

void
orx_show(void)
{
	world_end();
	world_check();
	fetch();
}

int
orx_deliver(uint32_t len, const struct pd_rx_opts *opts)
{
	static uint8_t data[ORX_ROOM * ORX_BURST];
	int parts;

	assert_true(len <= sizeof(data));
	unit_fill(data, len, orx.made, 0);
	parts = pd_rx_packet(world.dev, data, len, opts);
	if (parts > 0)
		orx.len[orx.made++ % ORX_RECORDS] = len;
	return parts;
}

void
orx_round(void (*device)(void), uint16_t n)
{
	unsigned int i;

	world_device();
	device();
	world_end();
	for (i = 0; i < ADVERSE_POLLS && world.failure[0] == '\0'; i++) {
		orx_begin();
		orx_poll(n);
		orx_show();
	}
	world.calm = true;
	do {
		orx_begin();
		i = orx_poll(n);
		orx_show();
	} while (i != 0);
	world.calm = false;
	if (orx.got != orx.made)
		world_fail(orx.id, "%u packets were sent, and %u received", orx.made, orx.got);
	world_check();
}
