/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 *
 * A backend that dies at any point, and what becomes of packets on their way in: what it had marked
 * used is delivered, once and in order and before the next backend's; buffers that it had not are
 * posted again; and every mbuf is in one place. pvq_rxq_reset() and pvq_rx_burst_odd().
 *
 *   NO_STASH     pvq_rxq_reset(): fill_stash() is left out
 *   NO_REPOST    compact_shadow() and pvq_rxq_repost() are left out: fresh mbufs for all slots
 *   KEEP_SHADOW  fill_stash() leaves its mbufs in the shadow, so that they are posted as well
 *   STASH_LAST   pvq_rx_burst_odd(): the ring is looked at first, not the stash
 *   STASH_LOST   fill_stash() begins anew and forgets what was not delivered yet
 *   NO_GATE      pvq_rings_quiesce() is left out: bursts go on meanwhile
 *   NO_RESET     pvq_ring_init(): the ring goes on where the old backend was
 */

#ifndef N
#define N 2
#endif
#define MBUFS (2 * N)
#define PACKETS 4
#define DEATHS 2

#define FREE 0
#define AVAIL 1
#define USED 2

/* The ring; ids are slots. */
byte state[N];

/* The driver: struct pvq_rxq. Mbufs are numbers from 1 on. */
byte shadow[N], stash[N], stash_len, next_used, nb_posted;
bool closed = true, inside;

/* The mempool: which mbufs are free, and what is in each. */
bool is_free[MBUFS + 1];
byte content[MBUFS + 1];

/* The connection. */
bool alive, gone = true;
byte deaths;

/* What happened; nobody decides by it. */
byte written, delivered;
bool was_used[PACKETS + 1];
bool done;

/* One of the free mbufs, 0 when there is none. */
inline get_mbuf(m)
{
	m = MBUFS;
	do
	:: m != 0 && !is_free[m] -> m--
	:: else -> break
	od;
	is_free[m] = false
}

/* To the application, which frees it: no packet that was marked used before may be missing. */
inline deliver(m, k)
{
	assert(!is_free[m]);
	assert(content[m] > delivered);
	k = delivered + 1;
	do
	:: k < content[m] ->
		assert(!was_used[k]);
		k++
	:: else -> break
	od;
	delivered = content[m];
	content[m] = 0;
	is_free[m] = true;
	k = 0
}

#ifdef STASH_LAST
#define first_stash (stash_len != 0 && (nb_posted == 0 || state[next_used] != USED))
#define first_ring (nb_posted != 0 && state[next_used] == USED)
#else
#define first_stash (stash_len != 0)
#define first_ring (stash_len == 0 && nb_posted != 0 && state[next_used] == USED)
#endif

/* The lcore: pvq_rx_burst_body(), one packet a burst; the refill is a step of its own. */
proctype poller()
{
	byte m, k, i;

	do
	:: atomic { !closed && first_stash -> inside = true };
		/* pvq_rxq_unstash() */
		atomic {
			m = stash[0];
			i = 0;
			do
			:: i + 1 < stash_len ->
				stash[i] = stash[i + 1];
				i++
			:: else -> break
			od;
			stash_len--;
			stash[stash_len] = 0;
			deliver(m, k);
			m = 0;
			i = 0;
			inside = false
		}
	:: atomic { !closed && first_ring -> inside = true; m = shadow[next_used] };
		/* pvq_rx_harvest_in_order(), pvq_rx_deliver() */
		atomic {
			assert(m != 0);
			shadow[next_used] = 0;
			deliver(m, k);
			get_mbuf(m)
		};
		/* pvq_rx_refill_body(): the slot that came free is the next to be posted. */
		atomic {
			assert(m != 0 && shadow[next_used] == 0);
			shadow[next_used] = m;
			state[next_used] = AVAIL;
			next_used = (next_used + 1) % N;
			m = 0;
			inside = false
		}
	:: atomic { done && !closed && stash_len == 0 && state[next_used] != USED } -> break
	od;
	/* All that was ever marked used has come. */
	m = delivered + 1;
	do
	:: m <= PACKETS ->
		assert(!was_used[m]);
		m++
	:: else -> break
	od
}

/* pvq_rxq_reset() and what stands around it in pvq_device_arrived(). */
proctype control()
{
	byte i, n, m;

	do
	:: gone ->
#ifndef NO_GATE
		closed = true;
		!inside;
#endif
		/* fill_stash(): what the old backend had marked used */
#ifndef NO_STASH
#ifdef STASH_LOST
		atomic {
			do
			:: stash_len != 0 ->
				stash_len--;
				is_free[stash[stash_len]] = true;
				stash[stash_len] = 0
			:: else -> break
			od
		};
#endif
		do
		:: nb_posted != 0 && state[next_used] == USED && stash_len < N ->
			atomic {
				stash[stash_len] = shadow[next_used];
				stash_len++;
#ifndef KEEP_SHADOW
				shadow[next_used] = 0;
#endif
				state[next_used] = FREE;
				next_used = (next_used + 1) % N;
				nb_posted--
			}
		:: else -> break
		od;
#endif
		/* compact_shadow(): what is left comes to the front */
		atomic {
			i = 0;
			n = 0;
			do
			:: i < N ->
				m = shadow[i];
				shadow[i] = 0;
				state[i] = FREE;
#ifndef NO_REPOST
				if
				:: m != 0 ->
					shadow[n] = m;
					n++
				:: else
				fi;
#endif
				i++
			:: else -> break
			od;
			m = 0
		};
		/* pvq_ring_init(), pvq_rxq_repost(), pvq_rxq_post() */
		atomic {
#ifndef NO_RESET
			next_used = 0;
#endif
			nb_posted = N;
			i = 0;
			do
			:: i < N ->
				if
				:: shadow[i] == 0 ->
					get_mbuf(m);
					/* The pool has mbufs for two rings: some have been lost. */
					assert(m != 0);
					shadow[i] = m
				:: else
				fi;
				/* The stash was full: what a second backend leaves to an
				 * application that has not polled since is not kept. */
				if
				:: stash_len == N -> was_used[content[shadow[i]]] = false
				:: else
				fi;
				content[shadow[i]] = 0;
				state[i] = AVAIL;
				i++
			:: else -> break
			od;
			i = 0;
			n = 0;
			m = 0;
			gone = false;
			alive = true
		};
		closed = false
	:: done && !gone -> break
	od
}

/* A backend after the other; each begins where a ring begins. */
proctype backend()
{
	byte at;

	do
	:: atomic { alive && !done && state[at] == AVAIL -> written++ };
		/* It may die between writing a packet and marking it used: that one is lost. */
		if
		:: atomic { alive -> content[shadow[at]] = written }
		:: !alive -> goto dead
		fi;
		if
		:: atomic {
			alive ->
			was_used[written] = true;
			state[at] = USED;
			at = (at + 1) % N;
			done = written == PACKETS
		   }
		:: !alive -> goto dead
		fi
	:: !alive && !gone ->
dead:
		atomic {
			at = 0;
			done = done || written == PACKETS;
			gone = true
		}
	:: atomic { done && alive } -> break
	od
}

proctype killer()
{
	do
	:: atomic { deaths < DEATHS && alive && !done -> deaths++; alive = false }
	:: true -> break
	od
}

init {
	byte i;

	atomic {
		do
		:: i < MBUFS ->
			i++;
			is_free[i] = true
		:: else -> break
		od;
		run poller();
		run control();
		run backend();
		run killer()
	}
}
