/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

/** A setting: a number, or a word of a list. */
struct setting {
	const char *name;
	const char *words; /**< "a|b|c", whose place is the value; NULL for a number */
	uint64_t max;
	size_t at, bytes; /**< its field of struct vhu_config */
	const char *help;
};

#define FIELD(field) offsetof(struct vhu_config, field), sizeof(((struct vhu_config *)0)->field)

/* Words stand in the order of their enumeration. */
static const struct setting settings[] = {
	{ "mode", "idle|echo|sink|generate", 0, FIELD(mode), "what becomes of packets" },
	{ "client", NULL, 1, FIELD(client), "connect to the socket instead of listening" },
	{ "queues", NULL, VHU_MAX_PAIRS, FIELD(queue_pairs), "queue pairs" },
	{ "claim", NULL, UINT32_MAX, FIELD(claimed_pairs), "answer to GET_QUEUE_NUM if not the truth" },
	{ "mtu", NULL, 65535, FIELD(mtu), "of the configuration space" },
	{ "link", NULL, VHU_LINK_UP, FIELD(status), "link status of the configuration space" },
	{ "completion", "fifo|reverse|shuffle|batch", 0, FIELD(behave.completion), "order of use" },
	{ "batch", NULL, 32768, FIELD(behave.batch), "buffers of a used descriptor, 0 for all" },
	{ "delay", NULL, 16384, FIELD(behave.delay), "transmitted buffers kept back" },
	{ "seed", NULL, UINT32_MAX, FIELD(behave.seed), "of completion=shuffle" },
	{ "events", "auto|poll|enable|desc", 0, FIELD(behave.events), "notifications asked for" },
	{ "poison", NULL, 1, FIELD(poison), "junk in everything without meaning" },
	{ "min-len", NULL, 65535, FIELD(generator.min_len), "mode=generate: shortest packet" },
	{ "max-len", NULL, 65535, FIELD(generator.max_len), "mode=generate: longest packet" },
	{ "window", NULL, UINT32_MAX, FIELD(generator.window), "mode=generate: packets on the way" },
	{ "limit", NULL, UINT32_MAX, FIELD(generator.limit),
	  "mode=generate: packets of a pair, 0 for no end" },
	{ "tolerant", NULL, 1, FIELD(generator.tolerant),
	  "mode=generate: damaged packets are no breach" },
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

static void
store(struct device *d, const struct setting *s, uint64_t value)
{
	void *field = (char *)&d->cfg + s->at;

	switch (s->bytes) {
	case sizeof(uint8_t):
		*(uint8_t *)field = value;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)field = value;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)field = value;
		break;
	default:
		*(uint64_t *)field = value;
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
		store(d, s, place);
		return NULL;
	}
	number = strtoull(value, &end, 0);
	if (*value == '\0' || *end != '\0' || number > s->max)
		return "not a number, or too large";
	store(d, s, number);
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
