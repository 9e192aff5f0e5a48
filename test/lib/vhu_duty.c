/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include "vhu_duty.h"

#define BIT(n) (1ull << (n))

/** One row of the table of feature dependencies. */
struct rule {
	const char *id;
	uint64_t feature;
	uint64_t all; /**< needs every one of these */
	uint64_t any; /**< and one of these, if any are named */
};

/* Numbers of the virtio specification, "Network Device, Feature bits". MQ is not listed: with
 * vhost-user the control queue that it depends on ends in the driver, not in the backend.
 */
static const struct rule rules[] = {
	{ "FD-01", BIT(7), BIT(1), 0 },          /* GUEST_TSO4: GUEST_CSUM */
	{ "FD-01", BIT(8), BIT(1), 0 },          /* GUEST_TSO6 */
	{ "FD-01", BIT(10), BIT(1), 0 },         /* GUEST_UFO */
	{ "FD-01", BIT(54), BIT(1), 0 },         /* GUEST_USO4 */
	{ "FD-01", BIT(55), BIT(1), 0 },         /* GUEST_USO6 */
	{ "FD-02", BIT(9), 0, BIT(7) | BIT(8) }, /* GUEST_ECN: GUEST_TSO4 or TSO6 */
	{ "FD-04", BIT(11), BIT(0), 0 },         /* HOST_TSO4: CSUM */
	{ "FD-04", BIT(12), BIT(0), 0 },         /* HOST_TSO6 */
	{ "FD-04", BIT(14), BIT(0), 0 },         /* HOST_UFO */
	{ "FD-04", BIT(56), BIT(0), 0 },         /* HOST_USO */
	{ "FD-05", BIT(13), 0, BIT(11) | BIT(12) }, /* HOST_ECN: HOST_TSO4 or TSO6 */
	{ "FD-07", BIT(18), BIT(17), 0 },        /* CTRL_RX: CTRL_VQ */
	{ "FD-07", BIT(19), BIT(17), 0 },        /* CTRL_VLAN */
	{ "FD-07", BIT(21), BIT(17), 0 },        /* GUEST_ANNOUNCE */
	{ "FD-07", BIT(23), BIT(17), 0 },        /* CTRL_MAC_ADDR */
	{ "FD-07", BIT(52), BIT(17), 0 },        /* VQ_NOTF_COAL */
	{ "FD-07", BIT(53), BIT(17), 0 },        /* NOTF_COAL */
	{ "FD-07", BIT(60), BIT(17), 0 },        /* RSS */
	{ "FD-08", BIT(51), BIT(17), BIT(57) | BIT(60) }, /* HASH_TUNNEL: RSS or HASH_REPORT */
	{ "FD-10", BIT(61), 0, BIT(11) | BIT(12) }, /* RSC_EXT: HOST_TSO4 or TSO6 */
	{ "FD-11", BIT(20), BIT(17), 0 },        /* CTRL_RX_EXTRA */
	{ "FD-11", BIT(57), BIT(17), 0 },        /* HASH_REPORT */
	{ "FD-12", BIT(2), BIT(17), 0 },         /* CTRL_GUEST_OFFLOADS */
};

/* 24 and 27 are legacy only, 37 needs a capability that vhost-user does not have, 44 to 49 are
 * reserved. 30 is vhost-user's own and welcome here.
 */
#define NEVER (BIT(24) | BIT(27) | BIT(37) | 0x3full << 44)

void
vhu_duty_features(struct vhu_backend *b, uint64_t features)
{
	const struct rule *r;
	uint32_t i;

	if (b->status & VHU_STATUS_FEATURES_OK)
		vhu_report(b, "IN-06", VHU_NO_VRING, "features set after FEATURES_OK");
	if (features & ~b->cfg.features)
		vhu_report(b, "IN-04", VHU_NO_VRING, "features 0x%llx accepted but not offered",
			   (unsigned long long)(features & ~b->cfg.features));
	if (!(features & VHU_F_VERSION_1))
		vhu_report(b, "IN-05", VHU_NO_VRING, "VERSION_1 not accepted");
	if (!(features & VHU_F_RING_PACKED))
		vhu_report(b, "IN-05", VHU_NO_VRING, "RING_PACKED not accepted");
	if (features & NEVER)
		vhu_report(b, "IN-13", VHU_NO_VRING, "features 0x%llx are never to be accepted",
			   (unsigned long long)(features & NEVER));
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		r = &rules[i];
		if (!(features & r->feature))
			continue;
		if ((features & r->all) != r->all || (r->any != 0 && !(features & r->any)))
			vhu_report(b, r->id, VHU_NO_VRING, "feature 0x%llx without what it requires",
				   (unsigned long long)r->feature);
	}
}

/* The driver waits for the answer to DRIVER_OK, so what its eventfds show now was sent before. */
static void
check_early_notifications(struct vhu_backend *b)
{
	uint32_t i;

	if (b->connections != 1)
		return;
	for (i = 0; i < 2 * b->cfg.queue_pairs; i++)
		if (vhu_backend_notified(b, i) > 0)
			vhu_report(b, "PR-34", i, "notified before DRIVER_OK");
}

void
vhu_duty_status(struct vhu_backend *b, uint8_t status, bool waits)
{
	static const uint8_t order[] = { VHU_STATUS_ACKNOWLEDGE, VHU_STATUS_DRIVER,
					 VHU_STATUS_FEATURES_OK, VHU_STATUS_DRIVER_OK };
	uint32_t i;

	if (status == 0)
		return;
	if (b->status & VHU_STATUS_FAILED)
		vhu_report(b, "IN-07", VHU_NO_VRING, "status 0x%02x after FAILED without reset", status);
	if (b->status & ~status)
		vhu_report(b, "IN-01", VHU_NO_VRING, "status 0x%02x takes bits away from 0x%02x",
			   status, b->status);
	if (status & VHU_STATUS_NEEDS_RESET & ~b->status)
		vhu_report(b, "IN-01", VHU_NO_VRING, "driver sets NEEDS_RESET");
	for (i = 1; i < sizeof(order); i++)
		if ((status & order[i]) && !(status & order[i - 1]))
			vhu_report(b, "IN-01", VHU_NO_VRING, "status 0x%02x skips 0x%02x", status,
				   order[i - 1]);
	if ((status & VHU_STATUS_FEATURES_OK & ~b->status) && !b->features_set)
		vhu_report(b, "IN-01", VHU_NO_VRING, "FEATURES_OK before features");
	if ((status & VHU_STATUS_DRIVER_OK) && b->cfg.refuse_features_ok)
		vhu_report(b, "IN-03", VHU_NO_VRING, "DRIVER_OK though FEATURES_OK was refused");
	if ((status & VHU_STATUS_DRIVER_OK & ~b->status) && waits)
		check_early_notifications(b);
}

void
vhu_duty_config_write(struct vhu_backend *b)
{
	if (b->cfg.protocol_features & VHU_PF_STATUS && !(b->status & VHU_STATUS_FEATURES_OK))
		vhu_report(b, "IN-06", VHU_NO_VRING, "configuration written before FEATURES_OK");
	vhu_report(b, "NT-30", VHU_NO_VRING, "configuration space written");
}

void
vhu_duty_mtu(struct vhu_backend *b, uint64_t mtu)
{
	if (b->features_set && !(b->features & VHU_F_MTU))
		vhu_report(b, "VU", VHU_NO_VRING, "NET_SET_MTU without the MTU feature");
	if (mtu < 68 || mtu > 65535)
		vhu_report(b, "NT-10", VHU_NO_VRING, "mtu %llu", (unsigned long long)mtu);
}
