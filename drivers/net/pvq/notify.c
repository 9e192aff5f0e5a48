/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_config.h>
#include <rte_cycles.h>

#include "notify.h"

struct notify_table {
	pvq_notify_source_t source;
	uint64_t ask_again; /* TSC: not before that, after a failure */
	int fd[PVQ_MAX_VQS];
};

static struct notify_table *tables[RTE_MAX_ETHPORTS];

/* No table comes or goes under the hands of pvq_notify_dup(). */
static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;

int
pvq_notify_open(uint16_t port_id, pvq_notify_source_t source)
{
	struct notify_table *table = malloc(sizeof(*table));
	unsigned int i;

	if (table == NULL)
		return -ENOMEM;
	table->source = source;
	table->ask_again = 0;
	for (i = 0; i < RTE_DIM(table->fd); i++)
		table->fd[i] = -1;
	pthread_mutex_lock(&tables_lock);
	tables[port_id] = table;
	pthread_mutex_unlock(&tables_lock);
	return 0;
}

void
pvq_notify_close(uint16_t port_id)
{
	struct notify_table *table;
	unsigned int i;

	pthread_mutex_lock(&tables_lock);
	table = tables[port_id];
	tables[port_id] = NULL;
	pthread_mutex_unlock(&tables_lock);
	if (table == NULL)
		return;
	for (i = 0; i < RTE_DIM(table->fd); i++)
		if (table->fd[i] >= 0)
			close(table->fd[i]);
	free(table);
}

/* An answer takes a while and none takes a second: a burst must not wait for that every time. */
static int
ask_source(struct notify_table *table, uint16_t port_id, uint16_t vq)
{
	int fd;

	if (rte_rdtsc() < __atomic_load_n(&table->ask_again, __ATOMIC_RELAXED))
		return -EAGAIN;
	fd = table->source(port_id, vq);
	if (fd < 0)
		__atomic_store_n(&table->ask_again, rte_rdtsc() + 10 * rte_get_tsc_hz(),
				 __ATOMIC_RELAXED);
	return fd;
}

int
pvq_notify_fd(uint16_t port_id, uint16_t vq)
{
	struct notify_table *table = tables[port_id];
	int none = -1, fd;

	if (table == NULL)
		return -ENODEV;
	fd = __atomic_load_n(&table->fd[vq], __ATOMIC_RELAXED);
	if (fd >= 0)
		return fd;
	if (table->source != NULL)
		fd = ask_source(table, port_id, vq);
	else if ((fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
		fd = -errno;
	if (fd < 0)
		return fd;
	/* Two threads may have come here at once; the second uses what the first has put there. */
	if (!__atomic_compare_exchange_n(&table->fd[vq], &none, fd, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED)) {
		close(fd);
		return none;
	}
	return fd;
}

int
pvq_notify_dup(uint16_t port_id, uint16_t vq)
{
	int fd;

	pthread_mutex_lock(&tables_lock);
	fd = pvq_notify_fd(port_id, vq);
	if (fd >= 0) {
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			fd = -errno;
	}
	pthread_mutex_unlock(&tables_lock);
	return fd;
}

void
pvq_notify(uint16_t port_id, uint16_t vq)
{
	int fd = pvq_notify_fd(port_id, vq);

	/* EAGAIN means that the counter is at its end, so the device has a notification anyway. */
	if (likely(fd >= 0))
		RTE_SET_USED(eventfd_write(fd, 1));
}
