/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include "diff_rx.h"

static const struct rx_choices *now;
/* What the device sends, of which every packet is a part. */
static uint8_t bytes[2 * RX_LEN_MAX];

void
diff_rx_device_start(const struct rx_choices *choices)
{
	uint32_t i;

	now = choices;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = diff_rand();
}

static void
junk_hdr(struct pd_net_hdr *hdr)
{
	*hdr = (struct pd_net_hdr){
		.flags = diff_rand(),
		.gso_type = diff_rand(),
		.hdr_len = diff_rand(),
		.gso_size = diff_rand(),
		.csum_start = diff_rand(),
		.csum_offset = diff_rand(),
	};
}

/* What a device may do with a packet of @len bytes. */
static struct pd_rx_opts
honest_opts(uint32_t *len)
{
	const uint32_t room = now->pool == 0 ? DIFF_DATA_0 : DIFF_DATA_1;
	struct pd_rx_opts o = {
		.order = now->habits.order,
		.seed = diff_rand(),
		/* Without WRITE the model's junk goes into the length too. */
		.no_write = !now->poison && diff_chance(8),
		.stage = now->habits.stage && diff_chance(2),
	};

	*len = diff_chance(8) ? room : diff_below(room + 1);
	if (now->mode.mergeable && diff_chance(now->several)) {
		o.min_parts = 1 + diff_below(4);
		*len = diff_chance(2) ? o.min_parts + diff_below(room) : diff_below(RX_LEN_MAX);
		o.min_parts = RTE_MIN(o.min_parts, *len + 1);
		if (o.min_parts > 1 && !o.stage && diff_chance(4))
			o.withhold = diff_below(o.min_parts);
		/* All parts but the last are full then, as they are without min_parts. */
		if (now->habits.batch && !o.stage && o.withhold == 0 && diff_chance(2)) {
			o.min_parts = 0;
			o.batch = true;
			o.no_write = false;
		}
	}
	return o;
}

static int
send_packet(const struct pd_rx_opts *o, uint32_t len)
{
	/* Packets that follow each other differ from their first byte on. */
	const uint8_t *data = bytes + diff.made++ % RX_LEN_MAX;
	const int ref = pd_rx_packet(diff.side[DIFF_REF].dev, data, len, o);

	diff_same("buffers used for a packet", ref,
		  pd_rx_packet(diff.side[DIFF_SUB].dev, data, len, o));
	return ref;
}

/* Packets that fill their buffers, and a last one that need not, by one used descriptor. */
static int
send_batch(uint32_t count)
{
	const uint32_t room = now->pool == 0 ? DIFF_DATA_0 : DIFF_DATA_1;
	struct pd_pkt pkts[32];
	uint32_t i;
	int ref;

	count = RTE_MIN(count, RTE_DIM(pkts));
	for (i = 0; i < count; i++)
		pkts[i] = (struct pd_pkt){bytes + diff.made++ % RX_LEN_MAX, room};
	pkts[count - 1].len = diff_below(room + 1);
	ref = pd_rx_batch(diff.side[DIFF_REF].dev, pkts, count);
	diff_same("batch of packets", ref, pd_rx_batch(diff.side[DIFF_SUB].dev, pkts, count));
	return ref == 0 ? (int)count : ref;
}

void
diff_rx_send(uint32_t packets)
{
	struct pd_net_hdr hdr;
	struct pd_rx_opts o;
	uint32_t len, i;
	int ret;

	for (i = 0; i < packets; i++) {
		if (now->habits.batch && diff_chance(4)) {
			ret = send_batch(1 + diff_below(12));
		} else {
			o = honest_opts(&len);
			if (diff_chance(4)) {
				junk_hdr(&hdr);
				o.hdr = &hdr;
			}
			ret = send_packet(&o, len);
		}
		if (ret < 0)
			break;
	}
}

void
diff_rx_lie_packet(void)
{
	static const uint32_t lens[] = {0, 1, 11, 12, 13, 65535, 65536, 65548, UINT32_MAX - 11,
					UINT32_MAX};
	const uint32_t room = now->pool == 0 ? DIFF_DATA_0 : DIFF_DATA_1;
	struct pd_rx_opts o = {.order = now->habits.order, .seed = diff_rand()};

	if (diff_chance(2)) {
		o.set_num_buffers = true;
		o.num_buffers = diff_chance(2) ? diff_below(6) : diff_rand();
	} else {
		o.set_len = true;
		o.len = diff_chance(2) ? room + PD_NET_HDR_BYTES + diff_below(3) :
			diff_chance(2) ? 65536 + diff_below(room) : lens[diff_below(RTE_DIM(lens))];
	}
	send_packet(&o, diff_below(room));
	diff.seen[DIFF_LIES]++;
	diff.lied = true;
}
