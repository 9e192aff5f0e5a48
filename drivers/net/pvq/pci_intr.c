/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_interrupts.h>

#include "log.h"
#include "pci_intr.h"

#define ISR_GONE 0xff

const struct pvq_pci_intr_ops pvq_pci_intr_eal = {
	.enable = rte_intr_enable,
	.disable = rte_intr_disable,
	.ack = rte_intr_ack,
};

static enum pvq_pci_intr_kind
kind_of(const struct pvq_pci_intr *intr)
{
	struct rte_intr_handle *handle = intr->source.handle;

	if (handle == NULL || rte_intr_fd_get(handle) < 0)
		return PVQ_PCI_INTR_NONE;
	switch (rte_intr_type_get(handle)) {
	case RTE_INTR_HANDLE_VFIO_MSIX:
		if (intr->regs->at.msix_vectors != 0)
			return PVQ_PCI_INTR_MSIX;
		/* vfio speaks of MSI-X even where the table has no entry. */
		if (intr->regs->at.isr == NULL ||
		    rte_intr_type_set(handle, RTE_INTR_HANDLE_VFIO_LEGACY) != 0)
			return PVQ_PCI_INTR_NONE;
		return PVQ_PCI_INTR_INTX;
	case RTE_INTR_HANDLE_VFIO_LEGACY:
	case RTE_INTR_HANDLE_UIO_INTX:
		return intr->regs->at.isr != NULL ? PVQ_PCI_INTR_INTX : PVQ_PCI_INTR_NONE;
	default:
		return PVQ_PCI_INTR_NONE;
	}
}

int
pvq_pci_intr_open(struct pvq_pci_intr *intr, const struct pvq_pci_intr_source *source,
		  const struct pvq_pci_regs *regs, int wake_fd)
{
	*intr = (struct pvq_pci_intr){
		.source = *source, .regs = regs, .wake_fd = wake_fd, .shared_fd = -1,
	};
	intr->kind = kind_of(intr);
	if (intr->kind == PVQ_PCI_INTR_MSIX) {
		intr->shared_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (intr->shared_fd < 0)
			return -errno;
	}
	pthread_mutex_init(&intr->lock, NULL);
	return 0;
}

void
pvq_pci_intr_close(struct pvq_pci_intr *intr)
{
	pvq_pci_intr_off(intr);
	pthread_mutex_destroy(&intr->lock);
	if (intr->shared_fd >= 0)
		close(intr->shared_fd);
}

/* In EAL's interrupt thread: nothing may be waited for here. */
static void
interrupted(void *arg)
{
	struct pvq_pci_intr *intr = arg;

	__atomic_store_n(&intr->came, true, __ATOMIC_RELEASE);
	eventfd_write(intr->wake_fd, 1);
}

/* Share out @p vectors among configuration and @p nb rx queues. */
static void
plan(struct pvq_pci_intr *intr, uint16_t vectors, uint16_t nb)
{
	const uint16_t all = nb + RTE_INTR_VEC_RXTX_OFFSET;

	if (vectors >= all) {
		intr->vectors = all;
		intr->own = nb;
		intr->shared = 0;
		return;
	}
	intr->vectors = vectors;
	intr->shared = vectors - 1;
	intr->own = intr->shared == 0 ? 0 : intr->shared - RTE_INTR_VEC_RXTX_OFFSET;
}

static int
fill_handle(const struct pvq_pci_intr *intr, const int *call_fds)
{
	struct rte_intr_handle *handle = intr->source.handle;
	const uint16_t nb = intr->vectors - RTE_INTR_VEC_RXTX_OFFSET;
	uint16_t i;

	for (i = 0; i < nb; i++)
		if (rte_intr_efds_index_set(handle, i, i < intr->own ? call_fds[i] :
								       intr->shared_fd) != 0)
			return -EIO;
	return rte_intr_nb_efd_set(handle, nb) == 0 &&
	       rte_intr_max_intr_set(handle, intr->vectors) == 0 ? 0 : -EIO;
}

static int
enable(const struct pvq_pci_intr *intr, const int *call_fds)
{
	int ret = intr->kind == PVQ_PCI_INTR_MSIX ? fill_handle(intr, call_fds) : 0;

	return ret == 0 && intr->source.ops->enable(intr->source.handle) == 0 ? 0 : -EIO;
}

int
pvq_pci_intr_check_rx(const struct pvq_pci_intr *intr)
{
	if (intr->kind == PVQ_PCI_INTR_MSIX)
		return 0;
	PVQ_LOG(ERR, intr->regs->name,
		"Rx interrupts need MSI-X vectors: bind the device to vfio-pci (QEMU: with "
		"vectors=2 or more), or configure the port without intr_conf.rxq");
	return -ENOTSUP;
}

/* @return 0 or -EIO. */
static int
switch_on(struct pvq_pci_intr *intr, const int *call_fds, uint16_t nb)
{
	struct rte_intr_handle *handle = intr->source.handle;
	int ret;

	if (rte_intr_callback_register(handle, interrupted, intr) != 0)
		return -EIO;
	plan(intr, intr->kind == PVQ_PCI_INTR_MSIX ? intr->regs->at.msix_vectors : 1, nb);
	pthread_mutex_lock(&intr->lock);
	ret = enable(intr, call_fds);
	/* The kernel may have fewer to give than the table has entries; one is better than none. */
	if (ret != 0 && intr->vectors > 1) {
		plan(intr, 1, nb);
		ret = enable(intr, call_fds);
	}
	intr->on = ret == 0;
	pthread_mutex_unlock(&intr->lock);
	if (ret != 0)
		rte_intr_callback_unregister_sync(handle, interrupted, intr);
	return ret;
}

void
pvq_pci_intr_on(struct pvq_pci_intr *intr, const int *call_fds, uint16_t nb)
{
	pvq_pci_intr_off(intr);
	if (intr->kind == PVQ_PCI_INTR_NONE || switch_on(intr, call_fds, nb) != 0)
		PVQ_LOG(NOTICE, intr->regs->name,
			"no interrupts, since %s: the link is looked at ten times a second",
			intr->kind == PVQ_PCI_INTR_NONE ? "the device has none as it is bound" :
							  "the kernel does not enable them");
	else if (intr->own < nb)
		PVQ_LOG(NOTICE, intr->regs->name,
			"rx queues from %u on share MSI-X vector %u, since there are %u (QEMU: "
			"vectors=)", intr->own, intr->shared, intr->vectors);
}

void
pvq_pci_intr_off(struct pvq_pci_intr *intr)
{
	struct rte_intr_handle *handle = intr->source.handle;
	const bool on = intr->on;

	__atomic_store_n(&intr->tells, false, __ATOMIC_RELEASE);
	__atomic_store_n(&intr->polls, false, __ATOMIC_RELEASE);
	if (!on)
		return;
	pthread_mutex_lock(&intr->lock);
	intr->on = false;
	/* A device that has been unplugged may fail here. */
	intr->source.ops->disable(handle);
	pthread_mutex_unlock(&intr->lock);
	rte_intr_callback_unregister_sync(handle, interrupted, intr);
	rte_intr_nb_efd_set(handle, 0);
	rte_intr_max_intr_set(handle, 0);
}

void
pvq_pci_intr_config(struct pvq_pci_intr *intr)
{
	bool tells;

	if (!intr->on)
		return;
	tells = intr->kind == PVQ_PCI_INTR_INTX ||
		pvq_pci_set_config_vector(intr->regs, RTE_INTR_VEC_ZERO_OFFSET) == 0;
	__atomic_store_n(&intr->tells, tells, __ATOMIC_RELEASE);
	if (!tells)
		PVQ_LOG(NOTICE, intr->regs->name,
			"the device refuses an MSI-X vector for its configuration: the link is "
			"looked at ten times a second");
}

static uint16_t
tell_of_none(const struct pvq_pci_intr *intr, const struct pvq_vq *vq)
{
	pvq_pci_set_queue_vector(intr->regs, vq->index, VIRTIO_MSI_NO_VECTOR);
	return VIRTIO_MSI_NO_VECTOR;
}

/* The one it should have, else one that others have too. */
static uint16_t
try_vectors(const struct pvq_pci_intr *intr, const struct pvq_vq *vq, uint16_t wanted)
{
	const uint16_t tries[] = {wanted, intr->shared, RTE_INTR_VEC_ZERO_OFFSET};
	unsigned int i;

	if (!intr->on)
		return tell_of_none(intr, vq);
	for (i = 0; i < RTE_DIM(tries); i++) {
		if (i != 0 && tries[i] == tries[i - 1])
			continue;
		if (pvq_pci_set_queue_vector(intr->regs, vq->index, tries[i]) != 0)
			continue;
		if (i != 0)
			PVQ_LOG(NOTICE, intr->regs->name,
				"the device refuses MSI-X vector %u: rx queue %u shares vector %u",
				wanted, vq->queue_id, tries[i]);
		return tries[i];
	}
	return tell_of_none(intr, vq);
}

uint16_t
pvq_pci_intr_choose(struct pvq_pci_intr *intr, struct pvq_vq *vq)
{
	const bool has_own = vq->queue_id < intr->own;
	const uint16_t wanted = has_own ? RTE_INTR_VEC_RXTX_OFFSET + vq->queue_id : intr->shared;
	uint16_t vector;

	if (vq->call_fd < 0)
		return tell_of_none(intr, vq);
	vector = try_vectors(intr, vq, wanted);
	__atomic_store_n(&vq->call_shared, !has_own || vector != wanted, __ATOMIC_RELAXED);
	if (vector == VIRTIO_MSI_NO_VECTOR) {
		__atomic_store_n(&intr->polls, true, __ATOMIC_RELEASE);
		PVQ_LOG(WARNING, intr->regs->name,
			"no MSI-X vector for rx queue %u: whoever waits for its packets is woken "
			"ten times a second", vq->queue_id);
	}
	return vector;
}

/* Reading takes the interrupt back, so that it can be let through again. */
static unsigned int
take_intx(struct pvq_pci_intr *intr)
{
	uint8_t isr;

	pthread_mutex_lock(&intr->lock);
	isr = intr->regs->io->read8(intr->regs->at.isr);
	if (intr->on && isr != ISR_GONE)
		intr->source.ops->ack(intr->source.handle);
	pthread_mutex_unlock(&intr->lock);
	return (isr & VIRTIO_PCI_ISR_CONFIG) != 0 ? PVQ_PCI_INTR_CONFIG : 0;
}

unsigned int
pvq_pci_intr_take(struct pvq_pci_intr *intr)
{
	unsigned int what = __atomic_load_n(&intr->polls, __ATOMIC_ACQUIRE) ?
				    PVQ_PCI_INTR_QUEUES : 0;
	eventfd_t ignored;

	if (intr->shared_fd >= 0 && eventfd_read(intr->shared_fd, &ignored) == 0)
		what |= PVQ_PCI_INTR_QUEUES;
	if (!__atomic_exchange_n(&intr->came, false, __ATOMIC_ACQUIRE))
		return what;
	if (intr->kind == PVQ_PCI_INTR_INTX)
		return what | take_intx(intr);
	/* One interrupt may be for both, and ISR does not tell which (PC-16). */
	return what | PVQ_PCI_INTR_CONFIG | PVQ_PCI_INTR_QUEUES;
}
