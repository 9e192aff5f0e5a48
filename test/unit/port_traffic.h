/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PORT_TRAFFIC_H
#define PORT_TRAFFIC_H

/**
 * @file
 * A thread that sends and receives all the time through a backend that echoes. Every packet comes
 * back whole, once, and in order; none is lost unless the test says that some may be.
 */

#include <pthread.h>

#include "port.h"

struct traffic {
	/* Filled in by the test. */
	struct port *p;
	uint16_t queue;
	uint16_t segs; /**< of every third packet */
	bool lossy;    /**< a stop may free packets that are on their way */
	bool direct;   /**< poll with the driver's own functions, even while the port is stopped */
	bool intr;     /**< enable and disable Rx interrupts all the time */

	void *rxq, *txq; /**< for direct: the queues, and the functions of the beginning */
	uint16_t (*rx_burst)(void *queue, struct rte_mbuf **m, uint16_t n);
	uint16_t (*tx_burst)(void *queue, struct rte_mbuf **m, uint16_t n);
	pthread_t thread;
	bool runs;
	bool quit;
	/* Written by the thread. */
	uint32_t sent;
	uint32_t received;
	uint32_t next;     /**< mark that comes next, or has been lost */
	uint32_t forgiven; /**< lossy: nobody waits for packets before this one */
	uint32_t idle;     /**< polls in vain with a full window */
	const char *error;
};

/** Begin to poll, or go on. */
void
traffic_go_on(struct traffic *t);

/** Nobody polls when this returns; @p t a struct traffic. Also when it does not run. */
void
traffic_pause(void *t);

/** A hundred packets more than now come back. */
void
traffic_flows(struct traffic *t);

/** Pause; all that was sent and not lost comes back, at the end of the test. */
void
traffic_finish(struct traffic *t);

#endif /* PORT_TRAFFIC_H */
