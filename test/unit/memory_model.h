/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef MEMORY_MODEL_H
#define MEMORY_MODEL_H

/**
 * @file
 * Memory that comes and goes as under EAL: areas that are one file each, whose offsets follow the
 * addresses, and areas with a file for every page. A file that is let go of never comes back.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vhost_user_mem.h"

/** Pages of all areas together, side by side, with a page between areas that is never there. */
#define MEMORY_AREAS 3u
#define MEMORY_AREA_PAGES 12u
#define MEMORY_PAGES (MEMORY_AREAS * (MEMORY_AREA_PAGES + 1))

struct memory_model {
	uint32_t random;
	uint32_t next_name;
	struct {
		bool there;
		int fd;
		uint32_t name;
		uint32_t number; /**< page of the file */
	} page[MEMORY_PAGES];
	int spare[4096]; /**< descriptors closed only at the end */
	unsigned int nb_spare;
};

/** A memory file of @p pages pages, each marked with @p name and its number. @return fd or -1. */
int
memory_file(uint32_t name, unsigned int pages);

/** Append a region of file @p fd to a list. @return 0 or -1. */
int
memory_append(struct vhost_user_mem *mem, uint64_t addr, uint64_t size, int fd, uint64_t offset);

void
memory_model_init(struct memory_model *m, uint32_t seed);

/** Free some pages and allocate some, once or several times. @return 0 or -1. */
int
memory_model_change(struct memory_model *m);

/** What is there, as regions from address @p base on. @return 0 or -1. */
int
memory_model_list(const struct memory_model *m, struct vhost_user_mem *mem, uint64_t base,
		  uint64_t page_size);

/** What page @p i has: file and number. @return false if it is not there. */
bool
memory_model_at(const struct memory_model *m, unsigned int i, uint32_t *name, uint32_t *number);

void
memory_model_free(struct memory_model *m);

#endif /* MEMORY_MODEL_H */
