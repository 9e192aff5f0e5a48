/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory_link.h"
#include "memory_model.h"

#define FILE_PAGES 64u

static void
greet(struct link *l, uint64_t features)
{
	uint64_t value;

	assert_int_equal(vhost_user_ask_u64(&l->conn, VHOST_USER_GET_FEATURES, &value), 0);
	assert_int_equal(vhost_user_send(&l->conn, VHOST_USER_SET_OWNER, NULL, 0, NULL, 0), 0);
	assert_int_equal(vhost_user_ask_u64(&l->conn, VHOST_USER_GET_PROTOCOL_FEATURES, &value),
			 0);
	assert_int_equal(vhost_user_send_u64(&l->conn, VHOST_USER_SET_PROTOCOL_FEATURES, features),
			 0);
	l->conn.reply_ack = true;
}

static void
connect_and_greet(struct link *l)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", l->p->path);
	l->conn = (struct vhost_user_conn){.name = "test"};
	l->conn.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(l->conn.fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	greet(l, l->slots != 0 ? VHU_PF_REPLY_ACK | VHU_PF_CONFIGURE_MEM_SLOTS :
				 VHU_PF_REPLY_ACK);
}

void
link_up(struct link *l, struct port *p, unsigned int slots)
{
	*l = (struct link){.p = p, .slots = slots};
	p->cfg.mem_slots = slots;
	port_backend(p);
	connect_and_greet(l);
}

void
link_again(struct link *l)
{
	close(l->conn.fd);
	assert_true(vhu_backend_wait_connected(l->p->b, false, PORT_WAIT_MS));
	vhost_user_mem_free(&l->known);
	connect_and_greet(l);
}

void
link_down(struct link *l)
{
	vhost_user_mem_free(&l->known);
	vhost_user_mem_free(&l->now);
	while (l->nb_files > 0)
		close(l->files[--l->nb_files]);
	close(l->conn.fd);
}

int
new_file(struct link *l, uint32_t name)
{
	int fd = memory_file(name, FILE_PAGES);

	assert_true(fd >= 0);
	assert_true(l->nb_files < RTE_DIM(l->files));
	l->files[l->nb_files++] = fd;
	return fd;
}

void
add(struct link *l, unsigned int at, unsigned int n, int fd, unsigned int from)
{
	assert_int_equal(memory_append(&l->now, AT(at), n * PAGE, fd, from * PAGE), 0);
}

int
share(struct link *l)
{
	return vhost_user_mem_share(&l->conn, l->slots, &l->known, &l->now);
}

void
expect(const struct link *l, unsigned int at, uint32_t name, uint32_t number)
{
	uint32_t stamp[2] = {0, 0};
	const void *page;

	vhu_backend_lock(l->p->b);
	page = vhu_backend_translate(l->p->b, AT(at), PAGE);
	if (page != NULL)
		memcpy(stamp, page, sizeof(stamp));
	vhu_backend_unlock(l->p->b);
	assert_int_equal(stamp[0], name);
	assert_int_equal(stamp[1], number);
}

uint32_t
told(const struct link *l)
{
	return vhu_backend_count(l->p->b, VHU_ADD_MEM_REG) +
	       vhu_backend_count(l->p->b, VHU_REM_MEM_REG) +
	       vhu_backend_count(l->p->b, VHU_SET_MEM_TABLE);
}
