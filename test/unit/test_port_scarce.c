/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * A port that cannot have what it needs, memory or file descriptors, says so, leaves nothing behind
 * and works as soon as there is enough.
 */

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <fcntl.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "port.h"
#include "queue.h"

#define BLOCKS_MAX 4096

/** All that was left of EAL's memory. */
struct hoard {
	void *block[BLOCKS_MAX];
	unsigned int n;
};

/* Take what there is of EAL's memory in blocks of @p least bytes and more. */
static void
hoard_memory(struct hoard *h, size_t least)
{
	size_t size;

	h->n = 0;
	for (size = 64u << 20; size >= least; size /= 2) {
		while (h->n < BLOCKS_MAX) {
			h->block[h->n] = rte_malloc(NULL, size, 0);
			if (h->block[h->n] == NULL)
				break;
			h->n++;
		}
	}
	assert_true(h->n > 0 && h->n < BLOCKS_MAX);
}

static void
hoard_free(struct hoard *h)
{
	while (h->n > 0)
		rte_free(h->block[--h->n]);
}

static void
configured(struct port *p)
{
	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	assert_int_equal(port_configure(p), 0);
}

/* Of what was refused nothing is left: the port works. */
static void
works_all_the_same(struct port *p)
{
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	port_ping(p, 0, 100, 64);
}

static void
test_no_memory_for_a_receive_queue(void **state)
{
	static struct hoard hoard;
	struct port *p = *state;
	int ret;

	configured(p);
	hoard_memory(&hoard, 1024);
	ret = rte_eth_rx_queue_setup(p->id, 0, 4096, SOCKET_ID_ANY, &p->rxconf, p->pool);
	hoard_free(&hoard);
	assert_int_equal(ret, -ENOMEM);
	assert_true(port_log_has("no memory for rx queue 0 with 4096 descriptors"));
	assert_int_equal(port_configure(p), 0);
	works_all_the_same(p);
}

static void
test_no_memory_for_a_transmit_queue(void **state)
{
	static struct hoard hoard;
	struct port *p = *state;
	int ret;

	configured(p);
	hoard_memory(&hoard, 1024);
	ret = rte_eth_tx_queue_setup(p->id, 0, 4096, SOCKET_ID_ANY, &p->txconf);
	hoard_free(&hoard);
	assert_int_equal(ret, -ENOMEM);
	assert_true(port_log_has("no memory for tx queue 0, 1 ring(s) of 4096 descriptors"));
	assert_int_equal(rte_eth_tx_queue_setup(p->id, 0, 4096, SOCKET_ID_ANY, &p->txconf), 0);
	works_all_the_same(p);
}

/* The pool's own buffers would be in memory that no file stands for. */
static void
test_a_pool_with_pinned_external_buffers(void **state)
{
	static struct rte_pktmbuf_extmem memory;
	struct port *p = *state;
	struct rte_mempool *pinned;

	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	assert_int_equal(port_configure(p), 0);
	memory.elt_size = 2048;
	memory.buf_len = 64 * 2048;
	memory.buf_ptr = rte_malloc(NULL, memory.buf_len, 4096);
	memory.buf_iova = rte_malloc_virt2iova(memory.buf_ptr);
	assert_non_null(memory.buf_ptr);
	pinned = rte_pktmbuf_pool_create_extbuf("pinned", 64, 0, 0, 2048, SOCKET_ID_ANY, &memory, 1);
	assert_non_null(pinned);
	assert_int_equal(rte_eth_rx_queue_setup(p->id, 0, 64, SOCKET_ID_ANY, NULL, pinned), -EINVAL);
	assert_true(port_log_has("mempool \"pinned\" has pinned external buffers"));
	rte_mempool_free(pinned);
	rte_free(memory.buf_ptr);
}

/* Let this process have no file descriptor more than it has. @return the limit as it was. */
static struct rlimit
no_more_files(void)
{
	struct rlimit limit, was;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	/* The lowest free number is the first that is not to be had. */
	limit = was;
	limit.rlim_cur = fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return was;
}

static void
test_no_file_descriptors_for_interrupts(void **state)
{
	struct port *p = *state;
	struct rlimit was;
	int ret;

	p->cfg.mode = VHU_ECHO;
	port_backend(p);
	assert_int_equal(port_probe(p, ""), 0);
	p->conf.intr_conf.rxq = 1;
	assert_int_equal(port_configure(p), 0);
	was = no_more_files();
	ret = rte_eth_dev_start(p->id);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(ret, -EIO);
	assert_true(port_log_has("cannot set up Rx interrupts for 1 queues"));
	works_all_the_same(p);
}

/* A log that gave two reasons the same words would be of no help. */
static void
test_every_queue_error_has_words_of_its_own(void **state)
{
	unsigned int i, j;

	(void)state;
	for (i = PVQ_QUEUE_OK; i <= PVQ_QUEUE_NEEDS_RESET; i++) {
		assert_true(strlen(pvq_queue_error_text(i)) > 3);
		for (j = PVQ_QUEUE_OK; j < i; j++)
			assert_string_not_equal(pvq_queue_error_text(i), pvq_queue_error_text(j));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(test_no_memory_for_a_receive_queue),
		port_test(test_no_memory_for_a_transmit_queue),
		port_test(test_a_pool_with_pinned_external_buffers),
		port_test(test_no_file_descriptors_for_interrupts),
		cmocka_unit_test(test_every_queue_error_has_words_of_its_own),
	};

	return cmocka_run_group_tests_name("test_port_scarce", tests, port_group_setup,
					   port_group_teardown);
}
