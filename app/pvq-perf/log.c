/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/*
 * net_virtio tells which path it runs in its log and nowhere else, so the log goes through here.
 * Messages that the user has not asked for are read and kept back; the others go to stderr.
 */

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <rte_log.h>
#include <rte_spinlock.h>

#include "perf.h"

#define TYPE_NAME "pmd.net.virtio.init"
#define MARK "virtio: using "
#define RX " Rx path on port "
#define TX " Tx path on port "
#define LINE_LEN 256

struct told {
	char rx[RTE_ETH_BURST_MODE_INFO_SIZE], tx[RTE_ETH_BURST_MODE_INFO_SIZE];
};

static struct told told[RTE_MAX_ETHPORTS];
static rte_spinlock_t lock = RTE_SPINLOCK_INITIALIZER;
static int type = -1;
static uint32_t asked_level;
static FILE *stream;

/* If a line says which path a port runs, keep that. */
static void
keep(const char *line, const char *direction, size_t offset)
{
	const char *name = strstr(line, MARK), *end = strstr(line, direction);
	unsigned int port;

	if (name == NULL || end == NULL ||
	    sscanf(end + strlen(direction), "%u", &port) != 1 || port >= RTE_MAX_ETHPORTS)
		return;
	name += strlen(MARK);
	rte_spinlock_lock(&lock);
	snprintf((char *)&told[port] + offset, RTE_ETH_BURST_MODE_INFO_SIZE, "%.*s",
		 end > name ? (int)(end - name) : 0, name);
	rte_spinlock_unlock(&lock);
}

/* A write function of fopencookie(3); EAL flushes after every message. */
static ssize_t
on_message(void *cookie, const char *text, size_t len)
{
	char line[LINE_LEN];

	RTE_SET_USED(cookie);
	if (rte_log_cur_msg_logtype() == type) {
		snprintf(line, sizeof(line), "%.*s", (int)RTE_MIN(len, sizeof(line) - 1), text);
		keep(line, RX, offsetof(struct told, rx));
		keep(line, TX, offsetof(struct told, tx));
		if ((uint32_t)rte_log_cur_msg_loglevel() > asked_level)
			return len;
	}
	fwrite(text, 1, len, stderr);
	return len;
}

void
perf_log_open(void)
{
	static const cookie_io_functions_t functions = {.write = on_message};

	type = rte_log_register(TYPE_NAME);
	stream = fopencookie(NULL, "w", functions);
	if (type < 0 || stream == NULL)
		return;
	asked_level = rte_log_get_level(type);
	if (asked_level < RTE_LOG_INFO)
		rte_log_set_level(type, RTE_LOG_INFO);
	rte_openlog_stream(stream);
}

void
perf_log_close(void)
{
	if (stream == NULL)
		return;
	rte_openlog_stream(NULL);
	fclose(stream);
	stream = NULL;
}

void
perf_log_paths(uint16_t port, char *rx, char *tx, size_t size)
{
	rte_spinlock_lock(&lock);
	snprintf(rx, size, "%s", told[port].rx);
	snprintf(tx, size, "%s", told[port].tx);
	rte_spinlock_unlock(&lock);
}

void
perf_log_forget(uint16_t port)
{
	rte_spinlock_lock(&lock);
	told[port] = (struct told){0};
	rte_spinlock_unlock(&lock);
}
