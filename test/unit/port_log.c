/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_log.h>

#include "port.h"
#include "port_log.h"

#define LOG_BYTES (1u << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char text[LOG_BYTES];
static size_t used;
static FILE *stream;
static int divisor = 1;
static int longest;

static ssize_t
log_write(void *cookie, const char *data, size_t len)
{
	size_t n;

	(void)cookie;
	pthread_mutex_lock(&lock);
	n = len < sizeof(text) - 1 - used ? len : sizeof(text) - 1 - used;
	memcpy(text + used, data, n);
	used += n;
	text[used] = '\0';
	pthread_mutex_unlock(&lock);
	if (getenv("PVQ_TEST_LOG") != NULL)
		fwrite(data, 1, len, stderr);
	return len;
}

int
port_log_open(void)
{
	const cookie_io_functions_t io = {.write = log_write};

	stream = fopencookie(NULL, "w", io);
	if (stream == NULL)
		return -1;
	setvbuf(stream, NULL, _IOLBF, 0);
	return rte_openlog_stream(stream);
}

void
port_log_close(void)
{
	rte_openlog_stream(NULL);
	fclose(stream);
}

void
port_log_clear(void)
{
	pthread_mutex_lock(&lock);
	used = 0;
	text[0] = '\0';
	pthread_mutex_unlock(&lock);
}

uint32_t
port_log_count(const char *what)
{
	const char *at = text;
	uint32_t n = 0;

	fflush(stream);
	pthread_mutex_lock(&lock);
	while ((at = strstr(at, what)) != NULL) {
		at += strlen(what);
		n++;
	}
	pthread_mutex_unlock(&lock);
	return n;
}

bool
port_log_has(const char *what)
{
	return port_log_count(what) != 0;
}

void
port_log_print(void)
{
	fflush(stream);
	pthread_mutex_lock(&lock);
	fputs(text, stderr);
	pthread_mutex_unlock(&lock);
}

bool
port_log_wait(const char *what, uint32_t timeout_ms)
{
	const uint64_t end = port_now_ms() + timeout_ms;

	while (!port_log_has(what)) {
		if (port_now_ms() > end)
			return false;
		port_sleep_ms(2);
	}
	return true;
}

void
port_time_divisor(int n)
{
	__atomic_store_n(&divisor, n, __ATOMIC_RELAXED);
	__atomic_store_n(&longest, 0, __ATOMIC_RELAXED);
}

int
port_time_longest(void)
{
	return __atomic_load_n(&longest, __ATOMIC_RELAXED);
}

/* In place of libc's, for this program and the libraries in it. */
int
poll(struct pollfd *fds, nfds_t nfds, int timeout)
{
	struct timespec ts;
	int ms = timeout;

	if (timeout > __atomic_load_n(&longest, __ATOMIC_RELAXED))
		__atomic_store_n(&longest, timeout, __ATOMIC_RELAXED);
	if (timeout >= 1000)
		ms = timeout / __atomic_load_n(&divisor, __ATOMIC_RELAXED);
	ts.tv_sec = ms / 1000;
	ts.tv_nsec = ms % 1000 * 1000000l;
	return syscall(SYS_ppoll, fds, nfds, ms < 0 ? NULL : &ts, NULL, 0);
}

uint64_t
port_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

void
port_sleep_ms(uint32_t ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000l};

	nanosleep(&ts, NULL);
}
