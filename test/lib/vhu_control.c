/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The control queue of the vhost-user backend: commands are recorded and answered (NT-18). */

#include <errno.h>

#include "vhu_priv.h"

#define ACK_OK 0u
#define ACK_ERR 1u

uint32_t
vhu_control_index(const struct vhu_backend *b)
{
	if (!(b->features & VHU_F_CTRL_VQ))
		return VHU_MAX_VRINGS;
	return b->features & VHU_F_MQ ? 2 * b->cfg.queue_pairs : 2;
}

/* The readable elements are one string of bytes. @return the first writable byte, or NULL. */
static uint8_t *
read_command(const struct pd_buf *buf, struct vhu_command *c)
{
	uint32_t i, k, at = 0;

	for (i = 0; i < buf->nb_elements && !buf->elements[i].writable; i++) {
		const uint8_t *from = buf->elements[i].base;

		for (k = 0; k < buf->elements[i].len; k++, at++) {
			if (at == 0)
				c->class = from[k];
			else if (at == 1)
				c->command = from[k];
			else if (at - 2 < sizeof(c->data))
				c->data[at - 2] = from[k];
		}
	}
	c->len = at - 2;
	return i < buf->nb_elements && at >= 2 ? buf->elements[i].base : NULL;
}

static void
answer(struct vhu_backend *b, struct pd_vq *vq)
{
	struct vhu_command c = { .connection = b->connections };
	struct pd_buf *buf = pd_last(vq);
	uint8_t *ack = read_command(buf, &c);

	if (b->nb_commands < VHU_MAX_COMMANDS)
		b->commands[b->nb_commands] = c;
	b->nb_commands++;
	if (ack == NULL) {
		vhu_report(b, "NT-18", vhu_control_index(b), "command of %u bytes", c.len + 2);
		return;
	}
	*ack = b->cfg.refuse_commands ? ACK_ERR : ACK_OK;
	pd_complete(vq, buf, 1);
	vhu_backend_interrupt(b, vhu_control_index(b));
	pthread_cond_broadcast(&b->cond);
}

void
vhu_control_run(struct vhu_backend *b)
{
	const uint32_t idx = vhu_control_index(b);
	struct pd_vq *vq = idx < VHU_MAX_VRINGS ? vhu_backend_vq(b, idx) : NULL;

	if (vq == NULL || b->cfg.ignore_commands)
		return;
	do {
		while (pd_fetch(vq, 1) == 1)
			answer(b, vq);
		if (pd_get_config(vq)->event_idx)
			pd_notify_next(vq);
		else
			pd_notify_enable(vq);
	} while (pd_available(vq) && pd_violations(vq) == 0);
}

uint32_t
vhu_backend_commands(struct vhu_backend *b)
{
	uint32_t n;

	vhu_backend_lock(b);
	n = b->nb_commands;
	vhu_backend_unlock(b);
	return n;
}

int
vhu_backend_command(struct vhu_backend *b, uint32_t i, struct vhu_command *command)
{
	int ret = -ENOENT;

	vhu_backend_lock(b);
	if (i < b->nb_commands && i < VHU_MAX_COMMANDS) {
		*command = b->commands[i];
		ret = 0;
	}
	vhu_backend_unlock(b);
	return ret;
}
