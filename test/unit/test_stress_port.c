/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Everything at once: threads that poll, threads that read statistics and telemetry, a thread that
 * tells of changed memory, and a control thread that kills backends and stops, resets and sets up
 * what it can. No packet is lost or damaged but by a stop of the port, and no mbuf by anything.
 */

#include <ethdev_driver.h>

#include "device.h"
#include "port_readers.h"
#include "port_traffic.h"

/* How long a test goes on, and what it does at most. */
#define MILLISECONDS 2500
#define ROUNDS 60
#define PAIRS 2

/* In static memory since a failed test leaves its stack. */
static struct traffic traffic[PAIRS];
static struct readers readers;
static struct {
	struct pvq_device *dev;
	pthread_t thread;
	bool runs;
	bool quit;
} memory;

static bool
memory_is_known(struct pvq_device *dev)
{
	bool known;

	rte_spinlock_lock(&dev->gate_lock);
	known = !dev->memory_dirty && !dev->memory_shut;
	rte_spinlock_unlock(&dev->gate_lock);
	return known;
}

/* As EAL tells of memory added or removed, from whatever thread it was. */
static void *
memory_changes(void *arg)
{
	uint32_t before = 0, now;

	(void)arg;
	while (!__atomic_load_n(&memory.quit, __ATOMIC_ACQUIRE)) {
		now = __atomic_load_n(&traffic[0].received, __ATOMIC_RELAXED);
		/* Nothing is sent until the device knows, so let all of it get on in between. */
		if (memory_is_known(memory.dev) && now - before >= 50) {
			pvq_device_memory_changed(memory.dev);
			before = now;
		}
		port_sleep_ms(3);
	}
	return NULL;
}

static void
memory_end(void)
{
	if (!memory.runs)
		return;
	__atomic_store_n(&memory.quit, true, __ATOMIC_RELEASE);
	pthread_join(memory.thread, NULL);
	memory.runs = false;
}

static void
memory_start(const struct port *p)
{
	memory.dev = rte_eth_devices[p->id].data->dev_private;
	memory.quit = false;
	assert_int_equal(pthread_create(&memory.thread, NULL, memory_changes, NULL), 0);
	memory.runs = true;
}

static void
end_all(void *arg)
{
	unsigned int i;

	(void)arg;
	readers_end(&readers);
	memory_end();
	for (i = 0; i < PAIRS; i++)
		traffic_pause(&traffic[i]);
}

/* A port with two pairs, echoed; nobody polls it yet. */
static void
stress_up(struct port *p, const char *args)
{
	readers = (struct readers){0};
	memory.runs = false;
	p->end = end_all;
	p->cfg.mode = VHU_ECHO;
	p->cfg.queue_pairs = PAIRS;
	p->nb_rxq = p->nb_txq = PAIRS;
	port_up(p, args);
	assert_true(vhu_backend_wait_vrings(p->b, 2 * PAIRS, PORT_WAIT_MS));
}

static void
traffic_start(struct port *p, const struct traffic *as)
{
	uint16_t i;

	for (i = 0; i < PAIRS; i++) {
		traffic[i] = *as;
		traffic[i].p = p;
		traffic[i].queue = i;
		traffic_go_on(&traffic[i]);
	}
}

static void
all_flow(void)
{
	unsigned int i;

	for (i = 0; i < PAIRS; i++)
		traffic_flows(&traffic[i]);
}

static void
all_finish(void)
{
	unsigned int i;

	memory_end();
	for (i = 0; i < PAIRS; i++)
		traffic_finish(&traffic[i]);
}

static bool
goes_on(uint64_t start, unsigned int round)
{
	return round < ROUNDS && port_now_ms() - start < MILLISECONDS;
}

static uint32_t
choose(uint32_t n)
{
	static uint32_t random = 1;

	random = random * 1664525u + 1013904223u;
	return (random >> 8) % n;
}

/* ---- what disturbs, and loses nothing ------------------------------------------------------- */

static void
new_backend(struct port *p)
{
	const uint64_t features = p->cfg.features;
	static const uint64_t without[] = {0, VHU_F_IN_ORDER, VHU_F_EVENT_IDX,
					   VHU_F_IN_ORDER | VHU_F_MRG_RXBUF};

	p->cfg.features &= ~without[choose(RTE_DIM(without))];
	port_backend_restart(p);
	p->cfg.features = features;
}

static void
link_down_and_up(struct port *p)
{
	assert_int_equal(rte_eth_dev_set_link_down(p->id), 0);
	assert_int_equal(rte_eth_dev_set_link_up(p->id), 0);
}

/* The connection may break off in the middle. */
static void
other_mtu(struct port *p)
{
	rte_eth_dev_set_mtu(p->id, 600 + choose(900));
}

static void
other_mac(struct port *p)
{
	struct rte_ether_addr mac;

	rte_eth_random_addr(mac.addr_bytes);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(p->id, &mac), 0);
}

static void
rx_queue_again(struct port *p)
{
	const uint16_t queue = choose(PAIRS);

	assert_int_equal(rte_eth_dev_rx_queue_stop(p->id, queue), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(p->id, queue), 0);
}

static void
tx_queue_again(struct port *p)
{
	const uint16_t queue = choose(PAIRS);

	assert_int_equal(rte_eth_dev_tx_queue_stop(p->id, queue), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p->id, queue), 0);
}

static void
disconnect(struct port *p)
{
	vhu_backend_disconnect(p->b);
}

static void
disturb(struct port *p)
{
	static void (*const acts[])(struct port *p) = {
		new_backend, disconnect, link_down_and_up, other_mtu, other_mac, rx_queue_again,
		tx_queue_again, rx_queue_again, tx_queue_again,
	};

	acts[choose(RTE_DIM(acts))](p);
}

static void
disturb_for_a_while(struct port *p)
{
	const uint64_t start = port_now_ms();
	unsigned int i;

	for (i = 0; goes_on(start, i); i++) {
		disturb(p);
		if (i % 3 == 2)
			all_flow();
	}
	all_flow();
	all_finish();
}

/* ---- tests --------------------------------------------------------------------------------- */

static void
test_nothing_is_lost(void **state)
{
	const struct traffic as = {.segs = 2};
	struct port *p = *state;
	unsigned int i;
	char name[32];

	p->conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	/* Room for all in flight as chains. */
	p->nb_txd = 256;
	stress_up(p, "");
	traffic_start(p, &as);
	memory_start(p);
	readers_start(&readers, p);
	disturb_for_a_while(p);
	readers_finish(&readers);
	for (i = 0; i < PAIRS; i++) {
		snprintf(name, sizeof(name), "rx_q%u_packets", i);
		assert_int_equal(port_xstat(p, name), traffic[i].received);
		snprintf(name, sizeof(name), "tx_q%u_packets", i);
		assert_int_equal(port_xstat(p, name), traffic[i].sent);
		snprintf(name, sizeof(name), "tx_q%u_replay_drops", i);
		assert_int_equal(port_xstat(p, name), 0);
	}
}

static void
test_nothing_is_lost_with_interrupts(void **state)
{
	const struct traffic as = {.segs = 1, .intr = true};
	struct port *p = *state;

	p->conf.intr_conf.rxq = 1;
	stress_up(p, "");
	traffic_start(p, &as);
	memory_start(p);
	disturb_for_a_while(p);
}

static void
test_counters_reset_by_a_reader(void **state)
{
	const struct traffic as = {.segs = 1};
	struct port *p = *state;

	stress_up(p, ",in_order=0");
	traffic_start(p, &as);
	readers.reset = true;
	readers_start(&readers, p);
	disturb_for_a_while(p);
	readers_finish(&readers);
}

/* Lcores that have not heard yet: the gates keep them out of rings that are emptied and filled. */
static void
test_port_stopped_under_pollers(void **state)
{
	const struct traffic as = {.segs = 1, .lossy = true, .direct = true};
	const uint64_t start = port_now_ms();
	struct port *p = *state;
	unsigned int i;

	stress_up(p, "");
	traffic_start(p, &as);
	memory_start(p);
	readers_start(&readers, p);
	for (i = 0; goes_on(start, i); i++) {
		if (i % 8 == 7)
			new_backend(p);
		assert_int_equal(rte_eth_dev_stop(p->id), 0);
		port_sleep_ms(choose(2));
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		if (i % 4 == 3)
			all_flow();
	}
	all_flow();
	all_finish();
	readers_finish(&readers);
}

/* Queues are freed and made anew under readers; nobody may poll them then. */
static void
test_port_reset_and_set_up_anew(void **state)
{
	const struct traffic as = {.segs = 1, .lossy = true};
	const uint64_t start = port_now_ms();
	struct port *p = *state;
	unsigned int i, q;

	stress_up(p, "");
	traffic_start(p, &as);
	readers.lenient = true;
	readers_start(&readers, p);
	for (i = 0; goes_on(start, i); i++) {
		all_flow();
		for (q = 0; q < PAIRS; q++)
			traffic_pause(&traffic[q]);
		if (i % 4 == 3)
			new_backend(p);
		assert_int_equal(rte_eth_dev_reset(p->id), 0);
		/* Once with fewer queues, too. */
		p->nb_rxq = p->nb_txq = 1;
		p->nb_rxd = p->nb_txd = 64 << choose(3);
		assert_int_equal(port_configure(p), 0);
		p->nb_rxq = p->nb_txq = PAIRS;
		assert_int_equal(port_configure(p), 0);
		assert_int_equal(rte_eth_dev_start(p->id), 0);
		for (q = 0; q < PAIRS; q++) {
			traffic[q].next = traffic[q].sent;
			traffic_go_on(&traffic[q]);
		}
	}
	all_flow();
	all_finish();
	readers_finish(&readers);
}

static void
test_ports_come_and_go_under_telemetry(void **state)
{
	const uint64_t start = port_now_ms();
	struct port *p = *state;
	unsigned int i;

	readers = (struct readers){.ports_go = true};
	p->end = end_all;
	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	readers_start(&readers, p);
	for (i = 0; goes_on(start, i); i++) {
		port_start(p, "");
		port_wait_up(p);
		port_ping(p, 0, 10, 64);
		p->next_mark = 0;
		port_close(p);
	}
	readers_finish(&readers);
}

static int
setup_with_telemetry(void **state)
{
	(void)state;
	port_eal_start("0", true);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_nothing_is_lost),
		port_test(test_nothing_is_lost_with_interrupts),
		port_test(test_counters_reset_by_a_reader),
		port_test(test_port_stopped_under_pollers),
		port_test(test_port_reset_and_set_up_anew),
		port_test(test_ports_come_and_go_under_telemetry),
	};

	return cmocka_run_group_tests_name("test_stress_port", tests, setup_with_telemetry,
					   port_group_teardown);
}
