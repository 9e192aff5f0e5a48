/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file VHU_GENERATE: packets made of their number, and what comes back of them. */

#include <errno.h>
#include <string.h>

#include "packed_device_priv.h"
#include "vhu_packets.h"

/* Ethernet header, mark, pair, number; then noise that the number decides. */
#define MARK 0x70767131u
#define AT_MARK 14u
#define AT_PAIR 18u
#define AT_NUMBER 20u
#define AT_NOISE 28u
/* Packets to send before the pair's transmit queue is looked at again. */
#define BURST 64u
/* What is away for so long will not come, if the device has lied. Others may be slow machines. */
#define LOST_MS 3000u

static uint64_t
noise_of(uint32_t pair, uint64_t number)
{
	uint64_t state = (number + 1) * 0x9e3779b97f4a7c15ull ^ pair;

	return state != 0 ? state : 1;
}

static uint32_t
length_of(const struct vhu_generator *gen, uint32_t pair, uint64_t number)
{
	uint64_t state = noise_of(pair, number);

	return gen->min_len + (pd_random(&state) >> 20) % (gen->max_len - gen->min_len + 1);
}

static void
make(uint8_t *to, uint32_t len, uint32_t pair, uint64_t number)
{
	static const uint8_t eth[AT_MARK] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	uint64_t state = noise_of(pair, number), word;
	uint32_t mark = htole32(MARK), at, n;
	uint16_t pair16 = htole16(pair);

	memcpy(to, eth, sizeof(eth));
	memcpy(to + AT_MARK, &mark, 4);
	memcpy(to + AT_PAIR, &pair16, 2);
	word = htole64(number);
	memcpy(to + AT_NUMBER, &word, 8);
	for (at = AT_NOISE; at < len; at += n) {
		word = htole64(pd_random(&state));
		n = len - at < 8 ? len - at : 8;
		memcpy(to + at, &word, n);
	}
}

/* Whether a packet is one of ours, and whole. */
static bool
read_number(struct vhu_backend *b, uint32_t pair, const uint8_t *pkt, uint32_t len, uint64_t *number)
{
	if (len < VHU_GENERATE_MIN)
		return false;
	memcpy(number, pkt + AT_NUMBER, 8);
	*number = le64toh(*number);
	if (len != length_of(&b->cfg.generator, pair, *number))
		return false;
	make(b->made, len, pair, *number);
	return memcmp(b->made, pkt, len) == 0;
}

bool
vhu_generate(struct vhu_backend *b, uint32_t pair)
{
	const struct vhu_generator *gen = &b->cfg.generator;
	struct vhu_traffic *t = &b->traffic[pair];
	uint64_t now = vhu_now_ms();
	uint32_t i, len;

	if (gen->tolerant && t->next - t->expected >= gen->window && now - t->moved_ms > LOST_MS) {
		t->count.lost += t->next - t->expected;
		t->expected = t->next;
	}
	for (i = 0; i < BURST; i++) {
		if (t->next - t->expected >= gen->window ||
		    (gen->limit != 0 && t->count.sent >= gen->limit))
			return false;
		len = length_of(gen, pair, t->next);
		make(b->made, len, pair, t->next);
		if (!vhu_deliver(b, pair, b->made, len))
			return true;
		if (t->next == t->expected)
			t->moved_ms = now;
		t->next++;
		t->count.sent++;
	}
	b->work_left = true;
	return false;
}

void
vhu_verify(struct vhu_backend *b, uint32_t pair, const void *data, uint32_t len)
{
	struct vhu_traffic *t = &b->traffic[pair];
	bool tolerant = b->cfg.generator.tolerant;
	uint64_t number;

	t->moved_ms = vhu_now_ms();
	if (!read_number(b, pair, data, len, &number) || number >= t->next) {
		t->count.damaged++;
		if (!tolerant)
			vhu_report(b, "DATA", 2 * pair + 1, "packet of %u bytes is not as sent", len);
		return;
	}
	if (number < t->expected) {
		t->count.again++;
		if (!tolerant)
			vhu_report(b, "DATA", 2 * pair + 1, "packet %llu came twice or too late",
				   (unsigned long long)number);
		return;
	}
	t->count.lost += number - t->expected;
	t->expected = number + 1;
	t->count.returned++;
}

void
vhu_generate_again(struct vhu_backend *b, uint32_t pair)
{
	struct vhu_traffic *t = &b->traffic[pair];

	t->count.lost += t->next - t->expected;
	t->expected = t->next;
}

bool
vhu_generate_waits(const struct vhu_backend *b)
{
	uint32_t pair;

	for (pair = 0; pair < b->cfg.queue_pairs; pair++)
		if (b->traffic[pair].next != b->traffic[pair].expected)
			return true;
	return false;
}

int
vhu_backend_generated(struct vhu_backend *b, uint32_t pair, struct vhu_generated *g)
{
	if (pair >= b->cfg.queue_pairs)
		return -EINVAL;
	vhu_backend_lock(b);
	*g = b->traffic[pair].count;
	vhu_backend_unlock(b);
	return 0;
}
