/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file Commands of the control queue: what each has to look like, and what it does (NT-19 to 26). */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vpm_device_priv.h"

/* Features that offload commands name by their own bits; tunnels (46, 47) are not offered here. */
#define OFFLOADS (1ull << 1 | 0xfull << 7 | 3ull << 54)
#define VLAN_IDS 4096u

__attribute__((format(printf, 3, 4))) static bool
wrong(struct vpd *d, const char *id, const char *format, ...)
{
	va_list args;
	char text[96];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vhu_report(d->net, id, vpd_control_index(d), "%s", text);
	return false;
}

static uint16_t
get16(const uint8_t *at)
{
	return at[0] | at[1] << 8;
}

static uint32_t
get32(const uint8_t *at)
{
	return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static bool
set_mode(struct vpd *d, const struct vpd_command *c)
{
	bool *const mode[] = {&d->state.promisc, &d->state.allmulti, &d->state.alluni,
			      &d->state.nomulti, &d->state.nouni, &d->state.nobcast};

	if (c->command > 5)
		return wrong(d, "NT-19", "rx mode %u is unknown", c->command);
	if (!vpm_has(&d->regs, c->command < 2 ? VPD_F_CTRL_RX : VPD_F_CTRL_RX_EXTRA))
		return wrong(d, "NT-19", "rx mode %u without its feature", c->command);
	if (c->len != 1 || c->data[0] > 1)
		return wrong(d, "NT-19", "rx mode %u with %u bytes, %u", c->command, c->len,
			     c->data[0]);
	*mode[c->command] = c->data[0];
	return true;
}

/* One of the two tables. @return bytes that it takes, 0 when it does not fit. */
static uint32_t
get_table(const uint8_t *from, uint32_t len, uint32_t *n, uint8_t table[][6])
{
	uint32_t i;

	if (len < 4)
		return 0;
	*n = get32(from);
	if (*n > (len - 4) / 6)
		return 0;
	for (i = 0; i < *n && i < VPD_MACS; i++)
		memcpy(table[i], from + 4 + 6 * i, 6);
	return 4 + 6 * *n;
}

static bool
set_macs(struct vpd *d, const struct vpd_command *c)
{
	struct vpd_state *s = &d->state;
	uint32_t first, second = 0;

	if (c->command == 1) {
		if (!vpm_has(&d->regs, VPD_F_CTRL_MAC_ADDR) || c->len != 6)
			return wrong(d, "NT-20", "address of %u bytes, or without CTRL_MAC_ADDR",
				     c->len);
		memcpy(s->mac, c->data, sizeof(s->mac));
		memcpy(d->regs.conf.config, c->data, sizeof(s->mac));
		return true;
	}
	if (c->command != 0 || !vpm_has(&d->regs, VPD_F_CTRL_RX))
		return wrong(d, "NT-20", "command %u, or table without CTRL_RX", c->command);
	if (c->len > VPD_COMMAND_BYTES)
		return false;
	first = get_table(c->data, c->len, &s->nb_unicast, s->unicast);
	if (first != 0)
		second = get_table(c->data + first, c->len - first, &s->nb_multicast,
				   s->multicast);
	if (second == 0 || first + second != c->len) {
		s->nb_unicast = s->nb_multicast = 0;
		return wrong(d, "NT-20", "tables do not fit %u bytes", c->len);
	}
	/* More than are kept cannot be told apart. */
	return s->nb_unicast <= VPD_MACS && s->nb_multicast <= VPD_MACS;
}

static bool
set_vlan(struct vpd *d, const struct vpd_command *c)
{
	const uint16_t id = get16(c->data);

	if (!vpm_has(&d->regs, VPD_F_CTRL_VLAN) || c->command > 1 || c->len != 2 || id >= VLAN_IDS)
		return wrong(d, "NT-21", "command %u, %u bytes, id %u", c->command, c->len, id);
	if (c->command == 0)
		d->state.vlan[id / 8] |= 1 << id % 8;
	else
		d->state.vlan[id / 8] &= ~(1 << id % 8);
	return true;
}

static bool
acknowledge(struct vpd *d, const struct vpd_command *c)
{
	if (!vpm_has(&d->regs, VPD_F_GUEST_ANNOUNCE) || c->command != 0 || c->len != 0)
		return wrong(d, "NT-22", "command %u, %u bytes", c->command, c->len);
	d->regs.conf.config[VPD_AT_STATUS] &= ~VPD_S_ANNOUNCE;
	d->state.announced++;
	return true;
}

static bool
set_pairs(struct vpd *d, const struct vpd_command *c)
{
	const uint16_t pairs = get16(c->data);
	uint16_t i;

	if (!vpm_has(&d->regs, VHU_F_MQ) || c->command != 0 || c->len != 2)
		return wrong(d, "NT-23", "command %u, %u bytes", c->command, c->len);
	if (pairs == 0 || pairs > d->conf.net.queue_pairs)
		return wrong(d, "NT-23", "%u pairs of %u", pairs, d->conf.net.queue_pairs);
	for (i = 0; i < 2 * pairs; i++)
		if (!d->regs.queue[i].enabled)
			return wrong(d, "NT-23", "%u pairs, and queue %u is not set up", pairs, i);
	d->state.pairs = pairs;
	vpd_follow_registers(d);
	return true;
}

static bool
set_offloads(struct vpd *d, const struct vpd_command *c)
{
	const uint64_t wanted = get32(c->data) | (uint64_t)get32(c->data + 4) << 32;

	if (!vpm_has(&d->regs, VPD_F_CTRL_GUEST_OFFLOADS) || c->command != 0 || c->len != 8)
		return wrong(d, "NT-26", "command %u, %u bytes", c->command, c->len);
	if ((wanted & ~(d->regs.driver_features & OFFLOADS)) != 0)
		return wrong(d, "NT-26", "offloads %#llx are not negotiated",
			     (unsigned long long)wanted);
	d->state.offloads = wanted;
	return true;
}

bool
vpd_execute(struct vpd *d, const struct vpd_command *c)
{
	switch (c->class) {
	case 0:
		return set_mode(d, c);
	case 1:
		return set_macs(d, c);
	case 2:
		return set_vlan(d, c);
	case 3:
		return acknowledge(d, c);
	case 4:
		return set_pairs(d, c);
	case 5:
		return set_offloads(d, c);
	default:
		return wrong(d, "NT-18", "class %u is unknown", c->class);
	}
}

static bool
is_in(const uint8_t table[][6], uint32_t n, const uint8_t *mac)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (memcmp(table[i], mac, 6) == 0)
			return true;
	return false;
}

static bool
lets_address_in(const struct vpd *d, const uint8_t *mac)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const struct vpd_state *s = &d->state;

	if (!vpm_has(&d->regs, VPD_F_CTRL_RX) || s->promisc)
		return true;
	if (memcmp(mac, broadcast, 6) == 0)
		return !s->nobcast;
	if (mac[0] & 1)
		return !s->nomulti &&
		       (s->allmulti || is_in(s->multicast, s->nb_multicast, mac));
	return !s->nouni && (s->alluni || memcmp(s->mac, mac, 6) == 0 ||
			     is_in(s->unicast, s->nb_unicast, mac));
}

static bool
lets_vlan_in(const struct vpd *d, const uint8_t *frame, uint32_t len)
{
	uint16_t id;

	if (!vpm_has(&d->regs, VPD_F_CTRL_VLAN) || d->state.promisc || len < 16 ||
	    frame[12] != 0x81 || frame[13] != 0)
		return true;
	id = (frame[14] & 0x0f) << 8 | frame[15];
	return d->state.vlan[id / 8] >> id % 8 & 1;
}

int
vpd_send(struct vpd *d, uint32_t pair, const void *frame, uint32_t len)
{
	bool in;

	vpd_lock(d);
	in = len >= 14 && lets_address_in(d, frame) && lets_vlan_in(d, frame, len);
	vpd_unlock(d);
	return in ? vhu_backend_send(d->net, pair, frame, len) : -EACCES;
}
