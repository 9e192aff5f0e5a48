/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The control queue of the PCI device: commands come in, are recorded and answered (NT-18). */

#include <errno.h>
#include <string.h>

#include "vpm_device_priv.h"

#define ACK_OK 0u
#define ACK_ERR 1u
#define ACK_ODD 77u

int
vpd_answer(struct vpd *d, uint8_t class, uint8_t command, enum vpd_answer how)
{
	int ret = -ENOSPC;

	vpd_lock(d);
	if (d->nb_rules < sizeof(d->rule) / sizeof(d->rule[0])) {
		d->rule[d->nb_rules].class = class;
		d->rule[d->nb_rules].command = command;
		d->rule[d->nb_rules].how = how;
		d->nb_rules++;
		ret = 0;
	}
	vpd_unlock(d);
	return ret;
}

static enum vpd_answer
how_to_answer(const struct vpd *d, const struct vpd_command *c)
{
	uint32_t i;

	for (i = d->nb_rules; i-- > 0;)
		if ((d->rule[i].class == VPD_ANY || d->rule[i].class == c->class) &&
		    (d->rule[i].command == VPD_ANY || d->rule[i].command == c->command))
			return d->rule[i].how;
	return VPD_OK;
}

static struct vpd_command *
last_command(struct vpd *d)
{
	return &d->command[(d->commands - 1) % VPD_COMMANDS];
}

/* The readable elements are one string of bytes. @return the first writable byte. */
static uint8_t *
read_command(const struct pd_buf *buf, struct vpd_command *c)
{
	uint32_t i, k, at = 0;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < buf->nb_elements && !buf->elements[i].writable; i++) {
		const uint8_t *from = buf->elements[i].base;

		for (k = 0; k < buf->elements[i].len; k++, at++) {
			if (at == 0)
				c->class = from[k];
			else if (at == 1)
				c->command = from[k];
			else if (at - 2 < VPD_COMMAND_BYTES)
				c->data[at - 2] = from[k];
		}
	}
	c->len = at - 2;
	return i < buf->nb_elements ? buf->elements[i].base : NULL;
}

static uint8_t *
ack_of(const struct pd_buf *buf)
{
	uint32_t i;

	for (i = 0; i < buf->nb_elements; i++)
		if (buf->elements[i].writable)
			return buf->elements[i].base;
	return NULL;
}

static void
interrupt(struct vpd *d)
{
	if (pd_should_interrupt(d->control))
		vpd_interrupt_queue(d, vpd_control_index(d));
}

static void
finish(struct vpd *d, struct pd_buf *buf)
{
	struct vpd_command *c = last_command(d);
	uint8_t *ack = ack_of(buf);

	c->refused = c->how == VPD_ERR || !vpd_execute(d, c);
	if (c->how != VPD_UNWRITTEN)
		*ack = c->refused ? ACK_ERR : c->how == VPD_ODD ? ACK_ODD : ACK_OK;
	if (c->how == VPD_WRONG_ID)
		pd_inject_used(d->control, buf->id + 1, 1, PD_F_WRITE, buf->slots);
	else
		pd_complete(d->control, buf, c->how == VPD_UNWRITTEN ? 0 :
					     c->how == VPD_LONG ? 2 : 1);
	interrupt(d);
	pthread_cond_broadcast(&d->net->cond);
}

static void
take_command(struct vpd *d, struct pd_buf *buf)
{
	struct vpd_command *c;
	uint8_t *ack;

	buf->taken = true;
	d->commands++;
	c = last_command(d);
	ack = read_command(buf, c);
	c->ms = vhu_now_ms();
	c->how = how_to_answer(d, c);
	if (pd_live(d->control) > 1)
		vhu_report(d->net, "HD-24", vpd_control_index(d),
			   "command %u of class %u, and another has no answer yet", c->command,
			   c->class);
	/* A device that uses the buffer without writing must not look as if all were well. */
	if (*ack == ACK_OK)
		vhu_report(d->net, "NT-18", vpd_control_index(d), "answer is there already");
	switch (c->how) {
	case VPD_NEVER:
		break;
	case VPD_LATE:
		d->late = buf;
		d->late_until = c->ms + d->conf.late_ms;
		break;
	default:
		finish(d, buf);
		break;
	}
	pthread_cond_broadcast(&d->net->cond);
}

void
vpd_serve_control(struct vpd *d)
{
	struct pd_buf *buf;

	if (d->control == NULL || d->net->vrings[vpd_control_index(d)].hung)
		return;
	if (d->late != NULL && vhu_now_ms() >= d->late_until) {
		buf = d->late;
		d->late = NULL;
		finish(d, buf);
	} else if (!d->control_rang) {
		return;
	}
	d->control_rang = false;
	do {
		while (d->late == NULL && pd_fetch(d->control, 1) == 1)
			take_command(d, pd_last(d->control));
		if (pd_get_config(d->control)->event_idx)
			pd_notify_next(d->control);
		else
			pd_notify_enable(d->control);
	} while (d->late == NULL && pd_available(d->control) &&
		 pd_violations(d->control) == 0);
}

void
vpd_reset_state(struct vpd *d)
{
	d->state = (struct vpd_state){.pairs = 1};
	memcpy(d->state.mac, d->conf.net.mac, sizeof(d->state.mac));
	memcpy(d->regs.conf.config, d->conf.net.mac, sizeof(d->state.mac));
	d->late = NULL;
}

uint32_t
vpd_commands(struct vpd *d)
{
	uint32_t n;

	vpd_lock(d);
	n = d->commands;
	vpd_unlock(d);
	return n;
}

int
vpd_command(struct vpd *d, uint32_t i, struct vpd_command *command)
{
	int ret = -ENOENT;

	vpd_lock(d);
	if (i < d->commands && d->commands - i <= VPD_COMMANDS) {
		*command = d->command[i % VPD_COMMANDS];
		ret = 0;
	}
	vpd_unlock(d);
	return ret;
}

uint32_t
vpd_command_count(struct vpd *d, uint8_t class, uint8_t command)
{
	uint32_t i, n = 0;

	vpd_lock(d);
	for (i = d->commands > VPD_COMMANDS ? d->commands - VPD_COMMANDS : 0; i < d->commands; i++)
		n += d->command[i % VPD_COMMANDS].class == class &&
		     d->command[i % VPD_COMMANDS].command == command;
	vpd_unlock(d);
	return n;
}

void
vpd_get_state(struct vpd *d, struct vpd_state *state)
{
	vpd_lock(d);
	*state = d->state;
	vpd_unlock(d);
}
