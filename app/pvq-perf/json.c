/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/* All figures, one entry for each port at each point. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_vect.h>
#include <rte_version.h>

#include "perf.h"

#define FEATURES_LEN 256

/* The processor's name as Linux knows it. */
static void
processor(char *name, size_t size)
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "r");

	snprintf(name, size, "unknown");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "model name", strlen("model name")) == 0) {
			const char *colon = strchr(line, ':');

			if (colon != NULL)
				snprintf(name, size, "%.*s", (int)strcspn(colon + 2, "\n"),
					 colon + 2);
			break;
		}
	if (file != NULL)
		fclose(file);
}

static void
set_series(json_t *to, const char *key, const struct perf_series *s,
	   const struct perf_series *base)
{
	struct perf_summary sum;
	json_t *o;

	if (s->n == 0)
		return;
	perf_series_sum(s, base, &sum);
	o = json_pack("{s:f, s:f, s:f, s:i}", "median", sum.median, "p10", sum.p10, "p90",
		      sum.p90, "rounds", (int)s->n);
	if (sum.ratio > 0)
		json_object_set_new(o, "ratio", json_real(sum.ratio));
	json_object_set_new(to, key, o);
}

static void
set_state(json_t *to, const struct perf_port_options *port, const struct perf_port_state *s)
{
	char text[FEATURES_LEN];

	json_object_set_new(to, "devargs", json_string(port->devargs));
	if (port->peer[0] != '\0')
		json_object_set_new(to, "peer", json_string(port->peer));
	if (s->refused[0] != '\0') {
		json_object_set_new(to, "refused", json_string(s->refused));
		return;
	}
	json_object_set_new(to, "driver", json_string(s->driver));
	json_object_set_new(to, "rx_path", json_string(s->rx_path));
	json_object_set_new(to, "tx_path", json_string(s->tx_path));
	json_object_set_new(to, "mbuf_fast_free", json_boolean(s->fast_free));
	if (s->has_features) {
		perf_features_text(s->features, text, sizeof(text));
		json_object_set_new(to, "negotiated", json_string(text));
		snprintf(text, sizeof(text), "0x%" PRIx64, s->features);
		json_object_set_new(to, "features", json_string(text));
	}
}

static void
set_pair(json_t *to, const struct perf_options *opt, const struct perf_figures *f,
	 const struct perf_figures *base)
{
	struct perf_summary sum;

	if (f->mpps.n == 0)
		return;
	set_series(to, "mpps", &f->mpps, base != NULL ? &base->mpps : NULL);
	perf_series_sum(&f->mpps, NULL, &sum);
	json_object_set_new(to, "inflight", json_integer(opt->inflight));
	json_object_set_new(to, "round_trip_ns",
			    json_real(sum.median > 0 ? opt->inflight * 1e3 / sum.median : 0));
	json_object_set_new(to, "polls", json_integer(f->polls));
	json_object_set_new(to, "empty_polls", json_integer(f->empty_polls));
	json_object_set_new(to, "received", json_integer(f->received));
}

static json_t *
entry(const struct perf_options *opt, const struct perf_result *r, unsigned int i)
{
	const struct perf_figures *f = &r->port[i], *base = perf_result_baseline(opt, r);
	const bool floor = i == opt->nb_ports;
	json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i}",
			      "name", floor ? PERF_FLOOR : opt->port[i].name,
			      "kind", r->point.kind == PERF_SOLO ? "solo" : "pair",
			      "burst", (int)r->point.burst, "frame", (int)r->point.frame,
			      "ring", (int)r->point.ring, "queue_pairs", (int)r->point.pairs);

	set_series(o, "tx", &f->tx, base != NULL ? &base->tx : NULL);
	set_series(o, "rx", &f->rx, base != NULL ? &base->rx : NULL);
	if (floor)
		return o;
	set_state(o, &opt->port[i], &f->state);
	if (f->state.refused[0] != '\0')
		return o;
	if (r->point.kind == PERF_SOLO) {
		json_object_set_new(o, "offered", json_integer(f->offered));
		json_object_set_new(o, "taken", json_integer(f->taken));
	}
	set_pair(o, opt, f, base);
	json_object_set_new(o, "lost", json_integer(f->lost));
	json_object_set_new(o, "wrong", json_integer(f->wrong));
	return o;
}

int
perf_json(const struct perf_options *opt, const struct perf_results *results)
{
	char cpu[128];
	json_t *root, *list = json_array();
	unsigned int i, k;
	int rc;

	for (i = 0; i < results->n; i++) {
		const struct perf_result *r = &results->result[i];

		/* The floor has no part in pair. */
		for (k = 0; k < opt->nb_ports + (r->point.kind == PERF_SOLO); k++)
			json_array_append_new(list, entry(opt, r, k));
	}
	processor(cpu, sizeof(cpu));
	root = json_pack("{s:s, s:s, s:s, s:i, s:f, s:b, s:o}", "program", "dpdk-pvq-perf",
			 "dpdk", rte_version(), "processor", cpu,
			 "simd_bitwidth", (int)rte_vect_get_max_simd_bitwidth(),
			 "tsc_mhz", rte_get_tsc_hz() / 1e6, "hugepages", rte_eal_has_hugepages(),
			 "results", list);
	if (root == NULL)
		json_decref(list);
	else if (opt->baseline >= 0)
		json_object_set_new(root, "baseline", json_string(opt->port[opt->baseline].name));
	rc = root != NULL ? json_dump_file(root, opt->json, JSON_INDENT(1)) : -1;
	json_decref(root);
	if (rc != 0)
		fprintf(stderr, "error: cannot write %s\n", opt->json);
	return rc;
}
