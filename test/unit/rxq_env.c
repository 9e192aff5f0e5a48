/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "rxq_env.h"

/* The device's copy of the packet it is about to deliver. */
static uint8_t packet[RX_BURST * 2048];

struct rx_setup
rx_setup_of(uint16_t size, unsigned int switches)
{
	return (struct rx_setup){
		.size = size,
		.in_order = switches & 1,
		.mergeable = switches & 2,
		.event_idx = switches & 4,
		.poison = switches & 8,
	};
}

static void
release(struct rx_env *e)
{
	pd_destroy(e->dev);
	pvq_rxq_free(e->q);
	rte_mempool_free(e->pool);
	free(e->len);
	memset(e, 0, sizeof(*e));
}

static struct pvq_queue_mode
mode_of(const struct rx_setup *setup)
{
	return (struct pvq_queue_mode){
		.in_order = setup->in_order,
		.mergeable = setup->mergeable,
		.event_idx = setup->event_idx,
		.bus = unit_bus(),
		.max_tx_len = UINT32_MAX,
	};
}

static void
connect_device(struct rx_env *e)
{
	const struct pd_config cfg = {
		.size = e->setup.size,
		.desc = e->q->ring.desc,
		.driver_event = e->q->ring.driver_event,
		.device_event = e->q->ring.device_event,
		.dir = PD_RX,
		.in_order = e->setup.in_order,
		.mrg_rxbuf = e->setup.mergeable,
		.event_idx = e->setup.event_idx,
		.poison = e->setup.poison,
		.translate = unit_translate,
		.translate_arg = &e->memory,
	};

	e->dev = pd_create(&cfg);
	assert_non_null(e->dev);
	e->event = 0;
	e->event_seen = 0;
}

static void
open_gate(struct rx_env *e)
{
	const struct pvq_queue_mode mode = mode_of(&e->setup);
	const uint16_t path = pvq_rx_path(&mode, unit_isa());

	e->burst = pvq_rx_paths[path].burst;
	pvq_gate_set_path(&e->q->gate, path);
	pvq_gate_clear(&e->q->gate, PVQ_GATE_CLOSED);
}

void
rx_open(struct rx_env *e, const struct rx_setup *setup)
{
	const struct pvq_vq vq = {
		.port_id = UNIT_PORT,
		.index = RX_VQ,
		.size = setup->size,
		.socket_id = SOCKET_ID_ANY,
		.call_fd = -1,
	};
	const struct rte_eth_rxconf conf = {.rx_free_thresh = setup->free_thresh};
	const struct pvq_queue_mode mode = mode_of(setup);
	const uint16_t data = setup->data != 0 ? setup->data : RX_DATA;

	release(e);
	e->setup = *setup;
	e->room = data;
	e->pool = unit_pool_create(setup->nb_mbufs != 0 ? setup->nb_mbufs : setup->size + 256u,
				   data);
	if (setup->apart)
		unit_pool_move_buffers(e->pool);
	e->len = calloc(RX_RECORDS, sizeof(e->len[0]));
	assert_non_null(e->len);
	e->q = pvq_rxq_create(&vq, e->pool, &conf,
			      setup->no_scatter ? 0 : RTE_ETH_RX_OFFLOAD_SCATTER);
	assert_non_null(e->q);
	e->q->vq.bus_shift = unit_iova_shift();
	unit_memory_add_pool(&e->memory, e->pool);
	assert_int_equal(pvq_rxq_reset(e->q, &mode), 0);
	connect_device(e);
	open_gate(e);
	unit_notifications(RX_VQ);
	rx_fetch(e);
}

void
rx_close(struct rx_env *e)
{
	assert_string_equal(pd_violations_text(e->dev), "");
	assert_int_equal(*(uint32_t *)e->q->ring.device_event, e->event);
	pd_destroy(e->dev);
	e->dev = NULL;
	pvq_rxq_free(e->q);
	e->q = NULL;
	unit_assert_pool_whole(e->pool);
	release(e);
}

void
rx_reconnect(struct rx_env *e, const struct rx_setup *setup)
{
	const struct pvq_queue_mode mode = mode_of(setup);

	assert_string_equal(pd_violations_text(e->dev), "");
	pd_destroy(e->dev);
	e->dev = NULL;
	pvq_gate_set(&e->q->gate, PVQ_GATE_AWAY);
	e->setup = *setup;
	assert_int_equal(pvq_rxq_reset(e->q, &mode), 0);
	connect_device(e);
	open_gate(e);
	rx_fetch(e);
}

/* What a posted buffer has to be: one writable element, the header and the room (NT-11). */
static void
check_posted(const struct rx_env *e, const struct pd_buf *buf)
{
	assert_int_equal(buf->slots, 1);
	assert_int_equal(buf->nb_elements, 1);
	assert_int_equal(buf->write_len, PD_NET_HDR_BYTES + e->room);
	if (e->setup.in_order)
		assert_int_equal(buf->id, buf->head);
}

unsigned int
rx_fetch(struct rx_env *e)
{
	struct pd_buf *buf = pd_last(e->dev);
	int n = pd_fetch(e->dev, UINT32_MAX);

	assert_string_equal(pd_violations_text(e->dev), "");
	assert_true(n >= 0);
	for (buf = buf != NULL ? buf->next : pd_first(e->dev); buf != NULL; buf = buf->next)
		check_posted(e, buf);
	e->posted += n;
	return n;
}

int
rx_deliver(struct rx_env *e, uint32_t len, const struct pd_rx_opts *opts)
{
	int parts;

	assert_true(len <= sizeof(packet));
	unit_fill(packet, len, e->made, 0);
	parts = pd_rx_packet(e->dev, packet, len, opts);
	if (parts > 0)
		e->len[e->made++ % RX_RECORDS] = len;
	return parts;
}

void
rx_deliver_batch(struct rx_env *e, unsigned int count, uint32_t last)
{
	struct pd_pkt *pkts = calloc(count, sizeof(pkts[0]));
	uint8_t *data = malloc((size_t)count * e->room);
	unsigned int i;
	int ret;

	assert_non_null(pkts);
	assert_non_null(data);
	for (i = 0; i < count; i++) {
		uint8_t *at = data + (size_t)i * e->room;

		pkts[i] = (struct pd_pkt){at, i + 1 < count ? e->room : last};
		unit_fill(at, pkts[i].len, e->made, 0);
		e->len[e->made++ % RX_RECORDS] = pkts[i].len;
	}
	ret = pd_rx_batch(e->dev, pkts, count);
	free(pkts);
	free(data);
	assert_int_equal(ret, 0);
}

void
rx_skip(struct rx_env *e)
{
	e->got++;
}

void
rx_check(const struct rx_env *e, const struct rte_mbuf *m, uint32_t seed)
{
	const uint32_t len = e->len[seed % RX_RECORDS];
	const struct rte_mbuf *seg;
	uint16_t n = 0;

	assert_int_equal(m->ol_flags, 0);
	assert_int_equal(m->packet_type, 0);
	assert_int_equal(m->pkt_len, len);
	assert_int_equal(m->data_off, RTE_PKTMBUF_HEADROOM);
	for (seg = m; seg != NULL; seg = seg->next, n++) {
		assert_int_equal(seg->port, UNIT_PORT);
		assert_int_equal(rte_mbuf_refcnt_read(seg), 1);
		assert_ptr_equal(seg->pool, e->pool);
		assert_true(seg == m || seg->nb_segs == 1);
		assert_true(seg == m ||
			    seg->data_off == RTE_PKTMBUF_HEADROOM - PD_NET_HDR_BYTES);
	}
	assert_int_equal(m->nb_segs, n);
	assert_true(unit_mbuf_matches(m, seed, len));
}

static void
check_refill(struct rx_env *e, const struct pvq_rx_stats *before, uint32_t base)
{
	const unsigned int n = rx_fetch(e);
	const bool must = unit_must_notify(e->setup.size, base, n, e->event, e->setup.event_idx,
					   &e->event_seen);

	e->notified += must;
	e->suppressed += n != 0 && !must;
	assert_int_equal(e->q->stats.notified - before->notified, must);
	assert_int_equal(e->q->stats.suppressed - before->suppressed, n != 0 && !must);
	assert_int_equal(unit_notifications(RX_VQ), must);
}

uint16_t
rx_poll(struct rx_env *e, uint16_t n)
{
	const struct pvq_rx_stats before = e->q->stats;
	const uint32_t base = pd_base(e->dev);
	struct rte_mbuf *pkts[RX_BURST + 1];
	uint16_t got, i;

	assert_true(n <= RX_BURST);
	pkts[n] = (struct rte_mbuf *)(uintptr_t)0x5a5a;
	got = e->burst(e->q, pkts, n);
	assert_true(got <= n);
	assert_ptr_equal(pkts[n], (void *)(uintptr_t)0x5a5a);
	for (i = 0; i < got; i++) {
		rx_check(e, pkts[i], e->got++);
		e->bytes += pkts[i]->pkt_len;
		unit_mbuf_free(pkts[i]);
	}
	check_refill(e, &before, base);
	return got;
}

unsigned int
rx_poll_all(struct rx_env *e)
{
	unsigned int all = 0;
	uint16_t n;

	while ((n = rx_poll(e, RX_BURST)) != 0)
		all += n;
	return all;
}

void
rx_assert_idle(const struct rx_env *e)
{
	const struct pvq_rxq *q = e->q;

	assert_int_equal(e->got, e->made);
	assert_int_equal(q->stats.packets, e->got);
	assert_int_equal(q->stats.bytes, e->bytes);
	assert_int_equal(q->stats.notified, e->notified);
	assert_int_equal(q->stats.suppressed, e->suppressed);
	assert_int_equal(q->stats.short_len, 0);
	assert_int_equal(q->stats.no_parts, 0);
	assert_int_equal(q->stats.scattered, 0);
	assert_int_equal(q->stats.no_mbuf, 0);
	assert_int_equal(q->stats.queue_errors, 0);
	assert_true(q->ring.nb_free < q->free_thresh);
	assert_int_equal(rte_mempool_in_use_count(e->pool), pvq_ring_outstanding(&q->ring));
	assert_int_equal(pd_live(e->dev), pvq_ring_outstanding(&q->ring));
}
