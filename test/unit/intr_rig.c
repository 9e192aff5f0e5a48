/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_epoll.h>

#include "intr_rig.h"

/* ---- in place of the kernel ------------------------------------------------------------------- */

struct intr_host intr_host;

static int
host_enable(const struct rte_intr_handle *handle)
{
	const int max = rte_intr_max_intr_get(handle);
	const uint32_t count = max != 0 ? max : 1;
	uint32_t i;

	if (rte_intr_type_get(handle) != RTE_INTR_HANDLE_VFIO_MSIX) {
		if (intr_host.vectors == 0)
			return -1;
		vpd_set_vector(intr_host.p->d, VPM_NO_VECTOR, rte_intr_fd_get(handle));
	} else {
		if (count > intr_host.vectors)
			return -1;
		vpd_set_vector(intr_host.p->d, 0, rte_intr_fd_get(handle));
		for (i = 1; i < count; i++)
			vpd_set_vector(intr_host.p->d, i, rte_intr_efds_index_get(handle, i - 1));
	}
	intr_host.enabled++;
	return 0;
}

static int
host_disable(const struct rte_intr_handle *handle)
{
	uint16_t i;

	(void)handle;
	for (i = 0; i < VPD_MAX_VECTORS; i++)
		vpd_set_vector(intr_host.p->d, i, -1);
	vpd_set_vector(intr_host.p->d, VPM_NO_VECTOR, -1);
	intr_host.disabled++;
	return 0;
}

static int
host_ack(const struct rte_intr_handle *handle)
{
	bool up;

	(void)handle;
	vpd_lock(intr_host.p->d);
	up = intr_host.p->d->regs.isr != 0;
	vpd_unlock(intr_host.p->d);
	__atomic_fetch_add(&intr_host.early, up, __ATOMIC_RELAXED);
	__atomic_fetch_add(&intr_host.acks, 1, __ATOMIC_RELAXED);
	return 0;
}

static const struct pvq_pci_intr_ops host_ops = {
	.enable = host_enable,
	.disable = host_disable,
	.ack = host_ack,
};

int
intr_setup(void **state)
{
	int ret = pci_port_setup(state);

	intr_host.p = *state;
	intr_host.vectors = UINT32_MAX;
	intr_host.enabled = intr_host.disabled = intr_host.acks = intr_host.early = 0;
	intr_host.handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	assert_non_null(intr_host.handle);
	assert_int_equal(rte_intr_fd_set(intr_host.handle, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), 0);
	assert_int_equal(rte_intr_type_set(intr_host.handle, RTE_INTR_HANDLE_VFIO_MSIX), 0);
	intr_host.p->intr = (struct pvq_pci_intr_source){.handle = intr_host.handle, .ops = &host_ops};
	intr_host.p->port.conf.intr_conf.lsc = 1;
	return ret;
}

static void
nobody(void *arg)
{
	(void)arg;
}

int
intr_teardown(void **state)
{
	int ret = pci_port_teardown(state);

	/* Nothing is let through that nobody wants any more. */
	if (intr_host.enabled != intr_host.disabled) {
		print_error("enabled %u times, disabled %u times\n", intr_host.enabled, intr_host.disabled);
		ret = -1;
	}
	if (rte_intr_callback_unregister(intr_host.handle, nobody, (void *)-1) != -ENOENT) {
		print_error("somebody is still told of interrupts\n");
		ret = -1;
	}
	close(rte_intr_fd_get(intr_host.handle));
	rte_intr_instance_free(intr_host.handle);
	return ret;
}

/* ---- steps ------------------------------------------------------------------------------------ */

void
intr_up(struct pci_port *p, uint16_t pairs, const char *args)
{
	uint16_t q;

	p->port.nb_rxq = p->port.nb_txq = pairs;
	p->conf.net.queue_pairs = pairs;
	if (pairs > 1)
		p->conf.regs.features |= VPD_F_CONTROL | VHU_F_MQ;
	pci_port_device(p);
	assert_int_equal(pci_port_probe(p, args), 0);
	port_watch(&p->port);
	assert_int_equal(port_configure(&p->port), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_wait_up(&p->port);
	/* That the link is up has been told. */
	assert_true(port_wait_count(&p->port.link_events, 1, PORT_WAIT_MS));
	if (!p->port.conf.intr_conf.rxq)
		return;
	for (q = 0; q < pairs; q++)
		assert_int_equal(rte_eth_dev_rx_intr_ctl_q(p->port.id, q, RTE_EPOLL_PER_THREAD,
							   RTE_INTR_EVENT_ADD,
							   (void *)(uintptr_t)q), 0);
}

void
intr_rx_up(struct pci_port *p, uint16_t pairs, uint16_t vectors, const char *args)
{
	p->port.conf.intr_conf.rxq = 1;
	p->conf.regs.vectors = vectors;
	intr_up(p, pairs, args);
}

int
intr_wakes(int timeout_ms)
{
	struct rte_epoll_event event;

	if (rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, timeout_ms) != 1)
		return -1;
	return (int)(uintptr_t)event.epdata.data;
}

void
intr_wait_woken(uint16_t queue)
{
	const uint64_t end = port_now_ms() + PORT_WAIT_MS;

	/* Others may be woken for it too. */
	while (intr_wakes(PORT_WAIT_MS) != queue)
		assert_true(port_now_ms() < end);
}

void
intr_set(const struct pci_port *p, uint16_t queue, bool on)
{
	assert_int_equal((on ? rte_eth_dev_rx_intr_enable :
			       rte_eth_dev_rx_intr_disable)(p->port.id, queue), 0);
}

void
intr_check_wakes(struct pci_port *p, uint16_t queue, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (i % 3 == 0)
			port_deliver(&p->port, queue, i, 64);
		intr_set(p, queue, true);
		if (i % 3 != 0)
			port_deliver(&p->port, queue, i, 64);
		intr_wait_woken(queue);
		intr_set(p, queue, false);
		port_expect(&p->port, queue, i, 1);
	}
}

uint16_t
intr_vector_of(struct pci_port *p, uint16_t queue)
{
	uint16_t vector;

	vpd_lock(p->d);
	vector = p->d->regs.queue[2 * queue].vector;
	vpd_unlock(p->d);
	return vector;
}

uint16_t
intr_config_vector(struct pci_port *p)
{
	uint16_t vector;

	vpd_lock(p->d);
	vector = p->d->regs.config_vector;
	vpd_unlock(p->d);
	return vector;
}

uint32_t
intr_flap(struct pci_port *p, uint32_t n)
{
	uint64_t began, longest = 0;
	uint32_t i, events;

	for (i = 0; i < n; i++) {
		/* Not in step with the looks of the driver's thread. */
		port_sleep_ms(20 + i * 7 % 100);
		events = __atomic_load_n(&p->port.link_events, __ATOMIC_ACQUIRE);
		began = port_now_ms();
		vpd_set_link(p->d, i % 2 != 0);
		assert_true(port_wait_count(&p->port.link_events, events + 1, PORT_WAIT_MS));
		longest = RTE_MAX(longest, port_now_ms() - began);
		assert_int_equal(p->port.last_link, i % 2);
	}
	return longest;
}

