/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PORT_H
#define PORT_H

/**
 * @file
 * What tests of a whole port share: EAL without hugepages, a port on a vhost-user backend of
 * test/lib, packets that can be told apart, and the log.
 *
 * The helpers assert with cmocka, so they belong to the thread that runs the tests; those that may
 * be used from other threads say so.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "vhu_backend.h"

/** Long enough for anything that is going to happen, milliseconds. */
#define PORT_WAIT_MS 10000u
/** Bytes at the start of a packet that say which it is. */
#define PORT_MARK_BYTES 8u

/** A port and the backend behind it. */
struct port {
	char dir[32];          /**< private to the test, removed with all it holds */
	char path[48];         /**< of the socket in it */
	struct vhu_config cfg; /**< for port_backend() and port_backend_change() */
	struct vhu_backend *b;
	struct rte_mempool *pool;
	uint32_t pool_size;
	uint32_t leaked; /**< mbufs that the test wants missing at the end */
	bool expect_violations;
	/* For port_queues(). */
	struct rte_eth_conf conf;
	struct rte_eth_rxconf rxconf;
	struct rte_eth_txconf txconf;
	uint16_t nb_rxq, nb_txq, nb_rxd, nb_txd;
	uint16_t id; /**< ethdev's port, RTE_MAX_ETHPORTS when there is none */
	uint32_t next_mark;
	/* Events, by port_watch(). */
	bool watched;
	uint32_t link_events;
	uint32_t reset_events;
	uint32_t remove_events;
	uint32_t last_link; /**< link status that the last LSC event showed */
	/** Called first in tear-down: ends what the test may have left running. May be NULL. */
	void (*end)(void *arg);
	void *end_arg;
	/** How port_close() lets go of a port that has been stopped; NULL for one that was probed. */
	void (*detach)(struct port *p);
};

/* ---- set-up and tear-down ------------------------------------------------------------------- */

/**
 * Start EAL once for the program.
 *
 * @param lcores
 *   As for --lcores.
 * @param telemetry
 *   Whether to open EAL's telemetry socket.
 */
void
port_eal_start(const char *lcores, bool telemetry);

/** Group set-up: EAL with one lcore. */
int
port_group_setup(void **state);

/** Group tear-down: EAL's end, its files removed. */
int
port_group_teardown(void **state);

/** Test set-up: an idle struct port, one queue pair of 64 descriptors, default backend. */
int
port_setup(void **state);

/** The parts of port_setup() and port_teardown() for those who have the struct themselves. */
void
port_init(struct port *p);
int
port_finish(struct port *p);

/**
 * Test tear-down: port closed, backend gone. Fails when the backend saw a breach of a driver's duty
 * or when an mbuf is missing.
 */
int
port_teardown(void **state);

/** As cmocka's, with the above. */
#define port_test(f) cmocka_unit_test_setup_teardown(f, port_setup, port_teardown)

/** Replace the pool; only before port_queues(). @p room is data and headroom, bytes. */
void
port_pool(struct port *p, uint32_t nb_mbufs, uint16_t room);

/* ---- steps ----------------------------------------------------------------------------------- */

/** Make and start the backend from p->cfg. */
void
port_backend(struct port *p);

/** Kill the backend, as by kill -9, and start it again with p->cfg; its log goes on. */
void
port_backend_restart(struct port *p);

/** rte_vdev_init() of net_pvq0 with path= and @p args (",mac=..." or ""). @return 0 or -errno. */
int
port_probe(struct port *p, const char *args);

/** Configure and set up all queues. @return 0 or the first -errno. */
int
port_configure(struct port *p);

/** port_probe(), port_configure() and rte_eth_dev_start(), all of which must succeed. */
void
port_start(struct port *p, const char *args);

/** port_backend() and port_start(); returns with traffic possible. */
void
port_up(struct port *p, const char *args);

/** Stop, if started, and close. */
void
port_close(struct port *p);

/** Count LSC, RESET and RMV events from now on. */
void
port_watch(struct port *p);

/** Wait until the link is up or down. */
bool
port_wait_link(const struct port *p, bool up, uint32_t timeout_ms);

/** Wait until @p what is at least @p count; for counters that other threads change. */
bool
port_wait_count(const uint32_t *what, uint32_t count, uint32_t timeout_ms);

/** Link is up and the backend's rings run. */
void
port_wait_up(const struct port *p);

/** CLOCK_MONOTONIC in milliseconds; any thread. */
uint64_t
port_now_ms(void);

/** Sleep; any thread. */
void
port_sleep_ms(uint32_t ms);

/* ---- packets --------------------------------------------------------------------------------- */

/** Bytes of packet @p mark; any thread. */
void
port_fill(uint8_t *data, uint32_t len, uint32_t mark);

/** Whether @p data are port_fill()'s; the mark goes to @p mark. Any thread. */
bool
port_is_filled(const uint8_t *data, uint32_t len, uint32_t *mark);

/** A packet of @p len bytes in @p segs segments; NULL when the pool is empty. Any thread. */
struct rte_mbuf *
port_packet(struct rte_mempool *pool, uint32_t mark, uint32_t len, uint16_t segs);

/** Whether all of @p m is port_packet()'s content. Any thread. */
bool
port_is_packet(const struct rte_mbuf *m, uint32_t *mark);

/** Send packets marked p->next_mark, ...; all must be accepted. */
void
port_send(struct port *p, uint16_t queue, uint32_t n, uint32_t len);

/** Receive until @p n packets are there. @return how many came in time. */
uint32_t
port_receive(const struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint32_t n,
	     uint32_t timeout_ms);

/** Receive @p n packets, marked @p mark and on, in order, and free them. */
void
port_expect(const struct port *p, uint16_t queue, uint32_t mark, uint32_t n);

/** Send @p n packets through an echoing backend and get them all back. */
void
port_ping(struct port *p, uint16_t queue, uint32_t n, uint32_t len);

/** Deliver packet @p mark from the backend on @p pair; it must have room. */
void
port_deliver(const struct port *p, uint32_t pair, uint32_t mark, uint32_t len);

/** Take a packet at the backend. @return its mark, or UINT32_MAX when there is none. */
uint32_t
port_take(const struct port *p, uint32_t pair);

/** Whether all mbufs but p->leaked are back in the pool. */
bool
port_is_whole(const struct port *p);

/** Value of an extended statistic by name. */
uint64_t
port_xstat(const struct port *p, const char *name);

/**
 * Print what the port and its backend know: for a test about to fail because something that takes
 * milliseconds has not happened in many seconds. @p what is the heading.
 */
void
port_report(const struct port *p, const char *what);

/* ---- the log --------------------------------------------------------------------------------- */

/** Forget what was logged. */
void
port_log_clear(void);

/** Whether @p text was logged since the last clear. */
bool
port_log_has(const char *text);

/** How often. */
uint32_t
port_log_count(const char *text);

/** Print it to stderr. */
void
port_log_print(void);

/** Wait for it. */
bool
port_log_wait(const char *text, uint32_t timeout_ms);

/* ---- time ------------------------------------------------------------------------------------ */

/**
 * Make waits for file descriptors (poll(2) of a second or more, and not for ever) end @p divisor
 * times as soon: so that time-outs can be tested without sitting through them. 1 for true time.
 */
void
port_time_divisor(int divisor);

/** Longest bounded wait asked of poll(2) since the last call of port_time_divisor(), ms. */
int
port_time_longest(void);

#endif /* PORT_H */
