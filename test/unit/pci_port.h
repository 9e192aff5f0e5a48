/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PCI_PORT_H
#define PCI_PORT_H

/**
 * @file
 * A port on a PCI device of test/lib (vpm_device.h), without a PCI bus: the driver's transport over
 * the registers of the model, as an ethdev. What port.h has for ports works on pci_port::port, whose
 * backend (port::b) is the device's packets' part: port_configure(), port_ping(), port_deliver(),
 * port_watch(), the log, threads of traffic.
 *
 * The usual course of a test:
 * @code
 *	struct pci_port *p = *state;
 *
 *	p->conf.regs.features &= ~VHU_F_IN_ORDER;
 *	pci_port_up(p, "");
 *	port_ping(&p->port, 0, 1000, 64);
 * @endcode
 *
 * With PVQ_TEST_IOVA in the environment the device's addresses are PCI_IOVA_SHIFT away from the
 * pointers, as behind an IOMMU: whatever the driver gives it of a pointer is no memory (PR-15).
 */

#include "port.h"
#include "vpm_device.h"

#include "pci_intr.h"

#define PCI_PORT_NAME "pvq_pci0"
#define PCI_IOVA_SHIFT 0x5a0000000000ull

struct pci_port {
	struct port port;     /**< must be the first */
	struct vpd_conf conf; /**< for pci_port_device() */
	struct vpd *d;
	/** What probing has found, or the test says it has (before pci_port_init()). */
	struct pvq_pci_regs regs;
	uint8_t msix_table[4096]; /**< memory of BAR VPD_BAR_MSIX */
	/** Where its interrupts come from; without a handle the driver polls. */
	struct pvq_pci_intr_source intr;
};

/** EAL, with one lcore, and IOVAs as the environment says. */
int
pci_port_group_setup(void **state);
int
pci_port_group_teardown(void **state);

/** A struct pci_port: one queue pair of 64 descriptors, an echoing device with VPD_F_DEFAULT. */
int
pci_port_setup(void **state);

/** Everything closed. Fails on a breach of a driver's duty and on a missing mbuf. */
int
pci_port_teardown(void **state);

/** As cmocka's, with the above. */
#define pci_port_test(f) cmocka_unit_test_setup_teardown(f, pci_port_setup, pci_port_teardown)

/** Make the device from p->conf, and start its thread. */
void
pci_port_device(struct pci_port *p);

/** The same without a thread: vpd_step() is the test's. */
void
pci_port_device_stepped(struct pci_port *p);

/** Have the driver find p->regs in the device's configuration space. @return 0 or -errno. */
int
pci_port_find(struct pci_port *p);

/** Make the ethdev from p->regs with devargs @p args (NULL for none). @return 0 or -errno. */
int
pci_port_init(struct pci_port *p, const char *args);

/** The last two. */
int
pci_port_probe(struct pci_port *p, const char *args);

/** Probe, configure, start: all must succeed. */
void
pci_port_start(struct pci_port *p, const char *args);

/** pci_port_device() and pci_port_start(); returns with traffic possible. */
void
pci_port_up(struct pci_port *p, const char *args);

/** Stop the port, which has all its mbufs then, and start it: traffic is possible again. */
void
pci_port_restart(struct pci_port *p);

/** Change what the device offers from its next reset on. */
void
pci_port_offer(struct pci_port *p, uint64_t features);

/** Close the port and do away with the device, which must have nothing to complain of. */
void
pci_port_down(struct pci_port *p);

/** A frame for queue 0, from outside. @return whether the device lets it in; it is received then. */
bool
pci_port_lets_in(struct pci_port *p, const void *frame, uint32_t len);

/** How far device addresses are from pointers: 0 or PCI_IOVA_SHIFT. */
uint64_t
pci_port_shift(void);

/** Feature bits negotiated now. */
uint64_t
pci_port_features(const struct pci_port *p);

/** The device status now. */
uint8_t
pci_port_status(const struct pci_port *p);

/** Wait until the device has been reset @p count times in all. */
bool
pci_port_wait_resets(const struct pci_port *p, unsigned int count, uint32_t timeout_ms);

#endif /* PCI_PORT_H */
