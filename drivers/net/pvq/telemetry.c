/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "ethdev.h"

static struct pvq_device *
port_device(unsigned long port_id)
{
	if (port_id >= RTE_MAX_ETHPORTS || !rte_eth_dev_is_valid_port(port_id) ||
	    rte_eth_devices[port_id].dev_ops != &pvq_eth_dev_ops)
		return NULL;
	return pvq_device_of(&rte_eth_devices[port_id]);
}

static int
handle_list(const char *cmd, const char *params, struct rte_tel_data *d)
{
	uint16_t port_id;

	RTE_SET_USED(cmd);
	RTE_SET_USED(params);
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	RTE_ETH_FOREACH_DEV(port_id)
		if (port_device(port_id) != NULL)
			rte_tel_data_add_array_int(d, port_id);
	return 0;
}

static int
handle_port(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct pvq_device *dev;
	char text[160];
	char *end;

	RTE_SET_USED(cmd);
	if (params == NULL || *params == '\0')
		return -EINVAL;
	dev = port_device(strtoul(params, &end, 10));
	if (dev == NULL || *end != '\0')
		return -EINVAL;
	pthread_mutex_lock(&dev->lock);
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
	pthread_mutex_unlock(&dev->lock);
	return 0;
}

static void
add_ring(struct rte_tel_data *d, const struct pvq_vq *vq, const struct pvq_ring *ring,
	 const struct pvq_gate *gate)
{
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_int(d, "virtqueue", vq->index);
	rte_tel_data_add_dict_int(d, "size", ring->size);
	rte_tel_data_add_dict_int(d, "next_avail", ring->next_avail);
	rte_tel_data_add_dict_int(d, "avail_wrap",
				  (ring->avail_flags & VIRTQ_DESC_F_AVAIL) != 0);
	rte_tel_data_add_dict_int(d, "next_used", ring->next_used);
	rte_tel_data_add_dict_int(d, "used_wrap", ring->used_flags != 0);
	rte_tel_data_add_dict_int(d, "outstanding", pvq_ring_outstanding(ring));
	rte_tel_data_add_dict_int(d, "numa_node", vq->node);
	rte_tel_data_add_dict_int(d, "lcore",
				  vq->lcore == LCORE_ID_ANY ? -1 : (int)vq->lcore);
	rte_tel_data_add_dict_int(d, "closed",
				  (pvq_gate_state(gate) & PVQ_GATE_CLOSED) != 0);
	rte_tel_data_add_dict_string(d, "error", pvq_queue_error_text(vq->error));
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
	dev = port_device(port_id);
	if (dev == NULL)
		return -EINVAL;
	/* Queues are set up and released under this lock. */
	pthread_mutex_lock(&dev->lock);
	ret = add_queue_ring(d, dev, direction, queue, ring);
	pthread_mutex_unlock(&dev->lock);
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
