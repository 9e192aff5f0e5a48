/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file Telling a backend of memory by tables of eight regions, as test_memory.c does by slots. */

#include <errno.h>

#include "memory_link.h"

static void
test_table_grows_and_shrinks(void **state)
{
	struct link l;
	unsigned int i, n;
	int a;

	link_up(&l, *state, 0);
	a = new_file(&l, 1);
	for (n = 1; n <= 8; n++) {
		for (i = 0; i < n; i++)
			add(&l, 2 * i, 1, a, 2 * i);
		assert_int_equal(share(&l), 0);
		assert_int_equal(vhu_backend_regions(l.p->b), n);
		expect(&l, 2 * n - 2, 1, 2 * n - 2);
	}
	for (i = 0; i < 8; i++)
		add(&l, 2 * i, 1, a, 2 * i);
	assert_int_equal(share(&l), 0);
	assert_int_equal(told(&l), 8);
	add(&l, 14, 1, a, 14);
	assert_int_equal(share(&l), 0);
	assert_int_equal(vhu_backend_regions(l.p->b), 1);
	expect(&l, 14, 1, 14);
	link_down(&l);
}

static void
test_table_of_more_than_eight(void **state)
{
	struct link l;
	unsigned int i;
	int a;

	link_up(&l, *state, 0);
	a = new_file(&l, 1);
	add(&l, 0, 1, a, 0);
	assert_int_equal(share(&l), 0);
	for (i = 0; i < 9; i++)
		add(&l, 2 * i, 1, a, 2 * i);
	assert_int_equal(share(&l), -E2BIG);
	assert_int_equal(told(&l), 1);
	expect(&l, 0, 1, 0);
	link_down(&l);
}

/* Backends compare addresses only, so they must lose a region to learn of its new file. */
static void
test_table_other_file_at_the_same_place(void **state)
{
	struct link l;
	int a, b, c;

	link_up(&l, *state, 0);
	a = new_file(&l, 1);
	b = new_file(&l, 2);
	c = new_file(&l, 3);
	add(&l, 0, 4, a, 0);
	add(&l, 8, 4, b, 0);
	assert_int_equal(share(&l), 0);
	add(&l, 0, 4, a, 0);
	add(&l, 8, 4, c, 0);
	assert_int_equal(share(&l), 0);
	expect(&l, 9, 3, 1);
	expect(&l, 1, 1, 1);
	assert_int_equal(told(&l), 3);
	link_down(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_table_grows_and_shrinks),
		port_test(test_table_of_more_than_eight),
		port_test(test_table_other_file_at_the_same_place),
	};

	return cmocka_run_group_tests_name("test_memory_table", tests, port_group_setup,
					   port_group_teardown);
}
