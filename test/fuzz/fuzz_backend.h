/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef FUZZ_BACKEND_H
#define FUZZ_BACKEND_H

/**
 * @file
 * A vhost-user backend that answers inside the call that asks it, without a thread: the driver's
 * sendmsg(), recv(), poll() and connect() come here first. There is a real socket behind them, for
 * file descriptors and hanging up; plain bytes take the short way. It answers as a backend should
 * until the message for which the input has a fault. Nothing is ever waited for.
 *
 * The driver's own thread is not started either; it runs inside the target, and where it would
 * sleep, the target goes on.
 */

#include <stdbool.h>
#include <stdint.h>

#include "fuzz.h"

#define FUZZ_CONFIG_BYTES 64u

struct fuzz_backend {
	struct fuzz_in in;   /**< faults to come */
	bool present;        /**< a connection is accepted */
	int fd;              /**< its end of it, -1 without */
	uint64_t features;
	uint64_t protocol_features;
	uint64_t queues;
	uint64_t slots;
	uint8_t status;
	uint8_t config[FUZZ_CONFIG_BYTES];
	uint8_t regions;     /**< which to make up, or UINT8_MAX for EAL's memory as it is */
	unsigned int until_fault; /**< messages */
	uint8_t inbox[2048]; /**< what the driver has not received */
	size_t inbox_len;
	bool by_socket;      /**< all else goes by the socket, too: it must not come first */
	uint8_t rest[512];   /**< of an answer that comes in two parts */
	size_t rest_len;
};

/** Of the connection under test. */
extern struct fuzz_backend fuzz_backend;

/** What the driver's thread does when it would sleep; called again and again. */
extern void (*fuzz_idle)(void);

/** What happens while the driver waits for something in memory; called again and again. */
extern void (*fuzz_delay)(void);

/** Read what the backend offers and when it is to err. */
void
fuzz_backend_open(const struct fuzz_in *offer, const struct fuzz_in *faults);

/** Read an offer from the input. */
void
fuzz_backend_read_offer(struct fuzz_in *in);

/** Hang up. */
void
fuzz_backend_close(void);

/** Send bytes of the input that nobody asked for, with file descriptors. */
void
fuzz_backend_speak(struct fuzz_in *in);

/** The driver's threads, in the order in which they were created: run number @p i here. */
void
fuzz_thread_run(unsigned int i);

/** Its argument. */
void *
fuzz_thread_arg(unsigned int i);

/** Call what EAL would call from its interrupt thread by now. */
void
fuzz_alarms_run(void);

#endif /* FUZZ_BACKEND_H */
