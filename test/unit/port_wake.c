/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <pthread.h>

#include "port_wake.h"

#define PACKETS 5000

struct sender {
	const struct port *p;
	uint32_t sent;
};

/* A ring's worth at most ahead of the receiver. */
static void *
send_now_and_then(void *arg)
{
	struct sender *s = arg;
	const uint64_t end = port_now_ms() + PORT_WAIT_MS;
	uint32_t spin, i = 0;
	uint8_t data[64];

	while (i < PACKETS && port_now_ms() < end) {
		port_fill(data, sizeof(data), i);
		if (vhu_backend_send(s->p->b, 0, data, sizeof(data)) != 0)
			continue;
		__atomic_store_n(&s->sent, ++i, __ATOMIC_RELEASE);
		for (spin = i * 2654435761u % 20000; spin != 0; spin--)
			__asm__ volatile("" ::: "memory");
		/* Long enough to sleep, on a machine whose threads take turns, too. */
		if (i % 50 == 0)
			port_sleep_ms(1);
	}
	return NULL;
}

void
port_check_wakes(struct port *p, port_wakes_t wakes)
{
	struct sender s = {.p = p};
	uint32_t got = 0, waits = 0, mark, n, i;
	struct rte_mbuf *m[32];
	pthread_t thread;
	bool ok = true;

	assert_int_equal(pthread_create(&thread, NULL, send_now_and_then, &s), 0);
	while (got < PACKETS && ok) {
		n = rte_eth_rx_burst(p->id, 0, m, RTE_DIM(m));
		for (i = 0; i < n; i++)
			ok = ok && port_is_packet(m[i], &mark) && mark == got + i;
		rte_pktmbuf_free_bulk(m, n);
		got += n;
		if (n != 0 || got == PACKETS)
			continue;
		rte_eth_dev_rx_intr_enable(p->id, 0);
		ok = ok && wakes(PORT_WAIT_MS);
		rte_eth_dev_rx_intr_disable(p->id, 0);
		waits++;
	}
	pthread_join(thread, NULL);
	assert_true(ok);
	assert_int_equal(got, PACKETS);
	assert_int_equal(s.sent, PACKETS);
	assert_true(waits > 0);
}
