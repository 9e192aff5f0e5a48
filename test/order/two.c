/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "choose.h"
#include "race.h"
#include "two.h"
#include "watch.h"
#include "world.h"

#define THREADS 2
#define WORDS_MAX 4u
#define STORES_MAX 256u
#define STACK_BYTES (256u * 1024)
/* After so many accesses to words threads do no more than they have to. */
#define SWITCHES_MAX 400u

/** What a thread knows: events of each, and how much of the history of each word. */
struct knowledge {
	uint32_t clock[THREADS];
	uint32_t stores[WORDS_MAX];
};

/** A value in the history of a word. */
struct value {
	uint32_t value;
	int thread;
	bool release;           /**< an acquire load learns what the storing thread knew: */
	struct knowledge known;
	bool issued;            /**< the compiler cannot have left it for later */
};

static struct {
	uint32_t *at;
	struct value history[STORES_MAX];
	uint32_t n;
} words[WORDS_MAX];
static unsigned int nb_words;

static struct thread {
	ucontext_t context;
	void (*run)(void);
	struct knowledge known;
	struct knowledge pending; /* learnt at the next acquire fence */
	bool done;
} threads[THREADS];

static struct {
	int now;
	ucontext_t back;
	uint32_t switches;
	struct knowledge full; /* what full fences have made known */
	uint32_t *patched, newest;
	bool update; /* the store to come is that of an atomic update */
	char failure[256];
	void *stack[THREADS];
} two;

static const struct watch_machine machine;

/* The driver registers it where it registers itself, in a file that is not watched. */
int pvq_logtype;

void
two_fail(const char *text)
{
	if (two.failure[0] == '\0')
		snprintf(two.failure, sizeof(two.failure), "L-15: %s", text);
}

void
two_check(void)
{
	if (two.failure[0] != '\0')
		fail_msg("%s", two.failure);
}

void
two_clear(void)
{
	watch_by(NULL);
	free(two.stack[0]);
	free(two.stack[1]);
	memset(&two, 0, sizeof(two));
	nb_words = 0;
}

void
two_add_word(void *at)
{
	assert_true(nb_words < WORDS_MAX);
	words[nb_words++].at = at;
}

static void
learn(struct knowledge *to, const struct knowledge *from)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		to->clock[i] = to->clock[i] > from->clock[i] ? to->clock[i] : from->clock[i];
	for (i = 0; i < nb_words; i++)
		to->stores[i] = to->stores[i] > from->stores[i] ? to->stores[i] : from->stores[i];
}

/* ---- turns ------------------------------------------------------------------------------------ */

static void
put_back(void)
{
	if (two.patched != NULL)
		*two.patched = two.newest;
	two.patched = NULL;
}

static void
switch_over(void)
{
	const int now = two.now, other = !now;

	if (threads[other].done)
		return;
	two.now = other;
	swapcontext(&threads[now].context, &threads[other].context);
}

/* The other thread may have its turn now. */
static void
maybe_switch(void)
{
	if (two.switches++ < SWITCHES_MAX && !threads[!two.now].done && choose(2) != 0)
		switch_over();
}

static void
thread_main(void)
{
	const int now = two.now;

	threads[now].run();
	watch_settle();
	put_back();
	threads[now].done = true;
	if (!threads[!now].done) {
		two.now = !now;
		setcontext(&threads[!now].context);
	}
	setcontext(&two.back);
}

static void
start_thread(int i, void (*run)(void))
{
	struct thread *t = &threads[i];

	memset(t, 0, sizeof(*t));
	t->run = run;
	t->known.clock[i] = 1;
	if (two.stack[i] == NULL)
		two.stack[i] = malloc(STACK_BYTES);
	assert_non_null(two.stack[i]);
	getcontext(&t->context);
	t->context.uc_stack.ss_sp = two.stack[i];
	t->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&t->context, thread_main, 0);
}

void
two_run(void (*poller)(void), void (*control)(void))
{
	unsigned int i;

	race_start();
	memset(&two.full, 0, sizeof(two.full));
	for (i = 0; i < nb_words; i++) {
		words[i].n = 1;
		words[i].history[0] = (struct value){
			.value = *words[i].at, .thread = -1, .issued = true};
	}
	start_thread(0, poller);
	start_thread(1, control);
	two.switches = 0;
	two.now = choose(2);
	watch_by(&machine);
	swapcontext(&two.back, &threads[two.now].context);
	watch_by(NULL);
}

/* ---- words ------------------------------------------------------------------------------------ */

static int
word_of(const void *at)
{
	unsigned int i;

	for (i = 0; i < nb_words; i++)
		if (words[i].at == at)
			return i;
	return -1;
}

static void
take_value(int w, uint32_t i, int order)
{
	const struct value *v = &words[w].history[i];
	struct thread *t = &threads[two.now];

	t->known.stores[w] = i;
	if (!v->release)
		return;
	learn(&t->pending, &v->known);
	if (world_acquires(order))
		learn(&t->known, &v->known);
}

static void
word_load(int w, int order)
{
	struct thread *t;
	uint32_t n, i;

	maybe_switch();
	t = &threads[two.now];
	n = words[w].n - t->known.stores[w];
	i = words[w].n - 1 - choose(n);
	if (i != words[w].n - 1) {
		two.patched = words[w].at;
		two.newest = *words[w].at;
		*words[w].at = words[w].history[i].value;
	}
	take_value(w, i, order);
}

/* What thread @p i has stored so far the compiler has not left for later. */
static void
issue(int i)
{
	unsigned int w;
	uint32_t k;

	for (w = 0; w < nb_words; w++)
		for (k = 0; k < words[w].n; k++)
			words[w].history[k].issued |= words[w].history[k].thread == i;
}

static void
word_store(int w, int order)
{
	struct thread *t = &threads[two.now];
	struct value *v = &words[w].history[words[w].n];

	if (words[w].n == STORES_MAX)
		abort();
	if (world_releases(order))
		issue(two.now);
	t->known.stores[w] = words[w].n;
	*v = (struct value){
		.value = *words[w].at,
		.thread = two.now,
		.release = world_releases(order),
		.issued = world_releases(order),
	};
	if (v->release)
		v->known = t->known;
	/* An update, and a thread's next store, go on with what the value before was to tell. */
	if ((two.update || v[-1].thread == two.now) && v[-1].release) {
		v->release = true;
		learn(&v->known, &v[-1].known);
	}
	two.update = false;
	words[w].n++;
	t->known.clock[two.now]++;
}

/* ---- other memory ----------------------------------------------------------------------------- */

static void
access_memory(const void *at, size_t len, bool store, bool atomic)
{
	const struct thread *t = &threads[two.now];
	uintptr_t a = (uintptr_t)at;

	for (; len != 0; a++, len--) {
		if (word_of((void *)(a & ~(uintptr_t)3)) >= 0)
			continue;
		if (!race_access(a, two.now, t->known.clock[two.now], t->known.clock[!two.now], store,
				 atomic))
			two_fail(two.now == 0 ?
				 "the poller touches what the control path may be changing" :
				 "the control path touches what the poller may be using");
	}
}

/* ---- the machine ------------------------------------------------------------------------------ */

static void
on_load(void *at, uint32_t size, int order)
{
	const int w = word_of(at);

	put_back();
	if (w >= 0)
		word_load(w, order);
	else
		access_memory(at, size, false, order != WATCH_PLAIN);
}

static void
on_update(void *at, uint32_t size, int order)
{
	const int w = word_of(at);

	put_back();
	if (w < 0) {
		access_memory(at, size, false, true);
		return;
	}
	maybe_switch();
	take_value(w, words[w].n - 1, order);
	two.update = true;
}

static void
on_store(void *at, uint32_t size, int order)
{
	const int w = word_of(at);

	put_back();
	if (w >= 0)
		word_store(w, order);
	else
		access_memory(at, size, true, order != WATCH_PLAIN);
}

/* What thread @p i knows, without stores that the compiler may have left for later. */
static void
join_full(int i)
{
	struct knowledge seen = {.clock = {0}};
	unsigned int w;

	for (w = 0; w < nb_words; w++) {
		seen.stores[w] = threads[i].known.stores[w];
		while (!words[w].history[seen.stores[w]].issued)
			seen.stores[w]--;
	}
	learn(&two.full, &seen);
}

static void
on_fence(int order)
{
	struct thread *t = &threads[two.now];

	put_back();
	issue(two.now);
	if (world_acquires(order))
		learn(&t->known, &t->pending);
	if (order == __ATOMIC_SEQ_CST) {
		join_full(two.now);
		learn(&t->known, &two.full);
	}
}

static void
on_compiler_fence(int order)
{
	(void)order;
	put_back();
	issue(two.now);
}

static void
on_membarrier(void)
{
	int i;

	put_back();
	maybe_switch();
	issue(two.now);
	for (i = 0; i < THREADS; i++)
		join_full(i);
	for (i = 0; i < THREADS; i++)
		learn(&threads[i].known, &two.full);
	maybe_switch();
}

/* Sooner or later every store is seen. */
static void
on_yield(void)
{
	unsigned int w;

	put_back();
	switch_over();
	for (w = 0; w < nb_words; w++)
		threads[two.now].known.stores[w] = words[w].n - 1;
}

static void
on_doorbell(void)
{
	put_back();
}

static const struct watch_machine machine = {
	.load = on_load,
	.update = on_update,
	.store = on_store,
	.fence = on_fence,
	.compiler_fence = on_compiler_fence,
	.doorbell = on_doorbell,
	.membarrier = on_membarrier,
	.yield = on_yield,
};
