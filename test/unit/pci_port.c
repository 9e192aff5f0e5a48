/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <dev_driver.h>
#include <ethdev_driver.h>

#include "devargs.h"
#include "pci_port.h"
#include "probe.h"
#include "transport_pci.h"

/* ---- addresses -------------------------------------------------------------------------------- */

static bool shifted;

uint64_t
pci_port_shift(void)
{
	return shifted ? PCI_IOVA_SHIFT : 0;
}

/* In place of EAL's, for the driver and for EAL itself. */
enum rte_iova_mode
rte_eal_iova_mode(void)
{
	return shifted ? RTE_IOVA_PA : RTE_IOVA_VA;
}

static int
shift_page(const struct rte_memseg_list *list, const struct rte_memseg *page, void *arg)
{
	(void)list;
	(void)arg;
	((struct rte_memseg *)(uintptr_t)page)->iova = page->addr_64 + PCI_IOVA_SHIFT;
	return 0;
}

/* All of EAL's memory is mapped for the device, and nothing else. */
static void *
translate(void *arg, uint64_t addr, uint32_t *len, enum pd_access access)
{
	const uint8_t *at = (const uint8_t *)(uintptr_t)(addr - pci_port_shift());

	(void)arg;
	(void)access;
	if (rte_mem_virt2memseg(at, NULL) == NULL ||
	    rte_mem_virt2memseg(at + *len - 1, NULL) == NULL)
		return NULL;
	return (void *)(uintptr_t)at;
}

int
pci_port_group_setup(void **state)
{
	port_group_setup(state);
	if (getenv("PVQ_TEST_IOVA") == NULL)
		return 0;
	shifted = true;
	return rte_memseg_walk(shift_page, NULL);
}

int
pci_port_group_teardown(void **state)
{
	shifted = false;
	return port_group_teardown(state);
}

/* ---- registers -------------------------------------------------------------------------------- */

static struct vpd *plugged;

static uint8_t
read8(const void *at)
{
	return vpd_read(plugged, at, 1);
}

static uint16_t
read16(const void *at)
{
	return vpd_read(plugged, at, 2);
}

static uint32_t
read32(const void *at)
{
	return vpd_read(plugged, at, 4);
}

static void
write8(void *at, uint8_t value)
{
	vpd_write(plugged, at, value, 1);
}

static void
write16(void *at, uint16_t value)
{
	vpd_write(plugged, at, value, 2);
}

static void
write32(void *at, uint32_t value)
{
	vpd_write(plugged, at, value, 4);
}

static const struct pvq_pci_io io = {
	.read8 = read8,
	.read16 = read16,
	.read32 = read32,
	.write8 = write8,
	.write16 = write16,
	.write32 = write32,
};

static int
read_space(void *handle, void *to, size_t len, off_t at)
{
	const struct vpd *d = handle;

	if (at < 0 || at + len > sizeof(d->space))
		return -EINVAL;
	memcpy(to, d->space + at, len);
	return len;
}

/* ---- set-up and tear-down --------------------------------------------------------------------- */

static void
detach(struct port *port)
{
	assert_int_equal(rte_eth_dev_close(port->id), 0);
}

int
pci_port_setup(void **state)
{
	struct pci_port *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	port_init(&p->port);
	p->port.detach = detach;
	vpd_conf_init(&p->conf);
	p->conf.translate = translate;
	*state = p;
	return 0;
}

/* All is taken down before the first check, so that the next test finds nothing left over. */
int
pci_port_teardown(void **state)
{
	struct pci_port *p = *state;
	char breaches[4096] = "";
	int ret;

	if (p->port.end != NULL)
		p->port.end(p->port.end_arg);
	p->port.end = NULL;
	port_close(&p->port);
	if (p->d != NULL && !p->port.expect_violations)
		snprintf(breaches, sizeof(breaches), "%s", vpd_violations_text(p->d));
	p->port.b = NULL;
	vpd_destroy(p->d);
	plugged = NULL;
	ret = port_finish(&p->port);
	free(p);
	*state = NULL;
	if (breaches[0] != '\0')
		print_error("%s", breaches);
	return ret == 0 && breaches[0] == '\0' ? 0 : -1;
}

/* ---- steps ------------------------------------------------------------------------------------ */

void
pci_port_device_stepped(struct pci_port *p)
{
	p->d = vpd_create(&p->conf);
	assert_non_null(p->d);
	p->port.b = p->d->net;
	plugged = p->d;
}

void
pci_port_device(struct pci_port *p)
{
	pci_port_device_stepped(p);
	assert_int_equal(vpd_start(p->d), 0);
}

int
pci_port_find(struct pci_port *p)
{
	struct pvq_pci_function f = {
		.name = PCI_PORT_NAME, .handle = p->d, .read = read_space,
	};

	f.bar[VPD_BAR].addr = p->d->regs.bar;
	f.bar[VPD_BAR].len = VPM_BAR_BYTES;
	f.bar[VPD_BAR_MSIX].addr = p->msix_table;
	f.bar[VPD_BAR_MSIX].len = sizeof(p->msix_table);
	p->regs = (struct pvq_pci_regs){
		.name = PCI_PORT_NAME, .io = &io, .handle = p->d, .read = read_space,
	};
	return pvq_pci_find_regions(&f, &p->regs.at);
}

static int
attach(struct pvq_device *dev, const void *arg)
{
	return pvq_pci_attach(dev, arg);
}

int
pci_port_init(struct pci_port *p, const char *args)
{
	static const struct rte_driver driver = {.name = "net_pvq_pci"};
	static struct rte_device device = {.name = PCI_PORT_NAME, .driver = &driver};
	const struct pvq_pci_place place = {.regs = p->regs, .intr = p->intr};
	struct pvq_options opt;
	struct rte_eth_dev *eth;
	int ret = pvq_gate_check(PCI_PORT_NAME);

	if (ret == 0)
		ret = pvq_devargs_parse(PCI_PORT_NAME, args, true, &opt);
	if (ret != 0)
		return ret;
	device.numa_node = (int)rte_socket_id();
	eth = rte_eth_dev_allocate(PCI_PORT_NAME);
	assert_non_null(eth);
	eth->device = &device;
	eth->data->dev_private = rte_zmalloc("pci_port", sizeof(struct pvq_device),
					     RTE_CACHE_LINE_SIZE);
	assert_non_null(eth->data->dev_private);
	ret = pvq_port_init(eth, &opt, attach, &place);
	if (ret == 0)
		p->port.id = eth->data->port_id;
	return ret;
}

bool
pci_port_lets_in(struct pci_port *p, const void *frame, uint32_t len)
{
	struct rte_mbuf *m;
	int ret = vpd_send(p->d, 0, frame, len);

	if (ret == -EACCES)
		return false;
	assert_int_equal(ret, 0);
	assert_int_equal(port_receive(&p->port, 0, &m, 1, PORT_WAIT_MS), 1);
	rte_pktmbuf_free(m);
	return true;
}

int
pci_port_probe(struct pci_port *p, const char *args)
{
	int ret = pci_port_find(p);

	return ret == 0 ? pci_port_init(p, args) : ret;
}

void
pci_port_start(struct pci_port *p, const char *args)
{
	assert_int_equal(pci_port_probe(p, args), 0);
	assert_int_equal(port_configure(&p->port), 0);
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
}

void
pci_port_up(struct pci_port *p, const char *args)
{
	pci_port_device(p);
	pci_port_start(p, args);
	port_wait_up(&p->port);
}

void
pci_port_restart(struct pci_port *p)
{
	assert_int_equal(rte_eth_dev_stop(p->port.id), 0);
	assert_true(port_is_whole(&p->port));
	assert_int_equal(rte_eth_dev_start(p->port.id), 0);
	port_wait_up(&p->port);
	port_ping(&p->port, 0, 200, 64);
}

void
pci_port_offer(struct pci_port *p, uint64_t features)
{
	vpd_lock(p->d);
	p->d->regs.conf.features = features;
	vpd_unlock(p->d);
}

void
pci_port_down(struct pci_port *p)
{
	port_close(&p->port);
	assert_string_equal(vpd_violations_text(p->d), "");
	assert_true(port_is_whole(&p->port));
	p->port.b = NULL;
	p->port.next_mark = 0;
	plugged = NULL;
	vpd_destroy(p->d);
	p->d = NULL;
}

/* ---- looking ---------------------------------------------------------------------------------- */

uint64_t
pci_port_features(const struct pci_port *p)
{
	uint64_t features;

	vpd_lock(p->d);
	features = p->d->regs.driver_features;
	vpd_unlock(p->d);
	return features;
}

uint8_t
pci_port_status(const struct pci_port *p)
{
	uint8_t status;

	vpd_lock(p->d);
	status = p->d->regs.status;
	vpd_unlock(p->d);
	return status;
}

bool
pci_port_wait_resets(const struct pci_port *p, unsigned int count, uint32_t timeout_ms)
{
	const uint64_t end = port_now_ms() + timeout_ms;
	unsigned int resets;

	do {
		vpd_lock(p->d);
		resets = p->d->regs.resets;
		vpd_unlock(p->d);
		if (resets >= count)
			return true;
		port_sleep_ms(1);
	} while (port_now_ms() < end);
	return false;
}
