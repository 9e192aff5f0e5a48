/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/** @file The control queue: commands and answers, and devices that give none (NT-18, HD-24). */

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "cvq.h"
#include "eal.h"

#define CVQ_INDEX 2

/* How the device answers. */
enum manner {
	ANSWER_OK,
	ANSWER_ERR,
	ANSWER_ODD,    /* a number that is none of the specification's */
	ANSWER_LATE,   /* after a while */
	ANSWER_NEVER,
	ANSWER_UNWRITTEN, /* used, with nothing written */
	ANSWER_CLAIMED, /* the same, and it says that there is an answer */
	ANSWER_LONG,   /* says that it wrote more than there is */
	ANSWER_OTHER,  /* uses an id that is not outstanding */
};

static struct env {
	struct pvq_cvq *cvq;
	struct pd_vq *dev;
	struct unit_memory memory;
	pthread_t thread;
	enum manner manner;
	bool stop;
	unsigned int commands;
	uint8_t seen[2 + PVQ_CVQ_DATA_MAX]; /* the last command */
	uint32_t seen_len;
} env;

static void
answer(struct env *e, struct pd_buf *buf)
{
	uint8_t *ack = buf->elements[buf->nb_elements - 1].base;
	unsigned int i;

	e->seen_len = 0;
	for (i = 0; i + 1 < buf->nb_elements; i++) {
		memcpy(e->seen + e->seen_len, buf->elements[i].base, buf->elements[i].len);
		e->seen_len += buf->elements[i].len;
	}
	e->commands++;
	if (e->manner == ANSWER_LATE)
		usleep(30000);
	if (e->manner == ANSWER_OTHER) {
		pd_inject_used(e->dev, buf->id + 1, 1, PD_F_WRITE, 2);
		return;
	}
	if (e->manner != ANSWER_UNWRITTEN && e->manner != ANSWER_CLAIMED)
		*ack = e->manner == ANSWER_ERR ? 1 : e->manner == ANSWER_ODD ? 77 : 0;
	pd_complete(e->dev, buf, e->manner == ANSWER_UNWRITTEN ? 0 :
				 e->manner == ANSWER_LONG ? 2 : 1);
}

static void *
device_thread(void *arg)
{
	struct env *e = arg;

	while (!__atomic_load_n(&e->stop, __ATOMIC_ACQUIRE)) {
		if (e->manner != ANSWER_NEVER && pd_fetch(e->dev, 1) == 1)
			answer(e, pd_first(e->dev));
		else
			usleep(20);
	}
	return NULL;
}

static void
start_device(bool event_idx)
{
	const struct pd_config cfg = {
		.size = env.cvq->vq.size,
		.desc = env.cvq->ring.desc,
		.driver_event = env.cvq->ring.driver_event,
		.device_event = env.cvq->ring.device_event,
		.dir = PD_CONTROL,
		.event_idx = event_idx,
		.translate = unit_translate,
		.translate_arg = &env.memory,
	};

	env.dev = pd_create(&cfg);
	assert_non_null(env.dev);
	env.stop = false;
	assert_int_equal(pthread_create(&env.thread, NULL, device_thread, &env), 0);
}

static void
stop_device(void)
{
	__atomic_store_n(&env.stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(env.thread, NULL), 0);
}

static void
open_queue(uint16_t size, enum manner manner, bool event_idx)
{
	const struct pvq_vq conf = {
		.port_id = UNIT_PORT, .index = CVQ_INDEX, .size = size,
		.socket_id = SOCKET_ID_ANY, .call_fd = -1,
	};

	env = (struct env){.manner = manner};
	env.cvq = pvq_cvq_create(&conf);
	assert_non_null(env.cvq);
	env.cvq->vq.bus_shift = unit_iova_shift();
	pvq_cvq_reset(env.cvq, event_idx, unit_bus() == PVQ_BUS_PLATFORM);
	unit_memory_add(&env.memory, env.cvq->vq.mz->addr, env.cvq->vq.mz->len);
	start_device(event_idx);
}

static void
close_queue(void)
{
	stop_device();
	assert_string_equal(pd_violations_text(env.dev), "");
	pd_destroy(env.dev);
	pvq_cvq_free(env.cvq);
	unit_notifications(CVQ_INDEX);
}

static int
send_command(uint8_t class, uint8_t command, const void *data, uint32_t len)
{
	return pvq_cvq_command(env.cvq, "port0", class, command, data, len);
}

static void
test_nt18_commands_of_every_length(void **state)
{
	static const uint16_t sizes[] = {2, 3, 5, 16};
	static uint8_t data[PVQ_CVQ_DATA_MAX];
	unsigned int i, n;
	uint32_t len;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + 1;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		open_queue(sizes[i], ANSWER_OK, i % 2);
		for (n = 0; n < 40; n++) {
			len = n < 20 ? n : n * 100;
			assert_int_equal(send_command(n % 6, n % 3, data + n, len), 0);
			assert_int_equal(env.seen_len, 2 + len);
			assert_int_equal(env.seen[0], n % 6);
			assert_int_equal(env.seen[1], n % 3);
			assert_memory_equal(env.seen + 2, data + n, len);
		}
		assert_int_equal(send_command(0, 0, data, PVQ_CVQ_DATA_MAX), 0);
		assert_int_equal(send_command(0, 0, data, PVQ_CVQ_DATA_MAX + 1), -E2BIG);
		assert_int_equal(env.commands, 41);
		close_queue();
	}
}

static void
test_nt18_refused(void **state)
{
	static const enum manner manners[] = {ANSWER_ERR, ANSWER_ODD};
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(manners); i++) {
		open_queue(4, manners[i], false);
		assert_int_equal(send_command(1, 1, "abcdef", 6), -EIO);
		env.manner = ANSWER_OK;
		assert_int_equal(send_command(1, 1, "abcdef", 6), 0);
		close_queue();
	}
}

/* What stood there before is the answer to another command. */
static void
test_nt18_an_answer_that_is_only_claimed(void **state)
{
	(void)state;
	open_queue(4, ANSWER_OK, false);
	assert_int_equal(send_command(0, 0, "\1", 1), 0);
	env.manner = ANSWER_CLAIMED;
	assert_int_equal(send_command(0, 0, "\1", 1), -EIO);
	env.manner = ANSWER_OK;
	assert_int_equal(send_command(0, 0, "\1", 1), 0);
	close_queue();
}

static void
test_nt18_an_answer_that_takes_time(void **state)
{
	(void)state;
	open_queue(4, ANSWER_LATE, true);
	assert_int_equal(send_command(0, 0, "\1", 1), 0);
	close_queue();
}

/* From then on nothing goes out, until the device has been reset. */
static void
test_hd24_no_answer(void **state)
{
	(void)state;
	open_queue(4, ANSWER_NEVER, false);
	assert_int_equal(send_command(0, 0, "\1", 1), -ETIMEDOUT);
	assert_int_equal(send_command(0, 0, "\1", 1), -EIO);
	assert_int_equal(pd_available(env.dev), 1);
	stop_device();
	pd_destroy(env.dev);
	pvq_cvq_reset(env.cvq, false, unit_bus() == PVQ_BUS_PLATFORM);
	env.manner = ANSWER_OK;
	start_device(false);
	assert_int_equal(send_command(0, 0, "\1", 1), 0);
	close_queue();
}

static void
test_hd24_answers_that_are_none(void **state)
{
	static const enum manner manners[] = {ANSWER_UNWRITTEN, ANSWER_LONG, ANSWER_OTHER};
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(manners); i++) {
		open_queue(4, manners[i], false);
		assert_int_equal(send_command(0, 0, "\1", 1), -EPROTO);
		assert_int_equal(send_command(0, 0, "\1", 1), -EIO);
		assert_int_equal(env.commands, 1);
		close_queue();
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nt18_commands_of_every_length),
		cmocka_unit_test(test_nt18_refused),
		cmocka_unit_test(test_nt18_an_answer_that_is_only_claimed),
		cmocka_unit_test(test_nt18_an_answer_that_takes_time),
		cmocka_unit_test(test_hd24_no_answer),
		cmocka_unit_test(test_hd24_answers_that_are_none),
	};

	return cmocka_run_group_tests_name("cvq", tests, unit_eal_start, unit_eal_stop);
}
