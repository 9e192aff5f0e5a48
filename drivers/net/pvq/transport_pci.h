/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_TRANSPORT_PCI_H
#define PVQ_TRANSPORT_PCI_H

#include "device.h"
#include "pci_regs.h"

/** A modern virtio PCI function. To be opened after pvq_pci_attach(). */
extern const struct pvq_transport pvq_transport_pci;

/**
 * Make @p dev's transport that of the function behind @p regs, which is copied. What it points to
 * stays until the transport is closed.
 *
 * @return
 *   0 or -ENOMEM.
 */
int
pvq_pci_attach(struct pvq_device *dev, const struct pvq_pci_regs *regs);

#endif /* PVQ_TRANSPORT_PCI_H */
