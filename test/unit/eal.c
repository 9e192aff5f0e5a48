/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "eal.h"
#include "gate.h"
#include "notify.h"
#include "pool_ops.h"

/* EAL keeps some memory until the process ends; what the tests and the driver lose is reported. */
const char *
__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:librte_\nleak:rte_eal_init\n";
}

/* One lcore that may run on every processor we have: threads of the tests inherit that. */
static void
lcore_option(char *text, size_t size)
{
	cpu_set_t cpus;
	size_t used;
	int i, n = 0;

	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	used = snprintf(text, size, "--lcores=0@(");
	for (i = 0; i < CPU_SETSIZE && used + 8 < size; i++)
		if (CPU_ISSET(i, &cpus))
			used += snprintf(text + used, size - used, "%s%d", n++ ? "," : "", i);
	snprintf(text + used, size - used, ")");
}

int
unit_eal_start(void **state)
{
	static char lcores[512], pool_ops[64];
	char *argv[] = {
		(char *)(uintptr_t)"unit", (char *)(uintptr_t)"--no-huge",
		(char *)(uintptr_t)"-m", (char *)(uintptr_t)"256",
		(char *)(uintptr_t)"--no-pci", (char *)(uintptr_t)"--no-shconf",
		(char *)(uintptr_t)"--no-telemetry", (char *)(uintptr_t)"--iova-mode=va",
		(char *)(uintptr_t)"--log-level=error", lcores,
		pool_ops, NULL,
	};

	(void)state;
	lcore_option(lcores, sizeof(lcores));
	snprintf(pool_ops, sizeof(pool_ops), "--mbuf-pool-ops-name=%s", pool_ops_name());
	if (rte_eal_init((int)RTE_DIM(argv) - 1, argv) < 0) {
		fprintf(stderr, "EAL did not start: %s\n", rte_strerror(rte_errno));
		return -1;
	}
	if (pvq_gate_init() != 0)
		return -1;
	return pvq_notify_open(UNIT_PORT, NULL);
}

int
unit_eal_stop(void **state)
{
	(void)state;
	pvq_notify_close(UNIT_PORT);
	return rte_eal_cleanup();
}

uint64_t
unit_iova_shift(void)
{
	return unit_bus() != PVQ_BUS_VIRTUAL ? UNIT_IOVA_SHIFT : 0;
}

enum pvq_bus
unit_bus(void)
{
	const char *name = getenv("PVQ_TEST_BUS");

	if (name == NULL)
		return PVQ_BUS_VIRTUAL;
	if (strcmp(name, "platform") == 0)
		return PVQ_BUS_PLATFORM;
	assert_string_equal(name, "iova");
	return PVQ_BUS_IOVA;
}

enum pvq_isa
unit_isa(void)
{
	const char *name = getenv("PVQ_TEST_ISA");
	enum pvq_isa isa = PVQ_ISA_SCALAR;

	if (name != NULL && pvq_isa_parse(name, &isa) != 0)
		fail_msg("PVQ_TEST_ISA=%s is not an instruction set", name);
	if (!pvq_isa_usable(isa)) {
		print_message("this processor has no %s\n", name);
		skip();
	}
	return isa;
}

void
unit_mbuf_spoil(struct rte_mbuf *m)
{
	m->data_off = 7;
	m->port = 0x55aa;
	m->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_IP_CKSUM_BAD;
	m->packet_type = 0xdeadbeef;
	m->pkt_len = 0xfefefefe;
	m->data_len = 0xfefe;
	m->vlan_tci = 0x1234;
	m->hash.rss = 0xcafef00d;
}

void
unit_mbuf_free(struct rte_mbuf *m)
{
	while (m != NULL) {
		struct rte_mbuf *next = m->next;

		unit_mbuf_spoil(m);
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free(m);
		m = next;
	}
}

static void
spoil_object(struct rte_mempool *pool, void *arg, void *object, unsigned int i)
{
	struct rte_mbuf *m = object;

	(void)pool;
	(void)arg;
	(void)i;
	unit_mbuf_spoil(m);
	memset(m->buf_addr, 0xee, m->buf_len);
}

struct rte_mempool *
unit_pool_create(unsigned int n, uint16_t data)
{
	static unsigned int serial;
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "unit%u", serial++);
	pool = rte_pktmbuf_pool_create(name, n, 0, 0, RTE_PKTMBUF_HEADROOM + data, SOCKET_ID_ANY);
	assert_non_null(pool);
	rte_mempool_obj_iter(pool, spoil_object, NULL);
	return pool;
}

static void
swap_buffers(struct rte_mempool *pool, void *arg, void *obj, unsigned int i)
{
	struct rte_mbuf **before = arg, *m = obj;
	void *buf = m->buf_addr;
	rte_iova_t iova = rte_mbuf_iova_get(m);

	(void)pool;
	if (i % 2 == 0) {
		*before = m;
		return;
	}
	m->buf_addr = (*before)->buf_addr;
	rte_mbuf_iova_set(m, rte_mbuf_iova_get(*before));
	(*before)->buf_addr = buf;
	rte_mbuf_iova_set(*before, iova);
}

void
unit_pool_move_buffers(struct rte_mempool *pool)
{
	struct rte_mbuf *before;

	rte_mempool_obj_iter(pool, swap_buffers, &before);
}

static uint8_t
pattern(uint32_t seed, uint32_t off)
{
	return seed * 167 + (seed >> 8) * 59 + off * 3 + (off >> 8) + 1;
}

void
unit_fill(void *data, uint32_t len, uint32_t seed, uint32_t off)
{
	uint8_t *at = data;
	uint32_t i;

	for (i = 0; i < len; i++)
		at[i] = pattern(seed, off + i);
}

bool
unit_matches(const void *data, uint32_t len, uint32_t seed, uint32_t off)
{
	const uint8_t *at = data;
	uint32_t i;

	for (i = 0; i < len; i++)
		if (at[i] != pattern(seed, off + i))
			return false;
	return true;
}

bool
unit_mbuf_matches(const struct rte_mbuf *m, uint32_t seed, uint32_t len)
{
	uint32_t off = 0;

	if (m->pkt_len != len)
		return false;
	for (; m != NULL; m = m->next) {
		if (!unit_matches(rte_pktmbuf_mtod(m, void *), m->data_len, seed, off))
			return false;
		off += m->data_len;
	}
	return off == len;
}

uint32_t
unit_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

struct rte_mbuf *
unit_mbuf(struct rte_mempool *pool, uint16_t headroom, uint16_t len, uint32_t seed)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m == NULL)
		return NULL;
	assert_true(headroom + len <= m->buf_len);
	m->data_off = headroom;
	m->data_len = len;
	m->pkt_len = len;
	/* A header that is not zeroed would show. */
	memset(m->buf_addr, 0xee, headroom);
	unit_fill(rte_pktmbuf_mtod(m, void *), len, seed, 0);
	return m;
}

struct rte_mbuf *
unit_mbuf_chain(struct rte_mempool *pool, const uint16_t *lens, uint16_t n, uint32_t seed)
{
	struct rte_mbuf *head = NULL, *tail = NULL;
	uint32_t off = 0;
	uint16_t i;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = unit_mbuf(pool, RTE_PKTMBUF_HEADROOM, lens[i], seed);

		if (m == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		unit_fill(rte_pktmbuf_mtod(m, void *), lens[i], seed, off);
		off += lens[i];
		if (head == NULL)
			head = m;
		else
			tail->next = m;
		tail = m;
	}
	head->nb_segs = n;
	head->pkt_len = off;
	return head;
}

struct rte_mbuf *
unit_mbuf_clone(struct rte_mempool *pool, uint16_t len, uint32_t seed)
{
	struct rte_mbuf *m = unit_mbuf(pool, RTE_PKTMBUF_HEADROOM, len, seed), *clone;

	if (m == NULL)
		return NULL;
	clone = rte_pktmbuf_clone(m, pool);
	rte_pktmbuf_free(m);
	return clone;
}

static void
external_freed(void *addr, void *opaque)
{
	struct unit_external *ext = opaque;

	(void)addr;
	ext->freed++;
}

struct rte_mbuf *
unit_mbuf_external(struct rte_mempool *pool, struct unit_external *ext, uint16_t headroom,
		   uint16_t len, uint32_t seed)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m == NULL)
		return NULL;
	memset(ext->bytes, 0xee, sizeof(ext->bytes));
	ext->shared.free_cb = external_freed;
	ext->shared.fcb_opaque = ext;
	rte_mbuf_ext_refcnt_set(&ext->shared, 1);
	rte_pktmbuf_attach_extbuf(m, ext->bytes, (uintptr_t)ext->bytes + unit_iova_shift(),
				  sizeof(ext->bytes), &ext->shared);
	m->data_off = headroom;
	m->data_len = len;
	m->pkt_len = len;
	unit_fill(rte_pktmbuf_mtod(m, void *), len, seed, 0);
	return m;
}

void
unit_memory_add(struct unit_memory *memory, const void *start, size_t len)
{
	assert_true(memory->n < RTE_DIM(memory->range));
	memory->range[memory->n].start = (uintptr_t)start;
	memory->range[memory->n].end = (uintptr_t)start + len;
	memory->n++;
}

static void
add_chunk(struct rte_mempool *pool, void *arg, struct rte_mempool_memhdr *chunk, unsigned int i)
{
	(void)pool;
	(void)i;
	unit_memory_add(arg, chunk->addr, chunk->len);
}

/* Of the mbuf, and of the object, to which a clone returns when it is freed. */
static void
shift_iova(struct rte_mempool *pool, void *arg, void *object, unsigned int i)
{
	struct rte_mbuf *m = object;

	(void)pool;
	(void)arg;
	(void)i;
	rte_mbuf_iova_set(m, (uintptr_t)m->buf_addr + unit_iova_shift());
	rte_mempool_get_header(m)->iova = (uintptr_t)m + unit_iova_shift();
}

void
unit_memory_add_pool(struct unit_memory *memory, struct rte_mempool *pool)
{
	rte_mempool_obj_iter(pool, shift_iova, NULL);
	rte_mempool_mem_iter(pool, add_chunk, memory);
}

void *
unit_translate(void *arg, uint64_t addr, uint32_t *len, enum pd_access access)
{
	const struct unit_memory *memory = arg;
	unsigned int i;

	(void)access;
	addr -= unit_iova_shift();
	for (i = 0; i < memory->n; i++)
		if (addr >= memory->range[i].start && addr < memory->range[i].end &&
		    *len <= memory->range[i].end - addr)
			return (void *)(uintptr_t)addr;
	return NULL;
}

bool
unit_must_notify(uint32_t size, uint32_t base, uint32_t n, uint32_t event, bool event_idx,
		 uint32_t *seen)
{
	const bool wrap = base >> 15 & 1;
	const bool news = *seen != event;

	if (n == 0)
		return false;
	*seen = event;
	return pd_oracle_must_notify(size, base & 0x7fff, wrap, n, event, event_idx) ||
	       (news && pd_oracle_is_late(size, base & 0x7fff, wrap, event, event_idx));
}

uint64_t
unit_notifications(uint16_t vq)
{
	uint64_t count;

	if (read(pvq_notify_fd(UNIT_PORT, vq), &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}
