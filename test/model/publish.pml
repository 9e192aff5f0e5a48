/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 *
 * Publish and consume of one packed ring, as in ring.h, burst_tx.h and tx_list.c: bursts of lists,
 * the burst's head last, wrap counters, used buffers in any order.
 *
 * What must hold: the device, seeing a head, sees the whole burst as it was written; the driver,
 * seeing a used slot, sees the id that belongs to it; no slot is written before it is free; and
 * everything comes back.
 *
 * Switches that take something away, each of which must be noticed:
 *   PLAIN_HEAD    pvq_ring_publish(): flags of the head without release (PR-09, L-01)
 *   EAGER_HEAD    the head's flags are written first, not deferred (L-09)
 *   EARLY_ID      pvq_ring_used_load(): id read before the flags, no acquire (PR-17, L-02)
 *   STALE_LAP     pvq_cursor_next(): a burst that wraps keeps the lap's flags (PR-07, L-10)
 *   TAKE_ONE      pvq_ring_take(): one slot whatever the list's length (PR-18)
 *   OVERFILL      pvq_tx_write_one(): no look at nb_free (L-12)
 *   SLOT_OF_HEAD  length of the list by the slot that is used, not by its id (PR-19)
 */

#ifndef N
#define N 3
#endif
#define PACKETS 5

#define F_AVAIL 1
#define F_USED 2
#define F_NEXT 4
#define LAP (F_AVAIL | F_USED)

#define BODY(slot) (slot)
#define FLAGS(slot) (N + (slot))

#define CELLS (2 * N)
#define WRITERS 2
#define DEPTH 6
#include "weak.pml"

#define DRIVER 0
#define DEVICE 1

/* Packet k, from 1 on, has two elements if it is odd. */
#define LENGTH(k) (1 + ((k) & 1))
#define ELEMENT(k, id, e) (((k) << 3) | ((id) << 1) | (e))

proctype driver()
{
	byte next_avail, next_used, sent, done, nb_free = N;
	byte avail_flags = F_AVAIL, used_flags = LAP;
	byte shadow[N]; /* the packet that has an id, 0 for none: struct pvq_txq */
	byte at, flags, head_flags, slots, e, id, body;

	do
	/* pvq_tx_burst_body(): write, publish */
	:: sent < PACKETS ->
		slots = 0;
		at = next_avail;
		flags = avail_flags;
		do
#ifdef OVERFILL
		:: sent < PACKETS && slots + LENGTH(sent + 1) <= N ->
#else
		:: sent < PACKETS && slots + LENGTH(sent + 1) <= nb_free ->
#endif
			/* pvq_txq_write_list(): an id that is free, a slot for every element */
			d_step {
				sent++;
				id = 0;
				do
				:: id < N - 1 && shadow[id] != 0 -> id++
				:: else -> break
				od;
				shadow[id] = sent;
				e = 0
			};
			do
			:: e < LENGTH(sent) ->
				store(DRIVER, BODY(at), ELEMENT(sent, id, e));
				d_step {
					body = flags | (e + 1 < LENGTH(sent) -> F_NEXT : 0);
					if
					:: slots == 0 -> head_flags = body
					:: else
					fi
				};
				if
				:: slots != 0 -> store(DRIVER, FLAGS(at), body)
				:: else ->
#ifdef EAGER_HEAD
					store_release(DRIVER, FLAGS(at), body)
#else
					skip
#endif
				fi;
				/* pvq_cursor_next() */
				d_step {
					at++;
					slots++;
					e++;
					if
					:: at == N ->
						at = 0;
#ifndef STALE_LAP
						flags = flags ^ LAP
#endif
					:: else
					fi
				}
			:: else -> break
			od
		:: slots != 0 -> break
		:: slots == 0 && slots + LENGTH(sent + 1) > nb_free -> break
		od;
		/* pvq_ring_publish() */
		if
		:: slots != 0 ->
#ifdef PLAIN_HEAD
			store(DRIVER, FLAGS(next_avail), head_flags);
#elif !defined(EAGER_HEAD)
			store_release(DRIVER, FLAGS(next_avail), head_flags);
#endif
			d_step {
				next_avail = at;
				avail_flags = flags;
				nb_free = nb_free - slots;
				at = 0;
				slots = 0;
				flags = 0;
				head_flags = 0;
				body = 0
			}
		:: else -> goto reclaim
		fi
	:: done < sent ->
reclaim:
		/* pvq_tx_reclaim_special(): pvq_ring_used_load(), then the id */
#ifdef EARLY_ID
		body = view(DRIVER, BODY(next_used));
#endif
		atomic {
			(view(DRIVER, FLAGS(next_used)) & LAP) == used_flags;
#ifndef EARLY_ID
		};
		d_step {
			body = view(DRIVER, BODY(next_used));
#endif
			id = body;
			assert(id < N && shadow[id] != 0);
#ifdef TAKE_ONE
			slots = 1;
#elif defined(SLOT_OF_HEAD)
			slots = (shadow[next_used] != 0 -> LENGTH(shadow[next_used]) : 1);
#else
			slots = LENGTH(shadow[id]);
#endif
			shadow[id] = 0;
			done++;
			/* pvq_ring_take() */
			nb_free = nb_free + slots;
			next_used = next_used + slots;
			if
			:: next_used >= N ->
				next_used = next_used - N;
				used_flags = used_flags ^ LAP
			:: else
			fi;
			slots = 0;
			body = 0;
			id = 0
		}
	:: done == PACKETS -> break
	od
}

/* A device that does everything right: takes lists as they come, gives them back in any order. */
proctype device()
{
	byte at, used_at, got, gave, e, id, flags;
	byte wrap = F_AVAIL, used_flags = LAP;
	byte held[2], nb_held;

	do
	:: atomic {
		got < PACKETS && nb_held < 2 &&
			(view(DEVICE, FLAGS(at)) & LAP) == (wrap == F_AVAIL -> F_AVAIL : F_USED) ->
		got++;
		e = 0
	   };
		do
		:: e < LENGTH(got) ->
			d_step {
				flags = view(DEVICE, FLAGS(at));
				/* PR-09: behind the head, nothing is left to be written. */
				assert((flags & LAP) == (wrap == F_AVAIL -> F_AVAIL : F_USED));
				assert(((flags & F_NEXT) != 0) == (e + 1 < LENGTH(got)))
			};
			d_step {
				id = (view(DEVICE, BODY(at)) >> 1) & 3;
				assert(view(DEVICE, BODY(at)) == ELEMENT(got, id, e));
				e++;
				at++;
				if
				:: at == N ->
					at = 0;
					wrap = wrap ^ F_AVAIL
				:: else
				fi
			}
		:: else -> break
		od;
		atomic {
			held[nb_held] = got << 2 | id;
			nb_held++;
			id = 0;
			e = 0;
			flags = 0
		}
	:: nb_held != 0 ->
		/* The older, or the other one first. */
		if
		:: nb_held == 2 ->
			d_step {
				id = held[1];
				nb_held--;
				held[1] = 0
			}
		:: true ->
			d_step {
				id = held[0];
				held[0] = held[1];
				held[1] = 0;
				nb_held--
			}
		fi;
		store(DEVICE, BODY(used_at), id & 3);
		store_release(DEVICE, FLAGS(used_at), used_flags);
		d_step {
			used_at = used_at + LENGTH(id >> 2);
			if
			:: used_at >= N ->
				used_at = used_at - N;
				used_flags = used_flags ^ LAP
			:: else
			fi;
			gave++;
			id = 0
		}
	:: gave == PACKETS -> break
	od
}

init {
	atomic {
		run memory(DRIVER);
		run memory(DEVICE);
		run driver();
		run device()
	}
}
