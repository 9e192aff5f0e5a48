/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PORT_READERS_H
#define PORT_READERS_H

/**
 * @file
 * Threads that read what a port counts and tells, all the time and beside everything else: with
 * ethdev's functions, and by EAL's telemetry socket, whose commands run in a thread of EAL's.
 */

#include <pthread.h>

#include "port.h"

struct readers {
	const struct port *p;
	/** Reset the counters now and then; otherwise they must never go back. */
	bool reset;
	/** The port is set up anew meanwhile: answers to ethdev's own commands may fail. */
	bool lenient;
	/** Ask for nothing but what lives as long as the program: ports come and go. */
	bool ports_go;

	pthread_t threads[2];
	unsigned int running;
	bool quit;
	/* Written by the threads. */
	uint32_t read;
	uint32_t asked;
	const char *error[2];
};

/** Connect to EAL's telemetry, if port_eal_start() opened it. Any thread. @return socket or -1. */
int
port_telemetry_connect(void);

/** Give a command; its answer, as text, to @p answer. Any thread. @return whether there is one. */
bool
port_telemetry_ask(int fd, const char *command, char *answer, size_t size);

void
readers_start(struct readers *r, const struct port *p);

/** No thread reads any more when this returns; @p r a struct readers. Also when none runs. */
void
readers_end(void *r);

/** readers_end(), and all was as it should be and has happened at all. */
void
readers_finish(struct readers *r);

#endif /* PORT_READERS_H */
