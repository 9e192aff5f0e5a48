/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_vect.h>
#include <rte_version.h>

#include "perf.h"

#define FEATURES_LEN 256

static int
name_width(const struct perf_options *opt)
{
	size_t width = strlen(PERF_FLOOR);
	unsigned int i;

	for (i = 0; i < opt->nb_ports; i++)
		width = RTE_MAX(width, strlen(opt->port[i].name));
	return (int)width;
}

/* How each port came up. */
static void
print_states(const struct perf_options *opt, const struct perf_result *r)
{
	char features[FEATURES_LEN];
	unsigned int i;

	for (i = 0; i < opt->nb_ports; i++) {
		const struct perf_port_state *s = &r->port[i].state;

		printf("%s: %s\n", opt->port[i].name, opt->port[i].devargs);
		if (s->refused[0] != '\0') {
			printf("    not measured: %s\n", s->refused);
			continue;
		}
		printf("    driver      %s, mbuf fast free %s\n", s->driver,
		       s->fast_free ? "on" : "off");
		printf("    paths       rx \"%s\", tx \"%s\"\n", s->rx_path, s->tx_path);
		perf_features_text(s->features, features, sizeof(features));
		if (s->has_features)
			printf("    negotiated  %s\n", features);
		else
			printf("    peer        %s\n", opt->port[i].peer);
	}
}

static void
print_sum(const struct perf_series *s, const struct perf_series *base)
{
	struct perf_summary sum;

	perf_series_sum(s, base, &sum);
	printf("  %7.2f %7.2f %7.2f", sum.median, sum.p10, sum.p90);
	if (sum.ratio > 0)
		printf(" %6.3f", sum.ratio);
	else
		printf(" %6s", "");
}

static void
print_solo(const struct perf_options *opt, const struct perf_result *r, int width)
{
	const struct perf_figures *base = perf_result_baseline(opt, r);
	unsigned int i;

	printf("\nsolo: TSC cycles a packet. Burst %u, frames of %u bytes, rings of %u, %u queue "
	       "pair%s, %u rounds of %u bursts\n", r->point.burst, r->point.frame, r->point.ring,
	       r->point.pairs, r->point.pairs > 1 ? "s" : "", opt->rounds, opt->bursts);
	printf("%-*s  tx  med     p10     p90  ratio  rx  med     p10     p90  ratio  taken  lost  "
	       "wrong\n", width, "");
	for (i = 0; i <= opt->nb_ports; i++) {
		const struct perf_figures *f = &r->port[i];

		if (f->tx.n == 0)
			continue;
		printf("%-*s", width, i < opt->nb_ports ? opt->port[i].name : PERF_FLOOR);
		print_sum(&f->tx, base != NULL ? &base->tx : NULL);
		print_sum(&f->rx, base != NULL ? &base->rx : NULL);
		if (i < opt->nb_ports)
			printf("  %4.0f%% %5" PRIu64 "  %5" PRIu64, 100.0 * f->taken / f->offered,
			       f->lost, f->wrong);
		printf("\n");
	}
}

static void
print_pair(const struct perf_options *opt, const struct perf_result *r, int width)
{
	const struct perf_figures *base = perf_result_baseline(opt, r);
	struct perf_summary sum;
	unsigned int i;

	printf("\npair: Mpps each way. Burst %u, frames of %u bytes, rings of %u, %u queue pair%s, "
	       "%u packets in the loop, %u windows of %u ms\n", r->point.burst, r->point.frame,
	       r->point.ring, r->point.pairs, r->point.pairs > 1 ? "s" : "", opt->inflight,
	       opt->windows, opt->window_ms);
	printf("%-*s      med     p10     p90  ratio  round trip  mean burst  empty polls  lost  "
	       "wrong\n", width, "");
	for (i = 0; i < opt->nb_ports; i++) {
		const struct perf_figures *f = &r->port[i];

		if (f->mpps.n == 0)
			continue;
		printf("%-*s", width, opt->port[i].name);
		print_sum(&f->mpps, base != NULL ? &base->mpps : NULL);
		perf_series_sum(&f->mpps, NULL, &sum);
		printf("  %7.0f ns  %10.1f  %10.1f%% %5" PRIu64 "  %5" PRIu64 "\n",
		       sum.median > 0 ? opt->inflight * 1e3 / sum.median : 0,
		       f->polls > f->empty_polls ?
		       (double)f->received / (f->polls - f->empty_polls) : 0,
		       100.0 * f->empty_polls / f->polls, f->lost, f->wrong);
	}
}

void
perf_table(const struct perf_options *opt, const struct perf_results *results)
{
	const int width = name_width(opt);
	const struct perf_result *before = NULL;
	unsigned int i;

	printf("%s, SIMD up to %u bits, TSC %.0f MHz\n", rte_version(),
	       rte_vect_get_max_simd_bitwidth(), rte_get_tsc_hz() / 1e6);
	for (i = 0; i < results->n; i++) {
		const struct perf_result *r = &results->result[i];

		/* Told again where the ports were opened anew. */
		if (before == NULL || before->point.ring != r->point.ring ||
		    before->point.pairs != r->point.pairs) {
			printf("\n");
			print_states(opt, r);
		}
		before = r;
		if (r->point.kind == PERF_SOLO)
			print_solo(opt, r, width);
		else
			print_pair(opt, r, width);
	}
}
