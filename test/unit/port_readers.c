/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>

#include "port_readers.h"

#define XSTATS_MAX 1024
/* No test counts this far: a figure above it is not a counter's. */
#define PLAUSIBLE (1ull << 40)

int
port_telemetry_connect(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	char hello[1024];

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/dpdk_telemetry.v2",
		 rte_eal_get_runtime_dir());
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    recv(fd, hello, sizeof(hello), 0) > 0)
		return fd;
	close(fd);
	return -1;
}

bool
port_telemetry_ask(int fd, const char *command, char *answer, size_t size)
{
	ssize_t n;

	if (send(fd, command, strlen(command), 0) <= 0)
		return false;
	n = recv(fd, answer, size - 1, 0);
	answer[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static const char *
check_stats(const struct readers *r, const struct rte_eth_stats *now,
	    const struct rte_eth_stats *before)
{
	if (now->ipackets > PLAUSIBLE || now->opackets > PLAUSIBLE || now->ibytes > PLAUSIBLE ||
	    now->obytes > PLAUSIBLE || now->ierrors != 0)
		return "figures that cannot be";
	if (!r->reset && !r->lenient &&
	    (now->ipackets < before->ipackets || now->opackets < before->opackets ||
	     now->ibytes < before->ibytes || now->obytes < before->obytes))
		return "counters went back";
	return NULL;
}

static const char *
check_xstats(const struct readers *r)
{
	static struct rte_eth_xstat_name names[XSTATS_MAX];
	static struct rte_eth_xstat values[XSTATS_MAX];
	int n = rte_eth_xstats_get(r->p->id, values, XSTATS_MAX), i;

	if (n <= 0 || rte_eth_xstats_get_names(r->p->id, names, XSTATS_MAX) <= 0)
		return "no extended statistics";
	for (i = 0; i < n && i < XSTATS_MAX; i++)
		if (values[i].value > PLAUSIBLE)
			return "an extended statistic that cannot be";
	return NULL;
}

static void *
read_stats(void *arg)
{
	struct rte_eth_stats before = {0}, now;
	struct readers *r = arg;
	const char *error = NULL;

	while (!__atomic_load_n(&r->quit, __ATOMIC_ACQUIRE) && error == NULL) {
		if (rte_eth_stats_get(r->p->id, &now) != 0)
			error = "no statistics";
		else
			error = check_stats(r, &now, &before);
		before = now;
		if (error == NULL)
			error = check_xstats(r);
		if (r->reset && r->read % 8 == 7)
			rte_eth_xstats_reset(r->p->id);
		__atomic_fetch_add(&r->read, 1, __ATOMIC_RELAXED);
		if (r->read % 4 == 0)
			port_sleep_ms(1);
	}
	r->error[0] = error;
	return NULL;
}

static void *
ask_telemetry(void *arg)
{
	static const char *const commands[] = {
		"/pvq/list", "/pvq/port,%u", "/pvq/ring,%u,rx,0", "/pvq/ring,%u,tx,0",
		"/ethdev/stats,%u", "/ethdev/xstats,%u", "/ethdev/link_status,%u",
	};
	static char answer[1 << 18];
	struct readers *r = arg;
	const unsigned int n = r->ports_go ? 4 : RTE_DIM(commands);
	/* The first port of a program has the first number. */
	const uint16_t id = r->ports_go ? 0 : r->p->id;
	int fd = port_telemetry_connect();
	const char *error = fd < 0 ? "no telemetry" : NULL;
	char command[64];

	while (!__atomic_load_n(&r->quit, __ATOMIC_ACQUIRE) && error == NULL) {
		snprintf(command, sizeof(command), commands[__atomic_fetch_add(&r->asked, 1, __ATOMIC_RELAXED) % n], id);
		if (!port_telemetry_ask(fd, command, answer, sizeof(answer)))
			error = "telemetry does not answer";
		else if (!r->ports_go && !r->lenient && strstr(answer, ":null") != NULL)
			error = "telemetry knows no such port";
		if (r->asked % 8 == 0)
			port_sleep_ms(1);
	}
	close(fd);
	r->error[1] = error;
	return NULL;
}

void
readers_start(struct readers *r, const struct port *p)
{
	r->p = p;
	r->quit = false;
	r->running = 0;
	assert_int_equal(pthread_create(&r->threads[r->running++], NULL, ask_telemetry, r), 0);
	/* ethdev's own functions may not be called while a port is closed. */
	if (!r->ports_go)
		assert_int_equal(pthread_create(&r->threads[r->running++], NULL, read_stats, r),
				 0);
}

void
readers_end(void *arg)
{
	struct readers *r = arg;

	__atomic_store_n(&r->quit, true, __ATOMIC_RELEASE);
	while (r->running > 0)
		pthread_join(r->threads[--r->running], NULL);
}

static bool
has_been_heard(const struct readers *r)
{
	return __atomic_load_n(&r->asked, __ATOMIC_RELAXED) > 0 &&
	       (r->ports_go || __atomic_load_n(&r->read, __ATOMIC_RELAXED) > 0);
}

void
readers_finish(struct readers *r)
{
	unsigned int i;

	/* On a busy machine the test can be over before anybody has been heard. */
	for (i = 0; i < PORT_WAIT_MS && !has_been_heard(r); i++)
		port_sleep_ms(1);
	readers_end(r);
	for (i = 0; i < RTE_DIM(r->error); i++)
		if (r->error[i] != NULL)
			fail_msg("%s after %u readings and %u commands", r->error[i], r->read,
				 r->asked);
	assert_true(has_been_heard(r));
}
