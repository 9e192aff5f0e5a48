/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef MEMORY_LINK_H
#define MEMORY_LINK_H

/**
 * @file
 * A connection to a backend without a port, for memory that is made up: regions over memory files,
 * at addresses where nothing need be mapped in this process.
 */

#include "port.h"
#include "vhost_user_mem.h"

#define PAGE 4096ull
#define BASE 0x500000000000ull
/** Address of a page. */
#define AT(page) (BASE + (page) * PAGE)

/** The connection, and what this side believes. */
struct link {
	struct port *p;
	struct vhost_user_conn conn;
	unsigned int slots;
	struct vhost_user_mem known;
	struct vhost_user_mem now;
	int files[24];
	unsigned int nb_files;
};

/** Start the backend and greet it. @p slots 0: one that takes tables only. */
void
link_up(struct link *l, struct port *p, unsigned int slots);

/** Connect and greet afresh; the backend has forgotten all memory. */
void
link_again(struct link *l);

void
link_down(struct link *l);

/** A file whose every page begins with its name and its number. */
int
new_file(struct link *l, uint32_t name);

/** To be told of next time: @p n pages of a file from page @p from, at page @p at. */
void
add(struct link *l, unsigned int at, unsigned int n, int fd, unsigned int from);

/** Tell the backend. @return what vhost_user_mem_share() does. */
int
share(struct link *l);

/** Page @p at is page @p number of file @p name for the backend; both 0: no memory there. */
void
expect(const struct link *l, unsigned int at, uint32_t name, uint32_t number);

/** Messages about memory so far. */
uint32_t
told(const struct link *l);

#endif /* MEMORY_LINK_H */
