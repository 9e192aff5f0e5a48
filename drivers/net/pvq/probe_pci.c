/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file Virtio functions on the PCI bus, as vfio-pci and uio_pci_generic give them to us. */

#include <errno.h>

#include <bus_pci_driver.h>
#include <ethdev_pci.h>
#include <rte_bus_pci.h>

#include "devargs.h"
#include "ethdev.h"
#include "probe.h"
#include "transport_pci.h"

static const struct rte_pci_id pvq_pci_ids[] = {
	{RTE_PCI_DEVICE(VIRTIO_PCI_VENDOR_ID, VIRTIO_PCI_ID_NET)},
	{RTE_PCI_DEVICE(VIRTIO_PCI_VENDOR_ID, VIRTIO_PCI_ID_NET_TRANSITIONAL)},
	{.vendor_id = 0},
};

static int
read_config_space(void *handle, void *to, size_t len, off_t at)
{
	return rte_pci_read_config(handle, to, len, at);
}

static int
find_regs(struct rte_pci_device *pci, struct pvq_pci_regs *regs)
{
	struct pvq_pci_function f = {
		.name = pci->device.name, .handle = pci, .read = read_config_space,
	};
	unsigned int i;

	for (i = 0; i < VIRTIO_PCI_BARS; i++) {
		f.bar[i].addr = pci->mem_resource[i].addr;
		f.bar[i].len = pci->mem_resource[i].len;
	}
	*regs = (struct pvq_pci_regs){
		.name = pci->device.name, .io = &pvq_pci_mmio, .handle = pci,
		.read = read_config_space,
	};
	return pvq_pci_find_regions(&f, &regs->at);
}

/* @return 0; 1 when the device is one for another driver; -errno. */
static int
is_ours(const struct pvq_pci_regs *regs, bool no_other)
{
	uint64_t features;
	char text[64];
	int ret = pvq_pci_get_features(regs, &features);

	if (ret != 0 || (PVQ_FEATURES_REQUIRED & ~features) == 0)
		return ret;
	pvq_features_text(PVQ_FEATURES_REQUIRED & ~features, text, sizeof(text));
	if (no_other) {
		PVQ_LOG(ERR, regs->name,
			"the device does not offer %s, which driver=net_pvq needs (QEMU: "
			"packed=on, disable-legacy=on)", text);
		return -ENOTSUP;
	}
	PVQ_LOG(NOTICE, regs->name,
		"the device does not offer %s: left to other drivers (QEMU: packed=on, "
		"disable-legacy=on)", text);
	return 1;
}

static int
attach(struct pvq_device *dev, const void *arg)
{
	return pvq_pci_attach(dev, arg);
}

static int
init_port(struct rte_pci_device *pci, const char *args, const struct pvq_pci_regs *regs)
{
	struct pvq_options opt;
	const struct pvq_pci_place place = {
		.regs = *regs,
		.intr = {.handle = pci->intr_handle, .ops = &pvq_pci_intr_eal},
	};
	struct rte_eth_dev *eth;
	int ret = pvq_devargs_parse(pci->device.name, args, true, &opt);

	if (ret != 0)
		return ret;
	eth = rte_eth_dev_pci_allocate(pci, sizeof(struct pvq_device));
	if (eth == NULL)
		return -ENOMEM;
	return pvq_port_init(eth, &opt, attach, &place);
}

/* The BARs are mapped. @return as is_ours(). */
static int
init_primary(struct rte_pci_device *pci, const char *args)
{
	const bool no_other = pvq_devargs_wish(args) == PVQ_WISH_PVQ;
	struct pvq_pci_regs regs;
	int ret = find_regs(pci, &regs);

	/* A legacy device has no capabilities. */
	if (ret == -ENODEV && !no_other)
		return 1;
	if (ret == 0)
		ret = is_ours(&regs, no_other);
	if (ret == 0 && rte_pci_set_bus_master(pci, true) != 0)
		ret = -EIO;
	return ret == 0 ? init_port(pci, args, &regs) : ret;
}

static int
pvq_pci_probe(struct rte_pci_driver *driver, struct rte_pci_device *pci)
{
	const char *args = pci->device.devargs != NULL ? pci->device.devargs->args : NULL;
	int ret;

	RTE_SET_USED(driver);
	if (pvq_devargs_wish(args) == PVQ_WISH_OTHER ||
	    (rte_eal_process_type() == RTE_PROC_SECONDARY && !pvq_port_is_known(pci->device.name)))
		return 1;
	ret = pvq_gate_check(pci->device.name);
	if (ret != 0)
		return ret;
	ret = rte_pci_map_device(pci);
	if (ret != 0)
		return ret;
	/* The registers are mapped where the primary process has them: notifications go there. */
	ret = rte_eal_process_type() == RTE_PROC_SECONDARY ? pvq_port_attach(&pci->device) :
							     init_primary(pci, args);
	if (ret != 0)
		rte_pci_unmap_device(pci);
	return ret;
}

static int
pvq_pci_remove(struct rte_pci_device *pci)
{
	pvq_port_remove(pci->device.name);
	rte_pci_unmap_device(pci);
	return 0;
}

static struct rte_pci_driver pvq_pci_driver = {
	.id_table = pvq_pci_ids,
	.drv_flags = RTE_PCI_DRV_INTR_RMV,
	.probe = pvq_pci_probe,
	.remove = pvq_pci_remove,
};

/*
 * Before the drivers of DPDK, in whatever order an application is linked: the first that wants a
 * device has it.
 */
RTE_INIT_PRIO(pvq_pci_register, CLASS)
{
	pvq_pci_driver.driver.name = "net_pvq_pci";
	rte_pci_register(&pvq_pci_driver);
}

/* As in probe.c; ids are vendor, device, and any subsystem. */
__attribute__((used)) const char pvq_pci_pmd_info[] =
	"PMD_INFO_STRING= {\"name\": \"net_pvq_pci\", \"params\": \"" PVQ_PCI_PARAM_STRING
	"\", \"kmod\": \"vfio-pci | uio_pci_generic\", \"pci_ids\": "
	"[[6900, 4161, 65535, 65535], [6900, 4096, 65535, 65535]]}";
