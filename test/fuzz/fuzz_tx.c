/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A transmit queue and a device that uses what it likes. The input names the queue and then steps,
 * of the application and of the device.
 */

#include <inttypes.h>
#include <string.h>

#include <rte_ethdev.h>

#include "ethdev.h"
#include "fuzz_ring.h"
#include "fuzz_tx_packet.h"
#include "net_hdr.h"

#define BURST_MAX 48u

static struct fuzz_tx_pools pools;

struct tx {
	struct fuzz_in in;
	struct pvq_txq *q;
	pvq_burst_t burst;
	struct pvq_queue_mode mode;
	enum pvq_isa isa;
	struct pvq_cursor seen; /* what was made available before this place has been checked */
	uint64_t hash;          /* of the ring when it was closed by an error */
	uint64_t packets;
	uint64_t bytes;
	uint64_t lost;          /* too long for the device to which they were sent again */
	unsigned int kept;      /* mbufs that the application holds */
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const unsigned int n = 40 * FUZZ_SIZE_MAX;

	(void)argc;
	(void)argv;
	fuzz_eal_start();
	FUZZ_CHECK(pvq_gate_init() == 0 && pvq_notify_open(FUZZ_PORT, NULL) == 0, "no notify");
	pools.pool = fuzz_pool_create("tx", n, RTE_PKTMBUF_HEADROOM + FUZZ_TX_DATA);
	pools.other = fuzz_pool_create("other", n, RTE_PKTMBUF_HEADROOM + FUZZ_TX_DATA);
	return 0;
}

/* One queue of each size, its arrays in blocks of their own. */
static struct pvq_txq *
queue_of(uint16_t size)
{
	static struct pvq_txq *queues[FUZZ_SIZE_MAX + 1];
	const struct pvq_vq vq = {
		.port_id = FUZZ_PORT,
		.index = 1,
		.size = size,
		.socket_id = SOCKET_ID_ANY,
		.call_fd = -1,
	};
	const struct rte_eth_txconf conf = {0};
	struct pvq_txq *q = queues[size];

	if (q != NULL)
		return q;
	q = queues[size] = pvq_txq_create(&vq, &conf, 0);
	FUZZ_CHECK(q != NULL, "no queue");
	q->vq.ring_mem = fuzz_block(pvq_ring_bytes(size));
	q->shadow = fuzz_block(size * sizeof(q->shadow[0]));
	q->info = fuzz_block(size * sizeof(q->info[0]));
	q->free_ids = fuzz_block(size * sizeof(q->free_ids[0]));
	q->tables = fuzz_block(q->nb_tables * PVQ_TABLE_ELEMENTS * sizeof(q->tables[0]));
	q->free_tables = fuzz_block(q->nb_tables * sizeof(q->free_tables[0]));
	q->zero_hdr = fuzz_block(sizeof(*q->zero_hdr));
	return q;
}

/* No mbuf, id or table is lost, none is in two places. */
static void
check_packets(const struct tx *e)
{
	const struct pvq_txq *q = e->q;
	unsigned int mbufs = 0, slots = 0, special = 0, tables = 0;
	uint16_t ids[FUZZ_SIZE_MAX], n = fuzz_tx_ids(e->q, e->mode.in_order, ids), i;

	for (i = 0; i < n; i++) {
		const struct pvq_tx_info *info = &q->info[ids[i]];

		mbufs += fuzz_tx_mbufs(q->shadow[ids[i]]);
		slots += info->slots;
		special += info->slots != 1 || info->table != PVQ_NO_TABLE;
		tables += info->table < q->nb_tables;
	}
	FUZZ_CHECK(slots == pvq_ring_outstanding(&q->ring), "%u of %u", slots,
		   pvq_ring_outstanding(&q->ring));
	FUZZ_CHECK(special == q->nb_special, "%u, not %u", q->nb_special, special);
	FUZZ_CHECK(tables + q->nb_free_tables == q->nb_tables, "%u and %u of %u tables", tables,
		   q->nb_free_tables, q->nb_tables);
	FUZZ_CHECK(e->mode.in_order || n + q->nb_free_ids == q->vq.size, "%u and %u ids", n,
		   q->nb_free_ids);
	FUZZ_CHECK(fuzz_pool_out(pools.pool) + fuzz_pool_out(pools.other) == mbufs + e->kept,
		   "%u mbufs are out, not %u",
		   fuzz_pool_out(pools.pool) + fuzz_pool_out(pools.other), mbufs + e->kept);
	FUZZ_CHECK(q->stats.packets == e->packets && q->stats.bytes == e->bytes,
		   "%" PRIu64 " packets", q->stats.packets);
	FUZZ_CHECK(q->stats.packets == q->stats.reclaimed + q->stats.replay_dropped +
							e->lost + n,
		   "%" PRIu64 " packets, %u outstanding", q->stats.packets, n);
}

static void
check_queue(struct tx *e)
{
	const struct pvq_txq *q = e->q;
	const bool failed = (pvq_gate_state(&q->gate) & PVQ_GATE_ERROR) != 0;

	fuzz_ring_check(&q->ring, &q->vq, &q->gate, q->stats.queue_errors);
	check_packets(e);
	if (failed && e->hash == 0)
		e->hash = fuzz_ring_hash(&q->ring);
	FUZZ_CHECK(!failed || e->hash == fuzz_ring_hash(&q->ring),
		   "a ring is written although the queue has an error");
	while (!failed && (e->seen.slot != q->ring.next_avail ||
			   e->seen.flags != q->ring.avail_flags))
		fuzz_tx_check_list(q, &e->seen, e->mode.in_order);
}

static uint32_t
bytes_of(struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t bytes = 0;
	uint16_t i;

	for (i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	return bytes;
}

/* Packets that the queue has to drop are too long or empty; nobody else knows their bytes. */
static void
transmit(struct tx *e, uint16_t n)
{
	const struct pvq_tx_stats before = e->q->stats;
	struct rte_mbuf *pkts[BURST_MAX], *old[FUZZ_SIZE_MAX];
	const bool in_order = e->mode.in_order;
	const bool nothing = pvq_ring_outstanding(&e->q->ring) == 0;
	const enum pvq_queue_error error = e->q->vq.error;
	uint16_t ids[FUZZ_SIZE_MAX], nb_old = fuzz_tx_ids(e->q, in_order, ids), i, sent;
	uint32_t offered;
	uint64_t dropped;

	for (i = 0; i < nb_old; i++)
		old[i] = e->q->shadow[ids[i]];
	for (i = 0; i < n; i++) {
		pkts[i] = fuzz_tx_make(&pools, &e->in);
		if (pkts[i] == NULL)
			break;
	}
	n = i;
	offered = bytes_of(pkts, n);
	FUZZ_DRIVER(sent = e->burst(e->q, pkts, n));
	FUZZ_CHECK(sent <= n, "%u of %u", sent, n);
	FUZZ_CHECK(!nothing || e->q->vq.error == error, "a slot that is not sent is looked at");
	offered -= bytes_of(pkts + sent, n - sent);
	dropped = e->q->stats.too_long + e->q->stats.empty - before.too_long - before.empty;
	FUZZ_CHECK(dropped <= sent, "%" PRIu64 " of %u", dropped, sent);
	e->packets += sent - dropped;
	if (dropped == 0)
		e->bytes += offered;
	else
		e->bytes = e->q->stats.bytes;
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	/*
	 * A device may mark as used what is sent only afterwards, in the same burst. The driver
	 * cannot know, and what has come back so can be looked at no more.
	 */
	if (fuzz_tx_count_new(e->q, in_order, ids, old, nb_old) != sent - dropped)
		e->seen = pvq_ring_cursor(&e->q->ring);
	check_queue(e);
}

/* Where the device goes on: behind what is used and not reclaimed. @return ids that are left. */
static uint16_t
device_place(const struct tx *e, struct fuzz_place *at, uint16_t *ids)
{
	const struct pvq_txq *q = e->q;
	uint16_t n = fuzz_tx_ids(e->q, e->mode.in_order, ids), i, left = 0;
	bool named[FUZZ_SIZE_MAX] = {false};

	*at = fuzz_ring_place(&q->ring);
	while (at->left != 0 && pvq_flags_used(q->ring.desc[at->slot].flags, at->used_flags)) {
		const uint16_t id = q->ring.desc[at->slot].id;
		uint16_t step = 1;

		if (id < q->ring.size) {
			named[id] = true;
			step = q->info[id].slots;
			if (e->mode.in_order)
				step += (id + q->ring.size - at->slot) % q->ring.size;
		}
		fuzz_place_add(&q->ring, at, step);
	}
	for (i = 0; i < n; i++) {
		/* With IN_ORDER what lies before the place is used, whether it is named or not. */
		const uint16_t ahead = pvq_ring_ahead(&q->ring, ids[i]);

		if (e->mode.in_order ? ahead >= pvq_ring_outstanding(&q->ring) - at->left :
				       !named[ids[i]])
			ids[left++] = ids[i];
	}
	return left;
}

/* The device uses packets as it may: with IN_ORDER several at once, else in any order. */
static void
use(struct tx *e, uint16_t n)
{
	uint16_t ids[FUZZ_SIZE_MAX], i;
	struct fuzz_place at;
	uint16_t left = device_place(e, &at, ids);

	for (; n != 0 && left != 0; n--) {
		uint16_t k = fuzz_u8(&e->in) % left, slots = 0;

		fuzz_ring_use(&e->q->ring, &at, ids[k], fuzz_u8(&e->in), 0);
		if (e->mode.in_order) {
			for (i = 0; i <= k; i++)
				slots += e->q->info[ids[i]].slots;
			left -= k + 1;
			memmove(ids, ids + k + 1, left * sizeof(ids[0]));
		} else {
			slots = e->q->info[ids[k]].slots;
			ids[k] = ids[--left];
		}
		fuzz_place_add(&e->q->ring, &at, slots);
	}
}

/* Any id, where the driver looks next; also in a slot that it has not sent. */
static void
use_any(struct tx *e)
{
	uint16_t ids[FUZZ_SIZE_MAX];
	struct fuzz_place at;

	device_place(e, &at, ids);
	fuzz_ring_use(&e->q->ring, &at, fuzz_near(&e->in, e->q->ring.size), fuzz_u16(&e->in),
		      fuzz_u16(&e->in));
}

static void
choose_path(struct tx *e)
{
	const uint16_t number = pvq_tx_path(&e->mode, e->isa);

	e->burst = pvq_tx_paths[number].burst;
	e->seen = (struct pvq_cursor){0, VIRTQ_DESC_F_AVAIL};
	e->hash = 0;
	pvq_gate_set_path(&e->q->gate, number);
	pvq_gate_clear(&e->q->gate, PVQ_GATE_CLOSED);
	check_queue(e);
}

/* A device with other features perhaps: what was sent and not used is sent again. */
static void
reset(struct tx *e, uint8_t switches)
{
	const struct pvq_tx_stats before = e->q->stats;
	int ret;

	pvq_gate_set(&e->q->gate, PVQ_GATE_AWAY);
	e->mode.in_order = (switches & 1) != 0;
	e->mode.indirect = (switches & 2) != 0;
	e->mode.event_idx = (switches & 4) != 0;
	e->mode.max_tx_len = switches & 8 ? FUZZ_TX_DATA : UINT32_MAX;
	fuzz_ring_guard(&e->q->vq, false);
	FUZZ_DRIVER(ret = pvq_txq_reset(e->q, &e->mode));
	fuzz_ring_guard(&e->q->vq, true);
	FUZZ_CHECK(ret >= 0 && e->q->stats.replayed - before.replayed == (unsigned int)ret, "%d",
		   ret);
	e->lost += e->q->stats.too_long - before.too_long;
	choose_path(e);
}

static void
reclaim(struct tx *e, uint16_t max)
{
	if (pvq_gate_state(&e->q->gate) & PVQ_GATE_ERROR)
		return;
	FUZZ_DRIVER(pvq_txq_reclaim(e->q, max, e->mode.in_order));
	check_queue(e);
}

static void
recycle(struct tx *e)
{
	const uint16_t most = fuzz_u8(&e->in) % (FUZZ_SIZE_MAX + 1);
	struct rte_mbuf **to = malloc(RTE_MAX(most, 1u) * sizeof(to[0]));
	uint16_t n;

	FUZZ_CHECK(to != NULL, "no memory");
	FUZZ_DRIVER(n = pvq_txq_recycle(e->q, pools.pool, to, fuzz_u8(&e->in) % 16, most));
	FUZZ_CHECK(n <= most, "%u of %u", n, most);
	e->kept = n;
	check_queue(e);
	rte_mempool_put_bulk(pools.pool, (void **)to, n);
	e->kept = 0;
	free(to);
}

static void
ask(struct tx *e)
{
	const uint16_t at = fuzz_u8(&e->in) % (e->q->ring.size + 1);
	struct rte_mbuf *m = fuzz_tx_make(&pools, &e->in);
	int status;

	FUZZ_DRIVER(status = pvq_tx_descriptor_status(e->q, at));
	FUZZ_CHECK(status >= -EINVAL && status <= RTE_ETH_TX_DESC_UNAVAIL, "%d", status);
	if (m == NULL)
		return;
	FUZZ_DRIVER(status = pvq_tx_prepare(e->q, &m, 1));
	FUZZ_CHECK(status <= 1, "%d", status);
	rte_pktmbuf_free(m);
}

static void
step(struct tx *e)
{
	const uint8_t op = fuzz_u8(&e->in);

	switch (op % 12) {
	case 0:
	case 1:
	case 2:
		transmit(e, fuzz_u8(&e->in) % BURST_MAX);
		break;
	case 3:
	case 4:
	case 5:
		use(e, op / 12 + 1);
		break;
	case 6:
		use_any(e);
		break;
	case 7:
		fuzz_ring_scribble(&e->q->ring, &e->in);
		break;
	case 8:
		reclaim(e, fuzz_u8(&e->in));
		break;
	case 9:
		recycle(e);
		break;
	case 10:
		if (op >= 0x80)
			pvq_gate_set(&e->q->gate, PVQ_GATE_NEW);
		ask(e);
		break;
	case 11:
		reset(e, op / 12);
		break;
	}
	/* The device may write to its ring at any time, so this is not the driver's doing. */
	if (e->hash != 0)
		e->hash = fuzz_ring_hash(&e->q->ring);
}

/* Whatever went before: after a reset a device that behaves gets all packets and one more. */
static void
check_recovery(struct tx *e)
{
	struct rte_mbuf *m;
	unsigned int i;

	reset(e, fuzz_u8(&e->in));
	for (i = 0; i <= FUZZ_SIZE_MAX && pvq_ring_outstanding(&e->q->ring) != 0; i++) {
		use(e, FUZZ_SIZE_MAX);
		reclaim(e, UINT16_MAX);
	}
	FUZZ_CHECK(pvq_ring_outstanding(&e->q->ring) == 0, "packets that never come back");
	m = rte_pktmbuf_alloc(pools.pool);
	FUZZ_CHECK(m != NULL && rte_pktmbuf_append(m, 60) != NULL, "no mbuf");
	FUZZ_DRIVER(i = e->burst(e->q, &m, 1));
	e->packets++;
	e->bytes += 60;
	check_queue(e);
	FUZZ_CHECK(i == 1 && pvq_ring_outstanding(&e->q->ring) == 1, "a packet is not sent");
	use(e, 1);
	reclaim(e, UINT16_MAX);
	FUZZ_CHECK(pvq_ring_outstanding(&e->q->ring) == 0, "a packet does not come back");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tx e = {.in = {data, data + size}};
	unsigned int steps;
	uint8_t switches;

	e.isa = fuzz_isa(fuzz_u8(&e.in));
	e.q = queue_of(fuzz_ring_size(fuzz_u8(&e.in)));
	switches = fuzz_u8(&e.in);
	e.q->free_thresh = fuzz_u8(&e.in) % (e.q->vq.size + 1);
	memset(&e.q->stats, 0, sizeof(e.q->stats));
	e.q->vq.error = PVQ_QUEUE_OK;
	e.q->gate.state = PVQ_GATE_STOPPED | PVQ_GATE_AWAY | PVQ_GATE_NEW;
	reset(&e, switches);
	for (steps = 0; steps < 200 && e.in.at < e.in.end; steps++)
		step(&e);
	check_recovery(&e);
	fuzz_ring_guard(&e.q->vq, false);
	FUZZ_DRIVER(pvq_txq_clear(e.q, false));
	fuzz_ring_guard(&e.q->vq, true);
	FUZZ_CHECK(fuzz_pool_out(pools.pool) + fuzz_pool_out(pools.other) == 0, "mbufs are lost");
	return 0;
}
