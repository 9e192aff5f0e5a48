/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_VIRTIO_PCI_SPEC_H
#define PVQ_VIRTIO_PCI_SPEC_H

/**
 * @file
 * What the virtio 1.4 specification says of PCI functions (Virtio Over PCI Bus), and the few places
 * of PCI's own configuration space that lead there. Nothing here belongs to this driver.
 */

#include <stdint.h>

#include <rte_byteorder.h>

/* PCI Device Discovery */
#define VIRTIO_PCI_VENDOR_ID 0x1af4
#define VIRTIO_PCI_ID_NET 0x1041
#define VIRTIO_PCI_ID_NET_TRANSITIONAL 0x1000

/* PCI Local Bus Specification: configuration space, as far as the list of capabilities. */
#define PCI_CFG_BYTES 256u
#define PCI_CFG_VENDOR 0x00
#define PCI_CFG_STATUS 0x06
#define PCI_CFG_STATUS_CAPABILITIES (1u << 4)
#define PCI_CFG_CAPABILITIES 0x34
#define PCI_CFG_HEADER_BYTES 0x40u
#define PCI_CAP_ID_VENDOR 0x09
#define PCI_CAP_ID_MSIX 0x11
#define PCI_MSIX_CONTROL 2
#define PCI_MSIX_CONTROL_SIZE 0x07ffu
#define PCI_MSIX_CONTROL_ENABLE 0x8000u

/** Virtio Structure PCI Capabilities: where in a BAR a structure lies. */
struct virtio_pci_cap {
	uint8_t cap_vndr;
	uint8_t cap_next;
	uint8_t cap_len;
	uint8_t cfg_type;
	uint8_t bar;
	uint8_t id;
	uint8_t padding[2];
	rte_le32_t offset;
	rte_le32_t length;
};

/** The same for notifications. */
struct virtio_pci_notify_cap {
	struct virtio_pci_cap cap;
	rte_le32_t notify_off_multiplier;
};

#define VIRTIO_PCI_CAP_COMMON_CFG 1
#define VIRTIO_PCI_CAP_NOTIFY_CFG 2
#define VIRTIO_PCI_CAP_ISR_CFG 3
#define VIRTIO_PCI_CAP_DEVICE_CFG 4
#define VIRTIO_PCI_BARS 6

/** Common configuration structure layout. */
struct virtio_pci_common_cfg {
	rte_le32_t device_feature_select;
	rte_le32_t device_feature;
	rte_le32_t driver_feature_select;
	rte_le32_t driver_feature;
	rte_le16_t config_msix_vector;
	rte_le16_t num_queues;
	uint8_t device_status;
	uint8_t config_generation;
	rte_le16_t queue_select;
	rte_le16_t queue_size;
	rte_le16_t queue_msix_vector;
	rte_le16_t queue_enable;
	rte_le16_t queue_notify_off;
	rte_le32_t queue_desc_lo;
	rte_le32_t queue_desc_hi;
	rte_le32_t queue_driver_lo;
	rte_le32_t queue_driver_hi;
	rte_le32_t queue_device_lo;
	rte_le32_t queue_device_hi;
	/* From here on a device may have left fields out. */
	rte_le16_t queue_notif_config_data;
	rte_le16_t queue_reset;
};

#define VIRTIO_PCI_COMMON_CFG_MIN 56u
#define VIRTIO_MSI_NO_VECTOR 0xffff

/* ISR status capability */
#define VIRTIO_PCI_ISR_QUEUE 1u
#define VIRTIO_PCI_ISR_CONFIG 2u

/* Notification structure layout: 16 bits, or 32 with VIRTIO_F_NOTIFICATION_DATA */
#define VIRTIO_PCI_NOTIFY_BYTES 2u
#define VIRTIO_PCI_NOTIFY_DATA_BYTES 4u

#endif /* PVQ_VIRTIO_PCI_SPEC_H */
