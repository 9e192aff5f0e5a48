/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_memory.h>

#include "vhost_user.h"

/* How often a port without a backend looks for one, and tends to itself with one. */
#define RETRY_MS 50
/* After a backend that was refused or broke off: it will hardly be better at once. */
#define RETRY_REFUSED_MS 1000
#define TEND_MS 100
/* How long probe and start wait for a backend that is there already. */
#define WAIT_TRY_S 2

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
	vu->conn.reply_ack = vhost_user_has(vu, VHOST_USER_PROTOCOL_F_REPLY_ACK);
	if (!vhost_user_has(vu, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS))
		return 0;
	ret = vhost_user_ask_u64(&vu->conn, VHOST_USER_GET_MAX_MEM_SLOTS, &slots);
	if (ret == 0)
		vu->mem_slots = RTE_MIN(slots, (uint64_t)UINT16_MAX);
	return ret;
}

static void
hang_up(struct vhost_user *vu)
{
	pthread_mutex_lock(&vu->try_lock);
	vu->found = false;
	pthread_mutex_unlock(&vu->try_lock);
	close(vu->conn.fd);
	vu->conn.fd = -1;
}

static void
try_over(struct vhost_user *vu)
{
	pthread_mutex_lock(&vu->try_lock);
	vu->tries++;
	vu->found = vu->conn.fd >= 0;
	pthread_cond_broadcast(&vu->try_cond);
	pthread_mutex_unlock(&vu->try_lock);
}

/* Look for a backend and introduce it to the device. @return ms until the next look. */
static int
look_for_backend(struct vhost_user *vu)
{
	struct pvq_device *dev = vu->dev;
	int fd = vhost_user_sock_connect(&vu->sock, dev->name);
	eventfd_t ignored;
	int ret;

	if (fd < 0)
		return RETRY_MS;
	/* Until the device has arrived nobody else speaks, so nobody needs to wait for a lock. */
	vu->conn.broken = false;
	vu->conn.fd = fd;
	ret = greet(vu);
	if (ret == 0)
		ret = pvq_device_arrived(dev);
	if (ret == 0)
		return 0;
	pthread_mutex_lock(&dev->lock);
	hang_up(vu);
	pthread_mutex_unlock(&dev->lock);
	/* The request that failed woke this very thread; the pause before the next try stands. */
	eventfd_read(vu->wake_fd, &ignored);
	/* A listener that is just going away takes one more connection and drops it. */
	return ret == -ECONNRESET ? RETRY_MS : RETRY_REFUSED_MS;
}

/* A backend never speaks unasked, so anything readable outside a request is the end. */
static bool
connection_broken(struct vhost_user *vu)
{
	struct pollfd p = {.fd = vu->conn.fd, .events = POLLIN | POLLRDHUP};
	bool broken;

	pthread_mutex_lock(&vu->dev->lock);
	broken = vu->conn.broken || poll(&p, 1, 0) > 0;
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
		pvq_device_tend(vu->dev, true);
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
	while (vu->tries == seen && !vu->found &&
	       pthread_cond_timedwait(&vu->try_cond, &vu->try_lock, &until) == 0)
		;
	pthread_mutex_unlock(&vu->try_lock);
}

void
vhost_user_look_now(struct pvq_device *dev)
{
	bool present;

	/* The first try to end may have begun too early. */
	wait_try(vhost_user_of(dev));
	pthread_mutex_lock(&dev->lock);
	present = dev->present;
	pthread_mutex_unlock(&dev->lock);
	if (!present)
		wait_try(vhost_user_of(dev));
}

int
vhost_user_open(struct pvq_device *dev)
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

void
vhost_user_close(struct pvq_device *dev)
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
