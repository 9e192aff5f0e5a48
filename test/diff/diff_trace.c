/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A device that looks at the ring after every single instruction of a burst function: the
 * processor's trap flag raises a signal after each. What it sees is what a device on another
 * processor may see, as far as that depends on the order in which the code stores; x86 keeps that
 * order.
 */

#include <signal.h>
#include <string.h>

#include "diff.h"

#ifdef RTE_ARCH_X86_64

#define TRAP_FLAG (1ull << 8)
#define SLOTS_MAX 1024u
/** What all traced calls of a run handle, if each of its operations was a call. */
#define WORK_IN_ALL 80000u

/** A slot as it was when it became available, and the buffer that it names. */
struct seen_slot {
	struct virtq_desc desc;
	uint64_t sum;
};

static struct {
	const struct diff_side *side;
	const struct pvq_ring *ring;
	struct pvq_cursor at; /* first slot that was not seen available yet */
	uint16_t next_used;   /* when slots became available last */
	unsigned int pieces;  /* times that slots became available */
	unsigned int slots;   /* how many, in all */
	bool torn;            /* there was no reason for a piece more */
	uint64_t traps;
	struct seen_slot seen[SLOTS_MAX];
} trace;

/* Of what the device may read there; an address from nowhere is found elsewhere. */
static uint64_t
buffer_sum(const struct virtq_desc *d)
{
	const uint64_t first = diff_place(trace.side, d->addr);
	const uint8_t *bytes = (const uint8_t *)(uintptr_t)d->addr;
	uint64_t sum = 0;
	uint32_t i;

	if (first == d->addr || d->len == 0 ||
	    diff_place(trace.side, d->addr + d->len - 1) != first + d->len - 1)
		return 0;
	for (i = 0; i < d->len; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

static void
look(void)
{
	const struct pvq_ring *ring = trace.ring;
	const unsigned int before = trace.slots;
	bool again;

	while (trace.slots < ring->size &&
	       (ring->desc[trace.at.slot].flags & PVQ_LAP_FLAGS) == trace.at.flags) {
		struct seen_slot *seen = &trace.seen[trace.slots++];

		seen->desc = ring->desc[trace.at.slot];
		seen->sum = buffer_sum(&seen->desc);
		pvq_cursor_next(ring, &trace.at);
	}
	if (trace.slots == before)
		return;
	/* A transmit burst that met a full ring takes slots back and goes on; once. */
	again = diff.tx && trace.pieces == 1 && ring->next_used != trace.next_used;
	trace.torn |= trace.pieces != 0 && !again;
	trace.pieces++;
	trace.next_used = ring->next_used;
}

static void
trapped(int number)
{
	(void)number;
	trace.traps++;
	if (trace.ring != NULL)
		look();
}

/* Set or clear the trap flag. @return whether it was set. */
static bool
set_trap_flag(bool on)
{
	uint64_t before, after;

	/* What lies just below the stack pointer may be in use. */
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "pushfq\n\t"
			 "pop %0\n\t"
			 "lea 128(%%rsp), %%rsp"
			 : "=r"(before));
	after = on ? before | TRAP_FLAG : before & ~TRAP_FLAG;
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "push %0\n\t"
			 "popfq\n\t"
			 "lea 128(%%rsp), %%rsp"
			 :
			 : "r"(after)
			 : "memory", "cc");
	return (before & TRAP_FLAG) != 0;
}

const char *
diff_trace_lack(void)
{
	const struct sigaction action = {.sa_handler = trapped};
	struct sigaction before;

	sigaction(SIGTRAP, &action, &before);
	set_trap_flag(true);
	set_trap_flag(false);
	sigaction(SIGTRAP, &before, NULL);
	return trace.traps != 0 ? NULL : "the trap flag raises no signal here";
}

/* What was seen on the way has to be all of it, in no more pieces than needed, and final. */
static void
check(struct pvq_cursor first, uint16_t n)
{
	const struct pvq_ring *ring = trace.ring;
	const struct pvq_cursor end = pvq_ring_cursor(ring);
	struct pvq_cursor at = first;
	unsigned int i;

	if (trace.torn)
		diff_fail("a burst of %u packets became available in %u pieces, %u slots in all",
			  n, trace.pieces, trace.slots);
	if (trace.at.slot != end.slot || trace.at.flags != end.flags)
		diff_fail("%u slots from %u on became available, but next_avail is %u",
			  trace.slots, first.slot, end.slot);
	for (i = 0; i < trace.slots; i++) {
		const struct virtq_desc *now = &ring->desc[at.slot];

		if (memcmp(&trace.seen[i].desc, now, sizeof(*now)) != 0)
			diff_fail("slot %u was written after it had become available", at.slot);
		if (trace.seen[i].sum != buffer_sum(now))
			diff_fail("slot %u: its buffer was written after it had become available",
				  at.slot);
		pvq_cursor_next(ring, &at);
	}
}

static uint16_t
traced_burst(const struct diff_side *s, void *queue, const struct pvq_ring *ring,
	     struct rte_mbuf **pkts, uint16_t n)
{
	const struct sigaction action = {.sa_handler = trapped};
	const struct pvq_cursor first = pvq_ring_cursor(ring);
	struct sigaction before;
	bool lasted;
	uint16_t done;

	if (ring->size > SLOTS_MAX)
		diff_fail("a ring of %u slots is too large to be traced", ring->size);
	trace.side = s;
	trace.ring = ring;
	trace.at = first;
	trace.pieces = 0;
	trace.slots = 0;
	trace.torn = false;
	sigaction(SIGTRAP, &action, &before);
	set_trap_flag(true);
	done = s->burst(queue, pkts, n);
	lasted = set_trap_flag(false);
	sigaction(SIGTRAP, &before, NULL);
	if (!lasted)
		diff_fail("the burst function cleared the trap flag");
	check(first, n);
	diff.seen[DIFF_TRACED] += trace.slots > 1;
	return done;
}

uint16_t
diff_burst(const struct diff_side *s, void *queue, const struct pvq_ring *ring, uint32_t work,
	   struct rte_mbuf **pkts, uint16_t n)
{
	const uint32_t one_in = 1 + work * diff.trace_ops / WORK_IN_ALL;

	if (s == &diff.side[DIFF_SUB] && diff_chance(one_in) && diff.no_trace == NULL && !diff.lied)
		return traced_burst(s, queue, ring, pkts, n);
	return s->burst(queue, pkts, n);
}

#else

const char *
diff_trace_lack(void)
{
	return "that takes the trap flag of x86";
}

uint16_t
diff_burst(const struct diff_side *s, void *queue, const struct pvq_ring *ring, uint32_t work,
	   struct rte_mbuf **pkts, uint16_t n)
{
	RTE_SET_USED(ring);
	RTE_SET_USED(work);
	return s->burst(queue, pkts, n);
}

#endif
