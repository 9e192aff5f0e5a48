/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef TEST_DEVICE_H
#define TEST_DEVICE_H

/**
 * @file
 * pvq-test-device: a vhost-user backend (test/lib) as a process, which a test tells what to do by
 * lines on its standard input. Every line is answered by one line of JSON; see usage() in main.c.
 */

#include <stdio.h>

#include "vhu_backend.h"

/** What the process is made of. */
struct device {
	struct vhu_config cfg; /**< as it stands; the backend has a copy */
	struct vhu_backend *backend;
	bool ended;
};

/**
 * Apply one setting, as an option of the command line or as the command `set`.
 *
 * @param text
 *   "name=value"; a flag may stand alone for name=1.
 * @return
 *   NULL, or what is wrong.
 */
const char *
device_set(struct device *d, const char *text);

/** All settings, a line each, for the usage text. */
void
device_settings(FILE *to);

/** Carry out a line of standard input and answer it on standard output. */
void
device_command(struct device *d, char *line);

/** Print what "stats" answers. */
void
report_stats(struct device *d);

/** Print what "violations" answers. */
void
report_violations(struct device *d);

/** Print what "requests" answers: how often each vhost-user request came. */
void
report_requests(struct device *d);

/** Print {"error": text}, or {"ok": true} for NULL. */
void
report_done(const char *error);

#endif /* TEST_DEVICE_H */
