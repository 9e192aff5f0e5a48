/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 *
 * Used buffer notifications: pvq_ring_enable_notify() and pvq_device_rx_intr(), that is an
 * application that sleeps on Rx interrupts, against a device that marks buffers used in bursts. A
 * notification that is lost leaves both waiting, which is an invalid end state. The device also
 * asserts that it never sees "tell me at an offset" with an offset of before (L-05): values of the
 * two cells carry the number of the call that wrote them.
 *
 *   NO_FENCE          pvq_ring_enable_notify(): no full barrier (PR-31, L-04)
 *   NO_RECHECK        its result is not looked at
 *   PLAIN_FLAGS       its flags are stored without release (PR-30, L-05)
 *   AVAIL_WRAP        the offset goes with the wrap counter of next_avail
 *   EVENT_LAST_ONLY, EVENT_NO_WRAP, DEVICE_NO_FENCE
 *                     what the driver relies on, in the device
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

/* The number of the call, above what is written. */
#define CALL 8
#define VALUE(cell) ((cell) % CALL)
#define CALL_OF(cell) ((cell) / CALL)

bool notified; /* the queue's eventfd */

#define is_used (view(DRIVER, FLAGS(next_used)) == used_flags)

proctype driver()
{
	byte next_used, got, calls;
	byte used_flags = LAP;
	bool avail_wrap = true; /* of next_avail, which is next_used in a ring that is kept full */

	do
	:: got == BUFFERS -> break
	:: got < BUFFERS && is_used ->
take:
		/* Received and posted again at once. */
		store_release(DRIVER, FLAGS(next_used), F_AVAIL + avail_wrap);
		d_step {
			got++;
			next_used++;
			if
			:: next_used == N ->
				next_used = 0;
				used_flags = used_flags ^ LAP;
				avail_wrap = !avail_wrap
			:: else
			fi
		}
	:: got < BUFFERS && !is_used ->
		/* pvq_ring_enable_notify() */
		calls++;
#ifdef AVAIL_WRAP
		store(DRIVER, EV_OFF, PLACE(next_used, (used_flags == 0)) + calls * CALL);
#else
		store(DRIVER, EV_OFF, PLACE(next_used, (used_flags != 0)) + calls * CALL);
#endif
#ifdef PLAIN_FLAGS
		store(DRIVER, EV_FLAGS, E_DESC + calls * CALL);
#else
		store_release(DRIVER, EV_FLAGS, E_DESC + calls * CALL);
#endif
#ifndef NO_FENCE
		fence(DRIVER);
#endif
		if
#ifndef NO_RECHECK
		:: is_used ->
			/* pvq_ring_disable_notify() */
			store(DRIVER, EV_FLAGS, E_DISABLE);
			goto take
		:: !is_used ->
#else
		:: true ->
#endif
			atomic {
				notified;
				notified = false
			};
			store(DRIVER, EV_FLAGS, E_DISABLE)
		fi
	od
}

proctype device()
{
	byte at, gave, n, slot, ev_flags, ev_off;
	bool wrap = true, from;

	/* pvq_rxq_reset() has posted all slots and disabled notifications. */
	do
	:: gave < BUFFERS && view(DEVICE, FLAGS(at)) == (wrap -> F_AVAIL : F_USED) ->
		slot = at;
		from = wrap;
		n = 0;
		do
		:: n < 2 && gave < BUFFERS && view(DEVICE, FLAGS(at)) == (wrap -> F_AVAIL : F_USED) ->
			store_release(DEVICE, FLAGS(at), wrap * LAP);
			d_step {
				gave++;
				n++;
				at++;
				if
				:: at == N ->
					at = 0;
					wrap = !wrap
				:: else
				fi
			}
		:: n != 0 -> break
		od;
#ifndef DEVICE_NO_FENCE
		fence(DEVICE);
#endif
		atomic {
			ev_flags = view(DEVICE, EV_FLAGS);
			ev_off = view(DEVICE, EV_OFF);
			assert(VALUE(ev_flags) != E_DESC || CALL_OF(ev_off) >= CALL_OF(ev_flags));
			if
			:: wants(VALUE(ev_flags), VALUE(ev_off), slot, from, n) -> notified = true
			:: else
			fi;
			ev_flags = 0;
			ev_off = 0;
			slot = 0;
			n = 0
		}
	:: gave == BUFFERS -> break
	od
}

init {
	byte n;

	atomic {
		do
		:: n < N ->
			mem[FLAGS(n)] = F_AVAIL;
			n++
		:: else -> break
		od;
		mem[EV_FLAGS] = E_DISABLE;
		run memory(DRIVER);
		run memory(DEVICE);
		run driver();
		run device()
	}
}
