/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_GATE_H
#define PVQ_GATE_H

/**
 * @file
 * The handshake that keeps a polling lcore out of a ring which the control path is changing.
 *
 * A burst makes the epoch odd, looks at the state word, works, and makes the epoch even: two plain
 * stores and one load. Between the first store and the load a full barrier would be needed, so that
 * either the burst sees a closed gate or the control path sees an odd epoch. The burst does not pay
 * for it: the control path makes every running thread execute one with membarrier(2), in secondary
 * processes too.
 *
 * The state word also names the path (burst.h) that the ring is set up for, so that one compare
 * tells a burst function both that the gate is open and that it is the right function.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

#define PVQ_GATE_STOPPED (1u << 0) /**< port or queue stopped, or link set down */
#define PVQ_GATE_AWAY (1u << 1)    /**< no live device behind the ring */
#define PVQ_GATE_ERROR (1u << 2)   /**< the device lied; closed until the ring is set up again */
#define PVQ_GATE_NEW (1u << 3)     /**< not polled since set-up: look at the lcore, then clear */
#define PVQ_GATE_STASH (1u << 4)   /**< packets saved from the old ring wait to be delivered */
#define PVQ_GATE_MEMORY (1u << 5)  /**< the device does not know all memory yet */
#define PVQ_GATE_CLOSED \
	(PVQ_GATE_STOPPED | PVQ_GATE_AWAY | PVQ_GATE_ERROR | PVQ_GATE_MEMORY)
#define PVQ_GATE_BITS 0xffffu
#define PVQ_GATE_PATH_SHIFT 16

struct pvq_gate {
	uint32_t epoch; /**< odd while a burst runs; written by the polling lcore only */
	uint32_t state; /**< PVQ_GATE_* and the path above them; changed atomically */
};

/** The state word of an open gate on @p path. */
#define PVQ_GATE_OPEN(path) ((uint32_t)(path) << PVQ_GATE_PATH_SHIFT)

/**
 * Enter on behalf of a burst, on the polling lcore. Always paired with pvq_gate_leave().
 *
 * @return
 *   The state word: the ring may be touched only if no bit of PVQ_GATE_CLOSED is set.
 */
static __rte_always_inline uint32_t
pvq_gate_enter(struct pvq_gate *gate)
{
	/* Plain on purpose: only this lcore writes it. */
	__atomic_store_n(&gate->epoch, gate->epoch + 1, __ATOMIC_RELAXED);
	/* The other half of this compiler barrier is pvq_gate_barrier(). */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&gate->state, __ATOMIC_ACQUIRE);
}

static __rte_always_inline void
pvq_gate_leave(struct pvq_gate *gate)
{
	__atomic_store_n(&gate->epoch, gate->epoch + 1, __ATOMIC_RELEASE);
}

static inline uint32_t
pvq_gate_state(const struct pvq_gate *gate)
{
	return __atomic_load_n(&gate->state, __ATOMIC_ACQUIRE);
}

static inline uint16_t
pvq_gate_path(uint32_t state)
{
	return state >> PVQ_GATE_PATH_SHIFT;
}

/** Set @p bits; bursts that begin after pvq_gate_barrier() see them. */
static inline void
pvq_gate_set(struct pvq_gate *gate, uint32_t bits)
{
	__atomic_fetch_or(&gate->state, bits, __ATOMIC_RELEASE);
}

/** Clear @p bits. Everything written to the ring before is visible to a burst that sees this. */
static inline void
pvq_gate_clear(struct pvq_gate *gate, uint32_t bits)
{
	__atomic_fetch_and(&gate->state, ~bits, __ATOMIC_RELEASE);
}

/** Name the path; the gate must be closed and empty. */
static inline void
pvq_gate_set_path(struct pvq_gate *gate, uint16_t path)
{
	__atomic_fetch_and(&gate->state, PVQ_GATE_BITS, __ATOMIC_RELAXED);
	__atomic_fetch_or(&gate->state, PVQ_GATE_OPEN(path), __ATOMIC_RELEASE);
}

/**
 * Register this process with membarrier(2); once in every process, before it polls.
 *
 * @return
 *   0, or -ENOTSUP when the kernel has no usable membarrier: Linux before 4.16, a seccomp filter.
 */
int
pvq_gate_init(void);

/** Make gate bits set so far visible to every burst that enters from now on. Control path. */
void
pvq_gate_barrier(void);

/**
 * Wait until the burst that may be running has left. Control path, after pvq_gate_barrier().
 *
 * @return
 *   0, or -EBUSY after two seconds: the polling thread died inside a burst or stands in a debugger,
 *   and the ring must be left alone.
 */
int
pvq_gate_wait(const struct pvq_gate *gate);

#endif /* PVQ_GATE_H */
