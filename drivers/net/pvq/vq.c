/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file What receive and transmit queues have in common besides the ring. */

#include <stdio.h>
#include <string.h>

#include <rte_io.h>
#include <rte_lcore.h>

#include "notify.h"
#include "numa_node.h"
#include "vq.h"

const char *
pvq_queue_error_text(enum pvq_queue_error error)
{
	switch (error) {
	case PVQ_QUEUE_BAD_ID:
		return "used a buffer id that is not outstanding";
	case PVQ_QUEUE_BAD_ORDER:
		return "used a buffer id out of order although IN_ORDER was negotiated";
	case PVQ_QUEUE_BAD_LEN:
		return "reported a length that does not fit the buffer";
	case PVQ_QUEUE_BAD_NUM_BUFFERS:
		return "announced more buffers for a packet than it holds";
	case PVQ_QUEUE_MERGE_STALLED:
		return "never delivered the rest of a packet";
	case PVQ_QUEUE_NEEDS_RESET:
		return "says that it needs a reset";
	case PVQ_QUEUE_OK:
		break;
	}
	return "no error";
}

const struct rte_memzone *
pvq_vq_reserve(const struct pvq_vq *conf, size_t bytes)
{
	static uint32_t number;
	char name[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *mz;

	/* A number, because a zone that had to be leaked keeps its name. */
	snprintf(name, sizeof(name), "pvq%u_vq%u_%u", conf->port_id, conf->index,
		 __atomic_fetch_add(&number, 1, __ATOMIC_RELAXED));
	mz = rte_memzone_reserve_aligned(name, bytes, conf->socket_id,
					 conf->iova ? RTE_MEMZONE_IOVA_CONTIG : 0,
					 RTE_CACHE_LINE_SIZE);
	if (mz != NULL)
		memset(mz->addr, 0, mz->len);
	return mz;
}

void
pvq_vq_init(struct pvq_vq *vq, const struct pvq_vq *conf, const struct rte_memzone *mz,
	    size_t ring_at)
{
	*vq = *conf;
	vq->mz = mz;
	vq->ring_mem = (char *)mz->addr + ring_at;
	vq->bus_shift = conf->iova ? mz->iova - (uintptr_t)mz->addr : 0;
	vq->node = pvq_numa_node_of(vq->ring_mem);
	vq->lcore = LCORE_ID_ANY;
}

void
pvq_vq_free(struct pvq_vq *vq)
{
	/* The device may still write to a ring that it would not leave. */
	if (!vq->leaked)
		rte_memzone_free(vq->mz);
}

void
pvq_vq_notify(const struct pvq_vq *vq, const struct pvq_ring *ring)
{
	const bool wrap = (ring->avail_flags & VIRTQ_DESC_F_AVAIL) != 0;
	const uint32_t next = ring->next_avail | (uint32_t)wrap << VIRTQ_EVENT_WRAP_SHIFT;

	/* Both writes come after the flags that made the buffers available (L-13). */
	if (vq->notify_addr == NULL)
		pvq_notify(vq->port_id, vq->index);
	else if (vq->notify_data)
		rte_write32(rte_cpu_to_le_32(vq->notify_id | next << 16), vq->notify_addr);
	else
		rte_write16(rte_cpu_to_le_16(vq->notify_id), vq->notify_addr);
}
