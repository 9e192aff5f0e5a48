/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <string.h>

#include "ring.h"

/* The device writes its event structure while the driver writes slots: never on one line. */
static size_t
desc_bytes(uint16_t size)
{
	return RTE_ALIGN_CEIL((size_t)size * sizeof(struct virtq_desc), RTE_CACHE_LINE_SIZE);
}

size_t
pvq_ring_bytes(uint16_t size)
{
	return desc_bytes(size) + 2 * RTE_CACHE_LINE_SIZE;
}

static void
start_over(struct pvq_ring *ring, void *mem, uint16_t size, bool event_idx, bool platform)
{
	char *events = (char *)mem + desc_bytes(size);

	*ring = (struct pvq_ring){
		.desc = mem,
		.driver_event = (struct virtq_event *)events,
		.device_event = (struct virtq_event *)(events + RTE_CACHE_LINE_SIZE),
		.size = size,
		.nb_free = size,
		.avail_flags = VIRTQ_DESC_F_AVAIL,
		.used_flags = PVQ_LAP_FLAGS,
		.event_idx = event_idx,
		.platform = platform,
	};
}

void
pvq_ring_init(struct pvq_ring *ring, void *mem, uint16_t size, bool event_idx, bool platform)
{
	memset(mem, 0, pvq_ring_bytes(size));
	start_over(ring, mem, size, event_idx, platform);
	pvq_ring_disable_notify(ring);
}

void
pvq_ring_forget(struct pvq_ring *ring)
{
	start_over(ring, ring->desc, ring->size, ring->event_idx, ring->platform);
}

bool
pvq_ring_enable_notify(struct pvq_ring *ring)
{
	uint16_t flags = VIRTQ_EVENT_F_ENABLE;

	if (ring->event_idx) {
		uint16_t wrap = ring->used_flags != 0;

		__atomic_store_n(&ring->driver_event->off_wrap,
				 rte_cpu_to_le_16(ring->next_used | wrap << VIRTQ_EVENT_WRAP_SHIFT),
				 __ATOMIC_RELAXED);
		flags = VIRTQ_EVENT_F_DESC;
	}
	/* A device that sees DESC must see the offset that goes with it (PR-30, L-05). */
	pvq_ring_store_last(&ring->driver_event->flags, flags, ring->platform);
	/* The device marks slots, then reads the event; we do it the other way round (PR-31). */
	pvq_ring_full_barrier(ring->platform);
	return pvq_flags_used(pvq_ring_used_load(ring, ring->next_used, ring->platform),
			      ring->used_flags);
}

void
pvq_ring_disable_notify(struct pvq_ring *ring)
{
	__atomic_store_n(&ring->driver_event->flags, rte_cpu_to_le_16(VIRTQ_EVENT_F_DISABLE),
			 __ATOMIC_RELAXED);
}
