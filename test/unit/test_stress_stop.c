/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * L-15: queues stopped and started again while a thread polls them without a pause. From the return
 * of the stop to the start, not a byte of the ring, of the buffers in it, or of what the driver
 * knows about them changes, though the thread goes on polling. Packets are whole and in order.
 */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ethdev_driver.h>

#include "device.h"
#include "rxq_env.h"
#include "txq_env.h"

#define MILLISECONDS 1200
/* On a busy machine it takes longer to have enough rounds. */
#define MILLISECONDS_MAX 20000
#define ROUNDS_MIN 100
#define SIZE 128
#define BURST 32
#define LEN 64

static struct rx_env rx;
static struct tx_env tx;

/** What the threads share. */
static struct {
	pthread_mutex_t device; /**< held while the device works, and while it must not */
	bool stop;
	uint32_t moved;  /**< packets that the polling thread has received or sent */
	uint32_t wrong;  /**< packets with other bytes than expected */
	uint32_t sunk;   /**< packets that the device has made or seen */
} run;

/** A port of one queue, as far as stopping and starting it goes; its device is away. */
static struct {
	struct pvq_device dev;
	struct rte_eth_dev_data data;
	void *queue[1];
} port;

static bool
goes_on(uint32_t rounds)
{
	static struct timespec start;
	struct timespec now;
	int64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (rounds == 0)
		start = now;
	ms = (now.tv_sec - start.tv_sec) * 1000ll + (now.tv_nsec - start.tv_nsec) / 1000000;
	return ms < (rounds < ROUNDS_MIN ? MILLISECONDS_MAX : MILLISECONDS);
}

/* ---- what must not change -------------------------------------------------------------------- */

static uint64_t
sum(uint64_t before, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint64_t word = 0;

	for (; len >= sizeof(word); len -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		before = (before ^ word) * 0x9e3779b97f4a7c15ull;
		before ^= before >> 29;
	}
	for (; len > 0; len--)
		before = (before ^ *bytes++) * 0x9e3779b97f4a7c15ull;
	return before;
}

static uint64_t
sum_mbuf(uint64_t s, const struct rte_mbuf *m, uint32_t at, uint32_t len)
{
	return sum(sum(s, m, sizeof(*m)), (const char *)m->buf_addr + at, len);
}

static uint64_t
sum_rxq(void)
{
	const struct pvq_rxq *q = rx.q;
	uint64_t s = sum(sum(1, &q->ring, sizeof(q->ring)), &q->stats, sizeof(q->stats));
	unsigned int i;

	s = sum(s, q->vq.ring_mem, pvq_ring_bytes(q->vq.size));
	s = sum(s, q->shadow, q->vq.size * sizeof(q->shadow[0]));
	s = sum(s, q->slot_id, q->vq.size * sizeof(q->slot_id[0]));
	for (i = 0; i < q->vq.size; i++)
		if (q->shadow[i] != NULL)
			s = sum_mbuf(s, q->shadow[i],
				     RTE_PKTMBUF_HEADROOM - VIRTIO_NET_HDR_LEN, q->capacity);
	return s;
}

static uint64_t
sum_txq(void)
{
	const struct pvq_txq *q = tx.q;
	uint64_t s = sum(sum(1, &q->ring, sizeof(q->ring)), &q->stats, sizeof(q->stats));
	const uint16_t n = pvq_ring_outstanding(&q->ring);
	unsigned int i;

	s = sum(s, q->vq.ring_mem, pvq_ring_bytes(q->vq.size));
	s = sum(s, q->shadow, q->vq.size * sizeof(q->shadow[0]));
	s = sum(s, q->info, q->vq.size * sizeof(q->info[0]));
	s = sum(s, q->free_ids, q->vq.size * sizeof(q->free_ids[0]));
	/* Plain packets with IN_ORDER: the slots in use are those of the buffers. */
	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m =
			q->shadow[pvq_ring_slot_add(&q->ring, q->ring.next_used, i)];

		s = sum_mbuf(s, m, m->data_off - VIRTIO_NET_HDR_LEN, LEN);
	}
	return s;
}

/* ---- threads --------------------------------------------------------------------------------- */

static bool
stopped(void)
{
	return __atomic_load_n(&run.stop, __ATOMIC_ACQUIRE);
}

static uint16_t
receive_some(void)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = rx.burst(rx.q, pkts, BURST), i;

	for (i = 0; i < n; i++) {
		run.wrong += !unit_mbuf_matches(pkts[i], run.moved++, LEN);
		unit_mbuf_free(pkts[i]);
	}
	return n;
}

static void *
receiver(void *arg)
{
	(void)arg;
	while (!stopped())
		receive_some();
	return NULL;
}

static void *
filler(void *arg)
{
	uint8_t data[LEN];
	uint32_t made = 0;

	(void)arg;
	while (!stopped()) {
		pthread_mutex_lock(&run.device);
		unit_fill(data, LEN, made, 0);
		pd_fetch(rx.dev, UINT32_MAX);
		while (pd_rx_packet(rx.dev, data, LEN, NULL) == 1)
			unit_fill(data, LEN, ++made, 0);
		pthread_mutex_unlock(&run.device);
		sched_yield();
	}
	run.sunk = made;
	return NULL;
}

static void *
sender(void *arg)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = 0, done;

	(void)arg;
	while (!stopped()) {
		while (n < BURST && (pkts[n] = tx_make(&tx, TX_PLAIN, LEN)) != NULL)
			n++;
		done = tx.burst(tx.q, pkts, n);
		run.moved += done;
		n -= done;
		memmove(pkts, pkts + done, n * sizeof(pkts[0]));
		if (done == 0)
			sched_yield();
	}
	rte_pktmbuf_free_bulk(pkts, n);
	return NULL;
}

/* Mark used what was fetched before, and check what is fetched now. */
static void
sink_some(void)
{
	uint8_t data[LEN];
	struct pd_buf *buf;

	while (pd_live(tx.dev) != 0)
		pd_complete(tx.dev, pd_first(tx.dev), 0);
	pd_fetch(tx.dev, UINT32_MAX);
	for (buf = pd_first(tx.dev); buf != NULL; buf = buf->next)
		run.wrong += pd_tx_copy(tx.dev, buf, NULL, data, sizeof(data)) != LEN ||
			     !unit_matches(data, LEN, run.sunk++, 0);
}

static void *
sinker(void *arg)
{
	(void)arg;
	while (!stopped()) {
		pthread_mutex_lock(&run.device);
		sink_some();
		pthread_mutex_unlock(&run.device);
		sched_yield();
	}
	return NULL;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void
enable(bool on)
{
	int ret;

	pthread_mutex_lock(&port.dev.lock);
	if (port.data.nb_rx_queues != 0)
		ret = pvq_device_enable_rxq(&port.dev, port.queue[0], on);
	else
		ret = pvq_device_enable_txq(&port.dev, port.queue[0], on);
	pthread_mutex_unlock(&port.dev.lock);
	assert_int_equal(ret, 0);
}

/* Stop and start as often as there is time for. @return times that something was touched. */
static uint32_t
stop_and_start(uint64_t (*sum_all)(void))
{
	uint32_t rounds, touched = 0, i;
	uint64_t before;

	for (rounds = 0; goes_on(rounds) && touched == 0; rounds++) {
		pthread_mutex_lock(&run.device);
		enable(false);
		before = sum_all();
		for (i = 0; i < 3; i++) {
			touched += sum_all() != before;
			/* Every now and then long enough for a thread that was preempted. */
			if (rounds % 16 == 0)
				nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
		}
		enable(true);
		pthread_mutex_unlock(&run.device);
		for (i = 0; i < rounds * 13 % 200; i++)
			sched_yield();
	}
	return touched;
}

static void
check_stops(void *queue, bool receives, void *(*poller)(void *), void *(*device)(void *),
	    uint64_t (*sum_all)(void))
{
	pthread_t threads[2];
	uint32_t touched;

	memset(&run, 0, sizeof(run));
	memset(&port, 0, sizeof(port));
	pthread_mutex_init(&run.device, NULL);
	pthread_mutex_init(&port.dev.lock, NULL);
	rte_spinlock_init(&port.dev.gate_lock);
	port.dev.data = &port.data;
	port.queue[0] = queue;
	port.data.rx_queues = port.queue;
	port.data.tx_queues = port.queue;
	port.data.nb_rx_queues = receives;
	port.data.nb_tx_queues = !receives;
	assert_int_equal(pthread_create(&threads[0], NULL, poller, NULL), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, device, NULL), 0);
	touched = stop_and_start(sum_all);
	__atomic_store_n(&run.stop, true, __ATOMIC_RELEASE);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_int_equal(touched, 0);
	assert_int_equal(run.wrong, 0);
	assert_true(run.moved > 0);
}

static void
check_rx(unsigned int switches)
{
	const struct rx_setup setup = rx_setup_of(SIZE, switches);

	rx_open(&rx, &setup);
	check_stops(rx.q, true, receiver, filler, sum_rxq);
	while (receive_some() != 0)
		;
	assert_int_equal(run.wrong, 0);
	assert_int_equal(run.moved, run.sunk);
	rx_close(&rx);
}

static void
test_l15_rx_queue(void **state)
{
	(void)state;
	check_rx(0);
}

static void
test_l15_rx_queue_in_order_mergeable(void **state)
{
	(void)state;
	check_rx(3);
}

static void
test_l15_tx_queue(void **state)
{
	const struct tx_setup setup = tx_setup_of(SIZE, 1);

	(void)state;
	tx_open(&tx, &setup);
	check_stops(tx.q, false, sender, sinker, sum_txq);
	sink_some();
	sink_some();
	assert_int_equal(run.wrong, 0);
	assert_int_equal(run.sunk, run.moved);
	tx_reclaim(&tx);
	assert_int_equal(pvq_ring_outstanding(&tx.q->ring), 0);
	tx_close(&tx);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l15_rx_queue),
		cmocka_unit_test(test_l15_rx_queue_in_order_mergeable),
		cmocka_unit_test(test_l15_tx_queue),
	};

	return cmocka_run_group_tests_name("stress_stop", tests, unit_eal_start, unit_eal_stop);
}
