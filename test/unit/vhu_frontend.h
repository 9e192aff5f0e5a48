/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef UNIT_VHU_FRONTEND_H
#define UNIT_VHU_FRONTEND_H

/**
 * @file
 * The driver's end of a vhost-user socket in a few lines that speak the protocol in literal words,
 * to test the backend of the tests with. Every function fails the test when something is wrong.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "vhu_backend.h"

#define WAIT_MS 5000
#define QSIZE 8u
#define MEM_BYTES 65536u
/* The driver's two address spaces; neither is its real one. */
#define GPA 0x100000000ull
#define UVA 0x7000000000ull
/* Where things are in its memory. */
#define RING(i) ((i) * 0x1000u)
#define DRV_EVENT(i) (RING(i) + 0x800u)
#define DEV_EVENT(i) (RING(i) + 0x900u)
#define BUF(i) (0x4000u + (i) * 0x800u)

struct fe {
	struct vhu_config cfg;
	struct vhu_backend *b;
	char dir[64], path[96];
	int fd, mem_fd, listen_fd;
	int notify[2], call[2];
	uint8_t *mem;
};

/** cmocka set-up and tear-down: a frontend with one pair, the backend's configuration to edit. */
int
fe_open(void **state);
int
fe_close(void **state);

/** A socket that listens at @p path, or is connected to it; -1 if nobody accepts. */
int
fe_socket(const char *path, bool listening);

/** Start a backend that listens, and connect to it. */
void
fe_start(struct fe *f);

/** The backend has nothing to complain of. */
void
fe_clean(struct fe *f);

/** Send a message; @p fd -1 for none. */
void
fe_send(struct fe *f, uint32_t request, uint32_t flags, const void *payload, uint32_t size, int fd);

/** One answer: bytes received in all, header first; 0 at the end, -1 after 300 ms of nothing. */
ssize_t
fe_answer(struct fe *f, uint32_t hdr[3], void *payload, size_t size);

/** Ask for a number. */
uint64_t
fe_get_u64(struct fe *f, uint32_t request);

/** Send with need_reply and return the acknowledgement, 0 for success; three forms of payload. */
uint64_t
fe_acked(struct fe *f, uint32_t request, const void *payload, uint32_t size, int fd);
uint64_t
fe_set_u64(struct fe *f, uint32_t request, uint64_t value);
uint64_t
fe_set_state(struct fe *f, uint32_t request, uint32_t idx, uint32_t num);

/** From the first message to FEATURES_OK, with all that is offered. */
void
fe_negotiate(struct fe *f);

/** Add bytes of the memory file as a region; the acknowledgement. */
uint64_t
fe_add_region(struct fe *f, uint64_t at, uint64_t size);

/** fe_negotiate(), memory, both rings, DRIVER_OK. */
void
fe_go_live(struct fe *f);

/** Make slot @p slot available in the first lap, buffer id = slot. */
void
fe_put(struct fe *f, uint32_t ring, uint32_t slot, uint32_t at, uint32_t len, uint16_t flags);

/** Send the driver's notification. */
void
fe_notify(struct fe *f, uint32_t ring);

/** Wait for an interrupt; false when none comes in time. */
bool
fe_wait_call(struct fe *f, uint32_t ring);

#endif /* UNIT_VHU_FRONTEND_H */
