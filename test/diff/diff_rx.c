/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "diff_rx.h"

#define LEN_MAX 4096u  /* longest packet the device sends */
#define BURSTS_AFTER 4 /* bursts after a lie */

static struct rx_choices now;

static void
choose(void)
{
	static const unsigned int rarely[] = {1, 2, 4, 16, 64, 1000};

	memset(&now, 0, sizeof(now));
	now.size = diff_ring_size();
	now.mode.in_order = diff_chance(2);
	now.mode.mergeable = diff_chance(2);
	now.mode.event_idx = diff_chance(2);
	now.mode.bus = diff_below(PVQ_BUS_PLATFORM + 1);
	now.poison = diff_chance(2);
	now.scatter = !diff_chance(8);
	now.pool = diff_below(DIFF_POOLS);
	now.free_thresh = diff_chance(2) ? 0 : 1 + diff_below(now.size);
	now.nb_mbufs = diff_chance(4) ? 1 + diff_below(now.size) : now.size + diff_below(512);
	now.habits = diff_habits_choose(now.mode.in_order);
	now.several = rarely[diff_below(RTE_DIM(rarely))];
	now.hold = rarely[1 + diff_below(RTE_DIM(rarely) - 1)];
	now.lies = diff_chance(2);
	snprintf(diff.setup, sizeof(diff.setup),
		 "ring of %u on bus %d%s%s%s%s%s, pool %u with %u mbufs, free_thresh %u, order %d%s%s%s",
		 now.size, now.mode.bus, now.mode.in_order ? ", in-order" : "",
		 now.mode.mergeable ? ", mergeable" : "", now.mode.event_idx ? ", event_idx" : "",
		 now.poison ? ", poison" : "", now.scatter ? "" : ", no scatter", now.pool,
		 now.nb_mbufs, now.free_thresh, now.habits.order,
		 now.habits.batch ? ", batches" : "", now.habits.stage ? ", staged" : "",
		 now.habits.slow ? ", slow" : "");
}

/* What a stash once held may still stand there; the shadow ends where it begins. */
static void
fill_stash(struct pvq_rxq *q)
{
	static struct rte_mbuf nobody;
	uint16_t i;

	for (i = 0; i < now.size; i++)
		q->stash[i] = &nobody;
}

static void
open_queue(struct diff_side *s, enum pvq_isa isa)
{
	const struct pvq_vq vq = {
		.port_id = UNIT_PORT,
		.index = s->index,
		.size = now.size,
		.socket_id = SOCKET_ID_ANY,
		.call_fd = -1,
	};
	const struct rte_eth_rxconf conf = {.rx_free_thresh = now.free_thresh};
	const uint16_t path = pvq_rx_path(&now.mode, isa);
	struct pd_config cfg = {
		.size = now.size,
		.dir = PD_RX,
		.in_order = now.mode.in_order,
		.mrg_rxbuf = now.mode.mergeable,
		.event_idx = now.mode.event_idx,
		.poison = now.poison,
	};

	s->rxq = pvq_rxq_create(&vq, s->pool[now.pool].mp, &conf,
				now.scatter ? RTE_ETH_RX_OFFLOAD_SCATTER : 0);
	if (s->rxq == NULL)
		diff_fail("no queue");
	diff_memory_add(s, &s->rxq->vq);
	if (pvq_rxq_reset(s->rxq, &now.mode) != 0)
		diff_fail("not a single buffer posted");
	diff_connect(s, &s->rxq->ring, &cfg);
	fill_stash(s->rxq);
	s->burst = pvq_rx_paths[path].burst;
	pvq_gate_set_path(&s->rxq->gate, path);
	pvq_gate_clear(&s->rxq->gate, PVQ_GATE_CLOSED);
}

/* ---- comparison ------------------------------------------------------------------------------ */

static void
same_stats(const struct pvq_rx_stats *a, const struct pvq_rx_stats *b)
{
	DIFF_FIELD(a, b, packets);
	DIFF_FIELD(a, b, bytes);
	DIFF_FIELD(a, b, short_len);
	DIFF_FIELD(a, b, no_parts);
	DIFF_FIELD(a, b, scattered);
	DIFF_FIELD(a, b, no_mbuf);
	DIFF_FIELD(a, b, notified);
	DIFF_FIELD(a, b, suppressed);
	/* A lie in a header and one behind it in the ring may be counted both, or end it at one. */
	diff_same("queue_errors, at all", a->queue_errors != 0, b->queue_errors != 0);
}

static void
same_queues(void)
{
	const struct diff_side *r = &diff.side[DIFF_REF], *s = &diff.side[DIFF_SUB];
	const struct pvq_rxq *a = r->rxq, *b = s->rxq;

	diff_same_common(&a->vq, &b->vq, &a->gate, &b->gate);
	same_stats(&a->stats, &b->stats);
	diff.closed = a->vq.error != PVQ_QUEUE_OK;
	if (diff.closed && !diff.lied)
		diff_fail("the device did not lie, yet it %s", pvq_queue_error_text(a->vq.error));
	/*
	 * A path that takes many buffers at once may have taken some behind the lie; they are never
	 * delivered, and the ring is not used any more.
	 */
	if (diff.closed)
		return;
	diff_same_rings(&a->ring, &b->ring);
	diff_same_places("shadow", (void *const *)a->shadow, (void *const *)b->shadow, now.size);
	if (memcmp(a->slot_id, b->slot_id, now.size * sizeof(a->slot_id[0])) != 0)
		diff_fail("free ids of slots differ");
	DIFF_FIELD(a, b, ordered);
	DIFF_FIELD(a, b, batch_left);
	if (a->batch_left != 0)
		DIFF_FIELD(a, b, batch_len);
	DIFF_FIELD(a, b, merge_left);
	DIFF_FIELD(a, b, merge_polls);
	diff_same("merge_head", diff_place_of(r, a->merge_head), diff_place_of(s, b->merge_head));
	if (a->merge_head != NULL)
		diff_same("merge_tail", diff_place_of(r, a->merge_tail),
			  diff_place_of(s, b->merge_tail));
	diff_same("mbufs in the pool", rte_mempool_avail_count(r->pool[now.pool].mp),
		  rte_mempool_avail_count(s->pool[now.pool].mp));
}

/* Packet number @i of a burst, segment by segment. */
static void
same_packet(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	const struct diff_side *r = &diff.side[DIFF_REF], *s = &diff.side[DIFF_SUB];
	uint32_t segs = 0;

	DIFF_FIELD(a, b, pkt_len);
	DIFF_FIELD(a, b, nb_segs);
	diff.seen[DIFF_SEVERAL_SEGS] += a->nb_segs > 1;
	if (a->pkt_len > RX_LEN_MAX * 64 || a->ol_flags != 0 || a->packet_type != 0)
		diff_fail("packet of %u bytes with ol_flags 0x%" PRIx64 ", packet_type %u",
			  a->pkt_len, a->ol_flags, a->packet_type);
	for (; a != NULL && b != NULL; a = a->next, b = b->next, segs++) {
		diff_same("mbuf", diff_place_of(r, a), diff_place_of(s, b));
		DIFF_FIELD(a, b, data_off);
		DIFF_FIELD(a, b, data_len);
		DIFF_FIELD(a, b, ol_flags);
		DIFF_FIELD(a, b, packet_type);
		DIFF_FIELD(a, b, port);
		DIFF_FIELD(a, b, refcnt);
		diff_same("port", a->port, UNIT_PORT);
		diff_same("refcnt", a->refcnt, 1);
		if (segs != 0) {
			DIFF_FIELD(a, b, nb_segs);
			DIFF_FIELD(a, b, pkt_len);
		}
		if ((uint32_t)a->data_off + a->data_len > a->buf_len)
			diff_fail("data leave the buffer");
		if (memcmp(rte_pktmbuf_mtod(a, void *), rte_pktmbuf_mtod(b, void *),
			   a->data_len) != 0)
			diff_fail("contents differ");
	}
	diff_same("end of the chain", a == NULL, b == NULL);
}

/* ---- the application ------------------------------------------------------------------------- */

static void
dispose(struct rte_mbuf *m[DIFF_SIDES])
{
	const bool keep = diff_chance(now.hold) && diff.nb_held < DIFF_MBUFS;

	DIFF_FOREACH_SIDE(s) {
		struct rte_mbuf *mine = m[s - diff.side];

		if (keep)
			s->held[diff.nb_held] = mine;
		else
			unit_mbuf_free(mine);
	}
	diff.nb_held += keep;
}

static uint16_t
poll_queues(uint16_t n)
{
	struct rte_mbuf *pkts[DIFF_SIDES][DIFF_BURST + 1];
	const struct pvq_rx_stats before = diff.side[DIFF_REF].rxq->stats, *after;
	const bool was_closed = diff.closed;
	/* Received, and posted. */
	const uint32_t work = DIFF_WORK_OF_CALL + n + diff.side[DIFF_REF].rxq->ring.nb_free;
	uint16_t got[DIFF_SIDES], i;

	DIFF_FOREACH_SIDE(s) {
		const unsigned int side = s - diff.side;

		pkts[side][n] = (void *)(uintptr_t)0x5a5a;
		got[side] = diff_burst(s, s->rxq, &s->rxq->ring, work, pkts[side], n);
		if (pkts[side][n] != (void *)(uintptr_t)0x5a5a)
			diff_fail("a burst of %u wrote more than that", n);
	}
	diff_burst_done(got[DIFF_REF], got[DIFF_SUB], n);
	for (i = 0; i < got[DIFF_REF]; i++)
		same_packet(pkts[DIFF_REF][i], pkts[DIFF_SUB][i]);
	same_queues();
	after = &diff.side[DIFF_REF].rxq->stats;
	diff.seen[DIFF_NO_ROOM] += after->no_mbuf != before.no_mbuf;
	diff.seen[DIFF_DROPS] += after->no_parts + after->scattered + after->short_len -
				 before.no_parts - before.scattered - before.short_len;
	diff.seen[DIFF_ERRORS] += diff.closed && !was_closed;
	for (i = 0; i < got[DIFF_REF]; i++) {
		struct rte_mbuf *pair[] = {pkts[DIFF_REF][i], pkts[DIFF_SUB][i]};

		dispose(pair);
	}
	return got[DIFF_REF];
}

/* The device lies, and uses more buffers as they should be, before it is found out or not. */
static void
lie(void)
{
	uint32_t lies = 1 + diff_below(3), i;

	diff_fetch(false);
	diff_flush(true);
	for (; lies != 0; lies--) {
		diff_rx_send(diff_below(16));
		if (diff_chance(2))
			diff_lie_used(now.size, true);
		else
			diff_rx_lie_packet();
		diff_rx_send(diff_below(16));
		diff_flush(true);
		for (i = 0; i < BURSTS_AFTER; i++)
			poll_queues(diff_burst_len());
	}
}

static void
close_queues(bool honest)
{
	diff_devices_close(honest);
	diff_free_held(diff.nb_held);
	DIFF_FOREACH_SIDE(s) {
		pvq_rxq_free(s->rxq);
		s->rxq = NULL;
	}
	diff_pools_collect();
}

void
diff_rx_episode(void)
{
	uint32_t steps;

	choose();
	diff_rx_device_start(&now);
	diff_pools_deal(now.pool == 0 ? now.nb_mbufs : 0, now.pool == 1 ? now.nb_mbufs : 0);
	open_queue(&diff.side[DIFF_REF], PVQ_ISA_SCALAR);
	open_queue(&diff.side[DIFF_SUB], diff.isa);
	same_queues();
	/* Some laps of the ring; fewer before a lie, so that there are more of those. */
	steps = now.lies && !diff_chance(4) ? diff_below(16) :
					      30 + diff_below(60 + now.size / 16);
	for (diff.step = 0; diff.step < steps; diff.step++) {
		diff_habits_change(&now.habits, now.mode.in_order);
		diff_fetch(now.habits.slow);
		diff_rx_send(now.habits.slow ? diff_below(40) : diff_burst_len());
		diff_flush(false);
		diff_device_event(now.size);
		poll_queues(diff_burst_len());
		if (diff_chance(4))
			diff_free_held(diff_below(diff.nb_held + 1));
	}
	if (now.lies)
		lie();
	close_queues(!now.lies);
}
