/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdio.h>

#include <rte_cycles.h>

#include "soak.h"

#define GIVE_UP_MS 500
#define STALL_MS 60000
/* Of violations that are told one by one. */
#define TOLD_MAX 100

/* For the log, beside the commands that stand there. */
static void
tell(const struct soak_ledger *l, const char *what, uint32_t seq, uint32_t now)
{
	static uint32_t told;

	if (__atomic_fetch_add(&told, 1, __ATOMIC_RELAXED) < TOLD_MAX)
		fprintf(stderr,
			"soak: port %u queue %u: frame %u %s; %u is next to send, %u to come back, "
			"%u on the way, %u disturbances\n",
			l->port, l->queue, seq, what, l->next_seq, l->newest, l->in_flight, now);
}

void
soak_disturb(struct soak_port *p, int queue)
{
	int q;

	for (q = 0; q < SOAK_PAIRS; q++)
		if (queue < 0 || q == queue)
			__atomic_fetch_add(&p->ledger[q].disturbed, 1, __ATOMIC_SEQ_CST);
}

/*
 * Whether there is a reason. Nobody announces that a connection breaks because a backend was too
 * slow to answer, so before a violation is noted the driver is asked whether it has connected anew.
 */
static bool
is_excused(const struct soak_ledger *l, uint32_t stamp, uint32_t now)
{
	return stamp != now || soak_has_reconnected(&soak.port[l->port]);
}

/* Not to be waited for any longer. */
static void
give_up(struct soak_ledger *l, struct soak_entry *e, uint32_t now)
{
	e->state = SOAK_LOST;
	l->in_flight--;
	if (is_excused(l, e->stamp, now)) {
		l->counts.lost++;
		return;
	}
	l->counts.bad_loss++;
	tell(l, "is lost", e->seq, now);
}

void
soak_ledger_sent(struct soak_ledger *l, uint32_t stamp)
{
	struct soak_entry *e = &l->entry[l->next_seq % SOAK_SLOTS];

	if (e->state == SOAK_OUT)
		give_up(l, e, __atomic_load_n(&l->disturbed, __ATOMIC_SEQ_CST));
	*e = (struct soak_entry){l->next_seq, stamp, SOAK_OUT};
	if (l->in_flight == 0)
		l->progress = rte_get_tsc_cycles();
	l->next_seq++;
	l->in_flight++;
	l->counts.sent++;
}

void
soak_ledger_received(struct soak_ledger *l, uint32_t seq, uint32_t stamp, uint32_t now)
{
	struct soak_entry *e = &l->entry[seq % SOAK_SLOTS];
	uint32_t s;

	l->progress = rte_get_tsc_cycles();
	if ((int32_t)(seq - l->next_seq) >= 0) {
		l->counts.bad_content++;
		tell(l, "was never sent", seq, now);
		return;
	}
	/* Of one that is not remembered, nobody knows whether it came before: it is as bad. */
	if (e->seq != seq || e->state == SOAK_DONE || e->state == SOAK_NEVER) {
		if (is_excused(l, stamp, now)) {
			l->counts.duplicated++;
			return;
		}
		l->counts.bad_duplicate++;
		tell(l, "came twice", seq, now);
		return;
	}
	if (e->state == SOAK_LOST) {
		l->counts.late++;
		l->counts.lost--;
	} else {
		l->in_flight--;
	}
	e->state = SOAK_DONE;
	l->counts.verified++;
	if ((int32_t)(seq - l->newest) < 0) {
		if (is_excused(l, stamp, now)) {
			l->counts.reordered++;
			return;
		}
		l->counts.bad_order++;
		tell(l, "came late", seq, now);
		return;
	}
	/* Those in between have been overtaken, and none may be without a reason. */
	for (s = l->newest; s != seq; s++) {
		const struct soak_entry *skipped = &l->entry[s % SOAK_SLOTS];

		if (skipped->seq != s || skipped->state != SOAK_OUT || skipped->stamp != now)
			continue;
		if (soak_has_reconnected(&soak.port[l->port]))
			break;
		l->counts.bad_order++;
		tell(l, "was overtaken", s, now);
	}
	l->newest = seq + 1;
}

void
soak_ledger_tend(struct soak_ledger *l)
{
	const uint32_t now = __atomic_load_n(&l->disturbed, __ATOMIC_SEQ_CST);
	const uint64_t still = (rte_get_tsc_cycles() - l->progress) / (rte_get_tsc_hz() / 1000);
	uint32_t i, waiting = 0;

	if (l->in_flight == 0 || still < GIVE_UP_MS)
		return;
	for (i = 0; i < SOAK_SLOTS; i++) {
		struct soak_entry *e = &l->entry[i];

		if (e->state != SOAK_OUT)
			continue;
		if (e->stamp != now)
			give_up(l, e, now);
		else
			waiting++;
	}
	if (waiting != 0 && still > STALL_MS && !is_excused(l, now, now)) {
		l->counts.bad_stall++;
		tell(l, "and later ones stand still", l->newest, now);
		l->progress = rte_get_tsc_cycles();
	}
}
