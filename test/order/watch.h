/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef ORDER_WATCH_H
#define ORDER_WATCH_H

/**
 * @file
 * Every memory access of code that was compiled with -fsanitize=thread, with its memory order.
 *
 * The compiler puts a call before each plain access, and one in place of each atomic access and
 * fence; they are meant for a library that looks for races. Here they come to watch.c instead, which
 * passes them on to the machine that the test has put in: so all loads, stores and fences of the
 * driver are seen, and none of them had to be changed for it.
 *
 * One thread. What a machine wants to be different in memory during one load, it changes before
 * that load and puts right at its next call.
 */

#include <stddef.h>
#include <stdint.h>

/** In place of a memory order: an access that is not atomic. Orders are __ATOMIC_*. */
#define WATCH_PLAIN (-1)

/** Where accesses go. All functions must be there. */
struct watch_machine {
	/** Before a load of @p size bytes. */
	void (*load)(void *at, uint32_t size, int order);
	/** Before an atomic operation that reads and writes: it takes the newest value. */
	void (*update)(void *at, uint32_t size, int order);
	/** After a store; the bytes are in memory. */
	void (*store)(void *at, uint32_t size, int order);
	/** A fence for the processor and the compiler. */
	void (*fence)(int order);
	/** A fence for the compiler alone. */
	void (*compiler_fence)(int order);
	/** A notification to the device. */
	void (*doorbell)(void);
	/** membarrier(2): a full fence in every running thread. */
	void (*membarrier)(void);
	/** A wait loop gives its processor away. */
	void (*yield)(void);
};

/** Where accesses go from now on, NULL for nowhere. What was going on before is finished. */
void
watch_by(const struct watch_machine *machine);

/** Tell the machine of the last plain store, which it is not told of before the next access. */
void
watch_settle(void);

/* What macros in watch_calls.h and watch_driver.h put in place of library calls. */
void *
watch_memcpy(void *to, const void *from, size_t len);
void *
watch_memmove(void *to, const void *from, size_t len);
void *
watch_memset(void *at, int byte, size_t len);
void
watch_fence(int order);
long
watch_syscall(long number, ...);
int
watch_sched_yield(void);
int
watch_eventfd_write(int fd, uint64_t value);

#endif /* ORDER_WATCH_H */
