/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef FUZZ_WRAP_H
#define FUZZ_WRAP_H

/** @file Names that the linker makes of wrapped functions, and what wrappers ask the backend. */

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include <rte_alarm.h>

#include "compat.h"

struct vhost_user_mem;

ssize_t
__real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t
__real_send(int fd, const void *data, size_t len, int flags);
ssize_t
__real_recv(int fd, void *to, size_t len, int flags);
ssize_t
__wrap_recv(int fd, void *to, size_t len, int flags);
ssize_t
__wrap_sendmsg(int fd, const struct msghdr *msg, int flags);
int
__real_poll(struct pollfd *p, nfds_t n, int timeout);
int
__wrap_poll(struct pollfd *p, nfds_t n, int timeout);
int
__wrap_connect(int fd, const struct sockaddr *addr, socklen_t len);
int
__wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int
__wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			      const struct timespec *until);
void
__wrap_rte_delay_us_sleep(unsigned int us);
int
__wrap_rte_eal_alarm_set(uint64_t us, rte_eal_alarm_callback func, void *arg);
int
__real_vhost_user_mem_list(struct vhost_user_mem *mem, const char *name);
int
__wrap_vhost_user_mem_list(struct vhost_user_mem *mem, const char *name);
#if RTE_VERSION >= RTE_VERSION_NUM(23, 7, 0, 0)
int
__wrap_rte_thread_create_internal_control(rte_thread_t *thread, const char *name,
					  rte_thread_func func, void *arg);
#else
int
__wrap_rte_ctrl_thread_create(pthread_t *thread, const char *name, const pthread_attr_t *attr,
			      void *(*func)(void *), void *arg);
#endif

/** The driver sends a request: answer it. @return as sendmsg(). */
ssize_t
fuzz_backend_serve(const struct msghdr *msg);

/** Give the driver what the backend has sent. @return bytes, perhaps fewer than @p len or 0. */
ssize_t
fuzz_backend_take(void *to, size_t len);

/** The driver waits: send what was held back. */
void
fuzz_backend_go_on(void);

/** A new connection. @return the driver's end, or -1 when no backend is there. */
int
fuzz_backend_accept(void);

#endif /* FUZZ_WRAP_H */
