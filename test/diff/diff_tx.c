/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "diff.h"

/** Bursts after a lie. */
#define BURSTS_AFTER 4
/** Longest packet there is, in bytes; no segment is longer than the first pool's mbufs. */
#define PACKET_MAX 65536u
/** Packets of a batch, in the kernels that have batches. */
#define BATCH 4u
/** So much more often a burst is traced whose head is not in its first batch. */
#define LATE_HEAD_FAVOUR 64u

struct choices {
	uint16_t size;
	struct pvq_queue_mode mode;
	bool poison;
	struct diff_wish wish; /* for packets */
	uint16_t free_thresh;
	unsigned int nb_mbufs;
	struct diff_habits habits;
	unsigned int special; /* one in so many packets is not plain */
	unsigned int streak;  /* so many packets more are of the same kind */
	bool lies;
};

static struct choices now;

static void
choose(void)
{
	static const unsigned int rarely[] = {1, 2, 4, 16, 64, 1000};

	memset(&now, 0, sizeof(now));
	now.size = diff_ring_size();
	now.mode.in_order = diff_chance(2);
	now.mode.indirect = diff_chance(2);
	now.mode.event_idx = diff_chance(2);
	now.mode.bus = diff_below(PVQ_BUS_PLATFORM + 1);
	now.mode.max_tx_len = diff_chance(2) ? UINT32_MAX : 20 + diff_below(60);
	now.poison = diff_chance(2);
	now.wish.fast_free = diff_chance(3);
	now.wish.pool = diff_below(DIFF_POOLS);
	now.wish.max_len = now.mode.max_tx_len;
	now.free_thresh = diff_chance(2) ? 0 : 1 + diff_below(now.size);
	now.nb_mbufs = diff_chance(4) ? 1 + diff_below(now.size) : now.size + diff_below(1024);
	now.habits = diff_habits_choose(now.mode.in_order);
	now.special = rarely[diff_below(RTE_DIM(rarely))];
	now.lies = diff_chance(2);
	snprintf(diff.setup, sizeof(diff.setup),
		 "ring of %u on bus %d%s%s%s%s%s, max_len %u, %u mbufs, free_thresh %u, 1 packet in %u "
		 "special, order %d%s%s%s",
		 now.size, now.mode.bus, now.mode.in_order ? ", in-order" : "",
		 now.mode.indirect ? ", indirect" : "", now.mode.event_idx ? ", event_idx" : "",
		 now.poison ? ", poison" : "", now.wish.fast_free ? ", fast free" : "",
		 now.mode.max_tx_len, now.nb_mbufs, now.free_thresh, now.special, now.habits.order,
		 now.habits.batch ? ", batches" : "", now.habits.stage ? ", staged" : "",
		 now.habits.slow ? ", slow" : "");
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
	const struct rte_eth_txconf conf = {.tx_free_thresh = now.free_thresh};
	const uint16_t path = pvq_tx_path(&now.mode, isa);
	struct pd_config cfg = {
		.size = now.size,
		.dir = PD_TX,
		.in_order = now.mode.in_order,
		.indirect = now.mode.indirect,
		.event_idx = now.mode.event_idx,
		.poison = now.poison,
	};

	s->txq = pvq_txq_create(&vq, &conf, now.wish.fast_free ? RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE : 0);
	if (s->txq == NULL)
		diff_fail("no queue");
	diff_memory_add(s, &s->txq->vq);
	if (pvq_txq_reset(s->txq, &now.mode) != 0)
		diff_fail("a new ring has packets");
	diff_connect(s, &s->txq->ring, &cfg);
	s->burst = pvq_tx_paths[path].burst;
	pvq_gate_set_path(&s->txq->gate, path);
	pvq_gate_clear(&s->txq->gate, PVQ_GATE_CLOSED);
}

/* ---- comparison ------------------------------------------------------------------------------ */

static void
same_stats(const struct pvq_tx_stats *a, const struct pvq_tx_stats *b)
{
	DIFF_FIELD(a, b, packets);
	DIFF_FIELD(a, b, bytes);
	DIFF_FIELD(a, b, too_long);
	DIFF_FIELD(a, b, empty);
	DIFF_FIELD(a, b, ring_full);
	DIFF_FIELD(a, b, reclaimed);
	DIFF_FIELD(a, b, queue_errors);
	DIFF_FIELD(a, b, notified);
	DIFF_FIELD(a, b, suppressed);
}

static void
same_queues(void)
{
	const struct diff_side *r = &diff.side[DIFF_REF], *s = &diff.side[DIFF_SUB];
	const struct pvq_txq *a = r->txq, *b = s->txq;
	unsigned int i;

	diff_same_common(&a->vq, &b->vq, &a->gate, &b->gate);
	same_stats(&a->stats, &b->stats);
	diff.closed = a->vq.error != PVQ_QUEUE_OK;
	if (diff.closed && !diff.lied)
		diff_fail("the device did not lie, yet it %s", pvq_queue_error_text(a->vq.error));
	diff_same_rings(&a->ring, &b->ring);
	diff_same_places("shadow", (void *const *)a->shadow, (void *const *)b->shadow, now.size);
	if (memcmp(a->info, b->info, now.size * sizeof(a->info[0])) != 0)
		diff_fail("what is known of the buffers by id differs");
	DIFF_FIELD(a, b, seq);
	DIFF_FIELD(a, b, nb_special);
	DIFF_FIELD(a, b, nb_free_ids);
	DIFF_FIELD(a, b, nb_free_tables);
	if (memcmp(a->free_ids, b->free_ids, a->nb_free_ids * sizeof(a->free_ids[0])) != 0)
		diff_fail("free ids differ");
	if (memcmp(a->free_tables, b->free_tables,
		   a->nb_free_tables * sizeof(a->free_tables[0])) != 0)
		diff_fail("free tables differ");
	for (i = 0; i < DIFF_POOLS; i++) {
		diff_same("whether the queue's pool is this one", a->pool == r->pool[i].mp,
			  b->pool == s->pool[i].mp);
		diff_same("mbufs in a pool", rte_mempool_avail_count(r->pool[i].mp),
			  rte_mempool_avail_count(s->pool[i].mp));
	}
}

/* A buffer as the device has fetched it. */
static void
same_buffer(const struct pd_buf *a, const struct pd_buf *b)
{
	static uint8_t data[DIFF_SIDES][PACKET_MAX];
	struct diff_side *r = &diff.side[DIFF_REF], *s = &diff.side[DIFF_SUB];
	ssize_t len;
	uint32_t i;

	DIFF_FIELD(a, b, id);
	DIFF_FIELD(a, b, head);
	DIFF_FIELD(a, b, slots);
	DIFF_FIELD(a, b, nb_elements);
	DIFF_FIELD(a, b, read_len);
	DIFF_FIELD(a, b, table_len);
	for (i = 0; i < a->nb_elements; i++) {
		diff_same("an element's address", diff_place(r, a->elements[i].addr),
			  diff_place(s, b->elements[i].addr));
		diff_same("an element's length", a->elements[i].len, b->elements[i].len);
	}
	len = pd_tx_copy(r->dev, a, NULL, data[DIFF_REF], PACKET_MAX);
	diff_same("length of a packet", len, pd_tx_copy(s->dev, b, NULL, data[DIFF_SUB], PACKET_MAX));
	if (len < 1 || len > PACKET_MAX)
		diff_fail("the device fetched a packet of %zd bytes", len);
	if (memcmp(data[DIFF_REF], data[DIFF_SUB], len) != 0)
		diff_fail("contents of a packet differ");
	diff.seen[DIFF_SEVERAL_SEGS] += a->nb_elements > 1;
}

/* Fetch, and compare what is new. */
static void
fetch(void)
{
	const struct pd_buf *a = pd_last(diff.side[DIFF_REF].dev);
	const struct pd_buf *b = pd_last(diff.side[DIFF_SUB].dev);

	diff_fetch(now.habits.slow);
	a = a != NULL ? a->next : pd_first(diff.side[DIFF_REF].dev);
	b = b != NULL ? b->next : pd_first(diff.side[DIFF_SUB].dev);
	for (; a != NULL && b != NULL; a = a->next, b = b->next)
		same_buffer(a, b);
	diff_same("fetched buffers at an end", a == NULL, b == NULL);
}

/* ---- the device ------------------------------------------------------------------------------ */

/* Use one buffer, or with IN_ORDER several by one used descriptor. @return how many. */
static uint32_t
use_some(uint32_t live)
{
	const uint32_t seed = diff_rand();
	const uint32_t batch = now.habits.batch && diff_chance(2) ? 1 + diff_below(live) : 0;
	const bool stage = now.habits.stage && diff_chance(2);

	DIFF_FOREACH_SIDE(s) {
		uint32_t own = seed;
		struct pd_buf *buf = pd_pick(s->dev, now.habits.order, &own);

		if (batch != 0)
			pd_complete_batch(s->dev, batch, 0);
		else if (stage)
			pd_stage(s->dev, buf, 0);
		else
			pd_complete(s->dev, buf, 0);
	}
	return RTE_MAX(batch, 1u);
}

static void
use(void)
{
	uint32_t live = pd_live(diff.side[DIFF_REF].dev), n = live;

	diff_same("buffers that the device has", live, pd_live(diff.side[DIFF_SUB].dev));
	if (now.habits.slow)
		n = diff_below(RTE_MIN(live, 48u) + 1);
	else if (diff_chance(2))
		n = diff_below(live + 1);
	while (n != 0 && live != 0) {
		const uint32_t done = use_some(live);

		live -= done;
		n -= RTE_MIN(n, done);
	}
	diff_flush(false);
}

/* ---- the application ------------------------------------------------------------------------- */

/* Add new packets to those that were not taken before. */
static void
make_packets(unsigned int n)
{
	struct rte_mbuf *pair[DIFF_SIDES];

	for (; diff.nb_pending < n; diff.nb_pending++) {
		now.wish.again = now.streak != 0;
		if (now.streak != 0) {
			now.streak--;
		} else {
			now.wish.special = diff_chance(now.special);
			if (now.wish.special && diff_chance(4))
				now.streak = diff_below(12);
		}
		if (!diff_tx_make(&now.wish, pair))
			break;
		DIFF_FOREACH_SIDE(s)
			s->pending[diff.nb_pending] = pair[s - diff.side];
	}
}

/* About how many mbufs a burst of @n handles; less where a look is worth more. */
static uint32_t
work_for(uint32_t n)
{
	const struct diff_side *r = &diff.side[DIFF_REF];
	const struct pvq_ring *ring = &r->txq->ring;
	uint32_t work = DIFF_WORK_OF_CALL, drops = 0, i;

	/* It reclaims first, and what is not plain takes longer. */
	if (ring->nb_free < RTE_MAX(r->txq->free_thresh, n))
		work += ring->size - ring->nb_free + 8 * r->txq->nb_special;
	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = r->pending[i];

		work += m->nb_segs;
		if (drops == i && (m->pkt_len == 0 || m->pkt_len > now.mode.max_tx_len))
			drops++;
	}
	/* What is dropped takes no slot: the head is in a batch that is not the first. */
	if (drops != 0 && drops % BATCH == 0 && n - drops >= BATCH)
		work /= LATE_HEAD_FAVOUR;
	return work;
}

static void
send_packets(unsigned int n)
{
	const struct pvq_tx_stats before = diff.side[DIFF_REF].txq->stats, *after;
	const bool was_closed = diff.closed;
	uint16_t sent[DIFF_SIDES];
	uint32_t work;

	make_packets(n);
	n = RTE_MIN(n, diff.nb_pending);
	work = work_for(n);
	DIFF_FOREACH_SIDE(s)
		sent[s - diff.side] = diff_burst(s, s->txq, &s->txq->ring, work, s->pending, n);
	diff_burst_done(sent[DIFF_REF], sent[DIFF_SUB], n);
	same_queues();
	DIFF_FOREACH_SIDE(s)
		memmove(s->pending, s->pending + sent[DIFF_REF],
			(diff.nb_pending - sent[DIFF_REF]) * sizeof(s->pending[0]));
	diff.nb_pending -= sent[DIFF_REF];
	after = &diff.side[DIFF_REF].txq->stats;
	diff.seen[DIFF_NO_ROOM] += after->ring_full != before.ring_full;
	diff.seen[DIFF_DROPS] += after->too_long + after->empty - before.too_long - before.empty;
	diff.seen[DIFF_ERRORS] += diff.closed && !was_closed;
}

/* As rte_eth_tx_done_cleanup() does. */
static void
clean_up(void)
{
	const uint16_t max = diff_below(now.size + 1);

	diff_same("packets cleaned up",
		  pvq_txq_reclaim(diff.side[DIFF_REF].txq, max, now.mode.in_order),
		  pvq_txq_reclaim(diff.side[DIFF_SUB].txq, max, now.mode.in_order));
	same_queues();
}

/* After some honest buffers and before others. */
static void
lie(void)
{
	uint32_t i;

	diff_free_held(diff.nb_held);
	send_packets(diff_burst_len());
	fetch();
	diff_flush(true);
	for (i = 1 + diff_below(3); i != 0; i--) {
		if (diff_chance(2))
			use();
		diff_lie_used(now.size, false);
	}
	if (diff_chance(2))
		use();
	diff_flush(true);
	for (i = 0; i < BURSTS_AFTER; i++)
		send_packets(diff_chance(2) ? diff_burst_len() : DIFF_BURST);
}

static void
close_queues(bool honest)
{
	diff_devices_close(honest);
	diff_free_held(diff.nb_held);
	DIFF_FOREACH_SIDE(s) {
		unsigned int i;

		for (i = 0; i < diff.nb_pending; i++)
			rte_pktmbuf_free(s->pending[i]);
		pvq_txq_free(s->txq);
		s->txq = NULL;
	}
	diff.nb_pending = 0;
	diff_externals_check();
	diff_pools_collect();
}

void
diff_tx_episode(void)
{
	uint32_t steps;

	choose();
	diff_pools_deal(now.nb_mbufs, now.nb_mbufs);
	open_queue(&diff.side[DIFF_REF], PVQ_ISA_SCALAR);
	open_queue(&diff.side[DIFF_SUB], diff.isa);
	same_queues();
	/* Some laps of the ring; fewer before a lie, so that there are more of those. */
	steps = now.lies && !diff_chance(4) ? diff_below(16) :
					      30 + diff_below(60 + now.size / 16);
	for (diff.step = 0; diff.step < steps; diff.step++) {
		diff_habits_change(&now.habits, now.mode.in_order);
		/* The application turns to the other pool. */
		if (!now.wish.fast_free && diff_chance(32))
			now.wish.pool ^= 1;
		send_packets(diff_burst_len());
		fetch();
		use();
		diff_device_event(now.size);
		if (diff_chance(4))
			diff_free_held(diff_below(64));
		if (diff_chance(64))
			clean_up();
	}
	if (now.lies)
		lie();
	close_queues(!now.lies);
}
