/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef CONTROL_PORT_H
#define CONTROL_PORT_H

/**
 * @file
 * Commands of the control queue, as a port on the PCI device of test/lib sends them: a test names
 * one after the other, all of their bytes, and that there are no more.
 */

#include "pci_port.h"

/* Classes and commands, this header's own numbers. */
#define RX_MODE 0
#define PROMISC 0
#define ALLMULTI 1
#define ALLUNI 2
#define MAC 1
#define TABLE_SET 0
#define ADDR_SET 1
#define VLAN 2
#define VLAN_ADD 0
#define VLAN_DEL 1
#define ANNOUNCE 3
#define MQ 4
#define PAIRS_SET 0

/** Have the device offer all that the control queue is for, but @p without, and start the port. */
void
control_up(struct pci_port *p, uint64_t without);

/** Forget the commands that have come so far. */
void
control_skip(struct pci_port *p);

/** The next command has these bytes. */
void
control_expect(struct pci_port *p, uint8_t class, uint8_t command, const void *data, uint32_t len);

/** The same for a command of one byte of data. */
void
control_expect_mode(struct pci_port *p, uint8_t mode, uint8_t value);

/** The next command is the table of these addresses, six bytes each. */
void
control_expect_table(struct pci_port *p, const void *unicast, uint32_t nb_unicast,
		     const void *multicast, uint32_t nb_multicast);

/** There are no commands that have not been named. */
void
control_expect_no_more(struct pci_port *p);

/** From now on every command is answered by @p how. */
void
control_answer(struct pci_port *p, enum vpd_answer how);

#endif /* CONTROL_PORT_H */
