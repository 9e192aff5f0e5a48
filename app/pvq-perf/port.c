/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/* Opens the ports under test and what is at the other end of each. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus.h>
#include <rte_cycles.h>
#include <rte_dev.h>

#include "perf.h"

#define WAIT_MS 10000
#define WAIT_STEP_US 1000
#define POOL_CACHE RTE_MEMPOOL_CACHE_MAX_SIZE

static int
refuse(struct perf_port *port, const char *what, int error)
{
	snprintf(port->state.refused, sizeof(port->state.refused), "%s: %s", what,
		 rte_strerror(error < 0 ? -error : error));
	return -1;
}

static int
set_number(char *devargs, const char *key, uint32_t value, bool replace)
{
	char text[16];

	if (!replace && perf_devargs_has(devargs, key))
		return 0;
	snprintf(text, sizeof(text), "%" PRIu32, value);
	return perf_devargs_set(devargs, PERF_DEVARGS_LEN, key, text);
}

/* The socket that the devargs name, or one in a folder of our own. */
static int
set_socket(struct perf_bench *b, struct perf_port *port, const char *key, char *devargs)
{
	if (perf_devargs_has(devargs, key))
		return perf_devargs_get(devargs, key, port->path, sizeof(port->path)) ? 0 : -EINVAL;
	snprintf(port->path, sizeof(port->path), "%s/%s", b->folder, port->opt->name);
	return perf_devargs_set(devargs, PERF_DEVARGS_LEN, key, port->path);
}

/* Devargs of a port, or of its peer, with rings, queue pairs and socket as they are to be. */
static int
complete_devargs(struct perf_bench *b, struct perf_port *port, char *devargs)
{
	const bool ring = b->opt->ring.given || (b->opt->modes & PERF_SWEEP) != 0;
	const bool pairs = b->opt->pairs.given || (b->opt->modes & PERF_SWEEP) != 0;

	if (perf_devargs_is(devargs, "net_memif")) {
		if (!rte_is_power_of_2(b->ring))
			return -EINVAL;
		return set_number(devargs, "rsize", rte_log2_u32(b->ring), ring) != 0 ||
			set_socket(b, port, "socket", devargs) != 0 ? -EINVAL : 0;
	}
	if (port->opt->peer[0] != '\0')
		return 0;
	/* net_virtio_user has no more than one pair without a control queue. */
	if (b->pairs > 1 && perf_devargs_is(devargs, "net_virtio_user") &&
	    set_number(devargs, "cq", 1, false) != 0)
		return -EINVAL;
	return set_number(devargs, "queue_size", b->ring, ring) != 0 ||
		set_number(devargs, "queues", b->pairs, pairs) != 0 ||
		set_socket(b, port, "path", devargs) != 0 ? -EINVAL : 0;
}

/* Probe a device and find the port that it is. */
static int
probe(const char *devargs, char *name, uint16_t *id)
{
	int rc;

	if (perf_devargs_name(devargs, name, RTE_ETH_NAME_MAX_LEN) != 0)
		return -EINVAL;
	if (rte_eth_dev_get_port_by_name(name, id) == 0) {
		name[0] = '\0';
		return -EEXIST;
	}
	rc = rte_dev_probe(devargs);
	if (rc != 0) {
		name[0] = '\0';
		return rc;
	}
	return rte_eth_dev_get_port_by_name(name, id);
}

static int
start(struct perf_bench *b, uint16_t id, struct rte_mempool *pool, bool fast_free)
{
	struct rte_eth_conf conf = {0};
	uint32_t q;
	int rc;

	if (fast_free)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	rc = rte_eth_dev_configure(id, b->pairs, b->pairs, &conf);
	for (q = 0; q < b->pairs && rc == 0; q++) {
		rc = rte_eth_rx_queue_setup(id, q, b->ring, SOCKET_ID_ANY, NULL, pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(id, q, b->ring, SOCKET_ID_ANY, NULL);
	}
	return rc == 0 ? rte_eth_dev_start(id) : rc;
}

static bool
link_up(uint16_t id)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static int
wait_up(struct perf_bench *b, struct perf_port *port)
{
	unsigned int i;

	for (i = 0; i < WAIT_MS * 1000 / WAIT_STEP_US && !perf_stop; i++) {
		if (link_up(port->id) && perf_backend_ready(port, b->pairs) &&
		    (port->peer_id == RTE_MAX_ETHPORTS || link_up(port->peer_id)))
			return 0;
		rte_delay_us_sleep(WAIT_STEP_US);
	}
	return -ETIMEDOUT;
}

static void
describe(struct perf_port *port)
{
	struct perf_port_state *s = &port->state;
	struct rte_eth_burst_mode mode;
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(port->id, &info) == 0)
		snprintf(s->driver, sizeof(s->driver), "%s", info.driver_name);
	perf_log_paths(port->id, s->rx_path, s->tx_path, sizeof(s->rx_path));
	if (rte_eth_rx_burst_mode_get(port->id, 0, &mode) == 0)
		snprintf(s->rx_path, sizeof(s->rx_path), "%s", mode.info);
	if (rte_eth_tx_burst_mode_get(port->id, 0, &mode) == 0)
		snprintf(s->tx_path, sizeof(s->tx_path), "%s", mode.info);
	/* A driver with a single path each way has nothing to tell. */
	if (s->rx_path[0] == '\0')
		snprintf(s->rx_path, sizeof(s->rx_path), "only path");
	if (s->tx_path[0] == '\0')
		snprintf(s->tx_path, sizeof(s->tx_path), "only path");
}

/* The other end, before the port. */
static int
open_peer(struct perf_bench *b, struct perf_port *port)
{
	char devargs[PERF_DEVARGS_LEN];
	int rc;

	if (port->opt->peer[0] == '\0') {
		rc = perf_backend_listen(port);
		return rc == 0 ? 0 : refuse(port, "rte_vhost does not listen", rc);
	}
	snprintf(devargs, sizeof(devargs), "%s", port->opt->peer);
	if (complete_devargs(b, port, devargs) != 0)
		return refuse(port, "the peer cannot be set up so", EINVAL);
	rc = probe(devargs, port->peer_dev, &port->peer_id);
	if (rc == 0)
		rc = start(b, port->peer_id, b->peer_pool, false);
	return rc == 0 ? 0 : refuse(port, "the peer does not start", rc);
}

static int
open_port(struct perf_bench *b, struct perf_port *port)
{
	char devargs[PERF_DEVARGS_LEN];
	struct rte_eth_dev_info info;
	int rc;

	port->peer_id = RTE_MAX_ETHPORTS;
	snprintf(devargs, sizeof(devargs), "%s", port->opt->devargs);
	if (complete_devargs(b, port, devargs) != 0)
		return refuse(port, "the device cannot be set up so", EINVAL);
	if (open_peer(b, port) != 0)
		return -1;
	rc = probe(devargs, port->dev, &port->id);
	if (rc != 0)
		return refuse(port, "the device does not come up", rc);
	port->open = true;
	rc = rte_eth_dev_info_get(port->id, &info);
	if (rc == 0) {
		port->state.fast_free = b->opt->fast_free &&
			(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) != 0;
		rc = start(b, port->id, b->pool, port->state.fast_free);
	}
	if (rc != 0)
		return refuse(port, "the port does not start", rc);
	rc = wait_up(b, port);
	if (rc == 0)
		rc = perf_backend_attach(port, b->pairs);
	if (rc != 0)
		return refuse(port, "no link", rc);
	describe(port);
	return 0;
}

static void
remove_device(uint16_t id, const char *name)
{
	if (name[0] == '\0')
		return;
	if (rte_eth_dev_is_valid_port(id)) {
		perf_log_forget(id);
		rte_eth_dev_stop(id);
		rte_eth_dev_close(id);
	}
	rte_eal_hotplug_remove("vdev", name);
}

static void
close_port(struct perf_port *port)
{
	remove_device(port->id, port->dev);
	port->open = false;
	perf_backend_close(port);
	if (port->opt->peer[0] != '\0')
		remove_device(port->peer_id, port->peer_dev);
}

/* Room for full rings of every port both ways, bursts under way, and caches of two lcores. */
static struct rte_mempool *
create_pool(const struct perf_bench *b, const char *name, uint32_t rings)
{
	const uint32_t n = rings * b->pairs * b->ring + 4 * PERF_MAX_BURST + 4 * POOL_CACHE +
		PERF_MAX_INFLIGHT;

	return rte_pktmbuf_pool_create(name, n, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       (int)rte_socket_id());
}

int
perf_ports_open(struct perf_bench *b)
{
	const unsigned int nb = b->opt->nb_ports;
	uint32_t peers = 0;
	unsigned int i;

	for (i = 0; i < nb; i++)
		peers += b->opt->port[i].peer[0] != '\0';
	/* The floor has rings as well. */
	b->pool = create_pool(b, "perf", 2 * (nb + 1));
	b->peer_pool = create_pool(b, "perf-peer", 2 * peers);
	if (b->pool != NULL && b->peer_pool != NULL)
		b->floor = perf_floor_create(b);
	if (b->floor == NULL) {
		fprintf(stderr, "error: no memory for mbufs: %s. Give EAL more with -m\n",
			rte_strerror(rte_errno));
		return -1;
	}
	/*
	 * Those with a peer come last and leave first: net_memif's zero-copy closes the file
	 * descriptors of EAL's memory, which a vhost-user front-end hands out when it connects.
	 */
	for (i = 0; i < 2 * nb && !perf_stop; i++) {
		struct perf_port *port = &b->port[i % nb];

		port->opt = &b->opt->port[i % nb];
		if ((port->opt->peer[0] != '\0') == (i >= nb))
			open_port(b, port);
	}
	return 0;
}

void
perf_ports_close(struct perf_bench *b)
{
	const unsigned int nb = b->opt->nb_ports;
	unsigned int i;

	for (i = 0; i < 2 * nb; i++) {
		struct perf_port *port = &b->port[i % nb];

		if (port->opt != NULL && (port->opt->peer[0] != '\0') == (i < nb))
			close_port(port);
	}
	perf_floor_free(b->floor);
	rte_mempool_free(b->pool);
	rte_mempool_free(b->peer_pool);
}
