/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "watch.h"

static const struct watch_machine *machine;

/* A plain store that was announced: it happens when the call returns. */
static struct {
	char *at;
	size_t len;
} stored;

/* A processor may do anything wider than this in pieces. */
#define WHOLE 16u
#define PIECE 8u

/* The next piece of an access at @p at, its length. */
static size_t
piece_of(const char *at, size_t len)
{
	size_t piece = PIECE - (uintptr_t)at % PIECE;

	if (len == WHOLE && (uintptr_t)at % WHOLE == 0)
		return len;
	return len < piece ? len : piece;
}

void
watch_settle(void)
{
	while (stored.len != 0) {
		const size_t piece = piece_of(stored.at, stored.len);
		char *at = stored.at;

		stored.at += piece;
		stored.len -= piece;
		machine->store(at, piece, WATCH_PLAIN);
	}
}

void
watch_by(const struct watch_machine *next)
{
	if (machine != NULL)
		watch_settle();
	stored.len = 0;
	machine = next;
}

/* Loads are given whole: how wide ones fall apart is the machine's matter. */
static void
plain_load(void *at, size_t len)
{
	if (machine == NULL)
		return;
	watch_settle();
	machine->load(at, len, WATCH_PLAIN);
}

static void
plain_store(void *at, size_t len)
{
	if (machine == NULL)
		return;
	watch_settle();
	stored.at = at;
	stored.len = len;
}

/* ---- calls that are put in place of others ---------------------------------------------------- */

void *
watch_memcpy(void *to, const void *from, size_t len)
{
	return watch_memmove(to, from, len);
}

void *
watch_memmove(void *to, const void *from, size_t len)
{
	if (len == 0)
		return to;
	plain_load((void *)(uintptr_t)from, len);
	memmove(to, from, len);
	plain_store(to, len);
	return to;
}

void *
watch_memset(void *at, int byte, size_t len)
{
	if (len == 0)
		return at;
	plain_store(at, len);
	return memset(at, byte, len);
}

void
watch_fence(int order)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (machine == NULL)
		return;
	watch_settle();
	machine->fence(order);
}

static bool
is_membarrier(long number, long cmd)
{
	return number == __NR_membarrier && (cmd == MEMBARRIER_CMD_GLOBAL_EXPEDITED ||
					     cmd == MEMBARRIER_CMD_GLOBAL);
}

long
watch_syscall(long number, ...)
{
	long a, b, c;
	va_list args;

	/* The driver's calls have three arguments of type int. */
	va_start(args, number);
	a = va_arg(args, int);
	b = va_arg(args, int);
	c = va_arg(args, int);
	va_end(args);
	if (machine == NULL)
		return syscall(number, a, b, c);
	watch_settle();
	if (is_membarrier(number, a))
		machine->membarrier();
	return 0;
}

int
watch_sched_yield(void)
{
	if (machine == NULL)
		return sched_yield();
	watch_settle();
	machine->yield();
	return 0;
}

int
watch_eventfd_write(int fd, uint64_t value)
{
	if (machine == NULL)
		return eventfd_write(fd, value);
	watch_settle();
	machine->doorbell();
	return 0;
}

/* ---- the compiler's calls --------------------------------------------------------------------- */

#define PLAIN(name) \
	void __tsan_##name(void *at); \
	void __tsan_##name(void *at)

#define ACCESSES(prefix, size) \
	PLAIN(prefix##read##size) \
	{ \
		plain_load(at, size); \
	} \
	PLAIN(prefix##write##size) \
	{ \
		plain_store(at, size); \
	}

ACCESSES(, 1)
ACCESSES(, 2)
ACCESSES(, 4)
ACCESSES(, 8)
ACCESSES(, 16)
ACCESSES(unaligned_, 2)
ACCESSES(unaligned_, 4)
ACCESSES(unaligned_, 8)
ACCESSES(unaligned_, 16)

void
__tsan_read_range(void *at, size_t len);
void
__tsan_read_range(void *at, size_t len)
{
	plain_load(at, len);
}

void
__tsan_write_range(void *at, size_t len);
void
__tsan_write_range(void *at, size_t len)
{
	plain_store(at, len);
}

PLAIN(func_entry)
{
	(void)at;
}

void
__tsan_func_exit(void);
void
__tsan_func_exit(void)
{
}

void
__tsan_init(void);
void
__tsan_init(void)
{
}

void
__tsan_atomic_thread_fence(int order);
void
__tsan_atomic_thread_fence(int order)
{
	watch_fence(order);
}

void
__tsan_atomic_signal_fence(int order);
void
__tsan_atomic_signal_fence(int order)
{
	if (machine == NULL)
		return;
	watch_settle();
	machine->compiler_fence(order);
}

static void
before_load(void *at, uint32_t size, int order)
{
	if (machine == NULL)
		return;
	watch_settle();
	machine->load(at, size, order);
}

static void
before_update(void *at, uint32_t size, int order)
{
	if (machine == NULL)
		return;
	watch_settle();
	machine->update(at, size, order);
}

static void
before_store(void)
{
	if (machine != NULL)
		watch_settle();
}

static void
after_store(void *at, uint32_t size, int order)
{
	if (machine != NULL)
		machine->store(at, size, order);
}

#define ATOMIC_UPDATE(bits, name) \
	uint##bits##_t __tsan_atomic##bits##_##name(uint##bits##_t *at, uint##bits##_t value, \
						    int order); \
	uint##bits##_t __tsan_atomic##bits##_##name(uint##bits##_t *at, uint##bits##_t value, \
						    int order) \
	{ \
		before_update(at, sizeof(*at), order); \
		value = __atomic_##name##_OP(at, value, __ATOMIC_SEQ_CST); \
		after_store(at, sizeof(*at), order); \
		return value; \
	}

#define __atomic_exchange_OP __atomic_exchange_n
#define __atomic_fetch_add_OP __atomic_fetch_add
#define __atomic_fetch_sub_OP __atomic_fetch_sub
#define __atomic_fetch_and_OP __atomic_fetch_and
#define __atomic_fetch_or_OP __atomic_fetch_or
#define __atomic_fetch_xor_OP __atomic_fetch_xor

#define ATOMIC_COMPARE(bits, name) \
	int __tsan_atomic##bits##_compare_exchange_##name(uint##bits##_t *at, \
							  uint##bits##_t *old, \
							  uint##bits##_t value, int order, \
							  int otherwise); \
	int __tsan_atomic##bits##_compare_exchange_##name(uint##bits##_t *at, \
							  uint##bits##_t *old, \
							  uint##bits##_t value, int order, \
							  int otherwise) \
	{ \
		bool done; \
		before_update(at, sizeof(*at), order); \
		done = __atomic_compare_exchange_n(at, old, value, false, __ATOMIC_SEQ_CST, \
						   __ATOMIC_SEQ_CST); \
		(void)otherwise; \
		if (done) \
			after_store(at, sizeof(*at), order); \
		return done; \
	}

/* As above, and the value found comes back: clang has this one. */
#define ATOMIC_COMPARE_VALUE(bits) \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(uint##bits##_t *at, \
								  uint##bits##_t old, \
								  uint##bits##_t value, \
								  int order, int otherwise); \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(uint##bits##_t *at, \
								  uint##bits##_t old, \
								  uint##bits##_t value, \
								  int order, int otherwise) \
	{ \
		__tsan_atomic##bits##_compare_exchange_strong(at, &old, value, order, otherwise); \
		return old; \
	}

#define ATOMICS(bits) \
	uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t *at, int order); \
	uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t *at, int order) \
	{ \
		before_load((void *)(uintptr_t)at, sizeof(*at), order); \
		return __atomic_load_n(at, __ATOMIC_SEQ_CST); \
	} \
	void __tsan_atomic##bits##_store(uint##bits##_t *at, uint##bits##_t value, int order); \
	void __tsan_atomic##bits##_store(uint##bits##_t *at, uint##bits##_t value, int order) \
	{ \
		before_store(); \
		__atomic_store_n(at, value, __ATOMIC_SEQ_CST); \
		after_store(at, sizeof(*at), order); \
	} \
	ATOMIC_UPDATE(bits, exchange) \
	ATOMIC_UPDATE(bits, fetch_add) \
	ATOMIC_UPDATE(bits, fetch_sub) \
	ATOMIC_UPDATE(bits, fetch_and) \
	ATOMIC_UPDATE(bits, fetch_or) \
	ATOMIC_UPDATE(bits, fetch_xor) \
	ATOMIC_COMPARE(bits, strong) \
	ATOMIC_COMPARE(bits, weak) \
	ATOMIC_COMPARE_VALUE(bits)

ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)
