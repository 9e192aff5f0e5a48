/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vhu_duty.h"
#include "vhu_priv.h"

#define VRING_ADDR_BYTES 40u
#define REGION_MSG_BYTES 40u
#define CONFIG_HDR_BYTES 12u

/**
 * Handle one request.
 *
 * @return
 *   0 or -errno; of a request with an answer: the payload is the answer, msg->size its length.
 */
typedef int (*handler_t)(struct vhu_backend *b, struct vhu_msg *msg);

struct request {
	handler_t handle;
	uint64_t needs; /**< protocol feature without which the driver must not send it */
	uint32_t size;  /**< least payload in bytes */
	bool answers;   /**< by a message of its own, not by an acknowledgement */
};

static int
answer_u64(struct vhu_msg *msg, uint64_t value)
{
	msg->u64[0] = value;
	msg->size = sizeof(value);
	return 0;
}

static int
get_features(struct vhu_backend *b, struct vhu_msg *msg)
{
	b->features_asked = true;
	return answer_u64(msg, b->cfg.features);
}

static int
set_features(struct vhu_backend *b, struct vhu_msg *msg)
{
	vhu_duty_features(b, msg->u64[0]);
	b->features = msg->u64[0];
	b->features_set = true;
	vhu_vring_update_all(b);
	return b->features & ~b->cfg.features ? -EINVAL : 0;
}

static int
get_protocol_features(struct vhu_backend *b, struct vhu_msg *msg)
{
	if (!(b->cfg.features & VHU_F_PROTOCOL_FEATURES) || !b->features_asked)
		vhu_report(b, "VU", VHU_NO_VRING, "GET_PROTOCOL_FEATURES not seen to be offered");
	return answer_u64(msg, b->cfg.protocol_features);
}

static int
set_protocol_features(struct vhu_backend *b, struct vhu_msg *msg)
{
	b->protocol_features = msg->u64[0];
	if (!(b->protocol_features & ~b->cfg.protocol_features))
		return 0;
	vhu_report(b, "VU", VHU_NO_VRING, "protocol features 0x%llx accepted but not offered",
		   (unsigned long long)(b->protocol_features & ~b->cfg.protocol_features));
	return -EINVAL;
}

static int
set_owner(struct vhu_backend *b, struct vhu_msg *msg)
{
	(void)msg;
	if (b->owned)
		vhu_report(b, "VU", VHU_NO_VRING, "SET_OWNER twice");
	b->owned = true;
	return 0;
}

static int
reset_owner(struct vhu_backend *b, struct vhu_msg *msg)
{
	(void)msg;
	vhu_vring_reset_all(b);
	b->owned = false;
	return 0;
}

static int
reset_device(struct vhu_backend *b, struct vhu_msg *msg)
{
	(void)msg;
	vhu_vring_reset_all(b);
	b->status = 0;
	b->features_set = false;
	return 0;
}

static int
tolerate(struct vhu_backend *b, struct vhu_msg *msg)
{
	(void)b;
	(void)msg;
	return 0;
}

static int
set_log_base(struct vhu_backend *b, struct vhu_msg *msg)
{
	(void)b;
	return answer_u64(msg, 0);
}

static uint32_t
claimed_pairs(const struct vhu_backend *b)
{
	return b->cfg.claimed_pairs != UINT32_MAX ? b->cfg.claimed_pairs : b->cfg.queue_pairs;
}

static int
get_queue_num(struct vhu_backend *b, struct vhu_msg *msg)
{
	return answer_u64(msg, claimed_pairs(b));
}

static int
get_max_mem_slots(struct vhu_backend *b, struct vhu_msg *msg)
{
	return answer_u64(msg, b->cfg.mem_slots);
}

static int
net_set_mtu(struct vhu_backend *b, struct vhu_msg *msg)
{
	vhu_duty_mtu(b, msg->u64[0]);
	b->mtu = msg->u64[0];
	return 0;
}

static int
set_backend_req_fd(struct vhu_backend *b, struct vhu_msg *msg)
{
	if (msg->nfds != 1) {
		vhu_report(b, "VU", VHU_NO_VRING, "SET_BACKEND_REQ_FD with %u descriptors", msg->nfds);
		return -EINVAL;
	}
	if (b->driver_fd >= 0)
		close(b->driver_fd);
	b->driver_fd = msg->fds[0];
	msg->fds[0] = -1;
	return 0;
}

static void
put_le(uint8_t *at, uint64_t value, uint32_t bytes)
{
	while (bytes-- > 0) {
		*at++ = value & 0xff;
		value >>= 8;
	}
}

/* Payload {offset, size, flags, bytes}; an empty answer says no. */
static int
get_config(struct vhu_backend *b, struct vhu_msg *msg)
{
	uint8_t space[VHU_CONFIG_BYTES] = { 0 };
	uint32_t offset = msg->u32[0], size = msg->u32[1];

	/* Virtio specification, "Network Device, Device configuration layout". */
	memcpy(space, b->cfg.mac, 6);
	put_le(space + 6, b->cfg.status, 2);
	put_le(space + 8, b->cfg.queue_pairs, 2);
	put_le(space + 10, b->cfg.mtu, 2);
	put_le(space + 12, b->cfg.speed, 4);
	put_le(space + 16, b->cfg.duplex, 1);
	if (size > sizeof(space) || offset > sizeof(space) - size ||
	    msg->size != CONFIG_HDR_BYTES + size) {
		vhu_report(b, "VU", VHU_NO_VRING, "GET_CONFIG of %u bytes at %u in a payload of %u",
			   size, offset, msg->size);
		return -EINVAL;
	}
	memcpy(msg->bytes + CONFIG_HDR_BYTES, space + offset, size);
	return 0;
}

static int
set_config(struct vhu_backend *b, struct vhu_msg *msg)
{
	(void)msg;
	vhu_duty_config_write(b);
	return 0;
}

static int
set_status(struct vhu_backend *b, struct vhu_msg *msg)
{
	uint8_t status = msg->u64[0];

	vhu_duty_status(b, status, (msg->flags & VHU_NEED_REPLY) &&
			(b->protocol_features & VHU_PF_REPLY_ACK));
	if (status == 0)
		return reset_device(b, msg);
	if (b->cfg.refuse_features_ok)
		status &= ~VHU_STATUS_FEATURES_OK;
	b->status = status;
	vhu_vring_update_all(b);
	return 0;
}

static int
get_status(struct vhu_backend *b, struct vhu_msg *msg)
{
	return answer_u64(msg, b->status);
}

static const struct request requests[VHU_REQUEST_END] = {
	[VHU_GET_FEATURES] = { get_features, 0, 0, true },
	[VHU_SET_FEATURES] = { set_features, 0, 8, false },
	[VHU_SET_OWNER] = { set_owner, 0, 0, false },
	[VHU_RESET_OWNER] = { reset_owner, 0, 0, false },
	[VHU_SET_MEM_TABLE] = { vhu_mem_set, 0, 8, false },
	[VHU_SET_LOG_BASE] = { set_log_base, VHU_PF_LOG_SHMFD, 16, true },
	[VHU_SET_LOG_FD] = { tolerate, 0, 0, false },
	[VHU_SET_VRING_NUM] = { vhu_msg_set_vring_num, 0, 8, false },
	[VHU_SET_VRING_ADDR] = { vhu_msg_set_vring_addr, 0, VRING_ADDR_BYTES, false },
	[VHU_SET_VRING_BASE] = { vhu_msg_set_vring_base, 0, 8, false },
	[VHU_GET_VRING_BASE] = { vhu_msg_get_vring_base, 0, 8, true },
	[VHU_SET_VRING_KICK] = { vhu_msg_set_vring_kick, 0, 8, false },
	[VHU_SET_VRING_CALL] = { vhu_msg_set_vring_call, 0, 8, false },
	[VHU_SET_VRING_ERR] = { vhu_msg_set_vring_err, 0, 8, false },
	[VHU_GET_PROTOCOL_FEATURES] = { get_protocol_features, 0, 0, true },
	[VHU_SET_PROTOCOL_FEATURES] = { set_protocol_features, 0, 8, false },
	[VHU_GET_QUEUE_NUM] = { get_queue_num, VHU_PF_MQ, 0, true },
	[VHU_SET_VRING_ENABLE] = { vhu_msg_set_vring_enable, 0, 8, false },
	[VHU_SEND_RARP] = { tolerate, VHU_PF_RARP, 8, false },
	[VHU_NET_SET_MTU] = { net_set_mtu, VHU_PF_NET_MTU, 8, false },
	[VHU_SET_BACKEND_REQ_FD] = { set_backend_req_fd, VHU_PF_BACKEND_REQ, 0, false },
	[VHU_GET_CONFIG] = { get_config, VHU_PF_CONFIG, CONFIG_HDR_BYTES, true },
	[VHU_SET_CONFIG] = { set_config, VHU_PF_CONFIG, CONFIG_HDR_BYTES, false },
	[VHU_RESET_DEVICE] = { reset_device, VHU_PF_RESET_DEVICE, 0, false },
	[VHU_GET_MAX_MEM_SLOTS] = { get_max_mem_slots, VHU_PF_CONFIGURE_MEM_SLOTS, 0, true },
	[VHU_ADD_MEM_REG] = { vhu_mem_add, VHU_PF_CONFIGURE_MEM_SLOTS, REGION_MSG_BYTES, false },
	[VHU_REM_MEM_REG] = { vhu_mem_remove, VHU_PF_CONFIGURE_MEM_SLOTS, REGION_MSG_BYTES,
			      false },
	[VHU_SET_STATUS] = { set_status, VHU_PF_STATUS, 8, false },
	[VHU_GET_STATUS] = { get_status, VHU_PF_STATUS, 0, true },
};

/* The fault that applies to this message, or NULL. */
static const struct vhu_fault *
find_fault(struct vhu_backend *b, uint32_t request)
{
	const struct vhu_fault *f, *found = NULL;
	uint32_t i;

	for (i = 0; i < b->cfg.nb_faults; i++) {
		f = &b->cfg.faults[i];
		if (f->request != request)
			continue;
		b->fault_seen[i]++;
		if (f->nth == 0 || f->nth == b->fault_seen[i])
			found = f;
	}
	return found;
}

static const struct request *
check_message(struct vhu_backend *b, const struct vhu_msg *msg)
{
	const struct request *r;

	if ((msg->flags & VHU_VERSION_MASK) != VHU_VERSION || (msg->flags & VHU_REPLY))
		vhu_report(b, "VU", VHU_NO_VRING, "%s with flags 0x%x",
			   vhu_request_name(msg->request), msg->flags);
	if (msg->request >= VHU_REQUEST_END || requests[msg->request].handle == NULL) {
		vhu_report(b, "VU", VHU_NO_VRING, "unknown request %u", msg->request);
		return NULL;
	}
	r = &requests[msg->request];
	if (msg->size < r->size) {
		vhu_report(b, "VU", VHU_NO_VRING, "%s with %u bytes, needs %u",
			   vhu_request_name(msg->request), msg->size, r->size);
		return NULL;
	}
	if (r->needs & ~b->protocol_features)
		vhu_report(b, "VU", VHU_NO_VRING, "%s without its protocol feature",
			   vhu_request_name(msg->request));
	if ((msg->flags & VHU_NEED_REPLY) && !(b->protocol_features & VHU_PF_REPLY_ACK))
		vhu_report(b, "VU", VHU_NO_VRING, "%s wants a reply without REPLY_ACK",
			   vhu_request_name(msg->request));
	return r;
}

static bool
send_answer(struct vhu_backend *b, struct vhu_msg *msg, const struct vhu_fault *fault)
{
	struct {
		uint32_t hdr[3];
		uint8_t payload[VHU_MAX_PAYLOAD];
	} out;

	if (fault != NULL && fault->kind == VHU_WRONG_SIZE)
		msg->size = msg->size >= 4 ? msg->size - 4 : msg->size + 4;
	out.hdr[0] = msg->request;
	if (fault != NULL && fault->kind == VHU_WRONG_REQUEST)
		out.hdr[0]++;
	out.hdr[1] = VHU_VERSION | VHU_REPLY;
	out.hdr[2] = msg->size;
	memcpy(out.payload, msg->bytes, msg->size);
	return vhu_send_all(b->conn_fd, &out, VHU_HDR_BYTES + msg->size);
}

bool
vhu_msg_handle(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_record *rec = vhu_log_append(b, msg);
	const struct request *r = check_message(b, msg);
	const struct vhu_fault *fault = find_fault(b, msg->request);
	enum vhu_fault_kind kind = fault != NULL ? fault->kind : VHU_CLOSE_AFTER;
	bool ack, sent = true;
	int ret = -EINVAL;

	if (fault != NULL && kind == VHU_CLOSE)
		return false;
	if (r != NULL && !(fault != NULL && kind == VHU_NACK))
		ret = r->handle(b, msg);
	/* Asked for again: SET_PROTOCOL_FEATURES may just have brought it. */
	ack = (msg->flags & VHU_NEED_REPLY) && (b->protocol_features & VHU_PF_REPLY_ACK);
	if (r != NULL && r->answers) {
		if (ret < 0)
			msg->size = 0;
	} else if (ack) {
		answer_u64(msg, ret < 0);
	} else {
		return fault == NULL || kind != VHU_CLOSE_AFTER;
	}
	if (fault == NULL || kind != VHU_NO_ANSWER) {
		sent = send_answer(b, msg, fault);
		if (rec != NULL)
			rec->answered = sent;
	}
	return sent && (fault == NULL || kind != VHU_CLOSE_AFTER);
}
