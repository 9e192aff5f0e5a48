/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "vhost_user_sock.h"

static int
new_socket(const char *path, struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(addr->sun_path, sizeof(addr->sun_path), "%s", path);
	return fd < 0 ? -errno : fd;
}

static int
try_connect(const char *path)
{
	struct sockaddr_un addr;
	int fd = new_socket(path, &addr);
	int ret;

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int
try_listen(const char *path)
{
	struct sockaddr_un addr;
	int fd = new_socket(path, &addr);
	int ret;

	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 1) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

/* Connecting to any other file is refused as well, and that file is not ours to remove. */
static bool
is_socket(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

int
vhost_user_sock_open(struct vhost_user_sock *sock, const char *path, bool server, const char *name)
{
	int fd;

	*sock = (struct vhost_user_sock){.path = path, .server = server, .listen_fd = -1};
	if (!server)
		return 0;
	fd = try_listen(path);
	if (fd == -EADDRINUSE) {
		/* A socket that nobody listens on was left behind by a process that crashed. */
		int probe = try_connect(path);

		if (probe == -ECONNREFUSED && is_socket(path) && unlink(path) == 0)
			fd = try_listen(path);
		else if (probe >= 0)
			close(probe);
	}
	if (fd < 0) {
		PVQ_LOG(ERR, name, "cannot listen on %s: %s; choose another path= or stop who "
			"uses it",
			path, strerror(-fd));
		return fd;
	}
	sock->listen_fd = fd;
	return 0;
}

int
vhost_user_sock_connect(struct vhost_user_sock *sock, const char *name)
{
	int fd;

	if (sock->server) {
		fd = accept4(sock->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	} else {
		fd = try_connect(sock->path);
	}
	if (fd >= 0) {
		sock->last_error = 0;
	} else if (fd != sock->last_error) {
		sock->last_error = fd;
		if (sock->server)
			PVQ_LOG(NOTICE, name, "waiting for a backend to connect to %s", sock->path);
		else
			PVQ_LOG(NOTICE, name,
				"no backend at %s yet (%s): waiting; start one there or check "
				"path=",
				sock->path, strerror(-fd));
	}
	return fd;
}

void
vhost_user_sock_close(struct vhost_user_sock *sock)
{
	if (sock->listen_fd < 0)
		return;
	close(sock->listen_fd);
	unlink(sock->path);
	sock->listen_fd = -1;
}
