/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 *
 * Available buffer notifications: pvq_ring_publish() and pvq_ring_must_notify() in ring.h, against a
 * device that sleeps when it finds nothing. A notification that is lost leaves both waiting for
 * each other, which is an invalid end state.
 *
 *   NO_EVENT_IDX      the device enables and disables, without an offset; a correct model too
 *   NO_FENCE          pvq_ring_must_notify(): no full barrier (PR-32, L-03)
 *   EVENT_FIRST       the event structure is read before the head's flags are written
 *   EVENT_LAST_ONLY   pvq_event_wants(): only the last slot of the burst is compared
 *   EVENT_NO_WRAP     pvq_event_wants(): the offset's wrap counter is not looked at
 *   DEVICE_NO_FENCE   what the driver relies on: the device's own barrier
 *   DEVICE_NO_RECHECK what the driver relies on: the device looks once more
 */

#ifndef N
#define N 3
#endif
#define BUFFERS (3 * N)

#define FLAGS(slot) (slot)
#define EV_FLAGS N
#define EV_OFF (N + 1)

#define CELLS (N + 2)
#define WRITERS 2
#define DEPTH 4
#include "weak.pml"
#include "event.pml"

#define DRIVER 0
#define DEVICE 1

bool notified;

proctype driver()
{
	byte at, slot, next_used, sent, done, n, n_free = N, ev_flags, ev_off;
	byte flags = F_AVAIL, from, used_flags = LAP;

	do
	:: sent < BUFFERS && n_free != 0 ->
		slot = at;
		from = flags;
		n = 1;
		/* One slot or two: the later one's flags first, then the head's. */
		if
		:: true -> skip
		:: n_free > 1 && sent + 1 < BUFFERS ->
			n = 2;
			if
			:: slot + 1 == N -> store(DRIVER, FLAGS(0), flags ^ LAP)
			:: else -> store(DRIVER, FLAGS(slot + 1), flags)
			fi
		fi;
#ifdef EVENT_FIRST
		atomic {
			ev_flags = view(DRIVER, EV_FLAGS);
			ev_off = view(DRIVER, EV_OFF)
		};
#endif
		store_release(DRIVER, FLAGS(slot), from);
		d_step {
			at = slot + n;
			sent = sent + n;
			n_free = n_free - n;
			if
			:: at >= N ->
				at = at - N;
				flags = flags ^ LAP
			:: else
			fi
		};
#ifndef NO_FENCE
		fence(DRIVER);
#endif
		/* One load for both: offset and flags of the same moment. */
#ifndef EVENT_FIRST
		atomic {
			ev_flags = view(DRIVER, EV_FLAGS);
			ev_off = view(DRIVER, EV_OFF)
		};
#endif
		atomic {
			if
			:: wants(ev_flags, ev_off, slot, from & F_AVAIL, n) -> notified = true
			:: else
			fi;
			ev_flags = 0;
			ev_off = 0;
			slot = 0;
			from = 0;
			n = 0
		}
	:: atomic {
		done < sent && (view(DRIVER, FLAGS(next_used)) & LAP) == used_flags ->
		done++;
		n_free++;
		next_used++;
		if
		:: next_used == N ->
			next_used = 0;
			used_flags = used_flags ^ LAP
		:: else
		fi
	   }
	:: done == BUFFERS -> break
	od
}

#define is_avail (view(DEVICE, FLAGS(at)) == (wrap -> F_AVAIL : F_USED))
/* The slot that the device asks for: the next one, or the one after that. */
#define far_at ((at + far) % N)
#define far_wrap (at + far >= N -> !wrap : wrap)
#define is_far_avail (view(DEVICE, FLAGS(far_at)) == (far_wrap -> F_AVAIL : F_USED))

proctype device()
{
	byte at, got, far, place;
	bool wrap = true;

	/* Not to be told of anything at first. */
	store(DEVICE, EV_FLAGS, E_DISABLE);
	do
	:: got == BUFFERS -> break
	:: got < BUFFERS && is_avail ->
		store_release(DEVICE, FLAGS(at), wrap * LAP);
		d_step {
			got++;
			place = 0;
			at++;
			if
			:: at == N ->
				at = 0;
				wrap = !wrap
			:: else
			fi
		}
	:: got < BUFFERS && !is_avail ->
#ifdef NO_EVENT_IDX
		store_release(DEVICE, EV_FLAGS, E_ENABLE);
#else
		if
		:: true -> skip
		:: got + 1 < BUFFERS -> far = 1
		fi;
		place = PLACE(far_at, far_wrap);
		store(DEVICE, EV_OFF, place);
		store_release(DEVICE, EV_FLAGS, E_DESC);
#endif
#ifndef DEVICE_NO_FENCE
		fence(DEVICE);
#endif
		if
#ifndef DEVICE_NO_RECHECK
		:: is_far_avail ->
			/* Of a burst being written, the head may still be missing: look again. */
			far = 0;
			store(DEVICE, EV_FLAGS, E_DISABLE)
		:: !is_far_avail ->
#else
		:: true ->
#endif
			atomic {
				notified;
				notified = false;
				far = 0
			};
			if
			:: true -> store(DEVICE, EV_FLAGS, E_DISABLE)
			:: true -> skip
			fi
		fi
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
