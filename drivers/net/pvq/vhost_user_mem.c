/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <rte_common.h>
#include <rte_memory.h>

#include "log.h"
#include "vhost_user_mem.h"

static struct vhost_user_mem_region *
mem_append(struct vhost_user_mem *mem)
{
	struct vhost_user_mem_region *grown;
	unsigned int capacity;

	if (mem->nb == mem->capacity) {
		capacity = mem->capacity != 0 ? 2 * mem->capacity : 16;
		grown = realloc(mem->regions, capacity * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		mem->regions = grown;
		mem->capacity = capacity;
	}
	return &mem->regions[mem->nb++];
}

void
vhost_user_mem_free(struct vhost_user_mem *mem)
{
	free(mem->regions);
	*mem = (struct vhost_user_mem){0};
}

/* rte_memseg_walk() holds the memory lock, hence the functions without one of their own. */
static int
list_segment(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	struct vhost_user_mem *mem = arg;
	struct vhost_user_mem_region *last, *r;
	struct stat st;
	size_t offset;
	int fd;

	/* Memory that the application brought along: EAL has no file for it. */
	if (msl->external)
		return 0;
	fd = rte_memseg_get_fd_thread_unsafe(ms);
	if (fd < 0 || rte_memseg_get_fd_offset_thread_unsafe(ms, &offset) != 0)
		return -ENOTSUP;
	last = mem->nb != 0 ? &mem->regions[mem->nb - 1] : NULL;
	if (last != NULL && last->fd == fd && last->addr + last->size == ms->addr_64 &&
	    last->offset + last->size == offset) {
		last->size += ms->len;
		return 0;
	}
	if (fstat(fd, &st) != 0)
		return -ENOTSUP;
	r = mem_append(mem);
	if (r == NULL)
		return -ENOMEM;
	*r = (struct vhost_user_mem_region){
		.addr = ms->addr_64,
		.size = ms->len,
		.offset = offset,
		.fd = fd,
		.dev = st.st_dev,
		.ino = st.st_ino,
	};
	return 0;
}

int
vhost_user_mem_list(struct vhost_user_mem *mem, const char *name)
{
	int ret;

	*mem = (struct vhost_user_mem){0};
	ret = rte_memseg_walk(list_segment, mem);
	if (ret == 0)
		return 0;
	vhost_user_mem_free(mem);
	if (ret == -ENOTSUP)
		PVQ_LOG(ERR, name,
			"EAL's memory has no file that a backend could map: do not combine "
			"--legacy-mem with --single-file-segments, and use a kernel with memfd");
	return ret;
}

static bool
same_place(const struct vhost_user_mem_region *a, const struct vhost_user_mem_region *b)
{
	return a->addr == b->addr && a->size == b->size;
}

static bool
same_file(const struct vhost_user_mem_region *a, const struct vhost_user_mem_region *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static bool
same_mem(const struct vhost_user_mem *a, const struct vhost_user_mem *b, bool files_too)
{
	unsigned int i;

	if (a->nb != b->nb)
		return false;
	for (i = 0; i < a->nb; i++) {
		const struct vhost_user_mem_region *x = &a->regions[i], *y = &b->regions[i];

		if (!same_place(x, y) ||
		    (files_too && (!same_file(x, y) || x->offset != y->offset)))
			return false;
	}
	return true;
}

static struct vhost_user_region
wire_region(const struct vhost_user_mem_region *r)
{
	return (struct vhost_user_region){
		.guest_addr = r->addr,
		.size = r->size,
		.user_addr = r->addr,
		.mmap_offset = r->offset,
	};
}

/* The table of @p mem without the regions for which @p skip is set. */
static int
send_table(struct vhost_user_conn *conn, const struct vhost_user_mem *mem, const bool *skip)
{
	struct vhost_user_mem_table table = {0};
	int fds[VHOST_USER_TABLE_REGIONS];
	unsigned int i;

	for (i = 0; i < mem->nb; i++) {
		if (skip != NULL && skip[i])
			continue;
		fds[table.nb_regions] = mem->regions[i].fd;
		table.regions[table.nb_regions++] = wire_region(&mem->regions[i]);
	}
	/* Some backends insist on the length that goes with the number. */
	return vhost_user_send(conn, VHOST_USER_SET_MEM_TABLE, &table,
			       offsetof(struct vhost_user_mem_table, regions) +
				       table.nb_regions * sizeof(table.regions[0]),
			       fds, table.nb_regions);
}

/* The same bytes of the same file at the same addresses, wholly or in part. */
static bool
overlaps(const struct vhost_user_mem_region *a, const struct vhost_user_mem_region *b)
{
	return same_file(a, b) && a->addr - a->offset == b->addr - b->offset &&
	       a->addr < b->addr + b->size && b->addr < a->addr + a->size;
}

static int
share_table(struct vhost_user_conn *conn, const struct vhost_user_mem *known,
	    const struct vhost_user_mem *now)
{
	if (now->nb > VHOST_USER_TABLE_REGIONS)
		return -E2BIG;
	/*
	 * Memory freed and allocated again at the same addresses: backends compare addresses only
	 * and would keep the old files, so let them see a table without those regions first.
	 */
	if (known->nb != 0 && same_mem(known, now, false)) {
		bool skip[VHOST_USER_TABLE_REGIONS];
		unsigned int i;
		int ret;

		for (i = 0; i < now->nb; i++)
			skip[i] = !overlaps(&known->regions[i], &now->regions[i]);
		ret = send_table(conn, now, skip);
		if (ret != 0)
			return ret;
	}
	return send_table(conn, now, NULL);
}

/* Append what of @p r no region of @p kept has. Regions that grow stay; the rest is added. */
static int
append_rest(struct vhost_user_mem *kept, unsigned int nb_kept, struct vhost_user_mem_region r)
{
	struct vhost_user_mem_region *added, part;
	unsigned int i;

	for (i = 0; i < nb_kept && r.size != 0; i++) {
		const struct vhost_user_mem_region k = kept->regions[i];
		uint64_t head, tail;

		if (!overlaps(&k, &r))
			continue;
		head = k.addr > r.addr ? k.addr - r.addr : 0;
		tail = k.addr + k.size < r.addr + r.size ? r.addr + r.size - k.addr - k.size : 0;
		if (head != 0) {
			part = r;
			part.size = head;
			if (append_rest(kept, nb_kept, part) != 0)
				return -ENOMEM;
		}
		r.addr += r.size - tail;
		r.offset += r.size - tail;
		r.size = tail;
	}
	if (r.size == 0)
		return 0;
	added = mem_append(kept);
	if (added == NULL)
		return -ENOMEM;
	*added = r;
	return 0;
}

/* Which regions the backend knows still mean the same; the list shrinks to them. */
static int
remove_stale(struct vhost_user_conn *conn, struct vhost_user_mem *known,
	     const struct vhost_user_mem *now)
{
	unsigned int i, j, kept = 0;
	int ret;

	for (i = 0; i < known->nb; i++) {
		struct vhost_user_mem_reg msg = {.region = wire_region(&known->regions[i])};

		for (j = 0; j < now->nb && !overlaps(&known->regions[i], &now->regions[j]); j++)
			;
		if (j < now->nb) {
			known->regions[kept++] = known->regions[i];
			continue;
		}
		ret = vhost_user_send(conn, VHOST_USER_REM_MEM_REG, &msg, sizeof(msg), NULL, 0);
		if (ret != 0) {
			memmove(&known->regions[kept], &known->regions[i],
				(known->nb - i) * sizeof(known->regions[0]));
			known->nb -= i - kept;
			return ret;
		}
	}
	known->nb = kept;
	return 0;
}

static int
share_slots(struct vhost_user_conn *conn, unsigned int slots, struct vhost_user_mem *known,
	    const struct vhost_user_mem *now)
{
	unsigned int kept, i;
	int ret;

	if (now->nb > slots)
		return -E2BIG;
	ret = remove_stale(conn, known, now);
	if (ret != 0)
		return ret;
	kept = known->nb;
	for (i = 0; i < now->nb; i++) {
		if (append_rest(known, kept, now->regions[i]) != 0) {
			known->nb = kept;
			return -ENOMEM;
		}
	}
	if (known->nb > slots) {
		/* A region that grew piece by piece: a new connection is told of it as one. */
		PVQ_LOG(INFO, conn->name, "connecting afresh to tell the backend of less regions");
		known->nb = kept;
		conn->broken = true;
		return -ECONNRESET;
	}
	for (i = kept; i < known->nb; i++) {
		struct vhost_user_mem_reg msg = {.region = wire_region(&known->regions[i])};

		ret = vhost_user_send(conn, VHOST_USER_ADD_MEM_REG, &msg, sizeof(msg),
				      &known->regions[i].fd, 1);
		if (ret != 0) {
			known->nb = i;
			return ret;
		}
	}
	return 0;
}

int
vhost_user_mem_share(struct vhost_user_conn *conn, unsigned int slots, struct vhost_user_mem *known,
		     struct vhost_user_mem *now)
{
	int ret;

	if (slots != 0) {
		ret = share_slots(conn, slots, known, now);
		vhost_user_mem_free(now);
		return ret;
	}
	if (known->nb != 0 && same_mem(known, now, true)) {
		vhost_user_mem_free(now);
		return 0;
	}
	ret = share_table(conn, known, now);
	if (ret != 0) {
		vhost_user_mem_free(now);
		return ret;
	}
	vhost_user_mem_free(known);
	*known = *now;
	*now = (struct vhost_user_mem){0};
	return 0;
}
