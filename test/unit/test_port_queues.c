/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Several queues and several lcores: a queue pair for each, and many senders on one lock-free
 * transmit queue. Lcores share processors here, which is all the better for finding races.
 */

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "port.h"

#define LCORES 5
#define SENDERS LCORES /* four workers and a thread that EAL does not know */
#define PACKETS 3000u
/* The sender is in the upper bits of a packet's mark. */
#define MARK(sender, n) ((sender) << 20 | (n))

/* What the backend sees of each sender, written by its thread. */
struct seen {
	uint32_t next[SENDERS];
	uint32_t pair[SENDERS]; /* where it came from last */
	uint32_t damaged;
	uint32_t disordered;
	uint32_t moved; /* packets of a sender that came by another pair */
	uint64_t total;
};

static void
on_packet(void *arg, uint32_t pair, const void *data, uint32_t len)
{
	struct seen *s = arg;
	uint32_t mark, sender;

	if (!port_is_filled(data, len, &mark) || mark >> 20 >= SENDERS) {
		s->damaged++;
		return;
	}
	sender = mark >> 20;
	if ((mark & 0xfffff) != s->next[sender])
		s->disordered++;
	else if (s->next[sender] != 0 && s->pair[sender] != pair)
		s->moved++;
	s->next[sender] = (mark & 0xfffff) + 1;
	s->pair[sender] = pair;
	s->total++;
}

struct sender {
	const struct port *p;
	uint32_t number;
	uint32_t sent;
};

/* In static memory since a failed test leaves its stack while others still write. */
static struct seen seen;
static struct sender senders[SENDERS];
static bool go;

/* Bursts of one to eight, each packet marked and none dropped. Any thread. */
static int
send_all(void *arg)
{
	const uint64_t end = port_now_ms() + 4 * PORT_WAIT_MS;
	struct sender *s = arg;
	struct rte_mbuf *m[8];
	uint32_t n, i, done;

	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		sched_yield();
	while (s->sent < PACKETS && port_now_ms() < end) {
		n = RTE_MIN(1 + s->sent % RTE_DIM(m), PACKETS - s->sent);
		for (i = 0; i < n; i++) {
			m[i] = port_packet(s->p->pool, MARK(s->number, s->sent + i), 100, 1);
			if (m[i] == NULL)
				break;
		}
		n = i;
		done = n != 0 ? rte_eth_tx_burst(s->p->id, 0, m, n) : 0;
		rte_pktmbuf_free_bulk(m + done, n - done);
		s->sent += done;
		if (done == 0)
			sched_yield();
	}
	if (s->sent < PACKETS)
		port_report(s->p, "a sender gives up");
	return 0;
}

static void *
send_all_thread(void *arg)
{
	send_all(arg);
	return NULL;
}

static void
sending_up(struct port *p, uint32_t pairs, const char *args)
{
	unsigned int i;

	memset(&seen, 0, sizeof(seen));
	go = false;
	for (i = 0; i < SENDERS; i++)
		senders[i] = (struct sender){.p = p, .number = i};
	p->cfg.queue_pairs = pairs;
	p->cfg.mode = VHU_SINK;
	p->cfg.on_packet = on_packet;
	p->cfg.on_packet_arg = &seen;
	p->conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MT_LOCKFREE;
	port_up(p, args);
}

static void
launch_workers(void)
{
	unsigned int lcore, i = 0;

	RTE_LCORE_FOREACH_WORKER(lcore)
		assert_int_equal(rte_eal_remote_launch(send_all, &senders[i++], lcore), 0);
	assert_int_equal(i, SENDERS - 1);
}

static void
check_seen(struct port *p)
{
	const uint64_t all = (uint64_t)SENDERS * PACKETS;
	struct rte_eth_stats stats;
	unsigned int i;

	for (i = 0; i < SENDERS; i++)
		assert_int_equal(senders[i].sent, PACKETS);
	assert_true(vhu_backend_wait_packets(p->b, all, PORT_WAIT_MS));
	vhu_backend_kill(p->b);
	assert_int_equal(seen.total, all);
	assert_int_equal(seen.damaged, 0);
	assert_int_equal(seen.disordered, 0);
	assert_int_equal(seen.moved, 0);
	for (i = 0; i < SENDERS; i++)
		assert_int_equal(seen.next[i], PACKETS);
	assert_int_equal(rte_eth_stats_get(p->id, &stats), 0);
	assert_int_equal(stats.opackets, all);
	assert_int_equal(stats.obytes, all * 100);
	assert_int_equal(port_xstat(p, "tx_q0_packets"), all);
}

/* Four workers, and a thread without an lcore id or the main lcore itself. */
static void
check_lock_free(struct port *p, uint32_t pairs, bool unknown, const char *args)
{
	pthread_t thread;

	sending_up(p, pairs, args);
	launch_workers();
	if (unknown)
		assert_int_equal(pthread_create(&thread, NULL, send_all_thread,
						&senders[SENDERS - 1]), 0);
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	if (unknown)
		pthread_join(thread, NULL);
	else
		send_all(&senders[SENDERS - 1]);
	rte_eal_mp_wait_lcore();
}

static void
test_mt_lockfree_a_ring_for_each(void **state)
{
	struct vhu_vring_info info;
	struct port *p = *state;
	unsigned int i, used = 0;

	check_lock_free(p, LCORES + 1, true, "");
	assert_true(vhu_backend_wait_packets(p->b, SENDERS * PACKETS, PORT_WAIT_MS));
	for (i = 0; i <= LCORES; i++) {
		assert_int_equal(vhu_backend_vring(p->b, 2 * i + 1, &info), 0);
		assert_true(info.live);
		used += info.packets == PACKETS;
	}
	/* The main lcore sent nothing; nobody shared. */
	assert_int_equal(used, SENDERS);
	assert_false(port_log_has("take turns"));
	check_seen(p);
}

static void
test_mt_lockfree_main_lcore_too(void **state)
{
	check_lock_free(*state, LCORES + 1, false, "");
	check_seen(*state);
}

static void
test_mt_lockfree_two_rings(void **state)
{
	struct port *p = *state;

	check_lock_free(p, 2, true, "");
	assert_true(port_log_has("2 rings for 5 lcores, which take turns with a lock"));
	check_seen(p);
}

static void
test_mt_lockfree_one_ring(void **state)
{
	check_lock_free(*state, 1, true, "");
	check_seen(*state);
}

static void
test_mt_lockfree_limited_by_devarg(void **state)
{
	struct vhu_vring_info info;
	struct port *p = *state;

	check_lock_free(p, LCORES + 1, true, ",queues=3,in_order=0");
	assert_int_equal(vhu_backend_vring(p->b, 2 * 3 + 1, &info), 0);
	assert_false(info.live);
	check_seen(p);
}

/* Killed half-way: each ring sends again what it holds, and no sender's order is lost. */
static void
check_killed(struct port *p, uint32_t pairs)
{
	unsigned int i;

	sending_up(p, pairs, "");
	launch_workers();
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	for (i = 1; i <= 3; i++) {
		assert_true(vhu_backend_wait_packets(p->b, 2000 * i, PORT_WAIT_MS));
		port_backend_restart(p);
	}
	send_all(&senders[SENDERS - 1]);
	rte_eal_mp_wait_lcore();
	check_seen(p);
}

static void
test_mt_lockfree_backend_killed(void **state)
{
	check_killed(*state, LCORES + 1);
}

static void
test_mt_lockfree_backend_killed_two_rings(void **state)
{
	check_killed(*state, 2);
}

static void
test_mt_lockfree_too_few_pairs_later(void **state)
{
	struct port *p = *state;

	/* Set up for as many rings as there are senders, then the backend has two. */
	p->cfg.queue_pairs = 2;
	p->conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MT_LOCKFREE;
	port_start(p, "");
	port_backend(p);
	assert_true(port_log_wait("set up for 6 queue pairs and the backend has 2", PORT_WAIT_MS));
	assert_true(port_log_has("queues=2"));
	assert_false(port_wait_link(p, true, 50));
	p->cfg.queue_pairs = 6;
	vhu_backend_set_config(p->b, &p->cfg);
	port_wait_up(p);
}

/* Two lock-free queues: their rings lie behind each other without overlap. */
static void
test_mt_lockfree_two_queues(void **state)
{
	struct port *p = *state;
	struct rte_mbuf *m;
	uint32_t i;

	p->cfg.queue_pairs = 12;
	p->nb_txq = 2;
	p->conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MT_LOCKFREE;
	port_up(p, "");
	for (i = 0; i < 2; i++) {
		m = port_packet(p->pool, i, 64, 1);
		assert_int_equal(rte_eth_tx_burst(p->id, i, &m, 1), 1);
	}
	/* The main lcore is the first and has the queue's own ring. */
	assert_int_equal(port_take(p, 0), 0);
	assert_int_equal(port_take(p, 1), 1);
}

struct polling {
	struct port *p;
	uint16_t queue;
	uint32_t echoed;
	bool failed;
};

/* One lcore, one pair: send, receive, compare. */
static int
poll_pair(void *arg)
{
	const uint64_t end = port_now_ms() + 4 * PORT_WAIT_MS;
	struct polling *q = arg;
	struct rte_mbuf *m;
	uint32_t sent = 0, mark;

	while (q->echoed < PACKETS && !q->failed && port_now_ms() < end) {
		if (sent < PACKETS && sent - q->echoed < 32) {
			m = port_packet(q->p->pool, MARK(q->queue, sent), 128, 1);
			if (m != NULL && rte_eth_tx_burst(q->p->id, q->queue, &m, 1) == 1)
				sent++;
			else
				rte_pktmbuf_free(m);
		}
		if (rte_eth_rx_burst(q->p->id, q->queue, &m, 1) == 0) {
			sched_yield();
			continue;
		}
		q->failed = !port_is_packet(m, &mark) || mark != MARK(q->queue, q->echoed);
		q->echoed++;
		rte_pktmbuf_free(m);
	}
	if (q->echoed < PACKETS)
		port_report(q->p, "a poller gives up");
	return 0;
}

static void
test_four_pairs_from_four_lcores(void **state)
{
	struct polling pairs[4];
	struct port *p = *state;
	unsigned int lcore, i = 0;
	char name[40];

	p->cfg.queue_pairs = 4;
	p->cfg.mode = VHU_ECHO;
	p->nb_rxq = p->nb_txq = 4;
	port_up(p, "");
	assert_true(vhu_backend_wait_vrings(p->b, 8, PORT_WAIT_MS));
	for (i = 0; i < 4; i++)
		pairs[i] = (struct polling){.p = p, .queue = i};
	i = 0;
	RTE_LCORE_FOREACH_WORKER(lcore)
		assert_int_equal(rte_eal_remote_launch(poll_pair, &pairs[i++], lcore), 0);
	rte_eal_mp_wait_lcore();
	for (i = 0; i < 4; i++) {
		assert_false(pairs[i].failed);
		assert_int_equal(pairs[i].echoed, PACKETS);
		snprintf(name, sizeof(name), "rx_q%u_packets", i);
		assert_int_equal(port_xstat(p, name), PACKETS);
		snprintf(name, sizeof(name), "tx_q%u_packets", i);
		assert_int_equal(port_xstat(p, name), PACKETS);
	}
}

/* Queues that are set up without a wish for a node are where they are: nothing disagrees. */
static void
test_numa_counter(void **state)
{
	struct port *p = *state;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	port_ping(p, 0, 10, 64);
	assert_int_equal(port_xstat(p, "numa_mismatches"), 0);
}

static int
setup_lcores(void **state)
{
	cpu_set_t cpus;
	char lcores[32];

	(void)state;
	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	snprintf(lcores, sizeof(lcores), "(0-%d)@(%s)", LCORES - 1,
		 CPU_ISSET(0, &cpus) && CPU_ISSET(1, &cpus) ? "0,1" : "0");
	port_eal_start(lcores, false);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_mt_lockfree_a_ring_for_each),
		port_test(test_mt_lockfree_main_lcore_too),
		port_test(test_mt_lockfree_two_rings),
		port_test(test_mt_lockfree_one_ring),
		port_test(test_mt_lockfree_limited_by_devarg),
		port_test(test_mt_lockfree_backend_killed),
		port_test(test_mt_lockfree_backend_killed_two_rings),
		port_test(test_mt_lockfree_too_few_pairs_later),
		port_test(test_mt_lockfree_two_queues),
		port_test(test_four_pairs_from_four_lcores),
		port_test(test_numa_counter),
	};

	return cmocka_run_group_tests_name("test_port_queues", tests, setup_lcores,
					   port_group_teardown);
}
