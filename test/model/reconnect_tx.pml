/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 *
 * A backend that dies at any point, and what becomes of packets on their way out: every packet
 * that was accepted is sent at least once, the first time in order, and what the old backend had
 * marked used is not sent again. pvq_device_lost(), pvq_device_arrived(), pvq_txq_reset().
 *
 * Memory is not weak here: the two sides meet through a socket. What the gate and the ring owe to
 * order is in gate.pml and publish.pml.
 *
 *   NO_REPLAY    pvq_txq_reset() forgets what is pending
 *   NO_SORT      collect_pending(): in the order of ids, not of seq
 *   RING_IDS     collect_pending(): ids from the ring, not from the driver's own memory
 *   NO_RECLAIM   pvq_txq_reset(): used buffers are not taken first
 *   NO_RESET     pvq_ring_init(): the ring goes on where the old backend was
 *   NO_GATE      pvq_rings_quiesce() is left out: bursts go on meanwhile
 *   OPEN_FIRST   pvq_rings_open() before pvq_txq_reset()
 *   NO_NOTIFY    pvq_rings_notify_all() is left out
 *   IN_ORDER     a correct model too: ids are slots, used in order
 */

#ifndef N
#define N 3
#endif
#define PACKETS 5
#define DEATHS 2

#define FREE 0
#define AVAIL 1
#define USED 2

/* The ring: state and id of each slot, and the packet that the buffer's address means. */
byte state[N], ring_id[N], packet[N];

/* The driver: struct pvq_txq. `shadow` has the packet of an id, which is its seq as well. */
byte shadow[N], next_avail, next_used, nb_free = N;
bool closed = true, inside, notified;

/* The connection. */
bool alive, gone = true;
byte deaths;

/* What happened; nobody decides by it. */
byte sent, reclaimed, newest;
bool was_used[PACKETS + 1];

inline publish(k, id)
{
	shadow[id] = k;
	ring_id[next_avail] = id;
	packet[next_avail] = k;
	state[next_avail] = AVAIL;
	next_avail = (next_avail + 1) % N;
	nb_free--
}

inline find_id(id)
{
#ifdef IN_ORDER
	id = next_avail;
#else
	id = 0;
	do
	:: id < N - 1 && shadow[id] != 0 -> id++
	:: else -> break
	od
#endif
}

/* pvq_tx_reclaim_body(), one buffer. */
inline take_used()
{
	assert(shadow[ring_id[next_used]] != 0);
	shadow[ring_id[next_used]] = 0;
	state[next_used] = FREE;
	next_used = (next_used + 1) % N;
	nb_free++;
	reclaimed++
}

/* The lcore: a burst is of one packet, in steps that others can see. */
proctype poller()
{
	byte id;

	do
	:: atomic { !closed && sent < PACKETS && nb_free != 0 -> inside = true };
		atomic { find_id(id); sent++ };
		/* The packet is in the shadow before the device can have it. */
		shadow[id] = sent;
		ring_id[next_avail] = id;
		packet[next_avail] = sent;
		atomic {
			state[next_avail] = AVAIL;
			next_avail = (next_avail + 1) % N;
			nb_free--;
			notified = true;
			id = 0;
			inside = false
		}
	:: atomic { !closed && nb_free != N && state[next_used] == USED -> take_used() }
	:: sent == PACKETS && reclaimed == PACKETS -> break
	od
}

/* pvq_txq_reset() and what stands around it in pvq_device_arrived(). */
proctype control()
{
	byte list[N], n, i, k, id;

	do
	:: gone ->
		/* pvq_rings_quiesce() */
#ifndef NO_GATE
		closed = true;
		!inside;
#endif
#ifdef OPEN_FIRST
		closed = false;
#endif
		/* pvq_txq_reclaim(), all there is */
		atomic {
#ifndef NO_RECLAIM
			do
			:: nb_free != N && state[next_used] == USED -> take_used()
			:: else -> break
			od;
#endif
			/* collect_pending() */
			n = 0;
			i = 0;
			do
			:: i < N ->
#ifdef RING_IDS
				if
				:: state[i] == AVAIL && ring_id[i] < N && shadow[ring_id[i]] != 0 ->
					list[n] = shadow[ring_id[i]];
					n++
				:: else
				fi;
#else
				if
				:: shadow[i] != 0 ->
					list[n] = shadow[i];
					n++
				:: else
				fi;
#endif
				i++
			:: else -> break
			od;
#ifndef NO_SORT
			/* By seq. There are three at most, so a few exchanges do. */
			k = 0;
			do
			:: k < 2 ->
				i = 0;
				do
				:: i + 1 < n ->
					if
					:: list[i] > list[i + 1] ->
						id = list[i];
						list[i] = list[i + 1];
						list[i + 1] = id
					:: else
					fi;
					i++
				:: else -> break
				od;
				k++
			:: else -> break
			od;
#endif
			k = 0
		};
		/* start_empty(), pvq_ring_init() */
		atomic {
			i = 0;
			do
			:: i < N ->
				shadow[i] = 0;
				state[i] = FREE;
				ring_id[i] = 0;
				packet[i] = 0;
				i++
			:: else -> break
			od;
#ifndef NO_RESET
			next_avail = 0;
			next_used = 0;
#endif
			nb_free = N;
			i = 0
		};
		/* write_again() */
#ifdef NO_REPLAY
		n = 0;
#endif
		do
		:: i < n ->
			atomic {
				assert(!was_used[list[i]]);
				find_id(id);
				publish(list[i], id);
				list[i] = 0;
				i++
			}
		:: else -> break
		od;
		atomic {
			n = 0;
			i = 0;
			id = 0;
			gone = false;
			alive = true
		};
		/* pvq_rings_open(), pvq_rings_notify_all() */
		closed = false;
#ifndef NO_NOTIFY
		notified = true
#endif
	:: sent == PACKETS && reclaimed == PACKETS -> break
	od
}

/* A backend after the other. Each begins where a ring begins, and sleeps until it is notified. */
proctype backend()
{
	byte at, used_at, held[N], nb_held, id;

	do
	:: alive && notified ->
work:
		if
		:: !alive -> goto dead
		:: alive && state[at] == AVAIL && nb_held < N ->
			/* Sent: the first time, in order, and none is left out. */
			atomic {
				assert(packet[at] <= newest + 1);
				newest = (packet[at] > newest -> packet[at] : newest);
				held[nb_held] = ring_id[at];
				nb_held++;
				at = (at + 1) % N
			};
			goto work
		:: alive && nb_held != 0 ->
			/* Which was sent, the oldest or the newest, is told next. */
			if
#ifndef IN_ORDER
			:: atomic { true -> nb_held--; id = held[nb_held]; held[nb_held] = 0 }
#endif
			:: atomic {
				true ->
				id = held[0];
				nb_held--;
				held[0] = held[1];
				held[1] = (N > 2 -> held[N - 1] : 0);
				held[N - 1] = 0
			   }
			fi;
			/* Id, then flags: it may die in between. */
			if
			:: alive -> ring_id[used_at] = id
			:: !alive -> goto dead
			fi;
			if
			:: atomic {
				alive ->
				was_used[shadow[id]] = true;
				state[used_at] = USED;
				used_at = (used_at + 1) % N;
				id = 0
			   }
			:: !alive -> goto dead
			fi;
			goto work
		:: atomic { alive && state[at] != AVAIL && nb_held == 0 -> notified = false }
		fi
	:: !alive && !gone ->
dead:
		atomic {
			at = 0;
			used_at = 0;
			nb_held = 0;
			id = 0;
			held[0] = 0;
			held[1] = 0;
			held[N - 1] = 0;
			notified = false;
			gone = true
		}
	:: sent == PACKETS && reclaimed == PACKETS -> break
	od
}

proctype killer()
{
end:
	do
	:: atomic { deaths < DEATHS && alive -> deaths++; alive = false }
	:: true -> break
	od
}

init {
	atomic {
		run poller();
		run control();
		run backend();
		run killer()
	}
}
