/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "txq_env.h"

struct tx_setup
tx_setup_of(uint16_t size, unsigned int switches)
{
	return (struct tx_setup){
		.size = size,
		.in_order = switches & 1,
		.indirect = switches & 2,
		.event_idx = switches & 4,
		.poison = switches & 8,
	};
}

static void
release(struct tx_env *e)
{
	pd_destroy(e->dev);
	pvq_txq_free(e->q);
	rte_mempool_free(e->pool);
	rte_mempool_free(e->other);
	free(e->len);
	memset(e, 0, sizeof(*e));
}

static struct pvq_queue_mode
mode_of(const struct tx_setup *setup)
{
	return (struct pvq_queue_mode){
		.in_order = setup->in_order,
		.indirect = setup->indirect,
		.event_idx = setup->event_idx,
		.bus = unit_bus(),
		.max_tx_len = setup->max_len != 0 ? setup->max_len : UINT32_MAX,
	};
}

static void
connect_device(struct tx_env *e)
{
	const struct pd_config cfg = {
		.size = e->setup.size,
		.desc = e->q->ring.desc,
		.driver_event = e->q->ring.driver_event,
		.device_event = e->q->ring.device_event,
		.dir = PD_TX,
		.in_order = e->setup.in_order,
		.indirect = e->setup.indirect,
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
open_gate(struct tx_env *e)
{
	const struct pvq_queue_mode mode = mode_of(&e->setup);
	const uint16_t path = pvq_tx_path(&mode, unit_isa());

	e->burst = pvq_tx_paths[path].burst;
	pvq_gate_set_path(&e->q->gate, path);
	pvq_gate_clear(&e->q->gate, PVQ_GATE_CLOSED);
}

void
tx_open(struct tx_env *e, const struct tx_setup *setup)
{
	const struct pvq_vq vq = {
		.port_id = UNIT_PORT,
		.index = setup->index != 0 ? setup->index : TX_VQ,
		.size = setup->size,
		.socket_id = SOCKET_ID_ANY,
		.call_fd = -1,
	};
	const struct rte_eth_txconf conf = {.tx_free_thresh = setup->free_thresh};
	const struct pvq_queue_mode mode = mode_of(setup);

	release(e);
	e->setup = *setup;
	e->pool = unit_pool_create(setup->nb_mbufs != 0 ? setup->nb_mbufs : setup->size + 512u,
				   TX_DATA);
	e->other = unit_pool_create(setup->size + 64u, TX_DATA);
	e->len = calloc(TX_RECORDS, sizeof(e->len[0]));
	assert_non_null(e->len);
	e->q = pvq_txq_create(&vq, &conf, setup->offloads);
	assert_non_null(e->q);
	e->q->vq.bus_shift = unit_iova_shift();
	unit_memory_add_pool(&e->memory, e->pool);
	unit_memory_add_pool(&e->memory, e->other);
	unit_memory_add(&e->memory, e->q->vq.mz->addr, e->q->vq.mz->len);
	assert_int_equal(pvq_txq_reset(e->q, &mode), 0);
	connect_device(e);
	open_gate(e);
	unit_notifications(TX_VQ);
}

void
tx_close(struct tx_env *e)
{
	assert_string_equal(pd_violations_text(e->dev), "");
	assert_int_equal(*(uint32_t *)e->q->ring.device_event, e->event);
	pd_destroy(e->dev);
	e->dev = NULL;
	pvq_txq_free(e->q);
	e->q = NULL;
	unit_assert_pool_whole(e->pool);
	unit_assert_pool_whole(e->other);
	release(e);
}

void
tx_reconnect(struct tx_env *e, const struct tx_setup *setup)
{
	const struct pvq_queue_mode mode = mode_of(setup);

	assert_string_equal(pd_violations_text(e->dev), "");
	pd_destroy(e->dev);
	e->dev = NULL;
	pvq_gate_set(&e->q->gate, PVQ_GATE_AWAY);
	e->setup = *setup;
	pvq_txq_reset(e->q, &mode);
	connect_device(e);
	open_gate(e);
}

uint16_t
tx_elements(enum tx_kind kind)
{
	return kind == TX_PLAIN || kind == TX_OTHER ? 1 : kind == TX_FIVE ? 5 : 2;
}

struct rte_mbuf *
tx_make(struct tx_env *e, enum tx_kind kind, uint16_t len)
{
	const uint16_t a = len / 2, b = len - a;
	const uint16_t two[] = {a, b}, five[] = {1, 1, len - 4, 1, 1};
	const uint16_t holes[] = {0, 0, len, 0};
	struct rte_mbuf *m = NULL;
	const uint32_t seed = e->made;

	switch (kind) {
	case TX_PLAIN:
	case TX_OTHER:
		m = unit_mbuf(kind == TX_OTHER ? e->other : e->pool,
			      VIRTIO_NET_HDR_LEN + seed % 100, len, seed);
		break;
	case TX_BARE:
		m = unit_mbuf(e->pool, seed % VIRTIO_NET_HDR_LEN, len, seed);
		break;
	case TX_CLONE:
		m = unit_mbuf_clone(e->pool, len, seed);
		break;
	case TX_TWO:
		m = unit_mbuf_chain(e->pool, two, 2, seed);
		break;
	case TX_FIVE:
		m = unit_mbuf_chain(e->pool, five, 5, seed);
		break;
	case TX_HOLES:
		m = unit_mbuf_chain(e->pool, holes, 4, seed);
		break;
	case TX_NB_KINDS:
		break;
	}
	if (m == NULL)
		return NULL;
	e->len[e->made++ % TX_RECORDS] = len;
	return m;
}

void
tx_check(struct tx_env *e, const struct pd_buf *buf, uint32_t seed)
{
	static const struct pd_net_hdr zero;
	static uint8_t data[65536];
	struct pd_net_hdr hdr = {.flags = 0xff};
	const uint32_t len = e->len[seed % TX_RECORDS];

	assert_int_equal(pd_tx_copy(e->dev, buf, &hdr, data, sizeof(data)), len);
	assert_memory_equal(&hdr, &zero, sizeof(hdr));
	assert_true(unit_matches(data, len, seed, 0));
	e->slots += buf->slots;
}

unsigned int
tx_fetch(struct tx_env *e)
{
	struct pd_buf *buf = pd_last(e->dev);
	unsigned int n = 0;
	int got = pd_fetch(e->dev, UINT32_MAX);

	assert_string_equal(pd_violations_text(e->dev), "");
	assert_true(got >= 0);
	for (buf = buf != NULL ? buf->next : pd_first(e->dev); buf != NULL; buf = buf->next) {
		tx_check(e, buf, e->seen++);
		n++;
	}
	assert_int_equal(n, got);
	return n;
}

uint16_t
tx_send(struct tx_env *e, struct rte_mbuf **pkts, uint16_t n)
{
	const struct pvq_tx_stats before = e->q->stats;
	const uint32_t base = pd_base(e->dev);
	const uint64_t slots = e->slots;
	const uint32_t first = e->seen;
	uint16_t sent;
	uint32_t i;
	bool must;

	sent = e->burst(e->q, pkts, n);
	assert_true(sent <= n);
	assert_int_equal(tx_fetch(e), sent);
	for (i = first; i != first + sent; i++)
		e->bytes += e->len[i % TX_RECORDS];
	must = unit_must_notify(e->setup.size, base, e->slots - slots, e->event,
				e->setup.event_idx, &e->event_seen);
	if (sent != 0) {
		e->notified += must;
		e->suppressed += !must;
	}
	assert_int_equal(e->q->stats.notified - before.notified, sent != 0 && must);
	assert_int_equal(e->q->stats.suppressed - before.suppressed, sent != 0 && !must);
	assert_int_equal(unit_notifications(TX_VQ), sent != 0 && must);
	assert_int_equal(e->q->stats.ring_full - before.ring_full, sent < n);
	return sent;
}

void
tx_send_one(struct tx_env *e, enum tx_kind kind, uint16_t len)
{
	struct rte_mbuf *m = tx_make(e, kind, len);

	assert_non_null(m);
	assert_int_equal(tx_send(e, &m, 1), 1);
}

uint16_t
tx_reclaim(struct tx_env *e)
{
	return pvq_txq_reclaim(e->q, UINT16_MAX, e->setup.in_order);
}

void
tx_drain(struct tx_env *e)
{
	pd_complete_all(e->dev, PD_FIFO, 0, 0);
	tx_reclaim(e);
}

void
tx_assert_empty(const struct tx_env *e)
{
	const struct pvq_txq *q = e->q;

	assert_int_equal(pvq_ring_outstanding(&q->ring), 0);
	assert_int_equal(q->nb_special, 0);
	assert_int_equal(q->nb_free_tables, q->nb_tables);
	if (!e->setup.in_order)
		assert_int_equal(q->nb_free_ids, q->vq.size);
	assert_int_equal(rte_mempool_in_use_count(e->pool), 0);
	assert_int_equal(q->stats.packets, e->seen);
	assert_int_equal(q->stats.bytes, e->bytes);
	assert_int_equal(q->stats.reclaimed, e->seen);
	assert_int_equal(q->stats.notified, e->notified);
	assert_int_equal(q->stats.suppressed, e->suppressed);
	assert_int_equal(q->stats.queue_errors, 0);
	assert_int_equal(q->stats.too_long, 0);
	assert_int_equal(q->stats.empty, 0);
}
