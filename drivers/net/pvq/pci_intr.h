/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_PCI_INTR_H
#define PVQ_PCI_INTR_H

/**
 * @file
 * Interrupts of a virtio PCI function (specification 1.4, Virtio Over PCI Bus: MSI-X Vector
 * Configuration, and Notification of Device Configuration Changes).
 *
 * MSI-X vector 0 is for changes of configuration, vector 1 + i for rx queue i, whose eventfd the
 * kernel then writes by itself. Where vectors run out, the queues that are left share the last one,
 * and with a single vector all share that; such an interrupt comes to the transport's thread, which
 * wakes everybody it may be for. INTx is for configuration alone.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_interrupts.h>

#include "pci_regs.h"
#include "vq.h"

/** What EAL does with a handle: rte_intr_enable() and the like. */
struct pvq_pci_intr_ops {
	int (*enable)(const struct rte_intr_handle *handle);
	int (*disable)(const struct rte_intr_handle *handle);
	int (*ack)(const struct rte_intr_handle *handle);
};

/** What devices on the bus want. */
extern const struct pvq_pci_intr_ops pvq_pci_intr_eal;

/** Where interrupts come from. */
struct pvq_pci_intr_source {
	struct rte_intr_handle *handle; /**< the PCI device's; NULL when there are none */
	const struct pvq_pci_intr_ops *ops;
};

enum pvq_pci_intr_kind {
	PVQ_PCI_INTR_NONE,
	PVQ_PCI_INTR_INTX,
	PVQ_PCI_INTR_MSIX,
};

/** What pvq_pci_intr_take() tells of, as bits. */
#define PVQ_PCI_INTR_CONFIG 1u /**< configuration may have changed */
#define PVQ_PCI_INTR_QUEUES 2u /**< queues that share an interrupt may have used buffers */

struct pvq_pci_intr {
	struct pvq_pci_intr_source source;
	const struct pvq_pci_regs *regs;
	enum pvq_pci_intr_kind kind;
	int wake_fd;         /**< eventfd of the transport's thread */
	int shared_fd;       /**< eventfd of the vector that several rx queues share, or -1 */
	pthread_mutex_t lock; /**< for on: a handle that was disabled is not acknowledged */
	bool on;
	bool came;           /**< vector 0 or INTx has interrupted; atomic */
	bool tells;          /**< changes of configuration interrupt; atomic */
	bool polls;          /**< an rx queue cannot interrupt; atomic */
	uint16_t vectors;    /**< that the kernel passes on, 0 for none */
	uint16_t own;        /**< rx queues from the first one that have a vector of their own */
	uint16_t shared;     /**< vector of the others */
};

/**
 * Find out how the function can interrupt.
 *
 * @param wake_fd
 *   To be written when there is something to take; stays the caller's.
 * @return
 *   0 or -errno. Having no interrupts is no error.
 */
int
pvq_pci_intr_open(struct pvq_pci_intr *intr, const struct pvq_pci_intr_source *source,
		  const struct pvq_pci_regs *regs, int wake_fd);

/** Interrupts off and everything freed. */
void
pvq_pci_intr_close(struct pvq_pci_intr *intr);

/** Whether rx queues can interrupt. @return 0, or -ENOTSUP with a message. */
int
pvq_pci_intr_check_rx(const struct pvq_pci_intr *intr);

/**
 * Have the kernel pass interrupts on, before the device is told of vectors. Where it does not, that
 * is logged, and whatever would interrupt is looked at by the transport's thread.
 *
 * @param call_fds
 *   Eventfds of the rx queues that are to interrupt, in their order.
 * @param nb
 *   How many there are, 0 for none.
 */
void
pvq_pci_intr_on(struct pvq_pci_intr *intr, const int *call_fds, uint16_t nb);

/** No more interrupts; the device does not use the vectors any more. */
void
pvq_pci_intr_off(struct pvq_pci_intr *intr);

/** Have changes of configuration interrupt, before each DRIVER_OK; a refusal is logged. */
void
pvq_pci_intr_config(struct pvq_pci_intr *intr);

/** Whether they do: nothing changes unannounced. */
static inline bool
pvq_pci_intr_tells(const struct pvq_pci_intr *intr)
{
	return __atomic_load_n(&intr->tells, __ATOMIC_ACQUIRE);
}

/**
 * Choose a vector for a queue, VIRTIO_MSI_NO_VECTOR for none, and tell the device (PC-15); each time
 * before the queue is enabled. Sets vq->call_shared. Refusals are logged.
 *
 * @return
 *   The vector.
 */
uint16_t
pvq_pci_intr_choose(struct pvq_pci_intr *intr, struct pvq_vq *vq);

/**
 * What has interrupted since the last call, or cannot: PVQ_PCI_INTR_*. Transport's thread, ten times
 * a second at least.
 */
unsigned int
pvq_pci_intr_take(struct pvq_pci_intr *intr);

#endif /* PVQ_PCI_INTR_H */
