/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_TRANSPORT_PCI_H
#define PVQ_TRANSPORT_PCI_H

#include "device.h"
#include "pci_intr.h"

/** A modern virtio PCI function. To be opened after pvq_pci_attach(). */
extern const struct pvq_transport pvq_transport_pci;

/** A function on the bus; what this points to stays until the transport is closed. */
struct pvq_pci_place {
	struct pvq_pci_regs regs;
	struct pvq_pci_intr_source intr;
};

/**
 * Make @p dev's transport that of the function at @p place, which is copied.
 *
 * @return
 *   0 or -ENOMEM.
 */
int
pvq_pci_attach(struct pvq_device *dev, const struct pvq_pci_place *place);

#endif /* PVQ_TRANSPORT_PCI_H */
