/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file Interrupts of the PCI device: eventfds that stand for MSI-X vectors, and one for INTx. */

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vpm_device_priv.h"

static int
open_one(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static void
close_one(struct vpd_vector *v)
{
	if (!v->foreign && v->fd >= 0)
		close(v->fd);
	v->fd = -1;
}

int
vpd_open_vectors(struct vpd *d)
{
	bool ok;
	uint32_t i;

	d->intx.fd = open_one();
	ok = d->intx.fd >= 0;
	for (i = 0; i < VPD_MAX_VECTORS; i++) {
		d->vector[i].fd = open_one();
		ok = ok && d->vector[i].fd >= 0;
	}
	for (i = 0; i < VPM_QUEUES; i++) {
		d->queue[i].irq_fd = open_one();
		ok = ok && d->queue[i].irq_fd >= 0;
		d->net->vrings[i].call_fd = d->queue[i].irq_fd;
	}
	return ok ? 0 : -EMFILE;
}

void
vpd_close_vectors(struct vpd *d)
{
	uint32_t i;

	close_one(&d->intx);
	for (i = 0; i < VPD_MAX_VECTORS; i++)
		close_one(&d->vector[i]);
	for (i = 0; i < VPM_QUEUES; i++) {
		if (d->queue[i].irq_fd >= 0)
			close(d->queue[i].irq_fd);
		d->net->vrings[i].call_fd = -1;
	}
}

static struct vpd_vector *
vector_of(struct vpd *d, uint16_t vector)
{
	if (vector == VPM_NO_VECTOR)
		return &d->intx;
	return vector < VPD_MAX_VECTORS ? &d->vector[vector] : NULL;
}

static void
fire(struct vpd *d, uint16_t vector)
{
	struct vpd_vector *v = vector_of(d, vector);
	const uint64_t one = 1;
	ssize_t n;

	if (v == NULL || d->regs.gone)
		return;
	v->count++;
	/* A full counter interrupts as well as another one. */
	n = write(v->fd, &one, sizeof(one));
	(void)n;
}

static void
fire_for(struct vpd *d, uint16_t vector, uint8_t isr)
{
	if (d->regs.conf.vectors == 0) {
		d->regs.isr |= isr;
		fire(d, VPM_NO_VECTOR);
	} else if (vector != VPM_NO_VECTOR) {
		fire(d, vector);
	}
}

void
vpd_interrupt_queue(struct vpd *d, uint16_t index)
{
	fire_for(d, d->regs.queue[index].vector, VPM_ISR_QUEUE);
}

void
vpd_interrupt_config(struct vpd *d)
{
	d->config_interrupts++;
	if (d->regs.status & VPM_DRIVER)
		fire_for(d, d->regs.config_vector, VPM_ISR_CONFIG);
}

void
vpd_pass_interrupts(struct vpd *d)
{
	uint64_t count;
	uint16_t i;

	for (i = 0; i < VPM_QUEUES; i++)
		if (read(d->queue[i].irq_fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
			vpd_interrupt_queue(d, i);
}

void
vpd_set_vector(struct vpd *d, uint16_t vector, int fd)
{
	struct vpd_vector *v;

	vpd_lock(d);
	v = vector_of(d, vector);
	if (v != NULL) {
		close_one(v);
		v->foreign = fd >= 0;
		v->fd = v->foreign ? fd : open_one();
	}
	vpd_unlock(d);
}

int
vpd_vector_fd(struct vpd *d, uint16_t vector)
{
	const struct vpd_vector *v;
	int fd;

	vpd_lock(d);
	v = vector_of(d, vector);
	fd = v != NULL ? v->fd : -1;
	vpd_unlock(d);
	return fd;
}

uint64_t
vpd_interrupts(struct vpd *d, uint16_t vector)
{
	const struct vpd_vector *v;
	uint64_t count;

	vpd_lock(d);
	v = vector_of(d, vector);
	count = v != NULL ? v->count : 0;
	vpd_unlock(d);
	return count;
}

void
vpd_interrupt(struct vpd *d, uint16_t vector)
{
	vpd_lock(d);
	fire(d, vector);
	vpd_unlock(d);
}
