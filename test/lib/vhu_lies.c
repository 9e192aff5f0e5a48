/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "vhu_lies.h"

/* In which a polling driver sees all that was used and has posted what it wants to post. */
#define QUIET_MS 30u

uint64_t
vhu_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *
vhu_lie_name(uint32_t i)
{
	const struct vhu_lie_row *row = vhu_lie_row(i);

	return row != NULL ? row->name : NULL;
}

int
vhu_backend_lie(struct vhu_backend *b, const char *name, uint32_t vring, uint64_t after,
		uint32_t arg)
{
	uint32_t fits = vring % 2 == 0 ? VHU_LIES_RX | VHU_LIES_EVENT :
					 VHU_LIES_TX | VHU_LIES_EVENT | VHU_LIES_IDLE;
	const struct vhu_lie_row *row;
	int ret = -ENOSPC;
	uint32_t i;

	for (i = 0; (row = vhu_lie_row(i)) != NULL; i++)
		if (strcmp(row->name, name) == 0)
			break;
	if (row == NULL || vring >= 2 * b->cfg.queue_pairs || !(row->how & fits))
		return -EINVAL;
	vhu_backend_lock(b);
	if (b->nb_lies < VHU_MAX_LIES) {
		b->lies[b->nb_lies++] = (struct vhu_lie){
			.row = row,
			.vring = vring,
			.at = b->vrings[vring].packets + after,
			.arg = arg,
		};
		ret = 0;
	}
	vhu_backend_unlock(b);
	vhu_wake(b);
	return ret;
}

uint64_t
vhu_backend_lies_told(struct vhu_backend *b)
{
	uint64_t n;

	vhu_backend_lock(b);
	n = b->lies_told;
	vhu_backend_unlock(b);
	return n;
}

uint32_t
vhu_backend_lies_left(struct vhu_backend *b)
{
	uint32_t n;

	vhu_backend_lock(b);
	n = b->nb_lies;
	vhu_backend_unlock(b);
	return n;
}

/* The oldest lie that is due on a ring on this occasion. */
static struct vhu_lie *
due(struct vhu_backend *b, uint32_t idx, uint32_t occasion)
{
	struct vhu_lie *lie;
	uint32_t i;

	for (i = 0; i < b->nb_lies; i++) {
		lie = &b->lies[i];
		if (lie->vring == idx && (lie->row->how & occasion) &&
		    b->vrings[idx].packets >= lie->at)
			return lie;
	}
	return NULL;
}

static void
told(struct vhu_backend *b, struct vhu_lie *lie)
{
	b->vrings[lie->vring].hung = lie->row->how & VHU_LIE_HANGS;
	b->lies_told++;
	b->nb_lies--;
	memmove(lie, lie + 1, (b->lies + b->nb_lies - lie) * sizeof(*lie));
}

/* Whether the time has come for a lie that wants the ring quiet before. */
static bool
is_quiet(struct vhu_lie *lie)
{
	if (!(lie->row->how & VHU_LIE_QUIET))
		return true;
	if (lie->quiet_until == 0)
		lie->quiet_until = vhu_now_ms() + QUIET_MS;
	return vhu_now_ms() >= lie->quiet_until;
}

/* Tell what is due, if anything; a lie that is told is forgotten. */
static enum vhu_lied
tell(struct vhu_backend *b, uint32_t idx, uint32_t occasion, struct vhu_telling *t)
{
	struct vhu_lie *lie = due(b, idx, occasion);
	enum vhu_lied what;

	if (lie == NULL)
		return VHU_HONEST;
	if (!is_quiet(lie))
		return VHU_WAITS;
	/* What is posted is what there is to lie about. */
	if (occasion == VHU_LIES_RX)
		pd_fetch(t->vq, UINT32_MAX);
	t->b = b;
	t->lie = lie;
	what = lie->row->tell(t);
	if (what == VHU_DONE) {
		told(b, lie);
		vhu_backend_interrupt(b, idx);
	}
	return what;
}

enum vhu_lied
vhu_lie_rx(struct vhu_backend *b, uint32_t idx, struct pd_vq *vq, struct pd_rx_opts *o,
	   struct pd_net_hdr *hdr, uint32_t *len)
{
	struct pd_rx_opts spoiled = { 0 };
	struct vhu_telling t = { .vq = vq, .o = &spoiled, .hdr = hdr, .len = len };
	enum vhu_lied what;

	memset(hdr, 0, sizeof(*hdr));
	what = tell(b, idx, VHU_LIES_RX, &t);
	if (what == VHU_SPOILED)
		*o = spoiled;
	return what;
}

void
vhu_lie_told(struct vhu_backend *b, uint32_t idx)
{
	struct vhu_lie *lie = due(b, idx, VHU_LIES_RX);

	if (lie != NULL)
		told(b, lie);
}

bool
vhu_lie_pauses(struct vhu_backend *b, uint32_t idx)
{
	struct vhu_lie *lie = due(b, idx, VHU_LIES_TX);

	return lie != NULL && !is_quiet(lie);
}

bool
vhu_lie_tx(struct vhu_backend *b, uint32_t idx, struct pd_vq *vq)
{
	struct vhu_telling t = { .vq = vq };

	return tell(b, idx, VHU_LIES_TX, &t) != VHU_WAITS && !b->vrings[idx].hung;
}

bool
vhu_lie_event(struct vhu_backend *b, uint32_t idx, struct pd_vq *vq)
{
	struct vhu_telling t = { .vq = vq };

	return tell(b, idx, VHU_LIES_EVENT, &t) == VHU_DONE;
}

void
vhu_lie_idle(struct vhu_backend *b, uint32_t idx, struct pd_vq *vq)
{
	struct vhu_telling t = { .vq = vq };

	tell(b, idx, VHU_LIES_IDLE, &t);
}
