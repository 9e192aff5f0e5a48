/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/* Goes through all points, round by round, every port in turn. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "perf.h"

#define PROGRESS_TTY_MS 200
#define PROGRESS_LINE_MS 10000

struct plan {
	struct perf_point *point;
	unsigned int n;
};

static const struct perf_list sweep_burst = {{1, 2, 4, 8, 16, 32, 64, 128, 256}, 9, false};
static const struct perf_list sweep_frame = {{64, 256, 512, 1024, 1518}, 5, false};
static const struct perf_list sweep_ring = {{64, 256, 1024, 4096}, 4, false};
static const struct perf_list sweep_pairs = {{1, 8, 64}, 3, false};

static int
plan_add(struct plan *plan, struct perf_point p)
{
	struct perf_point *grown;
	unsigned int i;

	for (i = 0; i < plan->n; i++)
		if (memcmp(&plan->point[i], &p, sizeof(p)) == 0)
			return 0;
	grown = realloc(plan->point, (plan->n + 1) * sizeof(p));
	if (grown == NULL)
		return -1;
	plan->point = grown;
	plan->point[plan->n++] = p;
	return 0;
}

/* Every combination of the lists. */
static int
plan_all(struct plan *plan, const struct perf_options *opt, enum perf_mode kind)
{
	unsigned int r, q, b, f;

	for (r = 0; r < opt->ring.n; r++)
		for (q = 0; q < opt->pairs.n; q++)
			for (b = 0; b < opt->burst.n; b++)
				for (f = 0; f < opt->frame.n; f++)
					if (plan_add(plan, (struct perf_point){
							kind, opt->burst.value[b],
							opt->frame.value[f], opt->ring.value[r],
							opt->pairs.value[q]}) != 0)
						return -1;
	return 0;
}

static const struct perf_list *
or_else(const struct perf_list *given, const struct perf_list *usual)
{
	return given->given && given->n > 1 ? given : usual;
}

/* One list at a time, around the first of each. */
static int
plan_sweep(struct plan *plan, const struct perf_options *opt)
{
	const struct perf_point base = {PERF_SOLO, opt->burst.value[0], opt->frame.value[0],
					opt->ring.value[0], opt->pairs.value[0]};
	const struct perf_list *burst = or_else(&opt->burst, &sweep_burst);
	const struct perf_list *frame = or_else(&opt->frame, &sweep_frame);
	const struct perf_list *ring = or_else(&opt->ring, &sweep_ring);
	const struct perf_list *pairs = or_else(&opt->pairs, &sweep_pairs);
	struct perf_point p;
	unsigned int i;
	int rc = plan_add(plan, base);

	for (p = base, i = 0; i < burst->n; i++) {
		p.burst = burst->value[i];
		rc |= plan_add(plan, p);
	}
	for (p = base, i = 0; i < frame->n; i++) {
		p.frame = frame->value[i];
		rc |= plan_add(plan, p);
	}
	for (p = base, i = 0; i < ring->n; i++) {
		p.ring = ring->value[i];
		rc |= plan_add(plan, p);
	}
	for (p = base, i = 0; i < pairs->n; i++) {
		p.pairs = pairs->value[i];
		rc |= plan_add(plan, p);
	}
	return rc;
}

static void
progress(const struct perf_point *p, unsigned int round, unsigned int rounds, bool end)
{
	static uint64_t last;
	const bool tty = isatty(STDERR_FILENO);
	const uint64_t now = rte_rdtsc();
	const uint64_t every = rte_get_tsc_hz() / 1000 * (tty ? PROGRESS_TTY_MS : PROGRESS_LINE_MS);

	if (last == 0)
		last = now - (tty ? every : 0);
	if (end && tty)
		fprintf(stderr, "\r\033[K");
	if (end || now - last < every)
		return;
	last = now;
	fprintf(stderr, "%s%s, ring %u, %u queue pair%s: round %u of %u%s", tty ? "\r\033[K" : "",
		p->kind == PERF_SOLO ? "solo" : "pair", p->ring, p->pairs, p->pairs > 1 ? "s" : "",
		round + 1, rounds, tty ? "" : "\n");
}

/* One round at one point; a different port begins each time. */
static int
measure(struct perf_bench *b, struct perf_result *r, unsigned int round)
{
	const unsigned int nb = b->opt->nb_ports;
	/* The floor takes its turn among the ports. */
	const unsigned int turns = r->point.kind == PERF_SOLO ? nb + 1 : nb;
	const uint64_t clock = perf_clock_cost();
	unsigned int i;
	int rc = 0;

	for (i = 0; i < turns && rc == 0 && !perf_stop; i++) {
		const unsigned int k = (round + i) % turns;
		struct perf_port *port = &b->port[k];

		if (k == nb)
			perf_floor_round(b, &r->point, clock, &r->port[nb]);
		else if (port->state.refused[0] != '\0')
			continue;
		else if (r->point.kind == PERF_SOLO)
			rc = perf_solo_round(b, port, &r->point, clock, &r->port[k]);
		else
			rc = perf_pair_window(b, port, &r->point, &r->port[k]);
	}
	if (rc != 0)
		fprintf(stderr, "error: out of mbufs: somebody keeps more than the rings hold\n");
	return rc;
}

/* All points of one kind that the open ports can be measured with, taking turns too. */
static int
run_points(struct perf_bench *b, struct perf_results *results, unsigned int first,
	   enum perf_mode kind)
{
	const unsigned int rounds = kind == PERF_SOLO ? b->opt->rounds : b->opt->windows;
	unsigned int round, i;

	for (round = 0; round < rounds && !perf_stop; round++)
		for (i = first; i < results->n; i++) {
			struct perf_result *r = &results->result[i];

			if (r->point.kind != kind)
				continue;
			progress(&r->point, round, rounds, false);
			if (measure(b, r, round) != 0)
				return -1;
		}
	return perf_stop ? -1 : 0;
}

/* Whether all ports came up. Where only a point is beyond a driver, the figures say so. */
static int
check_ports(const struct perf_bench *b, bool first)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < b->opt->nb_ports; i++) {
		const struct perf_port *port = &b->port[i];

		if (port->state.refused[0] == '\0')
			continue;
		fprintf(stderr, "%s: %s with rings of %u and %u queue pairs: %s\n",
			first ? "error" : "note", b->opt->port[i].name, b->ring, b->pairs,
			port->state.refused);
		rc = first ? -1 : rc;
	}
	return rc;
}

/* All points with one size and number of rings. */
static int
run_setup(const struct perf_options *opt, const struct plan *plan, const struct perf_point *p,
	  struct perf_results *results)
{
	const unsigned int first = results->n;
	struct perf_bench *b = calloc(1, sizeof(*b));
	unsigned int i, k;
	int rc = -1;

	if (b == NULL)
		return -1;
	b->opt = opt;
	b->ring = p->ring;
	b->pairs = p->pairs;
	snprintf(b->folder, sizeof(b->folder), "%s/pvq-perf.XXXXXX",
		 getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(b->folder) == NULL) {
		fprintf(stderr, "error: no folder %s for sockets\n", b->folder);
		free(b);
		return -1;
	}
	if (perf_ports_open(b) == 0 && !perf_stop && check_ports(b, first == 0) == 0) {
		rc = 0;
		for (i = 0; i < plan->n && rc == 0; i++) {
			struct perf_result *r;

			if (plan->point[i].ring != p->ring || plan->point[i].pairs != p->pairs)
				continue;
			r = perf_results_add(results, &plan->point[i]);
			for (k = 0; r != NULL && k < opt->nb_ports; k++)
				r->port[k].state = b->port[k].state;
			rc = r == NULL ? -1 : 0;
		}
		if (rc == 0)
			rc = run_points(b, results, first, PERF_SOLO);
		if (rc == 0)
			rc = run_points(b, results, first, PERF_PAIR);
		progress(p, 0, 0, true);
	}
	perf_ports_close(b);
	rmdir(b->folder);
	free(b);
	return rc;
}

static bool
same_setup(const struct perf_point *a, const struct perf_point *b)
{
	return a->ring == b->ring && a->pairs == b->pairs;
}

int
perf_run(const struct perf_options *opt, struct perf_results *results)
{
	struct plan plan = {0};
	unsigned int i, k;
	int rc = 0;

	if (opt->modes & PERF_SOLO)
		rc |= plan_all(&plan, opt, PERF_SOLO);
	if (opt->modes & PERF_PAIR)
		rc |= plan_all(&plan, opt, PERF_PAIR);
	if (opt->modes & PERF_SWEEP)
		rc |= plan_sweep(&plan, opt);
	for (i = 0; i < plan.n && rc == 0; i++) {
		for (k = 0; k < i && !same_setup(&plan.point[k], &plan.point[i]); k++)
			;
		if (k == i)
			rc = run_setup(opt, &plan, &plan.point[i], results);
	}
	free(plan.point);
	return rc;
}
