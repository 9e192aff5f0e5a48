/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>

#include "packed_device_offload.h"
#include "vhu_lies.h"
#include "vhu_packets.h"

/* Rounds over one pair before the thread looks at its socket again. */
#define MAX_ROUNDS 16

/** A transmitted packet, and what has become of it. */
struct outgoing {
	struct vhu_backend *b;
	uint32_t pair;
	bool room;
};

static bool
polls(const struct vhu_backend *b)
{
	return b->cfg.busy_poll || b->cfg.behave.events == VHU_EVENTS_POLL;
}

/* Ask for the notification that ends the next wait. */
static void
arm(struct vhu_backend *b, uint32_t idx, struct pd_vq *vq)
{
	if (vhu_lie_event(b, idx, vq) || polls(b))
		return;
	if (pd_get_config(vq)->event_idx && b->cfg.behave.events != VHU_EVENTS_ENABLE)
		pd_notify_next(vq);
	else
		pd_notify_enable(vq);
}

static void
count(struct vhu_backend *b, uint32_t idx, uint64_t bytes)
{
	b->vrings[idx].packets++;
	b->vrings[idx].bytes += bytes;
	b->moved = true;
}

/* How an honest device delivers, by the completion policy. */
static struct pd_rx_opts
rx_policy(struct vhu_backend *b, const struct pd_vq *rx)
{
	const struct vhu_behave *how = &b->cfg.behave;
	bool in_order = pd_get_config(rx)->in_order;
	struct pd_rx_opts o = { 0 };

	if (how->completion == VHU_BATCH)
		o.batch = in_order;
	else if (how->completion == VHU_REVERSE && !in_order)
		o.order = PD_REVERSE;
	else if (how->completion == VHU_SHUFFLE && !in_order)
		o.order = PD_SHUFFLE;
	o.seed = how->seed + (uint32_t)b->vrings[0].packets;
	return o;
}

bool
vhu_deliver(struct vhu_backend *b, uint32_t pair, const void *data, uint32_t len)
{
	uint32_t idx = 2 * pair, whole = len;
	struct pd_vq *rx = vhu_backend_vq(b, idx);
	struct pd_rx_opts o;
	struct pd_net_hdr hdr;
	enum vhu_lied lied;
	int ret;

	if (rx == NULL || b->vrings[idx].hung)
		return false;
	o = rx_policy(b, rx);
	lied = vhu_lie_rx(b, idx, rx, &o, &hdr, &len);
	if (lied == VHU_WAITS || lied == VHU_DONE)
		return false;
	if (len != whole)
		data = b->made; /* any bytes will do */
	ret = pd_rx_packet(rx, data, len, &o);
	if (ret == -EAGAIN) {
		pd_fetch(rx, UINT32_MAX);
		ret = pd_rx_packet(rx, data, len, &o);
	}
	if (ret == -EAGAIN)
		return false;
	if (lied == VHU_SPOILED)
		vhu_lie_told(b, idx);
	if (ret > 0)
		count(b, idx, whole);
	else if (lied == VHU_HONEST)
		vhu_report(b, "NT-11", idx, "no receive buffer takes %u bytes", len);
	return true;
}

/* A whole packet, checksum and all, leaves the device. */
static void
leave(void *arg, const void *data, uint32_t len)
{
	struct outgoing *out = arg;
	struct vhu_backend *b = out->b;

	if (b->cfg.mode == VHU_ECHO) {
		out->room = vhu_deliver(b, out->pair, data, len);
		if (!out->room)
			return;
	} else if (b->cfg.mode == VHU_GENERATE) {
		vhu_verify(b, out->pair, data, len);
	}
	count(b, 2 * out->pair + 1, len);
	b->packets++;
	if (b->cfg.on_packet != NULL)
		b->cfg.on_packet(b->cfg.on_packet_arg, out->pair, data, len);
}

/* False when it has to wait. Packets that were only partly copied count as breaches, not as
 * traffic.
 */
static bool
take(struct vhu_backend *b, uint32_t pair, struct pd_vq *tx, const struct pd_buf *buf)
{
	struct outgoing out = { b, pair, true };
	struct pd_net_hdr hdr;
	ssize_t len;

	len = pd_tx_copy(tx, buf, &hdr, b->scratch, sizeof(b->scratch));
	if (len < 0)
		return true;
	if ((size_t)len > sizeof(b->scratch)) {
		vhu_report(b, "NT-10", 2 * pair + 1, "packet of %zd bytes", len);
		return true;
	}
	pd_tx_offload(tx, buf->head, &hdr, b->scratch, len, leave, &out);
	return out.room;
}

/* The taken buffers are the oldest. The one to use next, by the policy. */
static struct pd_buf *
choose(struct vhu_backend *b, struct pd_vq *tx, uint32_t nb_taken)
{
	struct pd_buf *buf = pd_first(tx);
	enum vhu_completion how = b->cfg.behave.completion;
	uint32_t skip = 0;

	if (!pd_get_config(tx)->in_order && how == VHU_REVERSE)
		skip = nb_taken - 1;
	if (!pd_get_config(tx)->in_order && how == VHU_SHUFFLE) {
		b->cfg.behave.seed = b->cfg.behave.seed * 1664525u + 1013904223u;
		skip = (b->cfg.behave.seed >> 8) % nb_taken;
	}
	while (skip-- > 0)
		buf = buf->next;
	return buf;
}

static uint32_t
count_taken(const struct pd_vq *tx, uint32_t *most_slots)
{
	const struct pd_buf *buf = pd_first(tx);
	uint32_t n = 0;

	for (*most_slots = 1; buf != NULL && buf->taken; buf = buf->next, n++)
		if (buf->slots > *most_slots)
			*most_slots = buf->slots;
	return n;
}

/* Use what is taken, but for what is to be delayed. */
static void
use_taken(struct vhu_backend *b, uint32_t idx, struct pd_vq *tx)
{
	bool batch = (b->cfg.complete_in_batch || b->cfg.behave.completion == VHU_BATCH) &&
		     pd_get_config(tx)->in_order;
	uint32_t slots, n = count_taken(tx, &slots), k;
	uint32_t keep = pd_get_config(tx)->size / 2 / slots;
	bool any = false;

	if (keep > b->cfg.behave.delay)
		keep = b->cfg.behave.delay;
	while (n > keep) {
		any = true;
		if (!batch) {
			pd_complete(tx, choose(b, tx, n--), 0);
			continue;
		}
		k = n - keep;
		if (b->cfg.behave.batch != 0 && k > b->cfg.behave.batch)
			k = b->cfg.behave.batch;
		pd_complete_batch(tx, k, 0);
		n -= k;
	}
	if (any) {
		vhu_backend_interrupt(b, idx);
		vhu_backend_interrupt(b, idx - 1);
		pthread_cond_broadcast(&b->cond);
	}
}

/* Take what is fetched. Returns false when it had to leave something for want of room. */
static bool
drain(struct vhu_backend *b, uint32_t pair, struct pd_vq *tx)
{
	struct pd_buf *buf;
	bool room = true;

	for (buf = pd_first(tx); buf != NULL && room; buf = buf->next)
		if (!buf->taken)
			buf->taken = room = take(b, pair, tx, buf);
	if (vhu_lie_tx(b, 2 * pair + 1, tx))
		use_taken(b, 2 * pair + 1, tx);
	return room;
}

/* One round. Whether another one would find something to do. */
static bool
run_once(struct vhu_backend *b, uint32_t pair, struct pd_vq *tx, struct pd_vq *rx)
{
	bool room = true, wants = false;

	if (tx != NULL && (vhu_lie_pauses(b, 2 * pair + 1) || pd_fetch(tx, UINT32_MAX) < 0))
		tx = NULL;
	if (tx != NULL)
		room = drain(b, pair, tx);
	if (b->cfg.mode == VHU_GENERATE && rx != NULL) {
		wants = vhu_generate(b, pair);
		vhu_backend_interrupt(b, 2 * pair);
	}
	/* A lie may have been the end of it. */
	if (tx != NULL && b->vrings[2 * pair + 1].hung)
		tx = NULL;
	if (rx != NULL && b->vrings[2 * pair].hung)
		rx = NULL;
	if (tx != NULL) {
		arm(b, 2 * pair + 1, tx);
		if (pd_first(tx) == NULL && !pd_available(tx))
			vhu_lie_idle(b, 2 * pair + 1, tx);
	}
	if (rx != NULL && (!room || wants))
		arm(b, 2 * pair, rx);
	if (rx != NULL && (!room || wants) && pd_available(rx))
		return true;
	return tx != NULL && room && pd_available(tx);
}

static void
run_pair(struct vhu_backend *b, uint32_t pair)
{
	struct pd_vq *tx = vhu_backend_vq(b, 2 * pair + 1);
	struct pd_vq *rx = vhu_backend_vq(b, 2 * pair);
	uint32_t round;

	if (tx != NULL && b->vrings[2 * pair + 1].hung)
		tx = NULL;
	if (rx != NULL && b->vrings[2 * pair].hung)
		rx = NULL;
	if (tx != NULL)
		pd_notify_disable(tx);
	if (rx != NULL)
		pd_notify_disable(rx);
	for (round = 0; round < MAX_ROUNDS; round++)
		if (!run_once(b, pair, tx, rx))
			return;
	b->work_left = true;
}

void
vhu_packets_run(struct vhu_backend *b)
{
	uint32_t pair;

	b->work_left = b->moved = false;
	if (b->cfg.mode == VHU_IDLE)
		return;
	for (pair = 0; pair < b->cfg.queue_pairs; pair++)
		run_pair(b, pair);
}

int
vhu_packets_wait_ms(const struct vhu_backend *b)
{
	int wait = -1;

	if (b->cfg.mode == VHU_IDLE)
		return -1;
	if (b->cfg.mode == VHU_GENERATE && vhu_generate_waits(b))
		wait = 50;
	if (b->nb_lies > 0)
		wait = 5;
	if (b->cfg.behave.events == VHU_EVENTS_POLL)
		wait = b->moved ? 0 : 1;
	if (b->cfg.busy_poll || b->work_left)
		wait = 0;
	return wait;
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
