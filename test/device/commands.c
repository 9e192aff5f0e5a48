/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdlib.h>
#include <string.h>

#include "device.h"

#define WORDS 6

/** A command: what it is called, how many words follow at least, what does it. */
struct command {
	const char *name;
	int words;
	/** NULL when it went well, else what is wrong; sets @p answered when it printed by itself. */
	const char *(*run)(struct device *d, char **words, int n, bool *answered);
};

static bool
number_of(const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 0);
	return *text != '\0' && *end == '\0';
}

/* "rx0", "tx3". */
static bool
vring_of(const char *text, uint32_t *vring)
{
	uint64_t pair;

	if ((strncmp(text, "rx", 2) != 0 && strncmp(text, "tx", 2) != 0) ||
	    !number_of(text + 2, &pair) || pair >= VHU_MAX_PAIRS)
		return false;
	*vring = 2 * pair + (text[0] == 't');
	return true;
}

/* lie NAME rxN|txN [AFTER [ARG]] */
static const char *
run_lie(struct device *d, char **words, int n, bool *answered)
{
	uint64_t after = 0, arg = VHU_LIE_DEFAULT;
	uint32_t vring;

	(void)answered;
	if (!vring_of(words[1], &vring) || (n > 2 && !number_of(words[2], &after)) ||
	    (n > 3 && !number_of(words[3], &arg)) || arg > UINT32_MAX)
		return "lie NAME rxN|txN [AFTER [ARG]]";
	if (vhu_backend_lie(d->backend, words[0], vring, after, arg) != 0)
		return "no such lie there, or too many";
	return NULL;
}

/* answer REQUEST none|size|request|nack|close|close-after [NTH]; answer all */
static const char *
run_answer(struct device *d, char **words, int n, bool *answered)
{
	static const char *const kinds[] = { "none", "size", "request",
					     "nack", "close", "close-after" };
	uint64_t nth = 0;
	uint32_t request, kind;

	(void)answered;
	if (strcmp(words[0], "all") == 0) {
		d->cfg.nb_faults = 0;
		vhu_backend_set_config(d->backend, &d->cfg);
		return NULL;
	}
	for (request = 0; request < VHU_REQUEST_END; request++)
		if (strcmp(vhu_request_name(request), words[0]) == 0)
			break;
	for (kind = 0; kind < 6 && n > 1; kind++)
		if (strcmp(kinds[kind], words[1]) == 0)
			break;
	if (request == VHU_REQUEST_END || n < 2 || kind == 6 ||
	    (n > 2 && !number_of(words[2], &nth)))
		return "answer REQUEST none|size|request|nack|close|close-after [NTH]";
	if (d->cfg.nb_faults == VHU_MAX_FAULTS)
		return "too many";
	d->cfg.faults[d->cfg.nb_faults++] = (struct vhu_fault){ request, kind, nth };
	vhu_backend_set_config(d->backend, &d->cfg);
	return NULL;
}

/* set NAME=VALUE...: ring memory and connection of now keep what was negotiated. */
static const char *
run_set(struct device *d, char **words, int n, bool *answered)
{
	uint32_t pairs = d->cfg.queue_pairs;
	const char *error;
	int i;

	(void)answered;
	for (i = 0; i < n; i++) {
		error = device_set(d, words[i]);
		if (error != NULL)
			return error;
	}
	if (d->cfg.queue_pairs != pairs) {
		d->cfg.queue_pairs = pairs;
		return "queues= is for the command line";
	}
	vhu_backend_set_config(d->backend, &d->cfg);
	return NULL;
}

static const char *
run_stats(struct device *d, char **words, int n, bool *answered)
{
	(void)words;
	(void)n;
	report_stats(d);
	*answered = true;
	return NULL;
}

static const char *
run_violations(struct device *d, char **words, int n, bool *answered)
{
	report_violations(d);
	*answered = true;
	if (n > 0 && strcmp(words[0], "clear") == 0)
		vhu_backend_violations_clear(d->backend);
	return NULL;
}

static const char *
run_requests(struct device *d, char **words, int n, bool *answered)
{
	(void)words;
	(void)n;
	report_requests(d);
	*answered = true;
	return NULL;
}

static const char *
run_reconnect(struct device *d, char **words, int n, bool *answered)
{
	(void)words;
	(void)n;
	(void)answered;
	vhu_backend_disconnect(d->backend);
	return NULL;
}

static const char *
run_needs_reset(struct device *d, char **words, int n, bool *answered)
{
	(void)words;
	(void)n;
	(void)answered;
	vhu_backend_needs_reset(d->backend);
	return NULL;
}

static const char *
run_quit(struct device *d, char **words, int n, bool *answered)
{
	(void)words;
	(void)n;
	(void)answered;
	d->ended = true;
	return NULL;
}

static const struct command commands[] = {
	{ "lie", 2, run_lie },		     { "answer", 1, run_answer },
	{ "set", 1, run_set },		     { "stats", 0, run_stats },
	{ "violations", 0, run_violations }, { "requests", 0, run_requests },
	{ "reconnect", 0, run_reconnect },   { "needs-reset", 0, run_needs_reset },
	{ "quit", 0, run_quit },
};

void
device_command(struct device *d, char *line)
{
	char *words[WORDS], *save = NULL, *word = strtok_r(line, " \n", &save);
	const char *error = "no such command";
	bool answered = false;
	int n = 0;
	size_t i;

	for (; word != NULL && n < WORDS; word = strtok_r(NULL, " \n", &save))
		words[n++] = word;
	for (i = 0; n > 0 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, words[0]) != 0)
			continue;
		error = n - 1 < commands[i].words ? "too few words" :
						    commands[i].run(d, words + 1, n - 1, &answered);
		break;
	}
	if (!answered)
		report_done(error);
}
