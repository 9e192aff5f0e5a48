/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file What the PCI device does of itself: its thread, and what can become of it. */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "vhu_packets.h"
#include "vpm_device_priv.h"

#define PAUSE_NS 20000

static void
pause_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

/* Once a queue pair is switched off nothing may be sent on it (NT-23). */
static void
check_idle_pairs(struct vpd *d)
{
	const uint16_t control = vpd_control_index(d);
	uint16_t i;

	for (i = 2 * d->state.pairs + 1; i < VPM_QUEUES && !d->strayed; i += 2) {
		struct pd_vq *vq = d->net->vrings[i].vq;

		if (vq == NULL || i == control || !pd_available(vq))
			continue;
		d->strayed = true;
		vhu_report(d->net, "NT-23", i, "sends with %u pairs in use", d->state.pairs);
	}
}

static bool
is_due(const struct vpd *d)
{
	const int wait = vhu_packets_wait_ms(d->net);

	return d->net->work_left || (wait >= 0 && vhu_now_ms() >= d->ran_ms + wait);
}

bool
vpd_step(struct vpd *d)
{
	bool any;

	vpd_lock(d);
	any = vpd_take_doorbells(d);
	if (any || is_due(d)) {
		d->ran_ms = vhu_now_ms();
		vhu_packets_run(d->net);
		check_idle_pairs(d);
		any = any || d->net->moved;
	}
	vpd_serve_control(d);
	vpd_pass_interrupts(d);
	vpd_unlock(d);
	return any;
}

static void *
thread_main(void *arg)
{
	struct vpd *d = arg;

	while (!__atomic_load_n(&d->stop, __ATOMIC_ACQUIRE)) {
		/* The mutex is not fair: let those in that wait for it. */
		if (!vpd_step(d) || __atomic_load_n(&d->net->waiters, __ATOMIC_RELAXED) > 0)
			pause_a_little();
	}
	return NULL;
}

int
vpd_start(struct vpd *d)
{
	int ret;

	if (d->runs)
		return -EALREADY;
	d->stop = false;
	ret = pthread_create(&d->thread, NULL, thread_main, d);
	d->runs = ret == 0;
	return -ret;
}

void
vpd_stop(struct vpd *d)
{
	if (!d->runs)
		return;
	__atomic_store_n(&d->stop, true, __ATOMIC_RELEASE);
	pthread_join(d->thread, NULL);
	d->runs = false;
}

bool
vpd_wait(struct vpd *d, const uint64_t *what, uint64_t count, uint32_t timeout_ms)
{
	const uint64_t end = vhu_now_ms() + timeout_ms;
	bool reached;

	for (;;) {
		vpd_lock(d);
		reached = *what >= count;
		vpd_unlock(d);
		if (reached || vhu_now_ms() > end)
			return reached;
		pause_a_little();
	}
}

void
vpd_leave(struct vpd *d, uint16_t index)
{
	d->net->vrings[index].hung = true;
}

void
vpd_needs_reset(struct vpd *d)
{
	uint16_t i;

	vpd_lock(d);
	d->regs.status |= VPM_NEEDS_RESET;
	for (i = 0; i < VPM_QUEUES; i++)
		vpd_leave(d, i);
	vpd_interrupt_config(d);
	vpd_unlock(d);
}

static void
unplug(struct vpd *d, bool zeros)
{
	vpd_lock(d);
	d->regs.gone = true;
	d->regs.gone_reads_zero = zeros;
	memset(d->space, zeros ? 0 : 0xff, sizeof(d->space));
	vpd_follow_registers(d);
	vpd_unlock(d);
}

void
vpd_unplug(struct vpd *d)
{
	unplug(d, false);
}

void
vpd_unplug_to_zeros(struct vpd *d)
{
	unplug(d, true);
}

/* [locked] */
static void
change_config(struct vpd *d, uint32_t offset, const void *bytes, uint32_t len)
{
	memcpy(d->regs.conf.config + offset, bytes, len);
	d->regs.generation++;
	vpd_interrupt_config(d);
}

void
vpd_set_config(struct vpd *d, uint32_t offset, const void *bytes, uint32_t len)
{
	if (offset + len > sizeof(d->regs.conf.config))
		return;
	vpd_lock(d);
	change_config(d, offset, bytes, len);
	vpd_unlock(d);
}

static void
change_status(struct vpd *d, uint8_t clear, uint8_t set)
{
	uint8_t status;

	vpd_lock(d);
	status = (d->regs.conf.config[VPD_AT_STATUS] & ~clear) | set;
	change_config(d, VPD_AT_STATUS, &status, 1);
	vpd_unlock(d);
}

void
vpd_set_link(struct vpd *d, bool up)
{
	change_status(d, VPD_S_LINK_UP, up ? VPD_S_LINK_UP : 0);
}

void
vpd_announce(struct vpd *d)
{
	change_status(d, 0, VPD_S_ANNOUNCE);
}
