/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Every kernel against the scalar reference; diff.h tells what is compared.
 *
 * Exit status: 0 when nothing differs, 77 when the processor runs none of the kernels asked for.
 */

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "diff.h"

#define EXIT_SKIPPED 77
#define DEFAULT_OPS 500000u
/** Operations above which a run must have met everything that the generator is there for. */
#define OPS_FOR_ALL 200000u

struct options {
	enum pvq_isa isa; /* PVQ_ISA_COUNT for all */
	bool tx;
	bool rx;
	uint64_t seed;
	uint64_t ops;
	long episode;     /* -1 for as many as it takes */
};

static const char *const seen_names[DIFF_SEEN_COUNT] = {
	[DIFF_PACKETS] = "packets",
	[DIFF_BURSTS] = "bursts",
	[DIFF_FULL_BURSTS] = "full",
	[DIFF_CUT_BURSTS] = "cut short",
	[DIFF_SEVERAL_SEGS] = "packets of several segments",
	[DIFF_DROPS] = "dropped",
	[DIFF_NO_ROOM] = "bursts without room",
	[DIFF_NOTIFIED] = "notified",
	[DIFF_LIES] = "lies",
	[DIFF_ERRORS] = "found out",
	[DIFF_TRACED] = "bursts traced",
};

static bool running;

static __rte_noreturn void
usage(int status)
{
	fprintf(status == 0 ? stdout : stderr,
		"Usage: test_diff [--isa NAME|all] [--dir rx|tx] [--seed N] [--ops N] [--episode N]\n"
		"\n"
		"Runs the kernels of an instruction set (scalar, avx2, avx512) and the scalar ones\n"
		"on the same traffic and compares all they do. An operation is a packet received\n"
		"or sent, or a call of a burst function; --ops (%u) counts them for each kernel\n"
		"and direction. --episode runs that one pair of queues only.\n", DEFAULT_OPS);
	exit(status);
}

static uint64_t
number(const char *text)
{
	char *end;
	const uint64_t n = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0')
		usage(EXIT_FAILURE);
	return n;
}

static void
parse_dir(struct options *o, const char *text)
{
	if (strcmp(text, "rx") != 0 && strcmp(text, "tx") != 0)
		usage(EXIT_FAILURE);
	o->rx = text[0] == 'r';
	o->tx = text[0] == 't';
}

static void
parse(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{"isa", required_argument, NULL, 'i'},	   {"dir", required_argument, NULL, 'd'},
		{"seed", required_argument, NULL, 's'},	   {"ops", required_argument, NULL, 'o'},
		{"episode", required_argument, NULL, 'e'}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'i':
			if (strcmp(optarg, "all") == 0)
				o->isa = PVQ_ISA_COUNT;
			else if (pvq_isa_parse(optarg, &o->isa) != 0 || o->isa >= PVQ_ISA_COUNT)
				usage(EXIT_FAILURE);
			break;
		case 'd':
			parse_dir(o, optarg);
			break;
		case 's':
			o->seed = number(optarg);
			break;
		case 'o':
			o->ops = number(optarg);
			break;
		case 'e':
			o->episode = (long)number(optarg);
			break;
		default:
			usage(c == 'h' ? EXIT_SUCCESS : EXIT_FAILURE);
		}
	}
	if (optind != argc)
		usage(EXIT_FAILURE);
}

static void
begin_episode(uint32_t episode)
{
	diff_rand_start(diff.seed, episode, diff.tx);
	diff.episode = episode;
	diff.step = 0;
	diff.nb_held = 0;
	diff.nb_pending = 0;
	diff.made = 0;
	diff.closed = false;
	diff.lied = false;
	DIFF_FOREACH_SIDE(s)
		unit_notifications(s->index);
}

/* The helpers that are shared with unit tests end a program by assertions that name no seed. */
static void
tell_place(void)
{
	if (running)
		diff_fail("a check in the test's own helpers failed");
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

static uint64_t
operations(void)
{
	return diff.seen[DIFF_PACKETS] + diff.seen[DIFF_BURSTS];
}

/* One kernel in one direction. */
static void
run(const struct options *o, enum pvq_isa isa, bool tx)
{
	const double began = seconds();
	uint32_t episode = o->episode >= 0 ? o->episode : 0, n = 0;
	int i;

	diff.isa = isa;
	diff.tx = tx;
	diff.seed = o->seed;
	/* All bursts of an episode by itself: what a trace found is to be found again. */
	diff.trace_ops = o->episode >= 0 ? 0 : o->ops;
	memset(diff.seen, 0, sizeof(diff.seen));
	running = true;
	do {
		begin_episode(episode++);
		if (tx)
			diff_tx_episode();
		else
			diff_rx_episode();
		n++;
	} while (operations() < o->ops && o->episode < 0);
	running = false;

	printf("%s %s: %" PRIu64 " operations on %u pairs of queues in %.1f s:", pvq_isa_name(isa),
	       tx ? "tx" : "rx", operations(), n, seconds() - began);
	for (i = 0; i < DIFF_SEEN_COUNT; i++)
		printf("%s %" PRIu64 " %s", i == 0 ? "" : ",", diff.seen[i], seen_names[i]);
	printf("\n");
	fflush(stdout);
	for (i = 0; i < DIFF_SEEN_COUNT; i++) {
		if (i == DIFF_TRACED && diff.no_trace != NULL)
			continue;
		if (o->ops >= OPS_FOR_ALL && o->episode < 0 && diff.seen[i] == 0)
			diff_fail("never met: %s", seen_names[i]);
	}
}

int
main(int argc, char **argv)
{
	struct options o = {
		.isa = PVQ_ISA_COUNT,
		.tx = true,
		.rx = true,
		.seed = (uint64_t)time(NULL),
		.ops = DEFAULT_OPS,
		.episode = -1,
	};
	unsigned int isa, usable = 0;

	parse(&o, argc, argv);
	for (isa = 0; isa < PVQ_ISA_COUNT; isa++) {
		if (o.isa != PVQ_ISA_COUNT && o.isa != isa)
			continue;
		if (pvq_isa_usable(isa))
			usable |= 1u << isa;
		else
			printf("%s: skipped, this processor or this build does not have it\n",
			       pvq_isa_name(isa));
	}
	if (usable == 0)
		return EXIT_SKIPPED;
	printf("repeat: test_diff --isa %s%s --seed %" PRIu64 " --ops %" PRIu64 "\n",
	       o.isa == PVQ_ISA_COUNT ? "all" : pvq_isa_name(o.isa),
	       o.rx && o.tx ? "" : o.tx ? " --dir tx" : " --dir rx", o.seed, o.ops);
	/* What a crash leaves behind. */
	fflush(stdout);
	if (unit_eal_start(NULL) != 0)
		return EXIT_FAILURE;
	diff.no_trace = diff_trace_lack();
	if (diff.no_trace != NULL)
		printf("tracing of bursts: skipped, %s\n", diff.no_trace);
	diff_pools_create();
	atexit(tell_place);
	for (isa = 0; isa < PVQ_ISA_COUNT; isa++) {
		if ((usable & 1u << isa) && o.rx)
			run(&o, isa, false);
		if ((usable & 1u << isa) && o.tx)
			run(&o, isa, true);
	}
	diff_pools_free();
	return unit_eal_stop(NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
