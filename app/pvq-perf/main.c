/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * dpdk-pvq-perf: measures drivers side by side. See --help.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include "perf.h"

volatile sig_atomic_t perf_stop;

static void
on_signal(int number)
{
	RTE_SET_USED(number);
	perf_stop = 1;
}

/* Measure and tell; returns the exit status. */
static int
work(const struct perf_options *opt)
{
	struct perf_results results = {0};
	uint64_t lost, wrong;
	int rc = perf_run(opt, &results);

	if (rc == 0) {
		perf_table(opt, &results);
		perf_results_faults(&results, &lost, &wrong);
		if (opt->json != NULL)
			rc |= perf_json(opt, &results);
		if (opt->plot != NULL)
			rc |= perf_plot(opt, &results);
		if (lost != 0 || wrong != 0) {
			fprintf(stderr, "error: %" PRIu64 " packets lost, %" PRIu64 " wrong\n", lost,
				wrong);
			rc = -1;
		}
	} else if (perf_stop) {
		fprintf(stderr, "error: interrupted\n");
	}
	perf_results_free(&results);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct perf_options opt;
	int used, rc;

	/* The vhost library tells every message it gets; --log-level brings that back. */
	rte_log_set_level_pattern("lib.vhost.*", RTE_LOG_WARNING);
	used = rte_eal_init(argc, argv);
	if (used < 0)
		rte_exit(EXIT_FAILURE, "EAL does not start\n");
	rc = perf_options_parse(&opt, argc - used, argv + used);
	if (rc == 0 && (opt.modes & PERF_PAIR) != 0 && rte_lcore_count() < 2) {
		fprintf(stderr, "error: pair needs two lcores\n");
		rc = -1;
	}
	if (rc == 0) {
		signal(SIGINT, on_signal);
		signal(SIGTERM, on_signal);
		perf_log_open();
		rc = work(&opt);
		perf_log_close();
		perf_park_interrupts(&opt);
	} else {
		rc = rc > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	if (rte_eal_cleanup() != 0)
		rc = EXIT_FAILURE;
	return rc;
}
