/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <string.h>

#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "log.h"
#include "net_hdr.h"
#include "queue.h"

/* What a fresh mbuf's first fields are to be, as one 64-bit word. */
static uint64_t
rearm_word(uint16_t port_id)
{
	struct rte_mbuf m = {
		.data_off = RTE_PKTMBUF_HEADROOM,
		.nb_segs = 1,
		.port = port_id,
	};
	uint64_t word;

	rte_mbuf_refcnt_set(&m, 1);
	memcpy(&word, pvq_mbuf_rearm(&m), sizeof(word));
	return word;
}

/*
 * A free mbuf has the buffer it came with, whatever was attached to it in between. In nearly all
 * pools that is behind the mbuf itself; an application that lays out its own gets a look at each.
 */
static uint32_t
buf_at(struct rte_mempool *pool)
{
	const uint32_t at = sizeof(struct rte_mbuf) + rte_pktmbuf_priv_size(pool);
	struct rte_mbuf *m;
	bool behind;

	if ((rte_pktmbuf_priv_flags(pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) != 0 ||
	    rte_mempool_get(pool, (void **)&m) != 0)
		return 0;
	behind = m->buf_addr == (char *)m + at;
	rte_mempool_put(pool, m);
	return behind ? at : 0;
}

/*
 * Few enough that the device never waits for more buffers, for a packet that needs several, while
 * the queue waits for a packet.
 */
static uint16_t
free_thresh(uint16_t asked, uint16_t size)
{
	if (asked != 0)
		return RTE_MAX(1u, RTE_MIN(asked, size / 2u));
	return RTE_MAX(1u, RTE_MIN(PVQ_FREE_THRESH_DEFAULT, size / 8u));
}

struct pvq_rxq *
pvq_rxq_create(const struct pvq_vq *vq, struct rte_mempool *pool, const struct rte_eth_rxconf *conf,
	       uint64_t offloads)
{
	const size_t ring_at = RTE_ALIGN_CEIL(sizeof(struct pvq_rxq), RTE_CACHE_LINE_SIZE);
	const size_t shadow_at = ring_at + pvq_ring_bytes(vq->size);
	const size_t stash_at = shadow_at + vq->size * sizeof(struct rte_mbuf *);
	const size_t ids_at = stash_at + vq->size * sizeof(struct rte_mbuf *);
	const uint32_t room = rte_pktmbuf_data_room_size(pool);
	const struct rte_memzone *mz;
	struct pvq_rxq *q;

	mz = pvq_vq_reserve(vq, ids_at + vq->size * sizeof(uint16_t));
	if (mz == NULL)
		return NULL;
	q = mz->addr;
	pvq_vq_init(&q->vq, vq, mz, ring_at);
	q->vq.deferred_start = conf->rx_deferred_start != 0;
	q->gate.state = PVQ_GATE_STOPPED | PVQ_GATE_AWAY | PVQ_GATE_NEW;
	q->shadow = (struct rte_mbuf **)((char *)q + shadow_at);
	q->stash = (struct rte_mbuf **)((char *)q + stash_at);
	q->slot_id = (uint16_t *)((char *)q + ids_at);
	q->pool = pool;
	q->buf_at = buf_at(pool);
	q->rearm = rearm_word(vq->port_id);
	/* A device writes no more than this, so that it fits an mbuf's 16-bit lengths. */
	q->capacity = RTE_MIN(room - RTE_PKTMBUF_HEADROOM + VIRTIO_NET_HDR_LEN,
			      (uint32_t)UINT16_MAX);
	q->free_thresh = free_thresh(conf->rx_free_thresh, vq->size);
	q->offloads = offloads;
	q->scatter = (offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	pvq_ring_init(&q->ring, q->vq.ring_mem, vq->size, false, false);
	return q;
}

bool
pvq_rxq_recycle(struct pvq_rxq *q)
{
	if (q->recycled == NULL)
		q->recycled = rte_zmalloc_socket("pvq_recycled",
						 q->vq.size * sizeof(q->recycled[0]), 0,
						 q->vq.socket_id);
	if (q->recycled == NULL)
		return false;
	/*
	 * Leave something to recycling: the pool is for what it cannot bring. Not more, for packets
	 * that need many buffers.
	 */
	q->free_thresh = RTE_MAX(q->free_thresh, q->vq.size / 4);
	return true;
}

void
pvq_rxq_free(struct pvq_rxq *q)
{
	if (q == NULL)
		return;
	pvq_rxq_clear(q, false);
	rte_free(q->recycled);
	pvq_vq_free(&q->vq);
}

/* Nobody polled between two ends of a device, and the stash is full: the rest is lost. */
static void
drop_rest(struct pvq_rxq *q)
{
	const uint64_t packets = q->stats.packets, bytes = q->stats.bytes;
	struct rte_mbuf *rest[64];
	uint16_t n;

	while ((pvq_gate_state(&q->gate) & PVQ_GATE_ERROR) == 0 &&
	       (n = pvq_rxq_drain(q, rest, RTE_DIM(rest))) != 0) {
		q->stats.stash_dropped += n;
		rte_pktmbuf_free_bulk(rest, n);
	}
	q->stats.packets = packets;
	q->stats.bytes = bytes;
}

/* Save what the old device had finished: the application still gets it, after the reset. */
static void
fill_stash(struct pvq_rxq *q)
{
	uint16_t keep = q->stash_len - q->stash_next;

	memmove(q->stash, q->stash + q->stash_next, keep * sizeof(q->stash[0]));
	q->stash_next = 0;
	q->stash_len = keep + pvq_rxq_drain(q, q->stash + keep, q->vq.size - keep);
	drop_rest(q);
}

/* Bring the buffers that are still posted to the front of the shadow, where id is slot. */
static uint16_t
compact_shadow(struct pvq_rxq *q)
{
	uint16_t i, n = 0;

	for (i = 0; i < q->vq.size; i++) {
		struct rte_mbuf *m = q->shadow[i];

		q->shadow[i] = NULL;
		if (m != NULL)
			q->shadow[n++] = m;
		q->slot_id[i] = i;
	}
	q->ordered = true;
	return n;
}

static void
forget_partial(struct pvq_rxq *q)
{
	rte_pktmbuf_free(q->merge_head);
	q->merge_head = NULL;
	q->merge_left = 0;
	q->merge_polls = 0;
	q->batch_left = 0;
}

int
pvq_rxq_reset(struct pvq_rxq *q, const struct pvq_queue_mode *mode)
{
	uint16_t n;

	if ((pvq_gate_state(&q->gate) & PVQ_GATE_ERROR) == 0)
		fill_stash(q);
	forget_partial(q);
	n = compact_shadow(q);
	pvq_ring_init(&q->ring, q->vq.ring_mem, q->vq.size, mode->event_idx,
		      mode->bus == PVQ_BUS_PLATFORM);
	q->mode = *mode;
	q->vq.error = PVQ_QUEUE_OK;
	q->vq.error_reported = false;
	if (n != 0)
		pvq_rxq_repost(q, n);
	if (n < q->vq.size)
		pvq_rxq_post(q, mode->in_order);
	if (pvq_ring_outstanding(&q->ring) == 0)
		return -ENOMEM;
	if (q->stash_len != 0)
		pvq_gate_set(&q->gate, PVQ_GATE_STASH);
	return 0;
}

uint16_t
pvq_rxq_unstash(struct pvq_rxq *q, struct rte_mbuf **pkts, uint16_t n)
{
	n = RTE_MIN(n, q->stash_len - q->stash_next);
	memcpy(pkts, q->stash + q->stash_next, n * sizeof(pkts[0]));
	q->stash_next += n;
	if (q->stash_next == q->stash_len) {
		q->stash_next = 0;
		q->stash_len = 0;
		pvq_gate_clear(&q->gate, PVQ_GATE_STASH);
	}
	return n;
}

void
pvq_rxq_clear(struct pvq_rxq *q, bool leak)
{
	rte_pktmbuf_free_bulk(q->stash + q->stash_next, q->stash_len - q->stash_next);
	q->stash_next = 0;
	q->stash_len = 0;
	pvq_gate_clear(&q->gate, PVQ_GATE_STASH);
	forget_partial(q);
	q->vq.leaked |= leak;
	if (!leak)
		rte_pktmbuf_free_bulk(q->shadow, q->vq.size);
	memset(q->shadow, 0, q->vq.size * sizeof(q->shadow[0]));
	if (q->vq.leaked)
		pvq_ring_forget(&q->ring);
	else
		pvq_ring_init(&q->ring, q->vq.ring_mem, q->vq.size, q->ring.event_idx,
			      q->ring.platform);
}
