/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "order_mem.h"
#include "order_tx.h"

struct otx otx;

static void
release(void)
{
	pvq_txq_free(otx.q);
	rte_mempool_free(otx.pool);
	memset(&otx, 0, sizeof(otx));
	world_clear();
}

static void
open_world(void)
{
	const struct pvq_txq *q = otx.q;
	const struct pd_config cfg = {
		.size = otx.size,
		.desc = q->ring.desc,
		.driver_event = q->ring.driver_event,
		.device_event = q->ring.device_event,
		.dir = PD_TX,
		.in_order = otx.in_order,
		.indirect = otx.indirect,
		.event_idx = otx.event_idx,
	};

	world_add_memory(q->vq.mz->addr, q->vq.mz->len);
	world_add_window(q->vq.ring_mem, pvq_ring_bytes(otx.size));
	world_add_window(q->tables, (size_t)q->nb_tables * PVQ_TABLE_ELEMENTS * PD_DESC_BYTES);
	world_add_window(q->zero_hdr, PD_NET_HDR_BYTES);
	order_add_pool(otx.pool);
	world_open(&cfg, unit_isa() != PVQ_ISA_SCALAR);
}

void
otx_open(const char *id, uint16_t size, unsigned int switches)
{
	const struct pvq_vq vq = {
		.port_id = UNIT_PORT,
		.index = OTX_VQ,
		.size = size,
		.socket_id = SOCKET_ID_ANY,
		.call_fd = -1,
	};
	const struct rte_eth_txconf conf = {0};
	const struct pvq_queue_mode mode = {
		.in_order = switches & 1,
		.indirect = switches & 2,
		.event_idx = switches & 4,
		.bus = unit_bus(),
		.max_tx_len = UINT32_MAX,
	};
	const uint16_t path = pvq_tx_path(&mode, unit_isa());

	release();
	otx.id = id;
	otx.size = size;
	otx.in_order = mode.in_order;
	otx.indirect = mode.indirect;
	otx.event_idx = mode.event_idx;
	otx.rnd = size + switches;
	otx.pool = unit_pool_create(size * 5u + 5u * OTX_BURST, OTX_DATA);
	otx.q = pvq_txq_create(&vq, &conf, 0);
	assert_non_null(otx.q);
	assert_int_equal(pvq_txq_reset(otx.q, &mode), 0);
	/* A burst reclaims before it writes, never in the middle: so it is published at once. */
	otx.q->free_thresh = size + 1;
	otx.burst = pvq_tx_paths[path].burst;
	pvq_gate_set_path(&otx.q->gate, path);
	pvq_gate_clear(&otx.q->gate, PVQ_GATE_CLOSED | PVQ_GATE_NEW);
	open_world();
}

void
otx_close(void)
{
	world_check();
	otx_use(pd_live(world.dev), false);
	otx_begin();
	otx_reclaim();
	world_end();
	world_flush();
	world_check();
	assert_int_equal(otx.q->stats.queue_errors, 0);
	assert_int_equal(pvq_ring_outstanding(&otx.q->ring), 0);
	unit_assert_pool_whole(otx.pool);
	release();
}

uint32_t
otx_random(uint32_t below)
{
	return unit_random(&otx.rnd) % below;
}

void
otx_begin(void)
{
	otx.base = pd_base(world.dev);
	otx.nb_ends = 0;
	world_begin();
}

uint16_t
otx_elements(enum otx_kind kind)
{
	static const uint16_t elements[OTX_NB_KINDS] = {
		[OTX_PLAIN] = 1, [OTX_BARE] = 2, [OTX_TWO] = 2,
		[OTX_THREE] = 3, [OTX_FIVE] = 5, [OTX_CLONE] = 2,
	};

	return elements[kind];
}

/* Tell the world what the packet's bytes are: the headroom and the data of each segment. */
static void
note_bytes(const struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next) {
		world_wrote(m->buf_addr, m->data_off);
		world_wrote(rte_pktmbuf_mtod(m, void *), m->data_len);
	}
}

static struct rte_mbuf *
make(enum otx_kind kind)
{
	const uint32_t seed = otx.made++;
	const uint16_t len = 14 + seed % 23;
	const uint16_t three[] = {len - 5, 2, 3}, five[] = {1, len - 6, 2, 1, 2};
	struct rte_mbuf *m;

	otx.len[seed % OTX_RECORDS] = len;
	switch (kind) {
	case OTX_BARE:
		m = unit_mbuf(otx.pool, seed % PD_NET_HDR_BYTES, len, seed);
		break;
	case OTX_TWO:
		m = unit_mbuf_chain(otx.pool, three, 2, seed);
		otx.len[seed % OTX_RECORDS] = len - 3;
		break;
	case OTX_THREE:
		m = unit_mbuf_chain(otx.pool, three, 3, seed);
		break;
	case OTX_FIVE:
		m = unit_mbuf_chain(otx.pool, five, 5, seed);
		break;
	case OTX_CLONE:
		m = unit_mbuf_clone(otx.pool, len, seed);
		break;
	default:
		m = unit_mbuf(otx.pool, 16 + seed % 40, len, seed);
		break;
	}
	assert_non_null(m);
	note_bytes(m);
	return m;
}

uint16_t
otx_send(const enum otx_kind *kinds, uint16_t n)
{
	struct rte_mbuf *pkts[OTX_BURST];
	uint16_t i, sent;

	assert_true(n <= OTX_BURST && otx.nb_ends < OTX_BURST);
	for (i = 0; i < n; i++)
		pkts[i] = make(kinds[i]);
	sent = otx.burst(otx.q, pkts, n);
	watch_settle();
	for (i = sent; i < n; i++)
		rte_pktmbuf_free(pkts[i]);
	otx.made -= n - sent;
	if (sent != 0)
		otx.ends[otx.nb_ends++] = otx.made - otx.seen;
	return sent;
}

uint16_t
otx_send_some(uint16_t n, bool lists)
{
	enum otx_kind kinds[OTX_BURST];
	uint16_t i;

	for (i = 0; i < n; i++) {
		/* Mostly plain ones, or there would be no batches. */
		kinds[i] = lists && otx_random(3) == 0 ? otx_random(OTX_NB_KINDS) : OTX_PLAIN;
		/* What never fits would be dropped. */
		if (otx_elements(kinds[i]) > otx.size)
			kinds[i] = OTX_PLAIN;
	}
	return otx_send(kinds, n);
}

static bool
packet_is_right(struct pd_vq *vq, const struct pd_buf *buf, uint32_t seed)
{
	static const struct pd_net_hdr zero;
	struct pd_net_hdr hdr = {.flags = 0xff};
	const uint32_t len = otx.len[seed % OTX_RECORDS];
	uint8_t data[256];

	return pd_tx_copy(vq, buf, &hdr, data, sizeof(data)) == (ssize_t)len &&
	       memcmp(&hdr, &zero, sizeof(hdr)) == 0 && unit_matches(data, len, seed, 0);
}

void
otx_judge(const struct world_state *state, void *arg)
{
	const unsigned int all = otx.nb_ends != 0 ? otx.ends[otx.nb_ends - 1] : 0;
	const int got = pd_fetch(state->probe, UINT32_MAX);
	const char *breach = pd_violations_text(state->probe);
	const struct pd_buf *buf;
	unsigned int i, n = 0;
	bool whole = got == 0;

	(void)arg;
	if (breach[0] != '\0') {
		world_fail(otx.id, "a device that sees part of the stores finds %s", breach);
		return;
	}
	for (buf = pd_first(state->probe); buf != NULL; buf = buf->next, n++)
		if (!packet_is_right(state->probe, buf, otx.seen + n))
			world_fail(otx.id, "packet %u of %u is available, and its bytes are not there",
				   n, all);
	for (i = 0; i < otx.nb_ends; i++)
		whole |= otx.ends[i] == got;
	if (!whole)
		world_fail(otx.id, "%d of %u packets are available: part of a burst", got, all);
	if (state->doorbell && got == 0)
		world_fail("L-13", "the notification is there, and no packet");
	if (state->all && (unsigned int)got != all)
		world_fail(otx.id, "in the end %d of %u packets are available", got, all);
}

static void
fetch(void)
{
	const unsigned int all = otx.nb_ends != 0 ? otx.ends[otx.nb_ends - 1] : 0;
	struct pd_buf *buf;

	world_flush();
	world_device();
	buf = pd_last(world.dev);
	assert_int_equal(pd_fetch(world.dev, UINT32_MAX), all);
	for (buf = buf != NULL ? buf->next : pd_first(world.dev); buf != NULL; buf = buf->next)
		assert_true(packet_is_right(world.dev, buf, otx.seen++));
	world_end();
	world_check();
}

void
otx_replay(void)
{
	world_end();
	otx.states += world_replay(otx.base, otx_judge, NULL);
	world_check();
	fetch();
}

void
otx_show(void)
{
	world_end();
	world_check();
	fetch();
}

void
otx_use(unsigned int n, bool batch)
{
	uint32_t seed = otx.rnd;

	world_device();
	if (batch && otx.in_order && n != 0)
		pd_complete_batch(world.dev, n, 0);
	else
		while (n-- > 0)
			pd_complete(world.dev,
				    pd_pick(world.dev, otx.in_order ? PD_FIFO : PD_SHUFFLE, &seed),
				    0);
	world_end();
	otx_random(2);
}

uint16_t
otx_reclaim(void)
{
	return pvq_txq_reclaim(otx.q, UINT16_MAX, otx.in_order);
}
