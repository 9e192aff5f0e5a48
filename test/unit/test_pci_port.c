/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A port on a PCI device: packets both ways, in each way they can be negotiated, and the doorbells
 * that tell of them. The device judges by itself what the driver does to registers and rings
 * (conformance parts A to C); pci_port_teardown() fails on any breach.
 */

#include <errno.h>
#include <string.h>

#include <ethdev_driver.h>

#include "pci_port.h"
#include "queue.h"

/* Every one of these may be missing. */
static const uint64_t choices[] = {
	VHU_F_IN_ORDER, VHU_F_MRG_RXBUF, VHU_F_EVENT_IDX, VHU_F_INDIRECT_DESC,
};

static void
restart_with(struct pci_port *p, uint64_t features)
{
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_true(port_is_whole(&p->port));
	vpd_lock(p->d);
	p->d->regs.conf.features = features;
	vpd_unlock(p->d);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_wait_up(&p->port);
	assert_int_equal(pci_port_features(p), features);
}

/* Packets in several segments, as long as the port's buffers let them be when they come back. */
static void
ping_lists(struct pci_port *p, uint32_t n, uint32_t len)
{
	struct port *port = &p->port;
	struct rte_mbuf *m;

	while (n-- > 0) {
		m = port_packet(port->pool, port->next_mark++, len, 1 + n % 5);
		assert_non_null(m);
		assert_int_equal(rte_eth_tx_burst(port->id, 0, &m, 1), 1);
		port_expect(port, 0, port->next_mark - 1, 1);
	}
}

static void
check_all_ways(struct pci_port *p, const char *args)
{
	uint64_t features;
	unsigned int way, i;

	p->port.txconf.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	p->port.conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	pci_port_up(p, args);
	for (way = 0; way < 1u << RTE_DIM(choices); way++) {
		features = p->conf.regs.features;
		for (i = 0; i < RTE_DIM(choices); i++)
			if ((way >> i & 1) == 0)
				features &= ~choices[i];
		restart_with(p, features);
		/* More than three laps, in bursts and one by one. */
		port_ping(&p->port, 0, 150, 64);
		port_ping(&p->port, 0, 64, 1500);
		ping_lists(p, 60, 1000);
	}
}

static void
test_pr15_packets_in_every_way_scalar(void **state)
{
	check_all_ways(*state, "isa=scalar");
}

static void
test_pr15_packets_in_every_way_vector(void **state)
{
	check_all_ways(*state, "isa=auto");
}

/* Barriers that reach further; nothing else may be different. */
static void
test_pr36_packets_in_the_order_of_devices(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.features |= VPM_F_ORDER_PLATFORM;
	check_all_ways(p, "");
}

static void
test_pr15_ring_and_buffers_at_device_addresses(void **state)
{
	struct pci_port *p = *state;
	const struct rte_eth_dev_data *data;
	const struct pvq_ring *ring[2];
	struct vpm_queue q[2];
	unsigned int i;

	pci_port_up(p, "");
	data = rte_eth_devices[p->port.id].data;
	ring[0] = &((const struct pvq_rxq *)data->rx_queues[0])->ring;
	ring[1] = &((const struct pvq_txq *)data->tx_queues[0])->ring;
	vpd_lock(p->d);
	memcpy(q, p->d->regs.queue, sizeof(q));
	vpd_unlock(p->d);
	for (i = 0; i < 2; i++) {
		assert_int_equal(q[i].desc, (uintptr_t)ring[i]->desc + pci_port_shift());
		assert_int_equal(q[i].driver_event,
				 (uintptr_t)ring[i]->driver_event + pci_port_shift());
		assert_int_equal(q[i].device_event,
				 (uintptr_t)ring[i]->device_event + pci_port_shift());
	}
	assert_true(pci_port_features(p) & VPM_F_ACCESS_PLATFORM);
}

/* Without ACCESS_PLATFORM addresses are physical ones, which EAL's IOVAs are just as well. */
static void
test_pr15_access_platform_that_is_not_offered(void **state)
{
	struct pci_port *p = *state;

	p->conf.regs.features &= ~VPM_F_ACCESS_PLATFORM;
	pci_port_up(p, "");
	assert_int_equal(port_log_has("does not offer ACCESS_PLATFORM"),
			 rte_eal_iova_mode() == RTE_IOVA_VA);
	port_ping(&p->port, 0, 300, 200);
}

/* Received packets of several buffers. */
static void
test_packets_of_several_buffers(void **state)
{
	struct pci_port *p = *state;

	port_pool(&p->port, 1023, 512 + RTE_PKTMBUF_HEADROOM);
	p->port.rxconf.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	p->port.conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	p->port.txconf.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	p->port.conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	pci_port_up(p, "");
	ping_lists(p, 100, 400);
	port_deliver(&p->port, 0, 1000000, 1500);
	port_expect(&p->port, 0, 1000000, 1);
	restart_with(p, p->conf.regs.features & ~VHU_F_IN_ORDER);
	port_deliver(&p->port, 0, 1000001, 1500);
	port_expect(&p->port, 0, 1000001, 1);
}

/* A device that uses buffers late, in batches, in its own order. */
static void
test_pr19_pr22_orders_of_completion(void **state)
{
	static const struct vhu_behave ways[] = {
		{.completion = VHU_REVERSE}, {.completion = VHU_SHUFFLE, .seed = 7},
		{.completion = VHU_BATCH}, {.completion = VHU_BATCH, .batch = 3, .delay = 5},
		{.delay = 20}, {.events = VHU_EVENTS_POLL}, {.events = VHU_EVENTS_ENABLE},
	};
	struct pci_port *p = *state;
	unsigned int i;

	/* A burst is sent while the device, which is slow at times, still holds two before it. */
	p->port.nb_txd = 128;
	pci_port_up(p, "");
	for (i = 0; i < 2 * RTE_DIM(ways); i++) {
		vhu_backend_behave(p->d->net, &ways[i / 2], NULL);
		restart_with(p, i % 2 == 0 ? p->conf.regs.features :
					     p->conf.regs.features & ~VHU_F_IN_ORDER);
		port_ping(&p->port, 0, 300, 100);
	}
}

/* Junk wherever a device may leave junk. */
static void
test_pr20_packets_and_poison(void **state)
{
	struct pci_port *p = *state;

	p->conf.net.poison = true;
	pci_port_up(p, "");
	port_ping(&p->port, 0, 300, 100);
	restart_with(p, p->conf.regs.features & ~(VHU_F_IN_ORDER | VHU_F_EVENT_IDX));
	port_ping(&p->port, 0, 300, 100);
}

/* Interrupts are nobody's business while nobody has asked for them, and ISR is not read. */
static void
test_pc16_hd27_polling_reads_no_isr(void **state)
{
	struct pci_port *p = *state;
	uint16_t vector;
	unsigned int i;

	pci_port_up(p, "");
	for (i = 0; i < 50; i++) {
		for (vector = 0; vector < 4; vector++)
			vpd_interrupt(p->d, vector);
		vpd_set_config(p->d, 17, "x", 1);
		port_ping(&p->port, 0, 20, 64);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_pr15_packets_in_every_way_scalar),
		pci_port_test(test_pr15_packets_in_every_way_vector),
		pci_port_test(test_pr36_packets_in_the_order_of_devices),
		pci_port_test(test_pr15_ring_and_buffers_at_device_addresses),
		pci_port_test(test_pr15_access_platform_that_is_not_offered),
		pci_port_test(test_packets_of_several_buffers),
		pci_port_test(test_pr19_pr22_orders_of_completion),
		pci_port_test(test_pr20_packets_and_poison),
		pci_port_test(test_pc16_hd27_polling_reads_no_isr),
	};

	return cmocka_run_group_tests_name("pci_port", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
