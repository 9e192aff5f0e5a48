/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_VHOST_USER_SOCK_H
#define PVQ_VHOST_USER_SOCK_H

/** @file How a vhost-user connection comes about, as client or as server. */

#include <stdbool.h>

struct vhost_user_sock {
	const char *path;
	bool server;
	int listen_fd; /**< server: readable when a backend knocks; -1 for a client */
	int last_error; /**< what was logged last, so that waiting is not logged for ever */
};

/**
 * Server: take the path, also from a listener that is dead. Client: nothing yet.
 *
 * @param path
 *   At most 107 bytes; must outlive the socket.
 * @return
 *   0, or -errno, logged: -EADDRINUSE when another process listens there.
 */
int
vhost_user_sock_open(struct vhost_user_sock *sock, const char *path, bool server,
		     const char *name);

/**
 * Connect, or accept, without waiting.
 *
 * @return
 *   A non-blocking file descriptor, or -errno: nobody is there now.
 */
int
vhost_user_sock_connect(struct vhost_user_sock *sock, const char *name);

/** Stop listening and remove the path. */
void
vhost_user_sock_close(struct vhost_user_sock *sock);

#endif /* PVQ_VHOST_USER_SOCK_H */
