/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_memory.h>

#include "compat.h"
#include "log.h"
#include "transport_vhost_user.h"
#include "vhost_user_mem.h"
#include "vhost_user_msg.h"
#include "vhost_user_sock.h"

/* How often a port without a backend looks for one, and tends to itself with one. */
#define RETRY_MS 50
/* After a backend that was refused or broke off: it will hardly be better at once. */
#define RETRY_REFUSED_MS 1000
#define TEND_MS 100
/* How long probe and start wait for a backend that is there already. */
#define WAIT_TRY_S 2

#define VRING_FD_NONE_BIT (1u << 8)

struct vhost_user {
	struct pvq_device *dev;
	struct vhost_user_conn conn;
	struct vhost_user_sock sock;
	int wake_fd;
	pvq_thread_t thread;
	bool quit;
	bool lost; /**< the connection broke during a request */
	uint64_t protocol_features;
	unsigned int mem_slots;
	struct vhost_user_mem known; /**< what this connection's backend was told */
	pthread_mutex_t try_lock;
	pthread_cond_t try_cond;
	unsigned int tries; /**< times a backend was looked for */
};

static struct vhost_user *
vhost_user_of(struct pvq_device *dev)
{
	return dev->transport_priv;
}

static bool
has_protocol(const struct vhost_user *vu, unsigned int bit)
{
	return (vu->protocol_features >> bit & 1) != 0;
}

/* After anything but a refusal the stream may be out of step: the thread will start afresh. */
static int
checked(struct vhost_user *vu, int ret)
{
	if (ret != 0 && ret != -EPROTO) {
		vu->lost = true;
		eventfd_write(vu->wake_fd, 1);
	}
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

	if (!has_protocol(vu, VHOST_USER_PROTOCOL_F_STATUS))
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

	if (!has_protocol(vu, VHOST_USER_PROTOCOL_F_STATUS))
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

	if (!has_protocol(vu, VHOST_USER_PROTOCOL_F_CONFIG))
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
op_get_max_pairs(struct pvq_device *dev, uint16_t *pairs)
{
	struct vhost_user *vu = vhost_user_of(dev);
	uint64_t value = 1;
	int ret = 0;

	if (has_protocol(vu, VHOST_USER_PROTOCOL_F_MQ))
		ret = checked(vu,
			      vhost_user_ask_u64(&vu->conn, VHOST_USER_GET_QUEUE_NUM, &value));
	if (ret != 0)
		return ret;
	if (value == 0) {
		PVQ_LOG(ERR, dev->name, "backend says that it has no queue pair");
		return -EINVAL;
	}
	*pairs = RTE_MIN(value, (uint64_t)PVQ_MAX_PAIRS);
	return 0;
}

static int
op_share_memory(struct pvq_device *dev)
{
	struct vhost_user *vu = vhost_user_of(dev);
	struct vhost_user_mem now;
	int ret = vhost_user_mem_list(&now, dev->name);

	if (ret != 0)
		return ret;
	ret = vhost_user_mem_share(&vu->conn, vu->mem_slots, &vu->known, &now);
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
op_queue_setup(struct pvq_device *dev, const struct pvq_vq *vq, const struct pvq_ring *ring)
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
	int ret;

	if (kick < 0)
		return kick;
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

	if (!has_protocol(vu, VHOST_USER_PROTOCOL_F_NET_MTU))
		return -ENOTSUP;
	return checked(vu, vhost_user_send_u64(&vu->conn, VHOST_USER_NET_SET_MTU, mtu));
}

/* The part of the conversation that comes before virtio's own. */
static int
greet(struct vhost_user *vu)
{
	const uint64_t wanted = 1ULL << VHOST_USER_PROTOCOL_F_MQ |
				1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK |
				1ULL << VHOST_USER_PROTOCOL_F_NET_MTU |
				1ULL << VHOST_USER_PROTOCOL_F_CONFIG |
				1ULL << VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS |
				1ULL << VHOST_USER_PROTOCOL_F_STATUS;
	uint64_t features, offered, slots;
	int ret;

	vu->protocol_features = 0;
	vu->mem_slots = 0;
	vu->conn.reply_ack = false;
	vhost_user_mem_free(&vu->known);
	ret = vhost_user_ask_u64(&vu->conn, VHOST_USER_GET_FEATURES, &features);
	if (ret != 0)
		return ret;
	ret = vhost_user_send(&vu->conn, VHOST_USER_SET_OWNER, NULL, 0, NULL, 0);
	if (ret != 0 || (features >> VHOST_USER_F_PROTOCOL_FEATURES & 1) == 0)
		return ret;
	ret = vhost_user_ask_u64(&vu->conn, VHOST_USER_GET_PROTOCOL_FEATURES, &offered);
	if (ret != 0)
		return ret;
	ret = vhost_user_send_u64(&vu->conn, VHOST_USER_SET_PROTOCOL_FEATURES, offered & wanted);
	if (ret != 0)
		return ret;
	vu->protocol_features = offered & wanted;
	vu->conn.reply_ack = has_protocol(vu, VHOST_USER_PROTOCOL_F_REPLY_ACK);
	if (!has_protocol(vu, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS))
		return 0;
	ret = vhost_user_ask_u64(&vu->conn, VHOST_USER_GET_MAX_MEM_SLOTS, &slots);
	if (ret == 0)
		vu->mem_slots = RTE_MIN(slots, (uint64_t)UINT16_MAX);
	return ret;
}

static void
hang_up(struct vhost_user *vu)
{
	close(vu->conn.fd);
	vu->conn.fd = -1;
	vu->lost = false;
}

static void
try_over(struct vhost_user *vu)
{
	pthread_mutex_lock(&vu->try_lock);
	vu->tries++;
	pthread_cond_broadcast(&vu->try_cond);
	pthread_mutex_unlock(&vu->try_lock);
}

/* Look for a backend and introduce it to the device. @return ms until the next look. */
static int
look_for_backend(struct vhost_user *vu)
{
	struct pvq_device *dev = vu->dev;
	int fd = vhost_user_sock_connect(&vu->sock, dev->name);
	int ret;

	if (fd < 0)
		return RETRY_MS;
	pthread_mutex_lock(&dev->lock);
	vu->conn.fd = fd;
	ret = greet(vu);
	pthread_mutex_unlock(&dev->lock);
	if (ret == 0)
		ret = pvq_device_arrived(dev);
	if (ret == 0)
		return 0;
	pthread_mutex_lock(&dev->lock);
	hang_up(vu);
	pthread_mutex_unlock(&dev->lock);
	return RETRY_REFUSED_MS;
}

/* A backend never speaks unasked, so anything readable outside a request is the end. */
static bool
connection_broken(struct vhost_user *vu)
{
	struct pollfd p = {.fd = vu->conn.fd, .events = POLLIN | POLLRDHUP};
	bool broken;

	pthread_mutex_lock(&vu->dev->lock);
	broken = vu->lost || poll(&p, 1, 0) > 0;
	pthread_mutex_unlock(&vu->dev->lock);
	return broken;
}

static PVQ_THREAD_RETURN
vhost_user_thread(void *arg)
{
	struct vhost_user *vu = arg;
	eventfd_t ignored;
	int wait_ms;

	while (!__atomic_load_n(&vu->quit, __ATOMIC_ACQUIRE)) {
		struct pollfd p[2] = {{.fd = vu->wake_fd, .events = POLLIN}};

		wait_ms = TEND_MS;
		if (vu->conn.fd < 0) {
			wait_ms = look_for_backend(vu);
			try_over(vu);
		} else if (connection_broken(vu)) {
			pvq_device_lost(vu->dev);
			pthread_mutex_lock(&vu->dev->lock);
			hang_up(vu);
			pthread_mutex_unlock(&vu->dev->lock);
			wait_ms = 0;
		}
		pvq_device_tend(vu->dev);
		if (vu->conn.fd >= 0)
			p[1] = (struct pollfd){.fd = vu->conn.fd, .events = POLLRDHUP};
		else if (wait_ms != RETRY_REFUSED_MS)
			p[1] = (struct pollfd){.fd = vu->sock.listen_fd, .events = POLLIN};
		else
			p[1].fd = -1;
		if (poll(p, 2, wait_ms) > 0 && p[0].revents != 0)
			eventfd_read(vu->wake_fd, &ignored);
	}
	return PVQ_THREAD_DONE;
}

static void
op_drop(struct pvq_device *dev)
{
	struct vhost_user *vu = vhost_user_of(dev);

	vu->lost = true;
	eventfd_write(vu->wake_fd, 1);
}

static void
memory_event(enum rte_mem_event type, const void *addr, size_t len, void *arg)
{
	struct vhost_user *vu = arg;

	RTE_SET_USED(type);
	RTE_SET_USED(addr);
	RTE_SET_USED(len);
	pvq_device_memory_changed(vu->dev);
	eventfd_write(vu->wake_fd, 1);
}

static void
wait_try(struct vhost_user *vu)
{
	struct timespec until;
	unsigned int seen;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_TRY_S;
	pthread_mutex_lock(&vu->try_lock);
	seen = vu->tries;
	eventfd_write(vu->wake_fd, 1);
	while (vu->tries == seen &&
	       pthread_cond_timedwait(&vu->try_cond, &vu->try_lock, &until) == 0)
		;
	pthread_mutex_unlock(&vu->try_lock);
}

static void
op_look_now(struct pvq_device *dev)
{
	/* The first try to end may have begun too early. */
	wait_try(vhost_user_of(dev));
	if (!dev->present)
		wait_try(vhost_user_of(dev));
}

static int
op_open(struct pvq_device *dev)
{
	struct vhost_user *vu = calloc(1, sizeof(*vu));
	int ret;

	if (vu == NULL)
		return -ENOMEM;
	vu->dev = dev;
	vu->conn = (struct vhost_user_conn){.fd = -1, .name = dev->name};
	vu->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_init(&vu->try_lock, NULL);
	pthread_cond_init(&vu->try_cond, NULL);
	ret = vu->wake_fd < 0 ? -errno :
				vhost_user_sock_open(&vu->sock, dev->opt.path, dev->opt.server,
						     dev->name);
	if (ret != 0)
		goto fail;
	dev->transport_priv = vu;
	ret = pvq_thread_create(&vu->thread, "pvq-vhost-user", vhost_user_thread, vu);
	if (ret != 0) {
		vhost_user_sock_close(&vu->sock);
		goto fail;
	}
	/* Not with --no-huge and --legacy-mem, where memory never changes. */
	if (rte_mem_event_callback_register(dev->name, memory_event, vu) != 0)
		PVQ_LOG(DEBUG, dev->name, "EAL's memory does not change at run time");
	wait_try(vu);
	return 0;
fail:
	if (vu->wake_fd >= 0)
		close(vu->wake_fd);
	free(vu);
	dev->transport_priv = NULL;
	return ret;
}

static void
op_close(struct pvq_device *dev)
{
	struct vhost_user *vu = vhost_user_of(dev);

	rte_mem_event_callback_unregister(dev->name, vu);
	__atomic_store_n(&vu->quit, true, __ATOMIC_RELEASE);
	eventfd_write(vu->wake_fd, 1);
	pvq_thread_join(vu->thread);
	if (vu->conn.fd >= 0)
		hang_up(vu);
	vhost_user_sock_close(&vu->sock);
	vhost_user_mem_free(&vu->known);
	close(vu->wake_fd);
	pthread_cond_destroy(&vu->try_cond);
	pthread_mutex_destroy(&vu->try_lock);
	dev->transport_priv = NULL;
	free(vu);
}

const struct pvq_transport pvq_transport_vhost_user = {
	.name = "vhost-user",
	.open = op_open,
	.close = op_close,
	.drop = op_drop,
	.look_now = op_look_now,
	.get_features = op_get_features,
	.set_features = op_set_features,
	.get_status = op_get_status,
	.set_status = op_set_status,
	.read_config = op_read_config,
	.get_max_pairs = op_get_max_pairs,
	.share_memory = op_share_memory,
	.queue_setup = op_queue_setup,
	.queue_enable = op_queue_enable,
	.queue_stop = op_queue_stop,
	.set_mtu = op_set_mtu,
};
