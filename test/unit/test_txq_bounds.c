/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file Transmit queues at the ends of what they may touch, and of what they can count. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "txq_env.h"

#define PAGE 4096u
#define BATCH 8u

static struct tx_env env;

/* ---- buffers with nothing before them ----------------------------------------------------------- */

/* Packet @p m moves to the beginning of @p page, @p headroom bytes into it. */
static void
move_to(struct rte_mbuf *m, uint8_t *page, uint16_t headroom)
{
	memcpy(page + headroom, rte_pktmbuf_mtod(m, void *), m->data_len);
	m->buf_addr = page;
	rte_mbuf_iova_set(m, (uintptr_t)page + unit_iova_shift());
	m->data_off = headroom;
}

static void
move_back(struct rte_mbuf *m, void *own)
{
	m->buf_addr = own;
	rte_mbuf_iova_set(m, (uintptr_t)own + unit_iova_shift());
}

/* An mbuf's buffer may begin where the memory does: nothing before it can be read or written. */
static void
test_nt04_nothing_before_the_buffer_is_touched(void **state)
{
	const size_t bytes = 2 * BATCH * PAGE;
	struct rte_mbuf *pkts[BATCH];
	void *own[BATCH];
	unsigned int mode, i;
	uint16_t headroom;
	uint8_t *pages;

	(void)state;
	pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(pages, MAP_FAILED);
	for (i = 0; i < BATCH; i++)
		assert_int_equal(mprotect(pages + 2 * i * PAGE, PAGE, PROT_NONE), 0);
	for (mode = 0; mode < 2; mode++) {
		for (headroom = 0; headroom < 24; headroom++) {
			const struct tx_setup setup = tx_setup_of(64, mode);

			tx_open(&env, &setup);
			unit_memory_add(&env.memory, pages, bytes);
			for (i = 0; i < BATCH; i++) {
				pkts[i] = tx_make(&env, TX_PLAIN, 60);
				own[i] = pkts[i]->buf_addr;
				move_to(pkts[i], pages + (2 * i + 1) * PAGE, headroom);
			}
			assert_int_equal(tx_send(&env, pkts, BATCH), BATCH);
			pd_complete_all(env.dev, PD_FIFO, 0, 0);
			assert_int_equal(tx_reclaim(&env), BATCH);
			for (i = 0; i < BATCH; i++)
				move_back(pkts[i], own[i]);
			tx_close(&env);
		}
	}
	munmap(pages, bytes);
}

/* ---- more slots than 16 bits count ---------------------------------------------------------------- */

#ifdef RTE_ARCH_X86_64

#define TRAP_FLAG (1ll << 8)

/** A device that looks at the ring after every instruction once the driver has got to its end. */
static struct {
	uint8_t *last_page;
	unsigned int fetched;
} quick;

static void
on_last_page(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)sig;
	if ((uint8_t *)info->si_addr < quick.last_page ||
	    (uint8_t *)info->si_addr >= quick.last_page + PAGE)
		_exit(99);
	mprotect(quick.last_page, PAGE, PROT_READ | PROT_WRITE);
	u->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

/* As soon as the burst is there all of it is used. */
static void
on_instruction(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)sig;
	(void)info;
	quick.fetched = pd_fetch(env.dev, UINT32_MAX);
	if (quick.fetched == 0)
		return;
	pd_complete_all(env.dev, PD_FIFO, 0, 0);
	u->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static void
handle(int sig, void (*handler)(int, siginfo_t *, void *), struct sigaction *before)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	assert_int_equal(sigaction(sig, &action, before), 0);
}

/* The device is so quick that one burst goes twice round the largest ring: it has to be told. */
static void
test_pr33_twice_round_the_largest_ring(void **state)
{
	const uint16_t size = VIRTQ_PACKED_SIZE_MAX, n = size;
	static struct rte_mbuf *pkts[VIRTQ_PACKED_SIZE_MAX];
	struct sigaction segv, trap;
	struct tx_setup setup = tx_setup_of(size, 1);
	unsigned int i;

	(void)state;
	setup.nb_mbufs = 2 * n + 64;
	tx_open(&env, &setup);
	for (i = 0; i < n; i++) {
		pkts[i] = tx_make(&env, TX_TWO, 20);
		assert_non_null(pkts[i]);
	}
	quick.last_page = (uint8_t *)RTE_PTR_ALIGN_FLOOR(&env.q->ring.desc[size - 1], PAGE);
	assert_true(quick.last_page > (uint8_t *)env.q->ring.desc);
	handle(SIGSEGV, on_last_page, &segv);
	handle(SIGTRAP, on_instruction, &trap);
	assert_int_equal(mprotect(quick.last_page, PAGE, PROT_READ), 0);
	assert_int_equal(env.burst(env.q, pkts, n), n);
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGTRAP, &trap, NULL);
	assert_int_equal(quick.fetched, n / 2);
	assert_int_equal(env.q->stats.packets, n);
	assert_int_equal(env.q->stats.notified, 1);
	assert_int_equal(unit_notifications(TX_VQ), 1);
	assert_int_equal(pd_fetch(env.dev, UINT32_MAX), n / 2);
	pd_complete_all(env.dev, PD_FIFO, 0, 0);
	assert_int_equal(tx_reclaim(&env), n / 2);
	tx_close(&env);
}

#else

static void
test_pr33_twice_round_the_largest_ring(void **state)
{
	(void)state;
	fprintf(stderr, "x86 alone has the trap flag that lets a device act between two instructions\n");
	skip();
}

#endif

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nt04_nothing_before_the_buffer_is_touched),
		cmocka_unit_test(test_pr33_twice_round_the_largest_ring),
	};

	return cmocka_run_group_tests_name("txq_bounds", tests, unit_eal_start, unit_eal_stop);
}
