/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Rows of the conformance list that take a whole port: addresses, buffers that stay the device's
 * until it has left, resets that come late, configuration read at once, interrupts in a storm.
 */

#include <pthread.h>
#include <string.h>

#include "port.h"

/* How much faster an answer is given up. */
#define HURRY 10
/* Of a backend that does nothing for a while, which is less than the driver waits for answers. */
#define STANDSTILL_MS 300u

/* ---- part A ---------------------------------------------------------------------------------- */

/* Pieces of what was fetched that lie elsewhere in the backend than their address says. */
static uint32_t
count_translated(const struct pd_vq *vq)
{
	const struct pd_buf *buf;
	uint32_t i, n = 0;

	for (buf = pd_first(vq); buf != NULL; buf = buf->next)
		for (i = 0; i < buf->nb_elements; i++)
			n += buf->elements[i].addr != (uintptr_t)buf->elements[i].base;
	return n;
}

/* The backend has memory at other places than the driver has it; what descriptors say is the
 * driver's, which the table of regions translates.
 */
static void
test_pr15_addresses_are_those_of_the_memory_table(void **state)
{
	struct port *p = *state;
	struct vhu_record rec;
	struct rte_mbuf *m;
	struct pd_vq *rx, *tx;
	uint32_t i, pieces, posted;

	p->conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	port_up(p, "");
	for (i = 0; i < 12; i++) {
		m = port_packet(p->pool, i, 300, 1 + i % 3);
		assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 1);
	}
	assert_int_equal(vhu_backend_last(p->b, VHU_SET_VRING_ADDR, &rec), 0);
	vhu_backend_lock(p->b);
	rx = vhu_backend_vq(p->b, 0);
	tx = vhu_backend_vq(p->b, 1);
	posted = pd_fetch(rx, UINT32_MAX);
	pd_fetch(tx, UINT32_MAX);
	pieces = count_translated(tx);
	i = count_translated(rx);
	/* The ring is no exception: {index, flags, descriptors, ...}. */
	posted += rec.u64[1] == (uintptr_t)pd_get_config(tx)->desc;
	vhu_backend_unlock(p->b);
	assert_int_equal(posted, p->nb_rxd);
	assert_int_equal(i, p->nb_rxd);
	assert_true(pieces >= 12);
	for (i = 0; i < 12; i++)
		assert_int_equal(port_take(p, 0), i);
	port_deliver(p, 0, 77, 200);
	port_expect(p, 0, 77, 1);
}

/** A backend that stands still for a while. */
struct standstill {
	struct port *p;
	pthread_t thread;
	bool write;      /**< into all buffers that it holds */
	bool begun;
	unsigned int avail; /**< of the pool, at the beginning */
	bool returned;   /**< more of the pool was there before the end */
	bool ended;
};

static void
write_into_buffers(const struct pd_vq *vq)
{
	const struct pd_buf *buf;
	uint32_t i;

	for (buf = pd_first(vq); buf != NULL; buf = buf->next)
		for (i = 0; i < buf->nb_elements; i++)
			if (buf->elements[i].writable)
				memset(buf->elements[i].base, 0x77, buf->elements[i].len);
}

static void *
stand_still(void *arg)
{
	struct standstill *s = arg;
	const uint64_t end = port_now_ms() + STANDSTILL_MS;

	vhu_backend_lock(s->p->b);
	s->avail = rte_mempool_avail_count(s->p->pool);
	__atomic_store_n(&s->begun, true, __ATOMIC_RELEASE);
	while (port_now_ms() < end) {
		if (s->write)
			write_into_buffers(vhu_backend_vq(s->p->b, 0));
		s->returned |= rte_mempool_avail_count(s->p->pool) != s->avail;
		port_sleep_ms(5);
	}
	__atomic_store_n(&s->ended, true, __ATOMIC_RELEASE);
	vhu_backend_unlock(s->p->b);
	return NULL;
}

static void
standstill_begin(struct standstill *s, struct port *p)
{
	s->p = p;
	assert_int_equal(pthread_create(&s->thread, NULL, stand_still, s), 0);
	while (!__atomic_load_n(&s->begun, __ATOMIC_ACQUIRE))
		port_sleep_ms(1);
}

/* The port is being stopped, the device is slow to leave and goes on writing: no buffer may be back
 * in the pool before it has said that it is out.
 */
static void
test_pr38_buffers_come_back_when_the_device_has_left(void **state)
{
	struct standstill still = {.write = true};
	struct port *p = *state;

	port_up(p, "");
	port_send(p, 0, 10, 64);
	vhu_backend_lock(p->b);
	pd_fetch(vhu_backend_vq(p->b, 0), UINT32_MAX);
	pd_fetch(vhu_backend_vq(p->b, 1), UINT32_MAX);
	vhu_backend_unlock(p->b);
	standstill_begin(&still, p);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_true(__atomic_load_n(&still.ended, __ATOMIC_ACQUIRE));
	pthread_join(still.thread, NULL);
	assert_false(still.returned);
	assert_int_equal(still.avail, p->pool_size - p->nb_rxd - 10);
	assert_true(port_is_whole(p));
	assert_int_equal(vhu_backend_count(p->b, VHU_GET_VRING_BASE), 2);
}

/* ---- part B ---------------------------------------------------------------------------------- */

static void
test_in02_a_late_reset_is_waited_for(void **state)
{
	struct standstill still = {.write = false};
	struct port *p = *state;

	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	assert_int_equal(port_configure(p), 0);
	standstill_begin(&still, p);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	assert_true(__atomic_load_n(&still.ended, __ATOMIC_ACQUIRE));
	pthread_join(still.thread, NULL);
	port_wait_up(p);
	assert_int_equal(vhu_backend_connections(p->b), 1);
	port_ping(p, 0, 100, 64);
}

/* The reset is not confirmed: nothing more is said to this device, and the wait is bounded. */
static void
test_in02_a_reset_that_never_ends(void **state)
{
	struct vhu_record rec, last = {0};
	struct port *p = *state;
	uint32_t i;

	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	assert_int_equal(vhu_backend_set_fault(p->b, VHU_SET_STATUS, VHU_NO_ANSWER, 1), 0);
	port_time_divisor(HURRY);
	port_start(p, "");
	assert_true(port_log_wait("did not answer SET_STATUS", PORT_WAIT_MS));
	port_time_divisor(1);
	port_wait_up(p);
	for (i = 0; vhu_backend_log_get(p->b, i, &rec) == 0 && rec.connection == 1; i++)
		last = rec;
	assert_int_equal(last.request, VHU_SET_STATUS);
	assert_int_equal(last.u64[0], 0);
	assert_true(last.need_reply);
	assert_int_equal(vhu_backend_connections(p->b), 2);
	port_ping(p, 0, 100, 64);
}

/* There is no generation to compare, so all fields that go together come by one message. */
static void
test_in08_hd22_configuration_is_read_at_once(void **state)
{
	struct port *p = *state;
	struct vhu_record rec;
	uint32_t i, whole = 0;

	port_up(p, "");
	for (i = 0; vhu_backend_log_get(p->b, i, &rec) == 0; i++) {
		if (rec.request != VHU_GET_CONFIG)
			continue;
		/* The link alone, again and again: two bytes at offset 6. */
		if (rec.u64[0] == (6 | 2ull << 32))
			continue;
		assert_int_equal(rec.u64[0] & UINT32_MAX, 0);
		assert_true(rec.u64[0] >> 32 >= 12);
		whole++;
	}
	assert_true(whole > 0);
}

/* ---- part D ---------------------------------------------------------------------------------- */

static void
test_nt11_buffers_without_merging_hold_a_frame(void **state)
{
	struct port *p = *state;
	const struct pd_buf *buf;
	uint32_t n = 0, small = 0;

	p->cfg.features &= ~VHU_F_MRG_RXBUF;
	port_up(p, "");
	vhu_backend_lock(p->b);
	pd_fetch(vhu_backend_vq(p->b, 0), UINT32_MAX);
	for (buf = pd_first(vhu_backend_vq(p->b, 0)); buf != NULL; buf = buf->next, n++)
		small += buf->write_len < 1526;
	vhu_backend_unlock(p->b);
	assert_int_equal(n, p->nb_rxd);
	assert_int_equal(small, 0);
}

/* Mbufs of one byte less than a frame with two tags and the header: refused at start. */
static void
test_nt11_smaller_buffers_are_refused(void **state)
{
	struct port *p = *state;

	p->cfg.features &= ~VHU_F_MRG_RXBUF;
	port_pool(p, 512, RTE_PKTMBUF_HEADROOM + 1500 + 22 - 1);
	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	assert_int_equal(port_configure(p), 0);
	assert_int_equal(rte_eth_dev_start(p->id), -EINVAL);
	assert_true(port_log_has("MTU 1500 needs 1534 bytes"));
}

/* ---- part E ---------------------------------------------------------------------------------- */

/* Whatever the storm, polling gets every packet. */
static void *
storm(void *arg)
{
	struct port *p = arg;
	uint32_t i;

	for (i = 0; i < 20000; i++) {
		vhu_backend_lock(p->b);
		vhu_backend_interrupt_always(p->b, 0);
		vhu_backend_unlock(p->b);
	}
	return NULL;
}

static void
test_hd27_polling_in_a_storm_of_interrupts(void **state)
{
	struct port *p = *state;
	pthread_t thread;

	p->conf.intr_conf.rxq = 1;
	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	assert_int_equal(rte_eth_dev_rx_intr_enable(p->id, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, storm, p), 0);
	port_ping(p, 0, 2000, 64);
	pthread_join(thread, NULL);
	assert_int_equal(rte_eth_dev_rx_intr_disable(p->id, 0), 0);
	port_ping(p, 0, 100, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_pr15_addresses_are_those_of_the_memory_table),
		port_test(test_pr38_buffers_come_back_when_the_device_has_left),
		port_test(test_in02_a_late_reset_is_waited_for),
		port_test(test_in02_a_reset_that_never_ends),
		port_test(test_in08_hd22_configuration_is_read_at_once),
		port_test(test_nt11_buffers_without_merging_hold_a_frame),
		port_test(test_nt11_smaller_buffers_are_refused),
		port_test(test_hd27_polling_in_a_storm_of_interrupts),
	};

	return cmocka_run_group_tests_name("test_port_conf", tests, port_group_setup,
					   port_group_teardown);
}
