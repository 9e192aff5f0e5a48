/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/*
 * Frames that tell by themselves what they are: two addresses, an EtherType that is free for
 * experiments, a sequence number, and a pattern that depends on the number.
 */

#include <string.h>

#include <rte_ether.h>

#include "perf.h"

#define TYPE 0x88b5
#define PATTERN_SHIFTS 64

struct head {
	struct rte_ether_hdr eth;
	uint16_t zero;
	uint16_t seq[4]; /* in parts: frames are aligned to two bytes */
};

static const struct rte_ether_addr address[2] = {
	{{0x02, 'p', 'v', 'q', 0, 1}}, {{0x02, 'p', 'v', 'q', 0, 2}},
};
static uint8_t pattern[PERF_MAX_FRAME + PATTERN_SHIFTS];

/* A generator without structure in its low bits, so that no two shifts look alike. */
RTE_INIT(make_pattern)
{
	uint32_t x = 2463534242u;
	size_t i;

	for (i = 0; i < sizeof(pattern); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		pattern[i] = x >> 24;
	}
}

static const uint8_t *
pattern_of(uint64_t seq)
{
	return pattern + seq % PATTERN_SHIFTS;
}

void
perf_frames_fill(struct rte_mbuf **pkts, uint16_t n, uint32_t len, uint64_t seq)
{
	uint16_t i;

	for (i = 0; i < n; i++, seq++) {
		struct head *h = rte_pktmbuf_mtod(pkts[i], struct head *);

		h->eth.dst_addr = address[0];
		h->eth.src_addr = address[1];
		h->eth.ether_type = rte_cpu_to_be_16(TYPE);
		h->zero = 0;
		memcpy(h->seq, &seq, sizeof(seq));
		memcpy(h + 1, pattern_of(seq), len - sizeof(*h));
		pkts[i]->data_len = len;
		pkts[i]->pkt_len = len;
	}
}

bool
perf_frame_seq(const struct rte_mbuf *m, uint32_t len, uint64_t *seq)
{
	uint8_t copy[PERF_MAX_FRAME];
	const struct head *h;
	bool swapped;

	/* A chain is put together first. */
	if (m->pkt_len != len)
		return false;
	h = rte_pktmbuf_read(m, 0, len, copy);
	if (h == NULL)
		return false;
	swapped = rte_is_same_ether_addr(&h->eth.dst_addr, &address[1]);
	memcpy(seq, h->seq, sizeof(*seq));
	return rte_is_same_ether_addr(&h->eth.dst_addr, &address[swapped]) &&
	       rte_is_same_ether_addr(&h->eth.src_addr, &address[!swapped]) &&
	       h->eth.ether_type == rte_cpu_to_be_16(TYPE) && h->zero == 0 &&
	       memcmp(h + 1, pattern_of(*seq), len - sizeof(*h)) == 0;
}

uint16_t
perf_frames_wrong(struct rte_mbuf **pkts, uint16_t n, uint32_t len, uint64_t seq)
{
	uint16_t i, wrong = 0;
	uint64_t found;

	for (i = 0; i < n; i++, seq++)
		wrong += !perf_frame_seq(pkts[i], len, &found) || found != seq;
	return wrong;
}
