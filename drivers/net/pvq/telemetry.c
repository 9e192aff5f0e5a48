/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "ethdev.h"

/* Commands run in a thread of their own, while ports come and go: none goes under a command. */
static pthread_mutex_t ports_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pvq_device *ports[RTE_MAX_ETHPORTS];

void
pvq_telemetry_set_port(uint16_t port_id, struct pvq_device *dev)
{
	pthread_mutex_lock(&ports_lock);
	ports[port_id] = dev;
	pthread_mutex_unlock(&ports_lock);
}

/* The device behind a port, locked. */
static struct pvq_device *
lock_port(unsigned long port_id)
{
	pthread_mutex_lock(&ports_lock);
	if (port_id >= RTE_MAX_ETHPORTS || ports[port_id] == NULL) {
		pthread_mutex_unlock(&ports_lock);
		return NULL;
	}
	pthread_mutex_lock(&ports[port_id]->lock);
	return ports[port_id];
}

static void
unlock_port(struct pvq_device *dev)
{
	pthread_mutex_unlock(&dev->lock);
	pthread_mutex_unlock(&ports_lock);
}

static int
handle_list(const char *cmd, const char *params, struct rte_tel_data *d)
{
	uint16_t port_id;

	RTE_SET_USED(cmd);
	RTE_SET_USED(params);
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	pthread_mutex_lock(&ports_lock);
	for (port_id = 0; port_id < RTE_MAX_ETHPORTS; port_id++)
		if (ports[port_id] != NULL)
			rte_tel_data_add_array_int(d, port_id);
	pthread_mutex_unlock(&ports_lock);
	return 0;
}

static int
handle_port(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct pvq_device *dev;
	unsigned long port_id;
	char text[PVQ_FEATURES_TEXT];
	char *end;

	RTE_SET_USED(cmd);
	if (params == NULL || *params == '\0')
		return -EINVAL;
	port_id = strtoul(params, &end, 10);
	if (*end != '\0')
		return -EINVAL;
	dev = lock_port(port_id);
	if (dev == NULL)
		return -EINVAL;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "name", dev->name);
	rte_tel_data_add_dict_string(d, "transport", dev->transport->name);
	rte_tel_data_add_dict_string(d, "path", dev->opt.path);
	rte_tel_data_add_dict_int(d, "server", dev->opt.server);
	rte_tel_data_add_dict_int(d, "connected", dev->present);
	rte_tel_data_add_dict_int(d, "live", dev->live);
	rte_tel_data_add_dict_int(d, "status", dev->status);
	rte_tel_data_add_dict_uint(d, "offered_features", dev->offer.features);
	rte_tel_data_add_dict_uint(d, "features", dev->features);
	rte_tel_data_add_dict_string(d, "feature_names",
				     pvq_features_text(dev->features, text, sizeof(text)));
	rte_tel_data_add_dict_int(d, "max_queue_pairs", pvq_device_max_pairs(dev));
	rte_tel_data_add_dict_string(d, "rx_path", pvq_rx_paths[dev->rx_path].name);
	rte_tel_data_add_dict_string(d, "tx_path", pvq_tx_paths[dev->tx_path].name);
	rte_tel_data_add_dict_uint(d, "reconnects", dev->reconnects);
	unlock_port(dev);
	return 0;
}

/* A field that the polling lcore may be changing, by stores that are plain, yet whole. */
__attribute__((no_sanitize("thread"))) static uint16_t
now(const uint16_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static void
add_ring(struct rte_tel_data *d, const struct pvq_vq *vq, const struct pvq_ring *ring,
	 const struct pvq_gate *gate)
{
	const unsigned int lcore = __atomic_load_n(&vq->lcore, __ATOMIC_RELAXED);

	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_int(d, "virtqueue", vq->index);
	rte_tel_data_add_dict_int(d, "size", ring->size);
	rte_tel_data_add_dict_int(d, "next_avail", now(&ring->next_avail));
	rte_tel_data_add_dict_int(d, "avail_wrap",
				  (now(&ring->avail_flags) & VIRTQ_DESC_F_AVAIL) != 0);
	rte_tel_data_add_dict_int(d, "next_used", now(&ring->next_used));
	rte_tel_data_add_dict_int(d, "used_wrap", now(&ring->used_flags) != 0);
	rte_tel_data_add_dict_int(d, "outstanding", ring->size - now(&ring->nb_free));
	rte_tel_data_add_dict_int(d, "numa_node", vq->node);
	rte_tel_data_add_dict_int(d, "lcore", lcore == LCORE_ID_ANY ? -1 : (int)lcore);
	rte_tel_data_add_dict_int(d, "closed",
				  (pvq_gate_state(gate) & PVQ_GATE_CLOSED) != 0);
	rte_tel_data_add_dict_string(d, "error",
		pvq_queue_error_text(__atomic_load_n(&vq->error, __ATOMIC_RELAXED)));
}

static int
add_queue_ring(struct rte_tel_data *d, const struct pvq_device *dev, const char *direction,
	       unsigned int queue, unsigned int ring)
{
	const struct pvq_rxq *rxq;
	const struct pvq_txq *txq;

	if (strcmp(direction, "rx") == 0 && queue < dev->data->nb_rx_queues && ring == 0) {
		rxq = dev->data->rx_queues[queue];
		if (rxq == NULL)
			return -EINVAL;
		add_ring(d, &rxq->vq, &rxq->ring, &rxq->gate);
		return 0;
	}
	if (strcmp(direction, "tx") != 0 || queue >= dev->data->nb_tx_queues)
		return -EINVAL;
	txq = pvq_txq_ring(dev->data->tx_queues[queue], ring);
	if (txq == NULL)
		return -EINVAL;
	add_ring(d, &txq->vq, &txq->ring, &txq->gate);
	return 0;
}

/* PORT,rx|tx,QUEUE[,RING]: the ring number matters for lock-free transmit queues only. */
static int
handle_ring(const char *cmd, const char *params, struct rte_tel_data *d)
{
	unsigned int port_id, queue, ring = 0;
	struct pvq_device *dev;
	char direction[3];
	int ret;

	RTE_SET_USED(cmd);
	if (params == NULL ||
	    sscanf(params, "%u,%2[rtx],%u,%u", &port_id, direction, &queue, &ring) < 3)
		return -EINVAL;
	/* Queues are set up and released under this lock. */
	dev = lock_port(port_id);
	if (dev == NULL)
		return -EINVAL;
	ret = add_queue_ring(d, dev, direction, queue, ring);
	unlock_port(dev);
	return ret;
}

RTE_INIT(pvq_telemetry_init)
{
	rte_telemetry_register_cmd("/pvq/list", handle_list,
				   "Ports of net_pvq. No parameters.");
	rte_telemetry_register_cmd("/pvq/port", handle_port,
				   "What a port has negotiated. Parameters: port id");
	rte_telemetry_register_cmd("/pvq/ring", handle_ring,
				   "State of a ring. Parameters: port id,rx|tx,queue[,ring]");
}
