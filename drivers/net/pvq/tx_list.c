/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Packets of more than one element: several segments, or data that others may read too, so that
 * the header needs a place of its own. They go out as an indirect table where that is negotiated
 * and one is free, else as a list of slots (specification 1.4, Packed Virtqueues, Indirect Flag:
 * Scatter-Gather Support, and Next Flag: Descriptor Chaining).
 */

#include <errno.h>

#include "net_hdr.h"
#include "queue.h"

/* The elements of one packet, in the order in which the device reads them. */
struct elements {
	const struct pvq_txq *q;
	const struct rte_mbuf *seg; /* next segment to give out */
	bool own_hdr;               /* the header stands before the first segment's data */
	bool hdr_done;
};

struct element {
	uint64_t addr;
	uint32_t len;
};

static struct element
elements_next(struct elements *e)
{
	const struct rte_mbuf *seg;

	if (!e->hdr_done) {
		e->hdr_done = true;
		if (!e->own_hdr)
			return (struct element){pvq_vq_bus_addr(&e->q->vq, e->q->zero_hdr),
						VIRTIO_NET_HDR_LEN};
		seg = e->seg;
		e->seg = seg->next;
		return (struct element){pvq_mbuf_addr(seg, e->q->mode.bus) + seg->data_off -
						VIRTIO_NET_HDR_LEN,
					seg->data_len + VIRTIO_NET_HDR_LEN};
	}
	while (e->seg->data_len == 0)
		e->seg = e->seg->next;
	seg = e->seg;
	e->seg = seg->next;
	return (struct element){pvq_mbuf_addr(seg, e->q->mode.bus) + seg->data_off,
				seg->data_len};
}

/* Segments with data; an element of length 0 is never made available (PR-13). */
static uint16_t
count_filled(const struct rte_mbuf *m)
{
	uint16_t n = 0;

	/* Beyond the limit the number does not matter. */
	for (; m != NULL && n <= PVQ_TX_SEGS_MAX; m = m->next)
		n += m->data_len != 0;
	return n;
}

/* Table entries carry an address and a length; no other bit means anything in them (PR-26). */
static void
write_table(struct virtq_desc *table, struct elements *e, uint16_t n)
{
	uint16_t i;

	for (i = 0; i < n; i++) {
		struct element el = elements_next(e);

		table[i] = (struct virtq_desc){
			.addr = rte_cpu_to_le_64(el.addr),
			.len = rte_cpu_to_le_32(el.len),
		};
	}
}

/* Every slot gets the lap's flags of its own place, which changes where the list wraps (PR-07). */
static void
write_chain(struct pvq_txq *q, struct elements *e, uint16_t n, uint16_t id, bool in_order,
	    struct pvq_cursor *at)
{
	struct pvq_ring *ring = &q->ring;
	uint16_t i;

	for (i = 0; i < n; i++) {
		struct element el = elements_next(e);
		uint16_t next = i + 1 < n ? VIRTQ_DESC_F_NEXT : 0;

		pvq_ring_write(ring, at->slot, el.addr, el.len, id);
		if (i != 0) {
			ring->desc[at->slot].flags = rte_cpu_to_le_16(at->flags | next);
			/* With IN_ORDER ids are slots: these name no packet. */
			if (in_order)
				q->shadow[at->slot] = NULL;
		}
		pvq_cursor_next(ring, at);
	}
}

int
pvq_txq_write_list(struct pvq_txq *q, struct rte_mbuf *m, struct pvq_cursor *at,
		   uint16_t used_slots, bool in_order, uint16_t *head_flags)
{
	const uint16_t room = q->ring.nb_free - used_slots;
	const uint16_t filled = count_filled(m);
	struct elements e = {.q = q, .seg = m};
	uint16_t table = PVQ_NO_TABLE, n, id;
	bool can_table;

	if (filled == 0) {
		q->stats.empty++;
		return -EINVAL;
	}
	/* A lone element would look like a packet of one segment to the reclaim. */
	e.own_hdr = pvq_net_hdr_fits(m) && filled + (m->data_len == 0) > 1;
	n = e.own_hdr ? filled + (m->data_len == 0) : filled + 1;
	can_table = q->mode.indirect && n <= PVQ_TABLE_ELEMENTS && n < q->ring.size;
	if (m->pkt_len > q->max_len || filled > PVQ_TX_SEGS_MAX ||
	    (n > q->ring.size && !can_table)) {
		q->stats.too_long++;
		return -EMSGSIZE;
	}
	if (can_table && room != 0 && q->nb_free_tables != 0)
		table = q->free_tables[--q->nb_free_tables];
	else if (n > room)
		return 0;

	if (e.own_hdr)
		pvq_net_hdr_tx(m);
	id = in_order ? at->slot : q->free_ids[--q->nb_free_ids];
	q->shadow[id] = m;
	q->nb_special++;
	if (table != PVQ_NO_TABLE) {
		struct virtq_desc *entries = &q->tables[(size_t)table * PVQ_TABLE_ELEMENTS];

		write_table(entries, &e, n);
		pvq_ring_write(&q->ring, at->slot, pvq_vq_bus_addr(&q->vq, entries),
			       n * sizeof(*entries), id);
		pvq_cursor_next(&q->ring, at);
		*head_flags = VIRTQ_DESC_F_INDIRECT;
		n = 1;
	} else {
		write_chain(q, &e, n, id, in_order, at);
		*head_flags = VIRTQ_DESC_F_NEXT;
	}
	q->info[id] = (struct pvq_tx_info){.slots = n, .table = table, .seq = q->seq++};
	return n;
}
