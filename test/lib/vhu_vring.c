/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vhu_packets.h"


static bool
has(const struct vhu_backend *b, uint64_t feature)
{
	return b->features & feature;
}

/* Features that let a driver ask for segmentation, and what the ring's model calls them. */
static uint8_t
host_gso(const struct vhu_backend *b)
{
	return (has(b, VHU_F_HOST_TSO4) ? PD_HOST_TSO4 : 0) |
	       (has(b, VHU_F_HOST_TSO6) ? PD_HOST_TSO6 : 0) |
	       (has(b, VHU_F_HOST_ECN) ? PD_HOST_ECN : 0) |
	       (has(b, VHU_F_HOST_USO) ? PD_HOST_USO : 0);
}

static bool
should_exist(const struct vhu_backend *b, const struct vhu_vring *vr)
{
	if (vr->num == 0 || !vr->has_addr || !vr->has_kick || !b->features_set)
		return false;
	if ((b->protocol_features & VHU_PF_STATUS) && !(b->status & VHU_STATUS_DRIVER_OK))
		return false;
	return vr->vq != NULL || vr->enabled || !has(b, VHU_F_PROTOCOL_FEATURES);
}

/* Pointers to the three parts of a ring; false unless all of them are in memory. */
static bool
ring_pointers(struct vhu_backend *b, const struct vhu_vring *vr, struct pd_config *cfg)
{
	cfg->desc = vhu_mem_user(b, vr->desc, (uint64_t)vr->num * PD_DESC_BYTES);
	cfg->driver_event = vhu_mem_user(b, vr->driver_event, PD_EVENT_BYTES);
	cfg->device_event = vhu_mem_user(b, vr->device_event, PD_EVENT_BYTES);
	return cfg->desc != NULL && cfg->driver_event != NULL && cfg->device_event != NULL;
}

static void
start_vring(struct vhu_backend *b, uint32_t idx)
{
	struct vhu_vring *vr = &b->vrings[idx];
	struct pd_config cfg = {
		.size = vr->num,
		.dir = idx == vhu_control_index(b) ? PD_CONTROL : idx % 2 == 0 ? PD_RX : PD_TX,
		.in_order = has(b, VHU_F_IN_ORDER),
		.indirect = has(b, VHU_F_INDIRECT_DESC),
		.event_idx = has(b, VHU_F_EVENT_IDX),
		.mrg_rxbuf = has(b, VHU_F_MRG_RXBUF),
		.csum = has(b, VHU_F_CSUM),
		.hdrlen = has(b, VHU_F_GUEST_HDRLEN),
		.gso = host_gso(b),
		.poison = b->cfg.poison,
		.translate = vhu_mem_translate,
		.translate_arg = b,
	};

	if (!has(b, VHU_F_RING_PACKED)) {
		vhu_report(b, "IN-05", idx, "started without RING_PACKED");
		return;
	}
	if (!ring_pointers(b, vr, &cfg)) {
		vhu_report(b, "PR-01", idx, "ring is not contiguous in the driver's memory");
		return;
	}
	vr->vq = pd_create(&cfg);
	if (vr->vq == NULL) {
		vhu_report(b, "PR-03", idx, "no virtqueue of size %u", vr->num);
		return;
	}
	if (pd_set_base(vr->vq, vr->base) < 0)
		vhu_report(b, "VU", idx, "base 0x%08x is outside a ring of %u", vr->base, vr->num);
}

void
vhu_vring_update(struct vhu_backend *b, uint32_t idx)
{
	struct vhu_vring *vr = &b->vrings[idx];
	bool was_live = vr->live;

	if (!should_exist(b, vr)) {
		vr->live = false;
		return;
	}
	if (vr->vq == NULL) {
		vr->hung = false;
		start_vring(b, idx);
	}
	vr->live = vr->vq != NULL && (vr->enabled || !has(b, VHU_F_PROTOCOL_FEATURES));
	if (vr->live && !was_live) {
		vhu_generate_again(b, idx / 2);
		vr->starts++;
		b->work_left = true;
	}
}

void
vhu_vring_update_all(struct vhu_backend *b)
{
	uint32_t i;

	for (i = 0; i < 2 * b->cfg.queue_pairs; i++)
		vhu_vring_update(b, i);
	if (vhu_control_index(b) < VHU_MAX_VRINGS)
		vhu_vring_update(b, vhu_control_index(b));
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
vhu_vring_stop(struct vhu_backend *b, uint32_t idx)
{
	struct vhu_vring *vr = &b->vrings[idx];

	if (vr->vq != NULL) {
		vr->base = pd_base(vr->vq);
		vhu_collect(b, idx);
		pd_destroy(vr->vq);
		vr->vq = NULL;
	}
	vr->live = false;
	vr->has_kick = false;
	close_fd(&vr->kick_fd);
	close_fd(&vr->call_fd);
}

void
vhu_vring_reset_all(struct vhu_backend *b)
{
	struct vhu_vring *vr;
	uint32_t i;

	for (i = 0; i < VHU_MAX_VRINGS; i++) {
		vr = &b->vrings[i];
		vhu_vring_stop(b, i);
		vr->num = 0;
		vr->base = 0;
		vr->has_addr = false;
		vr->enabled = false;
	}
}

void
vhu_vring_relocate_all(struct vhu_backend *b)
{
	struct pd_config cfg;
	struct vhu_vring *vr;
	uint32_t i;

	for (i = 0; i < VHU_MAX_VRINGS; i++) {
		vr = &b->vrings[i];
		if (vr->vq == NULL)
			continue;
		if (ring_pointers(b, vr, &cfg)) {
			pd_relocate(vr->vq, cfg.desc, cfg.driver_event, cfg.device_event);
			continue;
		}
		vhu_report(b, "VU", i, "memory of a running ring was taken away");
		vhu_vring_stop(b, i);
	}
}

struct pd_vq *
vhu_backend_vq(struct vhu_backend *b, uint32_t idx)
{
	if (idx >= VHU_MAX_VRINGS || !b->vrings[idx].live)
		return NULL;
	return b->vrings[idx].vq;
}

int
vhu_backend_interrupt_always(struct vhu_backend *b, uint32_t idx)
{
	struct vhu_vring *vr;
	uint64_t one = 1;

	if (idx >= VHU_MAX_VRINGS || b->vrings[idx].call_fd < 0)
		return -ENOTCONN;
	vr = &b->vrings[idx];
	if (write(vr->call_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		return -EIO;
	vr->interrupts++;
	return 0;
}

bool
vhu_backend_interrupt(struct vhu_backend *b, uint32_t idx)
{
	struct pd_vq *vq = vhu_backend_vq(b, idx);

	if (vq == NULL || !pd_should_interrupt(vq))
		return false;
	return vhu_backend_interrupt_always(b, idx) == 0;
}

uint32_t
vhu_backend_waiting(struct vhu_backend *b, uint32_t idx)
{
	struct pd_vq *vq;
	uint32_t n;

	vhu_backend_lock(b);
	vq = vhu_backend_vq(b, idx);
	n = vq != NULL ? pd_waiting(vq) : 0;
	vhu_backend_unlock(b);
	return n;
}

uint64_t
vhu_backend_notified(struct vhu_backend *b, uint32_t idx)
{
	struct pollfd pfd = { .events = POLLIN };
	uint64_t count = 0;

	if (idx >= VHU_MAX_VRINGS)
		return 0;
	pfd.fd = b->vrings[idx].kick_fd;
	if (pfd.fd < 0 || poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLIN))
		return 0;
	if (read(pfd.fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return 0;
	b->vrings[idx].notifications += count;
	return count;
}

int
vhu_backend_vring(struct vhu_backend *b, uint32_t idx, struct vhu_vring_info *info)
{
	const struct vhu_vring *vr;

	if (idx >= VHU_MAX_VRINGS)
		return -EINVAL;
	vhu_backend_lock(b);
	vr = &b->vrings[idx];
	info->num = vr->num;
	info->base = vr->vq != NULL ? pd_base(vr->vq) : vr->base;
	info->has_addr = vr->has_addr;
	info->has_kick = vr->has_kick;
	info->has_call = vr->call_fd >= 0;
	info->enabled = vr->enabled;
	info->live = vr->live;
	info->notifications = vr->notifications;
	info->interrupts = vr->interrupts;
	info->packets = vr->packets;
	info->bytes = vr->bytes;
	info->starts = vr->starts;
	vhu_backend_unlock(b);
	return 0;
}
