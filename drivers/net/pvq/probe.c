/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bus_vdev_driver.h>
#include <ethdev_vdev.h>

#include "devargs.h"
#include "ethdev.h"
#include "probe.h"
#include "secondary.h"
#include "transport_vhost_user.h"

RTE_LOG_REGISTER(pvq_logtype, pmd.net.pvq, NOTICE);

static struct rte_eth_dev *
find_known(const char *name)
{
	struct rte_eth_dev *eth = rte_eth_dev_attach_secondary(name);

	/* Whatever another driver has there is longer than a number. */
	return eth != NULL && eth->data->dev_private != NULL &&
	       pvq_device_of(eth)->magic == PVQ_DEVICE_MAGIC ? eth : NULL;
}

bool
pvq_port_is_known(const char *name)
{
	return find_known(name) != NULL;
}

int
pvq_port_attach(struct rte_device *device)
{
	struct rte_eth_dev *eth = find_known(device->name);
	int ret;

	if (eth == NULL)
		return -ENODEV;
	ret = pvq_notify_open(eth->data->port_id, pvq_secondary_ask_fd);
	if (ret != 0) {
		rte_eth_dev_release_port(eth);
		return ret;
	}
	eth->device = device;
	eth->dev_ops = &pvq_eth_dev_secondary_ops;
	pvq_ethdev_set_fast_path(eth);
	rte_eth_dev_probing_finish(eth);
	return 0;
}

/* Before there is a device: EAL's memory is not allocated while one is being talked to. */
static int
attach_device(struct pvq_device *dev, int node,
	      int (*attach)(struct pvq_device *dev, const void *arg), const void *arg)
{
	struct pvq_vq conf = {
		.port_id = dev->port_id,
		.size = PVQ_CVQ_SIZE,
		.socket_id = node,
		.call_fd = -1,
	};
	int ret = attach(dev, arg);

	if (ret != 0)
		return ret;
	conf.iova = dev->transport->iova;
	dev->control.cvq = pvq_cvq_create(&conf);
	if (dev->control.cvq == NULL)
		PVQ_LOG(WARNING, dev->name,
			"no memory for the control queue: the port works without it");
	return 0;
}

static int
attach_vhost_user(struct pvq_device *dev, const void *arg)
{
	RTE_SET_USED(arg);
	dev->transport = &pvq_transport_vhost_user;
	return 0;
}

int
pvq_gate_check(const char *name)
{
	int ret = pvq_gate_init();

	if (ret != 0)
		PVQ_LOG(ERR, name,
			"this kernel has no membarrier(2), or a seccomp filter forbids it: pvq "
			"needs Linux 4.16 or later and a filter that lets membarrier through");
	return ret;
}

static int
make_port(struct rte_eth_dev *eth, const struct pvq_options *opt,
	  int (*attach)(struct pvq_device *dev, const void *arg), const void *arg)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret;

	dev->magic = PVQ_DEVICE_MAGIC;
	snprintf(dev->name, sizeof(dev->name), "%s", eth->device->name);
	dev->port_id = eth->data->port_id;
	dev->data = eth->data;
	dev->opt = *opt;
	dev->hooks = &pvq_ethdev_hooks;
	pthread_mutex_init(&dev->lock, NULL);
	pthread_mutex_init(&dev->queues_lock, NULL);
	rte_spinlock_init(&dev->gate_lock);
	eth->dev_ops = &pvq_eth_dev_ops;
	eth->data->dev_flags |= RTE_ETH_DEV_INTR_LSC;
	eth->data->dev_link.link_status = RTE_ETH_LINK_DOWN;
	eth->intr_handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_SHARED);
	if (eth->intr_handle == NULL)
		return -ENOMEM;
	ret = pvq_notify_open(dev->port_id, NULL);
	if (ret == 0)
		ret = attach_device(dev, eth->device->numa_node, attach, arg);
	if (ret == 0)
		ret = dev->transport->open(dev);
	if (ret == 0) {
		ret = pvq_filter_init(eth);
		if (ret != 0) {
			dev->transport->close(dev);
			pvq_ethdev_cancel_events(dev);
		}
	}
	if (ret != 0) {
		pvq_cvq_free(dev->control.cvq);
		pvq_notify_close(dev->port_id);
		rte_intr_instance_free(eth->intr_handle);
		eth->intr_handle = NULL;
		return ret;
	}
	pvq_secondary_serve();
	pvq_ethdev_set_fast_path(eth);
	rte_eth_dev_probing_finish(eth);
	pvq_telemetry_set_port(eth->data->port_id, dev);
	return 0;
}

int
pvq_port_init(struct rte_eth_dev *eth, const struct pvq_options *opt,
	      int (*attach)(struct pvq_device *dev, const void *arg), const void *arg)
{
	int ret = make_port(eth, opt, attach, arg);

	if (ret != 0)
		rte_eth_dev_release_port(eth);
	return ret;
}

void
pvq_port_remove(const char *name)
{
	struct rte_eth_dev *eth = rte_eth_dev_allocated(name);

	/* Closed already by the application. */
	if (eth == NULL)
		return;
	/* In a secondary process a closed port is still listed, without operations. */
	if (eth->dev_ops != NULL)
		pvq_ethdev_close(eth);
	rte_eth_dev_release_port(eth);
}

static int
pvq_probe(struct rte_vdev_device *vdev)
{
	const char *name = rte_vdev_device_name(vdev);
	struct pvq_options opt;
	struct rte_eth_dev *eth;
	int ret;

	ret = pvq_gate_check(name);
	if (ret != 0)
		return ret;
	if (rte_eal_process_type() == RTE_PROC_SECONDARY)
		return pvq_port_attach(&vdev->device);
	ret = pvq_devargs_parse(name, rte_vdev_device_args(vdev), false, &opt);
	if (ret != 0)
		return ret;
	/* Without a node of its own a port belongs where it is probed; dpdk-test insists on one. */
	if (vdev->device.numa_node == SOCKET_ID_ANY)
		vdev->device.numa_node = rte_socket_id() == (unsigned int)SOCKET_ID_ANY ?
						 0 : (int)rte_socket_id();
	eth = rte_eth_vdev_allocate(vdev, sizeof(struct pvq_device));
	if (eth == NULL)
		return -ENOMEM;
	return pvq_port_init(eth, &opt, attach_vhost_user, NULL);
}

static int
pvq_remove(struct rte_vdev_device *vdev)
{
	pvq_port_remove(rte_vdev_device_name(vdev));
	return 0;
}

static struct rte_vdev_driver pvq_driver = {
	.probe = pvq_probe,
	.remove = pvq_remove,
};

RTE_PMD_REGISTER_VDEV(net_pvq, pvq_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_pvq, PVQ_PARAM_STRING);

/* What DPDK's own build generates for its drivers and dpdk-pmdinfo.py looks for. */
__attribute__((used)) const char pvq_pmd_info[] =
	"PMD_INFO_STRING= {\"name\": \"net_pvq\", \"params\": \"" PVQ_PARAM_STRING
	"\", \"pci_ids\": []}";
