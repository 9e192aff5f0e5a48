/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <inttypes.h>

#include <rte_ethdev.h>
#include <ethdev_driver.h>

#include "device.h"
#include "device_rings.h"
#include "device_features.h"
#include "log.h"

static void
log_up(const struct pvq_device *dev, unsigned int replayed)
{
	const uint64_t known = pvq_wanted_features(dev);
	char got[PVQ_FEATURES_TEXT], missing[PVQ_FEATURES_TEXT];

	PVQ_LOG(NOTICE, dev->name,
		"up: %u rx and %u tx queues, features %#" PRIx64 " (%s), rx path \"%s\", tx path "
		"\"%s\", %u packets sent again",
		dev->data->nb_rx_queues, dev->data->nb_tx_queues, dev->features,
		pvq_features_text(dev->features, got, sizeof(got)), pvq_rx_paths[dev->rx_path].name,
		pvq_tx_paths[dev->tx_path].name, replayed);
	if ((known & ~dev->features) != 0)
		PVQ_LOG(INFO, dev->name, "backend does without %s",
			pvq_features_text(known & ~dev->features, missing, sizeof(missing)));
}

static void
set_link(struct pvq_device *dev, bool up)
{
	if (dev->link_up == up)
		return;
	__atomic_store_n(&dev->link_up, up, __ATOMIC_RELAXED);
	__atomic_fetch_or(&dev->pending_events, PVQ_EVENT_LINK, __ATOMIC_RELEASE);
}

bool
pvq_connection_failed(int ret)
{
	switch (ret) {
	case -EPROTO:
	case -EBADMSG:
	case -ETIMEDOUT:
	case -ECONNRESET:
	case -EIO:
		return true;
	default:
		return false;
	}
}

/* What the link is to be while the device is live; @p status as by pvq_device_net_status(). */
static bool
link_at(const struct pvq_device *dev, uint16_t status)
{
	return !dev->admin_down && !dev->needs_reset && (status & VIRTIO_NET_S_LINK_UP) != 0;
}

static void
set_dead(struct pvq_device *dev)
{
	rte_spinlock_lock(&dev->gate_lock);
	dev->live = false;
	rte_spinlock_unlock(&dev->gate_lock);
}

/* gate_lock is held. */
static void
shut_for_memory(struct pvq_device *dev)
{
	dev->memory_shut = true;
	pvq_rings_gate(dev, PVQ_GATE_MEMORY, true);
}

static int
set_up_rings(struct pvq_device *dev, const struct pvq_queue_mode *mode)
{
	const struct pvq_transport *t = dev->transport;
	int ret;

	ret = pvq_rings_quiesce(dev);
	if (ret == 0)
		ret = pvq_rings_check(dev);
	if (ret == 0)
		ret = pvq_rings_reset(dev, mode);
	if (ret == 0)
		ret = t->share_memory(dev);
	if (ret == 0 && t->set_mtu != NULL && pvq_has(dev, VIRTIO_NET_F_MTU)) {
		ret = t->set_mtu(dev, dev->data->mtu);
		/* A backend that has no use for the MTU, or refuses it, works without. */
		if (ret == -ENOTSUP || ret == -EPROTO)
			ret = 0;
	}
	if (ret == 0)
		ret = pvq_rings_hand_over(dev);
	if (ret == 0)
		ret = pvq_control_hand_over(dev, mode);
	return ret;
}

/* From a device that was found to one with rings. The lock is held; the port is started. */
static int
bring_up(struct pvq_device *dev)
{
	struct pvq_queue_mode mode;
	unsigned int replayed;
	uint8_t ignored;
	int ret;

	/* Whatever changes from here on makes it dirty again. */
	rte_spinlock_lock(&dev->gate_lock);
	dev->memory_dirty = false;
	rte_spinlock_unlock(&dev->gate_lock);

	ret = pvq_device_negotiate(dev);
	if (ret != 0)
		return ret;
	mode = pvq_device_queue_mode(dev);
	ret = pvq_device_check_mtu(dev, dev->data->mtu);
	if (ret == 0)
		ret = set_up_rings(dev, &mode);
	if (ret != 0)
		return ret;
	dev->holds = dev->transport->stays;
	ret = pvq_device_add_status(dev, VIRTIO_STATUS_DRIVER_OK);
	if (ret != 0)
		return ret;
	/* A backend works through messages in order: after this answer it has seen DRIVER_OK. */
	ret = dev->transport->get_status(dev, &ignored);
	if (ret == 0 || ret == -ENOTSUP)
		ret = pvq_control_replay(dev, pvq_rings_pairs(dev));
	if (ret != 0)
		return ret;
	/* Not before the device has taken the number of pairs (NT-23). */
	replayed = pvq_rings_replay(dev);

	__atomic_store_n(&dev->rx_path, pvq_rx_path(&mode, dev->opt.isa), __ATOMIC_RELAXED);
	__atomic_store_n(&dev->tx_path, pvq_tx_path(&mode, dev->opt.isa), __ATOMIC_RELAXED);
	dev->hooks->set_paths(dev);
	rte_spinlock_lock(&dev->gate_lock);
	dev->live = true;
	pvq_rings_resume_intr(dev);
	if (dev->memory_dirty)
		shut_for_memory(dev);
	rte_spinlock_unlock(&dev->gate_lock);
	if (dev->was_live)
		__atomic_store_n(&dev->reconnects, dev->reconnects + 1, __ATOMIC_RELAXED);
	dev->was_live = true;
	pvq_rings_notify_all(dev);
	pvq_rings_open(dev);
	dev->needs_reset = false;
	set_link(dev, link_at(dev, pvq_device_net_status(dev)));
	log_up(dev, replayed);
	return 0;
}

int
pvq_device_arrived(struct pvq_device *dev)
{
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = pvq_device_identify(dev);
	if (ret == 0) {
		dev->present = true;
		if (dev->started)
			ret = bring_up(dev);
	}
	if (ret != 0)
		dev->present = false;
	/* The same backend will be back: say it once. */
	dev->refused = ret != 0;
	pthread_mutex_unlock(&dev->lock);
	dev->hooks->raise_events(dev);
	return ret;
}

void
pvq_device_lost(struct pvq_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	dev->present = false;
	if (dev->live) {
		set_dead(dev);
		/*
		 * Receivers, too, must not notify before the next DRIVER_OK (PR-34): an eventfd can
		 * be emptied until then, a doorbell cannot be taken back.
		 */
		if (dev->transport->stays)
			pvq_rings_quiesce(dev);
		else
			pvq_rings_shut(dev, PVQ_GATE_AWAY);
		PVQ_LOG(NOTICE, dev->name, "backend has gone, link down");
	}
	set_link(dev, false);
	pthread_mutex_unlock(&dev->lock);
	dev->hooks->raise_events(dev);
}

void
pvq_device_removed(struct pvq_device *dev)
{
	PVQ_LOG(ERR, dev->name, "the device has been removed: close the port");
	pthread_mutex_lock(&dev->lock);
	dev->holds = false;
	pthread_mutex_unlock(&dev->lock);
	__atomic_fetch_or(&dev->pending_events, PVQ_EVENT_REMOVED, __ATOMIC_RELEASE);
	pvq_device_lost(dev);
}

void
pvq_device_drop(struct pvq_device *dev)
{
	dev->present = false;
	dev->transport->drop(dev);
}

static void
catch_up_with_memory(struct pvq_device *dev)
{
	bool dirty;
	int ret = 0;

	for (;;) {
		rte_spinlock_lock(&dev->gate_lock);
		dirty = dev->memory_dirty && dev->live && ret == 0;
		dev->memory_dirty = false;
		if (!dirty && dev->memory_shut) {
			pvq_rings_gate(dev, PVQ_GATE_MEMORY, false);
			dev->memory_shut = false;
		}
		rte_spinlock_unlock(&dev->gate_lock);
		if (!dirty)
			return;
		ret = dev->transport->share_memory(dev);
		if (ret == -E2BIG)
			PVQ_LOG(ERR, dev->name,
				"packets in memory added at run time will not reach the backend");
		if (pvq_connection_failed(ret)) {
			/* Closed for the next device before it is opened for this one. */
			set_dead(dev);
			pvq_rings_shut(dev, PVQ_GATE_AWAY);
			pvq_device_drop(dev);
		}
	}
}

void
pvq_device_needs_reset(struct pvq_device *dev)
{
	dev->needs_reset = true;
	pvq_rings_fail(dev, PVQ_QUEUE_NEEDS_RESET);
}

/*
 * No vhost-user backend announces a change, so it is asked; but only one that has a link state to
 * tell, since others would rather log the question than have something to answer. A device that
 * stays answers in any case.
 */
static void
watch(struct pvq_device *dev)
{
	uint16_t net_status;
	uint8_t status;

	if (!dev->needs_reset && dev->transport->get_status(dev, &status) == 0 &&
	    (status & VIRTIO_STATUS_NEEDS_RESET) != 0)
		pvq_device_needs_reset(dev);
	net_status = pvq_device_net_status(dev);
	if ((net_status & VIRTIO_NET_S_ANNOUNCE) != 0 && pvq_device_announce(dev))
		__atomic_fetch_or(&dev->pending_events, PVQ_EVENT_LINK, __ATOMIC_RELEASE);
	set_link(dev, link_at(dev, net_status));
}

void
pvq_device_tend(struct pvq_device *dev, bool look)
{
	pthread_mutex_lock(&dev->lock);
	catch_up_with_memory(dev);
	if (dev->live)
		dev->hooks->set_paths(dev);
	if (look && dev->live && (dev->transport->stays || pvq_has(dev, VIRTIO_NET_F_STATUS)))
		watch(dev);
	if (dev->live && pvq_rings_report_errors(dev))
		__atomic_fetch_or(&dev->pending_events, PVQ_EVENT_ERROR, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&dev->lock);
	dev->hooks->raise_events(dev);
}

void
pvq_device_memory_changed(struct pvq_device *dev)
{
	rte_spinlock_lock(&dev->gate_lock);
	dev->memory_dirty = true;
	/* Nothing from the new memory may be sent before the device can read it. */
	if (dev->live)
		shut_for_memory(dev);
	rte_spinlock_unlock(&dev->gate_lock);
	pvq_gate_barrier();
}

/*
 * Have the device leave the rings. @return whether it has: a device that is gone counts as one that
 * has left, one that does not answer may still write to the buffers.
 */
static bool
withdraw(struct pvq_device *dev)
{
	/* Status first: a backend must not start again when only some rings are stopped. */
	int ret = pvq_device_reset_status(dev);

	if (ret == 0 || ret == -EPROTO)
		ret = pvq_rings_take_back(dev);
	if (ret == 0)
		ret = pvq_control_take_back(dev);
	if (ret == 0 || ret == -ECONNRESET || ret == -ENODEV)
		return true;
	pvq_control_leak(dev);
	PVQ_LOG(ERR, dev->name,
		"backend hangs with the rings in its hands: their mbufs are lost to the pools, "
		"since it may still write to them");
	return false;
}

int
pvq_device_start(struct pvq_device *dev)
{
	bool leak;
	int ret;

	dev->started = true;
	dev->was_live = false;
	dev->admin_down = false;
	pvq_rings_start_gates(dev);
	if (!dev->present)
		return 0;
	/* Asked again: since the last reset the device may offer something else (HD-28). */
	ret = pvq_device_identify(dev);
	if (ret == 0)
		ret = bring_up(dev);
	if (ret == 0)
		return 0;
	if (pvq_connection_failed(ret)) {
		/* The port waits for a better one. */
		pvq_device_drop(dev);
		return 0;
	}
	dev->started = false;
	leak = !withdraw(dev);
	pvq_device_drop(dev);
	if (ret != -EBUSY)
		pvq_rings_clear(dev, leak);
	return ret;
}

int
pvq_device_stop(struct pvq_device *dev)
{
	bool leak = false;
	int ret;

	dev->started = false;
	pvq_rings_shut(dev, PVQ_GATE_STOPPED);
	ret = pvq_rings_quiesce(dev);
	if (ret != 0)
		return ret;
	if (dev->live || dev->holds) {
		set_dead(dev);
		leak = !withdraw(dev);
		if (leak)
			pvq_device_drop(dev);
	}
	set_link(dev, false);
	pvq_rings_clear(dev, leak);
	return 0;
}

int
pvq_device_renegotiate(struct pvq_device *dev)
{
	bool leak;
	int ret;

	if (!dev->live)
		return 0;
	ret = pvq_rings_quiesce(dev);
	if (ret != 0) {
		pvq_rings_reopen(dev);
		return ret;
	}
	set_dead(dev);
	leak = !withdraw(dev);
	if (leak) {
		pvq_rings_clear(dev, true);
		ret = -ETIMEDOUT;
	} else {
		dev->was_live = false;
		ret = pvq_device_identify(dev);
		if (ret == 0)
			ret = bring_up(dev);
	}
	if (ret == 0)
		return 0;
	pvq_device_drop(dev);
	set_link(dev, false);
	return pvq_unless_gone(ret);
}

int
pvq_device_set_admin(struct pvq_device *dev, bool up)
{
	dev->admin_down = !up;
	if (!dev->started)
		return 0;
	if (!up)
		pvq_rings_shut(dev, PVQ_GATE_STOPPED);
	else
		pvq_rings_start_gates(dev);
	if (dev->live)
		set_link(dev, link_at(dev, pvq_device_net_status(dev)));
	return 0;
}
