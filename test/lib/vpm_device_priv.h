/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef VPM_DEVICE_PRIV_H
#define VPM_DEVICE_PRIV_H

/**
 * @file
 * What the files of the PCI device share; tests include vpm_device.h only. Every function wants the
 * lock held.
 */

#include "vpm_device.h"
#include "vhu_priv.h"

/** Bits of the status field in the device configuration, which is at VPD_AT_STATUS. */
#define VPD_AT_STATUS 6u
#define VPD_S_LINK_UP 1u
#define VPD_S_ANNOUNCE 2u

/* vpm_space.c */

/** Write the configuration space anew. */
void
vpd_make_space(struct vpd *d);

/* vpm_doorbell.c */

/** Byte of the notification structure at which queue @p index has its doorbell. */
uint64_t
vpd_doorbell_at(const struct vpd *d, uint16_t index);

/** Take all doorbells. @return whether one rang. */
bool
vpd_take_doorbells(struct vpd *d);

/** Report what was written where no doorbell is. */
void
vpd_check_strays(struct vpd *d);

/* vpm_interrupt.c */

/** Open all eventfds. @return 0 or -errno. */
int
vpd_open_vectors(struct vpd *d);
void
vpd_close_vectors(struct vpd *d);

/** Buffers of queue @p index were used. */
void
vpd_interrupt_queue(struct vpd *d, uint16_t index);

/** Device configuration or status has changed. */
void
vpd_interrupt_config(struct vpd *d);

/** Pass on what the packets' part asks for. */
void
vpd_pass_interrupts(struct vpd *d);

/* vpm_control.c */

/** After a reset: what commands have changed is as at first. */
void
vpd_reset_state(struct vpd *d);

/** Fetch and answer commands. */
void
vpd_serve_control(struct vpd *d);

/* vpm_command.c */

/** Judge a command and carry it out. @return whether the device can. */
bool
vpd_execute(struct vpd *d, const struct vpd_command *c);

/* vpm_device.c */

/** Start and stop rings by what the registers say. */
void
vpd_follow_registers(struct vpd *d);

#endif /* VPM_DEVICE_PRIV_H */
