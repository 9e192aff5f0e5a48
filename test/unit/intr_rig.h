/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef INTR_RIG_H
#define INTR_RIG_H

/**
 * @file
 * A port on a PCI device that interrupts. In the kernel's place the device writes the eventfds that
 * the driver has put into EAL's handle; EAL's own thread reads the one of configuration.
 */

#include "pci_port.h"

/** A time in which nothing is expected to happen, ms. */
#define QUIET_MS 30
/** Sooner than what nothing interrupts for is seen, a second; on a busy machine too. */
#define AT_ONCE_MS 300

/** The machine between driver and device. */
struct intr_host {
	struct pci_port *p;
	struct rte_intr_handle *handle; /**< of type VFIO_MSIX unless the test sets another */
	uint32_t vectors;               /**< that can be had; 0: no INTx either */
	uint32_t enabled, disabled;
	uint32_t acks;                  /**< of INTx; atomic */
	uint32_t early;                 /**< of them, with the line still up; atomic */
};

extern struct intr_host intr_host;

int
intr_setup(void **state);

/** Fails when interrupts are not switched off in the end, or somebody would still be told. */
int
intr_teardown(void **state);

/** As cmocka's, with the above. */
#define intr_test(f) cmocka_unit_test_setup_teardown(f, intr_setup, intr_teardown)

/** Device and port, started, with @p pairs of queues; link events counted, one by then. */
void
intr_up(struct pci_port *p, uint16_t pairs, const char *args);

/** The same with rx queues that interrupt. @p vectors of the table, 0 for as many as it takes. */
void
intr_rx_up(struct pci_port *p, uint16_t pairs, uint16_t vectors, const char *args);

/** @return the queue that the caller was woken for, or -1. */
int
intr_wakes(int timeout_ms);

/** Sleep until it was for @p queue. */
void
intr_wait_woken(uint16_t queue);

/** Rx interrupts of @p queue on or off. */
void
intr_set(const struct pci_port *p, uint16_t queue, bool on);

/** Packets one by one, each slept for; some come before the interrupt is enabled. */
void
intr_check_wakes(struct pci_port *p, uint16_t queue, uint32_t n);

/** The vector that the device was told for rx queue @p queue, and for its configuration. */
uint16_t
intr_vector_of(struct pci_port *p, uint16_t queue);
uint16_t
intr_config_vector(struct pci_port *p);

/** Change the link @p n times. @return the longest that the port took to tell, ms. */
uint32_t
intr_flap(struct pci_port *p, uint32_t n);

#endif /* INTR_RIG_H */
