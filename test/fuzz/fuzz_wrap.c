/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file What the linker puts before functions that the driver calls: see fuzz_backend.h. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_lcore.h>

#include "compat.h"
#include "fuzz_backend.h"
#include "fuzz_wrap.h"
#include "vhost_user_mem.h"

#define THREADS_MAX 4
#define ALARMS_MAX 4
#define REGIONS_MAX 12

void (*fuzz_idle)(void);
void (*fuzz_delay)(void);

static struct {
	PVQ_THREAD_RETURN (*func)(void *arg);
	void *arg;
} threads[THREADS_MAX];
static unsigned int nb_threads;

static struct {
	rte_eal_alarm_callback func;
	void *arg;
} alarms[ALARMS_MAX];

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	(void)fd;
	(void)flags;
	return fuzz_backend_serve(msg);
}

ssize_t
__wrap_recv(int fd, void *to, size_t len, int flags)
{
	const ssize_t n = fuzz_backend_take(to, len);

	return n != 0 ? n : __real_recv(fd, to, len, flags);
}

/* One descriptor with time is a wait for an answer, two are the thread's sleep. */
int
__wrap_poll(struct pollfd *p, nfds_t n, int timeout)
{
	if (n == 2)
		fuzz_idle();
	else if (timeout > 0)
		fuzz_backend_go_on();
	if (n == 1 && fuzz_backend.inbox_len != 0) {
		p->revents = POLLIN;
		return 1;
	}
	return __real_poll(p, n, 0);
}

int
__wrap_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	const int end = fuzz_backend_accept();

	(void)addr;
	(void)len;
	if (end < 0) {
		errno = ECONNREFUSED;
		return -1;
	}
	FUZZ_CHECK(dup3(end, fd, O_CLOEXEC) == fd, "dup3");
	close(end);
	return 0;
}

int
__wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	const int end = fuzz_backend_accept();

	(void)fd;
	(void)addr;
	(void)len;
	(void)flags;
	if (end < 0)
		errno = EAGAIN;
	return end;
}

/* Who waits for the thread would wait in vain: it is the one that is running. */
int
__wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			      const struct timespec *until)
{
	(void)cond;
	(void)mutex;
	(void)until;
	return ETIMEDOUT;
}

static int
note_thread(PVQ_THREAD_RETURN (*func)(void *), void *arg)
{
	FUZZ_CHECK(nb_threads < THREADS_MAX, "too many threads");
	threads[nb_threads].func = func;
	threads[nb_threads++].arg = arg;
	return 0;
}

#if RTE_VERSION >= RTE_VERSION_NUM(23, 7, 0, 0)
int
__wrap_rte_thread_create_internal_control(rte_thread_t *thread, const char *name,
					  rte_thread_func func, void *arg)
{
	(void)thread;
	(void)name;
	return note_thread(func, arg);
}
#else
int
__wrap_rte_ctrl_thread_create(pthread_t *thread, const char *name, const pthread_attr_t *attr,
			      void *(*func)(void *), void *arg)
{
	(void)thread;
	(void)name;
	(void)attr;
	return note_thread(func, arg);
}
#endif

void
fuzz_thread_run(unsigned int i)
{
	FUZZ_CHECK(i < nb_threads, "no thread %u", i);
	threads[i].func(threads[i].arg);
}

void *
fuzz_thread_arg(unsigned int i)
{
	FUZZ_CHECK(i < nb_threads, "no thread %u", i);
	return threads[i].arg;
}

void
__wrap_rte_delay_us_sleep(unsigned int us)
{
	(void)us;
	fuzz_delay();
}

int
__wrap_rte_eal_alarm_set(uint64_t us, rte_eal_alarm_callback func, void *arg)
{
	unsigned int i;

	(void)us;
	for (i = 0; i < ALARMS_MAX && alarms[i].func != NULL; i++)
		if (alarms[i].func == func && alarms[i].arg == arg)
			return 0;
	FUZZ_CHECK(i < ALARMS_MAX, "too many alarms");
	alarms[i].func = func;
	alarms[i].arg = arg;
	return 0;
}

void
fuzz_alarms_run(void)
{
	unsigned int i;

	for (i = 0; i < ALARMS_MAX && alarms[i].func != NULL; i++) {
		const rte_eal_alarm_callback func = alarms[i].func;

		alarms[i].func = NULL;
		func(alarms[i].arg);
	}
}

/* Made-up memory, so that tables grow, shrink, move and become too long. */
int
__wrap_vhost_user_mem_list(struct vhost_user_mem *mem, const char *name)
{
	const uint8_t which = fuzz_backend.regions;
	const unsigned int nb = which % REGIONS_MAX;
	unsigned int i;

	/* Thousands of pages without hugepages, so only now and then. */
	if (which == UINT8_MAX)
		return __real_vhost_user_mem_list(mem, name);
	*mem = (struct vhost_user_mem){.nb = nb, .capacity = nb};
	if (nb == 0)
		return 0;
	mem->regions = calloc(nb, sizeof(mem->regions[0]));
	FUZZ_CHECK(mem->regions != NULL, "no memory");
	for (i = 0; i < nb; i++)
		mem->regions[i] = (struct vhost_user_mem_region){
			.addr = 0x100000ull + 0x100000ull * i,
			.size = 0x10000ull * (1 + ((which >> 4) + i) % 16),
			.offset = which & 0x20 ? 0x10000ull * i : 0,
			.fd = STDERR_FILENO,
			.dev = 1,
			.ino = which & 0x40 ? i : i + (which >> 7),
		};
	return 0;
}
