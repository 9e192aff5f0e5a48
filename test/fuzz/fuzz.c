/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "fuzz.h"

bool fuzz_in_driver;

/* Who has an mbuf. */
enum owner {
	IN_POOL,
	OUT,
	APPLICATION,
};

/* Before each mbuf's buffer. */
struct record {
	uint32_t index;
};

struct pool {
	struct rte_mbuf **stack;
	struct rte_mbuf **all;
	uint8_t *owner;
	unsigned int nb;
	unsigned int size;
	bool watching; /* populated: from now on nobody but us looks into free mbufs */
};

/* EAL keeps some memory until the process ends; what the driver loses is reported. */
const char *
__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:librte_\nleak:rte_eal_init\n";
}

const char *
__lsan_default_options(void);
const char *
__lsan_default_options(void)
{
	return "print_suppressions=0";
}

/* A finding ends with a stack trace, and a run is ended by our own limits. */
const char *
__ubsan_default_options(void);
const char *
__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}

void
fuzz_eal_start(void)
{
	char prefix[40];
	const char *argv[] = {"fuzz", "--no-huge", "-m", "64", "--no-pci", "--no-shconf",
			      "--no-telemetry", "--iova-mode=va", "--lcores=0", "--log-level=error",
			      prefix, NULL};
	FILE *nowhere = fopen("/dev/null", "w");

	snprintf(prefix, sizeof(prefix), "--file-prefix=pvqfuzz%d", (int)getpid());
	FUZZ_CHECK(rte_eal_init((int)RTE_DIM(argv) - 1, (char **)(uintptr_t)argv) >= 0, "%s",
		   rte_strerror(rte_errno));
	/* What a device wrote is formatted too. */
	FUZZ_CHECK(nowhere != NULL, "%s", strerror(errno));
	rte_openlog_stream(nowhere);
	rte_log_set_level_pattern("pmd.net.pvq", RTE_LOG_DEBUG);
}

/* Of an mbuf that may be poisoned. */
__attribute__((no_sanitize("address"))) static uint32_t
index_of(const struct rte_mbuf *m)
{
	return ((const struct record *)(const void *)(m + 1))->index;
}

static struct pool *
pool_of(const struct rte_mempool *mp)
{
	return mp->pool_data;
}

/* What the mempool's user may not rely on. */
static void
spoil(struct rte_mbuf *m)
{
	m->data_off = 7;
	m->port = 0x55aa;
	m->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_RSS_HASH;
	m->packet_type = 0xdeadbeef;
	m->pkt_len = 0xfefefefe;
	m->data_len = 0xfefe;
}

static size_t
object_size(const struct rte_mempool *mp)
{
	return mp->elt_size;
}

static void
come_back(struct rte_mempool *mp, struct rte_mbuf *m)
{
	struct pool *p = pool_of(mp);
	const uint32_t i = index_of(m);

	FUZZ_CHECK(i < p->size && p->all[i] == m, "%p is no mbuf of %s", (void *)m, mp->name);
	FUZZ_CHECK(p->owner[i] != IN_POOL, "mbuf %u freed twice", i);
	FUZZ_CHECK(p->owner[i] != APPLICATION || !fuzz_in_driver,
		   "the driver freed mbuf %u, which the application holds", i);
	FUZZ_CHECK(m->next == NULL && m->nb_segs == 1 && rte_mbuf_refcnt_read(m) == 1 &&
			   m->buf_addr == (char *)(m + 1) + sizeof(struct record) + 60,
		   "mbuf %u is not as its pool needs it", i);
	p->owner[i] = IN_POOL;
	spoil(m);
	ASAN_POISON_MEMORY_REGION(m, object_size(mp));
}

static int
ops_enqueue(struct rte_mempool *mp, void *const *objs, unsigned int n)
{
	struct pool *p = pool_of(mp);
	unsigned int i;

	FUZZ_CHECK(n <= p->size - p->nb, "%u mbufs too many for %s", n, mp->name);
	for (i = 0; i < n; i++) {
		if (p->watching)
			come_back(mp, objs[i]);
		p->stack[p->nb++] = objs[i];
	}
	return 0;
}

static int
ops_dequeue(struct rte_mempool *mp, void **objs, unsigned int n)
{
	struct pool *p = pool_of(mp);
	unsigned int i;

	if (n > p->nb)
		return -ENOBUFS;
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = p->stack[--p->nb];

		ASAN_UNPOISON_MEMORY_REGION(m, object_size(mp));
		p->owner[index_of(m)] = OUT;
		objs[i] = m;
	}
	return 0;
}

static unsigned int
ops_count(const struct rte_mempool *mp)
{
	return pool_of(mp)->nb;
}

static int
ops_alloc(struct rte_mempool *mp)
{
	struct pool *p = calloc(1, sizeof(*p));

	FUZZ_CHECK(p != NULL, "no memory");
	p->size = mp->size;
	p->stack = calloc(p->size, sizeof(p->stack[0]));
	p->all = calloc(p->size, sizeof(p->all[0]));
	p->owner = calloc(p->size, 1);
	FUZZ_CHECK(p->stack != NULL && p->all != NULL && p->owner != NULL, "no memory");
	mp->pool_data = p;
	return 0;
}

static void
ops_free(struct rte_mempool *mp)
{
	struct pool *p = pool_of(mp);

	free(p->stack);
	free(p->all);
	free(p->owner);
	free(p);
}

static const struct rte_mempool_ops ops = {
	.name = "fuzz",
	.alloc = ops_alloc,
	.free = ops_free,
	.enqueue = ops_enqueue,
	.dequeue = ops_dequeue,
	.get_count = ops_count,
};

static void
note_object(struct rte_mempool *mp, void *arg, void *object, unsigned int i)
{
	struct pool *p = pool_of(mp);
	struct rte_mbuf *m = object;

	(void)arg;
	((struct record *)(void *)(m + 1))->index = i;
	p->all[i] = m;
	p->owner[i] = IN_POOL;
	spoil(m);
	memset(m->buf_addr, 0xee, m->buf_len);
	/* But not what an mbuf's pool and address are looked up in. */
	ASAN_POISON_MEMORY_REGION((char *)m - mp->header_size,
				  mp->header_size - sizeof(struct rte_mempool_objhdr));
	ASAN_POISON_MEMORY_REGION(m, object_size(mp) + mp->trailer_size);
}

struct rte_mempool *
fuzz_pool_create(const char *name, unsigned int n, uint16_t room)
{
	static bool registered;
	struct rte_mempool *mp;

	if (!registered)
		FUZZ_CHECK(rte_mempool_register_ops(&ops) >= 0, "mempool ops");
	registered = true;
	mp = rte_pktmbuf_pool_create_by_ops(name, n, 0, 64, room, SOCKET_ID_ANY, "fuzz");
	FUZZ_CHECK(mp != NULL, "%s: %s", name, rte_strerror(rte_errno));
	rte_mempool_obj_iter(mp, note_object, NULL);
	pool_of(mp)->watching = true;
	return mp;
}

unsigned int
fuzz_pool_out(const struct rte_mempool *pool)
{
	return pool_of(pool)->size - pool_of(pool)->nb;
}

bool
fuzz_is_out(const struct rte_mbuf *m)
{
	return pool_of(m->pool)->owner[index_of(m)] != IN_POOL;
}

void
fuzz_take(struct rte_mbuf *m)
{
	uint8_t *owner = &pool_of(m->pool)->owner[index_of(m)];

	FUZZ_CHECK(*owner == OUT, "mbuf %u is given away twice", index_of(m));
	*owner = APPLICATION;
}

void
fuzz_give(struct rte_mbuf *m)
{
	pool_of(m->pool)->owner[index_of(m)] = OUT;
}

void
fuzz_pool_recover(struct rte_mempool *pool)
{
	struct pool *p = pool_of(pool);
	unsigned int i;

	for (i = 0; i < p->size; i++) {
		struct rte_mbuf *m = p->all[i];

		if (p->owner[i] == IN_POOL)
			continue;
		rte_pktmbuf_reset(m);
		rte_mbuf_refcnt_set(m, 1);
		m->next = NULL;
		rte_mempool_put(pool, m);
	}
}
