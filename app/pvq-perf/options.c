/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf.h"

#define MRG_RXBUF_BIT 15
#define IN_ORDER_BIT 35
#define INDIRECT_BIT 28
#define EVENT_IDX_BIT 29

enum {
	OPT_PORT = 256, OPT_PEER, OPT_BACKEND, OPT_BASELINE, OPT_BURST, OPT_FRAME, OPT_RING,
	OPT_PAIRS, OPT_ROUNDS, OPT_BURSTS, OPT_WINDOWS, OPT_WINDOW_MS, OPT_INFLIGHT,
	OPT_FAST_FREE, OPT_JSON, OPT_PLOT, OPT_HELP,
};

static const struct option long_options[] = {
	{"port", required_argument, NULL, OPT_PORT},
	{"peer", required_argument, NULL, OPT_PEER},
	{"backend", required_argument, NULL, OPT_BACKEND},
	{"baseline", required_argument, NULL, OPT_BASELINE},
	{"burst", required_argument, NULL, OPT_BURST},
	{"frame", required_argument, NULL, OPT_FRAME},
	{"ring", required_argument, NULL, OPT_RING},
	{"queue-pairs", required_argument, NULL, OPT_PAIRS},
	{"rounds", required_argument, NULL, OPT_ROUNDS},
	{"bursts", required_argument, NULL, OPT_BURSTS},
	{"windows", required_argument, NULL, OPT_WINDOWS},
	{"window-ms", required_argument, NULL, OPT_WINDOW_MS},
	{"inflight", required_argument, NULL, OPT_INFLIGHT},
	{"mbuf-fast-free", required_argument, NULL, OPT_FAST_FREE},
	{"json", required_argument, NULL, OPT_JSON},
	{"plot", required_argument, NULL, OPT_PLOT},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static const struct {
	const char *name;
	unsigned int bit;
} backend_words[] = {
	{"no-in-order", IN_ORDER_BIT},
	{"no-mrg-rxbuf", MRG_RXBUF_BIT},
	{"no-indirect", INDIRECT_BIT},
	{"no-event-idx", EVENT_IDX_BIT},
};

static void
usage(void)
{
	printf(
"Usage: dpdk-pvq-perf [EAL options] -- solo|pair|sweep... --port NAME=DEVARGS... [options]\n"
"\n"
"Measures ports of vhost-user and memif drivers side by side, round by round, in one process.\n"
"  solo   one lcore, driver and peer take turns: TSC cycles a packet that the driver's burst\n"
"         functions take, beside a floor that does only what no driver can leave out\n"
"  pair   two lcores, one forwards with the driver, the other echoes: Mpps\n"
"  sweep  solo over burst sizes, frame sizes, ring sizes and queue pairs, one at a time\n"
"\n"
"Ports\n"
"  --port NAME=DEVARGS      a port under test, as --vdev takes it. The program is the other end\n"
"                           by DPDK's vhost library; path= is added where it is not given\n"
"  --peer NAME=DEVARGS      this port is the other end instead; for net_memif, where socket= is\n"
"                           added\n"
"  --backend NAME=WORD,...  what the vhost library is not to offer to a port: no-in-order,\n"
"                           no-mrg-rxbuf, no-indirect, no-event-idx\n"
"  --baseline NAME          the port that the others are compared with, by the ratios of every\n"
"                           single round\n"
"  --mbuf-fast-free on|off  ask for MBUF_FAST_FREE where a driver has it (default on)\n"
"\n"
"Points; a LIST has its numbers separated by commas\n"
"  --burst LIST             packets given or asked for at once, 1 to 512 (32)\n"
"  --frame LIST             bytes, 64 to 1518 (64)\n"
"  --ring LIST              descriptors of each ring (256); goes before what the devargs say\n"
"  --queue-pairs LIST       polled in turn by one lcore (1); likewise\n"
"  --rounds N               rounds of solo (300)\n"
"  --bursts N               bursts of each port in a round (200)\n"
"  --windows N              rounds of pair (20)\n"
"  --window-ms N            their length (50)\n"
"  --inflight N             packets in the loop of pair (192); 1 shows latency\n"
"\n"
"Results: a table on stdout, progress on stderr, and\n"
"  --json FILE              all figures\n"
"  --plot FILE.svg          bars with the floor drawn in, by gnuplot\n"
"\n"
"The exit status is 0 only if everything asked for was measured and no packet was lost or wrong.\n"
"For example, without hugepages:\n"
"  dpdk-pvq-perf -l 0,1 --no-pci --no-huge -m 512 -d ./librte_net_pvq.so -- solo \\\n"
"    --port ours=net_pvq0 --port virtio=net_virtio_user0,packed_vq=1 --baseline virtio\n");
}

static int
complain(const char *option, const char *value, const char *valid)
{
	fprintf(stderr, "error: --%s %s: %s\n", option, value, valid);
	return -EINVAL;
}

static int
parse_number(const char *text, char **end, unsigned long min, unsigned long max, uint32_t *to)
{
	unsigned long v;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	v = strtoul(text, end, 10);
	if (errno != 0 || v < min || v > max)
		return -EINVAL;
	*to = v;
	return 0;
}

static int
parse_one(const char *option, const char *text, unsigned long min, unsigned long max,
	  unsigned int *to)
{
	char valid[64], *end = NULL;
	uint32_t v;

	snprintf(valid, sizeof(valid), "not a number from %lu to %lu", min, max);
	if (parse_number(text, &end, min, max, &v) != 0 || *end != '\0')
		return complain(option, text, valid);
	*to = v;
	return 0;
}

static int
parse_list(const char *option, const char *text, unsigned long min, unsigned long max,
	   struct perf_list *list)
{
	const char *p = text;
	char valid[96], *end = NULL;

	snprintf(valid, sizeof(valid), "not 1 to %d numbers from %lu to %lu, separated by commas",
		 PERF_MAX_VALUES, min, max);
	*list = (struct perf_list){.given = true};
	do {
		if (list->n == PERF_MAX_VALUES ||
		    parse_number(p, &end, min, max, &list->value[list->n++]) != 0 ||
		    (*end != ',' && *end != '\0'))
			return complain(option, text, valid);
		p = end + 1;
	} while (*end == ',');
	return 0;
}

/* The port that NAME= stands for; what follows is left in *rest. */
static struct perf_port_options *
find_port(struct perf_options *opt, const char *text, const char **rest)
{
	const size_t len = strcspn(text, "=");
	unsigned int i;

	for (i = 0; i < opt->nb_ports; i++)
		if (strlen(opt->port[i].name) == len && strncmp(opt->port[i].name, text, len) == 0) {
			*rest = text + len + (text[len] == '=');
			return &opt->port[i];
		}
	return NULL;
}

static int
parse_port(struct perf_options *opt, const char *text)
{
	const size_t len = strcspn(text, "=");
	struct perf_port_options *port = &opt->port[opt->nb_ports];
	char device[RTE_ETH_NAME_MAX_LEN];
	const char *rest;

	if (text[len] != '=' || len == 0 || len >= sizeof(port->name) ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-") < len)
		return complain("port", text, "not NAME=DEVARGS with a name of letters, digits and _.+-");
	if (find_port(opt, text, &rest) != NULL ||
	    (len == strlen(PERF_FLOOR) && strncmp(text, PERF_FLOOR, len) == 0))
		return complain("port", text, "that name is taken");
	if (opt->nb_ports == PERF_MAX_PORTS)
		return complain("port", text, "there are " RTE_STR(PERF_MAX_PORTS) " ports already");
	rest = text + len + 1;
	if (strlen(rest) >= sizeof(port->devargs) ||
	    perf_devargs_name(rest, device, sizeof(device)) != 0)
		return complain("port", text, "not a device and its arguments");
	snprintf(port->name, sizeof(port->name), "%.*s", (int)len, text);
	snprintf(port->devargs, sizeof(port->devargs), "%s", rest);
	opt->nb_ports++;
	return 0;
}

static int
parse_peer(struct perf_options *opt, const char *text)
{
	char device[RTE_ETH_NAME_MAX_LEN];
	const char *rest;
	struct perf_port_options *port = find_port(opt, text, &rest);

	if (port == NULL)
		return complain("peer", text, "no --port of that name stands before");
	if (strlen(rest) >= sizeof(port->peer) ||
	    perf_devargs_name(rest, device, sizeof(device)) != 0)
		return complain("peer", text, "not a device and its arguments");
	snprintf(port->peer, sizeof(port->peer), "%s", rest);
	return 0;
}

static int
parse_backend(struct perf_options *opt, const char *text)
{
	const char *word;
	struct perf_port_options *port = find_port(opt, text, &word);
	unsigned int i;

	if (port == NULL)
		return complain("backend", text, "no --port of that name stands before");
	for (;; word++) {
		const size_t len = strcspn(word, ",");

		for (i = 0; i < RTE_DIM(backend_words); i++)
			if (strlen(backend_words[i].name) == len &&
			    strncmp(backend_words[i].name, word, len) == 0)
				break;
		if (i == RTE_DIM(backend_words))
			return complain("backend", text,
					"the words are no-in-order, no-mrg-rxbuf, no-indirect and "
					"no-event-idx");
		port->backend_without |= UINT64_C(1) << backend_words[i].bit;
		word += len;
		if (*word == '\0')
			return 0;
	}
}

static int
parse_option(struct perf_options *opt, int c, const char *text)
{
	switch (c) {
	case OPT_PORT:
		return parse_port(opt, text);
	case OPT_PEER:
		return parse_peer(opt, text);
	case OPT_BACKEND:
		return parse_backend(opt, text);
	case OPT_BURST:
		return parse_list("burst", text, 1, PERF_MAX_BURST, &opt->burst);
	case OPT_FRAME:
		return parse_list("frame", text, PERF_MIN_FRAME, PERF_MAX_FRAME, &opt->frame);
	case OPT_RING:
		return parse_list("ring", text, 4, PERF_MAX_RING, &opt->ring);
	case OPT_PAIRS:
		return parse_list("queue-pairs", text, 1, PERF_MAX_PAIRS, &opt->pairs);
	case OPT_ROUNDS:
		return parse_one("rounds", text, 1, 1000000, &opt->rounds);
	case OPT_BURSTS:
		return parse_one("bursts", text, 1, 1000000, &opt->bursts);
	case OPT_WINDOWS:
		return parse_one("windows", text, 1, 1000000, &opt->windows);
	case OPT_WINDOW_MS:
		return parse_one("window-ms", text, 1, 10000, &opt->window_ms);
	case OPT_INFLIGHT:
		return parse_one("inflight", text, 1, PERF_MAX_INFLIGHT, &opt->inflight);
	case OPT_FAST_FREE:
		if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
			return complain("mbuf-fast-free", text, "not on or off");
		opt->fast_free = strcmp(text, "on") == 0;
		return 0;
	case OPT_JSON:
		opt->json = text;
		return 0;
	case OPT_PLOT:
		opt->plot = text;
		return 0;
	default:
		return -EINVAL;
	}
}

static int
parse_mode(struct perf_options *opt, const char *text)
{
	static const struct {
		const char *name;
		enum perf_mode mode;
	} modes[] = {{"solo", PERF_SOLO}, {"pair", PERF_PAIR}, {"sweep", PERF_SWEEP}};
	unsigned int i;

	for (i = 0; i < RTE_DIM(modes); i++)
		if (strcmp(text, modes[i].name) == 0) {
			opt->modes |= modes[i].mode;
			return 0;
		}
	fprintf(stderr, "error: %s is not solo, pair or sweep\n", text);
	return -EINVAL;
}

/* Whether ports are opened again and one does not survive that. */
static bool
zero_copy_again(const struct perf_options *opt, const struct perf_port_options *port)
{
	char value[8];

	return perf_devargs_is(port->devargs, "net_memif") &&
		perf_devargs_get(port->devargs, "zero-copy", value, sizeof(value)) &&
		strcmp(value, "yes") == 0 &&
		((opt->modes & PERF_SWEEP) != 0 || opt->ring.n > 1 || opt->pairs.n > 1);
}

/* What can be judged only when all is known. */
static int
check(struct perf_options *opt, const char *baseline)
{
	char number[16];
	const char *rest;
	unsigned int i;

	if (opt->modes == 0 || opt->nb_ports == 0) {
		fprintf(stderr, "error: %s; --help tells more\n", opt->modes == 0 ?
			"say what to measure: solo, pair or sweep" : "no --port NAME=DEVARGS");
		return -EINVAL;
	}
	for (i = 0; i < opt->nb_ports; i++) {
		const struct perf_port_options *port = &opt->port[i];

		if (perf_devargs_is(port->devargs, "net_memif") && port->peer[0] == '\0')
			return complain("port", port->name, "net_memif needs a --peer");
		if (zero_copy_again(opt, port))
			return complain("port", port->name, "net_memif with zero-copy=yes cannot be "
					"opened twice in a process: give one --ring and one "
					"--queue-pairs, and no sweep");
		if (port->peer[0] != '\0' && port->backend_without != 0)
			return complain("backend", port->name, "that port has a --peer instead");
	}
	if (baseline != NULL) {
		const struct perf_port_options *port = find_port(opt, baseline, &rest);

		if (port == NULL || *rest != '\0')
			return complain("baseline", baseline, "no --port has that name");
		opt->baseline = port - opt->port;
	}
	for (i = 0; i < opt->ring.n && (opt->modes & PERF_PAIR) != 0; i++) {
		if (opt->inflight > opt->ring.value[i]) {
			snprintf(number, sizeof(number), "%u", opt->inflight);
			return complain("inflight", number, "more packets than a ring has descriptors");
		}
	}
	return opt->plot == NULL || perf_plot_possible() ? 0 : -ENOENT;
}

int
perf_options_parse(struct perf_options *opt, int argc, char **argv)
{
	const char *baseline = NULL;
	int c;

	*opt = (struct perf_options){
		.baseline = -1,
		.burst = {{32}, 1, false},
		.frame = {{64}, 1, false},
		.ring = {{256}, 1, false},
		.pairs = {{1}, 1, false},
		.rounds = 300,
		.bursts = 200,
		.windows = 20,
		.window_ms = 50,
		.inflight = 192,
		.fast_free = true,
	};
	optind = 1;
	/* EAL has used getopt before; "-" hands out the modes in between as arguments of 1. */
	while ((c = getopt_long(argc, argv, "-h", long_options, NULL)) != -1) {
		if (c == OPT_HELP || c == 'h') {
			usage();
			return 1;
		}
		if (c == OPT_BASELINE)
			baseline = optarg;
		else if (c == 1 ? parse_mode(opt, optarg) != 0 :
			 parse_option(opt, c, optarg) != 0)
			return -EINVAL;
	}
	for (; optind < argc; optind++)
		if (parse_mode(opt, argv[optind]) != 0)
			return -EINVAL;
	return check(opt, baseline);
}
