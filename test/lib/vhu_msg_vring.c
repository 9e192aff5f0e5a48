/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <unistd.h>

#include "vhu_priv.h"

static struct vhu_vring *
vring_of(struct vhu_backend *b, uint64_t idx, uint32_t request)
{
	if (idx < 2 * b->cfg.queue_pairs || (idx < VHU_MAX_VRINGS && idx == vhu_control_index(b)))
		return &b->vrings[idx];
	vhu_report(b, "VU", VHU_NO_VRING, "%s of vring %llu, there are %u", vhu_request_name(request),
		   (unsigned long long)idx, 2 * b->cfg.queue_pairs);
	return NULL;
}

/* A ring that runs is not to be reprogrammed under the device. */
static void
check_stopped(struct vhu_backend *b, const struct vhu_vring *vr, uint32_t request)
{
	if (vr->vq != NULL)
		vhu_report(b, "VU", vr - b->vrings, "%s while the ring runs",
			   vhu_request_name(request));
}

int
vhu_msg_set_vring_num(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_vring *vr = vring_of(b, msg->u32[0], msg->request);

	if (vr == NULL)
		return -EINVAL;
	check_stopped(b, vr, msg->request);
	if (msg->u32[1] == 0 || msg->u32[1] > PD_MAX_SIZE) {
		vhu_report(b, "PR-03", msg->u32[0], "queue size %u", msg->u32[1]);
		return -EINVAL;
	}
	vr->num = msg->u32[1];
	vhu_vring_update(b, vr - b->vrings);
	return 0;
}

int
vhu_msg_set_vring_addr(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_vring *vr = vring_of(b, msg->u32[0], msg->request);

	if (vr == NULL)
		return -EINVAL;
	check_stopped(b, vr, msg->request);
	/* {index, flags, descriptor, used, available, log}: with packed rings "used" is the device
	 * event structure and "available" the driver's.
	 */
	vr->desc = msg->u64[1];
	vr->device_event = msg->u64[2];
	vr->driver_event = msg->u64[3];
	if (vr->desc % 16 != 0 || vr->device_event % 4 != 0 || vr->driver_event % 4 != 0)
		vhu_report(b, "PR-01", msg->u32[0], "ring parts at 0x%llx, 0x%llx, 0x%llx",
			   (unsigned long long)vr->desc, (unsigned long long)vr->driver_event,
			   (unsigned long long)vr->device_event);
	vr->has_addr = true;
	vhu_vring_update(b, vr - b->vrings);
	return 0;
}

int
vhu_msg_set_vring_base(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_vring *vr = vring_of(b, msg->u32[0], msg->request);
	uint32_t base = msg->u32[1];

	if (vr == NULL)
		return -EINVAL;
	check_stopped(b, vr, msg->request);
	if (b->cfg.base_lower_only)
		base = (base & 0xffff) | base << 16;
	vr->base = base;
	return 0;
}

int
vhu_msg_get_vring_base(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_vring *vr = vring_of(b, msg->u32[0], msg->request);

	if (vr == NULL)
		return -EINVAL;
	vhu_vring_stop(b, vr - b->vrings);
	msg->u32[1] = b->cfg.base_lower_only ? vr->base & 0xffff : vr->base;
	msg->size = 8;
	return 0;
}

/* The eventfd of a SET_VRING_KICK, CALL or ERR goes over to @slot; -errno if the message lies. */
static int
take_eventfd(struct vhu_backend *b, struct vhu_msg *msg, int *slot)
{
	bool none = msg->u64[0] & VHU_VRING_NOFD;

	if (*slot >= 0)
		close(*slot);
	*slot = -1;
	if (msg->nfds != (none ? 0 : 1)) {
		vhu_report(b, "VU", msg->u64[0] & VHU_VRING_INDEX_MASK, "%s with %u descriptors",
			   vhu_request_name(msg->request), msg->nfds);
		return -EINVAL;
	}
	if (!none) {
		*slot = msg->fds[0];
		msg->fds[0] = -1;
	}
	return 0;
}

int
vhu_msg_set_vring_kick(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_vring *vr = vring_of(b, msg->u64[0] & VHU_VRING_INDEX_MASK, msg->request);
	int ret;

	if (vr == NULL)
		return -EINVAL;
	ret = take_eventfd(b, msg, &vr->kick_fd);
	vr->has_kick = ret == 0;
	vhu_vring_update(b, vr - b->vrings);
	return ret;
}

int
vhu_msg_set_vring_call(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_vring *vr = vring_of(b, msg->u64[0] & VHU_VRING_INDEX_MASK, msg->request);

	return vr == NULL ? -EINVAL : take_eventfd(b, msg, &vr->call_fd);
}

int
vhu_msg_set_vring_err(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_vring *vr = vring_of(b, msg->u64[0] & VHU_VRING_INDEX_MASK, msg->request);

	return vr == NULL ? -EINVAL : 0;
}

int
vhu_msg_set_vring_enable(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_vring *vr = vring_of(b, msg->u32[0], msg->request);

	if (vr == NULL)
		return -EINVAL;
	if (b->features_set && !(b->features & VHU_F_PROTOCOL_FEATURES))
		vhu_report(b, "VU", msg->u32[0], "SET_VRING_ENABLE without PROTOCOL_FEATURES");
	if (msg->u32[1] > 1)
		vhu_report(b, "VU", msg->u32[0], "SET_VRING_ENABLE of %u", msg->u32[1]);
	vr->enabled = msg->u32[1] != 0;
	vhu_vring_update(b, vr - b->vrings);
	return 0;
}
