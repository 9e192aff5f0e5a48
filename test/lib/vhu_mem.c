/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vhu_priv.h"

static bool
inside(uint64_t start, uint64_t size, uint64_t addr)
{
	return addr >= start && addr - start < size;
}

void *
vhu_mem_user(struct vhu_backend *b, uint64_t uva, uint64_t len)
{
	const struct vhu_region *r;
	uint32_t i;

	for (i = 0; i < b->nb_regions; i++) {
		r = &b->regions[i];
		if (inside(r->wire.uva, r->wire.size, uva) &&
		    len <= r->wire.size - (uva - r->wire.uva))
			return r->base + (uva - r->wire.uva);
	}
	return NULL;
}

void *
vhu_mem_translate(void *arg, uint64_t addr, uint32_t *len, enum pd_access access)
{
	struct vhu_backend *b = arg;
	const struct vhu_region *r;
	uint64_t left;
	uint32_t i;

	(void)access; /* memory that is shared is shared for both */
	for (i = 0; i < b->nb_regions; i++) {
		r = &b->regions[i];
		if (!inside(r->wire.gpa, r->wire.size, addr))
			continue;
		left = r->wire.size - (addr - r->wire.gpa);
		if (left < *len)
			*len = left;
		return r->base + (addr - r->wire.gpa);
	}
	return NULL;
}

void *
vhu_backend_translate(struct vhu_backend *b, uint64_t addr, uint32_t len)
{
	uint32_t got = len;
	void *p = vhu_mem_translate(b, addr, &got, PD_WRITE);

	return got == len ? p : NULL;
}

static int
check_region(struct vhu_backend *b, const struct vhu_wire_region *w)
{
	const struct vhu_wire_region *o;
	uint32_t i;

	if (w->size == 0 || w->gpa + w->size < w->gpa || w->uva + w->size < w->uva ||
	    w->offset + w->size < w->offset) {
		vhu_report(b, "VU", VHU_NO_VRING, "memory region of 0x%llx bytes at 0x%llx",
			   (unsigned long long)w->size, (unsigned long long)w->gpa);
		return -EINVAL;
	}
	for (i = 0; i < b->nb_regions; i++) {
		o = &b->regions[i].wire;
		if ((w->gpa < o->gpa + o->size && o->gpa < w->gpa + w->size) ||
		    (w->uva < o->uva + o->size && o->uva < w->uva + w->size)) {
			vhu_report(b, "VU", VHU_NO_VRING, "memory region at 0x%llx overlaps another",
				   (unsigned long long)w->gpa);
			return -EEXIST;
		}
	}
	return 0;
}

/* Map a region behind those there are. The file descriptor stays the caller's. */
static int
map_region(struct vhu_backend *b, const struct vhu_wire_region *w, int fd)
{
	struct vhu_region *r = &b->regions[b->nb_regions];
	struct stat st;
	uint64_t len;
	int ret;

	ret = check_region(b, w);
	if (ret < 0)
		return ret;
	if (fd < 0 || fstat(fd, &st) < 0) {
		vhu_report(b, "VU", VHU_NO_VRING, "memory region without a file descriptor");
		return -EBADF;
	}
	len = w->offset + w->size;
	if ((uint64_t)st.st_size < len) {
		vhu_report(b, "VU", VHU_NO_VRING, "memory region ends at 0x%llx of a file of 0x%llx",
			   (unsigned long long)len, (unsigned long long)st.st_size);
		return -ERANGE;
	}
	/* A mapping of huge pages takes whole pages only. */
	if (st.st_blksize > 0)
		len = (len + st.st_blksize - 1) / st.st_blksize * st.st_blksize;
	r->map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r->map == MAP_FAILED) {
		ret = -errno;
		vhu_report(b, "VU", VHU_NO_VRING, "memory region cannot be mapped: %s",
			   strerror(-ret));
		return ret;
	}
	r->map_len = len;
	r->base = (uint8_t *)r->map + w->offset;
	r->wire = *w;
	b->nb_regions++;
	return 0;
}

void
vhu_mem_clear(struct vhu_backend *b)
{
	while (b->nb_regions > 0) {
		b->nb_regions--;
		munmap(b->regions[b->nb_regions].map, b->regions[b->nb_regions].map_len);
	}
}

int
vhu_mem_set(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_region old[8];
	struct vhu_wire_region w;
	uint32_t n = msg->u32[0], nb_old = b->nb_regions, i;
	int ret = 0;

	if (n == 0 || n > 8 || msg->size < 8 + n * sizeof(w) || msg->nfds != n) {
		vhu_report(b, "VU", VHU_NO_VRING, "SET_MEM_TABLE: %u regions, %u descriptors, %u bytes",
			   n, msg->nfds, msg->size);
		return -EINVAL;
	}
	/* New mappings first: rings move over to them before the old ones go. */
	if (nb_old > 8) {
		vhu_report(b, "VU", VHU_NO_VRING, "SET_MEM_TABLE after ADD_MEM_REG of %u regions",
			   nb_old);
		return -EINVAL;
	}
	memcpy(old, b->regions, nb_old * sizeof(old[0]));
	b->nb_regions = 0;
	for (i = 0; i < n && ret == 0; i++) {
		memcpy(&w, msg->bytes + 8 + i * sizeof(w), sizeof(w));
		ret = map_region(b, &w, msg->fds[i]);
	}
	vhu_vring_relocate_all(b);
	for (i = 0; i < nb_old; i++)
		munmap(old[i].map, old[i].map_len);
	return ret;
}

int
vhu_mem_add(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_wire_region w;

	if (b->nb_regions >= b->cfg.mem_slots || b->nb_regions >= VHU_MAX_REGIONS) {
		vhu_report(b, "VU", VHU_NO_VRING, "ADD_MEM_REG beyond %u slots", b->cfg.mem_slots);
		return -ENOSPC;
	}
	if (msg->nfds != 1) {
		vhu_report(b, "VU", VHU_NO_VRING, "ADD_MEM_REG with %u descriptors", msg->nfds);
		return -EINVAL;
	}
	memcpy(&w, msg->bytes + 8, sizeof(w));
	return map_region(b, &w, msg->fds[0]);
}

int
vhu_mem_remove(struct vhu_backend *b, struct vhu_msg *msg)
{
	struct vhu_wire_region w;
	struct vhu_region gone;
	uint32_t i;

	memcpy(&w, msg->bytes + 8, sizeof(w));
	for (i = 0; i < b->nb_regions; i++)
		if (b->regions[i].wire.gpa == w.gpa && b->regions[i].wire.uva == w.uva &&
		    b->regions[i].wire.size == w.size)
			break;
	if (i == b->nb_regions) {
		vhu_report(b, "VU", VHU_NO_VRING, "REM_MEM_REG of 0x%llx, which is not there",
			   (unsigned long long)w.gpa);
		return -ENOENT;
	}
	gone = b->regions[i];
	b->nb_regions--;
	memmove(&b->regions[i], &b->regions[i + 1], (b->nb_regions - i) * sizeof(gone));
	vhu_vring_relocate_all(b);
	munmap(gone.map, gone.map_len);
	return 0;
}
