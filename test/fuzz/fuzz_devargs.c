/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file Device arguments as a user may write them: any string. */

#include <errno.h>
#include <string.h>

#include "devargs.h"
#include "fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_eal_start();
	return 0;
}

/* The same as arguments, in the words of the guide. */
static void
write_args(const struct pvq_options *opt, char *to, size_t len)
{
	const uint8_t *mac = opt->mac.addr_bytes;
	size_t used;

	used = snprintf(to, len, "path=%s,server=%d,queue_size=%u,mrg_rxbuf=%d,in_order=%d,"
			"event_idx=%d,speed=%u,isa=%s",
			opt->path, opt->server, opt->queue_size, opt->mrg_rxbuf, opt->in_order,
			opt->event_idx, opt->speed, pvq_isa_name(opt->isa));
	if (opt->queues != 0)
		used += snprintf(to + used, len - used, ",queues=%u", opt->queues);
	if (opt->has_mac)
		used += snprintf(to + used, len - used, ",mac=%02x:%02x:%02x:%02x:%02x:%02x",
				 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	FUZZ_CHECK(used < len, "%zu", used);
}

static void
check_options(const struct pvq_options *opt)
{
	const size_t len = strnlen(opt->path, sizeof(opt->path));

	FUZZ_CHECK(len > 0 && len < sizeof(opt->path), "path of %zu", len);
	FUZZ_CHECK(opt->queues <= PVQ_MAX_PAIRS, "%u", opt->queues);
	FUZZ_CHECK(opt->queue_size >= 1 && opt->queue_size <= VIRTQ_PACKED_SIZE_MAX, "%u",
		   opt->queue_size);
	FUZZ_CHECK(opt->speed != 0, "speed");
	FUZZ_CHECK(opt->isa <= PVQ_ISA_AUTO, "%d", opt->isa);
	FUZZ_CHECK(opt->isa == PVQ_ISA_AUTO || pvq_isa_usable(opt->isa), "%d", opt->isa);
	FUZZ_CHECK(!opt->has_mac || rte_is_valid_assigned_ether_addr(&opt->mac), "MAC");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pvq_options opt, again;
	char args[512];
	char *text = malloc(size + 1);
	int ret;

	FUZZ_CHECK(text != NULL, "no memory");
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&opt, 0xa5, sizeof(opt));
	ret = pvq_devargs_parse("net_pvq0", size != 0 ? text : NULL, false, &opt);
	/* Of these nothing is known but that they end. */
	pvq_devargs_wish(text);
	pvq_devargs_parse("0000:00:01.0", text, true, &again);
	free(text);
	FUZZ_CHECK(ret == 0 || ret == -EINVAL, "%d", ret);
	if (ret != 0)
		return 0;
	check_options(&opt);
	/* Lists and brackets have a meaning that a path written back would not have. */
	if (strpbrk(opt.path, "[],=()\"") != NULL)
		return 0;
	write_args(&opt, args, sizeof(args));
	FUZZ_CHECK(pvq_devargs_parse("net_pvq0", args, false, &again) == 0, "%s", args);
	FUZZ_CHECK(strcmp(opt.path, again.path) == 0 && opt.server == again.server &&
			   opt.queues == again.queues && opt.queue_size == again.queue_size &&
			   opt.has_mac == again.has_mac && opt.mrg_rxbuf == again.mrg_rxbuf &&
			   opt.in_order == again.in_order && opt.event_idx == again.event_idx &&
			   opt.speed == again.speed && opt.isa == again.isa &&
			   (!opt.has_mac || rte_is_same_ether_addr(&opt.mac, &again.mac)),
		   "%s", args);
	return 0;
}
