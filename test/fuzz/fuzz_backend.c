/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz_backend.h"
#include "fuzz_wrap.h"

#define REQUEST_BYTES_MAX 4096u
#define FDS_MAX 8

/* Of the protocol, in this file's own words. */
enum {
	GET_FEATURES = 1,
	SET_MEM_TABLE = 5,
	GET_VRING_BASE = 11,
	GET_PROTOCOL_FEATURES = 15,
	GET_QUEUE_NUM = 17,
	GET_CONFIG = 24,
	GET_MAX_MEM_SLOTS = 36,
	SET_STATUS = 39,
	GET_STATUS = 40,
};

#define FLAG_REPLY 4u
#define FLAG_NEED_REPLY 8u

struct message {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	uint8_t payload[REQUEST_BYTES_MAX];
};

struct fuzz_backend fuzz_backend = {.fd = -1};

#define HEADER offsetof(struct message, payload)

void
fuzz_backend_read_offer(struct fuzz_in *in)
{
	static const uint8_t bits[] = {3, 5, 15, 16, 28, 29, 30, 35};
	static const uint8_t protocol_bits[] = {0, 3, 4, 9, 15, 16, 1, 2};
	struct fuzz_backend *b = &fuzz_backend;
	const uint8_t how = fuzz_u8(in), some = fuzz_u8(in), protocol = fuzz_u8(in);
	unsigned int i;

	/* As it stands an empty input is a backend with everything. */
	b->features = 1ull << 32 | 1ull << 34;
	b->protocol_features = 0;
	for (i = 0; i < 8; i++) {
		b->features |= (uint64_t)(~some >> i & 1) << bits[i];
		b->protocol_features |= (uint64_t)(~protocol >> i & 1) << protocol_bits[i];
	}
	if (how & 1)
		b->features ^= 1ull << (fuzz_u8(in) & 63);
	if (how & 2)
		b->features |= fuzz_u64(in);
	if (how & 4)
		b->protocol_features ^= fuzz_u64(in);
	b->queues = how & 8 ? fuzz_u64(in) : 2 + (how >> 6);
	b->slots = how & 16 ? fuzz_u64(in) : 8;
	if ((how & 32) == 0)
		return;
	for (i = 0; i < 12; i++)
		b->config[i] = fuzz_u8(in);
}

static void
next_fault(struct fuzz_backend *b)
{
	b->until_fault = b->in.at < b->in.end ? fuzz_u8(&b->in) : UINT32_MAX;
}

void
fuzz_backend_open(const struct fuzz_in *offer, const struct fuzz_in *faults)
{
	static const uint8_t config[] = {2, 0, 0, 0, 0, 9, 1, 0, 2, 0, 0xdc, 5};
	struct fuzz_in in = *offer;

	fuzz_backend = (struct fuzz_backend){
		.fd = -1,
		.present = true,
		.in = *faults,
		.regions = 2,
	};
	memcpy(fuzz_backend.config, config, sizeof(config));
	fuzz_backend_read_offer(&in);
	next_fault(&fuzz_backend);
}

void
fuzz_backend_close(void)
{
	if (fuzz_backend.fd >= 0)
		close(fuzz_backend.fd);
	fuzz_backend.fd = -1;
	fuzz_backend.rest_len = 0;
}

/* For a new connection; bytes of one that was hung up can still be received. */
static void
empty_inbox(void)
{
	fuzz_backend.inbox_len = 0;
	fuzz_backend.by_socket = false;
}

static int
make_fd(uint8_t kind)
{
	switch (kind % 4) {
	case 0:
		return eventfd(0, EFD_CLOEXEC);
	case 1:
		return memfd_create("fuzz", MFD_CLOEXEC);
	case 2:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	default:
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
}

static void
check_sent(ssize_t n)
{
	/* A driver that is not fast enough loses the rest; it cannot make us wait. */
	FUZZ_CHECK(n >= 0 || errno == EPIPE || errno == EAGAIN || errno == ECONNRESET, "%s",
		   strerror(errno));
}

/* Bytes that come with descriptors, as the kernel delivers them. */
static void
put_fds(const void *data, size_t len, unsigned int nb_fds, uint8_t kinds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)data, len};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(nb_fds * sizeof(int)),
	};
	int fds[FDS_MAX];
	unsigned int i;

	for (i = 0; i < nb_fds; i++)
		fds[i] = make_fd(kinds >> i);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(nb_fds * sizeof(int));
	memcpy(CMSG_DATA(&control.align), fds, nb_fds * sizeof(int));
	check_sent(__real_sendmsg(fuzz_backend.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT));
	for (i = 0; i < nb_fds; i++)
		close(fds[i]);
}

static void
put(const void *data, size_t len, unsigned int nb_fds, uint8_t kinds)
{
	struct fuzz_backend *b = &fuzz_backend;

	if (b->fd < 0 || len == 0)
		return;
	if (nb_fds == 0 && !b->by_socket && len <= sizeof(b->inbox) - b->inbox_len) {
		memcpy(b->inbox + b->inbox_len, data, len);
		b->inbox_len += len;
		return;
	}
	b->by_socket = true;
	if (nb_fds == 0)
		check_sent(__real_send(b->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT));
	else
		put_fds(data, len, RTE_MIN(nb_fds, (unsigned int)FDS_MAX), kinds);
}

ssize_t
fuzz_backend_take(void *to, size_t len)
{
	struct fuzz_backend *b = &fuzz_backend;

	len = RTE_MIN(len, b->inbox_len);
	memcpy(to, b->inbox, len);
	b->inbox_len -= len;
	memmove(b->inbox, b->inbox + len, b->inbox_len);
	return len;
}

void
fuzz_backend_speak(struct fuzz_in *in)
{
	uint8_t bytes[64], n = fuzz_u8(in) % sizeof(bytes), fds = fuzz_u8(in), i;

	for (i = 0; i < n; i++)
		bytes[i] = fuzz_u8(in);
	put(bytes, n, fds & 3, fds >> 2);
}

static void
answer_u64(struct message *m, uint64_t value)
{
	memcpy(m->payload, &value, sizeof(value));
	m->size = sizeof(value);
}

/* What a backend that behaves says. @return whether it says anything. */
static bool
answer(struct message *m)
{
	struct fuzz_backend *b = &fuzz_backend;
	uint32_t offset, i;

	switch (m->request) {
	case GET_FEATURES:
		answer_u64(m, b->features);
		break;
	case GET_PROTOCOL_FEATURES:
		answer_u64(m, b->protocol_features);
		break;
	case GET_QUEUE_NUM:
		answer_u64(m, b->queues);
		break;
	case GET_MAX_MEM_SLOTS:
		answer_u64(m, b->slots);
		break;
	case GET_STATUS:
		answer_u64(m, b->status);
		break;
	case GET_VRING_BASE:
		break;
	case GET_CONFIG:
		memcpy(&offset, m->payload, sizeof(offset));
		for (i = 12; i < m->size; i++)
			m->payload[i] = b->config[(offset + i - 12) % FUZZ_CONFIG_BYTES];
		break;
	default:
		if (m->request == SET_STATUS)
			b->status = m->payload[0];
		if ((m->flags & FLAG_NEED_REPLY) == 0)
			return false;
		answer_u64(m, 0);
	}
	m->flags = 1 | FLAG_REPLY;
	return true;
}

/* Send an answer otherwise than as a whole. */
static void
err_in_sending(const struct message *m, size_t len, uint8_t kind)
{
	struct fuzz_backend *b = &fuzz_backend;
	const uint8_t more = kind != 6 ? fuzz_u8(&b->in) : 0;
	const size_t part = more % (len + 1);

	switch (kind) {
	case 4:
		b->rest_len = RTE_MIN(len - part, sizeof(b->rest));
		memcpy(b->rest, (const uint8_t *)m + part, b->rest_len);
		put(m, part, 0, 0);
		break;
	case 5:
		put(m, part, 0, 0);
		break;
	case 6:
		break;
	case 7:
		put(m, part, 0, 0);
		fuzz_backend_close();
		break;
	case 8:
		put(m, len, 0, 0);
		fuzz_backend_close();
		break;
	case 9:
		put(m, len, more & 7, more >> 3);
		break;
	default:
		put(m, len, 0, 0);
		fuzz_backend_speak(&b->in);
	}
}

/* Answer with a fault of the input's choice, asked or not. */
static void
err(struct message *m)
{
	struct fuzz_backend *b = &fuzz_backend;
	const uint8_t kind = fuzz_u8(&b->in);
	size_t len = HEADER + m->size;

	switch (kind % 16) {
	case 0:
		m->request = fuzz_u8(&b->in);
		break;
	case 1:
		m->flags ^= fuzz_u8(&b->in);
		break;
	case 2:
		m->size = kind & 0x10 ? fuzz_u16(&b->in) : m->size + (int8_t)fuzz_u8(&b->in);
		/* With as many bytes as it says, or not. */
		if (kind & 0x20)
			len = HEADER + RTE_MIN(m->size, REQUEST_BYTES_MAX);
		break;
	case 3:
		answer_u64(m, fuzz_u64(&b->in));
		break;
	case 11:
		answer_u64(m, 1);
		break;
	case 12:
		/* As some say that there is no such configuration. */
		m->size = fuzz_u8(&b->in) % (m->size + 1);
		len = HEADER + m->size;
		break;
	case 13:
		b->config[fuzz_u8(&b->in) % 12] = fuzz_u8(&b->in);
		break;
	case 14:
		fuzz_backend_read_offer(&b->in);
		break;
	case 15:
		b->status = fuzz_u8(&b->in);
		break;
	default:
		err_in_sending(m, len, kind % 16);
		return;
	}
	put(m, len, 0, 0);
}

/* What every request owes: a header, the length that it says, and its descriptors. */
static void
read_request(struct message *m, const struct msghdr *msg)
{
	const struct cmsghdr *c = msg->msg_controllen != 0 ? CMSG_FIRSTHDR(msg) : NULL;
	size_t len = 0, i, nb_fds = 0;

	for (i = 0; i < (size_t)msg->msg_iovlen; i++) {
		FUZZ_CHECK(msg->msg_iov[i].iov_len <= sizeof(*m) - len, "a long request");
		memcpy((uint8_t *)m + len, msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len);
		len += msg->msg_iov[i].iov_len;
	}
	FUZZ_CHECK(len >= HEADER && len == HEADER + m->size, "%zu bytes", len);
	FUZZ_CHECK((m->flags & 7) == 1, "flags %#x", m->flags);
	if (c != NULL)
		nb_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	FUZZ_CHECK(nb_fds <= FDS_MAX, "%zu descriptors", nb_fds);
	FUZZ_CHECK(m->request != SET_MEM_TABLE || nb_fds == m->payload[0], "%zu descriptors",
		   nb_fds);
}

ssize_t
fuzz_backend_serve(const struct msghdr *msg)
{
	static struct message m;
	ssize_t len;
	bool answers;

	if (fuzz_backend.fd < 0) {
		errno = EPIPE;
		return -1;
	}
	read_request(&m, msg);
	len = HEADER + m.size;
	answers = answer(&m);
	if (fuzz_backend.until_fault-- == 0) {
		err(&m);
		next_fault(&fuzz_backend);
	} else if (answers) {
		put(&m, HEADER + m.size, 0, 0);
	}
	return len;
}

void
fuzz_backend_go_on(void)
{
	const size_t len = fuzz_backend.rest_len;

	fuzz_backend.rest_len = 0;
	put(fuzz_backend.rest, len, 0, 0);
}

int
fuzz_backend_accept(void)
{
	int fds[2];

	if (!fuzz_backend.present)
		return -1;
	fuzz_backend_close();
	empty_inbox();
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0,
		   "%s", strerror(errno));
	fuzz_backend.fd = fds[0];
	return fds[1];
}
