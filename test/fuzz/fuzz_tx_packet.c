/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <string.h>

#include "fuzz_tx_packet.h"
#include "net_hdr.h"

/* One segment with what the input says of its place and length. */
static struct rte_mbuf *
segment(struct rte_mempool *mp, uint16_t headroom, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mp);

	if (m == NULL)
		return NULL;
	memset(m->buf_addr, 0xee, m->buf_len);
	m->data_off = RTE_MIN(headroom, m->buf_len);
	m->data_len = RTE_MIN(len, m->buf_len - m->data_off);
	m->pkt_len = m->data_len;
	return m;
}

static struct rte_mbuf *
chain(struct rte_mempool *mp, struct fuzz_in *in, unsigned int n)
{
	struct rte_mbuf *head = NULL, *tail = NULL;
	const uint8_t seed = fuzz_u8(in);
	unsigned int i;

	for (i = 0; i < n; i++) {
		/* Some have no data. */
		const uint16_t len = (seed >> (i % 4) & 1) != 0 ? 0 : 1 + (seed + i) % FUZZ_TX_DATA;
		struct rte_mbuf *m = segment(mp, i + (seed >> 4) * 8, len);

		if (m == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		if (head == NULL) {
			head = m;
		} else {
			tail->next = m;
			head->nb_segs++;
			head->pkt_len += m->data_len;
		}
		tail = m;
	}
	return head;
}

/* An mbuf over the data of another one that nobody else holds. */
static struct rte_mbuf *
clone_of(struct rte_mbuf *m, struct rte_mempool *mp)
{
	struct rte_mbuf *clone;

	if (m == NULL)
		return NULL;
	clone = rte_pktmbuf_clone(m, mp);
	rte_pktmbuf_free(m);
	return clone;
}

struct rte_mbuf *
fuzz_tx_make(const struct fuzz_tx_pools *pools, struct fuzz_in *in)
{
	const uint8_t kind = fuzz_u8(in), len = fuzz_u8(in);

	switch (kind % 8) {
	case 0:
	case 1:
	case 2:
		return segment(pools->pool, RTE_PKTMBUF_HEADROOM, len % FUZZ_TX_DATA + 1);
	case 3:
		return segment(pools->other, RTE_PKTMBUF_HEADROOM, len % FUZZ_TX_DATA);
	case 4:
		return segment(pools->pool, kind >> 3, len);
	case 5:
		return clone_of(segment(pools->pool, RTE_PKTMBUF_HEADROOM, len % FUZZ_TX_DATA),
				kind >= 0x80 ? pools->other : pools->pool);
	case 6:
		return chain(pools->pool, in, (kind >> 3) % 6 + 1);
	default:
		return chain(kind >= 0x80 ? pools->other : pools->pool, in, len % 24 + 1);
	}
}

unsigned int
fuzz_tx_mbufs(const struct rte_mbuf *m)
{
	unsigned int n = 0;

	for (; m != NULL; m = m->next)
		n += RTE_MBUF_CLONED(m) ? 2 : 1;
	return n;
}

/* What the elements of a packet add up to. */
struct sum {
	const struct pvq_txq *q;
	const struct rte_mbuf *m;
	uint32_t len;
	uint16_t elements;
};

/* Whether all bytes of an element are of the packet, or of the header before it. */
static bool
is_of_packet(const struct rte_mbuf *m, uintptr_t addr, uint32_t len)
{
	for (; m != NULL; m = m->next) {
		const uintptr_t data = rte_pktmbuf_mtod(m, uintptr_t);

		if (addr >= data && addr + len <= data + m->data_len)
			return true;
	}
	return false;
}

static void
add_element(struct sum *s, uintptr_t addr, uint32_t len)
{
	static const uint8_t zero[VIRTIO_NET_HDR_LEN];
	const bool first = s->len == 0;

	FUZZ_CHECK(len != 0, "element %u is empty", s->elements);
	if (first) {
		FUZZ_CHECK(len >= VIRTIO_NET_HDR_LEN, "%u", len);
		FUZZ_CHECK(memcmp((const void *)addr, zero, sizeof(zero)) == 0, "header");
		FUZZ_CHECK(addr == (uintptr_t)s->q->zero_hdr ||
				   addr == rte_pktmbuf_mtod(s->m, uintptr_t) - VIRTIO_NET_HDR_LEN,
			   "a header at %#lx", addr);
	}
	/* With data behind it the header is in the same buffer. */
	if (!first)
		FUZZ_CHECK(is_of_packet(s->m, addr, len), "element %u", s->elements);
	else if (len > VIRTIO_NET_HDR_LEN)
		FUZZ_CHECK(is_of_packet(s->m, addr + VIRTIO_NET_HDR_LEN,
					len - VIRTIO_NET_HDR_LEN),
			   "element 0");
	s->len += len;
	s->elements++;
}

static void
add_table(struct sum *s, const struct virtq_desc *head)
{
	const struct virtq_desc *table = (const struct virtq_desc *)(uintptr_t)head->addr;
	const size_t at = table - s->q->tables;
	uint32_t i;

	FUZZ_CHECK(table >= s->q->tables &&
			   at < (size_t)s->q->nb_tables * PVQ_TABLE_ELEMENTS &&
			   at % PVQ_TABLE_ELEMENTS == 0,
		   "a table at %zu", at);
	FUZZ_CHECK(head->len % sizeof(*table) == 0 && head->len != 0 &&
			   head->len <= PVQ_TABLE_ELEMENTS * sizeof(*table),
		   "a table of %u bytes", head->len);
	for (i = 0; i < head->len / sizeof(*table); i++) {
		FUZZ_CHECK(table[i].flags == 0, "%#x", table[i].flags);
		add_element(s, table[i].addr, table[i].len);
	}
}

uint16_t
fuzz_tx_check_list(const struct pvq_txq *q, struct pvq_cursor *at, bool in_order)
{
	const struct pvq_ring *ring = &q->ring;
	const uint16_t head = at->slot;
	struct pvq_cursor last = *at;
	uint16_t slots = 1, i, id, flags;
	struct sum s = {.q = q};

	while ((ring->desc[last.slot].flags & VIRTQ_DESC_F_NEXT) != 0 && slots < ring->size) {
		pvq_cursor_next(ring, &last);
		slots++;
	}
	id = ring->desc[last.slot].id;
	FUZZ_CHECK(id < ring->size && (!in_order || id == head), "id %u at slot %u", id, head);
	s.m = q->shadow[id];
	FUZZ_CHECK(s.m != NULL && fuzz_is_out(s.m), "id %u has no packet", id);
	FUZZ_CHECK(q->info[id].slots == slots, "%u slots, not %u", slots, q->info[id].slots);
	for (i = 0; i < slots; i++) {
		const struct virtq_desc *d = &ring->desc[at->slot];

		flags = at->flags | (i + 1 < slots ? VIRTQ_DESC_F_NEXT : 0);
		if (d->flags == (flags | VIRTQ_DESC_F_INDIRECT) && slots == 1)
			add_table(&s, d);
		else
			add_element(&s, d->addr, d->len);
		FUZZ_CHECK((d->flags & ~VIRTQ_DESC_F_INDIRECT) == flags, "%#x at slot %u",
			   d->flags, at->slot);
		pvq_cursor_next(ring, at);
	}
	FUZZ_CHECK(s.len == s.m->pkt_len + VIRTIO_NET_HDR_LEN, "%u bytes for %u", s.len,
		   s.m->pkt_len);
	return slots;
}

uint16_t
fuzz_tx_ids(const struct pvq_txq *q, bool in_order, uint16_t *ids)
{
	const uint16_t left = pvq_ring_outstanding(&q->ring);
	uint16_t i, n = 0;

	if (in_order) {
		for (i = 0; i < left; i += q->info[ids[n++]].slots) {
			ids[n] = pvq_ring_slot_add(&q->ring, q->ring.next_used, i);
			FUZZ_CHECK(q->shadow[ids[n]] != NULL && q->info[ids[n]].slots != 0,
				   "no packet at slot %u", ids[n]);
		}
		FUZZ_CHECK(i == left, "%u slots of %u", i, left);
		return n;
	}
	for (i = 0; i < q->ring.size; i++)
		if (q->shadow[i] != NULL)
			ids[n++] = i;
	return n;
}

unsigned int
fuzz_tx_count_new(const struct pvq_txq *q, bool in_order, const uint16_t *ids,
		  struct rte_mbuf *const *pkts, uint16_t n)
{
	uint16_t now[FUZZ_SIZE_MAX], left = fuzz_tx_ids(q, in_order, now), i;
	bool there[FUZZ_SIZE_MAX] = {false};
	unsigned int same = 0;

	for (i = 0; i < left; i++)
		there[now[i]] = true;
	for (i = 0; i < n; i++)
		same += there[ids[i]] && q->shadow[ids[i]] == pkts[i];
	return left - same;
}
