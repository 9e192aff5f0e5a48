/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_interrupts.h>

#include "ethdev.h"

/* Eventfds for rx queues, which applications find in the ethdev's handle. */
static int
set_up_rx(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);
	struct rte_intr_handle *handle = eth->intr_handle;
	const uint16_t n = eth->data->nb_rx_queues;
	struct pvq_rxq *q;
	unsigned int i;

	if (!eth->data->dev_conf.intr_conf.rxq)
		return 0;
	PVQ_FOREACH_RXQ(dev, i, q) {
		q->vq.call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (q->vq.call_fd < 0 ||
		    rte_intr_efds_index_set(handle, i, q->vq.call_fd) != 0)
			goto fail;
	}
	if (rte_intr_vec_list_alloc(handle, "pvq_intr", n) != 0)
		goto fail;
	for (i = 0; i < n; i++)
		if (rte_intr_vec_list_index_set(handle, i, RTE_INTR_VEC_RXTX_OFFSET + i) != 0)
			goto fail;
	/* EAL empties an eventfd by reading its eight bytes. */
	if (rte_intr_nb_efd_set(handle, n) == 0 && rte_intr_max_intr_set(handle, n + 1) == 0 &&
	    rte_intr_type_set(handle, RTE_INTR_HANDLE_VDEV) == 0 &&
	    rte_intr_efd_counter_size_set(handle, sizeof(eventfd_t)) == 0)
		return 0;
fail:
	PVQ_LOG(ERR, dev->name, "cannot set up Rx interrupts for %u queues", n);
	return -EIO;
}

static void
tear_down_rx(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);
	struct pvq_rxq *q;
	unsigned int i;

	if (!eth->data->dev_conf.intr_conf.rxq)
		return;
	rte_intr_free_epoll_fd(eth->intr_handle);
	rte_intr_nb_efd_set(eth->intr_handle, 0);
	rte_intr_vec_list_free(eth->intr_handle);
	PVQ_FOREACH_RXQ(dev, i, q) {
		q->intr_on = false;
		if (q->vq.call_fd >= 0)
			close(q->vq.call_fd);
		q->vq.call_fd = -1;
	}
}

int
pvq_intr_check(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);

	if (!eth->data->dev_conf.intr_conf.rxq || dev->transport->check_rx_intr == NULL)
		return 0;
	return dev->transport->check_rx_intr(dev);
}

int
pvq_intr_set_up(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);
	int ret = set_up_rx(eth);

	if (ret != 0) {
		tear_down_rx(eth);
		return ret;
	}
	if (dev->transport->intr_on != NULL) {
		pthread_mutex_lock(&dev->lock);
		dev->transport->intr_on(dev);
		pthread_mutex_unlock(&dev->lock);
	}
	return 0;
}

void
pvq_intr_tear_down(struct rte_eth_dev *eth)
{
	struct pvq_device *dev = pvq_device_of(eth);

	if (dev->transport->intr_off != NULL) {
		pthread_mutex_lock(&dev->lock);
		dev->transport->intr_off(dev);
		pthread_mutex_unlock(&dev->lock);
	}
	tear_down_rx(eth);
}

int
pvq_rx_queue_intr_enable(struct rte_eth_dev *eth, uint16_t id)
{
	struct pvq_rxq *q = eth->data->rx_queues[id];

	if (q->vq.call_fd < 0)
		return -ENOTSUP;
	pvq_device_rx_intr(pvq_device_of(eth), q, true);
	return 0;
}

int
pvq_rx_queue_intr_disable(struct rte_eth_dev *eth, uint16_t id)
{
	pvq_device_rx_intr(pvq_device_of(eth), eth->data->rx_queues[id], false);
	return 0;
}

/* Tell rte_power_monitor() not to sleep when the descriptor is used already. */
static int
monitor_is_used(const uint64_t value, const uint64_t opaque[RTE_POWER_MONITOR_OPAQUE_SZ])
{
	const bool used = pvq_flags_used(rte_le_to_cpu_16((uint16_t)value), (uint16_t)opaque[0]);

	return used || opaque[1] != 0 ? -1 : 0;
}

int
pvq_get_monitor_addr(void *queue, struct rte_power_monitor_cond *cond)
{
	struct pvq_rxq *q = queue;

	cond->addr = &q->ring.desc[q->ring.next_used].flags;
	cond->size = sizeof(q->ring.desc->flags);
	cond->fn = monitor_is_used;
	cond->opaque[0] = q->ring.used_flags;
	cond->opaque[1] = pvq_rxq_has_more(q);
	return 0;
}
