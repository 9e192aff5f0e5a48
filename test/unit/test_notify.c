/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The table of eventfds by which a process notifies the device. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "notify.h"

#define PORT 5
#define VQ 3

static int made[2];
static unsigned int nb_made;

/* While one thread asks for an eventfd, another gets one and notifies by it. */
static int
source(uint16_t port_id, uint16_t vq)
{
	const unsigned int number = nb_made++;

	assert_true(number < 2);
	made[number] = eventfd(0, EFD_NONBLOCK);
	assert_true(made[number] >= 0);
	if (number == 0)
		pvq_notify(port_id, vq);
	return made[number];
}

/* All of them have to use the one that the device listens to. */
static void
test_pr32_two_threads_ask_for_an_eventfd(void **state)
{
	eventfd_t value;
	int fd;

	(void)state;
	assert_int_equal(pvq_notify_open(PORT, source), 0);
	fd = pvq_notify_fd(PORT, VQ);
	assert_int_equal(fd, made[1]);
	assert_int_equal(nb_made, 2);
	assert_int_equal(fcntl(made[0], F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	pvq_notify(PORT, VQ);
	assert_int_equal(eventfd_read(made[1], &value), 0);
	assert_int_equal(value, 2);
	pvq_notify_close(PORT);
	assert_int_equal(fcntl(made[1], F_GETFD), -1);
	assert_int_equal(pvq_notify_fd(PORT, VQ), -ENODEV);
}

/* A counter at its end holds a notification already: nobody waits for room. */
static void
test_a_full_counter_does_not_block(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(pvq_notify_open(PORT, NULL), 0);
	fd = pvq_notify_fd(PORT, VQ);
	assert_true(fd >= 0);
	assert_int_equal(eventfd_write(fd, UINT64_MAX - 1), 0);
	pvq_notify(PORT, VQ);
	pvq_notify_close(PORT);
}

static pthread_t closer;
static bool closed;

static void *
close_table(void *arg)
{
	(void)arg;
	pvq_notify_close(PORT);
	__atomic_store_n(&closed, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Whoever closes the port meanwhile has time enough for it. */
static int
source_while_closing(uint16_t port_id, uint16_t vq)
{
	(void)port_id;
	(void)vq;
	assert_int_equal(pthread_create(&closer, NULL, close_table, NULL), 0);
	usleep(50000);
	assert_false(__atomic_load_n(&closed, __ATOMIC_ACQUIRE));
	return eventfd(0, EFD_NONBLOCK);
}

/* A secondary process asks while the primary closes the port: its copy is the eventfd, or none. */
static void
test_a_copy_while_the_port_closes(void **state)
{
	eventfd_t value;
	int fd;

	(void)state;
	assert_int_equal(pvq_notify_open(PORT, source_while_closing), 0);
	fd = pvq_notify_dup(PORT, VQ);
	assert_true(fd >= 0);
	assert_int_equal(pthread_join(closer, NULL), 0);
	assert_true(closed);
	assert_int_equal(eventfd_write(fd, 1), 0);
	assert_int_equal(eventfd_read(fd, &value), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(pvq_notify_dup(PORT, VQ), -ENODEV);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pr32_two_threads_ask_for_an_eventfd),
		cmocka_unit_test(test_a_full_counter_does_not_block),
		cmocka_unit_test(test_a_copy_while_the_port_closes),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
