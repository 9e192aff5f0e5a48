/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>

#include "cvq.h"
#include "log.h"

#define WAIT_S 1u
#define LOOK_US 50u

/* Class and command, before the data; the answer has a line of its own. */
#define HEAD_BYTES 2u
#define ACK_AT RTE_ALIGN_CEIL(HEAD_BYTES + PVQ_CVQ_DATA_MAX, RTE_CACHE_LINE_SIZE)
#define ACK_NONE 0xff

struct pvq_cvq *
pvq_cvq_create(const struct pvq_vq *conf)
{
	const size_t ring_at = RTE_ALIGN_CEIL(sizeof(struct pvq_cvq), RTE_CACHE_LINE_SIZE);
	const size_t idle_at = ring_at + pvq_ring_bytes(conf->size);
	const size_t command_at = idle_at + pvq_ring_bytes(conf->size);
	const struct rte_memzone *mz = pvq_vq_reserve(conf, command_at + ACK_AT + 1);
	struct pvq_cvq *cvq;

	if (mz == NULL)
		return NULL;
	cvq = mz->addr;
	pvq_vq_init(&cvq->vq, conf, mz, ring_at);
	pvq_vq_init(&cvq->idle_vq, conf, mz, idle_at);
	cvq->command = (uint8_t *)cvq + command_at;
	pvq_cvq_reset(cvq, false, false);
	return cvq;
}

void
pvq_cvq_free(struct pvq_cvq *cvq)
{
	if (cvq != NULL)
		pvq_vq_free(&cvq->vq);
}

void
pvq_cvq_reset(struct pvq_cvq *cvq, bool event_idx, bool platform)
{
	pvq_ring_init(&cvq->ring, cvq->vq.ring_mem, cvq->vq.size, event_idx, platform);
	pvq_ring_init(&cvq->idle, cvq->idle_vq.ring_mem, cvq->vq.size, event_idx, platform);
	cvq->broken = false;
}

/* The readable part and the writable one. @return the buffer's id. */
static uint16_t
publish(struct pvq_cvq *cvq, uint32_t len)
{
	struct pvq_ring *ring = &cvq->ring;
	const struct pvq_cursor from = pvq_ring_cursor(ring);
	struct pvq_cursor at = from;

	pvq_ring_write(ring, at.slot, pvq_vq_bus_addr(&cvq->vq, cvq->command), HEAD_BYTES + len,
		       from.slot);
	pvq_cursor_next(ring, &at);
	pvq_ring_write(ring, at.slot, pvq_vq_bus_addr(&cvq->vq, cvq->command + ACK_AT), 1,
		       from.slot);
	ring->desc[at.slot].flags = rte_cpu_to_le_16(at.flags | VIRTQ_DESC_F_WRITE);
	pvq_cursor_next(ring, &at);
	pvq_ring_publish(ring, from.flags | VIRTQ_DESC_F_NEXT, at, 2, ring->platform);
	if (pvq_ring_must_notify(ring, from, 2, ring->platform))
		pvq_vq_notify(&cvq->vq, ring);
	return from.slot;
}

/* @return 0, -ETIMEDOUT, or -EPROTO when something else was used. */
static int
wait_used(struct pvq_cvq *cvq, uint16_t id)
{
	struct pvq_ring *ring = &cvq->ring;
	const struct virtq_desc *used = &ring->desc[ring->next_used];
	/* Sleeps are longer than asked for: only a clock knows when the time is over. */
	const uint64_t end = rte_get_timer_cycles() + WAIT_S * rte_get_timer_hz();
	bool late;

	do {
		late = rte_get_timer_cycles() > end;
		if (pvq_flags_used(pvq_ring_used_load(ring, ring->next_used, ring->platform),
				   ring->used_flags)) {
			if (rte_le_to_cpu_16(used->id) != id || rte_le_to_cpu_32(used->len) != 1)
				return -EPROTO;
			pvq_ring_take(ring, 2);
			return 0;
		}
		rte_delay_us_sleep(LOOK_US);
	} while (!late);
	return -ETIMEDOUT;
}

int
pvq_cvq_command(struct pvq_cvq *cvq, const char *name, uint8_t class, uint8_t command,
		const void *data, uint32_t len)
{
	uint8_t *ack = cvq->command + ACK_AT;
	int ret;

	if (cvq->broken) {
		PVQ_LOG(ERR, name, "control queue is out of order: restart the port");
		return -EIO;
	}
	if (len > PVQ_CVQ_DATA_MAX) {
		PVQ_LOG(ERR, name, "control command %u of class %u has %u bytes, %u are possible",
			command, class, len, PVQ_CVQ_DATA_MAX);
		return -E2BIG;
	}
	cvq->command[0] = class;
	cvq->command[1] = command;
	memcpy(cvq->command + HEAD_BYTES, data, len);
	*ack = ACK_NONE;
	ret = wait_used(cvq, publish(cvq, len));
	if (ret != 0) {
		cvq->broken = true;
		PVQ_LOG(ERR, name, "control command %u of class %u: %s", command, class,
			ret == -ETIMEDOUT ? "the device does not answer" :
					    "the device used what it does not have");
		return ret;
	}
	if (__atomic_load_n(ack, __ATOMIC_RELAXED) == VIRTIO_NET_OK)
		return 0;
	PVQ_LOG(ERR, name, "the device refuses control command %u of class %u", command, class);
	return -EIO;
}
