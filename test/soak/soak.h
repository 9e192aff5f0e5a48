/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef SOAK_H
#define SOAK_H

/**
 * @file
 * The endurance test's traffic: a program that uses nothing but DPDK's public interface. It sends
 * frames through ports whose backends send them back, verifies every byte of what returns, and
 * keeps an account of each frame. devtools/soak.py tells it on stdin what to do to the ports
 * meanwhile, one command a line, and kills the backends.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#define SOAK_PORTS 2
#define SOAK_PAIRS 4
#define SOAK_BURST 32
#define SOAK_LEN_MIN 60
#define SOAK_LEN_MAX 4096
/** Frames of a queue that are remembered; many more than can be on the way. */
#define SOAK_SLOTS 4096

enum soak_state { SOAK_NEVER, SOAK_OUT, SOAK_DONE, SOAK_LOST };

struct soak_entry {
	uint32_t seq;
	uint32_t stamp;
	enum soak_state state;
};

/** What became of the frames of one queue pair. Those that begin with bad are violations. */
struct soak_counts {
	uint64_t sent;
	uint64_t verified;   /**< came back, byte by byte as they were sent; each counted once */
	uint64_t duplicated; /**< came again, after a disturbance: transmission is at-least-once */
	uint64_t lost;       /**< did not come back, and there was a disturbance */
	uint64_t late;       /**< came after they had been given up; not in lost any more */
	uint64_t reordered;  /**< came behind later ones, and there was a disturbance */
	uint64_t bad_content;
	uint64_t bad_duplicate;
	uint64_t bad_loss;
	uint64_t bad_order;
	uint64_t bad_stall; /**< nothing came for a minute, and there was no disturbance */
};

/**
 * The account of one queue pair. A frame carries the number of disturbances (a backend's death, a
 * stop) that there had been when it was sent: while there is none in between, every frame comes
 * back once and in order.
 */
struct soak_ledger {
	uint16_t port;
	uint16_t queue;
	uint32_t disturbed; /**< written by the control thread, all else by the worker */
	uint32_t next_seq;
	uint32_t newest; /**< after the newest that came back */
	uint32_t in_flight;
	uint64_t progress; /**< when a frame came back last, in TSC cycles */
	struct soak_counts counts;
	struct soak_entry entry[SOAK_SLOTS];
};

/** How a port is set up. */
struct soak_setup {
	uint16_t pairs;
	uint16_t rx_size;
	uint16_t tx_size;
	bool scatter;    /**< RTE_ETH_RX_OFFLOAD_SCATTER, and frames that need it */
	bool multi_segs; /**< RTE_ETH_TX_OFFLOAD_MULTI_SEGS, and frames of several segments */
	bool fast_free;  /**< RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE */
	bool extra_pool; /**< receive into the newest pool made at run time */
};

struct soak_port {
	char name[32];
	char devargs[160];
	uint16_t id;
	uint16_t number;
	bool plugged;
	bool started;
	struct soak_setup setup;
	struct rte_mempool *rx_pool;
	/* Read by the worker. */
	struct rte_mempool *tx_pool;
	uint32_t window; /**< frames of a queue on the way at most */
	uint32_t max_len;
	bool intr;
	bool hold; /**< the worker is to stand still */
	bool held; /**< it does */
	bool quiet; /**< it is to send nothing */
	uint64_t wakeups;
	uint64_t reconnects; /**< of which the worker knows */
	/** Those who read counters have it, and who sets the port up anew. */
	pthread_mutex_t readers;
	struct soak_ledger ledger[SOAK_PAIRS];
};

struct soak {
	struct soak_port port[SOAK_PORTS];
	struct rte_mempool *pool;
	uint64_t seed;
	uint64_t reads; /**< how often counters were read */
	uint64_t memory_events; /**< how often EAL added or removed memory */
	bool quit;
};

extern struct soak soak;

/** Fill the noise that frames are made of. */
void
soak_frame_init(uint64_t seed);

/** A number below @p n that belongs to a frame: always the same for the same one. */
uint32_t
soak_frame_choice(uint32_t seq, uint32_t salt, uint32_t n);

/** Write the frame @p seq of a queue, @p len bytes, to @p to. */
void
soak_frame_write(uint8_t *to, uint16_t len, uint16_t port, uint16_t queue, uint32_t seq,
		 uint32_t stamp);

/** Whether @p m is a frame of this queue, in every byte; its number and stamp. */
bool
soak_frame_check(struct rte_mbuf *m, uint16_t port, uint16_t queue, uint32_t *seq,
		 uint32_t *stamp);

/** Note that a frame goes out. Worker. */
void
soak_ledger_sent(struct soak_ledger *l, uint32_t stamp);

/**
 * Note that a frame has come back. Worker.
 *
 * @param now
 *   l->disturbed, read after the frame was received.
 */
void
soak_ledger_received(struct soak_ledger *l, uint32_t seq, uint32_t stamp, uint32_t now);

/** Give up what disturbances explain, and find what stands still without one. Worker. */
void
soak_ledger_tend(struct soak_ledger *l);

/** From here on a frame on the way may be lost, or come twice. Any thread. */
void
soak_disturb(struct soak_port *p, int queue);

/**
 * Whether the port has connected to a backend anew since this was asked last; if so, that is a
 * disturbance of all its queues. Worker.
 */
bool
soak_has_reconnected(struct soak_port *p);

/** A worker: sends and receives until soak.quit. @p arg is its struct soak_port. */
int
soak_worker(void *arg);

/** Have the worker stand still, or go on. Control thread. */
void
soak_hold(struct soak_port *p, bool hold);

/** A thread that reads counters all the time, until soak.quit. */
void *
soak_reader(void *arg);

/** Plug the port in, set it up and start it, stop it, unplug it. @return 0 or -errno. */
int
soak_port_plug(struct soak_port *p);

int
soak_port_setup(struct soak_port *p, const struct soak_setup *setup);

int
soak_port_start(struct soak_port *p);

int
soak_port_stop(struct soak_port *p);

int
soak_port_unplug(struct soak_port *p);

/** The newest pool made at run time, or NULL. */
struct rte_mempool *
soak_extra_pool(void);

/** Make a pool that workers take their frames from. @return 0 or -errno. */
int
soak_extra_make(void);

/** Free the oldest such pool. @return 0, -ENOENT, or -EBUSY: some of its mbufs are on the way. */
int
soak_extra_free(void);

/** Allocate a block and fill it, or free the oldest. @return 0 or -errno. */
int
soak_block_make(size_t bytes);

int
soak_block_free(void);

/** Do what a line says and print one line: "ok ..." or "error ...". @return false at the end. */
bool
soak_command(char *line);

#endif /* SOAK_H */
