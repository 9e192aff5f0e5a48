/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "port.h"

#define MAX_BYTES 65536u
#define BURST 32u

/* The mark twice, the second time inverted, then bytes that follow from it. */
void
port_fill(uint8_t *data, uint32_t len, uint32_t mark)
{
	const uint32_t inverse = ~mark;
	uint32_t i;

	assert_true(len >= PORT_MARK_BYTES);
	memcpy(data, &mark, sizeof(mark));
	memcpy(data + sizeof(mark), &inverse, sizeof(inverse));
	for (i = PORT_MARK_BYTES; i < len; i++)
		data[i] = (uint8_t)(mark * 7 + i * 13);
}

bool
port_is_filled(const uint8_t *data, uint32_t len, uint32_t *mark)
{
	uint32_t inverse, i;

	if (len < PORT_MARK_BYTES)
		return false;
	memcpy(mark, data, sizeof(*mark));
	memcpy(&inverse, data + sizeof(*mark), sizeof(inverse));
	if (inverse != ~*mark)
		return false;
	for (i = PORT_MARK_BYTES; i < len; i++)
		if (data[i] != (uint8_t)(*mark * 7 + i * 13))
			return false;
	return true;
}

struct rte_mbuf *
port_packet(struct rte_mempool *pool, uint32_t mark, uint32_t len, uint16_t segs)
{
	struct rte_mbuf *head = NULL, *m;
	uint8_t data[9216 + 64];
	uint32_t at = 0, part;
	uint16_t i;

	if (len > sizeof(data) || len < PORT_MARK_BYTES)
		return NULL;
	port_fill(data, len, mark);
	for (i = 0; i < segs; i++) {
		m = rte_pktmbuf_alloc(pool);
		part = i + 1 < segs ? len / segs : len - at;
		if (m == NULL || rte_pktmbuf_tailroom(m) < part) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		memcpy(rte_pktmbuf_append(m, part), data + at, part);
		at += part;
		if (head == NULL)
			head = m;
		else if (rte_pktmbuf_chain(head, m) != 0)
			return NULL;
	}
	return head;
}

bool
port_is_packet(const struct rte_mbuf *m, uint32_t *mark)
{
	uint8_t data[9216 + 64];
	const uint8_t *bytes;

	if (m->pkt_len > sizeof(data))
		return false;
	bytes = rte_pktmbuf_read(m, 0, m->pkt_len, data);
	return bytes != NULL && port_is_filled(bytes, m->pkt_len, mark);
}

void
port_send(struct port *p, uint16_t queue, uint32_t n, uint32_t len)
{
	struct rte_mbuf *m;
	uint32_t i;

	for (i = 0; i < n; i++) {
		m = port_packet(p->pool, p->next_mark, len, 1);
		assert_non_null(m);
		p->next_mark++;
		if (rte_eth_tx_burst(p->id, queue, &m, 1) == 1)
			continue;
		rte_pktmbuf_free(m);
		fail_msg("packet %u of %u was not accepted", i + 1, n);
	}
}

uint32_t
port_receive(const struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint32_t n,
	     uint32_t timeout_ms)
{
	const uint64_t end = port_now_ms() + timeout_ms;
	uint32_t got = 0;

	do {
		got += rte_eth_rx_burst(p->id, queue, pkts + got, RTE_MIN(n - got, BURST));
		if (got < n)
			port_sleep_ms(0);
	} while (got < n && port_now_ms() < end);
	return got;
}

/* What a test needs to know of one received packet; the mbuf is freed. */
static bool
check_one(const struct port *p, struct rte_mbuf *m, uint32_t *mark)
{
	const bool ok = m->port == p->id && m->ol_flags == 0 && m->packet_type == 0 &&
			rte_mbuf_refcnt_read(m) == 1 && port_is_packet(m, mark);

	rte_pktmbuf_free(m);
	return ok;
}

void
port_expect(const struct port *p, uint16_t queue, uint32_t mark, uint32_t n)
{
	struct rte_mbuf *m;
	uint32_t i, got;

	for (i = 0; i < n; i++) {
		if (port_receive(p, queue, &m, 1, PORT_WAIT_MS) != 1)
			fail_msg("only %u of %u packets came", i, n);
		assert_true(check_one(p, m, &got));
		assert_int_equal(got, mark + i);
	}
}

void
port_ping(struct port *p, uint16_t queue, uint32_t n, uint32_t len)
{
	uint32_t some;

	/* Never more than both rings hold at once. */
	for (; n != 0; n -= some) {
		some = RTE_MIN(n, RTE_MIN(p->nb_rxd, p->nb_txd) / 2u);
		port_send(p, queue, some, len);
		port_expect(p, queue, p->next_mark - some, some);
	}
}

void
port_deliver(const struct port *p, uint32_t pair, uint32_t mark, uint32_t len)
{
	uint8_t data[9216];

	assert_true(len <= sizeof(data));
	port_fill(data, len, mark);
	assert_int_equal(vhu_backend_send(p->b, pair, data, len), 0);
}

uint32_t
port_take(const struct port *p, uint32_t pair)
{
	static uint8_t data[MAX_BYTES];
	ssize_t len = vhu_backend_recv(p->b, pair, data, sizeof(data));
	uint32_t mark = 0;

	if (len == -EAGAIN)
		return UINT32_MAX;
	assert_true(len > 0);
	assert_true(port_is_filled(data, len, &mark));
	return mark;
}
