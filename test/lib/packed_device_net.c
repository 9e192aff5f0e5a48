/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>

#include "packed_device_priv.h"

#define HDR PD_NET_HDR_BYTES
/* Bits of the header's flags without a meaning. */
#define PD_HDR_UNDEFINED 0xf0u

static uint16_t
le16_at(const uint8_t *at)
{
	return at[0] | at[1] << 8;
}

static void
put_le16(uint8_t *at, uint16_t value)
{
	at[0] = value & 0xff;
	at[1] = value >> 8;
}

/* Copy between a buffer's elements from byte @off on and flat memory; bytes copied. */
static uint32_t
copy(const struct pd_buf *buf, uint64_t off, void *flat, uint64_t len, bool to_buf)
{
	const struct pd_element *e;
	uint8_t *at = flat;
	uint64_t n, done = 0;
	uint32_t i;

	for (i = 0; i < buf->nb_elements && done < len; i++) {
		e = &buf->elements[i];
		if (off >= e->len) {
			off -= e->len;
			continue;
		}
		n = e->len - off;
		if (n > len - done)
			n = len - done;
		if (to_buf)
			memcpy((uint8_t *)e->base + off, at + done, n);
		else
			memcpy(at + done, (uint8_t *)e->base + off, n);
		done += n;
		off = 0;
	}
	return done;
}

static bool
gso_negotiated(const struct pd_vq *vq, uint8_t type)
{
	switch (type & ~PD_GSO_ECN) {
	case PD_GSO_TCPV4:
		return vq->cfg.gso & PD_HOST_TSO4;
	case PD_GSO_TCPV6:
		return vq->cfg.gso & PD_HOST_TSO6;
	case PD_GSO_UDP:
		return vq->cfg.gso & PD_HOST_UFO;
	case PD_GSO_UDP_L4:
		return vq->cfg.gso & PD_HOST_USO;
	default:
		return false;
	}
}

static void
check_tx_hdr(struct pd_vq *vq, const struct pd_buf *buf, const struct pd_net_hdr *h)
{
	bool csum = h->flags & PD_HDR_NEEDS_CSUM;

	if (h->num_buffers != 0)
		pd_report(vq, "NT-04", buf->head, "num_buffers %u", h->num_buffers);
	if (h->flags & ~PD_HDR_NEEDS_CSUM)
		pd_report(vq, "NT-04", buf->head, "header flags 0x%02x", h->flags);
	if (csum && !vq->cfg.csum)
		pd_report(vq, "NT-04", buf->head, "NEEDS_CSUM without CSUM");
	if (!csum && (h->csum_start != 0 || h->csum_offset != 0))
		pd_report(vq, "NT-04", buf->head, "checksum fields %u, %u unused and not zero",
			  h->csum_start, h->csum_offset);
	if (csum && HDR + h->csum_start + h->csum_offset + 2ull > buf->read_len)
		pd_report(vq, "NT-05", buf->head, "checksum at %u + %u is outside the packet",
			  h->csum_start, h->csum_offset);
	if (h->gso_type != PD_GSO_NONE && !gso_negotiated(vq, h->gso_type))
		pd_report(vq, "NT-06", buf->head, "gso_type 0x%02x not negotiated", h->gso_type);
	else if (h->gso_type != PD_GSO_NONE && (!csum || h->gso_size == 0))
		pd_report(vq, "NT-07", buf->head, "gso_type 0x%02x, flags 0x%02x, gso_size %u",
			  h->gso_type, h->flags, h->gso_size);
	if (h->gso_type == PD_GSO_NONE && (h->gso_size != 0 || h->hdr_len != 0))
		pd_report(vq, "NT-04", buf->head, "gso_size %u, hdr_len %u unused and not zero",
			  h->gso_size, h->hdr_len);
}

ssize_t
pd_tx_copy(struct pd_vq *vq, const struct pd_buf *buf, struct pd_net_hdr *hdr, void *data,
	   size_t size)
{
	struct pd_net_hdr h;
	uint8_t raw[HDR];

	if (copy(buf, 0, raw, HDR, false) < HDR) {
		pd_report(vq, "NT-01", buf->head, "buffer of %llu bytes has no room for a header",
			  (unsigned long long)buf->read_len);
		return -EPROTO;
	}
	h.flags = raw[0];
	h.gso_type = raw[1];
	h.hdr_len = le16_at(raw + 2);
	h.gso_size = le16_at(raw + 4);
	h.csum_start = le16_at(raw + 6);
	h.csum_offset = le16_at(raw + 8);
	h.num_buffers = le16_at(raw + 10);
	check_tx_hdr(vq, buf, &h);
	if (hdr != NULL)
		*hdr = h;
	if (data != NULL)
		copy(buf, HDR, data, size, false);
	return buf->read_len - HDR;
}

/* Without a header of its own a packet says nothing: all but gso_type and num_buffers may be junk,
 * and of the flags those that the specification leaves undefined.
 */
static void
encode_rx_hdr(struct pd_vq *vq, uint8_t raw[HDR], const struct pd_net_hdr *h, uint16_t num_buffers)
{
	uint32_t i;

	memset(raw, 0, HDR);
	if (vq->cfg.poison && h == NULL) {
		for (i = 0; i < HDR; i++)
			raw[i] = (uint8_t)pd_random(&vq->junk);
		raw[0] &= PD_HDR_UNDEFINED;
		raw[1] = PD_GSO_NONE;
	}
	if (h != NULL) {
		raw[0] = h->flags;
		raw[1] = h->gso_type;
		put_le16(raw + 2, h->hdr_len);
		put_le16(raw + 4, h->gso_size);
		put_le16(raw + 6, h->csum_start);
		put_le16(raw + 8, h->csum_offset);
	}
	put_le16(raw + 10, num_buffers);
}

/* What goes into a part, were it not the last. */
static uint64_t
part_room(const struct pd_buf *buf, const struct pd_rx_opts *o)
{
	if (o->part_bytes != 0 && o->part_bytes < buf->write_len)
		return o->part_bytes;
	return buf->write_len;
}

/* Put the buffers to fill into vq->scratch until they hold @total bytes and are @min_parts; their
 * number, or 0 when there are too few.
 */
static uint32_t
choose_parts(struct pd_vq *vq, const struct pd_rx_opts *o, uint64_t total, uint32_t min_parts)
{
	uint64_t room = 0, state = 0x2545f4914f6cdd1dull ^ o->seed;
	uint32_t n = 0, i, k;
	struct pd_buf *buf, *swap;

	buf = o->order == PD_REVERSE ? vq->last : vq->first;
	while (buf != NULL) {
		vq->scratch[n++] = buf;
		room += part_room(buf, o);
		if (o->order != PD_SHUFFLE && room >= total && n >= min_parts)
			return n;
		buf = o->order == PD_REVERSE ? buf->prev : buf->next;
	}
	if (o->order != PD_SHUFFLE)
		return 0;
	for (i = 0, room = 0; i < n; i++) {
		k = i + (pd_random(&state) >> 16) % (n - i);
		swap = vq->scratch[i];
		vq->scratch[i] = vq->scratch[k];
		vq->scratch[k] = swap;
		room += part_room(vq->scratch[i], o);
		if (room >= total && i + 1 >= min_parts)
			return i + 1;
	}
	return 0;
}

/* Write header and data over the parts; what each part got goes to lens[i]. */
static void
fill_parts(struct pd_vq *vq, const uint8_t raw[HDR], const uint8_t *data, uint32_t len,
	   uint32_t parts, const struct pd_rx_opts *o)
{
	uint64_t left = (uint64_t)HDR + len, at = 0, take, from;
	struct pd_buf *buf;
	uint32_t i, head;

	for (i = 0; i < parts; i++) {
		buf = vq->scratch[i];
		take = left - (parts - 1 - i);
		if (take > part_room(buf, o))
			take = part_room(buf, o);
		head = 0;
		if (at < HDR) {
			head = take < HDR - at ? take : HDR - at;
			copy(buf, 0, (void *)(uintptr_t)(raw + at), head, true);
		}
		from = at < HDR ? 0 : at - HDR;
		copy(buf, head, (void *)(uintptr_t)(data + from), take - head, true);
		vq->lens[i] = take;
		at += take;
		left -= take;
	}
}

static int
check_rx_opts(const struct pd_vq *vq, uint32_t len, const struct pd_rx_opts *o)
{
	if (vq->cfg.dir != PD_RX)
		return -EINVAL;
	if (vq->cfg.in_order && o->order != PD_FIFO)
		return -EINVAL;
	if (o->batch && (!vq->cfg.in_order || o->stage || o->withhold != 0 || o->set_len ||
			 o->no_write || o->part_bytes != 0))
		return -EINVAL;
	if (o->min_parts > 1 && (uint64_t)len + 1 < o->min_parts)
		return -EINVAL;
	return 0;
}

/* Stage a used descriptor for each part and store the flags, the head's last (PR-39). */
static void
use_parts(struct pd_vq *vq, const struct pd_rx_opts *o, uint32_t parts, const uint32_t *lens)
{
	uint32_t first = vq->nb_staged, i, slots, len;
	uint16_t id, flags;

	for (i = 0; i < parts; i++) {
		id = vq->scratch[i]->id;
		slots = vq->scratch[i]->slots;
		pd_check_buf(vq, vq->scratch[i]);
		pd_retire(vq, vq->scratch[i]);
		flags = i == 0 && o->no_write ? 0 : PD_F_WRITE;
		len = i == 0 && o->set_len ? o->len : lens[i];
		pd_stage_used(vq, id, len, flags, slots);
	}
	if (o->stage)
		return;
	for (i = parts; i-- > 0;)
		if (i == 0 || i != o->withhold)
			pd_flush_one(vq, first + i);
}

int
pd_rx_packet(struct pd_vq *vq, const void *data, uint32_t len, const struct pd_rx_opts *opts)
{
	static const struct pd_rx_opts honest;
	const struct pd_rx_opts *o = opts != NULL ? opts : &honest;
	uint32_t parts, i, *lens;
	uint8_t raw[HDR];
	int ret = check_rx_opts(vq, len, o);

	if (ret < 0)
		return ret;
	parts = choose_parts(vq, o, (uint64_t)HDR + len, o->min_parts);
	if (parts == 0)
		return -EAGAIN;
	if (parts > 1 && !vq->cfg.mrg_rxbuf)
		return -EMSGSIZE;
	if (o->withhold >= parts)
		return -EINVAL;
	lens = vq->lens;
	encode_rx_hdr(vq, raw, o->hdr, o->set_num_buffers ? o->num_buffers : parts);
	fill_parts(vq, raw, data, len, parts, o);
	if (!o->batch) {
		use_parts(vq, o, parts, lens);
		return parts;
	}
	for (i = 0; i + 1 < parts; i++)
		if (lens[i] != vq->scratch[i]->write_len)
			return -EINVAL;
	return pd_complete_batch(vq, parts, lens[parts - 1]) == 0 ? (int)parts : -EINVAL;
}

int
pd_rx_batch(struct pd_vq *vq, const struct pd_pkt *pkts, uint32_t count)
{
	struct pd_buf *buf = vq->first;
	uint8_t raw[HDR];
	uint64_t need;
	uint32_t i;

	if (vq->cfg.dir != PD_RX || !vq->cfg.in_order || count == 0)
		return -EINVAL;
	if (vq->live < count)
		return -EAGAIN;
	for (i = 0; i < count; i++, buf = buf->next) {
		need = (uint64_t)HDR + pkts[i].len;
		if (need > buf->write_len || (i + 1 < count && need != buf->write_len))
			return -EINVAL;
	}
	encode_rx_hdr(vq, raw, NULL, 1);
	for (i = 0, buf = vq->first; i < count; i++, buf = buf->next) {
		copy(buf, 0, raw, HDR, true);
		copy(buf, HDR, (void *)(uintptr_t)pkts[i].data, pkts[i].len, true);
	}
	return pd_complete_batch(vq, count, HDR + pkts[count - 1].len);
}

uint32_t
pd_rx_room(const struct pd_vq *vq, uint32_t i)
{
	const struct pd_buf *buf = vq->first;

	while (buf != NULL && i-- > 0)
		buf = buf->next;
	return buf == NULL || buf->write_len < HDR ? 0 : buf->write_len - HDR;
}
