/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A port and a backend that answers what it likes: all of ethdev's control calls, and every message
 * of the protocol with faults in answers, file descriptors, configuration space and limits.
 *
 * The input: which port, what the backend offers, how long the list of steps is, the steps, and for
 * the rest the backend's faults.
 */

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <ethdev_driver.h>
#include <bus_vdev_driver.h>

#include "ethdev.h"
#include "fuzz_backend.h"
#include "fuzz_filter.h"
#include "vhost_user.h"

#define NB_PORTS 2u
#define OFFER_BYTES 40u
#define STEPS_MAX 24u
#define IDLE_MAX 200u

static struct rte_mempool *pool;

/* The port under test and what is still to be done with it. */
static struct {
	struct fuzz_in in;
	struct vhost_user *vu;
	struct pvq_device *dev;
	uint16_t id;
	bool started;
	unsigned int idles;
	unsigned int nb_steps;
} port;

static const struct {
	const char *name;
	const char *args;
	uint16_t nb_rxq;
	uint16_t nb_txq;
	uint16_t nb_desc;
	uint64_t tx_offloads;
} ports[NB_PORTS] = {
	{"net_pvq0", "path=%s/c", 2, 2, 32, RTE_ETH_TX_OFFLOAD_MULTI_SEGS},
	{"net_pvq1", "path=%s/s,server=1,mac=02:00:00:00:00:09", 1, 1, 7,
	 RTE_ETH_TX_OFFLOAD_MT_LOCKFREE},
};
static bool warm;

static int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	FUZZ_CHECK(dir != NULL, "no /proc");
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
add_port(unsigned int i, const char *dir)
{
	const struct rte_eth_rxconf rxconf = {.offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	const struct rte_eth_conf conf = {
		.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
		.txmode.offloads = ports[i].tx_offloads,
		.intr_conf.rxq = 1,
	};
	const struct rte_eth_txconf txconf = {.offloads = ports[i].tx_offloads};
	char args[256];
	uint16_t id, q;

	snprintf(args, sizeof(args), ports[i].args, dir);
	FUZZ_CHECK(rte_vdev_init(ports[i].name, args) == 0 &&
			   rte_eth_dev_get_port_by_name(ports[i].name, &id) == 0,
		   "%s", args);
	FUZZ_CHECK(id == i, "%u", id);
	FUZZ_CHECK(rte_eth_dev_configure(id, ports[i].nb_rxq, ports[i].nb_txq, &conf) == 0,
		   "configure");
	for (q = 0; q < ports[i].nb_rxq; q++)
		FUZZ_CHECK(rte_eth_rx_queue_setup(id, q, ports[i].nb_desc, SOCKET_ID_ANY, &rxconf,
						  pool) == 0, "rx queue");
	for (q = 0; q < ports[i].nb_txq; q++)
		FUZZ_CHECK(rte_eth_tx_queue_setup(id, q, ports[i].nb_desc, SOCKET_ID_ANY,
						  &txconf) == 0, "tx queue");
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char dir[] = "/tmp/pvqfuzzXXXXXX";
	const uint8_t both[NB_PORTS] = {0, 1};
	char path[sizeof(dir) + 2];
	unsigned int i;

	(void)argc;
	(void)argv;
	fuzz_eal_start();
	pool = fuzz_pool_create("port", 512, RTE_MBUF_DEFAULT_BUF_SIZE);
	FUZZ_CHECK(mkdtemp(dir) != NULL, "%s", strerror(errno));
	for (i = 0; i < NB_PORTS; i++)
		add_port(i, dir);
	/* The name is of no use any more; the listening socket works without. */
	snprintf(path, sizeof(path), "%s/s", dir);
	unlink(path);
	rmdir(dir);
	/* What a port opens once and keeps is there after one round. */
	for (i = 0; i < NB_PORTS; i++)
		LLVMFuzzerTestOneInput(&both[i], 1);
	warm = true;
	return 0;
}

static void
start(void)
{
	if (!port.started)
		port.started = rte_eth_dev_start(port.id) == 0;
}

static void
stop(void)
{
	int ret;

	if (!port.started)
		return;
	ret = rte_eth_dev_stop(port.id);
	FUZZ_CHECK(ret == 0, "%d", ret);
	port.started = false;
}

/* Data: whatever is sent finds a ring, or a closed gate. */
static void
bursts(void)
{
	struct rte_mbuf *pkts[8];
	uint16_t n, sent;

	if (!port.started || rte_pktmbuf_alloc_bulk(pool, pkts, 4) != 0)
		return;
	for (n = 0; n < 4; n++)
		rte_pktmbuf_append(pkts[n], 60 + n);
	sent = rte_eth_tx_burst(port.id, 0, pkts, n);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	n = rte_eth_rx_burst(port.id, 0, pkts, 8);
	rte_pktmbuf_free_bulk(pkts, n);
}

/* A ring in which the device uses what it likes, so that there is an error to report. */
static void
break_ring(uint8_t choice)
{
	struct pvq_rxq *q = port.dev->data->rx_queues[0];
	struct virtq_desc *d = &q->ring.desc[q->ring.next_used];

	if (!port.started)
		return;
	d->id = choice;
	d->len = choice * 16;
	d->flags = q->ring.used_flags;
	bursts();
}

static void
set_queue(uint8_t op)
{
	const uint16_t q = (op >> 5) % ports[port.id].nb_rxq;

	if (!port.started)
		return;
	switch (op >> 6) {
	case 0:
		rte_eth_dev_rx_queue_stop(port.id, q);
		break;
	case 1:
		rte_eth_dev_rx_queue_start(port.id, q);
		break;
	case 2:
		rte_eth_dev_tx_queue_stop(port.id, q);
		break;
	default:
		rte_eth_dev_tx_queue_start(port.id, q);
	}
}

static void
ask(void)
{
	struct rte_eth_xstat xstats[128];
	struct rte_eth_dev_info info;
	struct rte_eth_stats stats;
	struct rte_eth_link link;
	int n;

	FUZZ_CHECK(rte_eth_stats_get(port.id, &stats) == 0, "statistics");
	n = rte_eth_xstats_get(port.id, xstats, RTE_DIM(xstats));
	FUZZ_CHECK(n > 0, "%d", n);
	FUZZ_CHECK(rte_eth_dev_info_get(port.id, &info) == 0, "information");
	FUZZ_CHECK(info.max_rx_queues >= 1 && info.max_rx_queues <= PVQ_MAX_PAIRS &&
			   info.max_mtu >= VIRTIO_NET_MTU_MIN,
		   "%u queues, MTU %u", info.max_rx_queues, info.max_mtu);
	FUZZ_CHECK(rte_eth_link_get_nowait(port.id, &link) == 0, "link");
}

static void
set_intr(uint8_t op)
{
	if (!port.started)
		return;
	if (op & 0x80)
		rte_eth_dev_rx_intr_enable(port.id, 0);
	else
		rte_eth_dev_rx_intr_disable(port.id, 0);
}

/* A command waits in the control queue: it is answered, and not always right. */
static void
answer(void)
{
	struct pvq_cvq *cvq = port.dev->control.cvq;
	struct pvq_ring *ring = &cvq->ring;
	struct virtq_desc *used = &ring->desc[ring->next_used];
	const uint16_t second = (ring->next_used + 1) % ring->size;
	const uint8_t how = fuzz_u8(&fuzz_backend.in);

	if (pvq_ring_outstanding(ring) == 0)
		return;
	/* At the end of the input all is well. */
	*(uint8_t *)(uintptr_t)ring->desc[second].addr = how % 8 == 1 ? VIRTIO_NET_ERR :
							 how % 8 == 2 ? how : VIRTIO_NET_OK;
	if (how % 8 == 3)
		used->id = how;
	used->len = how % 8 == 4 ? how : 1;
	used->flags = ring->used_flags | VIRTQ_DESC_F_WRITE;
}

static void
change_memory(void)
{
	fuzz_backend.regions = fuzz_u8(&port.in);
	pvq_device_memory_changed(port.dev);
}

static void
step(void)
{
	const uint8_t op = fuzz_u8(&port.in);

	switch (op % 16) {
	case 0:
	case 1:
		start();
		break;
	case 2:
		stop();
		break;
	case 3:
		set_queue(op);
		break;
	case 4:
		rte_eth_dev_set_mtu(port.id, fuzz_u16(&port.in));
		break;
	case 5:
		if (op & 0x40)
			fuzz_filter_set(port.id, fuzz_u8(&port.in));
		else if (op & 0x80)
			rte_eth_dev_set_link_up(port.id);
		else
			rte_eth_dev_set_link_down(port.id);
		break;
	case 6:
		ask();
		break;
	case 7:
		bursts();
		break;
	case 8:
		change_memory();
		break;
	case 9:
		fuzz_backend_close();
		break;
	case 10:
		fuzz_backend_speak(&port.in);
		break;
	case 11:
		fuzz_backend.present = (op & 0x80) != 0;
		break;
	case 12:
		break_ring(fuzz_u8(&port.in));
		break;
	case 13:
		set_intr(op);
		break;
	case 14:
		fuzz_backend_read_offer(&port.in);
		break;
	default:
		if (!port.started)
			rte_eth_dev_reset(port.id);
		fuzz_backend.config[fuzz_u8(&port.in) % 12] = fuzz_u8(&port.in);
	}
}

/* Where the driver's thread would sleep. At the end: stop the port, hang up, have it quit. */
static void
idle(void)
{
	FUZZ_CHECK(++port.idles < IDLE_MAX, "the connection does not end");
	fuzz_alarms_run();
	if (port.nb_steps != 0 && port.in.at < port.in.end) {
		port.nb_steps--;
		step();
		return;
	}
	stop();
	fuzz_backend.present = false;
	fuzz_backend_close();
	if (port.vu->conn.fd < 0)
		__atomic_store_n(&port.vu->quit, true, __ATOMIC_RELEASE);
}

/* A ring that a hanging device may still write to keeps its mbufs for ever: that is right. */
static bool
forget_leaks(struct pvq_device *dev)
{
	struct pvq_rxq *rxq;
	struct pvq_txq *txq;
	unsigned int i, r;
	bool leaked = dev->control.cvq->vq.leaked;

	dev->control.cvq->vq.leaked = false;
	PVQ_FOREACH_RXQ(dev, i, rxq) {
		leaked |= rxq->vq.leaked;
		rxq->vq.leaked = false;
	}
	PVQ_FOREACH_TXR(dev, i, r, txq) {
		leaked |= txq->vq.leaked;
		txq->vq.leaked = false;
	}
	return leaked;
}

/* As a port that was probed and configured a moment ago. */
static void
as_new(void)
{
	struct pvq_device *dev = port.dev;

	FUZZ_CHECK(!dev->present && !dev->live && !dev->started && !dev->link_up, "not at rest");
	FUZZ_CHECK(port.vu->conn.fd < 0 && port.vu->known.nb == 0, "still connected");
	/* An eventfd once made for a virtqueue is kept, and where the control queue is differs. */
	pvq_notify_close(port.id);
	FUZZ_CHECK(pvq_notify_open(port.id, NULL) == 0, "no memory");
	dev->features = 0;
	dev->offer = (struct pvq_offer){0};
	dev->control = (struct pvq_control){
		.cvq = dev->control.cvq,
		.promiscuous = true,
		.allmulticast = true,
		.mac[0] = dev->control.mac[0],
	};
	dev->data->promiscuous = 1;
	dev->data->all_multicast = 1;
	dev->data->dev_conf.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	memset(&dev->data->mac_addrs[1], 0,
	       (PVQ_MACS_MAX - 1) * sizeof(dev->data->mac_addrs[0]));
	memset(&dev->data->vlan_filter_conf, 0, sizeof(dev->data->vlan_filter_conf));
	dev->refused = false;
	dev->pending_events = 0;
	port.vu->sock.last_error = 0;
	port.vu->quit = false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, data + size}, offer, faults;
	const uint8_t which_and_how = fuzz_u8(&in);
	const unsigned int which = which_and_how % NB_PORTS;
	/* Anew each time: libFuzzer itself starts a helper when it feels like it. */
	const int fds = count_fds();
	size_t left;

	port.id = which;
	port.vu = fuzz_thread_arg(which);
	port.dev = port.vu->dev;
	port.idles = 0;
	offer = in;
	offer.end = RTE_MIN(in.end, in.at + RTE_MIN((size_t)(in.end - in.at), OFFER_BYTES));
	in.at = offer.end;
	left = fuzz_u8(&in) % (STEPS_MAX * 2);
	faults = in;
	faults.at += RTE_MIN(left, (size_t)(in.end - in.at));
	port.in = (struct fuzz_in){in.at, faults.at};
	port.nb_steps = STEPS_MAX;
	fuzz_backend_open(&offer, &faults);
	FUZZ_CHECK(rte_eth_dev_set_mtu(port.id, 1500) == 0, "MTU");
	fuzz_idle = idle;
	fuzz_delay = answer;
	/* Mostly a backend meets a port that waits for it. */
	if (which_and_how < 0xc0)
		start();
	fuzz_thread_run(which);
	vhost_user_mem_free(&port.vu->known);
	if (forget_leaks(port.dev))
		fuzz_pool_recover(pool);
	FUZZ_CHECK(fuzz_pool_out(pool) == 0, "%u mbufs are lost", fuzz_pool_out(pool));
	as_new();
	FUZZ_CHECK(!warm || count_fds() == fds, "%d file descriptors, %d before", count_fds(), fds);
	return 0;
}
