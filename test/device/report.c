/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <inttypes.h>
#include <string.h>

#include "device.h"

static void
print_string(const char *text, size_t len)
{
	size_t i;

	putchar('"');
	for (i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			putchar('\\');
		if ((unsigned char)text[i] >= ' ')
			putchar(text[i]);
	}
	putchar('"');
}

void
report_done(const char *error)
{
	if (error == NULL) {
		printf("{\"ok\": true}\n");
	} else {
		printf("{\"error\": ");
		print_string(error, strlen(error));
		printf("}\n");
	}
	fflush(stdout);
}

static void
report_vring(struct vhu_backend *b, uint32_t idx)
{
	struct vhu_vring_info v;

	if (vhu_backend_vring(b, idx, &v) != 0)
		return;
	printf("%s{\"size\": %u, \"live\": %d, \"next_avail\": %u, \"next_used\": %u, "
	       "\"waiting\": %u, \"packets\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"notifications\": %" PRIu64 ", \"interrupts\": %" PRIu64
	       ", \"starts\": %" PRIu64 "}",
	       idx > 0 ? ", " : "", v.num, v.live, v.base & 0xffff, v.base >> 16,
	       vhu_backend_waiting(b, idx), v.packets, v.bytes, v.notifications, v.interrupts,
	       v.starts);
}

static void
report_generated(struct vhu_backend *b, uint32_t pair)
{
	struct vhu_generated g;

	if (vhu_backend_generated(b, pair, &g) != 0)
		return;
	printf("%s{\"sent\": %" PRIu64 ", \"returned\": %" PRIu64 ", \"lost\": %" PRIu64
	       ", \"again\": %" PRIu64 ", \"damaged\": %" PRIu64 "}",
	       pair > 0 ? ", " : "", g.sent, g.returned, g.lost, g.again, g.damaged);
}

void
report_stats(struct device *d)
{
	struct vhu_backend *b = d->backend;
	uint32_t i;

	printf("{\"connected\": %d, \"connections\": %u, \"features\": %" PRIu64
	       ", \"status\": %u, \"packets\": %" PRIu64 ", \"told\": %" PRIu64
	       ", \"untold\": %u, \"violations\": %u, \"vrings\": [",
	       vhu_backend_connected(b), vhu_backend_connections(b), vhu_backend_features(b),
	       vhu_backend_status(b), vhu_backend_packets(b), vhu_backend_lies_told(b),
	       vhu_backend_lies_left(b), vhu_backend_violations(b));
	for (i = 0; i < 2 * d->cfg.queue_pairs; i++)
		report_vring(b, i);
	printf("], \"pairs\": [");
	for (i = 0; i < d->cfg.queue_pairs; i++)
		report_generated(b, i);
	printf("]}\n");
	fflush(stdout);
}

void
report_violations(struct device *d)
{
	const char *text = vhu_backend_violations_text(d->backend), *end;
	bool first = true;

	printf("{\"violations\": [");
	for (; *text != '\0'; text = *end != '\0' ? end + 1 : end) {
		end = strchrnul(text, '\n');
		printf("%s", first ? "" : ", ");
		print_string(text, end - text);
		first = false;
	}
	printf("]}\n");
	fflush(stdout);
}

void
report_requests(struct device *d)
{
	bool first = true;
	uint32_t i, n;

	printf("{\"requests\": {");
	for (i = 0; i < VHU_REQUEST_END; i++) {
		n = vhu_backend_count(d->backend, i);
		if (n == 0)
			continue;
		printf("%s\"%s\": %u", first ? "" : ", ", vhu_request_name(i), n);
		first = false;
	}
	printf("}}\n");
	fflush(stdout);
}
