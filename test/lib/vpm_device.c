/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The PCI device as a whole: made of registers, rings and packets; rings come and go. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packed_device_priv.h"
#include "vhu_duty.h"
#include "vhu_packets.h"
#include "vpm_device_priv.h"

#define STATUS_AT (VPM_COMMON + 20u)
#define TEXT_BYTES 65536u

void
vpd_conf_init(struct vpd_conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	vhu_config_init(&conf->net, "none");
	conf->net.mode = VHU_ECHO;
	conf->regs.features = VPD_F_DEFAULT;
	conf->regs.queue_size = 256;
	conf->regs.notify_off_step = 1;
	conf->notify_multiplier = 4;
	conf->late_ms = 30;
}

static void
put16(uint8_t *at, uint16_t value)
{
	at[0] = value;
	at[1] = value >> 8;
}

/* The device configuration of a network device; what the test has put there already stays. */
static void
make_config(struct vpd_conf *conf)
{
	uint8_t *config = conf->regs.config;

	memcpy(config, conf->net.mac, 6);
	put16(config + VPD_AT_STATUS, conf->net.status);
	put16(config + 8, conf->net.queue_pairs);
	put16(config + 10, conf->net.mtu);
	put16(config + 12, conf->net.speed);
	put16(config + 14, conf->net.speed >> 16);
	config[16] = conf->net.duplex;
}

static void
fill_in(struct vpd_conf *conf)
{
	const bool control = conf->regs.features & VPD_F_CTRL_VQ;

	if (conf->regs.num_queues == 0)
		conf->regs.num_queues = 2 * conf->net.queue_pairs + control;
	if (conf->regs.vectors == 0 && !conf->no_msix)
		conf->regs.vectors = conf->regs.num_queues + 1;
	conf->net.features = conf->regs.features;
	make_config(conf);
}

struct vpd *
vpd_create(const struct vpd_conf *conf)
{
	struct vpd *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->conf = *conf;
	fill_in(&d->conf);
	if (conf->net.queue_pairs <= VPD_MAX_PAIRS && d->conf.regs.vectors <= VPD_MAX_VECTORS)
		d->net = vhu_backend_create(&d->conf.net);
	if (d->net == NULL || vpm_open(&d->regs, &d->conf.regs) != 0) {
		vhu_backend_destroy(d->net);
		free(d);
		return NULL;
	}
	if (vpd_open_vectors(d) != 0) {
		vpd_destroy(d);
		return NULL;
	}
	vpd_make_space(d);
	vpd_reset_state(d);
	return d;
}

void
vpd_lock(struct vpd *d)
{
	vhu_backend_lock(d->net);
}

void
vpd_unlock(struct vpd *d)
{
	vhu_backend_unlock(d->net);
}

uint16_t
vpd_control_index(const struct vpd *d)
{
	if (!vpm_has(&d->regs, VPD_F_CTRL_VQ))
		return VPM_QUEUES;
	return vpm_has(&d->regs, VHU_F_MQ) ? 2 * d->conf.net.queue_pairs : 2;
}

/* ---- rings ------------------------------------------------------------------------------------ */

static void *
contiguous(const struct vpd *d, uint64_t addr, uint32_t len, enum pd_access access)
{
	uint32_t got = len;
	void *to;

	if (d->conf.translate == NULL)
		return (void *)(uintptr_t)addr;
	to = d->conf.translate(d->conf.translate_arg, addr, &got, access);
	return got == len ? to : NULL;
}

static uint8_t
host_gso(const struct vpm *m)
{
	return (vpm_has(m, VHU_F_HOST_TSO4) ? PD_HOST_TSO4 : 0) |
	       (vpm_has(m, VHU_F_HOST_TSO6) ? PD_HOST_TSO6 : 0) |
	       (vpm_has(m, VHU_F_HOST_ECN) ? PD_HOST_ECN : 0) |
	       (vpm_has(m, VHU_F_HOST_USO) ? PD_HOST_USO : 0);
}

static void
start_ring(struct vpd *d, uint16_t index)
{
	const struct vpm_queue *q = &d->regs.queue[index];
	const struct vpm *m = &d->regs;
	struct vhu_vring *vr = &d->net->vrings[index];
	const struct pd_config cfg = {
		.size = q->size,
		.desc = contiguous(d, q->desc, q->size * PD_DESC_BYTES, PD_WRITE),
		.driver_event = contiguous(d, q->driver_event, PD_EVENT_BYTES, PD_READ),
		.device_event = contiguous(d, q->device_event, PD_EVENT_BYTES, PD_WRITE),
		.dir = index == vpd_control_index(d) ? PD_CONTROL : index % 2 == 0 ? PD_RX : PD_TX,
		.in_order = vpm_has(m, VHU_F_IN_ORDER),
		.indirect = vpm_has(m, VHU_F_INDIRECT_DESC),
		.event_idx = vpm_has(m, VHU_F_EVENT_IDX),
		.mrg_rxbuf = vpm_has(m, VHU_F_MRG_RXBUF),
		.csum = vpm_has(m, VHU_F_CSUM),
		.hdrlen = vpm_has(m, VHU_F_GUEST_HDRLEN),
		.gso = host_gso(m),
		.poison = d->conf.net.poison,
		.translate = d->conf.translate,
		.translate_arg = d->conf.translate_arg,
	};

	if (index >= 2 && cfg.dir != PD_CONTROL && !vpm_has(m, VHU_F_MQ))
		vhu_report(d->net, "NT-23", index, "is set up, and MQ is not negotiated");
	vr->enabled = true;
	vr->vq = pd_create(&cfg);
	if (vr->vq == NULL) {
		vhu_report(d->net, "PR-15", index, "ring is not contiguous in the driver's memory");
		return;
	}
	vr->hung = false;
	vr->num = q->size;
	vr->starts++;
	d->net->features = m->driver_features;
	d->net->work_left = true;
	if (cfg.dir == PD_CONTROL)
		d->control = vr->vq;
	else
		vhu_generate_again(d->net, index / 2);
}

/* What the device held must be as the driver made it available, to the very end (PR-10, PR-38). */
static void
stop_ring(struct vpd *d, uint16_t index)
{
	struct vhu_vring *vr = &d->net->vrings[index];
	struct pd_buf *buf;

	for (buf = pd_first(vr->vq); buf != NULL && !d->regs.gone; buf = buf->next)
		pd_check_buf(vr->vq, buf);
	vhu_collect(d->net, index);
	if (vr->vq == d->control) {
		d->control = NULL;
		d->late = NULL;
		d->control_rang = false;
	}
	pd_destroy(vr->vq);
	vr->vq = NULL;
	vr->live = vr->enabled = false;
}

void
vpd_follow_registers(struct vpd *d)
{
	const struct vpm *m = &d->regs;
	bool runs;
	uint16_t i;

	if (d->resets != m->resets)
		vpd_reset_state(d);
	d->resets = m->resets;
	for (i = 0; i < m->conf.num_queues && i < VPM_QUEUES; i++) {
		struct vhu_vring *vr = &d->net->vrings[i];

		runs = m->queue[i].enabled && (m->status & VPM_DRIVER_OK) != 0 && !m->gone;
		if (!runs && vr->vq != NULL)
			stop_ring(d, i);
		else if (runs && vr->vq == NULL && !vr->enabled)
			start_ring(d, i);
		if (!runs)
			vr->enabled = false;
		vr->live = vr->vq != NULL && vr->vq != d->control && i / 2 < d->state.pairs;
	}
	pthread_cond_broadcast(&d->net->cond);
}

/* ---- registers -------------------------------------------------------------------------------- */

uint32_t
vpd_read(struct vpd *d, const void *at, unsigned int width)
{
	uint32_t value;

	vpd_lock(d);
	value = vpm_read(&d->regs, at, width);
	vpd_follow_registers(d);
	vpd_unlock(d);
	return value;
}

/* Before the status takes effect, while the features are still open. */
static void
judge_features(struct vpd *d)
{
	const uint64_t features = d->regs.driver_features;

	d->net->status = 0;
	d->net->cfg.features = d->regs.conf.features;
	vhu_duty_features(d->net, features);
	if (features & VHU_F_PROTOCOL_FEATURES)
		vhu_report(d->net, "IN-13", VHU_NO_VRING, "bit 30 is accepted on PCI");
	if ((features & VHU_F_MQ) && !(features & VPD_F_CTRL_VQ))
		vhu_report(d->net, "FD-07", VHU_NO_VRING, "MQ without CTRL_VQ");
	if ((d->regs.conf.features & ~features & VPM_F_ACCESS_PLATFORM) != 0)
		vhu_report(d->net, "PR-15", VHU_NO_VRING, "ACCESS_PLATFORM is not accepted");
}

void
vpd_write(struct vpd *d, void *at, uint32_t value, unsigned int width)
{
	const size_t offset = (uint8_t *)at - d->regs.bar;

	vpd_lock(d);
	/* A doorbell that rang before must not be taken for one that came after. */
	if (vpd_take_doorbells(d))
		d->net->work_left = true;
	if (offset == STATUS_AT && !d->regs.gone &&
	    (value & ~d->regs.status & VPM_FEATURES_OK) != 0)
		judge_features(d);
	vpm_write(&d->regs, at, value, width);
	vpd_follow_registers(d);
	vpd_unlock(d);
}

/* ---- life ------------------------------------------------------------------------------------- */

void
vpd_destroy(struct vpd *d)
{
	uint16_t i;

	if (d == NULL)
		return;
	vpd_stop(d);
	for (i = 0; i < VPM_QUEUES; i++)
		pd_destroy(d->net->vrings[i].vq);
	vpd_close_vectors(d);
	vpm_close(&d->regs);
	vhu_backend_destroy(d->net);
	free(d->text);
	free(d);
}

const char *
vpd_violations_text(struct vpd *d)
{
	if (d->text == NULL)
		d->text = malloc(TEXT_BYTES);
	if (d->text == NULL)
		return "out of memory";
	vpd_lock(d);
	vpd_check_strays(d);
	snprintf(d->text, TEXT_BYTES, "%s", vpm_violations_text(&d->regs));
	vpd_unlock(d);
	strncat(d->text, vhu_backend_violations_text(d->net), TEXT_BYTES - strlen(d->text) - 1);
	return d->text;
}

void
vpd_violations_clear(struct vpd *d)
{
	vpd_lock(d);
	d->regs.text[0] = '\0';
	vpd_unlock(d);
	vhu_backend_violations_clear(d->net);
}
