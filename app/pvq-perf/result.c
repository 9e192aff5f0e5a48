/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/* Figures, and what becomes of them. */

#include <stdlib.h>
#include <string.h>

#include "perf.h"

#define FIRST_ROOM 64

struct perf_result *
perf_results_add(struct perf_results *results, const struct perf_point *point)
{
	struct perf_result *r;

	r = realloc(results->result, (results->n + 1) * sizeof(*r));
	if (r == NULL)
		return NULL;
	results->result = r;
	r += results->n++;
	memset(r, 0, sizeof(*r));
	r->point = *point;
	return r;
}

void
perf_results_free(struct perf_results *results)
{
	unsigned int i, k;

	for (i = 0; i < results->n; i++)
		for (k = 0; k < RTE_DIM(results->result[i].port); k++) {
			struct perf_figures *f = &results->result[i].port[k];

			free(f->tx.value);
			free(f->rx.value);
			free(f->mpps.value);
		}
	free(results->result);
	*results = (struct perf_results){0};
}

void
perf_series_add(struct perf_series *s, double value)
{
	if (s->n == s->room) {
		const unsigned int room = s->room == 0 ? FIRST_ROOM : 2 * s->room;
		double *v = realloc(s->value, room * sizeof(*v));

		if (v == NULL)
			return;
		s->value = v;
		s->room = room;
	}
	s->value[s->n++] = value;
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The value below which a part of a sorted series lies, between two values where need be. */
static double
quantile(const double *sorted, unsigned int n, double part)
{
	const double at = part * (n - 1);
	const unsigned int low = (unsigned int)at;

	if (low + 1 >= n)
		return sorted[n - 1];
	return sorted[low] + (at - low) * (sorted[low + 1] - sorted[low]);
}

void
perf_series_sum(const struct perf_series *s, const struct perf_series *base,
		struct perf_summary *sum)
{
	double *v;
	unsigned int i;

	*sum = (struct perf_summary){0};
	v = s->n > 0 ? malloc(s->n * sizeof(*v)) : NULL;
	if (v == NULL)
		return;
	memcpy(v, s->value, s->n * sizeof(*v));
	qsort(v, s->n, sizeof(*v), compare);
	sum->median = quantile(v, s->n, 0.5);
	sum->p10 = quantile(v, s->n, 0.1);
	sum->p90 = quantile(v, s->n, 0.9);
	if (base != NULL && base->n == s->n) {
		for (i = 0; i < s->n; i++)
			v[i] = base->value[i] > 0 ? s->value[i] / base->value[i] : 0;
		qsort(v, s->n, sizeof(*v), compare);
		sum->ratio = quantile(v, s->n, 0.5);
	}
	free(v);
}

void
perf_results_faults(const struct perf_results *results, uint64_t *lost, uint64_t *wrong)
{
	unsigned int i, k;

	*lost = *wrong = 0;
	for (i = 0; i < results->n; i++)
		for (k = 0; k < RTE_DIM(results->result[i].port); k++) {
			*lost += results->result[i].port[k].lost;
			*wrong += results->result[i].port[k].wrong;
		}
}

const struct perf_figures *
perf_result_baseline(const struct perf_options *opt, const struct perf_result *r)
{
	return opt->baseline >= 0 ? &r->port[opt->baseline] : NULL;
}
