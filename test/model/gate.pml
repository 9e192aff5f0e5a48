/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 *
 * The gate of gate.h: bursts that enter and leave with plain stores, against the control path that
 * closes, has every thread execute a barrier, waits, changes the ring, and opens.
 *
 * The ring is two cells that the control path changes one after the other, so that a burst in
 * between sees halves; and one cell that a burst writes, which the control path must find as the
 * last burst left it.
 *
 *   NO_MEMBARRIER   pvq_gate_barrier() does nothing
 *   NO_WAIT         pvq_gate_wait() is left out
 *   NO_CLOSE        the gate is not closed at all
 *   STATE_FIRST     pvq_gate_enter(): no compiler barrier, the state word is read first
 *   LATE_STATE      pvq_gate_enter(): no acquire, the ring is read before the state word
 *   PLAIN_LEAVE     pvq_gate_leave(): no release
 *   PLAIN_OPEN      pvq_gate_clear(): no release
 *   OPEN_EARLY      the gate is opened before the ring is changed
 */

#define CLOSED 1

#define EPOCH 0
#define STATE 1
#define RING_A 2
#define RING_B 3
#define WRITTEN 4

#define CELLS 5
#define WRITERS 2
#define DEPTH 4
#include "weak.pml"

#define POLLER 0
#define CONTROL 1
#define BURSTS 3
#define CHANGES 2

/* What really happened; nobody decides by it. */
byte last_written;
bool inside, changing;

/* An atomic read-modify-write: its process's stores before are visible when a release is asked for,
 * its own is at once. */
inline set_state(value, rel)
{
	atomic {
#ifndef PLAIN_OPEN
		!rel || fence(CONTROL);
#endif
		mem[STATE] = value
	}
}

proctype poller()
{
	byte epoch, state, a, b, bursts;

	do
	:: bursts < BURSTS ->
		bursts++;
		/* pvq_gate_enter() */
#ifdef STATE_FIRST
		state = view(POLLER, STATE);
#endif
#ifdef LATE_STATE
		a = view(POLLER, RING_A);
		b = view(POLLER, RING_B);
#endif
		epoch++;
		store(POLLER, EPOCH, epoch);
#ifndef STATE_FIRST
		state = view(POLLER, STATE);
#endif
		if
		:: state != CLOSED ->
			/* The burst; its ring must be one that nobody changes. */
			inside = true;
#ifndef LATE_STATE
			a = view(POLLER, RING_A);
			b = view(POLLER, RING_B);
#endif
			assert(a == b);
			assert(!changing);
			atomic {
				last_written = bursts;
				inside = false
			};
			store(POLLER, WRITTEN, bursts)
		:: else -> skip
		fi;
		/* pvq_gate_leave() */
		d_step {
			epoch++;
			a = 0;
			b = 0;
			state = 0
		};
#ifdef PLAIN_LEAVE
		store(POLLER, EPOCH, epoch)
#else
		store_release(POLLER, EPOCH, epoch)
#endif
	:: else -> break
	od
}

proctype control()
{
	byte seen, i;

	do
	:: i < CHANGES ->
		i++;
		/* pvq_rings_quiesce(): pvq_gate_set(), pvq_gate_barrier(), pvq_gate_wait() */
#ifndef NO_CLOSE
		set_state(CLOSED, true);
#endif
#ifndef NO_MEMBARRIER
		atomic { fence(CONTROL) && fence(POLLER) };
#endif
#ifndef NO_WAIT
		atomic {
			seen = mem[EPOCH];
			if
			:: (seen & 1) == 0 -> goto out
			:: else
			fi
		};
		mem[EPOCH] != seen;
out:
#endif
		/* As the device is told: no more than one lot of stores, in no order. */
		atomic {
			assert(!inside);
			changing = true;
			assert(mem[WRITTEN] == last_written)
		};
#ifdef OPEN_EARLY
		set_state(0, true);
#endif
		store(CONTROL, RING_A, i);
		store(CONTROL, RING_B, i);
		changing = false;
#ifndef OPEN_EARLY
		/* pvq_rings_open() */
		set_state(0, true)
#endif
	:: else -> break
	od
}

init {
	atomic {
		run memory(POLLER);
		run memory(CONTROL);
		run poller();
		run control()
	}
}
