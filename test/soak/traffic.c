/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "soak.h"

/* Polls in vain before the worker lets others have the processor, and before it sleeps. */
#define YIELD_AFTER 64
#define SLEEP_AFTER 512
#define TEND_MS 100

static uint16_t
length_of(const struct soak_port *p, uint32_t seq)
{
	/* Mostly short ones, and every fourth of any length. */
	const uint32_t most = soak_frame_choice(seq, 1, 4) == 0 ? p->max_len :
								RTE_MIN(p->max_len, 300u);

	return SOAK_LEN_MIN + soak_frame_choice(seq, 2, most - SOAK_LEN_MIN + 1);
}

/* Spread @p len bytes over a packet of up to three segments, or one without room for a header. */
static struct rte_mbuf *
lay_out(struct rte_mempool *pool, const uint8_t *frame, uint16_t len, uint32_t segs, bool no_room)
{
	struct rte_mbuf *head = NULL, *m;
	uint16_t at = 0, part;
	uint32_t i;

	for (i = 0; i < segs; i++) {
		m = rte_pktmbuf_alloc(pool);
		if (m == NULL)
			break;
		if (no_room)
			m->data_off = 0;
		part = len / segs;
		if (i + 1 == segs)
			part = len - at;
		if (part > rte_pktmbuf_tailroom(m)) {
			rte_pktmbuf_free(m);
			break;
		}
		memcpy(rte_pktmbuf_append(m, part), frame + at, part);
		at += part;
		if (head == NULL)
			head = m;
		else
			rte_pktmbuf_chain(head, m);
	}
	if (at == len)
		return head;
	rte_pktmbuf_free(head);
	return NULL;
}

static struct rte_mbuf *
frame_make(const struct soak_port *p, uint16_t queue, uint32_t seq, uint32_t stamp)
{
	struct rte_mempool *pool = __atomic_load_n(&p->tx_pool, __ATOMIC_ACQUIRE);
	const uint16_t len = length_of(p, seq);
	uint8_t frame[SOAK_LEN_MAX];
	bool no_room = false;
	uint32_t segs = 1;

	soak_frame_write(frame, len, p->number, queue, seq, stamp);
	if (p->setup.multi_segs) {
		if (len > RTE_MBUF_DEFAULT_DATAROOM || soak_frame_choice(seq, 3, 8) == 0)
			segs = 3;
		no_room = soak_frame_choice(seq, 4, 8) == 0;
	}
	return lay_out(pool, frame, len, segs, no_room);
}

static uint16_t
send_some(struct soak_port *p, uint16_t queue)
{
	struct soak_ledger *l = &p->ledger[queue];
	/* Before the frames go out: a disturbance from now on is one of theirs. */
	const uint32_t stamp = __atomic_load_n(&l->disturbed, __ATOMIC_SEQ_CST);
	struct rte_mbuf *pkts[SOAK_BURST];
	uint16_t n, sent, i;

	for (n = 0; n < SOAK_BURST && l->in_flight + n < p->window; n++) {
		pkts[n] = frame_make(p, queue, l->next_seq + n, stamp);
		if (pkts[n] == NULL)
			break;
	}
	if (n == 0)
		return 0;
	sent = rte_eth_tx_burst(p->id, queue, pkts, n);
	for (i = 0; i < sent; i++)
		soak_ledger_sent(l, stamp);
	rte_pktmbuf_free_bulk(&pkts[sent], n - sent);
	return sent;
}

static uint16_t
receive_some(struct soak_port *p, uint16_t queue)
{
	struct soak_ledger *l = &p->ledger[queue];
	struct rte_mbuf *pkts[SOAK_BURST];
	const uint16_t n = rte_eth_rx_burst(p->id, queue, pkts, SOAK_BURST);
	const uint32_t now = __atomic_load_n(&l->disturbed, __ATOMIC_SEQ_CST);
	uint32_t seq, stamp;
	uint16_t i;

	for (i = 0; i < n; i++) {
		if (soak_frame_check(pkts[i], p->number, queue, &seq, &stamp))
			soak_ledger_received(l, seq, stamp, now);
		else
			l->counts.bad_content++;
	}
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

/* Sleep until a queue has something, as an application with interrupts does. */
static void
sleep_on_interrupts(struct soak_port *p)
{
	struct pollfd fds[SOAK_PAIRS];
	uint16_t n = 0, q;
	uint64_t told;

	for (q = 0; q < p->setup.pairs; q++) {
		fds[q] = (struct pollfd){
			.fd = rte_eth_dev_rx_intr_ctl_q_get_fd(p->id, q),
			.events = POLLIN,
		};
		n += rte_eth_dev_rx_intr_enable(p->id, q) == 0;
	}
	if (n == p->setup.pairs && poll(fds, n, 20) > 0)
		p->wakeups++;
	for (q = 0; q < p->setup.pairs; q++) {
		rte_eth_dev_rx_intr_disable(p->id, q);
		if ((fds[q].revents & POLLIN) && read(fds[q].fd, &told, sizeof(told)) < 0)
			continue; /* somebody else has emptied it */
	}
}

static void
idle(struct soak_port *p, uint32_t polls)
{
	if (polls < YIELD_AFTER)
		return;
	if (__atomic_load_n(&p->intr, __ATOMIC_RELAXED))
		sleep_on_interrupts(p);
	else if (polls < SLEEP_AFTER)
		sched_yield();
	else
		usleep(50);
}

static void
stand_still(struct soak_port *p)
{
	__atomic_store_n(&p->held, true, __ATOMIC_RELEASE);
	while (__atomic_load_n(&p->hold, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&soak.quit, __ATOMIC_ACQUIRE))
		usleep(200);
	__atomic_store_n(&p->held, false, __ATOMIC_RELEASE);
}

void
soak_hold(struct soak_port *p, bool hold)
{
	__atomic_store_n(&p->hold, hold, __ATOMIC_RELEASE);
	while (__atomic_load_n(&p->held, __ATOMIC_ACQUIRE) != hold)
		usleep(100);
}

/* What is sent is reclaimed when more is sent, so with nothing to send it must be asked for. */
static void
tend(struct soak_port *p)
{
	uint16_t q;

	for (q = 0; q < SOAK_PAIRS; q++)
		soak_ledger_tend(&p->ledger[q]);
	for (q = 0; q < p->setup.pairs; q++)
		rte_eth_tx_done_cleanup(p->id, q, 0);
}

int
soak_worker(void *arg)
{
	const uint64_t tend_cycles = rte_get_tsc_hz() / 1000 * TEND_MS;
	struct soak_port *p = arg;
	uint64_t tended = 0;
	uint32_t polls = 0;
	uint16_t q, work;

	while (!__atomic_load_n(&soak.quit, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&p->hold, __ATOMIC_ACQUIRE)) {
			stand_still(p);
			continue;
		}
		for (q = 0, work = 0; q < p->setup.pairs; q++) {
			work += receive_some(p, q);
			if (!__atomic_load_n(&p->quiet, __ATOMIC_RELAXED))
				work += send_some(p, q);
		}
		polls = work != 0 ? 0 : polls + 1;
		if (work == 0)
			idle(p, polls);
		if (rte_get_tsc_cycles() - tended > tend_cycles) {
			tend(p);
			tended = rte_get_tsc_cycles();
		}
	}
	return 0;
}
