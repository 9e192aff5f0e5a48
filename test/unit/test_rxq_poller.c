/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Receive bursts while a device works in another thread: ids, lengths and data belong together
 * (L-02), all parts of a packet are there when its first one is (L-14, PR-39), refilled slots show
 * as a whole (L-06), and a device that waits for buffers is woken (L-03).
 */

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include <rte_ethdev.h>

#include "notify.h"
#include "rxq_env.h"

#define PACKETS 40000u
#define SECONDS_MAX 3

static struct rx_env env;

/** What both threads know. */
static struct {
	bool stop;      /**< device: nothing more will come */
	bool sleeps;    /**< the device sleeps when it has no buffers */
	uint32_t made;  /**< device: packets delivered */
	uint32_t lost;  /**< device: sleeps that ended by time although buffers were there */
	bool failed;    /**< device: fetching met a violation */
} run;

static uint32_t
length_of(uint32_t seed)
{
	uint32_t state = seed * 2654435761u, len = unit_random(&state) % (env.room + 1);

	if (env.setup.mergeable && seed % 3 == 0)
		len += unit_random(&state) % 400;
	return len;
}

/* Sleep until notified, as a device does: enable, look once more, wait. */
static void
sleep_for_buffers(void)
{
	struct pollfd wait = {.fd = pvq_notify_fd(UNIT_PORT, RX_VQ), .events = POLLIN};

	pd_notify_next(env.dev);
	if (!pd_available(env.dev) && poll(&wait, 1, 500) == 0 && pd_available(env.dev))
		run.lost++;
	unit_notifications(RX_VQ);
	pd_notify_disable(env.dev);
}

static bool
deliver_next(void)
{
	const struct pd_rx_opts opts = {
		.order = env.setup.in_order ? PD_FIFO : PD_SHUFFLE,
		.seed = run.made,
		.batch = env.setup.in_order && run.made % 2,
	};
	static uint8_t data[1024];
	const uint32_t len = length_of(run.made);

	unit_fill(data, len, run.made, 0);
	if (pd_rx_packet(env.dev, data, len, &opts) <= 0)
		return false;
	run.made++;
	return true;
}

static void *
device_thread(void *arg)
{
	struct timespec start, now;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		int n = pd_fetch(env.dev, UINT32_MAX);

		if (n < 0) {
			run.failed = true;
			break;
		}
		if (!deliver_next()) {
			if (run.sleeps && n == 0)
				sleep_for_buffers();
			else
				sched_yield();
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (run.made < PACKETS && now.tv_sec - start.tv_sec < SECONDS_MAX);
	__atomic_store_n(&run.stop, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Receive until the device has stopped and nothing more comes. @return packets that were wrong. */
static uint32_t
receive_all(void)
{
	struct rte_mbuf *pkts[32];
	uint32_t wrong = 0;
	uint16_t n, i;
	bool last;

	do {
		last = __atomic_load_n(&run.stop, __ATOMIC_ACQUIRE);
		n = env.burst(env.q, pkts, 1 + env.got % RTE_DIM(pkts));
		for (i = 0; i < n; i++) {
			uint32_t seed = env.got++;

			wrong += !unit_mbuf_matches(pkts[i], seed, length_of(seed));
			unit_mbuf_free(pkts[i]);
		}
		if (n == 0)
			sched_yield();
	} while (n != 0 || !last);
	return wrong;
}

static void
run_poller(uint16_t size, unsigned int switches, bool sleeps)
{
	const struct rx_setup setup = rx_setup_of(size, switches);
	pthread_t thread;
	uint32_t wrong;

	rx_open(&env, &setup);
	memset(&run, 0, sizeof(run));
	run.sleeps = sleeps;
	if (sleeps)
		pd_notify_disable(env.dev);
	assert_int_equal(pthread_create(&thread, NULL, device_thread, NULL), 0);
	wrong = receive_all();
	pthread_join(thread, NULL);
	assert_string_equal(pd_violations_text(env.dev), "");
	assert_false(run.failed);
	assert_int_equal(wrong, 0);
	assert_int_equal(run.lost, 0);
	assert_int_equal(env.got, run.made);
	assert_int_equal(env.q->stats.packets, run.made);
	assert_int_equal(env.q->stats.queue_errors, 0);
	env.event = *(uint32_t *)env.q->ring.device_event;
	unit_notifications(RX_VQ);
	rx_close(&env);
}

static void
test_l02_l06_packets_of_a_polling_device(void **state)
{
	(void)state;
	run_poller(64, 0, false);
	run_poller(7, 0, false);
	run_poller(61, 1, false);
}

static void
test_l14_pr39_merged_packets_of_a_polling_device(void **state)
{
	(void)state;
	run_poller(64, 2, false);
	run_poller(13, 2, false);
	run_poller(61, 3, false);
}

static void
test_l03_a_device_without_buffers_is_woken(void **state)
{
	(void)state;
	run_poller(16, 4, true);
	run_poller(7, 5, true);
	run_poller(31, 7, true);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l02_l06_packets_of_a_polling_device),
		cmocka_unit_test(test_l14_pr39_merged_packets_of_a_polling_device),
		cmocka_unit_test(test_l03_a_device_without_buffers_is_woken),
	};

	return cmocka_run_group_tests_name("rxq_poller", tests, unit_eal_start, unit_eal_stop);
}
