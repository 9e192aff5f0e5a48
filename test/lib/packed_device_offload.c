/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packed_device_offload.h"
#include "packed_device_priv.h"

#define TCP 6u
#define UDP 17u
/* Of the transport header, from its beginning. */
#define TCP_SUM 16u
#define UDP_SUM 6u
#define TCP_FLAGS 13u
#define TCP_FIN_PSH 0x09u
#define TCP_CWR 0x80u

static uint32_t
be16_at(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static void
put_be16(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8 & 0xff;
	at[1] = value & 0xff;
}

static uint32_t
sum_at(const struct pd_layout *at)
{
	return at->l4 + (at->tcp ? TCP_SUM : UDP_SUM);
}

bool
pd_parse(const uint8_t *pkt, uint32_t len, struct pd_layout *at)
{
	uint32_t type = 0, proto;

	at->l3 = 14;
	while (len >= at->l3 + 20) {
		type = be16_at(pkt + at->l3 - 2);
		if ((type != 0x8100 && type != 0x88a8) || at->l3 >= 22)
			break;
		at->l3 += 4;
	}
	if (len < at->l3 + 20)
		return false;
	at->ipv6 = type == 0x86dd;
	if (!at->ipv6 && type != 0x0800)
		return false;
	at->l4 = at->l3 + (at->ipv6 ? 40 : (pkt[at->l3] & 15) * 4);
	proto = pkt[at->l3 + (at->ipv6 ? 6 : 9)];
	at->tcp = proto == TCP;
	if ((proto != TCP && proto != UDP) || len < at->l4 + (at->tcp ? 20 : 8))
		return false;
	at->payload = at->l4 + (at->tcp ? (pkt[at->l4 + 12] >> 4) * 4 : 8);
	return at->payload <= len && at->payload >= at->l4 + 8;
}

uint16_t
pd_sum(const uint8_t *data, uint32_t len, uint32_t sum)
{
	uint32_t i;

	for (i = 0; i + 1 < len; i += 2) {
		sum += be16_at(data + i);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (len & 1)
		sum += data[len - 1] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

uint16_t
pd_pseudo_sum(const uint8_t *pkt, const struct pd_layout *at, uint32_t l4_len)
{
	uint32_t sum = (at->tcp ? TCP : UDP) + (l4_len >> 16) + (l4_len & 0xffff);

	if (at->ipv6)
		return pd_sum(pkt + at->l3 + 8, 32, sum);
	return pd_sum(pkt + at->l3 + 12, 8, sum);
}

bool
pd_sums_right(const uint8_t *pkt, uint32_t len)
{
	struct pd_layout at;

	if (!pd_parse(pkt, len, &at))
		return false;
	if (!at.ipv6 && pd_sum(pkt + at.l3, at.l4 - at.l3, 0) != 0xffff)
		return false;
	return pd_sum(pkt + at.l4, len - at.l4, pd_pseudo_sum(pkt, &at, len - at.l4)) == 0xffff;
}

/* Sum from @start to the end into the field, which holds what else belongs to it. */
static void
complete_sum(uint8_t *pkt, uint32_t len, uint32_t start, uint32_t field, bool udp)
{
	uint32_t sum = (uint16_t)~pd_sum(pkt + start, len - start, 0);

	put_be16(pkt + field, sum == 0 && udp ? 0xffff : sum);
}

static bool
check_csum(struct pd_vq *vq, uint32_t slot, const struct pd_net_hdr *h, const uint8_t *pkt,
	   uint32_t len)
{
	uint32_t field = (uint32_t)h->csum_start + h->csum_offset;
	struct pd_layout at;

	if (field + 2 > len)
		return false; /* pd_tx_copy() has said so */
	if (!pd_parse(pkt, len, &at))
		return true;
	if (h->csum_start != at.l4 || field != sum_at(&at)) {
		pd_report(vq, "NT-05", slot, "checksum at %u + %u, the packet's is at %u + %u",
			  h->csum_start, h->csum_offset, at.l4, sum_at(&at) - at.l4);
		return false;
	}
	if (be16_at(pkt + field) != pd_pseudo_sum(pkt, &at, len - at.l4)) {
		pd_report(vq, "NT-05", slot, "field is 0x%04x, the pseudo header's sum 0x%04x",
			  be16_at(pkt + field), pd_pseudo_sum(pkt, &at, len - at.l4));
		return false;
	}
	return true;
}

static bool
type_fits(uint8_t type, const struct pd_layout *at)
{
	switch (type & ~PD_GSO_ECN) {
	case PD_GSO_TCPV4:
		return at->tcp && !at->ipv6;
	case PD_GSO_TCPV6:
		return at->tcp && at->ipv6;
	case PD_GSO_UDP_L4:
		return !at->tcp && !(type & PD_GSO_ECN);
	default:
		return false; /* fragments are not this device's business: it offers no UFO */
	}
}

static bool
check_gso(struct pd_vq *vq, uint32_t slot, const struct pd_net_hdr *h, const uint8_t *pkt,
	  uint32_t len, struct pd_layout *at)
{
	bool ecn = h->gso_type & PD_GSO_ECN, cwr;

	if (!pd_parse(pkt, len, at) || !type_fits(h->gso_type, at) || h->gso_size == 0) {
		pd_report(vq, "NT-07", slot, "gso_type 0x%02x, size %u does not fit the packet",
			  h->gso_type, h->gso_size);
		return false;
	}
	if (h->hdr_len < at->payload || h->hdr_len > len ||
	    (vq->cfg.hdrlen && h->hdr_len != at->payload))
		pd_report(vq, "NT-07", slot, "hdr_len %u, the headers have %u bytes", h->hdr_len,
			  at->payload);
	cwr = at->tcp && (pkt[at->l4 + TCP_FLAGS] & TCP_CWR);
	if (ecn && !(vq->cfg.gso & PD_HOST_ECN))
		pd_report(vq, "NT-08", slot, "ECN bit without HOST_ECN");
	else if (cwr && !ecn)
		pd_report(vq, "NT-08", slot, "segmentation of a packet with CWR, no ECN bit");
	return true;
}

/* Headers of segment @i, whose payload begins @off bytes into the original's. */
static void
fix_headers(uint8_t *seg, uint32_t len, const struct pd_layout *at, uint32_t i, uint32_t off,
	    bool last)
{
	uint8_t *l3 = seg + at->l3, *l4 = seg + at->l4;
	uint32_t seq;

	if (at->ipv6) {
		put_be16(l3 + 4, len - at->l4);
	} else {
		put_be16(l3 + 2, len - at->l3);
		put_be16(l3 + 4, be16_at(l3 + 4) + i);
		put_be16(l3 + 10, 0);
		put_be16(l3 + 10, (uint16_t)~pd_sum(l3, at->l4 - at->l3, 0));
	}
	if (at->tcp) {
		seq = (be16_at(l4 + 4) << 16 | be16_at(l4 + 6)) + off;
		put_be16(l4 + 4, seq >> 16);
		put_be16(l4 + 6, seq);
		if (!last)
			l4[TCP_FLAGS] &= ~TCP_FIN_PSH;
		if (i > 0)
			l4[TCP_FLAGS] &= ~TCP_CWR;
	} else {
		put_be16(l4 + 4, len - at->l4);
	}
	put_be16(seg + sum_at(at), pd_pseudo_sum(seg, at, len - at->l4));
	complete_sum(seg, len, at->l4, sum_at(at), !at->tcp);
}

static int
segment(const struct pd_net_hdr *h, const uint8_t *pkt, uint32_t len, const struct pd_layout *at,
	pd_segment_t fn, void *arg)
{
	uint32_t total = len - at->payload, off = 0, n;
	uint8_t *seg = malloc(at->payload + h->gso_size);
	int count = 0;

	if (seg == NULL)
		return -ENOMEM;
	do {
		n = total - off < h->gso_size ? total - off : h->gso_size;
		memcpy(seg, pkt, at->payload);
		memcpy(seg + at->payload, pkt + at->payload + off, n);
		fix_headers(seg, at->payload + n, at, count, off, off + n == total);
		fn(arg, seg, at->payload + n);
		count++;
		off += n;
	} while (off < total);
	free(seg);
	return count;
}

int
pd_tx_offload(struct pd_vq *vq, uint32_t slot, const struct pd_net_hdr *h, uint8_t *pkt,
	      uint32_t len, pd_segment_t fn, void *arg)
{
	struct pd_layout at;

	if (h->flags & PD_HDR_NEEDS_CSUM) {
		if (!check_csum(vq, slot, h, pkt, len))
			return -EPROTO;
	} else if (h->gso_type != PD_GSO_NONE) {
		return -EPROTO; /* NT-07 from pd_tx_copy() */
	}
	if (h->gso_type != PD_GSO_NONE) {
		if (!check_gso(vq, slot, h, pkt, len, &at))
			return -EPROTO;
		return segment(h, pkt, len, &at, fn, arg);
	}
	if (h->flags & PD_HDR_NEEDS_CSUM)
		complete_sum(pkt, len, h->csum_start, (uint32_t)h->csum_start + h->csum_offset,
			     h->csum_offset == UDP_SUM);
	fn(arg, pkt, len);
	return 1;
}

int
pd_rx_hdr(enum pd_rx_kind kind, uint8_t *pkt, uint32_t len, uint16_t gso_size,
	  struct pd_net_hdr *hdr)
{
	struct pd_layout at;

	memset(hdr, 0, sizeof(*hdr));
	if (!pd_parse(pkt, len, &at))
		return -EINVAL;
	if (kind == PD_RX_DATA_VALID)
		hdr->flags = PD_HDR_DATA_VALID;
	if (kind == PD_RX_PLAIN || kind == PD_RX_DATA_VALID)
		return 0;
	hdr->flags = PD_HDR_NEEDS_CSUM;
	hdr->csum_start = at.l4;
	hdr->csum_offset = sum_at(&at) - at.l4;
	put_be16(pkt + sum_at(&at), pd_pseudo_sum(pkt, &at, len - at.l4));
	if (kind != PD_RX_GSO)
		return 0;
	if (gso_size == 0)
		return -EINVAL;
	hdr->gso_type = !at.tcp ? PD_GSO_UDP_L4 : at.ipv6 ? PD_GSO_TCPV6 : PD_GSO_TCPV4;
	hdr->gso_size = gso_size;
	hdr->hdr_len = at.payload;
	return 0;
}
