/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Telling a backend of memory region by region, where it has memory slots. What counts is that the
 * backend finds the right bytes of the right file at every address, and is told no more than has
 * changed.
 */

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_link.h"
#include "memory_model.h"

static void
test_slots_add_and_nothing_new(void **state)
{
	struct link l;
	int a, b;

	link_up(&l, *state, 32);
	a = new_file(&l, 1);
	b = new_file(&l, 2);
	add(&l, 0, 4, a, 0);
	add(&l, 8, 2, b, 3);
	assert_int_equal(share(&l), 0);
	assert_int_equal(vhu_backend_regions(l.p->b), 2);
	assert_int_equal(vhu_backend_memory(l.p->b), 6 * PAGE);
	expect(&l, 3, 1, 3);
	expect(&l, 4, 0, 0);
	expect(&l, 9, 2, 4);
	add(&l, 0, 4, a, 0);
	add(&l, 8, 2, b, 3);
	assert_int_equal(share(&l), 0);
	assert_int_equal(told(&l), 2);
	link_down(&l);
}

static void
test_slots_grow_at_both_ends(void **state)
{
	struct link l;
	int a;

	link_up(&l, *state, 32);
	a = new_file(&l, 1);
	add(&l, 10, 4, a, 10);
	assert_int_equal(share(&l), 0);
	add(&l, 10, 8, a, 10);
	assert_int_equal(share(&l), 0);
	add(&l, 6, 12, a, 6);
	assert_int_equal(share(&l), 0);
	/* What the backend had is never taken away, not even for a moment. */
	assert_int_equal(vhu_backend_count(l.p->b, VHU_REM_MEM_REG), 0);
	assert_int_equal(vhu_backend_memory(l.p->b), 12 * PAGE);
	expect(&l, 6, 1, 6);
	expect(&l, 13, 1, 13);
	expect(&l, 17, 1, 17);
	expect(&l, 18, 0, 0);
	link_down(&l);
}

static void
test_slots_shrink_and_hole(void **state)
{
	struct link l;
	int a;

	link_up(&l, *state, 32);
	a = new_file(&l, 1);
	add(&l, 0, 12, a, 0);
	assert_int_equal(share(&l), 0);
	add(&l, 0, 4, a, 0);
	add(&l, 8, 2, a, 8);
	assert_int_equal(share(&l), 0);
	expect(&l, 3, 1, 3);
	expect(&l, 9, 1, 9);
	/* Filled again, with more. */
	add(&l, 0, 16, a, 0);
	assert_int_equal(share(&l), 0);
	expect(&l, 0, 1, 0);
	expect(&l, 6, 1, 6);
	expect(&l, 11, 1, 11);
	expect(&l, 15, 1, 15);
	link_down(&l);
}

static void
test_slots_remove(void **state)
{
	struct vhu_record rec;
	struct link l;
	int a, b;

	link_up(&l, *state, 32);
	a = new_file(&l, 1);
	b = new_file(&l, 2);
	add(&l, 0, 4, a, 0);
	add(&l, 8, 4, b, 0);
	assert_int_equal(share(&l), 0);
	add(&l, 8, 4, b, 0);
	assert_int_equal(share(&l), 0);
	assert_int_equal(vhu_backend_last(l.p->b, VHU_REM_MEM_REG, &rec), 0);
	assert_int_equal(rec.u64[1], AT(0));
	assert_int_equal(rec.u64[2], 4 * PAGE);
	assert_int_equal(vhu_backend_regions(l.p->b), 1);
	expect(&l, 0, 0, 0);
	expect(&l, 8, 2, 0);
	link_down(&l);
}

/* Freed and allocated again between two looks: the same addresses, and not the same bytes. */
static void
test_slots_other_file_at_the_same_place(void **state)
{
	struct link l;
	int a, b;

	link_up(&l, *state, 32);
	a = new_file(&l, 1);
	b = new_file(&l, 2);
	add(&l, 0, 4, a, 0);
	assert_int_equal(share(&l), 0);
	add(&l, 0, 4, b, 0);
	assert_int_equal(share(&l), 0);
	expect(&l, 2, 2, 2);
	/* And the same file from elsewhere in it. */
	add(&l, 0, 4, b, 20);
	assert_int_equal(share(&l), 0);
	expect(&l, 2, 2, 22);
	assert_int_equal(vhu_backend_regions(l.p->b), 1);
	link_down(&l);
}

/* Descriptors are numbers that are used again, so they say nothing of the file. */
static void
test_slots_same_descriptor_for_another_file(void **state)
{
	struct link l;
	int a, b;

	link_up(&l, *state, 32);
	a = new_file(&l, 1);
	add(&l, 0, 4, a, 0);
	assert_int_equal(share(&l), 0);
	b = new_file(&l, 2);
	assert_int_equal(dup2(b, a), a);
	add(&l, 0, 4, a, 0);
	assert_int_equal(share(&l), 0);
	expect(&l, 2, 2, 2);
	link_down(&l);
}

static void
test_slots_run_out(void **state)
{
	struct link l;
	unsigned int i;
	int a;

	link_up(&l, *state, 4);
	a = new_file(&l, 1);
	add(&l, 0, 1, a, 0);
	add(&l, 2, 1, a, 2);
	assert_int_equal(share(&l), 0);
	for (i = 0; i < 5; i++)
		add(&l, 2 * i, 1, a, 2 * i);
	assert_int_equal(share(&l), -E2BIG);
	/* It keeps what it has, and can be told of less. */
	assert_int_equal(vhu_backend_regions(l.p->b), 2);
	expect(&l, 2, 1, 2);
	for (i = 1; i < 5; i++)
		add(&l, 2 * i, 1, a, 2 * i);
	assert_int_equal(share(&l), 0);
	assert_int_equal(vhu_backend_regions(l.p->b), 4);
	expect(&l, 8, 1, 8);
	link_down(&l);
}

/*
 * Grown bit by bit: each bit took a slot, and when there is none left the connection is given up
 * for one that is told of all in one piece.
 */
static void
test_slots_pieces_of_one_region(void **state)
{
	unsigned int i, again = 0;
	struct link l;
	int a, ret;

	link_up(&l, *state, 4);
	a = new_file(&l, 1);
	for (i = 1; i <= 12; i++) {
		add(&l, 0, i, a, 0);
		ret = share(&l);
		if (ret != 0) {
			assert_int_equal(ret, -ECONNRESET);
			assert_true(l.conn.broken);
			link_again(&l);
			again++;
			add(&l, 0, i, a, 0);
			assert_int_equal(share(&l), 0);
			assert_int_equal(vhu_backend_regions(l.p->b), 1);
		}
		expect(&l, 0, 1, 0);
		expect(&l, i - 1, 1, i - 1);
	}
	/* Pages 1 to 4, then 5 to 8, then 9 to 12. */
	assert_int_equal(again, 2);
	link_down(&l);
}

static void
test_slots_add_refused(void **state)
{
	struct link l;
	int a;

	link_up(&l, *state, 32);
	a = new_file(&l, 1);
	vhu_backend_set_fault(l.p->b, VHU_ADD_MEM_REG, VHU_NACK, 2);
	add(&l, 0, 1, a, 0);
	add(&l, 4, 1, a, 4);
	add(&l, 8, 1, a, 8);
	assert_int_equal(share(&l), -EPROTO);
	assert_true(port_log_has("refused ADD_MEM_REG"));
	add(&l, 0, 1, a, 0);
	add(&l, 4, 1, a, 4);
	add(&l, 8, 1, a, 8);
	assert_int_equal(share(&l), 0);
	assert_int_equal(vhu_backend_regions(l.p->b), 3);
	expect(&l, 4, 1, 4);
	link_down(&l);
}

/* Memory comes and goes as EAL does it, and all of it is where it should be each time. */
static void
test_slots_random_changes(void **state)
{
	struct memory_model model;
	uint32_t name, number;
	unsigned int step, i;
	struct link l;

	link_up(&l, *state, 509);
	memory_model_init(&model, 20260101);
	for (step = 0; step < 300; step++) {
		assert_int_equal(memory_model_change(&model), 0);
		assert_int_equal(memory_model_list(&model, &l.now, BASE, PAGE), 0);
		assert_int_equal(share(&l), 0);
		for (i = 0; i < MEMORY_PAGES; i++)
			if (memory_model_at(&model, i, &name, &number))
				expect(&l, i, name, number);
	}
	memory_model_free(&model);
	link_down(&l);
}

/* EAL's own list covers what mbufs and rings are made of. */
static void
test_eal_memory_is_listed(void **state)
{
	struct port *p = *state;
	struct vhost_user_mem mem;
	const uint64_t pool = (uintptr_t)p->pool;
	struct stat st;
	unsigned int i;
	bool found = false;

	assert_int_equal(vhost_user_mem_list(&mem, "test"), 0);
	assert_true(mem.nb > 0);
	for (i = 0; i < mem.nb; i++) {
		assert_int_equal(fstat(mem.regions[i].fd, &st), 0);
		assert_int_equal(st.st_ino, mem.regions[i].ino);
		found |= pool - mem.regions[i].addr < mem.regions[i].size;
	}
	assert_true(found);
	vhost_user_mem_free(&mem);
	assert_int_equal(mem.nb, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_slots_add_and_nothing_new),
		port_test(test_slots_grow_at_both_ends),
		port_test(test_slots_shrink_and_hole),
		port_test(test_slots_remove),
		port_test(test_slots_other_file_at_the_same_place),
		port_test(test_slots_same_descriptor_for_another_file),
		port_test(test_slots_run_out),
		port_test(test_slots_pieces_of_one_region),
		port_test(test_slots_add_refused),
		port_test(test_slots_random_changes),
		port_test(test_eal_memory_is_listed),
	};

	return cmocka_run_group_tests_name("test_memory", tests, port_group_setup,
					   port_group_teardown);
}
