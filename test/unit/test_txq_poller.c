/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Transmit bursts while a device polls the ring in another thread: nothing of a burst is seen
 * before all of it is there (L-01, L-09, L-10), and a device that sleeps is woken (L-03).
 */

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ethdev.h>

#include "notify.h"
#include "txq_env.h"

#define PACKETS 60000u
#define SECONDS_MAX 3
#define BURST 16

static struct tx_env env;

/** What both threads know; the device's side writes its half, the driver's the other. */
static struct {
	bool stop;        /**< driver: no more bursts */
	bool sleeps;      /**< the device sleeps when it finds nothing */
	uint32_t seen;    /**< device: packets checked */
	uint32_t wrong;   /**< device: packets with other bytes than expected */
	uint32_t lost;    /**< device: sleeps that ended by time although buffers were there */
	uint32_t *stops;  /**< device: counts at which it found nothing more */
	uint32_t nb_stops;
	bool *boundary;   /**< driver: counts at which a burst ended */
} run;

static bool
packet_is_right(const struct pd_buf *buf, uint32_t seed)
{
	static uint8_t data[4096];
	const uint32_t len = env.len[seed % TX_RECORDS];

	return pd_tx_copy(env.dev, buf, NULL, data, sizeof(data)) == (ssize_t)len &&
	       unit_matches(data, len, seed, 0);
}

/* Sleep until notified, as a device does: enable, look once more, wait. */
static void
sleep_for_packets(void)
{
	struct pollfd wait = {.fd = pvq_notify_fd(UNIT_PORT, TX_VQ), .events = POLLIN};
	bool stopped = __atomic_load_n(&run.stop, __ATOMIC_ACQUIRE);

	pd_notify_next(env.dev);
	if (!pd_available(env.dev) && !stopped && poll(&wait, 1, 500) == 0 &&
	    pd_available(env.dev))
		run.lost++;
	unit_notifications(TX_VQ);
	pd_notify_disable(env.dev);
}

static void
use_fetched(uint32_t *seed)
{
	uint32_t live = pd_live(env.dev), n = live == 0 ? 0 : 1 + unit_random(seed) % live;

	if (n != 0 && env.setup.in_order && unit_random(seed) % 2)
		pd_complete_batch(env.dev, n, 0);
	else
		while (n-- > 0)
			pd_complete(env.dev, pd_pick(env.dev, env.setup.in_order ? PD_FIFO :
						     PD_SHUFFLE, seed), 0);
}

static void *
device_thread(void *arg)
{
	uint32_t seed = 1;

	(void)arg;
	for (;;) {
		bool last = __atomic_load_n(&run.stop, __ATOMIC_ACQUIRE);
		struct pd_buf *buf = pd_last(env.dev);
		int n = pd_fetch(env.dev, UINT32_MAX);

		if (n < 0)
			return NULL;
		for (buf = buf != NULL ? buf->next : pd_first(env.dev); buf; buf = buf->next)
			run.wrong += !packet_is_right(buf, run.seen++);
		if (n > 0)
			run.stops[run.nb_stops++] = run.seen;
		use_fetched(&seed);
		if (n == 0 && last && pd_live(env.dev) == 0)
			return NULL;
		if (n == 0 && run.sleeps && pd_live(env.dev) == 0)
			sleep_for_packets();
		else if (n == 0)
			sched_yield();
	}
}

/* Make packets and send bursts until there were enough. @return packets accepted. */
static uint32_t
send_bursts(void)
{
	struct timespec start, now;
	struct rte_mbuf *pkts[BURST];
	uint32_t seed = 2, sent = 0;
	uint16_t n = 0, want, done;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		want = 1 + unit_random(&seed) % BURST;
		for (; n < want; n++) {
			pkts[n] = tx_make(&env, unit_random(&seed) % TX_NB_KINDS,
					  5 + unit_random(&seed) % 90);
			if (pkts[n] == NULL)
				break;
		}
		done = env.burst(env.q, pkts, n);
		sent += done;
		run.boundary[sent] = true;
		n -= done;
		memmove(pkts, pkts + done, n * sizeof(pkts[0]));
		if (done == 0)
			sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (sent < PACKETS && now.tv_sec - start.tv_sec < SECONDS_MAX);
	rte_pktmbuf_free_bulk(pkts, n);
	return sent;
}

/* Whether the device ever stopped between the ends of two bursts. */
static uint32_t
count_torn_bursts(void)
{
	uint32_t i, torn = 0;

	for (i = 0; i < run.nb_stops; i++)
		torn += !run.boundary[run.stops[i]];
	return torn;
}

static void
run_poller(uint16_t size, unsigned int switches, bool sleeps)
{
	const struct tx_setup setup = tx_setup_of(size, switches);
	pthread_t thread;
	uint32_t sent, torn;

	tx_open(&env, &setup);
	memset(&run, 0, sizeof(run));
	run.sleeps = sleeps;
	run.stops = calloc(PACKETS + BURST, sizeof(run.stops[0]));
	run.boundary = calloc(PACKETS + BURST, sizeof(run.boundary[0]));
	assert_non_null(run.stops);
	assert_non_null(run.boundary);
	if (sleeps)
		pd_notify_disable(env.dev);
	else
		/* Always reclaim first: making room later would publish a burst in two steps. */
		env.q->free_thresh = size + 1;
	assert_int_equal(pthread_create(&thread, NULL, device_thread, NULL), 0);
	sent = send_bursts();
	__atomic_store_n(&run.stop, true, __ATOMIC_RELEASE);
	/* The device may be asleep for good. */
	pvq_notify(UNIT_PORT, TX_VQ);
	pthread_join(thread, NULL);
	torn = count_torn_bursts();
	free(run.stops);
	free(run.boundary);
	assert_string_equal(pd_violations_text(env.dev), "");
	assert_int_equal(run.seen, sent);
	assert_int_equal(run.wrong, 0);
	assert_int_equal(run.lost, 0);
	if (!sleeps)
		assert_int_equal(torn, 0);
	env.event = *(uint32_t *)env.q->ring.device_event;
	tx_reclaim(&env);
	assert_int_equal(env.q->stats.packets, sent);
	assert_int_equal(env.q->stats.reclaimed, sent);
	tx_close(&env);
}

static void
test_l01_l09_bursts_are_seen_whole(void **state)
{
	(void)state;
	run_poller(64, 0, false);
	run_poller(64, 3, false);
	run_poller(61, 2, false);
	run_poller(61, 1, false);
}

/* Bursts of up to 16 on rings that never take one whole. */
static void
test_l10_partial_bursts_are_seen_whole(void **state)
{
	(void)state;
	run_poller(7, 1, false);
	run_poller(11, 2, false);
}

static void
test_l03_a_sleeping_device_is_woken(void **state)
{
	(void)state;
	run_poller(64, 4, true);
	run_poller(7, 5, true);
	run_poller(31, 7, true);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l01_l09_bursts_are_seen_whole),
		cmocka_unit_test(test_l10_partial_bursts_are_seen_whole),
		cmocka_unit_test(test_l03_a_sleeping_device_is_woken),
	};

	return cmocka_run_group_tests_name("txq_poller", tests, unit_eal_start, unit_eal_stop);
}
