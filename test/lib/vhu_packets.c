/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>

#include "vhu_priv.h"

/* Rounds over one pair before the thread looks at its socket again. */
#define MAX_ROUNDS 16

/* Ask for the notification that ends the next wait. */
static void
arm(struct vhu_backend *b, struct pd_vq *vq)
{
	if (b->cfg.busy_poll)
		return;
	if (pd_get_config(vq)->event_idx)
		pd_notify_next(vq);
	else
		pd_notify_enable(vq);
}

static void
count(struct vhu_backend *b, uint32_t idx, uint64_t bytes)
{
	b->vrings[idx].packets++;
	b->vrings[idx].bytes += bytes;
}

/* Give a packet back on the receive queue; false when there is no room. */
static bool
echo(struct vhu_backend *b, uint32_t pair, uint32_t len)
{
	struct pd_vq *rx = vhu_backend_vq(b, 2 * pair);
	int ret;

	if (rx == NULL)
		return false;
	ret = pd_rx_packet(rx, b->scratch, len, NULL);
	if (ret == -EAGAIN) {
		pd_fetch(rx, UINT32_MAX);
		ret = pd_rx_packet(rx, b->scratch, len, NULL);
	}
	if (ret == -EAGAIN)
		return false;
	if (ret > 0)
		count(b, 2 * pair, len);
	else
		vhu_report(b, "NT-11", 2 * pair, "no receive buffer takes %u bytes", len);
	return true;
}

/* Packets that were only partly copied count as breaches, not as traffic. */
static bool
take(struct vhu_backend *b, uint32_t pair, struct pd_vq *tx, const struct pd_buf *buf)
{
	uint32_t idx = 2 * pair + 1;
	ssize_t len;

	len = pd_tx_copy(tx, buf, NULL, b->scratch, sizeof(b->scratch));
	if (len < 0)
		return true;
	if ((size_t)len > sizeof(b->scratch)) {
		vhu_report(b, "NT-10", idx, "packet of %zd bytes", len);
		return true;
	}
	if (b->cfg.mode == VHU_ECHO && !echo(b, pair, len))
		return false;
	count(b, idx, len);
	b->packets++;
	if (b->cfg.on_packet != NULL)
		b->cfg.on_packet(b->cfg.on_packet_arg, pair, b->scratch, len);
	return true;
}

/* Take what is fetched. Returns false when it had to leave something for want of room. */
static bool
drain(struct vhu_backend *b, uint32_t pair, struct pd_vq *tx)
{
	bool batch = b->cfg.complete_in_batch && pd_get_config(tx)->in_order;
	struct pd_buf *buf = pd_first(tx), *next;
	bool room = true;
	uint32_t n = 0;

	for (; buf != NULL && room; buf = next) {
		next = buf->next;
		room = take(b, pair, tx, buf);
		if (!room)
			break;
		n++;
		if (!batch)
			pd_complete(tx, buf, 0);
	}
	if (batch && n > 0)
		pd_complete_batch(tx, n, 0);
	if (n > 0) {
		vhu_backend_interrupt(b, 2 * pair + 1);
		vhu_backend_interrupt(b, 2 * pair);
		pthread_cond_broadcast(&b->cond);
	}
	return room;
}

static void
run_pair(struct vhu_backend *b, uint32_t pair)
{
	struct pd_vq *tx = vhu_backend_vq(b, 2 * pair + 1);
	struct pd_vq *rx = vhu_backend_vq(b, 2 * pair);
	uint32_t round;
	bool room;

	if (tx == NULL)
		return;
	pd_notify_disable(tx);
	if (rx != NULL)
		pd_notify_disable(rx);
	for (round = 0; round < MAX_ROUNDS; round++) {
		if (pd_fetch(tx, UINT32_MAX) < 0)
			return;
		room = drain(b, pair, tx);
		arm(b, tx);
		if (!room && rx != NULL)
			arm(b, rx);
		if (room ? !pd_available(tx) : rx == NULL || !pd_available(rx))
			return;
	}
	b->work_left = true;
}

void
vhu_packets_run(struct vhu_backend *b)
{
	uint32_t pair;

	b->work_left = false;
	if (b->cfg.mode == VHU_IDLE)
		return;
	for (pair = 0; pair < b->cfg.queue_pairs; pair++)
		run_pair(b, pair);
}

int
vhu_backend_send(struct vhu_backend *b, uint32_t pair, const void *data, uint32_t len)
{
	struct pd_vq *rx;
	int ret = -ENOTCONN;

	vhu_backend_lock(b);
	rx = vhu_backend_vq(b, 2 * pair);
	if (rx != NULL) {
		ret = pd_fetch(rx, UINT32_MAX);
		if (ret >= 0)
			ret = pd_rx_packet(rx, data, len, NULL);
		if (ret > 0) {
			count(b, 2 * pair, len);
			vhu_backend_interrupt(b, 2 * pair);
			ret = 0;
		}
	}
	vhu_backend_unlock(b);
	return ret;
}

ssize_t
vhu_backend_recv(struct vhu_backend *b, uint32_t pair, void *data, size_t size)
{
	ssize_t len = -ENOTCONN;
	struct pd_vq *tx;
	int ret;

	vhu_backend_lock(b);
	tx = vhu_backend_vq(b, 2 * pair + 1);
	if (tx != NULL) {
		ret = pd_fetch(tx, UINT32_MAX);
		len = ret < 0 ? ret : -EAGAIN;
		if (pd_first(tx) != NULL) {
			len = pd_tx_copy(tx, pd_first(tx), NULL, data, size);
			pd_complete(tx, pd_first(tx), 0);
			if (len >= 0) {
				count(b, 2 * pair + 1, len);
				b->packets++;
			}
			vhu_backend_interrupt(b, 2 * pair + 1);
		}
	}
	vhu_backend_unlock(b);
	return len;
}

void
vhu_backend_set_link(struct vhu_backend *b, bool up)
{
	/* CONFIG_CHANGE_MSG, the backend's own request 2, without payload. */
	uint32_t msg[3] = { 2, VHU_VERSION, 0 };

	vhu_backend_lock(b);
	b->cfg.status = up ? VHU_LINK_UP : 0;
	if (b->driver_fd >= 0)
		vhu_send_all(b->driver_fd, msg, sizeof(msg));
	vhu_backend_unlock(b);
}
