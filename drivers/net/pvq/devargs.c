/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_kvargs.h>

#include "devargs.h"
#include "log.h"

#define COMMON_KEYS \
	"queues", "queue_size", "mac", "mrg_rxbuf", "in_order", "event_idx", "speed", "isa", NULL

static const char *const vdev_keys[] = {"path", "server", COMMON_KEYS};
static const char *const pci_keys[] = {"driver", COMMON_KEYS};

struct parse {
	const char *name;
	struct pvq_options *opt;
};

static int
bad(const struct parse *p, const char *key, const char *value, const char *valid)
{
	PVQ_LOG(ERR, p->name, "%s=%s is not valid: %s", key, value != NULL ? value : "", valid);
	return -EINVAL;
}

static int
parse_number(const char *text, unsigned long min, unsigned long max, unsigned long *value)
{
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*value = strtoul(text, &end, 0);
	return errno != 0 || *end != '\0' || *value < min || *value > max ? -EINVAL : 0;
}

static int
parse_switch(const struct parse *p, const char *key, const char *value, bool *to)
{
	unsigned long v;

	if (parse_number(value, 0, 1, &v) != 0)
		return bad(p, key, value, "0 or 1");
	*to = v != 0;
	return 0;
}

static int
parse_path(const struct parse *p, const char *key, const char *value)
{
	if (value == NULL || *value == '\0')
		return bad(p, key, value, "the vhost-user socket, for instance /run/vhost.sock");
	if (strlen(value) >= sizeof(p->opt->path))
		return bad(p, key, value, "a unix socket's path has 107 characters at most");
	snprintf(p->opt->path, sizeof(p->opt->path), "%s", value);
	return 0;
}

static int
parse_mac(const struct parse *p, const char *key, const char *value)
{
	if (value == NULL || rte_ether_unformat_addr(value, &p->opt->mac) != 0 ||
	    !rte_is_valid_assigned_ether_addr(&p->opt->mac))
		return bad(p, key, value, "a unicast address such as 02:00:00:00:00:01");
	p->opt->has_mac = true;
	return 0;
}

static int
parse_speed(const struct parse *p, const char *key, const char *value)
{
	unsigned long v;

	if (parse_number(value, 1, UINT32_MAX - 1, &v) != 0 ||
	    rte_eth_speed_bitflag(v, RTE_ETH_LINK_FULL_DUPLEX) == 0)
		return bad(p, key, value,
			   "a speed in Mbit/s that ethdev knows: 10, 100, 1000, 2500, 5000, 10000, "
			   "20000, 25000, 40000, 50000, 56000, 100000, 200000");
	p->opt->speed = v;
	return 0;
}

static int
parse_isa(const struct parse *p, const char *key, const char *value)
{
	if (value == NULL || pvq_isa_parse(value, &p->opt->isa) != 0)
		return bad(p, key, value, "one of " PVQ_ISA_NAMES);
	if (p->opt->isa != PVQ_ISA_AUTO && !pvq_isa_usable(p->opt->isa))
		return bad(p, key, value, "only on a processor that has it; auto takes the best");
	return 0;
}

static int
parse_one(const char *key, const char *value, void *arg)
{
	const struct parse *p = arg;
	struct pvq_options *opt = p->opt;
	unsigned long v;

	if (strcmp(key, "path") == 0)
		return parse_path(p, key, value);
	if (strcmp(key, "mac") == 0)
		return parse_mac(p, key, value);
	if (strcmp(key, "speed") == 0)
		return parse_speed(p, key, value);
	if (strcmp(key, "server") == 0)
		return parse_switch(p, key, value, &opt->server);
	if (strcmp(key, "mrg_rxbuf") == 0)
		return parse_switch(p, key, value, &opt->mrg_rxbuf);
	if (strcmp(key, "in_order") == 0)
		return parse_switch(p, key, value, &opt->in_order);
	if (strcmp(key, "event_idx") == 0)
		return parse_switch(p, key, value, &opt->event_idx);
	if (strcmp(key, "isa") == 0)
		return parse_isa(p, key, value);
	if (strcmp(key, "driver") == 0)
		return 0;
	if (strcmp(key, "queues") == 0) {
		if (parse_number(value, 1, PVQ_MAX_PAIRS, &v) != 0)
			return bad(p, key, value, "1 to " RTE_STR(PVQ_MAX_PAIRS) " queue pairs");
		opt->queues = v;
		return 0;
	}
	if (parse_number(value, 1, VIRTQ_PACKED_SIZE_MAX, &v) != 0)
		return bad(p, key, value, "1 to 32768 descriptors");
	opt->queue_size = v;
	return 0;
}

int
pvq_devargs_parse(const char *name, const char *args, bool pci, struct pvq_options *opt)
{
	struct parse p = {.name = name, .opt = opt};
	struct rte_kvargs *list;
	int ret;

	*opt = (struct pvq_options){
		.queue_size = PVQ_DEFAULT_QUEUE_SIZE,
		.mrg_rxbuf = true,
		.in_order = true,
		.event_idx = true,
		.speed = PVQ_DEFAULT_SPEED,
		.isa = PVQ_ISA_AUTO,
	};
	list = rte_kvargs_parse(args != NULL ? args : "", pci ? pci_keys : vdev_keys);
	if (list == NULL) {
		PVQ_LOG(ERR, name, "bad device arguments \"%s\"; valid are %s", args,
			pci ? PVQ_PCI_PARAM_STRING : PVQ_PARAM_STRING);
		return -EINVAL;
	}
	ret = rte_kvargs_process(list, NULL, parse_one, &p);
	rte_kvargs_free(list);
	if (ret != 0)
		return -EINVAL;
	if (!pci && opt->path[0] == '\0') {
		PVQ_LOG(ERR, name, "path= is missing: the vhost-user socket, for instance "
				   "--vdev net_pvq0,path=/run/vhost.sock");
		return -EINVAL;
	}
	return 0;
}

static int
parse_wish(const char *key, const char *value, void *arg)
{
	enum pvq_wish *wish = arg;

	RTE_SET_USED(key);
	*wish = value != NULL && strcmp(value, "net_pvq") == 0 ? PVQ_WISH_PVQ : PVQ_WISH_OTHER;
	return 0;
}

enum pvq_wish
pvq_devargs_wish(const char *args)
{
	struct rte_kvargs *list = args != NULL ? rte_kvargs_parse(args, NULL) : NULL;
	enum pvq_wish wish = PVQ_WISH_NONE;

	/* Arguments that cannot be parsed are told of by whoever takes the device. */
	if (list == NULL)
		return wish;
	rte_kvargs_process(list, "driver", parse_wish, &wish);
	rte_kvargs_free(list);
	return wish;
}
