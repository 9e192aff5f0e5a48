/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <sched.h>

#include <rte_ethdev.h>

#include "port_traffic.h"

/* In flight at most: less than a ring, so that an echo always finds a buffer. */
#define WINDOW 48
/* Polls after which what is on its way counts as lost, where it may be. */
#define PATIENCE 2000

static uint16_t
send_burst(const struct traffic *t, struct rte_mbuf **m, uint16_t n)
{
	if (t->direct)
		return t->tx_burst(t->txq, m, n);
	return rte_eth_tx_burst(t->p->id, t->queue, m, n);
}

static uint16_t
receive_burst(const struct traffic *t, struct rte_mbuf **m, uint16_t n)
{
	if (t->direct)
		return t->rx_burst(t->rxq, m, n);
	return rte_eth_rx_burst(t->p->id, t->queue, m, n);
}

static void
send_some(struct traffic *t)
{
	struct rte_mbuf *m;

	while (t->sent - RTE_MAX(t->next, t->forgiven) < WINDOW) {
		m = port_packet(t->p->pool, t->sent, 200, t->sent % 3 == 0 ? t->segs : 1);
		if (m == NULL) {
			t->error = "no mbuf";
			return;
		}
		if (send_burst(t, &m, 1) == 0) {
			rte_pktmbuf_free(m);
			return;
		}
		t->sent++;
	}
	if (t->lossy && ++t->idle > PATIENCE)
		t->forgiven = t->sent;
}

static void
check_mark(struct traffic *t, uint32_t mark)
{
	if (mark < t->next)
		t->error = "packet came twice";
	else if (mark >= t->sent)
		t->error = "packet that was never sent";
	else if (mark != t->next && !t->lossy)
		t->error = "packet lost";
	t->next = mark + 1;
}

static bool
receive_some(struct traffic *t)
{
	struct rte_mbuf *m[8];
	uint16_t n = receive_burst(t, m, RTE_DIM(m)), i;
	uint32_t mark;

	for (i = 0; i < n; i++) {
		if (port_is_packet(m[i], &mark))
			check_mark(t, mark);
		else
			t->error = "damaged packet";
	}
	rte_pktmbuf_free_bulk(m, n);
	if (n == 0)
		return false;
	t->idle = 0;
	__atomic_store_n(&t->received, t->received + n, __ATOMIC_RELEASE);
	return true;
}

static void *
poll_always(void *arg)
{
	struct traffic *t = arg;
	uint32_t i;

	for (i = 0; !__atomic_load_n(&t->quit, __ATOMIC_ACQUIRE) && t->error == NULL; i++) {
		send_some(t);
		/* Those who have to bring packets may be waiting for this processor. */
		if (!receive_some(t) && i % 16 == 0)
			sched_yield();
		if (t->intr && i % 2 == 0)
			rte_eth_dev_rx_intr_enable(t->p->id, t->queue);
		else if (t->intr)
			rte_eth_dev_rx_intr_disable(t->p->id, t->queue);
	}
	return NULL;
}

void
traffic_pause(void *arg)
{
	struct traffic *t = arg;

	if (!t->runs)
		return;
	__atomic_store_n(&t->quit, true, __ATOMIC_RELEASE);
	pthread_join(t->thread, NULL);
	t->runs = false;
}

void
traffic_go_on(struct traffic *t)
{
	const struct rte_eth_fp_ops *fp = &rte_eth_fp_ops[t->p->id];

	t->rxq = fp->rxq.data[t->queue];
	t->txq = fp->txq.data[t->queue];
	t->rx_burst = __atomic_load_n(&fp->rx_pkt_burst, __ATOMIC_RELAXED);
	t->tx_burst = __atomic_load_n(&fp->tx_pkt_burst, __ATOMIC_RELAXED);
	t->quit = false;
	assert_int_equal(pthread_create(&t->thread, NULL, poll_always, t), 0);
	t->runs = true;
}

void
traffic_flows(struct traffic *t)
{
	const uint32_t now = __atomic_load_n(&t->received, __ATOMIC_ACQUIRE);

	if (port_wait_count(&t->received, now + 100, PORT_WAIT_MS))
		return;
	traffic_pause(t);
	port_report(t->p, "traffic stands still");
	fail_msg("%s on queue %u after %u packets of %u, next %u",
		 t->error != NULL ? t->error : "traffic stands still", t->queue, t->received,
		 t->sent, t->next);
}

void
traffic_finish(struct traffic *t)
{
	uint64_t end = port_now_ms() + PORT_WAIT_MS;

	traffic_pause(t);
	/* A full window that stays full has been lost. */
	while (t->next < t->sent && t->error == NULL && port_now_ms() < end &&
	       !(t->lossy && ++t->idle > PATIENCE))
		receive_some(t);
	if (t->error != NULL)
		fail_msg("%s after %u packets", t->error, t->received);
	if (t->lossy)
		return;
	assert_int_equal(t->next, t->sent);
	assert_int_equal(t->received, t->sent);
}
