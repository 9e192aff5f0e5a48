/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "soak.h"

#define NOISE 65536
#define MAGIC 0x70767173u
/* IEEE keeps it free for experiments: nobody on the way interprets it. */
#define ETHER_TYPE 0x88b5

struct header {
	struct rte_ether_hdr eth;
	uint32_t magic;
	uint8_t port;
	uint8_t queue;
	uint16_t len;
	uint32_t seq;
	uint32_t stamp;
} __attribute__((packed, aligned(2)));

static uint8_t noise[NOISE + SOAK_LEN_MAX];

static uint64_t
mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15u;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

void
soak_frame_init(uint64_t seed)
{
	unsigned int i;

	for (i = 0; i < sizeof(noise); i++)
		noise[i] = mix(seed + i + 1);
}

uint32_t
soak_frame_choice(uint32_t seq, uint32_t salt, uint32_t n)
{
	return mix(soak.seed ^ (uint64_t)salt << 32 ^ seq) % n;
}

void
soak_frame_write(uint8_t *to, uint16_t len, uint16_t port, uint16_t queue, uint32_t seq,
		 uint32_t stamp)
{
	const uint32_t at = (seq * 40503u + queue * 977u + port * 57u) % NOISE;
	struct header h = {
		.eth.ether_type = rte_cpu_to_be_16(ETHER_TYPE),
		.magic = MAGIC,
		.port = port,
		.queue = queue,
		.len = len,
		.seq = seq,
		.stamp = stamp,
	};

	memcpy(h.eth.dst_addr.addr_bytes, &noise[at], RTE_ETHER_ADDR_LEN);
	h.eth.dst_addr.addr_bytes[0] = RTE_ETHER_LOCAL_ADMIN_ADDR;
	memcpy(h.eth.src_addr.addr_bytes, &noise[at + RTE_ETHER_ADDR_LEN], RTE_ETHER_ADDR_LEN);
	h.eth.src_addr.addr_bytes[0] = RTE_ETHER_LOCAL_ADMIN_ADDR;
	memcpy(to, &h, sizeof(h));
	memcpy(to + sizeof(h), &noise[at + sizeof(h)], len - sizeof(h));
}

bool
soak_frame_check(struct rte_mbuf *m, uint16_t port, uint16_t queue, uint32_t *seq,
		 uint32_t *stamp)
{
	uint8_t wanted[SOAK_LEN_MAX];
	const struct rte_mbuf *seg;
	const struct header *h;
	struct header copy;
	uint32_t at = 0;

	h = rte_pktmbuf_read(m, 0, sizeof(copy), &copy);
	if (h == NULL || h->magic != MAGIC || h->port != port || h->queue != queue ||
	    h->len != m->pkt_len || h->len < SOAK_LEN_MIN || h->len > SOAK_LEN_MAX)
		return false;
	*seq = h->seq;
	*stamp = h->stamp;
	soak_frame_write(wanted, h->len, port, queue, h->seq, h->stamp);
	for (seg = m; seg != NULL; seg = seg->next) {
		if (at + seg->data_len > m->pkt_len ||
		    memcmp(&wanted[at], rte_pktmbuf_mtod(seg, void *), seg->data_len) != 0)
			return false;
		at += seg->data_len;
	}
	return at == m->pkt_len;
}
