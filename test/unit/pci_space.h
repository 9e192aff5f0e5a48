/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PCI_SPACE_H
#define PCI_SPACE_H

/** @file The configuration space of a PCI function, made of capabilities one by one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "pci_caps.h"

/* Numbers of the specification, written down a second time. */
#define COMMON 1
#define NOTIFY 2
#define ISR 3
#define DEVICE 4
#define WINDOW 5
#define SHARED_MEMORY 8
#define VENDOR 9

#define BAR_BYTES 0x4000u

/** A function's configuration space, its BARs, what was found in them and said of it. */
struct space {
	uint8_t bytes[256];
	uint8_t at;       /* where the next capability goes */
	uint8_t *link;    /* what is to point there */
	int broken_at;    /* offset that cannot be read, -1 for none */
	int broken;       /* what reading it returns */
	uint8_t bar[2][BAR_BYTES];
	struct pvq_pci_function f;
	struct pvq_pci_regions r;
	FILE *log;
	char *text;
	size_t len;
};

/** Set-up and teardown of a test: a space without capabilities, and the log caught. */
int
space_start(void **state);
int
space_stop(void **state);

void
space_put32(uint8_t *at, uint32_t value);

/** A capability behind the others, @p bytes of it. @return where it is. */
uint8_t *
space_add_cap(struct space *s, uint8_t id, uint8_t bytes);

/** A virtio capability. @return where it is. */
uint8_t *
space_add(struct space *s, uint8_t type, uint8_t bar, uint32_t offset, uint32_t length);

/** All that are needed, as QEMU lays them out, but for type @p left_out; 0 for none. */
void
space_add_all_but(struct space *s, unsigned int left_out);

/** That all have been found there. */
void
space_assert_all(const struct space *s);

/** Whether the log has @p text. */
bool
space_said(struct space *s, const char *text);

#endif /* PCI_SPACE_H */
