/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdlib.h>
#include <string.h>

#include "device.h"

/** A setting: a word of a list, a number, or a bit of the features. */
struct setting {
	const char *name;
	const char *words; /**< "a|b|c", whose place is the value; NULL for a number */
	uint64_t max;
	void (*set)(struct device *d, uint64_t value);
	const char *help;
};

static void
set_mode(struct device *d, uint64_t value)
{
	static const enum vhu_mode modes[] = { VHU_ECHO, VHU_SINK, VHU_GENERATE, VHU_IDLE };

	d->cfg.mode = modes[value];
}

static void
set_client(struct device *d, uint64_t value)
{
	d->cfg.client = value;
}

static void
set_queues(struct device *d, uint64_t value)
{
	d->cfg.queue_pairs = value;
}

static void
set_claim(struct device *d, uint64_t value)
{
	d->cfg.claimed_pairs = value;
}

static void
set_mtu(struct device *d, uint64_t value)
{
	d->cfg.mtu = value;
}

static void
set_link(struct device *d, uint64_t value)
{
	d->cfg.status = value ? VHU_LINK_UP : 0;
}

static void
set_completion(struct device *d, uint64_t value)
{
	d->cfg.behave.completion = value;
}

static void
set_batch(struct device *d, uint64_t value)
{
	d->cfg.behave.batch = value;
}

static void
set_delay(struct device *d, uint64_t value)
{
	d->cfg.behave.delay = value;
}

static void
set_seed(struct device *d, uint64_t value)
{
	d->cfg.behave.seed = value;
}

static void
set_events(struct device *d, uint64_t value)
{
	d->cfg.behave.events = value;
}

static void
set_poison(struct device *d, uint64_t value)
{
	d->cfg.poison = value;
}

static void
set_min_len(struct device *d, uint64_t value)
{
	d->cfg.generator.min_len = value;
}

static void
set_max_len(struct device *d, uint64_t value)
{
	d->cfg.generator.max_len = value;
}

static void
set_window(struct device *d, uint64_t value)
{
	d->cfg.generator.window = value;
}

static void
set_limit(struct device *d, uint64_t value)
{
	d->cfg.generator.limit = value;
}

static void
set_tolerant(struct device *d, uint64_t value)
{
	d->cfg.generator.tolerant = value;
}

static const struct setting settings[] = {
	{ "mode", "echo|sink|generate|idle", 3, set_mode, "what becomes of packets" },
	{ "client", NULL, 1, set_client, "connect to the socket instead of listening" },
	{ "queues", NULL, VHU_MAX_PAIRS, set_queues, "queue pairs" },
	{ "claim", NULL, UINT32_MAX, set_claim, "answer to GET_QUEUE_NUM if not the truth" },
	{ "mtu", NULL, 65535, set_mtu, "of the configuration space" },
	{ "link", NULL, 1, set_link, "link status of the configuration space" },
	{ "completion", "fifo|reverse|shuffle|batch", 3, set_completion, "order of use" },
	{ "batch", NULL, 32768, set_batch, "buffers of a used descriptor, 0 for all" },
	{ "delay", NULL, 16384, set_delay, "transmitted buffers kept back" },
	{ "seed", NULL, UINT32_MAX, set_seed, "of completion=shuffle" },
	{ "events", "auto|poll|enable|desc", 3, set_events, "notifications asked for" },
	{ "poison", NULL, 1, set_poison, "junk in everything without meaning" },
	{ "min-len", NULL, 65535, set_min_len, "mode=generate: shortest packet" },
	{ "max-len", NULL, 65535, set_max_len, "mode=generate: longest packet" },
	{ "window", NULL, UINT32_MAX, set_window, "mode=generate: packets on the way" },
	{ "limit", NULL, UINT32_MAX, set_limit, "mode=generate: packets of a pair, 0 for no end" },
	{ "tolerant", NULL, 1, set_tolerant, "mode=generate: damaged packets are no breach" },
};

/** Features to offer or not. */
static const struct {
	const char *name;
	uint64_t bit;
} features[] = {
	{ "csum", VHU_F_CSUM },		{ "host-tso4", VHU_F_HOST_TSO4 },
	{ "mtu-feature", VHU_F_MTU },	{ "mac", VHU_F_MAC },
	{ "host-tso6", VHU_F_HOST_TSO6 }, { "host-uso", VHU_F_HOST_USO },
	{ "mrg-rxbuf", VHU_F_MRG_RXBUF }, { "status", VHU_F_STATUS },
	{ "indirect", VHU_F_INDIRECT_DESC }, { "event-idx", VHU_F_EVENT_IDX },
	{ "version-1", VHU_F_VERSION_1 }, { "packed", VHU_F_RING_PACKED },
	{ "in-order", VHU_F_IN_ORDER },
};

/* The place of a word in "a|b|c", or -1. */
static long
place_of(const char *words, const char *word)
{
	size_t len = strlen(word);
	long place;

	for (place = 0;; place++) {
		if (strncmp(words, word, len) == 0 && (words[len] == '|' || words[len] == '\0'))
			return place;
		words = strchr(words, '|');
		if (words == NULL)
			return -1;
		words++;
	}
}

static const char *
apply(struct device *d, const struct setting *s, const char *value)
{
	unsigned long long number;
	char *end;
	long place;

	if (s->words != NULL) {
		place = place_of(s->words, value);
		if (place < 0)
			return s->words;
		s->set(d, place);
		return NULL;
	}
	number = strtoull(value, &end, 0);
	if (*value == '\0' || *end != '\0' || number > s->max)
		return "not a number, or too large";
	s->set(d, number);
	return NULL;
}

const char *
device_set(struct device *d, const char *text)
{
	const char *value = strchr(text, '=');
	size_t len = value != NULL ? (size_t)(value - text) : strlen(text), i;

	value = value != NULL ? value + 1 : "1";
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strlen(settings[i].name) == len && strncmp(text, settings[i].name, len) == 0)
			return apply(d, &settings[i], value);
	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (strlen(features[i].name) != len || strncmp(text, features[i].name, len) != 0)
			continue;
		if (strcmp(value, "1") == 0)
			d->cfg.features |= features[i].bit;
		else if (strcmp(value, "0") == 0)
			d->cfg.features &= ~features[i].bit;
		else
			return "0 or 1";
		return NULL;
	}
	return "no such setting";
}

void
device_settings(FILE *to)
{
	size_t i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		fprintf(to, "  %s=%s  %s\n", settings[i].name,
			settings[i].words != NULL ? settings[i].words : "N", settings[i].help);
	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		fprintf(to, "  %s=0|1  offer the feature\n", features[i].name);
}
