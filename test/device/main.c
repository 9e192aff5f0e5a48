/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

/* Commands of a driver's test on standard input are short. */
#define LINE_BYTES 512

static void
usage(FILE *to)
{
	fprintf(to, "Usage: pvq-test-device SOCKET [NAME=VALUE...]\n\n"
		    "The device model as a vhost-user backend. Answers lines on its standard input "
		    "by one line of\nJSON each. At the end of the input it prints what the driver did "
		    "wrong; the exit status is 1\nif that is anything.\n\n"
		    "Commands:\n"
		    "  stats, violations [clear], requests\n"
		    "  set NAME=VALUE...           behaviour now, offers for the next connection\n"
		    "  lie ROW rxN|txN [AFTER [ARG]]  once, AFTER that many packets of the queue\n"
		    "  answer REQUEST none|size|request|nack|close|close-after [NTH], answer all\n"
		    "  reconnect, needs-reset, quit\n\n"
		    "Settings:\n");
	device_settings(to);
}

static bool
parse(struct device *d, int argc, char **argv)
{
	const char *error;
	int i;

	if (argc < 2 || argv[1][0] == '-')
		return false;
	vhu_config_init(&d->cfg, argv[1]);
	d->cfg.mode = VHU_ECHO;
	d->cfg.mtu = 9000;
	for (i = 2; i < argc; i++) {
		error = device_set(d, argv[i]);
		if (error == NULL)
			continue;
		fprintf(stderr, "pvq-test-device: %s: %s\n", argv[i], error);
		return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct device d = { 0 };
	char line[LINE_BYTES];
	int status;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	if (!parse(&d, argc, argv)) {
		usage(stderr);
		return 2;
	}
	d.backend = vhu_backend_create(&d.cfg);
	if (d.backend == NULL || vhu_backend_start(d.backend) != 0) {
		fprintf(stderr, "pvq-test-device: cannot serve %s\n", argv[1]);
		vhu_backend_destroy(d.backend);
		return 2;
	}
	report_done(NULL);
	while (!d.ended && fgets(line, sizeof(line), stdin) != NULL)
		device_command(&d, line);
	vhu_backend_stop(d.backend);
	report_violations(&d);
	status = vhu_backend_violations(d.backend) > 0;
	vhu_backend_destroy(d.backend);
	return status;
}
