/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A receive queue and a device that writes what it likes: used descriptors, headers and event
 * structures. The input names the queue and then steps, of the application and of the device.
 */

#include <inttypes.h>
#include <string.h>

#include <rte_ethdev.h>

#include "ethdev.h"
#include "fuzz_rx.h"
#include "net_hdr.h"

#define BURST_MAX 96u

static struct rte_mempool *pool;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_eal_start();
	FUZZ_CHECK(pvq_gate_init() == 0 && pvq_notify_open(FUZZ_PORT, NULL) == 0, "no notify");
	pool = fuzz_pool_create("rx", 2 * FUZZ_SIZE_MAX + 64, RTE_PKTMBUF_HEADROOM + FUZZ_RX_DATA);
	return 0;
}

/* One queue of each size, its arrays in blocks of their own. */
static struct pvq_rxq *
queue_of(uint16_t size)
{
	static struct pvq_rxq *queues[FUZZ_SIZE_MAX + 1];
	const struct pvq_vq vq = {
		.port_id = FUZZ_PORT,
		.index = 2,
		.size = size,
		.socket_id = SOCKET_ID_ANY,
		.call_fd = -1,
	};
	const struct rte_eth_rxconf conf = {0};
	struct pvq_rxq *q = queues[size];

	if (q != NULL)
		return q;
	q = queues[size] = pvq_rxq_create(&vq, pool, &conf, RTE_ETH_RX_OFFLOAD_SCATTER);
	FUZZ_CHECK(q != NULL, "no queue");
	q->vq.ring_mem = fuzz_block(pvq_ring_bytes(size));
	q->shadow = fuzz_block(size * sizeof(q->shadow[0]));
	q->stash = fuzz_block(size * sizeof(q->stash[0]));
	q->slot_id = fuzz_block(size * sizeof(q->slot_id[0]));
	q->recycled = fuzz_block(size * sizeof(q->recycled[0]));
	return q;
}

/* Every buffer posted since the last look is whole, in an mbuf that is the queue's own. */
static void
check_posted(struct fuzz_rx *e)
{
	const struct pvq_ring *ring = &e->q->ring;

	while (e->seen.slot != ring->next_avail || e->seen.flags != ring->avail_flags) {
		const struct virtq_desc *d = &ring->desc[e->seen.slot];
		const struct rte_mbuf *m;

		FUZZ_CHECK(d->flags == (e->seen.flags | VIRTQ_DESC_F_WRITE), "%#x at slot %u",
			   d->flags, e->seen.slot);
		FUZZ_CHECK(d->id < ring->size, "id %u", d->id);
		FUZZ_CHECK(!e->mode.in_order || d->id == e->seen.slot, "id %u at slot %u", d->id,
			   e->seen.slot);
		m = e->q->shadow[d->id];
		FUZZ_CHECK(m != NULL && fuzz_is_out(m), "id %u has no mbuf", d->id);
		FUZZ_CHECK(d->addr == (uintptr_t)m->buf_addr + RTE_PKTMBUF_HEADROOM -
					      VIRTIO_NET_HDR_LEN &&
				   d->len == FUZZ_RX_DATA + VIRTIO_NET_HDR_LEN,
			   "id %u: %u bytes", d->id, d->len);
		e->named[d->id] = false;
		pvq_cursor_next(ring, &e->seen);
	}
}

/* No mbuf is lost, none is in two places. */
static void
check_mbufs(const struct fuzz_rx *e)
{
	const struct pvq_rxq *q = e->q;
	unsigned int i, posted = 0, saved = 0;
	const struct rte_mbuf *m;

	for (i = 0; i < q->ring.size; i++)
		posted += q->shadow[i] != NULL;
	FUZZ_CHECK(posted == pvq_ring_outstanding(&q->ring), "%u mbufs in %u slots", posted,
		   pvq_ring_outstanding(&q->ring));
	/* A packet's mbufs that are not delivered yet. */
	for (m = q->merge_head; m != NULL; m = m->next)
		saved++;
	for (i = q->stash_next; i < q->stash_len; i++)
		saved += q->stash[i]->nb_segs;
	FUZZ_CHECK((q->merge_head != NULL) == (q->merge_left != 0), "%u", q->merge_left);
	FUZZ_CHECK(fuzz_pool_out(pool) == posted + saved + e->nb_held + e->nb_starved,
		   "%u mbufs are out, %u posted, %u saved, %u held", fuzz_pool_out(pool), posted,
		   saved, e->nb_held + e->nb_starved);
}

static void
check_queue(struct fuzz_rx *e)
{
	const struct pvq_rxq *q = e->q;
	const bool failed = (pvq_gate_state(&q->gate) & PVQ_GATE_ERROR) != 0;

	fuzz_ring_check(&q->ring, &q->vq, &q->gate, q->stats.queue_errors);
	check_mbufs(e);
	FUZZ_CHECK(q->batch_left <= pvq_ring_outstanding(&q->ring), "%u", q->batch_left);
	FUZZ_CHECK(failed || q->merge_left <= pvq_ring_outstanding(&q->ring), "%u parts to come, %u posted",
		   q->merge_left, pvq_ring_outstanding(&q->ring));
	FUZZ_CHECK(q->stats.packets == e->packets + q->stash_len - q->stash_next, "%" PRIu64,
		   q->stats.packets);
	if (failed && e->hash == 0)
		e->hash = fuzz_ring_hash(&q->ring);
	FUZZ_CHECK(!failed || e->hash == fuzz_ring_hash(&q->ring),
		   "a ring is written although the queue has an error");
	if (!failed)
		check_posted(e);
}

/* A packet as the application may expect it. */
static void
check_packet(const struct rte_mbuf *m, bool scatter)
{
	const struct rte_mbuf *seg;
	const char *reason = "";
	uint32_t len = 0;
	uint16_t n = 0;

	FUZZ_CHECK(rte_mbuf_check(m, 1, &reason) == 0, "%s", reason);
	for (seg = m; seg != NULL; seg = seg->next, n++) {
		FUZZ_CHECK(seg->data_off + seg->data_len <= seg->buf_len, "%u + %u of %u",
			   seg->data_off, seg->data_len, seg->buf_len);
		FUZZ_CHECK(seg->port == FUZZ_PORT && seg->ol_flags == 0 && seg->pool == pool &&
				   rte_mbuf_refcnt_read(seg) == 1,
			   "segment %u", n);
		len += seg->data_len;
	}
	FUZZ_CHECK(len == m->pkt_len && n == m->nb_segs, "%u bytes of %u, %u segments of %u", len,
		   m->pkt_len, n, m->nb_segs);
	FUZZ_CHECK(n == 1 || scatter, "%u segments for an application that takes one", n);
	FUZZ_CHECK(m->packet_type == 0, "%#x", m->packet_type);
}

static void
free_held(struct fuzz_rx *e, unsigned int keep)
{
	while (e->nb_held > keep) {
		struct rte_mbuf *m = e->held[--e->nb_held];

		fuzz_give(m);
		/* Segment by segment, so that every place in held is one mbuf. */
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
	}
}

/* Whether the first thing that a burst sees is an id that no ring of this size has. */
static bool
is_bad_id_next(const struct fuzz_rx *e)
{
	const struct pvq_ring *ring = &e->q->ring;
	const struct virtq_desc *d = &ring->desc[ring->next_used];

	return (pvq_gate_state(&e->q->gate) & (PVQ_GATE_CLOSED | PVQ_GATE_STASH)) == 0 &&
	       e->q->batch_left == 0 && pvq_ring_outstanding(ring) != 0 &&
	       pvq_flags_used(d->flags, ring->used_flags) && d->id >= ring->size;
}

static uint16_t
receive(struct fuzz_rx *e, uint16_t n)
{
	const bool lie = n != 0 && is_bad_id_next(e);
	const bool nothing = pvq_ring_outstanding(&e->q->ring) == 0;
	const enum pvq_queue_error error = e->q->vq.error;
	/* As long as it is asked for, so that one more is seen. */
	struct rte_mbuf **pkts = malloc(RTE_MAX(n, 1u) * sizeof(pkts[0]));
	struct rte_mbuf *m;
	uint16_t got, i;

	FUZZ_CHECK(pkts != NULL, "no memory");
	FUZZ_DRIVER(got = e->path->burst(e->q, pkts, n));
	FUZZ_CHECK(got <= n, "%u of %u", got, n);
	FUZZ_CHECK(!lie || e->q->vq.error != PVQ_QUEUE_OK, "a bad id is taken");
	FUZZ_CHECK(!nothing || e->q->vq.error == error, "a slot that is not posted is looked at");
	for (i = 0; i < got; i++) {
		check_packet(pkts[i], e->q->scatter);
		e->packets++;
		for (m = pkts[i]; m != NULL; m = m->next) {
			fuzz_take(m);
			FUZZ_CHECK(e->nb_held < HELD_MAX, "too many");
			e->held[e->nb_held++] = m;
		}
	}
	free(pkts);
	check_queue(e);
	return got;
}

static void
recycle(struct fuzz_rx *e)
{
	uint16_t n = fuzz_u8(&e->in) % (e->q->ring.size + 1);

	if (rte_mempool_get_bulk(pool, (void **)e->q->recycled, n) != 0)
		return;
	FUZZ_DRIVER(e->path->recycle(e->q, n));
	check_queue(e);
}

/* Leave the pool with few mbufs, or give them back. */
static void
starve(struct fuzz_rx *e)
{
	unsigned int leave = fuzz_u8(&e->in);

	while (e->nb_starved < HELD_MAX && rte_mempool_avail_count(pool) > leave &&
	       rte_mempool_get(pool, (void **)&e->starved[e->nb_starved]) == 0)
		e->nb_starved++;
	while (e->nb_starved != 0 && rte_mempool_avail_count(pool) < leave)
		rte_mempool_put(pool, e->starved[--e->nb_starved]);
}

static void
choose_path(struct fuzz_rx *e)
{
	const uint16_t number = pvq_rx_path(&e->mode, e->isa);

	e->path = &pvq_rx_paths[number];
	e->seen = (struct pvq_cursor){0, VIRTQ_DESC_F_AVAIL};
	e->hash = 0;
	pvq_gate_set_path(&e->q->gate, number);
	pvq_gate_clear(&e->q->gate, PVQ_GATE_CLOSED);
	check_queue(e);
}

static void
reset(struct fuzz_rx *e, uint8_t switches)
{
	int ret;

	pvq_gate_set(&e->q->gate, PVQ_GATE_AWAY);
	e->mode.in_order = (switches & 1) != 0;
	e->mode.mergeable = (switches & 2) != 0;
	e->mode.event_idx = (switches & 4) != 0;
	fuzz_ring_guard(&e->q->vq, false);
	FUZZ_DRIVER(ret = pvq_rxq_reset(e->q, &e->mode));
	if (ret != 0) {
		FUZZ_CHECK(ret == -ENOMEM && rte_mempool_avail_count(pool) == 0, "%d", ret);
		while (e->nb_starved != 0)
			rte_mempool_put(pool, e->starved[--e->nb_starved]);
		free_held(e, 0);
		FUZZ_DRIVER(ret = pvq_rxq_reset(e->q, &e->mode));
		FUZZ_CHECK(ret == 0, "%d", ret);
	}
	fuzz_ring_guard(&e->q->vq, true);
	choose_path(e);
}

static void
clear(struct fuzz_rx *e)
{
	e->packets += e->q->stash_len - e->q->stash_next;
	fuzz_ring_guard(&e->q->vq, false);
	FUZZ_DRIVER(pvq_rxq_clear(e->q, false));
	fuzz_ring_guard(&e->q->vq, true);
	free_held(e, 0);
	while (e->nb_starved != 0)
		rte_mempool_put(pool, e->starved[--e->nb_starved]);
	FUZZ_CHECK(fuzz_pool_out(pool) == 0, "%u mbufs are lost", fuzz_pool_out(pool));
}

/* What other operations of the port do with a ring. */
static void
ask(struct fuzz_rx *e)
{
	const uint16_t size = e->q->ring.size, at = fuzz_u8(&e->in) % (size + 1);
	struct rte_power_monitor_cond cond;
	int status;

	FUZZ_DRIVER(status = pvq_rx_queue_count(e->q));
	FUZZ_CHECK(status >= 0 && status <= size + e->q->vq.size, "%d of %u", status, size);
	FUZZ_DRIVER(status = pvq_rx_descriptor_status(e->q, at));
	FUZZ_CHECK(status >= -EINVAL && status <= RTE_ETH_RX_DESC_UNAVAIL, "%d", status);
	FUZZ_DRIVER(status = pvq_get_monitor_addr(e->q, &cond));
	if (pvq_gate_state(&e->q->gate) & PVQ_GATE_ERROR)
		return;
	if (at % 2 == 0)
		pvq_ring_enable_notify(&e->q->ring);
	else
		pvq_ring_disable_notify(&e->q->ring);
}

static void
step(struct fuzz_rx *e)
{
	const uint8_t op = fuzz_u8(&e->in);

	switch (op % 16) {
	case 0:
	case 1:
	case 2:
		receive(e, fuzz_u8(&e->in) % BURST_MAX);
		if (op & 0x80)
			free_held(e, 0);
		else if (e->nb_held > HELD_MAX / 4)
			free_held(e, HELD_MAX / 16);
		break;
	case 12:
		recycle(e);
		break;
	case 13:
		starve(e);
		break;
	case 14:
		/* A million polls in vain. */
		if (e->q->merge_left != 0 && op >= 0x40)
			e->q->merge_polls = PVQ_MERGE_POLLS_MAX;
		else if (op >= 0x20)
			pvq_gate_set(&e->q->gate, PVQ_GATE_NEW);
		ask(e);
		break;
	case 15:
		reset(e, op >> 4);
		break;
	default:
		fuzz_rx_device(e, op);
	}
	/* The device may write to its ring at any time, so this is not the driver's doing. */
	if (e->hash != 0)
		e->hash = fuzz_ring_hash(&e->q->ring);
}

/* Whatever went before: after a reset the queue delivers what a device that behaves sends it. */
static void
check_recovery(struct fuzz_rx *e)
{
	struct fuzz_place at;
	unsigned int i;

	free_held(e, 0);
	reset(e, fuzz_u8(&e->in));
	for (i = 0; i < 2 * FUZZ_SIZE_MAX && e->q->stash_len != 0; i++) {
		receive(e, BURST_MAX);
		free_held(e, 0);
	}
	receive(e, 1);
	at = fuzz_rx_place(e);
	FUZZ_CHECK(at.left == pvq_ring_outstanding(&e->q->ring) && at.left != 0, "%u", at.left);
	fuzz_rx_header(e->q->shadow[at.slot], 1);
	fuzz_ring_use(&e->q->ring, &at, at.slot, FUZZ_RX_DATA + VIRTIO_NET_HDR_LEN,
		      VIRTQ_DESC_F_WRITE);
	FUZZ_CHECK(receive(e, 4) == 1, "a packet does not come");
	FUZZ_CHECK(e->held[0]->pkt_len == FUZZ_RX_DATA, "%u", e->held[0]->pkt_len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_rx e;
	unsigned int steps;
	uint8_t switches;

	memset(&e, 0, sizeof(e));
	e.in = (struct fuzz_in){data, data + size};
	e.isa = fuzz_isa(fuzz_u8(&e.in));
	e.q = queue_of(fuzz_ring_size(fuzz_u8(&e.in)));
	switches = fuzz_u8(&e.in);
	e.q->free_thresh = RTE_MAX(1u, fuzz_u8(&e.in) % e.q->vq.size);
	e.q->scatter = (switches & 8) == 0;
	/* As with an application that lays out its mbufs itself. */
	e.q->buf_at = switches & 0x10 ? 0 : sizeof(struct rte_mbuf) + 64;
	memset(&e.q->stats, 0, sizeof(e.q->stats));
	e.q->vq.error = PVQ_QUEUE_OK;
	e.q->gate.state = PVQ_GATE_STOPPED | PVQ_GATE_AWAY | PVQ_GATE_NEW;
	reset(&e, switches);
	for (steps = 0; steps < 200 && e.in.at < e.in.end; steps++)
		step(&e);
	check_recovery(&e);
	clear(&e);
	return 0;
}
