/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "vhu_priv.h"

#define CONNECT_MS 10
/* A message that has begun must be whole within this time. */
#define IO_SECONDS 2

struct waits {
	struct pollfd pfds[2 + VHU_MAX_VRINGS];
	uint16_t vring[2 + VHU_MAX_VRINGS];
	uint32_t n;
	int timeout_ms;
};

void
vhu_connection_reset(struct vhu_backend *b)
{
	vhu_vring_reset_all(b);
	vhu_mem_clear(b);
	if (b->conn_fd >= 0)
		close(b->conn_fd);
	if (b->driver_fd >= 0)
		close(b->driver_fd);
	b->conn_fd = -1;
	b->driver_fd = -1;
	b->features = b->protocol_features = b->mtu = 0;
	b->features_asked = b->features_set = b->owned = false;
	b->status = 0;
	b->work_left = false;
	b->drop = false;
	pthread_cond_broadcast(&b->cond);
}

static void
set_timeouts(int fd)
{
	struct timeval tv = { .tv_sec = IO_SECONDS };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int
connect_to(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	set_timeouts(fd);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

bool
vhu_send_all(int fd, const void *data, size_t len)
{
	const uint8_t *at = data;
	ssize_t n;

	while (len > 0) {
		n = send(fd, at, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= n;
	}
	return true;
}

static bool
recv_all(int fd, void *data, size_t len)
{
	uint8_t *at = data;
	ssize_t n;

	while (len > 0) {
		n = recv(fd, at, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= n;
	}
	return true;
}

static void
take_fds(struct msghdr *mh, struct vhu_msg *msg)
{
	struct cmsghdr *c;
	size_t n;

	for (c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > VHU_MAX_FDS)
			n = VHU_MAX_FDS;
		memcpy(msg->fds, CMSG_DATA(c), n * sizeof(int));
		msg->nfds = n;
	}
}

/* Read one message; no lock held, for the driver may be slow. */
static bool
read_message(int fd, struct vhu_msg *msg)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(VHU_MAX_FDS * sizeof(int))];
	} control;
	uint32_t hdr[3];
	struct iovec iov = { hdr, sizeof(hdr) };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	memset(msg, 0, sizeof(*msg));
	do {
		n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	take_fds(&mh, msg);
	if (!recv_all(fd, (uint8_t *)hdr + n, sizeof(hdr) - n))
		return false;
	msg->request = hdr[0];
	msg->flags = hdr[1];
	msg->size = hdr[2];
	return msg->size <= VHU_MAX_PAYLOAD && recv_all(fd, msg->bytes, msg->size);
}

static void
close_fds(struct vhu_msg *msg)
{
	uint32_t i;

	for (i = 0; i < msg->nfds; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
}

/* The lock is free inside. */
static void
serve_socket(struct vhu_backend *b)
{
	struct vhu_msg msg;
	bool ok = read_message(b->conn_fd, &msg);

	vhu_backend_lock(b);
	if (ok)
		ok = vhu_msg_handle(b, &msg);
	close_fds(&msg);
	if (!ok)
		vhu_connection_reset(b);
	pthread_cond_broadcast(&b->cond);
	vhu_backend_unlock(b);
}

static void
wait_for_vring(struct vhu_backend *b, struct waits *w, uint32_t idx)
{
	const struct vhu_vring *vr = &b->vrings[idx];

	if (!vr->live)
		return;
	/* Without an eventfd the backend has to look by itself. */
	if (vr->kick_fd < 0 && w->timeout_ms < 0)
		w->timeout_ms = 1;
	if (vr->kick_fd < 0)
		return;
	w->vring[w->n] = idx;
	w->pfds[w->n++] = (struct pollfd){ .fd = vr->kick_fd, .events = POLLIN };
}

static void
collect_waits(struct vhu_backend *b, struct waits *w)
{
	const uint32_t control = vhu_control_index(b);
	uint32_t i;

	w->n = 0;
	w->timeout_ms = -1;
	w->pfds[w->n++] = (struct pollfd){ .fd = b->wake_fd, .events = POLLIN };
	if (b->conn_fd < 0) {
		if (b->cfg.client)
			w->timeout_ms = CONNECT_MS;
		else
			w->pfds[w->n++] = (struct pollfd){ .fd = b->listen_fd, .events = POLLIN };
		return;
	}
	w->pfds[w->n++] = (struct pollfd){ .fd = b->conn_fd, .events = POLLIN };
	w->timeout_ms = vhu_packets_wait_ms(b);
	if (control < VHU_MAX_VRINGS)
		wait_for_vring(b, w, control);
	if (b->cfg.mode == VHU_IDLE)
		return;
	for (i = 0; i < 2 * b->cfg.queue_pairs; i++)
		if (i != control)
			wait_for_vring(b, w, i);
}

static void
new_connection(struct vhu_backend *b, const struct waits *w)
{
	int fd = -1;

	if (b->cfg.client)
		fd = connect_to(b->path);
	else if (w->pfds[1].revents & POLLIN)
		fd = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	set_timeouts(fd);
	vhu_backend_lock(b);
	b->conn_fd = fd;
	b->connections++;
	pthread_cond_broadcast(&b->cond);
	vhu_backend_unlock(b);
}

/* One wait and what it brought. False at the end of the thread. */
static bool
step(struct vhu_backend *b, struct waits *w)
{
	struct timespec pause = { .tv_nsec = 20000 };
	bool stop, connected;
	uint64_t count;
	uint32_t i;

	vhu_backend_lock(b);
	if (b->drop && b->conn_fd >= 0)
		vhu_connection_reset(b);
	b->drop = false;
	stop = b->stop;
	connected = b->conn_fd >= 0;
	collect_waits(b, w);
	vhu_backend_unlock(b);
	if (stop)
		return false;
	/* The mutex is not fair: let a test in that waits for it. */
	if (__atomic_load_n(&b->waiters, __ATOMIC_RELAXED) > 0)
		nanosleep(&pause, NULL);
	if (poll(w->pfds, w->n, w->timeout_ms) < 0)
		return errno == EINTR;
	if ((w->pfds[0].revents & POLLIN) && read(b->wake_fd, &count, sizeof(count)) < 0)
		return false;
	if (!connected) {
		new_connection(b, w);
		return true;
	}
	if (w->pfds[1].revents != 0) {
		serve_socket(b);
		return true;
	}
	vhu_backend_lock(b);
	for (i = 2; i < w->n; i++)
		if (w->pfds[i].revents & POLLIN)
			vhu_backend_notified(b, w->vring[i]);
	vhu_packets_run(b);
	vhu_control_run(b);
	vhu_backend_unlock(b);
	return true;
}

void *
vhu_thread_main(void *arg)
{
	struct vhu_backend *b = arg;
	struct waits w;

	while (step(b, &w))
		;
	return NULL;
}
