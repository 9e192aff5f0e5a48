/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * What becomes of a PCI device while a port uses it: it asks for a reset, is pulled out, or never
 * finishes a reset (HD-23, HD-26, IN-10).
 */

#include <errno.h>
#include <string.h>

#include <rte_memzone.h>

#include "pci_port.h"
#include "port_traffic.h"

/* Beyond the test: what still runs is stopped by the teardown. */
static struct traffic traffic;

static struct traffic *
under_traffic(struct pci_port *p)
{
	traffic = (struct traffic){.p = &p->port, .segs = 1, .lossy = true, .direct = true};
	p->port.end = traffic_pause;
	p->port.end_arg = &traffic;
	return &traffic;
}

static void
assert_sends_nothing(struct pci_port *p)
{
	struct rte_mbuf *m = port_packet(p->port.pool, 0, 64, 1);

	assert_int_equal(rte_eth_tx_burst(p->port.id, 0, &m, 1), 0);
	rte_pktmbuf_free(m);
}

static void
assert_receives_nothing(struct pci_port *p)
{
	struct rte_mbuf *m;

	assert_int_equal(port_receive(&p->port, 0, &m, 1, 10), 0);
}

/* ---- NEEDS_RESET ------------------------------------------------------------------------------ */

static void
check_needs_reset(struct pci_port *p)
{
	uint32_t i, events;

	pci_port_up(p, NULL);
	port_watch(&p->port);
	for (i = 0; i < 3; i++) {
		port_ping(&p->port, 0, 50, 64);
		events = __atomic_load_n(&p->port.reset_events, __ATOMIC_ACQUIRE);
		vpd_needs_reset(p->d);
		assert_true(port_wait_link(&p->port, false, PORT_WAIT_MS));
		assert_true(port_wait_count(&p->port.reset_events, events + 1, PORT_WAIT_MS));
		assert_true(port_log_has("needs a reset"));
		assert_receives_nothing(p);
		assert_sends_nothing(p);
		/* One queue cannot do it. */
		assert_int_equal(rte_eth_dev_tx_queue_stop(p->port.id, 0), 0);
		assert_true(rte_eth_dev_tx_queue_start(p->port.id, 0) < 0);
		pci_port_restart(p);
	}
}

static void
test_in10_hd26_needs_reset(void **state)
{
	check_needs_reset(*state);
}

/* To ask for the status costs nothing here, so that no feature has to promise an answer. */
static void
test_in10_hd26_needs_reset_without_a_link_state(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.features &= ~VHU_F_STATUS;
	check_needs_reset(p);
}

static void
test_in10_hd26_needs_reset_under_traffic(void **state)
{
	struct pci_port *p = *state;
	struct traffic *t = under_traffic(p);
	uint32_t i;

	pci_port_up(p, NULL);
	port_watch(&p->port);
	for (i = 1; i <= 3; i++) {
		traffic_go_on(t);
		traffic_flows(t);
		vpd_needs_reset(p->d);
		assert_true(port_wait_count(&p->port.reset_events, i, PORT_WAIT_MS));
		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		traffic_pause(t);
		t->forgiven = t->sent;
		assert_true(port_is_whole(&p->port));
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
		port_wait_up(&p->port);
	}
}

/* ---- surprise removal ------------------------------------------------------------------------- */

static void
assert_removed(struct pci_port *p)
{
	assert_true(port_wait_count(&p->port.remove_events, 1, PORT_WAIT_MS));
	assert_true(port_wait_link(&p->port, false, PORT_WAIT_MS));
	assert_true(port_log_has("the device has been removed: close the port"));
}

static void
test_hd26_pulled_out_under_traffic(void **state)
{
	struct pci_port *p = *state;
	struct traffic *t = under_traffic(p);

	pci_port_up(p, NULL);
	port_watch(&p->port);
	traffic_go_on(t);
	traffic_flows(t);
	vpd_unplug(p->d);
	assert_removed(p);
	/* Polled on for as long as the application likes. */
	port_sleep_ms(50);
	assert_null(t->error);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	traffic_pause(t);
	assert_true(port_is_whole(&p->port));
	/* Said once. */
	assert_int_equal(p->port.remove_events, 1);
	assert_false(port_log_has("hangs"));
}

/* On some buses nobody is all zeros, which a device is whose status says that it was reset. */
static void
test_hd26_pulled_out_and_zeros(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, NULL);
	port_watch(&p->port);
	port_ping(&p->port, 0, 50, 64);
	vpd_unplug_to_zeros(p->d);
	assert_removed(p);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_true(port_is_whole(&p->port));
}

/* A start that is refused gives the device up, and the next start finds it again by itself. */
static void
test_started_again_at_once(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, NULL);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	vpd_lock(p->d);
	p->d->regs.conf.never_enabled = true;
	vpd_unlock(p->d);
	rte_eth_dev_start(p->port.id);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	vpd_lock(p->d);
	p->d->regs.conf.never_enabled = false;
	vpd_unlock(p->d);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	assert_true(port_wait_link(&p->port, true, 0));
	port_ping(&p->port, 0, 50, 64);
}

/* Somebody else has reset it. */
static void
test_reset_behind_the_back(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, NULL);
	port_watch(&p->port);
	port_ping(&p->port, 0, 50, 64);
	vpd_write(p->d, p->regs.at.common + 20, 0, 1);
	assert_true(port_wait_count(&p->port.link_events, 1, PORT_WAIT_MS));
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 50, 64);
	assert_int_equal(p->port.remove_events, 0);
}

/* Stopped before anybody has noticed: what is not there has let go of the rings. */
static void
test_hd26_pulled_out_just_before_the_stop(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, NULL);
	port_ping(&p->port, 0, 50, 64);
	vpd_unplug(p->d);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_true(port_is_whole(&p->port));
	assert_false(port_log_has("hangs"));
}

/* Every control operation on what is gone: errors at most. */
static void
test_hd26_operations_on_what_is_gone(void **state)
{
	struct pci_port *p = *state;
	struct rte_eth_dev_info info;
	struct rte_eth_stats stats;
	struct rte_eth_link link;
	uint16_t id;

	pci_port_up(p, NULL);
	port_watch(&p->port);
	id = p->port.id;
	vpd_unplug(p->d);
	rte_eth_dev_set_mtu(id, 1400);
	rte_eth_promiscuous_enable(id);
	rte_eth_dev_rx_queue_stop(id, 0);
	rte_eth_dev_rx_queue_start(id, 0);
	rte_eth_dev_tx_queue_stop(id, 0);
	rte_eth_dev_tx_queue_start(id, 0);
	assert_removed(p);
	assert_sends_nothing(p);
	assert_receives_nothing(p);
	assert_int_equal(rte_eth_dev_info_get(id, &info), 0);
	assert_int_equal(rte_eth_stats_get(id, &stats), 0);
	assert_int_equal(rte_eth_link_get(id, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
	assert_int_equal(rte_eth_dev_stop(id), 0);
	assert_true(port_is_whole(&p->port));
	/* What is not there has nothing to start; the port waits, and may be closed. */
	rte_eth_dev_start(id);
	assert_false(port_wait_link(&p->port, true, 20));
	assert_sends_nothing(p);
}

static void
test_hd26_gone_before_probe(void **state)
{
	struct pci_port *p = *state;

	pci_port_device(p);
	assert_int_equal(pci_port_find(p), 0);
	vpd_unplug(p->d);
	assert_int_equal(pci_port_init(p, NULL), -ENODEV);
}

/* At each access from probe to traffic, one after the other. */
static void
test_hd26_gone_at_every_access(void **state)
{
	struct pci_port *p = *state;
	unsigned int n, all;

	pci_port_device(p);
	pci_port_start(p, NULL);
	port_wait_up(&p->port);
	all = p->d->regs.accesses;
	pci_port_down(p);
	assert_true(all > 50);
	for (n = 0; n < all; n++) {
		pci_port_device(p);
		p->d->regs.gone_after = n + 1;
		if (pci_port_probe(p, NULL) == 0 && port_configure(&p->port) == 0 &&
		    rte_eth_dev_start(p->port.id) == 0) {
			assert_true(port_wait_link(&p->port, false, PORT_WAIT_MS));
			assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		}
		pci_port_down(p);
	}
}

/* ---- resets ----------------------------------------------------------------------------------- */

static void
set_reset_reads(struct pci_port *p, unsigned int reads)
{
	vpd_lock(p->d);
	p->d->regs.conf.reset_reads = reads;
	vpd_unlock(p->d);
}

/* It may go on writing to buffers, so that nobody else is given them. */
static void
test_hd23_pr38_reset_without_end_at_stop(void **state)
{
	static const uint8_t frame[64];
	struct pci_port *p = *state;
	unsigned int lost, ms;

	pci_port_up(p, NULL);
	port_ping(&p->port, 0, 100, 64);
	set_reset_reads(p, UINT32_MAX);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_true(port_log_has("mbufs are lost"));
	/* What it may write to, and packets that it has not used yet, if there were any. */
	lost = rte_mempool_in_use_count(p->port.pool);
	assert_in_range(lost, p->port.nb_rxd / 2, p->port.nb_rxd + p->port.nb_txd);
	p->port.leaked = lost;
	/* It uses what it has to the end, when it finds the time. */
	for (ms = 0; ms < PORT_WAIT_MS && vhu_backend_send(p->d->net, 0, frame, sizeof(frame)) != 0;
	     ms++)
		port_sleep_ms(1);
	assert_true(ms < PORT_WAIT_MS);
	/* A port that is started again waits until the reset is done, and works with new rings. */
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	assert_false(port_wait_link(&p->port, true, 50));
	vpd_lock(p->d);
	p->d->regs.conf.reset_reads = 0;
	p->d->regs.reset_left = 0;
	vpd_unlock(p->d);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 300, 64);
}

static void
look_for(const struct rte_memzone *zone, void *arg)
{
	uintptr_t *at = arg;

	if (*at >= zone->addr_64 && *at < zone->addr_64 + zone->len)
		*at = 0;
}

static bool
is_reserved(uintptr_t at)
{
	rte_memzone_walk(look_for, &at);
	return at == 0;
}

/* The device may answer a command yet, when there is no port any more. */
static void
test_hd23_control_queue_of_a_device_that_hangs(void **state)
{
	struct pci_port *p = *state;
	uintptr_t ring;

	p->conf.regs.features |= VPD_F_CONTROL;
	pci_port_up(p, NULL);
	ring = p->d->regs.queue[2].desc - pci_port_shift();
	set_reset_reads(p, UINT32_MAX);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	p->port.leaked = rte_mempool_in_use_count(p->port.pool);
	port_close(&p->port);
	assert_true(is_reserved(ring));
}

/* The same at a start, after which a stop has nothing to take back. */
static void
test_hd23_in02_reset_without_end_at_start(void **state)
{
	struct pci_port *p = *state;

	pci_port_device(p);
	vpd_lock(p->d);
	p->d->regs.status = 7;
	vpd_unlock(p->d);
	set_reset_reads(p, UINT32_MAX);
	assert_int_equal(pci_port_probe(p, NULL), -ETIMEDOUT);
}

/* While the reset lasts nothing comes back to the pool; once it is done all does (PR-38). */
static void
test_pr38_mbufs_come_back_after_the_reset(void **state)
{
	struct pci_port *p = *state;
	unsigned int reads;

	pci_port_up(p, NULL);
	for (reads = 1; reads <= 100; reads += 33) {
		port_ping(&p->port, 0, 100, 64);
		set_reset_reads(p, reads);
		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
		assert_true(port_is_whole(&p->port));
		set_reset_reads(p, 0);
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
		port_wait_up(&p->port);
	}
}

/* ---- another offer ---------------------------------------------------------------------------- */

static void
test_nt31_link_of_the_device(void **state)
{
	struct pci_port *p = *state;
	unsigned int i;

	p->conf.net.status = 0;
	pci_port_device(p);
	pci_port_start(p, NULL);
	assert_false(port_wait_link(&p->port, true, 50));
	for (i = 0; i < 3; i++) {
		vpd_set_link(p->d, true);
		assert_true(port_wait_link(&p->port, true, PORT_WAIT_MS));
		port_ping(&p->port, 0, 50, 64);
		vpd_set_link(p->d, false);
		assert_true(port_wait_link(&p->port, false, PORT_WAIT_MS));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_in10_hd26_needs_reset),
		pci_port_test(test_in10_hd26_needs_reset_without_a_link_state),
		pci_port_test(test_in10_hd26_needs_reset_under_traffic),
		pci_port_test(test_hd26_pulled_out_under_traffic),
		pci_port_test(test_hd26_pulled_out_and_zeros),
		pci_port_test(test_started_again_at_once),
		pci_port_test(test_reset_behind_the_back),
		pci_port_test(test_hd26_pulled_out_just_before_the_stop),
		pci_port_test(test_hd26_operations_on_what_is_gone),
		pci_port_test(test_hd26_gone_before_probe),
		pci_port_test(test_hd26_gone_at_every_access),
		pci_port_test(test_hd23_pr38_reset_without_end_at_stop),
		pci_port_test(test_hd23_control_queue_of_a_device_that_hangs),
		pci_port_test(test_hd23_in02_reset_without_end_at_start),
		pci_port_test(test_pr38_mbufs_come_back_after_the_reset),
		pci_port_test(test_nt31_link_of_the_device),
	};

	return cmocka_run_group_tests_name("pci_events", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
