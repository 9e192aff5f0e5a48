/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file PCI configuration space of the device: its identity and the list of its capabilities. */

#include <string.h>

#include "vpm_device_priv.h"

#define ID_VIRTIO 0x1af4u
#define ID_NET 0x1041u
#define CAP_VENDOR 0x09u
#define CAP_MSIX 0x11u

static void
put16(uint8_t *at, uint16_t value)
{
	at[0] = value;
	at[1] = value >> 8;
}

static void
put32(uint8_t *at, uint32_t value)
{
	put16(at, value);
	put16(at + 2, value >> 16);
}

static void
put_cap(struct vpd *d, uint8_t at, uint8_t next, uint8_t type, uint32_t offset, uint32_t length)
{
	uint8_t *cap = d->space + at;

	cap[0] = CAP_VENDOR;
	cap[1] = next;
	cap[2] = type == 2 ? 20 : 16;
	cap[3] = type;
	cap[4] = VPD_BAR;
	put32(cap + 8, offset);
	put32(cap + 12, length);
	if (type == 2)
		put32(cap + 16, d->conf.notify_multiplier);
}

void
vpd_make_space(struct vpd *d)
{
	uint8_t *msix = d->space + VPD_CAP_MSIX;
	const uint16_t vectors = d->regs.conf.vectors;

	memset(d->space, 0, sizeof(d->space));
	put16(d->space, ID_VIRTIO);
	put16(d->space + 2, ID_NET);
	put16(d->space + 6, 1 << 4);
	d->space[8] = 1;
	put32(d->space + 8, 0x02000001);
	d->space[0x34] = VPD_CAP_COMMON;
	put_cap(d, VPD_CAP_COMMON, VPD_CAP_NOTIFY, 1, VPM_COMMON, d->regs.conf.common_bytes);
	put_cap(d, VPD_CAP_NOTIFY, VPD_CAP_ISR, 2, VPM_NOTIFY, VPM_NOTIFY_BYTES);
	put_cap(d, VPD_CAP_ISR, VPD_CAP_DEVICE, 3, VPM_ISR, 1);
	put_cap(d, VPD_CAP_DEVICE, vectors != 0 ? VPD_CAP_MSIX : 0, 4, VPM_DEVICE,
		d->regs.conf.config_bytes);
	if (vectors == 0)
		return;
	msix[0] = CAP_MSIX;
	put16(msix + 2, vectors - 1);
	put32(msix + 4, VPD_BAR_MSIX);
	put32(msix + 8, 0x800 | VPD_BAR_MSIX);
}
