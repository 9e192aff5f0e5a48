/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Queues of a PCI device: their sizes, what can be wrong with them, and their reset one by one
 * (PC-11 to PC-13, PC-17, PR-37, PR-38).
 */

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "pci_port.h"

#define SIZE_MAX_PACKED 32768u

static void
test_pc11_pc12_limits_are_those_of_the_device(void **state)
{
	struct pci_port *p = *state;
	struct rte_eth_dev_info info;

	p->conf.regs.queue_max[0] = 100;
	p->conf.regs.queue_max[1] = 37;
	pci_port_device(p);
	assert_int_equal(pci_port_probe(p, "queue_size=512"), 0);
	assert_int_equal(rte_eth_dev_info_get(p->port.id, &info), 0);
	assert_int_equal(info.rx_desc_lim.nb_max, 100);
	assert_int_equal(info.tx_desc_lim.nb_max, 37);
	assert_int_equal(info.default_rxportconf.ring_size, 100);
	assert_int_equal(info.default_txportconf.ring_size, 37);
	p->port.nb_rxd = 101;
	assert_int_equal(port_configure(&p->port), -EINVAL);
	p->port.nb_rxd = 100;
	p->port.nb_txd = 38;
	assert_int_equal(port_configure(&p->port), -EINVAL);
	p->port.nb_txd = 37;
	assert_int_equal(port_configure(&p->port), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_wait_up(&p->port);
	assert_int_equal(p->d->regs.queue[0].size, 100);
	assert_int_equal(p->d->regs.queue[1].size, 37);
	port_ping(&p->port, 0, 400, 64);
}

/* Any number of descriptors up to the device's: not only powers of two, and down to one. */
static void
test_pr03_pc11_sizes_that_are_asked_for(void **state)
{
	static const uint16_t sizes[] = {1, 2, 3, 5, 7, 63, 64, 100, 255, 256};
	struct pci_port *p = *state;
	unsigned int i;

	pci_port_device(p);
	assert_int_equal(pci_port_probe(p, NULL), 0);
	for (i = 0; i < RTE_DIM(sizes); i++) {
		p->port.nb_rxd = sizes[i];
		p->port.nb_txd = sizes[RTE_DIM(sizes) - 1 - i];
		assert_int_equal(port_configure(&p->port), 0);
		assert_int_equal(rte_eth_dev_start(p->port.id), 0);
		port_wait_up(&p->port);
		assert_int_equal(p->d->regs.queue[0].size, p->port.nb_rxd);
		assert_int_equal(p->d->regs.queue[1].size, p->port.nb_txd);
		port_send(&p->port, 0, 1, 64);
		port_expect(&p->port, 0, p->port.next_mark - 1, 1);
		if (RTE_MIN(sizes[i], p->port.nb_txd) >= 2)
			port_ping(&p->port, 0, 300, 64);
		assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	}
}

static void
test_pr03_pc12_the_largest_queues(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.queue_size = SIZE_MAX_PACKED;
	p->port.nb_txd = SIZE_MAX_PACKED;
	pci_port_up(p, NULL);
	assert_int_equal(p->d->regs.queue[1].size, SIZE_MAX_PACKED);
	port_ping(&p->port, 0, 2000, 64);
}

/* A refusal with words: the link stays down, and a stop has all mbufs back. */
static void
check_start_refused(struct pci_port *p, int ret, const char *says)
{
	pci_port_device(p);
	assert_int_equal(pci_port_probe(p, NULL), 0);
	assert_int_equal(port_configure(&p->port), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), ret);
	assert_true(port_log_has(says));
	assert_false(port_wait_link(&p->port, true, 20));
	assert_int_equal(pci_port_status(p) & VPM_DRIVER_OK, 0);
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_true(port_is_whole(&p->port));
}

/* The same of a device that may think better of it: it is looked at again. */
static void
check_start_waits(struct pci_port *p, const char *says, void (*mend)(struct vpm *m))
{
	pci_port_device(p);
	assert_int_equal(pci_port_probe(p, NULL), 0);
	assert_int_equal(port_configure(&p->port), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	assert_true(port_log_has(says));
	assert_false(port_wait_link(&p->port, true, 20));
	assert_int_equal(pci_port_status(p) & VPM_DRIVER_OK, 0);
	vpd_lock(p->d);
	mend(&p->d->regs);
	vpd_unlock(p->d);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 100, 64);
}

static void
mend_maximum(struct vpm *m)
{
	m->conf.queue_max[1] = 0;
}

static void
test_pc12_a_maximum_above_32768(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.queue_max[1] = SIZE_MAX_PACKED + 1;
	check_start_waits(p, "32769 descriptors", mend_maximum);
}

static void
test_pc11_a_queue_that_is_not_there(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.queue_size = 0;
	check_start_refused(p, -ENOSPC, "no virtqueue 0");
}

static void
test_pc17_fewer_queues_than_two(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.num_queues = 1;
	pci_port_device(p);
	assert_true(pci_port_probe(p, NULL) < 0);
	assert_true(port_log_has("1 virtqueues"));
}

static void
mend_sizes(struct vpm *m)
{
	m->conf.odd_size = false;
}

static void
test_pc12_a_size_that_is_not_kept(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.odd_size = true;
	check_start_waits(p, "does not take 64 descriptors", mend_sizes);
}

static void
mend_enable(struct vpm *m)
{
	m->conf.never_enabled = false;
}

static void
test_pc11_a_queue_that_is_not_enabled(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.never_enabled = true;
	check_start_waits(p, "does not enable virtqueue 0", mend_enable);
}

static void
test_pc13_doorbell_beyond_the_structure(void **state)
{
	static const struct {
		uint16_t step;
		uint32_t multiplier;
		uint64_t features;
	} wrong[] = {
		{0xffff, 0x80000000u, 0},     /* by far, and beyond 32 bits */
		{0x8000, 0x20000u, 0},        /* 2^32 is not 0 */
		{1, VPM_NOTIFY_BYTES, 0},     /* just behind */
		{1, VPM_NOTIFY_BYTES - 1, 0}, /* half of it, and not aligned */
		{1, 3, 0},                    /* not aligned */
		{1, 2, VPM_F_NOTIFICATION_DATA},
		{1, VPM_NOTIFY_BYTES - 2, VPM_F_NOTIFICATION_DATA},
	};
	struct pci_port *p = *state;
	unsigned int i;

	for (i = 0; i < RTE_DIM(wrong); i++) {
		p->conf.regs.notify_off_step = wrong[i].step;
		p->conf.notify_multiplier = wrong[i].multiplier;
		p->conf.regs.features = VPD_F_DEFAULT | wrong[i].features;
		port_log_clear();
		check_start_refused(p, -EINVAL, "notifications");
		pci_port_down(p);
	}
}

static void
test_pc13_the_last_doorbell_that_fits(void **state)
{
	struct pci_port *p = *state;

	p->conf.notify_multiplier = VPM_NOTIFY_BYTES - 4;
	pci_port_up(p, NULL);
	port_ping(&p->port, 0, 300, 64);
}

/* ---- one queue at a time ---------------------------------------------------------------------- */

/* Stopped and started as ethdev does, in any order, while the other direction goes on. */
static void
cycle_queues(struct pci_port *p)
{
	uint32_t i, mark;
	uint16_t id;

	pci_port_up(p, NULL);
	id = p->port.id;
	port_ping(&p->port, 0, 100, 64);
	for (i = 0; i < 5; i++) {
		assert_int_equal(rte_eth_dev_tx_queue_stop(id, 0), 0);
		port_deliver(&p->port, 0, 7000 + i, 64);
		port_expect(&p->port, 0, 7000 + i, 1);
		assert_int_equal(rte_eth_dev_tx_queue_start(id, 0), 0);
		port_ping(&p->port, 0, 70, 64);
		mark = p->port.next_mark;
		assert_int_equal(rte_eth_dev_rx_queue_stop(id, 0), 0);
		port_send(&p->port, 0, 10, 64);
		assert_int_equal(rte_eth_dev_rx_queue_start(id, 0), 0);
		port_expect(&p->port, 0, mark, 10);
		port_ping(&p->port, 0, 70, 64);
	}
}

static void
test_queues_stop_and_start_with_ring_reset(void **state)
{
	cycle_queues(*state);
}

static void
test_queues_stop_and_start_without_ring_reset(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.features &= ~VPM_F_RING_RESET;
	cycle_queues(p);
}

static void *
cycle_tx(void *arg)
{
	const struct pci_port *p = arg;
	unsigned int i;

	for (i = 0; i < 300; i++)
		if (rte_eth_dev_tx_queue_stop(p->port.id, 0) != 0 ||
		    rte_eth_dev_tx_queue_start(p->port.id, 0) != 0)
			return arg;
	return NULL;
}

/* What is selected stays selected until it has been dealt with, whoever else wants a queue. */
static void
test_pc12_queues_selected_by_one_at_a_time(void **state)
{
	struct pci_port *p = *state;
	pthread_t other;
	unsigned int i;
	void *failed;

	pci_port_up(p, NULL);
	assert_int_equal(pthread_create(&other, NULL, cycle_tx, p), 0);
	for (i = 0; i < 300; i++) {
		assert_int_equal(rte_eth_dev_rx_queue_stop(p->port.id, 0), 0);
		assert_int_equal(rte_eth_dev_rx_queue_start(p->port.id, 0), 0);
	}
	assert_int_equal(pthread_join(other, &failed), 0);
	assert_null(failed);
	port_ping(&p->port, 0, 100, 64);
}

/* With @p n packets that the device has not looked at, and never will. */
static void
lie(struct pci_port *p, uint16_t index, uint32_t n)
{
	vpd_lock(p->d);
	port_send(&p->port, 0, n, 64);
	pd_inject_used(vhu_backend_vq(p->d->net, index), UINT16_MAX, 64, 0, 1);
	vpd_leave(p->d, index);
	vpd_unlock(p->d);
}

/* After a lie the queue is reset alone, slowly or not, and set up anew: nothing else notices. */
static void
check_queue_recovers(struct pci_port *p, uint16_t index)
{
	const uint16_t id = p->port.id;
	const uint32_t waiting = index == 1 ? 5 : 0;
	struct rte_mbuf *m;
	unsigned int resets;
	uint32_t i;

	port_watch(&p->port);
	for (i = 1; i <= 3; i++) {
		vpd_lock(p->d);
		resets = p->d->regs.queue_resets;
		p->d->regs.conf.queue_reset_reads = 7 * i;
		vpd_unlock(p->d);
		lie(p, index, waiting);
		assert_int_equal(port_receive(&p->port, 0, &m, 1, 10), 0);
		rte_eth_tx_done_cleanup(id, 0, 0);
		assert_true(port_wait_count(&p->port.reset_events, i, PORT_WAIT_MS));
		if (index == 0) {
			assert_int_equal(rte_eth_dev_rx_queue_stop(id, 0), 0);
			assert_int_equal(rte_eth_dev_rx_queue_start(id, 0), 0);
		} else {
			assert_int_equal(rte_eth_dev_tx_queue_stop(id, 0), 0);
			assert_int_equal(rte_eth_dev_tx_queue_start(id, 0), 0);
		}
		assert_int_equal(p->d->regs.queue_resets, resets + 1);
		port_expect(&p->port, 0, p->port.next_mark - waiting, waiting);
		port_ping(&p->port, 0, 200, 64);
	}
}

static void
test_pr37_receive_queue_reset_and_set_up_anew(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, NULL);
	check_queue_recovers(p, 0);
}

static void
test_pr37_transmit_queue_reset_and_set_up_anew(void **state)
{
	struct pci_port *p = *state;

	pci_port_up(p, NULL);
	check_queue_recovers(p, 1);
}

/* Without RING_RESET the queue cannot come back alone; the port can. */
static void
test_hd01_queue_error_without_ring_reset(void **state)
{
	struct pci_port *p = *state;
	struct rte_mbuf *m;

	p->conf.regs.features &= ~VPM_F_RING_RESET;
	pci_port_up(p, NULL);
	port_watch(&p->port);
	lie(p, 0, 0);
	assert_int_equal(port_receive(&p->port, 0, &m, 1, 10), 0);
	assert_true(port_wait_count(&p->port.reset_events, 1, PORT_WAIT_MS));
	assert_int_equal(rte_eth_dev_rx_queue_stop(p->port.id, 0), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(p->port.id, 0), -ENOTSUP);
	pci_port_restart(p);
}

/* A queue's reset that never ends: its buffers stay the device's until the whole device is reset. */
static void
test_pr37_hd23_queue_reset_without_end(void **state)
{
	struct pci_port *p = *state;
	struct rte_mbuf *m;

	pci_port_up(p, NULL);
	vpd_lock(p->d);
	p->d->regs.conf.queue_reset_reads = UINT32_MAX;
	vpd_unlock(p->d);
	lie(p, 0, 0);
	assert_int_equal(port_receive(&p->port, 0, &m, 1, 10), 0);
	assert_int_equal(rte_eth_dev_rx_queue_stop(p->port.id, 0), -ETIMEDOUT);
	assert_true(port_log_has("does not finish the reset of virtqueue 0"));
	assert_int_equal(port_receive(&p->port, 0, &m, 1, 10), 0);
	assert_false(port_is_whole(&p->port));
	pci_port_restart(p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_pc11_pc12_limits_are_those_of_the_device),
		pci_port_test(test_pr03_pc11_sizes_that_are_asked_for),
		pci_port_test(test_pr03_pc12_the_largest_queues),
		pci_port_test(test_pc12_a_maximum_above_32768),
		pci_port_test(test_pc12_queues_selected_by_one_at_a_time),
		pci_port_test(test_pc11_a_queue_that_is_not_there),
		pci_port_test(test_pc17_fewer_queues_than_two),
		pci_port_test(test_pc12_a_size_that_is_not_kept),
		pci_port_test(test_pc11_a_queue_that_is_not_enabled),
		pci_port_test(test_pc13_doorbell_beyond_the_structure),
		pci_port_test(test_pc13_the_last_doorbell_that_fits),
		pci_port_test(test_queues_stop_and_start_with_ring_reset),
		pci_port_test(test_queues_stop_and_start_without_ring_reset),
		pci_port_test(test_pr37_receive_queue_reset_and_set_up_anew),
		pci_port_test(test_pr37_transmit_queue_reset_and_set_up_anew),
		pci_port_test(test_hd01_queue_error_without_ring_reset),
		pci_port_test(test_pr37_hd23_queue_reset_without_end),
	};

	return cmocka_run_group_tests_name("pci_queues", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
