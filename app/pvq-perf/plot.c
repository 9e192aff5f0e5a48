/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/* One panel of bars for each point, drawn by gnuplot. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf.h"

#define PANEL_WIDTH 720
#define PANEL_HEIGHT 360
#define COLUMNS 2

bool
perf_plot_possible(void)
{
	if (system("command -v gnuplot >/dev/null") == 0)
		return true;
	fprintf(stderr, "error: --plot needs gnuplot (Debian: gnuplot-nox), which is not there\n");
	return false;
}

/* A text in single quotes, which is all of gnuplot that could be misread. */
static void
print_text(FILE *to, const char *text)
{
	fputc('\'', to);
	for (; *text != '\0'; text++)
		fputs(*text == '\'' ? "''" : (char[]){*text, '\0'}, to);
	fputc('\'', to);
}

static void
print_title(FILE *to, const struct perf_result *r)
{
	char title[160];

	snprintf(title, sizeof(title), "%s, burst %u, frame %u, ring %u, queue pairs %u",
		 r->point.kind == PERF_SOLO ? "solo" : "pair", r->point.burst, r->point.frame,
		 r->point.ring, r->point.pairs);
	fprintf(to, "set title ");
	print_text(to, title);
	fprintf(to, "\n");
}

/* Rows of a data block: name, then median and percentiles of one series or of two. */
static void
print_data(FILE *to, const struct perf_options *opt, const struct perf_result *r)
{
	struct perf_summary a, b;
	unsigned int i;

	fprintf(to, "$d << END\n");
	for (i = 0; i < opt->nb_ports; i++) {
		const struct perf_figures *f = &r->port[i];

		perf_series_sum(r->point.kind == PERF_SOLO ? &f->tx : &f->mpps, NULL, &a);
		perf_series_sum(&f->rx, NULL, &b);
		fprintf(to, "%s %g %g %g %g %g %g\n", opt->port[i].name, a.median, a.p10, a.p90,
			b.median, b.p10, b.p90);
	}
	fprintf(to, "END\n");
}

static void
print_panel(FILE *to, const struct perf_options *opt, const struct perf_result *r)
{
	struct perf_summary tx, rx;

	print_title(to, r);
	print_data(to, opt, r);
	if (r->point.kind == PERF_PAIR) {
		fprintf(to, "set ylabel 'Mpps each way'\n"
			"plot $d using 2:3:4:xtic(1) title 'Mpps' lc rgb '#4477aa'\n");
		return;
	}
	perf_series_sum(&r->port[opt->nb_ports].tx, NULL, &tx);
	perf_series_sum(&r->port[opt->nb_ports].rx, NULL, &rx);
	fprintf(to, "set ylabel 'TSC cycles a packet'\n"
		"plot $d using 2:3:4:xtic(1) title 'tx' lc rgb '#4477aa', "
		"$d using 5:6:7 title 'rx' lc rgb '#ee8866', "
		"%g with lines lw 2 dt 2 lc rgb '#224466' title 'floor tx', "
		"%g with lines lw 2 dt 2 lc rgb '#aa4422' title 'floor rx'\n", tx.median, rx.median);
}

int
perf_plot(const struct perf_options *opt, const struct perf_results *results)
{
	const unsigned int columns = RTE_MIN(results->n, (unsigned int)COLUMNS);
	const unsigned int rows = (results->n + columns - 1) / columns;
	FILE *to = popen("gnuplot", "w");
	unsigned int i;
	int rc;

	if (to == NULL) {
		fprintf(stderr, "error: gnuplot does not start\n");
		return -1;
	}
	fprintf(to, "set terminal svg size %u,%u dynamic background rgb 'white' noenhanced\n",
		columns * PANEL_WIDTH, rows * PANEL_HEIGHT);
	fprintf(to, "set output ");
	print_text(to, opt->plot);
	fprintf(to, "\nset style data histograms\n"
		"set style histogram errorbars gap 2 lw 1\n"
		"set style fill solid 0.9 noborder\n"
		"set yrange [0:*]\nset grid ytics\nset xtics rotate by -20\n"
		"set errorbars lc rgb '#333333'\nset key outside right top\n"
		"set multiplot layout %u,%u\n", rows, columns);
	for (i = 0; i < results->n; i++)
		print_panel(to, opt, &results->result[i]);
	fprintf(to, "unset multiplot\n");
	rc = pclose(to);
	if (rc != 0)
		fprintf(stderr, "error: gnuplot cannot write %s\n", opt->plot);
	return rc == 0 ? 0 : -1;
}
