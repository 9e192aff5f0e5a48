/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "log.h"
#include "notify.h"
#include "secondary.h"

#define ACTION "pvq_notify_fd"

struct question {
	uint16_t port_id;
	uint16_t vq;
};

static unsigned int served_ports;

static int
answer(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = {.name = ACTION};
	struct question q;
	int fd, ret;

	if (msg->len_param != sizeof(q))
		return -1;
	memcpy(&q, msg->param, sizeof(q));
	if (q.port_id >= RTE_MAX_ETHPORTS || q.vq >= PVQ_MAX_VQS)
		return -1;
	fd = pvq_notify_dup(q.port_id, q.vq);
	if (fd >= 0) {
		reply.fds[0] = fd;
		reply.num_fds = 1;
	}
	ret = rte_mp_reply(&reply, peer);
	if (fd >= 0)
		close(fd);
	return ret;
}

void
pvq_secondary_serve(void)
{
	if (served_ports++ != 0)
		return;
	/* With --in-memory there are no secondary processes, and no way to talk to them. */
	if (rte_mp_action_register(ACTION, answer) != 0 && rte_errno != ENOTSUP)
		PVQ_LOG(WARNING, "net_pvq", "secondary processes will not be able to notify: %s",
			rte_strerror(rte_errno));
}

void
pvq_secondary_unserve(void)
{
	if (--served_ports == 0)
		rte_mp_action_unregister(ACTION);
}

int
pvq_secondary_ask_fd(uint16_t port_id, uint16_t vq)
{
	const struct timespec timeout = {.tv_sec = 1};
	const struct question q = {.port_id = port_id, .vq = vq};
	struct rte_mp_msg msg = {.name = ACTION, .len_param = sizeof(q)};
	struct rte_mp_reply reply;
	int fd = -EIO;

	memcpy(msg.param, &q, sizeof(q));
	if (rte_mp_request_sync(&msg, &reply, &timeout) != 0)
		return -rte_errno;
	if (reply.nb_received == 1 && reply.msgs[0].num_fds == 1)
		fd = reply.msgs[0].fds[0];
	free(reply.msgs);
	return fd;
}
