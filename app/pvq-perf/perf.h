/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PERF_H
#define PERF_H

/**
 * @file
 * dpdk-pvq-perf: what its parts share. One lcore, the main one, does everything but echo packets
 * in `pair`; functions are called from there unless they say otherwise.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#define PERF_MAX_PORTS 16
#define PERF_MAX_PAIRS 128
#define PERF_MAX_BURST 512
#define PERF_MAX_VALUES 16
#define PERF_MAX_RING 32768
#define PERF_MAX_INFLIGHT 4096
#define PERF_MIN_FRAME 64
#define PERF_MAX_FRAME 1518
#define PERF_NAME_LEN 32
#define PERF_DEVARGS_LEN 512
#define PERF_PATH_LEN 108 /* sun_path of unix(7) */
#define PERF_REASON_LEN 160
/** What DPDK's vhost takes at once to good effect. */
#define PERF_PEER_BURST 32
#define PERF_FLOOR "floor"

/** A list of numbers from the command line. */
struct perf_list {
	uint32_t value[PERF_MAX_VALUES];
	unsigned int n;
	bool given;
};

/** What to measure; several may be asked for. */
enum perf_mode {
	PERF_SOLO = 1,
	PERF_PAIR = 2,
	PERF_SWEEP = 4,
};

/** A port as the command line describes it. */
struct perf_port_options {
	char name[PERF_NAME_LEN];
	char devargs[PERF_DEVARGS_LEN];
	char peer[PERF_DEVARGS_LEN]; /* devargs of an ethdev at the other end; empty: rte_vhost */
	uint64_t backend_without; /* feature bits that rte_vhost does not offer */
};

struct perf_options {
	unsigned int modes;
	struct perf_port_options port[PERF_MAX_PORTS];
	unsigned int nb_ports;
	int baseline; /* index of a port, negative for none */
	struct perf_list burst, frame, ring, pairs;
	unsigned int rounds;
	unsigned int bursts; /* in a round */
	unsigned int windows;
	unsigned int window_ms;
	unsigned int inflight;
	bool fast_free;
	const char *json;
	const char *plot;
};

/** What a port may be measured with. */
struct perf_point {
	enum perf_mode kind; /* PERF_SOLO or PERF_PAIR */
	uint32_t burst, frame, ring, pairs;
};

/** One figure a round. */
struct perf_series {
	double *value;
	unsigned int n, room;
};

struct perf_summary {
	double median, p10, p90;
	double ratio; /* to the baseline, 0 where there is none */
};

/** How a port came up. */
struct perf_port_state {
	char driver[PERF_NAME_LEN];
	char rx_path[RTE_ETH_BURST_MODE_INFO_SIZE];
	char tx_path[RTE_ETH_BURST_MODE_INFO_SIZE];
	char refused[PERF_REASON_LEN]; /* why it does not take part, or empty */
	uint64_t features;
	bool has_features; /* there is a backend that tells what was negotiated */
	bool fast_free;
};

/** What came out for one port, or for the floor, at one point. */
struct perf_figures {
	struct perf_port_state state;
	/* solo: cycles a packet */
	struct perf_series tx, rx;
	uint64_t offered, taken; /* packets given to rte_eth_tx_burst, and taken by it */
	/* pair: millions of packets a second each way, and what the driver's polls found */
	struct perf_series mpps;
	uint64_t polls, empty_polls, received;
	/* both */
	uint64_t lost, wrong;
};

struct perf_result {
	struct perf_point point;
	struct perf_figures port[PERF_MAX_PORTS + 1]; /* after the ports: the floor */
};

struct perf_results {
	struct perf_result *result;
	unsigned int n;
};

/** A port that is open, and the other end of it. */
struct perf_port {
	const struct perf_port_options *opt;
	struct perf_port_state state;
	uint16_t id;
	uint16_t peer_id; /* RTE_MAX_ETHPORTS without an ethdev peer */
	char dev[RTE_ETH_NAME_MAX_LEN], peer_dev[RTE_ETH_NAME_MAX_LEN];
	char path[PERF_PATH_LEN];
	bool open, listens;
	/* set by the vhost library's thread */
	int vid;
	uint64_t vrings[2 * PERF_MAX_PAIRS / 64]; /* which are enabled */
	/* of the packets that went each way so far */
	uint64_t tx_seq, rx_seq;
};

/** Everything open at one time: ports with the same ring size and number of queue pairs. */
struct perf_bench {
	const struct perf_options *opt;
	struct perf_port port[PERF_MAX_PORTS];
	uint32_t ring, pairs;
	char folder[PERF_PATH_LEN - PERF_NAME_LEN]; /* of sockets */
	struct rte_mempool *pool; /* of the ports under test */
	struct rte_mempool *peer_pool;
	struct perf_floor *floor;
};

/** Set by SIGINT and SIGTERM: leave in order. */
extern volatile sig_atomic_t perf_stop;

/* options.c */

/**
 * Read the arguments that EAL left over.
 * @return 0; 1 when only help was asked for; negative when an argument is no good, with a message
 *   on stderr
 */
int perf_options_parse(struct perf_options *opt, int argc, char **argv);

/* devargs.c */

/** Whether devargs have a key. */
bool perf_devargs_has(const char *devargs, const char *key);

/** Copy the value of a key; false without such a key or with too little room. */
bool perf_devargs_get(const char *devargs, const char *key, char *value, size_t size);

/** Give a key a value, in place of the one it has. @return 0, or negative without room. */
int perf_devargs_set(char *devargs, size_t size, const char *key, const char *value);

/** The device's name: what stands before the first comma. */
int perf_devargs_name(const char *devargs, char *name, size_t size);

/** Whether the device is one of a driver's, by the driver's name followed by digits. */
bool perf_devargs_is(const char *devargs, const char *driver);

/* port.c */

/**
 * Open all ports with rings and queue pairs as b->ring and b->pairs say, and wait for the other
 * ends. A port that cannot be opened has state.refused set afterwards.
 * @return 0, or negative when there is no memory for mbufs
 */
int perf_ports_open(struct perf_bench *b);

/** Close what perf_ports_open opened, front-ends first. */
void perf_ports_close(struct perf_bench *b);

/* backend.c */

/** Listen on port->path with DPDK's vhost library. @return 0 or a negative errno */
int perf_backend_listen(struct perf_port *port);

/** Stop listening, after the front-end has left. */
void perf_backend_close(struct perf_port *port);

/** Whether the other end of so many queue pairs is there; asks once. */
bool perf_backend_ready(const struct perf_port *port, uint32_t pairs);

/**
 * Begin to poll: turn notifications off, and fill in state.features.
 * @return 0 or a negative errno
 */
int perf_backend_attach(struct perf_port *port, uint32_t pairs);

/** Words for feature bits, separated by blanks. */
void perf_features_text(uint64_t features, char *text, size_t size);

/**
 * Take packets that the port under test has sent. Any lcore, one at a time for a queue.
 * @return number of mbufs in pkts, new ones of the peer's pool
 */
uint16_t perf_peer_take(struct perf_port *port, uint16_t q, struct rte_mempool *pool,
			struct rte_mbuf **pkts, uint16_t n);

/**
 * Send packets to the port under test. Any lcore, one at a time for a queue.
 * @return number of packets taken; their mbufs are the caller's no more
 */
uint16_t perf_peer_give(struct perf_port *port, uint16_t q, struct rte_mbuf **pkts, uint16_t n);

/* log.c */

/** From now on read along in the log. */
void perf_log_open(void);
void perf_log_close(void);

/** What a port's driver has said of its paths in the log; empty where it has said nothing. */
void perf_log_paths(uint16_t port, char *rx, char *tx, size_t size);
void perf_log_forget(uint16_t port);

/* frame.c */

/** Make mbufs carry frames of len bytes with sequence numbers from seq on. */
void perf_frames_fill(struct rte_mbuf **pkts, uint16_t n, uint32_t len, uint64_t seq);

/** How many of the packets are not what perf_frames_fill made of them, in that order. */
uint16_t perf_frames_wrong(struct rte_mbuf **pkts, uint16_t n, uint32_t len, uint64_t seq);

/** The sequence number of a frame whose addresses may have been swapped; false if it is wrong. */
bool perf_frame_seq(const struct rte_mbuf *m, uint32_t len, uint64_t *seq);

/* solo.c */

/** Cycles that two reads of the clock take with nothing between them. */
uint64_t perf_clock_cost(void);

/** Bursts before a round counts: all rings go round once, so that the caches have what is ours. */
uint32_t perf_solo_warm_up(const struct perf_point *point);

/** Bursts of a round that count: as many for each queue pair. */
uint32_t perf_solo_bursts(const struct perf_options *opt, const struct perf_point *point);

/** One round of one port. clock: perf_clock_cost(). @return 0, or negative without mbufs */
int perf_solo_round(struct perf_bench *b, struct perf_port *port, const struct perf_point *point,
		    uint64_t clock, struct perf_figures *f);

/* floor.c */

/** Rings in the size and number of the bench's. @return NULL without memory */
struct perf_floor *perf_floor_create(struct perf_bench *b);
void perf_floor_free(struct perf_floor *floor);

/** As perf_solo_round, of the loop that does only what no driver can leave out. */
void perf_floor_round(struct perf_bench *b, const struct perf_point *point, uint64_t clock,
		      struct perf_figures *f);

/* pair.c */

/** One window of one port; starts the echo on another lcore and ends it. @return as above */
int perf_pair_window(struct perf_bench *b, struct perf_port *port, const struct perf_point *point,
		     struct perf_figures *f);

/* run.c */

/** Measure everything asked for. @return 0, or negative after a message on stderr */
int perf_run(const struct perf_options *opt, struct perf_results *results);

/* result.c */

/** A new result at the end of the list, NULL without memory. */
struct perf_result *perf_results_add(struct perf_results *results, const struct perf_point *point);
void perf_results_free(struct perf_results *results);

/** Add a round's figure; nothing is added without memory. */
void perf_series_add(struct perf_series *s, double value);

/**
 * Median and percentiles, and the median of the rounds' ratios.
 * @param base figures of the baseline from the same rounds, or NULL
 */
void perf_series_sum(const struct perf_series *s, const struct perf_series *base,
		     struct perf_summary *sum);

/** Packets lost and wrong in all results. */
void perf_results_faults(const struct perf_results *results, uint64_t *lost, uint64_t *wrong);

/** The baseline's figures at a point, NULL where there is none. */
const struct perf_figures *perf_result_baseline(const struct perf_options *opt,
						const struct perf_result *r);

/* park.c */

/** Before rte_eal_cleanup(), and only then: keep EAL's interrupt thread away from what is gone. */
void perf_park_interrupts(const struct perf_options *opt);

/* table.c, json.c, plot.c */

/** Print all results on stdout. */
void perf_table(const struct perf_options *opt, const struct perf_results *results);

/** Write all results. @return 0, or negative after a message on stderr */
int perf_json(const struct perf_options *opt, const struct perf_results *results);

/** Whether plots can be made, with a message on stderr if not. */
bool perf_plot_possible(void);

/** Draw all results. @return 0, or negative after a message on stderr */
int perf_plot(const struct perf_options *opt, const struct perf_results *results);

#endif
