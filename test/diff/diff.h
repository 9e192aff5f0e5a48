/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef DIFF_H
#define DIFF_H

/**
 * @file
 * Two queues that are set up alike and see the same traffic from the same device, one polled by
 * the scalar path and one by the path under test. Whatever can be seen of the one has to be true
 * of the other after every step: what a burst returned, the mbufs, the ring byte by byte, ids,
 * counters, notifications, the gate, and which mbufs are back in the pool in which order.
 *
 * A run is a sequence of episodes. An episode is one pair of queues, from a random choice of ring
 * size, features and habits of device and application, to the end, where no mbuf may be missing.
 * It depends on the seed and its own number alone, so each can be run by itself.
 *
 * Everything here runs in one thread.
 */

#include "burst.h"
#include "eal.h"
#include "queue.h"

/** The queue on the scalar path, and the one under test. */
enum { DIFF_REF, DIFF_SUB, DIFF_SIDES };

#define DIFF_POOLS 2
/** Most mbufs of a pool; an episode has some of them. */
#define DIFF_MBUFS 2048u
/** Longest burst. */
#define DIFF_BURST 256u
#define DIFF_EXTERNALS 16u
/** A call of a burst function without mbufs takes about as long as one with so many more. */
#define DIFF_WORK_OF_CALL 32u

/** Bytes behind the headroom in the mbufs of the two pools, of which the second has a cache. */
#define DIFF_DATA_0 120u
#define DIFF_DATA_1 500u

/** A mempool whose mbufs are dealt out at the start of an episode and counted at its end. */
struct diff_pool {
	struct rte_mempool *mp;
	void *all[DIFF_MBUFS];
	unsigned int dealt;
};

struct diff_side {
	struct diff_pool *pool; /**< [DIFF_POOLS] */
	struct pvq_rxq *rxq;    /**< one of these two */
	struct pvq_txq *txq;
	pvq_burst_t burst;
	struct pd_vq *dev;
	uint16_t index;         /**< virtqueue index */
	struct unit_memory memory;
	/** What the application keeps; the oldest first. */
	struct rte_mbuf *held[DIFF_MBUFS];
	/** Transmit: made and not accepted yet. */
	struct rte_mbuf *pending[DIFF_BURST];
	struct unit_external *ext; /**< [DIFF_EXTERNALS] */
};

/** What was met on the way, so that a generator that has gone blind is noticed. */
enum diff_seen {
	DIFF_PACKETS,
	DIFF_BURSTS,
	DIFF_FULL_BURSTS,   /**< the queue gave or took all that was asked */
	DIFF_CUT_BURSTS,    /**< it gave or took a part */
	DIFF_SEVERAL_SEGS,  /**< received or accepted packets of several segments */
	DIFF_DROPS,         /**< packets that the driver dropped */
	DIFF_NO_ROOM,       /**< receive: pool empty; transmit: ring full */
	DIFF_NOTIFIED,
	DIFF_LIES,
	DIFF_ERRORS,        /**< queues that were closed because of a lie */
	DIFF_TRACED,        /**< bursts of several slots, looked at after every instruction */
	DIFF_SEEN_COUNT,
};

/** The episode that runs. */
struct diff_state {
	struct diff_side side[DIFF_SIDES];
	enum pvq_isa isa;
	bool tx;
	uint64_t seed;
	uint32_t episode;
	uint32_t step;
	char setup[200]; /**< the choices it began with, as text */
	const char *no_trace; /**< what diff_trace_lack() says */
	uint64_t trace_ops;   /**< operations of the run: the more, the fewer of them are traced */
	/* Of an episode: what both sides have as long as they agree. */
	unsigned int nb_held;
	unsigned int nb_pending;
	uint32_t made;         /**< packets made: number of the next one */
	bool lied;             /**< the device has lied */
	bool closed;           /**< the driver has found that out */
	uint64_t seen[DIFF_SEEN_COUNT]; /**< of the whole run */
};

extern struct diff_state diff;

#define DIFF_FOREACH_SIDE(s) \
	for (struct diff_side *s = diff.side; s < diff.side + DIFF_SIDES; s++)

/* ---- chance ---------------------------------------------------------------------------------- */

/** Begin an episode's own sequence. */
void
diff_rand_start(uint64_t seed, uint32_t episode, bool tx);

uint32_t
diff_rand(void);

/** 0 to @p n - 1. */
uint32_t
diff_below(uint32_t n);

/** True once in @p n times. */
bool
diff_chance(uint32_t n);

/** A number of packets, 0 to DIFF_BURST, with a liking for the neighbours of powers of two. */
uint32_t
diff_burst_len(void);

/** A ring size; those that batches do not divide are the most. */
uint16_t
diff_ring_size(void);

/* ---- comparison ------------------------------------------------------------------------------ */

/** Tell what differs, where, and how to repeat it; ends the program. */
__rte_noreturn void
diff_fail(const char *format, ...) __rte_format_printf(1, 2);

__rte_noreturn void
diff_fail_values(const char *what, uint64_t ref, uint64_t sub);

static inline void
diff_same(const char *what, uint64_t ref, uint64_t sub)
{
	if (unlikely(ref != sub))
		diff_fail_values(what, ref, sub);
}

/** Compare a field of the queues at @p a and @p b. */
#define DIFF_FIELD(a, b, field) diff_same(#field, (a)->field, (b)->field)

/** @p addr as a number that is the same on both sides for the same place in the same thing. */
uint64_t
diff_place(const struct diff_side *s, uint64_t addr);

static inline uint64_t
diff_place_of(const struct diff_side *s, const void *p)
{
	return p == NULL ? 0 : diff_place(s, (uintptr_t)p);
}

/** Compare arrays of @p n pointers by place. */
void
diff_same_places(const char *what, void *const *ref, void *const *sub, unsigned int n);

/** Compare the rings: indices, all slots, both event structures. */
void
diff_same_rings(const struct pvq_ring *ref, const struct pvq_ring *sub);

/** Compare what both directions have, and the pools. */
void
diff_same_common(const struct pvq_vq *ref, const struct pvq_vq *sub, const struct pvq_gate *ref_gate,
		 const struct pvq_gate *sub_gate);

/* ---- life of an episode ---------------------------------------------------------------------- */

/** Once in a program, after EAL. */
void
diff_pools_create(void);
void
diff_pools_free(void);

/** Give @p n mbufs of each pool to both sides, the same ones, full of junk. */
void
diff_pools_deal(unsigned int n0, unsigned int n1);

/** Take them back: each has to be there once, as a free mbuf ought to be. */
void
diff_pools_collect(void);

/** Let the devices see pools, externals and the queues' own memory; in this order. */
void
diff_memory_add(struct diff_side *s, const struct pvq_vq *vq);

/** The application frees the @p n oldest of the mbufs that it holds. */
void
diff_free_held(unsigned int n);

/** End the devices; unless they have lied, none has found the driver at fault. */
void
diff_devices_close(bool honest);

/* ---- what devices do in both directions ------------------------------------------------------ */

/** How the device of an episode behaves. */
struct diff_habits {
	enum pd_order order; /**< PD_FIFO with IN_ORDER */
	bool batch;          /**< one used descriptor for several buffers, where that is allowed */
	bool stage;          /**< keeps flags back and stores them in any order */
	bool slow;           /**< takes and completes little at a time */
};

struct diff_habits
diff_habits_choose(bool in_order);

/** Between steps: perhaps another order. */
void
diff_habits_change(struct diff_habits *habits, bool in_order);

/** Fetch all or, if slow, some of what is available, the same number on both sides. @return it. */
int
diff_fetch(bool slow);

/** Change the device event structure, or not. */
void
diff_device_event(uint16_t size);

/** Store flags that were kept back: some, in any order, or all. */
void
diff_flush(bool all);

/**
 * Make a side's device for a ring that has just been set up, with lies behind its end.
 *
 * @param cfg
 *   Size, direction and features; the rest is filled in.
 */
void
diff_connect(struct diff_side *s, struct pvq_ring *ring, struct pd_config *cfg);

/** One or several used descriptors that the device was not entitled to write. */
void
diff_lie_used(uint16_t size, bool rx);

/** Why bursts cannot be looked at after every instruction, or NULL when they can. */
const char *
diff_trace_lack(void);

/**
 * Call a side's burst function. Now and then, of the one under test, look at the ring after every
 * instruction: the burst has to become available at once, and what is available has to be final.
 *
 * @param work
 *   About how many mbufs the call handles, plus DIFF_WORK_OF_CALL. The more, the more rarely it
 *   is traced: a trap takes as long as thousands of instructions.
 */
uint16_t
diff_burst(const struct diff_side *s, void *queue, const struct pvq_ring *ring, uint32_t work,
	   struct rte_mbuf **pkts, uint16_t n);

/** Count a burst and compare what it returned. */
void
diff_burst_done(uint16_t ref, uint16_t sub, uint16_t asked);

/* ---- the two directions ---------------------------------------------------------------------- */

/** Run one episode. */
void
diff_rx_episode(void);
void
diff_tx_episode(void);

/** What packet to make. */
struct diff_wish {
	bool fast_free;    /**< what RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE allows */
	bool special;      /**< one that need not be plain */
	bool again;        /**< of the same kind as the packet before */
	unsigned int pool; /**< of plain packets */
	uint32_t max_len;  /**< longest that the device takes, bytes */
};

/** Make a packet, the same on both sides; false when a pool has no mbufs for it. */
bool
diff_tx_make(const struct diff_wish *wish, struct rte_mbuf *m[DIFF_SIDES]);

/** Every external buffer is free again. */
void
diff_externals_check(void);

#endif /* DIFF_H */
