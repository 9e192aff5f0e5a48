/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>

#include "transport_vhost_user.h"
#include "vhost_user.h"

#define VRING_FD_NONE_BIT (1u << 8)
/* Messages that bring a file descriptor have eight bits for a ring's number. */
#define VRINGS_MAX 256u

/* The thread gives a broken connection up and starts afresh. */
static int
checked(struct vhost_user *vu, int ret)
{
	if (vu->conn.broken)
		eventfd_write(vu->wake_fd, 1);
	return ret;
}

static int
send_state(struct vhost_user *vu, enum vhost_user_request request, uint32_t index, uint32_t num)
{
	struct vhost_user_vring_state state = {.index = index, .num = num};

	return checked(vu,
		       vhost_user_send(&vu->conn, request, &state, sizeof(state), NULL, 0));
}

static int
op_get_features(struct pvq_device *dev, uint64_t *features)
{
	struct vhost_user *vu = vhost_user_of(dev);

	return checked(vu, vhost_user_ask_u64(&vu->conn, VHOST_USER_GET_FEATURES, features));
}

static int
op_set_features(struct pvq_device *dev, uint64_t features)
{
	struct vhost_user *vu = vhost_user_of(dev);

	/* Part of the protocol, not of virtio: with it rings start disabled. */
	if (vu->protocol_features != 0)
		features |= 1ULL << VHOST_USER_F_PROTOCOL_FEATURES;
	return checked(vu, vhost_user_send_u64(&vu->conn, VHOST_USER_SET_FEATURES, features));
}

static int
op_get_status(struct pvq_device *dev, uint8_t *status)
{
	struct vhost_user *vu = vhost_user_of(dev);
	uint64_t value;
	int ret;

	if (!vhost_user_has(vu, VHOST_USER_PROTOCOL_F_STATUS))
		return -ENOTSUP;
	ret = checked(vu, vhost_user_ask_u64(&vu->conn, VHOST_USER_GET_STATUS, &value));
	if (ret == 0)
		*status = value;
	return ret;
}

static int
op_set_status(struct pvq_device *dev, uint8_t status)
{
	struct vhost_user *vu = vhost_user_of(dev);

	if (!vhost_user_has(vu, VHOST_USER_PROTOCOL_F_STATUS))
		return -ENOTSUP;
	return checked(vu, vhost_user_send_u64(&vu->conn, VHOST_USER_SET_STATUS, status));
}

static int
op_read_config(struct pvq_device *dev, uint32_t offset, uint32_t len, void *to)
{
	struct vhost_user *vu = vhost_user_of(dev);
	struct vhost_user_config config = {.offset = offset, .size = len};
	const uint32_t size = offsetof(struct vhost_user_config, data) + len;
	int ret;

	if (!vhost_user_has(vu, VHOST_USER_PROTOCOL_F_CONFIG))
		return -ENOTSUP;
	if (len > VHOST_USER_CONFIG_MAX)
		return -EINVAL;
	ret = checked(vu, vhost_user_ask(&vu->conn, VHOST_USER_GET_CONFIG, &config, size, &config,
					 size));
	if (ret == 0)
		memcpy(to, config.data, len);
	return ret;
}

static int
op_get_num_queues(struct pvq_device *dev, uint16_t *queues)
{
	struct vhost_user *vu = vhost_user_of(dev);
	uint64_t value = 1;
	int ret = 0;

	if (vhost_user_has(vu, VHOST_USER_PROTOCOL_F_MQ))
		ret = checked(vu,
			      vhost_user_ask_u64(&vu->conn, VHOST_USER_GET_QUEUE_NUM, &value));
	if (ret != 0)
		return ret;
	if (value == 0) {
		PVQ_LOG(ERR, dev->name, "backend says that it has no queue pair");
		return -EINVAL;
	}
	/* Pairs are what it counts; a control queue comes in addition. */
	value = RTE_MIN(value, (uint64_t)PVQ_MAX_PAIRS);
	*queues = RTE_MIN(2 * value + 1, (uint64_t)VRINGS_MAX);
	return 0;
}

static int
op_share_memory(struct pvq_device *dev)
{
	struct vhost_user *vu = vhost_user_of(dev);
	struct vhost_user_mem now;
	unsigned int nb;
	int ret = vhost_user_mem_list(&now, dev->name);

	if (ret != 0)
		return ret;
	nb = now.nb;
	ret = vhost_user_mem_share(&vu->conn, vu->mem_slots, &vu->known, &now);
	if (ret == -E2BIG)
		PVQ_REFUSE(dev,
			"EAL's memory makes %u regions and the backend takes %u: start the "
			"application with --single-file-segments, with larger hugepages, with less "
			"memory or with --no-huge",
			nb, vu->mem_slots != 0 ? vu->mem_slots : VHOST_USER_TABLE_REGIONS);
	/* Not the connection's fault: the backend goes on with what it knows. */
	if (ret == -E2BIG || ret == -ENOMEM)
		return ret;
	return checked(vu, ret);
}

static int
send_fd(struct vhost_user *vu, enum vhost_user_request request, uint16_t vq, int fd)
{
	uint64_t value = vq | (fd < 0 ? VRING_FD_NONE_BIT : 0);

	return checked(vu, vhost_user_send(&vu->conn, request, &value, sizeof(value), &fd,
					   fd < 0 ? 0 : 1));
}

static int
op_queue_setup(struct pvq_device *dev, struct pvq_vq *vq, const struct pvq_ring *ring)
{
	struct vhost_user *vu = vhost_user_of(dev);
	const struct vhost_user_vring_addr addr = {
		.index = vq->index,
		.desc = (uintptr_t)ring->desc,
		.used = (uintptr_t)ring->device_event,
		.avail = (uintptr_t)ring->driver_event,
	};
	/* Both halves: index 0, wrap counter 1. */
	const uint32_t base = 1u << 15 | 1u << 31;
	int kick = pvq_notify_fd(dev->port_id, vq->index);
	eventfd_t stale;
	int ret;

	if (kick < 0)
		return kick;
	/* A count left from before would be a notification before DRIVER_OK (PR-34). */
	eventfd_read(kick, &stale);
	ret = send_state(vu, VHOST_USER_SET_VRING_NUM, vq->index, ring->size);
	if (ret == 0)
		ret = send_state(vu, VHOST_USER_SET_VRING_BASE, vq->index, base);
	if (ret == 0)
		ret = checked(vu, vhost_user_send(&vu->conn, VHOST_USER_SET_VRING_ADDR, &addr,
						  sizeof(addr), NULL, 0));
	/* DPDK's vhost wants a call descriptor, if an empty one, before a ring is ready. */
	if (ret == 0)
		ret = send_fd(vu, VHOST_USER_SET_VRING_CALL, vq->index, vq->call_fd);
	if (ret == 0)
		ret = send_fd(vu, VHOST_USER_SET_VRING_KICK, vq->index, kick);
	return ret;
}

static int
op_queue_enable(struct pvq_device *dev, uint16_t vq, bool enable)
{
	struct vhost_user *vu = vhost_user_of(dev);

	/* Without protocol features a ring runs from the moment it has its kick descriptor. */
	if (vu->protocol_features == 0)
		return enable ? 0 : -ENOTSUP;
	return send_state(vu, VHOST_USER_SET_VRING_ENABLE, vq, enable);
}

static int
op_queue_stop(struct pvq_device *dev, uint16_t vq)
{
	struct vhost_user *vu = vhost_user_of(dev);
	struct vhost_user_vring_state state = {.index = vq};

	/* The answer is the promise that the ring is touched no more; its content is of no use. */
	return checked(vu, vhost_user_ask(&vu->conn, VHOST_USER_GET_VRING_BASE, &state,
					  sizeof(state), &state, sizeof(state)));
}

static int
op_set_mtu(struct pvq_device *dev, uint16_t mtu)
{
	struct vhost_user *vu = vhost_user_of(dev);

	if (!vhost_user_has(vu, VHOST_USER_PROTOCOL_F_NET_MTU))
		return -ENOTSUP;
	return checked(vu, vhost_user_send_u64(&vu->conn, VHOST_USER_NET_SET_MTU, mtu));
}

static void
op_drop(struct pvq_device *dev)
{
	struct vhost_user *vu = vhost_user_of(dev);

	vu->conn.broken = true;
	eventfd_write(vu->wake_fd, 1);
}

const struct pvq_transport pvq_transport_vhost_user = {
	.name = "vhost-user",
	.own_rings = true,
	.unfiltered = true,
	.open = vhost_user_open,
	.close = vhost_user_close,
	.drop = op_drop,
	.look_now = vhost_user_look_now,
	.get_features = op_get_features,
	.set_features = op_set_features,
	.get_status = op_get_status,
	.set_status = op_set_status,
	.read_config = op_read_config,
	.get_num_queues = op_get_num_queues,
	.share_memory = op_share_memory,
	.queue_setup = op_queue_setup,
	.queue_enable = op_queue_enable,
	.queue_stop = op_queue_stop,
	.set_mtu = op_set_mtu,
};
