/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>

#include "log.h"
#include "vhost_user_msg.h"

/* The application's control thread may wait for this, too. */
#define TIMEOUT_MS 2000
/* A backend may map gigabytes before it answers. */
#define TIMEOUT_MEMORY_MS 5000

#define FLAG_VERSION 1u
#define FLAG_VERSION_MASK 3u
#define FLAG_REPLY (1u << 2)
#define FLAG_NEED_REPLY (1u << 3)

struct header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
timeout_ms(enum vhost_user_request request)
{
	return request == VHOST_USER_SET_MEM_TABLE || request == VHOST_USER_ADD_MEM_REG ?
		       TIMEOUT_MEMORY_MS : TIMEOUT_MS;
}

static int
wait_ready(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left;
	int n;

	do {
		left = deadline - now_ms();
		n = left > 0 ? poll(&p, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

/* One sendmsg for all of it: backends read header and payload with one call each. */
static int
send_all(int fd, const struct header *h, const void *payload, const int *fds, unsigned int nb_fds,
	 int64_t deadline)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(VHOST_USER_TABLE_REGIONS * sizeof(int))];
	} control;
	struct iovec iov[2] = {
		{.iov_base = (void *)(uintptr_t)h, .iov_len = sizeof(*h)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = h->size},
	};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = h->size != 0 ? 2 : 1};
	ssize_t n;

	if (nb_fds != 0) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nb_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nb_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nb_fds * sizeof(int));
	}
	for (;;) {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
		if (n == (ssize_t)(sizeof(*h) + h->size))
			return 0;
		/* Half a message cannot be taken back, nor does it happen on a unix socket. */
		if (n >= 0)
			return -EIO;
		if (errno == EAGAIN) {
			int ret = wait_ready(fd, POLLOUT, deadline);

			if (ret != 0)
				return ret;
		} else if (errno != EINTR) {
			return errno == EPIPE ? -ECONNRESET : -errno;
		}
	}
}

static int
receive_all(int fd, void *to, size_t len, int64_t deadline)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = recv(fd, (char *)to + done, len - done, 0);

		if (n > 0) {
			done += n;
		} else if (n == 0) {
			return -ECONNRESET;
		} else if (errno == EAGAIN) {
			int ret = wait_ready(fd, POLLIN, deadline);

			if (ret != 0)
				return ret;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Answers come in the order of requests, so an answer to anything else is a broken backend. */
static int
receive_reply(struct vhost_user_conn *conn, enum vhost_user_request request, void *reply,
	      uint32_t reply_len, int64_t deadline)
{
	struct header h;
	int ret = receive_all(conn->fd, &h, sizeof(h), deadline);

	if (ret != 0)
		return ret;
	/* Backends say no to GET_CONFIG with less than what was asked for, or with nothing. */
	if (h.request == request && request == VHOST_USER_GET_CONFIG && h.size < reply_len) {
		ret = receive_all(conn->fd, reply, h.size, deadline);
		return ret != 0 ? ret : -EPROTO;
	}
	if (h.request != request || (h.flags & FLAG_REPLY) == 0 ||
	    (h.flags & FLAG_VERSION_MASK) != FLAG_VERSION || h.size != reply_len) {
		PVQ_LOG(ERR, conn->name,
			"backend answered %s with message %u, flags %#x, %u bytes instead of %u",
			vhost_user_request_name(request), h.request, h.flags, h.size, reply_len);
		return -EBADMSG;
	}
	return receive_all(conn->fd, reply, reply_len, deadline);
}

static int
report(struct vhost_user_conn *conn, enum vhost_user_request request, int ret)
{
	if (ret == -ETIMEDOUT)
		PVQ_LOG(ERR, conn->name, "backend did not answer %s within %d s",
			vhost_user_request_name(request), timeout_ms(request) / 1000);
	else if (ret == -EPROTO)
		PVQ_LOG(ERR, conn->name, "backend refused %s", vhost_user_request_name(request));
	else if (ret != 0 && !conn->broken)
		PVQ_LOG(DEBUG, conn->name, "%s: %s", vhost_user_request_name(request),
			strerror(-ret));
	/* An answer that comes late would be taken for that of the next request. */
	if (ret != 0 && ret != -EPROTO)
		conn->broken = true;
	return ret;
}

int
vhost_user_send(struct vhost_user_conn *conn, enum vhost_user_request request, const void *payload,
		uint32_t len, const int *fds, unsigned int nb_fds)
{
	const int64_t deadline = now_ms() + timeout_ms(request);
	struct header h = {
		.request = request,
		.flags = FLAG_VERSION | (conn->reply_ack ? FLAG_NEED_REPLY : 0),
		.size = len,
	};
	uint64_t failed;
	int ret;

	if (conn->fd < 0 || conn->broken)
		return -ECONNRESET;
	ret = send_all(conn->fd, &h, payload, fds, nb_fds, deadline);
	if (ret == 0 && conn->reply_ack) {
		ret = receive_reply(conn, request, &failed, sizeof(failed), deadline);
		if (ret == 0 && failed != 0)
			ret = -EPROTO;
	}
	return report(conn, request, ret);
}

int
vhost_user_ask(struct vhost_user_conn *conn, enum vhost_user_request request, const void *payload,
	       uint32_t len, void *reply, uint32_t reply_len)
{
	const int64_t deadline = now_ms() + timeout_ms(request);
	struct header h = {.request = request, .flags = FLAG_VERSION, .size = len};
	int ret;

	if (conn->fd < 0 || conn->broken)
		return -ECONNRESET;
	ret = send_all(conn->fd, &h, payload, NULL, 0, deadline);
	if (ret == 0)
		ret = receive_reply(conn, request, reply, reply_len, deadline);
	return report(conn, request, ret);
}

int
vhost_user_send_u64(struct vhost_user_conn *conn, enum vhost_user_request request, uint64_t value)
{
	return vhost_user_send(conn, request, &value, sizeof(value), NULL, 0);
}

int
vhost_user_ask_u64(struct vhost_user_conn *conn, enum vhost_user_request request, uint64_t *value)
{
	return vhost_user_ask(conn, request, NULL, 0, value, sizeof(*value));
}

const char *
vhost_user_request_name(enum vhost_user_request request)
{
	static const char *const names[] = {
		[VHOST_USER_GET_FEATURES] = "GET_FEATURES",
		[VHOST_USER_SET_FEATURES] = "SET_FEATURES",
		[VHOST_USER_SET_OWNER] = "SET_OWNER",
		[VHOST_USER_SET_MEM_TABLE] = "SET_MEM_TABLE",
		[VHOST_USER_SET_VRING_NUM] = "SET_VRING_NUM",
		[VHOST_USER_SET_VRING_ADDR] = "SET_VRING_ADDR",
		[VHOST_USER_SET_VRING_BASE] = "SET_VRING_BASE",
		[VHOST_USER_GET_VRING_BASE] = "GET_VRING_BASE",
		[VHOST_USER_SET_VRING_KICK] = "SET_VRING_KICK",
		[VHOST_USER_SET_VRING_CALL] = "SET_VRING_CALL",
		[VHOST_USER_GET_PROTOCOL_FEATURES] = "GET_PROTOCOL_FEATURES",
		[VHOST_USER_SET_PROTOCOL_FEATURES] = "SET_PROTOCOL_FEATURES",
		[VHOST_USER_GET_QUEUE_NUM] = "GET_QUEUE_NUM",
		[VHOST_USER_SET_VRING_ENABLE] = "SET_VRING_ENABLE",
		[VHOST_USER_NET_SET_MTU] = "NET_SET_MTU",
		[VHOST_USER_GET_CONFIG] = "GET_CONFIG",
		[VHOST_USER_GET_MAX_MEM_SLOTS] = "GET_MAX_MEM_SLOTS",
		[VHOST_USER_ADD_MEM_REG] = "ADD_MEM_REG",
		[VHOST_USER_REM_MEM_REG] = "REM_MEM_REG",
		[VHOST_USER_SET_STATUS] = "SET_STATUS",
		[VHOST_USER_GET_STATUS] = "GET_STATUS",
	};

	if (request < RTE_DIM(names) && names[request] != NULL)
		return names[request];
	return "unknown request";
}
