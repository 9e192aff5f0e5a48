/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The device of target rx: as it should be, nearly so, and not at all. */

#include <string.h>

#include "fuzz_rx.h"
#include "net_hdr.h"

struct fuzz_place
fuzz_rx_place(struct fuzz_rx *e)
{
	const struct pvq_ring *ring = &e->q->ring;
	struct fuzz_place at = fuzz_ring_place(ring);

	memset(e->named, 0, sizeof(e->named));
	fuzz_place_add(ring, &at, e->q->batch_left);
	while (at.left != 0 && pvq_flags_used(ring->desc[at.slot].flags, at.used_flags)) {
		const uint16_t id = ring->desc[at.slot].id;

		if (id < ring->size)
			e->named[id] = true;
		fuzz_place_add(ring, &at, e->mode.in_order && id < ring->size ?
						  (id + ring->size - at.slot) % ring->size + 1 : 1);
	}
	return at;
}

void
fuzz_rx_header(struct rte_mbuf *m, uint16_t num_buffers)
{
	struct virtio_net_hdr hdr = {.num_buffers = rte_cpu_to_le_16(num_buffers)};

	/* A buffer that the device holds; the mbuf itself has its junk still. */
	memcpy((char *)m->buf_addr + RTE_PKTMBUF_HEADROOM - VIRTIO_NET_HDR_LEN, &hdr, sizeof(hdr));
}

/* A buffer id that may be used now: the slot's own or, without IN_ORDER, perhaps another. */
static uint16_t
pick_id(struct fuzz_rx *e, const struct fuzz_place *at, uint8_t choice)
{
	const struct pvq_rxq *q = e->q;
	uint16_t i, id;

	if (e->mode.in_order)
		return at->slot;
	for (i = 0; i < q->ring.size; i++) {
		id = (at->slot + choice + i) % q->ring.size;
		if (q->shadow[id] != NULL && !e->named[id])
			return id;
	}
	return at->slot;
}

/* The device uses buffers as it should, but for what @p lies: lengths and num_buffers. */
static void
use_buffers(struct fuzz_rx *e, unsigned int n, bool lies)
{
	struct fuzz_place at = fuzz_rx_place(e);
	const bool shuffle = (fuzz_u8(&e->in) & 1) != 0;

	for (; n != 0 && at.left != 0; n--) {
		const uint32_t full = FUZZ_RX_DATA + VIRTIO_NET_HDR_LEN;
		const uint16_t id = pick_id(e, &at, shuffle ? fuzz_u8(&e->in) : 0);
		const uint32_t len = lies ? fuzz_near(&e->in, full) :
					    full - fuzz_u8(&e->in) % (FUZZ_RX_DATA + 1);

		if (e->q->shadow[id] != NULL)
			fuzz_rx_header(e->q->shadow[id],
					  lies ? fuzz_near(&e->in, at.left) : 1);
		fuzz_ring_use(&e->q->ring, &at, id, len, VIRTQ_DESC_F_WRITE);
		e->named[id] = true;
		fuzz_place_add(&e->q->ring, &at, 1);
	}
}

/* One used descriptor for several buffers. */
static void
use_batch(struct fuzz_rx *e)
{
	struct fuzz_place at = fuzz_rx_place(e);
	const uint16_t n = fuzz_u8(&e->in) % (RTE_MIN(at.left, 32u) + 1);
	struct pvq_ring *ring = &e->q->ring;
	uint16_t i, slot;

	if (n == 0)
		return;
	for (i = 0; i < n; i++) {
		slot = pvq_ring_slot_add(ring, at.slot, i);
		if (e->q->shadow[slot] != NULL)
			fuzz_rx_header(e->q->shadow[slot], 1);
	}
	fuzz_ring_use(ring, &at, pvq_ring_slot_add(ring, at.slot, n - 1),
		      fuzz_near(&e->in, FUZZ_RX_DATA), VIRTQ_DESC_F_WRITE);
}

/* A packet of several buffers, or the first part of one that lacks some. */
static void
use_merged(struct fuzz_rx *e)
{
	struct fuzz_place at = fuzz_rx_place(e);
	const unsigned int parts = fuzz_u8(&e->in) % 12 + 1;
	const unsigned int there = parts - fuzz_u8(&e->in) % parts;
	uint32_t len = FUZZ_RX_DATA + VIRTIO_NET_HDR_LEN;
	unsigned int i;

	for (i = 0; i < there && at.left != 0; i++) {
		const uint16_t id = pick_id(e, &at, 0);

		if (i == 0 && e->q->shadow[id] != NULL)
			fuzz_rx_header(e->q->shadow[id], parts);
		if (i + 1 == parts)
			len = VIRTIO_NET_HDR_LEN + fuzz_u8(&e->in) % FUZZ_RX_DATA;
		fuzz_ring_use(&e->q->ring, &at, id, len, VIRTQ_DESC_F_WRITE);
		e->named[id] = true;
		fuzz_place_add(&e->q->ring, &at, 1);
	}
}

/* Any id and any length, where the driver looks next; also in a slot that it has not posted. */
static void
use_any(struct fuzz_rx *e)
{
	const struct fuzz_place at = fuzz_rx_place(e);
	const uint16_t id = fuzz_near(&e->in, e->q->ring.size);
	const uint32_t len = fuzz_near(&e->in, FUZZ_RX_DATA + VIRTIO_NET_HDR_LEN);

	fuzz_ring_use(&e->q->ring, &at, id, len, fuzz_u16(&e->in));
}

/* A header that changes in a buffer the device holds: its number of buffers, or all of it. */
static void
scribble_header(struct fuzz_rx *e)
{
	const uint8_t choice = fuzz_u8(&e->in);
	struct rte_mbuf *m = e->q->shadow[choice % e->q->ring.size];
	uint8_t *hdr;
	unsigned int i;

	if (m == NULL)
		return;
	fuzz_rx_header(m, fuzz_near(&e->in, pvq_ring_outstanding(&e->q->ring)));
	hdr = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM - VIRTIO_NET_HDR_LEN;
	for (i = 0; choice >= 0x80 && i < offsetof(struct virtio_net_hdr, num_buffers); i++)
		hdr[i] = fuzz_u8(&e->in);
}

void
fuzz_rx_device(struct fuzz_rx *e, uint8_t op)
{
	switch (op % 16) {
	case 3:
	case 4:
		use_buffers(e, (op >> 4) + 1, false);
		break;
	case 5:
		use_buffers(e, (op >> 6) + 1, true);
		break;
	case 6:
		use_batch(e);
		break;
	case 7:
	case 8:
		use_merged(e);
		break;
	case 9:
		use_any(e);
		break;
	case 10:
		scribble_header(e);
		break;
	default:
		fuzz_ring_scribble(&e->q->ring, &e->in);
	}
}
