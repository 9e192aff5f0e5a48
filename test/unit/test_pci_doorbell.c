/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * What the driver writes to notify a PCI device, and where (PC-13, PC-14, PR-35). The device has no
 * thread here: each doorbell is looked at before anything else happens.
 */

#include <errno.h>
#include <string.h>

#include "pci_port.h"

#define QUIET 0xffffffffu
#define FIRST_ID 0x4400u

/* How doorbells may be spread. */
static const struct spread {
	uint16_t step;
	uint32_t multiplier;
} spreads[] = {{1, 4}, {1, 0}, {0, 4}, {1, 64}, {200, 8}, {2, 2}, {1, 2}, {3, 0x300}};

struct doorbells {
	struct pci_port *p;
	bool data;   /* NOTIFICATION_DATA */
	bool naming; /* NOTIF_CONFIG_DATA */
};

/* What is to be there once @p slots slots have been made available in all. */
static uint32_t
expected(const struct doorbells *w, uint16_t index, uint16_t size, uint32_t slots)
{
	const uint16_t id = w->naming ? FIRST_ID + index : index;
	const bool wrap = slots / size % 2 == 0;

	if (!w->data)
		return 0xffffu << 16 | id;
	return id | slots % size << 16 | (uint32_t)wrap << 31;
}

/* By the ring alone: slots made available in all, the device's positions included; modulo two laps. */
static uint32_t
available(struct pci_port *p, uint16_t index, uint16_t size)
{
	struct pd_vq *vq;
	uint32_t base, slots;

	vpd_lock(p->d);
	vq = vhu_backend_vq(p->d->net, index);
	base = pd_base(vq);
	slots = (base & 0x7fff) + (base >> 15 & 1 ? 0 : size) + pd_waiting(vq);
	vpd_unlock(p->d);
	return slots;
}

static void
start(struct doorbells *w, const struct spread *spread, uint64_t features)
{
	struct pci_port *p = w->p;

	p->conf.net.mode = VHU_IDLE;
	p->conf.regs.notify_off_step = spread->step;
	p->conf.notify_multiplier = spread->multiplier;
	p->conf.regs.notif_config_data = FIRST_ID;
	p->conf.regs.features = (VPD_F_DEFAULT & ~(VHU_F_EVENT_IDX | VHU_F_INDIRECT_DESC)) | features;
	w->data = features & VPM_F_NOTIFICATION_DATA;
	w->naming = features & VPM_F_NOTIF_CONFIG_DATA;
	pci_port_device_stepped(p);
	pci_port_start(p, NULL);
	port_wait_up(&p->port);
	assert_int_equal(pci_port_features(p), p->conf.regs.features);
}

/* Bursts of all lengths, four laps and more: some end exactly at the ring's last slot. */
static void
send_bursts(struct doorbells *w)
{
	struct port *port = &w->p->port;
	struct rte_mbuf *m[32];
	uint32_t slots = 0, burst, i;

	for (burst = 1; slots < 4u * port->nb_txd + 3; burst = burst % 13 + 1) {
		for (i = 0; i < burst; i++)
			m[i] = port_packet(port->pool, port->next_mark++, 64, 1);
		assert_int_equal(rte_eth_tx_burst(port->id, 0, m, burst), burst);
		slots += burst;
		assert_int_equal(vpd_take_doorbell(w->p->d, 1),
				 expected(w, 1, port->nb_txd, slots));
		for (i = 0; i < burst; i++)
			assert_int_equal(port_take(port, 0), port->next_mark - burst + i);
	}
}

/* The receive queue's refills come when the driver thinks fit; each tells where it ends. */
static void
receive_some(struct doorbells *w)
{
	struct port *port = &w->p->port;
	uint32_t i, value, told = 0, slots;

	for (i = 0; i < 5u * port->nb_rxd; i++) {
		port_deliver(port, 0, i, 64);
		port_expect(port, 0, i, 1);
		slots = available(w->p, 0, port->nb_rxd);
		value = vpd_take_doorbell(w->p->d, 0);
		if (value == QUIET)
			continue;
		told++;
		assert_int_equal(value, expected(w, 0, port->nb_rxd, slots));
	}
	assert_true(told >= 5);
}

static void
check_spread(struct pci_port *p, const struct spread *spread, uint64_t features)
{
	struct doorbells w = {.p = p};
	const bool shared = spread->multiplier == 0 || spread->step == 0;

	start(&w, spread, features);
	/* Once each, at the start, for a device that has gone to sleep on an empty ring. */
	if (!shared)
		assert_int_equal(vpd_take_doorbell(p->d, 0),
				 expected(&w, 0, p->port.nb_rxd, p->port.nb_rxd));
	assert_int_equal(vpd_take_doorbell(p->d, 1), expected(&w, 1, p->port.nb_txd, 0));
	send_bursts(&w);
	receive_some(&w);
	assert_int_equal(vpd_take_doorbell(p->d, 1), QUIET);
	pci_port_down(p);
}

static void
check_spreads(struct pci_port *p, uint64_t features)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(spreads); i++) {
		/* Four bytes each have no room there. */
		if ((features & VPM_F_NOTIFICATION_DATA) && spreads[i].step * spreads[i].multiplier % 4)
			continue;
		check_spread(p, &spreads[i], features);
	}
}

static void
test_pc13_pc14_indices_in_16_bits(void **state)
{
	check_spreads(*state, 0);
}

static void
test_pc14_names_in_16_bits(void **state)
{
	check_spreads(*state, VPM_F_NOTIF_CONFIG_DATA);
}

static void
test_pc14_pr35_indices_and_positions(void **state)
{
	check_spreads(*state, VPM_F_NOTIFICATION_DATA);
}

static void
test_pc14_pr35_names_and_positions(void **state)
{
	check_spreads(*state, VPM_F_NOTIFICATION_DATA | VPM_F_NOTIF_CONFIG_DATA);
}

/* The same with rings of every small size: the last slot, and position 0 of the next lap. */
static void
test_pr35_small_rings(void **state)
{
	struct pci_port *p = *state;
	uint16_t size;

	for (size = 13; size < 30; size++) {
		p->port.nb_rxd = p->port.nb_txd = size;
		check_spread(p, &spreads[0], VPM_F_NOTIFICATION_DATA);
	}
}

static void
check_lists(struct pci_port *p, uint64_t features)
{
	struct doorbells w = {.p = p};
	struct rte_mbuf *m;
	uint32_t i;

	start(&w, &spreads[0], features);
	for (i = 0; i < 100; i++) {
		m = port_packet(p->port.pool, i, 200, 1 + i % 4);
		assert_int_equal(rte_eth_tx_burst(p->port.id, 0, &m, 1), 1);
		assert_int_equal(vpd_take_doorbell(p->d, 1),
				 expected(&w, 1, p->port.nb_txd, available(p, 1, p->port.nb_txd)));
		assert_int_equal(port_take(&p->port, 0), i);
	}
	pci_port_down(p);
}

/* Packets of several slots: positions count slots, not packets. */
static void
test_pr35_lists(void **state)
{
	struct pci_port *p = *state;

	p->port.nb_txd = 11;
	p->port.txconf.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	p->port.conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	check_lists(p, VPM_F_NOTIFICATION_DATA);
	check_lists(p, VPM_F_NOTIFICATION_DATA | VHU_F_INDIRECT_DESC);
}

/* Without being asked the driver does not notify: the doorbell stays as it is. */
static void
test_pr33_doorbell_that_nobody_wants(void **state)
{
	struct pci_port *p = *state;
	struct doorbells w = {.p = p};

	start(&w, &spreads[0], 0);
	vpd_take_doorbell(p->d, 1);
	vpd_lock(p->d);
	pd_notify_disable(vhu_backend_vq(p->d->net, 1));
	vpd_unlock(p->d);
	port_send(&p->port, 0, 20, 64);
	assert_int_equal(vpd_take_doorbell(p->d, 1), QUIET);
	vpd_lock(p->d);
	pd_notify_enable(vhu_backend_vq(p->d->net, 1));
	vpd_unlock(p->d);
	port_send(&p->port, 0, 1, 64);
	assert_int_equal(vpd_take_doorbell(p->d, 1), expected(&w, 1, p->port.nb_txd, 21));
}

/* All ways once more with a device that looks only where a doorbell rang. */
static void
test_pc14_l03_traffic_by_doorbells(void **state)
{
	struct pci_port *p = *state;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		p->conf.regs.features =
			VPD_F_DEFAULT | (i & 1 ? VPM_F_NOTIFICATION_DATA : 0) |
			(i & 2 ? VPM_F_NOTIF_CONFIG_DATA : 0);
		p->conf.regs.notif_config_data = FIRST_ID;
		pci_port_up(p, "");
		port_ping(&p->port, 0, 3000, 64);
		pci_port_down(p);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		pci_port_test(test_pc13_pc14_indices_in_16_bits),
		pci_port_test(test_pc14_names_in_16_bits),
		pci_port_test(test_pc14_pr35_indices_and_positions),
		pci_port_test(test_pc14_pr35_names_and_positions),
		pci_port_test(test_pr35_small_rings),
		pci_port_test(test_pr35_lists),
		pci_port_test(test_pr33_doorbell_that_nobody_wants),
		pci_port_test(test_pc14_l03_traffic_by_doorbells),
	};

	return cmocka_run_group_tests_name("pci_doorbell", tests, pci_port_group_setup,
					   pci_port_group_teardown);
}
