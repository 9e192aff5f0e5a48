/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "shared_event.h"

static void *device_side;
static size_t page;

static void
relocate(struct pvq_ring *ring, struct pd_vq *dev, void *event)
{
	assert_int_equal(pd_relocate(dev, ring->desc, ring->driver_event, event), 0);
}

void
shared_event_open(struct pvq_ring *ring, struct pd_vq *dev)
{
	void *driver_side;
	int fd;

	page = sysconf(_SC_PAGESIZE);
	fd = memfd_create("event", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, page), 0);
	device_side = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	driver_side = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(device_side, MAP_FAILED);
	assert_ptr_not_equal(driver_side, MAP_FAILED);
	close(fd);
	ring->device_event = driver_side;
	relocate(ring, dev, device_side);
}

void
shared_event_close(struct pvq_ring *ring, struct pd_vq *dev, struct virtq_event *own)
{
	munmap(ring->device_event, page);
	ring->device_event = own;
	relocate(ring, dev, own);
	munmap(device_side, page);
	device_side = NULL;
}
