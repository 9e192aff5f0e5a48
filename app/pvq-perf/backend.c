/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/*
 * The other end of a port: DPDK's vhost library, or an ethdev. The library calls back from a thread
 * of its own when a front-end comes, goes, or enables a queue.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_spinlock.h>
#include <rte_vhost.h>

#include "perf.h"

/* Virtqueues of a queue pair, as the device counts them. */
#define RXQ(pair) (2 * (pair))
#define TXQ(pair) (2 * (pair) + 1)

static struct perf_port *listening[PERF_MAX_PORTS];
static rte_spinlock_t lock = RTE_SPINLOCK_INITIALIZER;

static const struct {
	unsigned int bit;
	const char *name;
} names[] = {
	{0, "CSUM"}, {1, "GUEST_CSUM"}, {3, "MTU"}, {5, "MAC"}, {7, "GUEST_TSO4"},
	{8, "GUEST_TSO6"}, {11, "HOST_TSO4"}, {12, "HOST_TSO6"}, {15, "MRG_RXBUF"},
	{16, "STATUS"}, {17, "CTRL_VQ"}, {18, "CTRL_RX"}, {19, "CTRL_VLAN"},
	{21, "GUEST_ANNOUNCE"}, {22, "MQ"}, {23, "CTRL_MAC_ADDR"}, {27, "ANY_LAYOUT"},
	{28, "INDIRECT_DESC"}, {29, "EVENT_IDX"}, {32, "VERSION_1"}, {33, "ACCESS_PLATFORM"},
	{34, "RING_PACKED"}, {35, "IN_ORDER"}, {36, "ORDER_PLATFORM"},
};
/* Of the vhost-user connection, not of the device. */
#define PROTOCOL_FEATURES_BIT 30

static struct perf_port *
port_of(int vid)
{
	char path[PATH_MAX];
	unsigned int i;

	if (rte_vhost_get_ifname(vid, path, sizeof(path)) != 0)
		return NULL;
	for (i = 0; i < PERF_MAX_PORTS; i++)
		if (listening[i] != NULL && strcmp(listening[i]->path, path) == 0)
			return listening[i];
	return NULL;
}

static int
on_new(int vid)
{
	struct perf_port *port;

	rte_spinlock_lock(&lock);
	port = port_of(vid);
	if (port != NULL)
		__atomic_store_n(&port->vid, vid, __ATOMIC_RELEASE);
	rte_spinlock_unlock(&lock);
	return port != NULL ? 0 : -1;
}

static void
on_gone(int vid)
{
	struct perf_port *port;

	rte_spinlock_lock(&lock);
	port = port_of(vid);
	if (port != NULL)
		__atomic_store_n(&port->vid, -1, __ATOMIC_RELEASE);
	rte_spinlock_unlock(&lock);
}

static int
on_vring(int vid, uint16_t vring, int enable)
{
	struct perf_port *port;

	rte_spinlock_lock(&lock);
	port = port_of(vid);
	if (port != NULL && vring < 2 * PERF_MAX_PAIRS) {
		const uint64_t bit = UINT64_C(1) << vring % 64;
		uint64_t *word = &port->vrings[vring / 64];

		*word = enable ? *word | bit : *word & ~bit;
	}
	rte_spinlock_unlock(&lock);
	return 0;
}

static const struct rte_vhost_device_ops ops = {
	.new_device = on_new,
	.destroy_device = on_gone,
	.vring_state_changed = on_vring,
};

int
perf_backend_listen(struct perf_port *port)
{
	unsigned int i;
	int rc;

	port->vid = -1;
	memset(port->vrings, 0, sizeof(port->vrings));
	/* Checksum and segmentation flags as net_vhost treats them. */
	rc = rte_vhost_driver_register(port->path, RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS);
	if (rc != 0)
		return rc;
	rte_spinlock_lock(&lock);
	for (i = 0; i < PERF_MAX_PORTS && listening[i] != NULL; i++)
		;
	if (i < PERF_MAX_PORTS)
		listening[i] = port;
	rte_spinlock_unlock(&lock);
	port->listens = true;
	if (i == PERF_MAX_PORTS ||
	    rte_vhost_driver_disable_features(port->path, port->opt->backend_without) != 0 ||
	    rte_vhost_driver_callback_register(port->path, &ops) != 0 ||
	    rte_vhost_driver_start(port->path) != 0) {
		perf_backend_close(port);
		return -EIO;
	}
	return 0;
}

void
perf_backend_close(struct perf_port *port)
{
	unsigned int i;

	if (!port->listens)
		return;
	rte_vhost_driver_unregister(port->path);
	rte_spinlock_lock(&lock);
	for (i = 0; i < PERF_MAX_PORTS; i++)
		if (listening[i] == port)
			listening[i] = NULL;
	rte_spinlock_unlock(&lock);
	port->listens = false;
}

bool
perf_backend_ready(const struct perf_port *port, uint32_t pairs)
{
	uint32_t i, enabled = 0;

	if (port->peer_id != RTE_MAX_ETHPORTS)
		return true;
	rte_spinlock_lock(&lock);
	for (i = 0; i < 2 * pairs; i++)
		enabled += port->vrings[i / 64] >> i % 64 & 1;
	rte_spinlock_unlock(&lock);
	return __atomic_load_n(&port->vid, __ATOMIC_ACQUIRE) >= 0 && enabled == 2 * pairs;
}

int
perf_backend_attach(struct perf_port *port, uint32_t pairs)
{
	struct perf_port_state *s = &port->state;
	uint32_t i;

	if (port->peer_id != RTE_MAX_ETHPORTS)
		return 0;
	/* Someone who polls wants no notifications, and they would cost the driver system calls. */
	for (i = 0; i < 2 * pairs; i++)
		if (rte_vhost_enable_guest_notification(port->vid, i, 0) != 0)
			return -EIO;
	if (rte_vhost_get_negotiated_features(port->vid, &s->features) != 0)
		return -EIO;
	s->features &= ~(UINT64_C(1) << PROTOCOL_FEATURES_BIT);
	s->has_features = true;
	return 0;
}

void
perf_features_text(uint64_t features, char *text, size_t size)
{
	size_t used = 0;
	unsigned int i;

	text[0] = '\0';
	for (i = 0; i < RTE_DIM(names); i++) {
		const uint64_t bit = UINT64_C(1) << names[i].bit;

		if ((features & bit) == 0 || used >= size)
			continue;
		used += snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "",
				 names[i].name);
		features &= ~bit;
	}
	/* What has no name here is told all the same. */
	if (features != 0 && used < size)
		snprintf(text + used, size - used, "%s0x%" PRIx64, used > 0 ? " " : "", features);
}

uint16_t
perf_peer_take(struct perf_port *port, uint16_t q, struct rte_mempool *pool,
	       struct rte_mbuf **pkts, uint16_t n)
{
	if (port->peer_id != RTE_MAX_ETHPORTS)
		return rte_eth_rx_burst(port->peer_id, q, pkts, n);
	return rte_vhost_dequeue_burst(port->vid, TXQ(q), pool, pkts, n);
}

uint16_t
perf_peer_give(struct perf_port *port, uint16_t q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t taken;

	if (port->peer_id != RTE_MAX_ETHPORTS)
		return rte_eth_tx_burst(port->peer_id, q, pkts, n);
	taken = rte_vhost_enqueue_burst(port->vid, RXQ(q), pkts, n);
	rte_pktmbuf_free_bulk(pkts, taken);
	return taken;
}
