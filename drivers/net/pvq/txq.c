/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "net_hdr.h"
#include "queue.h"

/* One table for every so many slots: packets of several segments are the lesser part. */
#define SLOTS_PER_TABLE 16u

/* Nothing outstanding: every id and table free. */
static void
forget_all(struct pvq_txq *q)
{
	uint16_t i;

	memset(q->shadow, 0, q->vq.size * sizeof(q->shadow[0]));
	/* The stacks give the lowest first, so a device that keeps order sees ascending ids. */
	for (i = 0; i < q->vq.size; i++) {
		q->free_ids[i] = q->vq.size - 1 - i;
		q->info[i] = (struct pvq_tx_info){.slots = 1, .table = PVQ_NO_TABLE};
	}
	for (i = 0; i < q->nb_tables; i++)
		q->free_tables[i] = q->nb_tables - 1 - i;
	q->nb_free_ids = q->vq.size;
	q->nb_free_tables = q->nb_tables;
	q->nb_special = 0;
}

/* The ring as after device reset, too. */
static void
start_empty(struct pvq_txq *q)
{
	forget_all(q);
	pvq_ring_init(&q->ring, q->vq.ring_mem, q->vq.size, q->mode.event_idx,
		      q->mode.bus == PVQ_BUS_PLATFORM);
}

struct pvq_txq *
pvq_txq_create(const struct pvq_vq *vq, const struct rte_eth_txconf *conf, uint64_t offloads)
{
	const uint16_t nb_tables = RTE_MAX(1u, vq->size / SLOTS_PER_TABLE);
	const size_t ring_at = RTE_ALIGN_CEIL(sizeof(struct pvq_txq), RTE_CACHE_LINE_SIZE);
	const size_t tables_at = ring_at + pvq_ring_bytes(vq->size);
	const size_t hdr_at =
		tables_at + nb_tables * PVQ_TABLE_ELEMENTS * sizeof(struct virtq_desc);
	const size_t shadow_at = hdr_at + RTE_CACHE_LINE_SIZE;
	const size_t info_at = shadow_at + vq->size * sizeof(struct rte_mbuf *);
	const size_t ids_at = info_at + vq->size * sizeof(struct pvq_tx_info);
	const size_t free_tables_at = ids_at + vq->size * sizeof(uint16_t);
	const struct rte_memzone *mz;
	struct pvq_txq *q;

	mz = pvq_vq_reserve(vq, free_tables_at + nb_tables * sizeof(uint16_t));
	if (mz == NULL)
		return NULL;
	q = mz->addr;
	pvq_vq_init(&q->vq, vq, mz, ring_at);
	q->vq.deferred_start = conf->tx_deferred_start != 0;
	q->gate.state = PVQ_GATE_STOPPED | PVQ_GATE_AWAY | PVQ_GATE_NEW;
	q->tables = (struct virtq_desc *)((char *)q + tables_at);
	q->zero_hdr = (struct virtio_net_hdr *)((char *)q + hdr_at);
	q->shadow = (struct rte_mbuf **)((char *)q + shadow_at);
	q->info = (struct pvq_tx_info *)((char *)q + info_at);
	q->free_ids = (uint16_t *)((char *)q + ids_at);
	q->free_tables = (uint16_t *)((char *)q + free_tables_at);
	q->nb_tables = nb_tables;
	q->free_thresh = conf->tx_free_thresh != 0 ?
				 RTE_MIN(conf->tx_free_thresh, vq->size) :
				 vq->size - RTE_MIN(PVQ_TX_LAG_DEFAULT, vq->size / 2u);
	q->offloads = offloads;
	q->self = q;
	q->rings = &q->self;
	q->nb_rings = 1;
	q->max_len = UINT32_MAX;
	rte_spinlock_init(&q->lock);
	start_empty(q);
	return q;
}

struct pvq_tx_pending {
	struct rte_mbuf *m;
	uint32_t seq;
	bool table; /* went out as an indirect table */
};

/* Older first; the difference stays right when the counter wraps. */
static int
pending_compare(const void *a, const void *b)
{
	const struct pvq_tx_pending *left = a, *right = b;

	return (int32_t)(left->seq - right->seq);
}

static struct pvq_tx_pending
pending_of(const struct pvq_txq *q, uint16_t id)
{
	return (struct pvq_tx_pending){
		.m = q->shadow[id],
		.seq = q->info[id].seq,
		.table = q->info[id].table < q->nb_tables,
	};
}

/*
 * Write a packet again as it was written before: were an older one to take its table, the slots of
 * the old ring would not do. @return whether it went out.
 */
static bool
write_again(struct pvq_txq *q, struct pvq_tx_pending *p)
{
	const uint16_t tables = q->nb_free_tables;
	struct pvq_tx_sum sum;

	if (!p->table)
		q->nb_free_tables = 0;
	if (pvq_txq_write(q, &p->m, 1, &sum) == 0) {
		rte_pktmbuf_free(p->m);
		q->stats.replay_dropped++;
	}
	if (!p->table)
		q->nb_free_tables = tables;
	return sum.packets != 0;
}

/* The packets that the device holds, oldest first. @return how many. */
static uint16_t
collect_pending(const struct pvq_txq *q, struct pvq_tx_pending *list)
{
	const uint16_t slots = pvq_ring_outstanding(&q->ring);
	uint16_t i, n = 0;

	if (q->mode.in_order) {
		for (i = 0; i < slots; i++) {
			uint16_t slot = pvq_ring_slot_add(&q->ring, q->ring.next_used, i);

			if (q->shadow[slot] != NULL)
				list[n++] = pending_of(q, slot);
		}
		return n;
	}
	for (i = 0; i < q->vq.size; i++)
		if (q->shadow[i] != NULL)
			list[n++] = pending_of(q, i);
	qsort(list, n, sizeof(list[0]), pending_compare);
	return n;
}

int
pvq_txq_empty(struct pvq_txq *q, const struct pvq_queue_mode *mode)
{
	if ((pvq_gate_state(&q->gate) & PVQ_GATE_ERROR) == 0)
		pvq_txq_reclaim(q, UINT16_MAX, q->mode.in_order);
	/* What the last device never got is still there, and nothing else can have been sent. */
	if (q->pending == NULL) {
		q->pending = calloc(pvq_ring_outstanding(&q->ring) + 1u, sizeof(*q->pending));
		if (q->pending == NULL)
			return -ENOMEM;
		q->nb_pending = collect_pending(q, q->pending);
	}
	q->mode = *mode;
	q->max_len = mode->max_tx_len;
	q->vq.error = PVQ_QUEUE_OK;
	q->vq.error_reported = false;
	start_empty(q);
	return 0;
}

static void
forget_pending(struct pvq_txq *q)
{
	free(q->pending);
	q->pending = NULL;
	q->nb_pending = 0;
}

uint16_t
pvq_txq_replay(struct pvq_txq *q)
{
	uint16_t i, again = 0;

	/* One at a time: what does not fit any more may be in the middle. */
	for (i = 0; i < q->nb_pending; i++)
		again += write_again(q, &q->pending[i]);
	forget_pending(q);
	q->stats.replayed += again;
	return again;
}

int
pvq_txq_reset(struct pvq_txq *q, const struct pvq_queue_mode *mode)
{
	int ret = pvq_txq_empty(q, mode);

	return ret != 0 ? ret : pvq_txq_replay(q);
}

void
pvq_txq_clear(struct pvq_txq *q, bool leak)
{
	const uint16_t slots = q->mode.in_order ? pvq_ring_outstanding(&q->ring) : q->vq.size;
	const uint16_t first = q->mode.in_order ? q->ring.next_used : 0;
	uint16_t i;

	q->vq.leaked |= leak;
	for (i = 0; i < slots && !leak; i++)
		rte_pktmbuf_free(q->shadow[pvq_ring_slot_add(&q->ring, first, i)]);
	/* These no device holds. */
	for (i = 0; i < q->nb_pending; i++)
		rte_pktmbuf_free(q->pending[i].m);
	forget_pending(q);
	if (!q->vq.leaked) {
		start_empty(q);
		return;
	}
	forget_all(q);
	pvq_ring_forget(&q->ring);
}

void
pvq_txq_free(struct pvq_txq *q)
{
	if (q == NULL)
		return;
	pvq_txq_clear(q, false);
	pvq_vq_free(&q->vq);
}
