/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_model.h"

#define PAGE 4096

int
memory_file(uint32_t name, unsigned int pages)
{
	int fd = memfd_create("memory_model", MFD_CLOEXEC);
	uint32_t stamp[2] = {name, 0};

	if (fd < 0)
		return -1;
	for (; stamp[1] < pages; stamp[1]++) {
		if (pwrite(fd, stamp, sizeof(stamp), (off_t)stamp[1] * PAGE) != sizeof(stamp) ||
		    ftruncate(fd, (off_t)(stamp[1] + 1) * PAGE) != 0) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

int
memory_append(struct vhost_user_mem *mem, uint64_t addr, uint64_t size, int fd, uint64_t offset)
{
	struct vhost_user_mem_region *r;
	struct stat st;

	r = realloc(mem->regions, (mem->nb + 1) * sizeof(*r));
	if (r == NULL || fstat(fd, &st) != 0)
		return -1;
	mem->regions = r;
	r[mem->nb++] = (struct vhost_user_mem_region){
		.addr = addr,
		.size = size,
		.offset = offset,
		.fd = fd,
		.dev = st.st_dev,
		.ino = st.st_ino,
	};
	mem->capacity = mem->nb;
	return 0;
}

void
memory_model_init(struct memory_model *m, uint32_t seed)
{
	memset(m, 0, sizeof(*m));
	m->random = seed;
	m->next_name = 1;
}

static uint32_t
random_below(struct memory_model *m, uint32_t n)
{
	m->random = m->random * 1664525u + 1013904223u;
	return (m->random >> 8) % n;
}

/* The last area has a file for every page. */
static bool
is_one_file(unsigned int i)
{
	return i / (MEMORY_AREA_PAGES + 1) + 1 < MEMORY_AREAS;
}

/* The descriptor of a page of the same area, or of a new file. */
static int
file_for(struct memory_model *m, unsigned int i, uint32_t *name)
{
	const unsigned int first = i / (MEMORY_AREA_PAGES + 1) * (MEMORY_AREA_PAGES + 1);
	unsigned int k;
	int fd;

	for (k = first; is_one_file(i) && k < first + MEMORY_AREA_PAGES; k++) {
		if (!m->page[k].there)
			continue;
		*name = m->page[k].name;
		return m->page[k].fd;
	}
	*name = m->next_name++;
	fd = memory_file(*name, is_one_file(i) ? MEMORY_AREA_PAGES : 1);
	if (fd >= 0 && m->nb_spare < sizeof(m->spare) / sizeof(m->spare[0]))
		m->spare[m->nb_spare++] = fd;
	return fd;
}

static int
allocate(struct memory_model *m, unsigned int i)
{
	uint32_t name = 0;
	int fd = file_for(m, i, &name);

	if (fd < 0)
		return -1;
	m->page[i].fd = fd;
	m->page[i].name = name;
	m->page[i].number = is_one_file(i) ? i % (MEMORY_AREA_PAGES + 1) : 0;
	m->page[i].there = true;
	return 0;
}

int
memory_model_change(struct memory_model *m)
{
	unsigned int n = 1 + random_below(m, 12), i, first;

	/* Now and then a whole area goes, so that the next file is another one. */
	if (random_below(m, 4) == 0) {
		first = random_below(m, MEMORY_AREAS) * (MEMORY_AREA_PAGES + 1);
		for (i = first; i < first + MEMORY_AREA_PAGES; i++)
			m->page[i].there = false;
	}
	while (n-- > 0) {
		i = random_below(m, MEMORY_PAGES);
		if (i % (MEMORY_AREA_PAGES + 1) == MEMORY_AREA_PAGES)
			continue;
		if (m->page[i].there)
			m->page[i].there = false;
		else if (allocate(m, i) != 0)
			return -1;
	}
	return 0;
}

int
memory_model_list(const struct memory_model *m, struct vhost_user_mem *mem, uint64_t base,
		  uint64_t page_size)
{
	unsigned int i, n;

	for (i = 0; i < MEMORY_PAGES; i += n) {
		n = 1;
		if (!m->page[i].there)
			continue;
		while (i + n < MEMORY_PAGES && m->page[i + n].there &&
		       m->page[i + n].name == m->page[i].name)
			n++;
		if (memory_append(mem, base + i * page_size, n * page_size, m->page[i].fd,
				  m->page[i].number * page_size) != 0)
			return -1;
	}
	return 0;
}

bool
memory_model_at(const struct memory_model *m, unsigned int i, uint32_t *name, uint32_t *number)
{
	*name = m->page[i].name;
	*number = m->page[i].number;
	return m->page[i].there;
}

void
memory_model_free(struct memory_model *m)
{
	while (m->nb_spare > 0)
		close(m->spare[--m->nb_spare]);
}
