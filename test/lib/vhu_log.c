/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vhu_priv.h"

#define TEXT_BYTES (256u * (VHU_MAX_BREACHES + 64u))

static const char *const request_names[VHU_REQUEST_END] = {
	[VHU_GET_FEATURES] = "GET_FEATURES",
	[VHU_SET_FEATURES] = "SET_FEATURES",
	[VHU_SET_OWNER] = "SET_OWNER",
	[VHU_RESET_OWNER] = "RESET_OWNER",
	[VHU_SET_MEM_TABLE] = "SET_MEM_TABLE",
	[VHU_SET_LOG_BASE] = "SET_LOG_BASE",
	[VHU_SET_LOG_FD] = "SET_LOG_FD",
	[VHU_SET_VRING_NUM] = "SET_VRING_NUM",
	[VHU_SET_VRING_ADDR] = "SET_VRING_ADDR",
	[VHU_SET_VRING_BASE] = "SET_VRING_BASE",
	[VHU_GET_VRING_BASE] = "GET_VRING_BASE",
	[VHU_SET_VRING_KICK] = "SET_VRING_KICK",
	[VHU_SET_VRING_CALL] = "SET_VRING_CALL",
	[VHU_SET_VRING_ERR] = "SET_VRING_ERR",
	[VHU_GET_PROTOCOL_FEATURES] = "GET_PROTOCOL_FEATURES",
	[VHU_SET_PROTOCOL_FEATURES] = "SET_PROTOCOL_FEATURES",
	[VHU_GET_QUEUE_NUM] = "GET_QUEUE_NUM",
	[VHU_SET_VRING_ENABLE] = "SET_VRING_ENABLE",
	[VHU_SEND_RARP] = "SEND_RARP",
	[VHU_NET_SET_MTU] = "NET_SET_MTU",
	[VHU_SET_BACKEND_REQ_FD] = "SET_BACKEND_REQ_FD",
	[VHU_IOTLB_MSG] = "IOTLB_MSG",
	[VHU_SET_VRING_ENDIAN] = "SET_VRING_ENDIAN",
	[VHU_GET_CONFIG] = "GET_CONFIG",
	[VHU_SET_CONFIG] = "SET_CONFIG",
	[VHU_RESET_DEVICE] = "RESET_DEVICE",
	[VHU_GET_MAX_MEM_SLOTS] = "GET_MAX_MEM_SLOTS",
	[VHU_ADD_MEM_REG] = "ADD_MEM_REG",
	[VHU_REM_MEM_REG] = "REM_MEM_REG",
	[VHU_SET_STATUS] = "SET_STATUS",
	[VHU_GET_STATUS] = "GET_STATUS",
};

const char *
vhu_request_name(uint32_t request)
{
	if (request >= VHU_REQUEST_END || request_names[request] == NULL)
		return "?";
	return request_names[request];
}

static struct pd_violation *
new_breach(struct vhu_backend *b)
{
	if (b->nb_breaches++ >= VHU_MAX_BREACHES)
		return NULL;
	return &b->breaches[b->nb_breaches - 1];
}

void
vhu_report(struct vhu_backend *b, const char *id, uint32_t vring, const char *fmt, ...)
{
	struct pd_violation *v = new_breach(b);
	va_list args;
	int n;

	if (v == NULL)
		return;
	v->slot = UINT32_MAX;
	snprintf(v->id, sizeof(v->id), "%s", id);
	if (vring == VHU_NO_VRING)
		n = snprintf(v->text, sizeof(v->text), "%s: ", id);
	else
		n = snprintf(v->text, sizeof(v->text), "%s vring %u: ", id, vring);
	va_start(args, fmt);
	vsnprintf(v->text + n, sizeof(v->text) - n, fmt, args);
	va_end(args);
}

static void
prefix_vring(struct pd_violation *to, const struct pd_violation *from, uint32_t vring)
{
	*to = *from;
	if (snprintf(to->text, sizeof(to->text), "vring %u, %s", vring, from->text) < 0)
		to->text[0] = '\0';
}

void
vhu_collect(struct vhu_backend *b, uint32_t vring)
{
	struct pd_vq *vq = b->vrings[vring].vq;
	const struct pd_violation *from;
	struct pd_violation *to;
	uint32_t i;

	for (i = 0; (from = pd_violation(vq, i)) != NULL; i++) {
		to = new_breach(b);
		if (to != NULL)
			prefix_vring(to, from, vring);
	}
	pd_violations_clear(vq);
}

/* What running virtqueues recorded joins the list whenever somebody looks; unlike
 * pd_violations_clear() this must not set a stopped queue going again.
 */
static uint32_t
live_breaches(struct vhu_backend *b)
{
	uint32_t i, n = 0;

	for (i = 0; i < VHU_MAX_VRINGS; i++)
		if (b->vrings[i].vq != NULL)
			n += pd_violations(b->vrings[i].vq);
	return n;
}

uint32_t
vhu_backend_violations(struct vhu_backend *b)
{
	uint32_t n;

	vhu_backend_lock(b);
	n = b->nb_breaches + live_breaches(b);
	vhu_backend_unlock(b);
	return n;
}

const char *
vhu_backend_violations_text(struct vhu_backend *b)
{
	const struct pd_violation *from;
	struct pd_violation v;
	uint32_t i, k;
	size_t at = 0;

	vhu_backend_lock(b);
	if (b->text == NULL)
		b->text = malloc(TEXT_BYTES);
	if (b->text == NULL) {
		vhu_backend_unlock(b);
		return "out of memory";
	}
	b->text[0] = '\0';
	for (i = 0; i < b->nb_breaches && i < VHU_MAX_BREACHES; i++)
		at += snprintf(b->text + at, TEXT_BYTES - at, "%s\n", b->breaches[i].text);
	for (i = 0; i < VHU_MAX_VRINGS; i++) {
		if (b->vrings[i].vq == NULL)
			continue;
		for (k = 0; (from = pd_violation(b->vrings[i].vq, k)) != NULL; k++) {
			if (TEXT_BYTES - at < sizeof(v.text) + 2)
				break;
			prefix_vring(&v, from, i);
			at += snprintf(b->text + at, TEXT_BYTES - at, "%s\n", v.text);
		}
	}
	vhu_backend_unlock(b);
	return b->text;
}

bool
vhu_backend_violated(struct vhu_backend *b, const char *id)
{
	bool found = false;
	uint32_t i;

	vhu_backend_lock(b);
	for (i = 0; i < b->nb_breaches && i < VHU_MAX_BREACHES && !found; i++)
		found = strcmp(b->breaches[i].id, id) == 0;
	for (i = 0; i < VHU_MAX_VRINGS && !found; i++)
		found = b->vrings[i].vq != NULL && pd_violated(b->vrings[i].vq, id);
	vhu_backend_unlock(b);
	return found;
}

void
vhu_backend_violations_clear(struct vhu_backend *b)
{
	uint32_t i;

	vhu_backend_lock(b);
	b->nb_breaches = 0;
	for (i = 0; i < VHU_MAX_VRINGS; i++)
		if (b->vrings[i].vq != NULL)
			pd_violations_clear(b->vrings[i].vq);
	vhu_backend_unlock(b);
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

struct vhu_record *
vhu_log_append(struct vhu_backend *b, const struct vhu_msg *msg)
{
	struct vhu_record *rec, *grown;
	uint32_t size, n;

	if (msg->request < VHU_REQUEST_END)
		b->counts[msg->request]++;
	if (b->nb_log >= VHU_MAX_LOG) {
		b->nb_log++;
		return NULL;
	}
	if (b->nb_log == b->log_size) {
		size = b->log_size == 0 ? 256 : 2 * b->log_size;
		grown = realloc(b->log, size * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		b->log = grown;
		b->log_size = size;
	}
	rec = &b->log[b->nb_log++];
	memset(rec, 0, sizeof(*rec));
	rec->connection = b->connections;
	rec->request = msg->request;
	rec->flags = msg->flags;
	rec->size = msg->size;
	rec->nfds = msg->nfds;
	rec->need_reply = msg->flags & VHU_NEED_REPLY;
	n = msg->size < sizeof(rec->u64) ? msg->size : sizeof(rec->u64);
	memcpy(rec->u64, msg->bytes, n);
	rec->ms = now_ms();
	return rec;
}

uint32_t
vhu_backend_log_count(struct vhu_backend *b)
{
	uint32_t n;

	vhu_backend_lock(b);
	n = b->nb_log;
	vhu_backend_unlock(b);
	return n;
}

int
vhu_backend_log_get(struct vhu_backend *b, uint32_t i, struct vhu_record *rec)
{
	int ret = -ENOENT;

	vhu_backend_lock(b);
	if (i < b->nb_log && i < VHU_MAX_LOG) {
		*rec = b->log[i];
		ret = 0;
	}
	vhu_backend_unlock(b);
	return ret;
}

uint32_t
vhu_backend_count(struct vhu_backend *b, uint32_t request)
{
	uint32_t n;

	vhu_backend_lock(b);
	n = request < VHU_REQUEST_END ? b->counts[request] : 0;
	vhu_backend_unlock(b);
	return n;
}

int
vhu_backend_last(struct vhu_backend *b, uint32_t request, struct vhu_record *rec)
{
	int ret = -ENOENT;
	uint32_t i;

	vhu_backend_lock(b);
	i = b->nb_log < VHU_MAX_LOG ? b->nb_log : VHU_MAX_LOG;
	while (i-- > 0) {
		if (b->log[i].request != request)
			continue;
		*rec = b->log[i];
		ret = 0;
		break;
	}
	vhu_backend_unlock(b);
	return ret;
}
