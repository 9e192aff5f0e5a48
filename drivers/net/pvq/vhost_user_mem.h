/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_VHOST_USER_MEM_H
#define PVQ_VHOST_USER_MEM_H

/**
 * @file
 * EAL's memory as regions that a vhost-user backend can map, and telling the backend of them.
 * Addresses in descriptors are this process's own: a region's guest and user address are the same.
 */

#include <sys/types.h>

#include "vhost_user_msg.h"

/** A stretch of one file, mapped here at one stretch of addresses. */
struct vhost_user_mem_region {
	uint64_t addr;
	uint64_t size;
	uint64_t offset; /**< in the file */
	int fd;          /**< EAL's */
	dev_t dev;       /**< with ino, the file's identity: descriptors are reused */
	ino_t ino;
};

/** A list of regions, in ascending order of addresses as EAL lists them. */
struct vhost_user_mem {
	struct vhost_user_mem_region *regions;
	unsigned int nb;
	unsigned int capacity;
};

/**
 * List all of EAL's memory that has a file behind it. Takes EAL's memory lock for reading.
 *
 * @return
 *   0; -ENOMEM; -ENOTSUP when part of the memory has no file descriptor (logged, with what to do).
 */
int
vhost_user_mem_list(struct vhost_user_mem *mem, const char *name);

void
vhost_user_mem_free(struct vhost_user_mem *mem);

/**
 * Tell the backend of memory @p now, when it knows @p known. On success @p now moves to @p known.
 *
 * @param slots
 *   Regions the backend takes one by one (CONFIGURE_MEM_SLOTS), or 0 for a table of eight.
 * @return
 *   0; -E2BIG when there are more regions than the backend takes: it still knows what it knew;
 *   another -errno from the connection, which is given up (-ECONNRESET) when the backend would have
 *   room for the regions but not for the pieces in which it was told of them.
 */
int
vhost_user_mem_share(struct vhost_user_conn *conn, unsigned int slots, struct vhost_user_mem *known,
		     struct vhost_user_mem *now);

#endif /* PVQ_VHOST_USER_MEM_H */
