/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "vhu_frontend.h"

int
fe_socket(const char *path, bool listening)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_usec = 300000 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (listening) {
		assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
		assert_int_equal(listen(fd, 1), 0);
	} else if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int
fe_open(void **state)
{
	struct fe *f = calloc(1, sizeof(*f));
	int i;

	assert_non_null(f);
	strcpy(f->dir, "/tmp/pvq-vhu-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->fd = f->listen_fd = -1;
	f->mem_fd = memfd_create("fe", MFD_CLOEXEC);
	assert_int_equal(ftruncate(f->mem_fd, MEM_BYTES), 0);
	f->mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f->mem_fd, 0);
	assert_ptr_not_equal(f->mem, MAP_FAILED);
	for (i = 0; i < 2; i++) {
		f->notify[i] = eventfd(0, EFD_NONBLOCK);
		f->call[i] = eventfd(0, EFD_NONBLOCK);
	}
	vhu_config_init(&f->cfg, f->path);
	*state = f;
	return 0;
}

int
fe_close(void **state)
{
	struct fe *f = *state;
	int i;

	vhu_backend_destroy(f->b);
	if (f->fd >= 0)
		close(f->fd);
	if (f->listen_fd >= 0)
		close(f->listen_fd);
	for (i = 0; i < 2; i++) {
		close(f->notify[i]);
		close(f->call[i]);
	}
	munmap(f->mem, MEM_BYTES);
	close(f->mem_fd);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

void
fe_start(struct fe *f)
{
	f->b = vhu_backend_create(&f->cfg);
	assert_non_null(f->b);
	assert_int_equal(vhu_backend_start(f->b), 0);
	f->fd = fe_socket(f->path, false);
	assert_true(f->fd >= 0);
	assert_true(vhu_backend_wait_connected(f->b, true, WAIT_MS));
}

void
fe_clean(struct fe *f)
{
	assert_string_equal(vhu_backend_violations_text(f->b), "");
	assert_int_equal(vhu_backend_violations(f->b), 0);
}

void
fe_send(struct fe *f, uint32_t request, uint32_t flags, const void *payload, uint32_t size, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	uint32_t hdr[3] = { request, 1 | flags, size };
	struct iovec iov[2] = { { hdr, sizeof(hdr) }, { (void *)(uintptr_t)payload, size } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = size > 0 ? 2 : 1 };
	struct cmsghdr *c;

	if (fd >= 0) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(f->fd, &mh, MSG_NOSIGNAL), sizeof(hdr) + size);
}

ssize_t
fe_answer(struct fe *f, uint32_t hdr[3], void *payload, size_t size)
{
	ssize_t n = recv(f->fd, hdr, 12, MSG_WAITALL), m = 0;

	if (n != 12)
		return n < 0 && errno == ECONNRESET ? 0 : n;
	if (hdr[2] > 0)
		m = recv(f->fd, payload, hdr[2] < size ? hdr[2] : size, MSG_WAITALL);
	return n + m;
}

uint64_t
fe_get_u64(struct fe *f, uint32_t request)
{
	uint64_t value = 0;
	uint32_t hdr[3];

	fe_send(f, request, 0, NULL, 0, -1);
	assert_int_equal(fe_answer(f, hdr, &value, 8), 20);
	assert_int_equal(hdr[0], request);
	assert_int_equal(hdr[1], 1 | 4);
	return value;
}

uint64_t
fe_acked(struct fe *f, uint32_t request, const void *payload, uint32_t size, int fd)
{
	uint64_t value = 99;
	uint32_t hdr[3];

	fe_send(f, request, 8, payload, size, fd);
	assert_int_equal(fe_answer(f, hdr, &value, 8), 20);
	assert_int_equal(hdr[0], request);
	return value;
}

uint64_t
fe_set_u64(struct fe *f, uint32_t request, uint64_t value)
{
	return fe_acked(f, request, &value, 8, -1);
}

uint64_t
fe_set_state(struct fe *f, uint32_t request, uint32_t idx, uint32_t num)
{
	uint32_t p[2] = { idx, num };

	return fe_acked(f, request, p, 8, -1);
}

void
fe_negotiate(struct fe *f)
{
	uint64_t offered = fe_get_u64(f, VHU_GET_FEATURES), pf;

	fe_send(f, VHU_SET_OWNER, 0, NULL, 0, -1);
	pf = fe_get_u64(f, VHU_GET_PROTOCOL_FEATURES);
	fe_send(f, VHU_SET_PROTOCOL_FEATURES, 0, &pf, 8, -1);
	assert_int_equal(fe_set_u64(f, VHU_SET_STATUS, 0), 0);
	assert_int_equal(fe_set_u64(f, VHU_SET_STATUS, 1), 0);
	assert_int_equal(fe_set_u64(f, VHU_SET_STATUS, 3), 0);
	assert_int_equal(fe_set_u64(f, VHU_SET_FEATURES, offered), 0);
	assert_int_equal(fe_set_u64(f, VHU_SET_STATUS, 11), 0);
	assert_int_equal(fe_get_u64(f, VHU_GET_STATUS), 11);
}

uint64_t
fe_add_region(struct fe *f, uint64_t at, uint64_t size)
{
	uint64_t p[5] = { 0, GPA + at, size, UVA + at, at };

	return fe_acked(f, VHU_ADD_MEM_REG, p, sizeof(p), f->mem_fd);
}

static void
fe_set_up_vring(struct fe *f, uint32_t i)
{
	uint64_t addr[5] = { i, UVA + RING(i), UVA + DEV_EVENT(i), UVA + DRV_EVENT(i), 0 };
	uint64_t idx = i;

	assert_int_equal(fe_acked(f, VHU_SET_VRING_CALL, &idx, 8, f->call[i]), 0);
	assert_int_equal(fe_set_state(f, VHU_SET_VRING_NUM, i, QSIZE), 0);
	assert_int_equal(fe_set_state(f, VHU_SET_VRING_BASE, i, 0x80008000u), 0);
	assert_int_equal(fe_acked(f, VHU_SET_VRING_ADDR, addr, sizeof(addr), -1), 0);
	assert_int_equal(fe_acked(f, VHU_SET_VRING_KICK, &idx, 8, f->notify[i]), 0);
	assert_int_equal(fe_set_state(f, VHU_SET_VRING_ENABLE, i, 1), 0);
}

void
fe_go_live(struct fe *f)
{
	memset(f->mem, 0, MEM_BYTES);
	fe_negotiate(f);
	assert_int_equal(fe_add_region(f, 0, 0x8000), 0);
	assert_int_equal(fe_add_region(f, 0x8000, 0x8000), 0);
	fe_set_up_vring(f, 0);
	fe_set_up_vring(f, 1);
	assert_false(vhu_backend_wait_live(f->b, 0));
	assert_int_equal(fe_set_u64(f, VHU_SET_STATUS, 15), 0);
	assert_true(vhu_backend_wait_live(f->b, WAIT_MS));
}

void
fe_put(struct fe *f, uint32_t ring, uint32_t slot, uint32_t at, uint32_t len, uint16_t flags)
{
	uint8_t *d = f->mem + RING(ring) + 16 * slot;
	uint64_t addr = GPA + at;

	memcpy(d, &addr, 8);
	memcpy(d + 8, &len, 4);
	d[12] = slot;
	d[13] = 0;
	__atomic_store_n((uint16_t *)(void *)(d + 14), 0x80 | flags, __ATOMIC_RELEASE);
}

void
fe_notify(struct fe *f, uint32_t ring)
{
	uint64_t one = 1;

	assert_int_equal(write(f->notify[ring], &one, 8), 8);
}

bool
fe_wait_call(struct fe *f, uint32_t ring)
{
	struct pollfd p = { .fd = f->call[ring], .events = POLLIN };
	uint64_t n;

	return poll(&p, 1, WAIT_MS) == 1 && read(p.fd, &n, 8) == 8;
}
