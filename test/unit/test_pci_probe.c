/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Probing of functions on the PCI bus: which are the driver's, which are left to others, and what of
 * a probe that fails stays behind (PC-01, IN-05). The bus is this file: it catches the driver when it
 * registers, and hands it functions whose registers are plain memory.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bus_pci_driver.h>
#include <rte_bus_pci.h>
#include <rte_devargs.h>
#include <rte_malloc.h>
#include <rte_version.h>

#include "port.h"
#include "probe.h"
#include "vpm_device.h"

#define NAME "0000:00:99.0"
#define STATUS 20
#define ID_NET 0x1041
#define ID_NET_TRANSITIONAL 0x1000

static struct rte_pci_driver *registered;

/* A function of the bus, and what has become of it. */
static struct bus {
	struct vpd *d; /* for its configuration space only */
	uint8_t bar[VPM_BAR_BYTES];
	struct rte_pci_device dev;
	struct rte_devargs args;
	char text[128];
	int map_error, master_error, read_error;
	unsigned int mapped, unmapped;
	bool master;
} bus;

void
rte_pci_register(struct rte_pci_driver *driver)
{
	registered = driver;
}

int
rte_pci_map_device(struct rte_pci_device *dev)
{
	assert_ptr_equal(dev, &bus.dev);
	bus.mapped += bus.map_error == 0;
	return bus.map_error;
}

void
rte_pci_unmap_device(struct rte_pci_device *dev)
{
	assert_ptr_equal(dev, &bus.dev);
	bus.unmapped++;
}

/* rte_pci_set_bus_master(), whose declaration is not the same in all releases. */
int
set_bus_master(const struct rte_pci_device *dev, bool on) __asm__("rte_pci_set_bus_master");

int
set_bus_master(const struct rte_pci_device *dev, bool on)
{
	assert_ptr_equal(dev, &bus.dev);
	bus.master = on;
	return bus.master_error;
}

int
rte_pci_read_config(const struct rte_pci_device *dev, void *to, size_t len, off_t at)
{
	assert_ptr_equal(dev, &bus.dev);
	if (bus.read_error != 0)
		return bus.read_error;
	memcpy(to, bus.d->space + at, len);
	return len;
}

static void
put16(uint32_t at, uint16_t value)
{
	bus.bar[at] = value;
	bus.bar[at + 1] = value >> 8;
}

/* Registers that say the same whatever is selected: features 32 and 34 are 0 and 2 as well. */
static void
plug_in(const char *args)
{
	struct vpd_conf conf;

	bus = (struct bus){0};
	vpd_conf_init(&conf);
	bus.d = vpd_create(&conf);
	assert_non_null(bus.d);
	bus.bar[VPM_COMMON + 4] = 1 | 4;
	put16(VPM_COMMON + 18, 2);
	put16(VPM_COMMON + 24, 256);
	memcpy(bus.bar + VPM_DEVICE, bus.d->regs.conf.config, 64);
	bus.dev.device.name = NAME;
	bus.dev.device.driver = &registered->driver;
#if RTE_VERSION < RTE_VERSION_NUM(26, 3, 0, 0)
	bus.dev.driver = registered;
#endif
	bus.dev.id = (struct rte_pci_id){.vendor_id = 0x1af4, .device_id = ID_NET};
	bus.dev.mem_resource[VPD_BAR].addr = bus.bar;
	bus.dev.mem_resource[VPD_BAR].len = sizeof(bus.bar);
	bus.dev.mem_resource[VPD_BAR_MSIX].addr = bus.bar;
	bus.dev.mem_resource[VPD_BAR_MSIX].len = 4096;
	bus.dev.intr_handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	assert_non_null(bus.dev.intr_handle);
	if (args == NULL)
		return;
	snprintf(bus.text, sizeof(bus.text), "%s", args);
	bus.args.args = bus.text;
	bus.dev.device.devargs = &bus.args;
}

static int
set_up(void **state)
{
	(void)state;
	port_log_clear();
	plug_in(NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rte_intr_instance_free(bus.dev.intr_handle);
	vpd_destroy(bus.d);
	return 0;
}

static void
plug_in_another(const char *args)
{
	tear_down(NULL);
	plug_in(args);
}

static int
probe(void)
{
	return registered->probe(registered, &bus.dev);
}

/* Whatever it was, nothing of it is left. */
static void
check_declined(int ret)
{
	assert_int_equal(probe(), ret);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	assert_int_equal(bus.mapped, bus.unmapped);
}

static void
test_pc01_ids(void **state)
{
	const struct rte_pci_id *id;
	bool modern = false, transitional = false;

	(void)state;
	assert_non_null(registered);
	for (id = registered->id_table; id->vendor_id != 0; id++) {
		assert_int_equal(id->vendor_id, 0x1af4);
		assert_int_equal(id->class_id, RTE_CLASS_ANY_ID);
		assert_int_equal(id->subsystem_vendor_id, RTE_PCI_ANY_ID);
		assert_int_equal(id->subsystem_device_id, RTE_PCI_ANY_ID);
		modern |= id->device_id == ID_NET;
		transitional |= id->device_id == ID_NET_TRANSITIONAL;
	}
	assert_true(modern && transitional);
	assert_int_equal(id - registered->id_table, 2);
}

static void
test_pc01_found_and_removed(void **state)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	uint16_t port;

	(void)state;
	assert_int_equal(probe(), 0);
	assert_true(bus.master);
	assert_int_equal(bus.mapped, 1);
	assert_int_equal(bus.unmapped, 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(NAME, &port), 0);
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_string_equal(info.driver_name, "net_pvq_pci");
	assert_true((*info.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0);
	assert_int_equal(info.rx_desc_lim.nb_max, 256);
	/* Without MAC the address is one of our own. */
	assert_int_equal(rte_eth_macaddr_get(port, &mac), 0);
	assert_true(rte_is_valid_assigned_ether_addr(&mac));
	assert_int_equal(registered->remove(&bus.dev), 0);
	assert_int_equal(bus.unmapped, 1);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

/* By which a secondary process knows them: the registers do not tell whose port it is. */
static void
test_ports_of_other_drivers(void **state)
{
	struct rte_eth_dev *other = rte_eth_dev_allocate("other");

	(void)state;
	assert_int_equal(probe(), 0);
	assert_true(pvq_port_is_known(NAME));
	assert_false(pvq_port_is_known("other"));
	other->data->dev_private = rte_zmalloc("other", 256, 0);
	assert_false(pvq_port_is_known("other"));
	assert_false(pvq_port_is_known("none"));
	assert_int_equal(rte_eth_dev_release_port(other), 0);
	assert_int_equal(registered->remove(&bus.dev), 0);
	assert_false(pvq_port_is_known(NAME));
}

static void
test_pc01_closed_before_it_is_removed(void **state)
{
	uint16_t port;

	(void)state;
	assert_int_equal(probe(), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(NAME, &port), 0);
	assert_int_equal(rte_eth_dev_close(port), 0);
	assert_int_equal(registered->remove(&bus.dev), 0);
	assert_int_equal(bus.unmapped, 1);
}

static void
test_pc01_legacy_device_is_left_to_others(void **state)
{
	(void)state;
	bus.d->space[6] = 0;
	check_declined(1);
	bus.d->space[6] = 1 << 4;
	bus.d->space[0x34] = VPD_CAP_MSIX;
	check_declined(1);
	plug_in_another("driver=net_pvq");
	bus.d->space[6] = 0;
	check_declined(-ENODEV);
}

static void
test_in05_split_ring_is_left_to_others(void **state)
{
	(void)state;
	bus.bar[VPM_COMMON + 4] = 1;
	check_declined(1);
	assert_true(port_log_has("does not offer RING_PACKED: left to other drivers"));
	assert_int_equal(bus.bar[STATUS], 0);
	bus.bar[VPM_COMMON + 4] = 4;
	check_declined(1);
	assert_true(port_log_has("does not offer VERSION_1: left to other drivers"));
	plug_in_another("driver=net_pvq");
	bus.bar[VPM_COMMON + 4] = 1;
	check_declined(-ENOTSUP);
	assert_true(port_log_has("does not offer RING_PACKED, which driver=net_pvq needs"));
}

/* Who is told to leave a device alone does not even map it. */
static void
test_driver_that_the_user_wants(void **state)
{
	(void)state;
	plug_in_another("driver=net_virtio");
	check_declined(1);
	assert_int_equal(bus.mapped, 0);
	plug_in_another("driver=net_pvq,queue_size=128");
	assert_int_equal(probe(), 0);
	assert_int_equal(registered->remove(&bus.dev), 0);
}

static void
test_hd29_lies_leave_nothing_behind(void **state)
{
	(void)state;
	bus.d->space[VPD_CAP_COMMON + 4] = 6;
	check_declined(-EINVAL);
	assert_true(port_log_has("its BAR number is reserved"));
	assert_false(bus.master);
	/* A BAR that the kernel's driver has not mapped. */
	plug_in_another(NULL);
	bus.dev.mem_resource[VPD_BAR].addr = NULL;
	check_declined(-EINVAL);
	plug_in_another(NULL);
	bus.read_error = -EIO;
	check_declined(-EIO);
}

static void
test_probes_that_fail_leave_nothing_behind(void **state)
{
	(void)state;
	bus.map_error = -EBUSY;
	check_declined(-EBUSY);
	bus.map_error = 1;
	check_declined(1);
	plug_in_another(NULL);
	bus.master_error = -1;
	check_declined(-EIO);
	plug_in_another("queue_size=0");
	check_declined(-EINVAL);
	plug_in_another("path=/tmp/x");
	check_declined(-EINVAL);
	plug_in_another(NULL);
	put16(VPM_COMMON + 18, 1);
	check_declined(-EINVAL);
}

/* Pulled out while it is being probed: all ones. */
static void
test_hd26_gone_at_probe(void **state)
{
	(void)state;
	memset(bus.bar, 0xff, sizeof(bus.bar));
	check_declined(-ENODEV);
}

#define plugged_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pc01_ids),
		plugged_test(test_pc01_found_and_removed),
		plugged_test(test_ports_of_other_drivers),
		plugged_test(test_pc01_closed_before_it_is_removed),
		plugged_test(test_pc01_legacy_device_is_left_to_others),
		plugged_test(test_in05_split_ring_is_left_to_others),
		plugged_test(test_driver_that_the_user_wants),
		plugged_test(test_hd29_lies_leave_nothing_behind),
		plugged_test(test_probes_that_fail_leave_nothing_behind),
		plugged_test(test_hd26_gone_at_probe),
	};

	return cmocka_run_group_tests_name("pci_probe", tests, port_group_setup,
					   port_group_teardown);
}
