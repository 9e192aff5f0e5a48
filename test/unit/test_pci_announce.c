/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file A device that asks for an announcement gets it, and is told so (NT-22). */

#include <pthread.h>
#include <string.h>

#include <ethdev_driver.h>

#include "control_port.h"
#include "queue.h"

#define RARP_BYTES 64u

/* What left the device. */
static struct {
	pthread_mutex_t lock;
	uint32_t n;
	uint32_t pair, len;
	uint8_t data[RARP_BYTES];
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
on_packet(void *arg, uint32_t pair, const void *data, uint32_t len)
{
	(void)arg;
	pthread_mutex_lock(&seen.lock);
	seen.n++;
	seen.pair = pair;
	seen.len = len;
	memcpy(seen.data, data, RTE_MIN(len, RARP_BYTES));
	pthread_mutex_unlock(&seen.lock);
}

static void
up(struct pci_port *p, uint64_t without)
{
	seen.n = 0;
	p->conf.net.mode = VHU_SINK;
	p->conf.net.on_packet = on_packet;
	control_up(p, without);
	control_skip(p);
}

static uint32_t
packets(void)
{
	uint32_t n;

	pthread_mutex_lock(&seen.lock);
	n = seen.n;
	pthread_mutex_unlock(&seen.lock);
	return n;
}

static uint32_t
announced(const struct pci_port *p)
{
	struct vpd_state s;

	vpd_get_state(p->d, &s);
	return s.announced;
}

/* That rang for the queue announcements go to. */
static uint64_t
doorbells(const struct pci_port *p)
{
	uint64_t n;

	vpd_lock(p->d);
	n = p->d->queue[1].doorbells;
	vpd_unlock(p->d);
	return n;
}

static bool
wait_announced(const struct pci_port *p, uint32_t n)
{
	const uint64_t end = port_now_ms() + PORT_WAIT_MS;

	while (announced(p) < n && port_now_ms() < end)
		port_sleep_ms(1);
	return announced(p) == n;
}

/* A reverse ARP request: Ethernet, then hardware and protocol, their lengths, 3, and addresses. */
static void
assert_is_announcement(const uint8_t *mac)
{
	static const uint8_t head[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};
	uint8_t to_all[6];

	memset(to_all, 0xff, sizeof(to_all));
	assert_int_equal(seen.pair, 0);
	assert_true(seen.len >= 42);
	assert_memory_equal(seen.data, to_all, 6);
	assert_memory_equal(seen.data + 6, mac, 6);
	assert_memory_equal(seen.data + 12, head, sizeof(head));
	assert_memory_equal(seen.data + 22, mac, 6);
	assert_memory_equal(seen.data + 32, mac, 6);
}

static void
test_nt22_announced_and_acknowledged(void **state)
{
	struct pci_port *p = *state;
	uint64_t rang;

	up(p, 0);
	/* The start's own event comes late. */
	port_sleep_ms(200);
	port_watch(&p->port);
	rang = doorbells(p);
	vpd_announce(p->d);
	assert_true(wait_announced(p, 1));
	/* The packet comes first, and not only because the acknowledgement wakes the device. */
	assert_int_equal(packets(), 1);
	assert_int_equal(doorbells(p), rang + 1);
	assert_is_announcement(p->conf.net.mac);
	control_expect(p, ANNOUNCE, 0, "", 0);
	assert_true(port_wait_count(&p->port.link_events, 1, PORT_WAIT_MS));
	assert_int_equal(p->port.last_link, RTE_ETH_LINK_UP);
	vpd_announce(p->d);
	assert_true(wait_announced(p, 2));
	assert_int_equal(packets(), 2);
	control_expect(p, ANNOUNCE, 0, "", 0);
	port_sleep_ms(300);
	control_expect_no_more(p);
	assert_int_equal(port_xstat(&p->port, "tx_q0_packets"), 2);
	/* Traffic goes on. */
	port_send(&p->port, 0, 50, 100);
	assert_true(vhu_backend_wait_packets(p->port.b, 52, PORT_WAIT_MS));
}

/* What switches are to learn is the address that the port was given. */
static void
test_nt22_the_address_of_the_port(void **state)
{
	struct rte_ether_addr mac = {{0x02, 0, 0, 0, 0, 0x11}};
	struct pci_port *p = *state;

	up(p, 0);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(p->port.id, &mac), 0);
	vpd_announce(p->d);
	assert_true(wait_announced(p, 1));
	assert_int_equal(packets(), 1);
	assert_is_announcement(mac.addr_bytes);
}

/* A thread stands in its burst: nobody else writes to the ring until it has left. */
static void
test_nt22_l15_a_burst_under_way(void **state)
{
	struct pci_port *p = *state;
	struct pvq_txq *q;
	uint32_t n;

	up(p, 0);
	q = rte_eth_devices[p->port.id].data->tx_queues[0];
	pvq_gate_enter(&q->gate);
	vpd_announce(p->d);
	port_sleep_ms(300);
	n = packets();
	pvq_gate_leave(&q->gate);
	assert_int_equal(n, 0);
	assert_true(wait_announced(p, 1));
	assert_int_equal(packets(), 1);
}

/* The lie is met when the ring is looked at for room: it is left alone from then on. */
static void
test_nt22_hd01_a_lie_in_the_ring(void **state)
{
	struct pci_port *p = *state;

	up(p, 0);
	vpd_lock(p->d);
	port_send(&p->port, 0, 1, 64);
	pd_inject_used(vhu_backend_vq(p->d->net, 1), UINT16_MAX, 64, 0, 1);
	vpd_leave(p->d, 1);
	vpd_unlock(p->d);
	vpd_announce(p->d);
	assert_true(port_log_wait("tx queue 0 stopped", PORT_WAIT_MS));
	port_sleep_ms(300);
	assert_int_equal(packets(), 0);
	control_expect_no_more(p);
}

/* Neither without the feature nor without what tells of it (FD-07). */
static void
check_silence(struct pci_port *p, uint64_t without)
{
	up(p, without);
	assert_int_equal(pci_port_features(p) & VPD_F_GUEST_ANNOUNCE, 0);
	vpd_announce(p->d);
	port_sleep_ms(300);
	assert_int_equal(packets(), 0);
	control_expect_no_more(p);
}

static void
test_nt22_not_negotiated(void **state)
{
	check_silence(*state, VPD_F_GUEST_ANNOUNCE);
}

static void
test_nt22_fd07_without_status(void **state)
{
	check_silence(*state, VHU_F_STATUS);
}

/* Of a queue that is stopped nothing is sent; the announcement is made when it runs again. */
static void
test_nt22_waits_for_the_queue(void **state)
{
	struct pci_port *p = *state;

	up(p, 0);
	assert_int_equal(rte_eth_dev_set_link_down(p->port.id), 0);
	vpd_announce(p->d);
	port_sleep_ms(300);
	control_expect_no_more(p);
	assert_int_equal(packets(), 0);
	assert_int_equal(rte_eth_dev_set_link_up(p->port.id), 0);
	assert_true(wait_announced(p, 1));
	assert_int_equal(packets(), 1);
}

/* One that does not take the acknowledgement asks for ever, and gets one announcement. */
static void
test_nt22_acknowledgement_refused(void **state)
{
	struct pci_port *p = *state;

	up(p, 0);
	control_answer(p, VPD_ERR);
	vpd_announce(p->d);
	assert_true(port_log_wait("the device refuses control command 0 of class 3",
				  PORT_WAIT_MS));
	port_sleep_ms(300);
	assert_int_equal(packets(), 1);
	control_expect(p, ANNOUNCE, 0, "", 0);
	control_expect_no_more(p);
	/* After a reset it is another device. */
	control_answer(p, VPD_OK);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	assert_true(wait_announced(p, 1));
	assert_int_equal(packets(), 2);
}

/* No mbuf, then no room in the ring: it is tried again. */
static void
test_nt22_nothing_to_send_it_with(void **state)
{
	struct rte_mbuf *all[2048];
	struct pci_port *p = *state;
	uint32_t n = 0;

	up(p, 0);
	while (n < RTE_DIM(all) && (all[n] = rte_pktmbuf_alloc(p->port.pool)) != NULL)
		n++;
	vpd_announce(p->d);
	port_sleep_ms(300);
	assert_int_equal(packets(), 0);
	control_expect_no_more(p);
	rte_pktmbuf_free_bulk(all, n);
	assert_true(wait_announced(p, 1));
	assert_int_equal(packets(), 1);
}

static void
test_nt22_a_full_ring(void **state)
{
	struct pci_port *p = *state;
	unsigned int i;

	p->conf.net.mode = VHU_IDLE;
	control_up(p, 0);
	control_skip(p);
	port_send(&p->port, 0, p->port.nb_txd, 64);
	vpd_announce(p->d);
	port_sleep_ms(300);
	control_expect_no_more(p);
	for (i = 0; i < p->port.nb_txd; i++)
		assert_true(port_take(&p->port, 0) != UINT32_MAX);
	assert_true(wait_announced(p, 1));
	assert_int_equal(vhu_backend_recv(p->port.b, 0, seen.data, sizeof(seen.data)), 64);
	seen.pair = 0;
	seen.len = 64;
	assert_is_announcement(p->conf.net.mac);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_nt22_announced_and_acknowledged),
		pci_port_test(test_nt22_the_address_of_the_port),
		pci_port_test(test_nt22_l15_a_burst_under_way),
		pci_port_test(test_nt22_hd01_a_lie_in_the_ring),
		pci_port_test(test_nt22_not_negotiated),
		pci_port_test(test_nt22_fd07_without_status),
		pci_port_test(test_nt22_waits_for_the_queue),
		pci_port_test(test_nt22_acknowledgement_refused),
		pci_port_test(test_nt22_nothing_to_send_it_with),
		pci_port_test(test_nt22_a_full_ring),
	};

	return cmocka_run_group_tests_name("pci_announce", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
