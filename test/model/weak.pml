/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 *
 * Memory whose order is as weak as that of any processor that DPDK runs on. To be included after
 * CELLS (bytes of memory), WRITERS (processes that write) and DEPTH (stores that a process may have
 * pending, 2 to 6) have been defined.
 *
 * A store goes into a buffer of its process. Buffers drain at any time and in any order, except that
 * stores to one cell keep theirs, and that a release store waits for all before it; those behind it
 * may overtake it. A fence waits until the buffer is empty. A load sees the process's own pending
 * stores, else memory. Loads happen in the order of the program: where the driver lacks an acquire,
 * a model must read early by itself.
 */

byte mem[CELLS];

typedef buffer {
	byte n;
	byte at[DEPTH];
	byte val[DEPTH];
	bool release[DEPTH];
};
buffer pending[WRITERS];

inline put(who, cell, value, rel)
{
	atomic {
		pending[who].n < DEPTH;
		pending[who].at[pending[who].n] = cell;
		pending[who].val[pending[who].n] = value;
		pending[who].release[pending[who].n] = rel;
		pending[who].n++;
	}
}

#define store(who, cell, value) put(who, cell, value, false)
#define store_release(who, cell, value) put(who, cell, value, true)
#define fence(who) (pending[who].n == 0)

/* The value of a cell as process `who` sees it: for use in an expression. */
#define own(who, i, cell) (pending[who].n > (i) && pending[who].at[i] == (cell))
#if DEPTH == 2
#define view(who, cell) \
	(own(who, 1, cell) -> pending[who].val[1] : \
	(own(who, 0, cell) -> pending[who].val[0] : mem[cell]))
#elif DEPTH == 4
#define view(who, cell) \
	(own(who, 3, cell) -> pending[who].val[3] : \
	(own(who, 2, cell) -> pending[who].val[2] : \
	(own(who, 1, cell) -> pending[who].val[1] : \
	(own(who, 0, cell) -> pending[who].val[0] : mem[cell]))))
#else
#define view(who, cell) \
	(own(who, 5, cell) -> pending[who].val[5] : \
	(own(who, 4, cell) -> pending[who].val[4] : \
	(own(who, 3, cell) -> pending[who].val[3] : \
	(own(who, 2, cell) -> pending[who].val[2] : \
	(own(who, 1, cell) -> pending[who].val[1] : \
	(own(who, 0, cell) -> pending[who].val[0] : mem[cell]))))))
#endif

/* Whether the i-th pending store may become visible now; earlier(j): it need not wait for the j-th. */
#define earlier(who, i, j) (pending[who].at[i] != pending[who].at[j])
#define plain(who, i) (pending[who].n > (i) && !pending[who].release[i])
#define may0(who) (pending[who].n > 0)
#define may1(who) (plain(who, 1) && earlier(who, 1, 0))
#define may2(who) (plain(who, 2) && earlier(who, 2, 0) && earlier(who, 2, 1))
#define may3(who) (plain(who, 3) && earlier(who, 3, 0) && earlier(who, 3, 1) && earlier(who, 3, 2))
#define may4(who) (plain(who, 4) && earlier(who, 4, 0) && earlier(who, 4, 1) && \
		   earlier(who, 4, 2) && earlier(who, 4, 3))
#define may5(who) (plain(who, 5) && earlier(who, 5, 0) && earlier(who, 5, 1) && \
		   earlier(who, 5, 2) && earlier(who, 5, 3) && earlier(who, 5, 4))

/* Make the i-th pending store visible. What is behind it moves up; the rest is cleared, so that
 * states that are alike are the same. */
inline drain(who, i)
{
	d_step {
		mem[pending[who].at[i]] = pending[who].val[i];
		j = i;
		do
		:: j + 1 < pending[who].n ->
			pending[who].at[j] = pending[who].at[j + 1];
			pending[who].val[j] = pending[who].val[j + 1];
			pending[who].release[j] = pending[who].release[j + 1];
			j++
		:: else -> break
		od;
		pending[who].n--;
		pending[who].at[pending[who].n] = 0;
		pending[who].val[pending[who].n] = 0;
		pending[who].release[pending[who].n] = false;
		j = 0
	}
}

/* The hardware behind a process: shows its stores, some day. */
proctype memory(byte who)
{
	byte j;

end:
	do
	:: atomic { may0(who) -> drain(who, 0) }
	:: atomic { may1(who) -> drain(who, 1) }
#if DEPTH > 2
	:: atomic { may2(who) -> drain(who, 2) }
	:: atomic { may3(who) -> drain(who, 3) }
#endif
#if DEPTH > 4
	:: atomic { may4(who) -> drain(who, 4) }
	:: atomic { may5(who) -> drain(who, 5) }
#endif
	od
}
