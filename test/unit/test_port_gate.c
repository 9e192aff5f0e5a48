/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

/**
 * @file
 * Keeping polling lcores out (L-15), as the control path does it: every thread is made to execute a
 * barrier between the closing of a gate and the wait for whoever is inside, and nothing happens to a
 * ring before that one has left.
 *
 * syscall() of the C library is ours here, to see membarrier(2), and to let it fail.
 */

#include <dlfcn.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_log.h>
#include <ethdev_driver.h>

#include "device.h"
#include "port.h"
#include "queue.h"

/* What the port's queues have to show when the barrier is executed, and how often it was. */
static struct {
	int refused;          /* this command fails, and with QUERY is not known */
	unsigned int queries;
	unsigned int registers;
	unsigned int expedited;
	unsigned int global;
	const struct pvq_gate *gate;
	uint32_t closed_by;   /* bits that the gate is to have */
	unsigned int in_time; /* barriers that found one of them */
	void *new_memory_of;  /* device that gets more memory at the first barrier */
	uint32_t found;       /* the gate once it is open after that */
} seen = {.refused = -1};

static long
watch(int cmd, long (*real)(long, ...))
{
	if (cmd == MEMBARRIER_CMD_QUERY)
		seen.queries++;
	else if (cmd == MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED)
		seen.registers++;
	else if (cmd == MEMBARRIER_CMD_GLOBAL_EXPEDITED)
		seen.expedited++;
	else if (cmd == MEMBARRIER_CMD_GLOBAL)
		seen.global++;
	if (cmd == seen.refused) {
		errno = EPERM;
		return -1;
	}
	if (seen.gate != NULL && (pvq_gate_state(seen.gate) & seen.closed_by) != 0)
		__atomic_fetch_add(&seen.in_time, 1, __ATOMIC_RELAXED);
	if (seen.new_memory_of != NULL) {
		void *dev = seen.new_memory_of;

		seen.new_memory_of = NULL;
		seen.found = UINT32_MAX;
		pvq_device_memory_changed(dev);
	}
	return real(__NR_membarrier, cmd, 0, 0);
}

/* The driver's line that a device is up comes once its gates are open, under the device's lock. */
int
rte_log(uint32_t level, uint32_t type, const char *format, ...)
{
	const uint32_t word = seen.gate != NULL ? pvq_gate_state(seen.gate) : PVQ_GATE_AWAY;
	va_list args;
	int ret;

	if ((word & PVQ_GATE_AWAY) == 0 && seen.found == UINT32_MAX)
		seen.found = word;
	va_start(args, format);
	ret = rte_vlog(level, type, format, args);
	va_end(args);
	return ret;
}

/* As the C library's, it takes six arguments whether there are as many or not. */
__attribute__((no_sanitize("address"))) long
syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6];
	va_list args;
	unsigned int i;

	if (real == NULL)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	va_start(args, number);
	for (i = 0; i < RTE_DIM(a); i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == __NR_membarrier)
		return watch((int)a[0], real);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void
forget_seen(int refused)
{
	memset(&seen, 0, sizeof(seen));
	seen.refused = refused;
}

static void
test_l15_threads_are_registered_for_the_barrier(void **state)
{
	(void)state;
	forget_seen(-1);
	assert_int_equal(pvq_gate_init(), 0);
	assert_true(seen.queries >= 1);
	assert_int_equal(seen.registers, 1);
	assert_int_equal(seen.expedited, 1);
	pvq_gate_barrier();
	assert_int_equal(seen.expedited, 2);
	assert_int_equal(seen.global, 0);
}

/* A barrier that would pass by the threads of this process is not used. */
static void
test_l15_registration_refused(void **state)
{
	int ret;

	(void)state;
	forget_seen(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
	ret = pvq_gate_init();
	assert_int_equal(seen.expedited, 0);
	/* The slow barrier, where this kernel has it. */
	if (ret == 0) {
		assert_int_equal(seen.global, 1);
		pvq_gate_barrier();
		assert_int_equal(seen.global, 2);
	} else {
		assert_int_equal(ret, -ENOTSUP);
	}
	forget_seen(-1);
	assert_int_equal(pvq_gate_init(), 0);
}

static void
test_l15_barrier_refused(void **state)
{
	(void)state;
	forget_seen(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
	assert_int_equal(pvq_gate_init(), -ENOTSUP);
	forget_seen(MEMBARRIER_CMD_QUERY);
	assert_int_equal(pvq_gate_init(), -ENOTSUP);
	forget_seen(-1);
	assert_int_equal(pvq_gate_init(), 0);
}

/* ---- a port ----------------------------------------------------------------------------------- */

static struct pvq_gate *
rx_gate(const struct port *p)
{
	return &((struct pvq_rxq *)rte_eth_devices[p->id].data->rx_queues[0])->gate;
}

static struct pvq_gate *
tx_gate(const struct port *p)
{
	return &((struct pvq_txq *)rte_eth_devices[p->id].data->tx_queues[0])->gate;
}

static int
stop_port(const struct port *p)
{
	return rte_eth_dev_stop(p->id);
}

static int
stop_rxq(const struct port *p)
{
	return rte_eth_dev_rx_queue_stop(p->id, 0);
}

static int
stop_txq(const struct port *p)
{
	return rte_eth_dev_tx_queue_stop(p->id, 0);
}

static int
kill_backend(const struct port *p)
{
	vhu_backend_kill(p->b);
	return port_wait_link(p, false, PORT_WAIT_MS) ? 0 : -ETIMEDOUT;
}

static int
change_memory(const struct port *p)
{
	pvq_device_memory_changed(rte_eth_devices[p->id].data->dev_private);
	return 0;
}

static int
break_device(const struct port *p)
{
	vhu_backend_needs_reset(p->b);
	return port_wait_link(p, false, PORT_WAIT_MS) ? 0 : -ETIMEDOUT;
}

/** An operation that closes gates, and which. */
static const struct operation {
	int (*run)(const struct port *p);
	struct pvq_gate *(*gate)(const struct port *p);
	uint32_t bits;
	bool waits;
} operations[] = {
	{stop_rxq, rx_gate, PVQ_GATE_STOPPED, true},
	{stop_txq, tx_gate, PVQ_GATE_STOPPED, true},
	{stop_port, rx_gate, PVQ_GATE_STOPPED, true},
	{stop_port, tx_gate, PVQ_GATE_STOPPED, true},
	{stop_port, rx_gate, PVQ_GATE_AWAY, true},
	{stop_port, tx_gate, PVQ_GATE_AWAY, true},
	{change_memory, tx_gate, PVQ_GATE_MEMORY, false},
	{break_device, rx_gate, PVQ_GATE_ERROR, false},
	{break_device, tx_gate, PVQ_GATE_ERROR, false},
	{kill_backend, tx_gate, PVQ_GATE_AWAY, false},
};

static void
start_again(struct port *p)
{
	if (rte_eth_devices[p->id].data->dev_started == 0)
		assert_int_equal(rte_eth_dev_start(p->id), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(p->id, 0), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(p->id, 0), 0);
	port_wait_up(p);
}

static void
test_l15_barrier_behind_every_closed_gate(void **state)
{
	struct port *p = *state;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	for (i = 0; i < RTE_DIM(operations); i++) {
		const struct operation *op = &operations[i];

		forget_seen(-1);
		seen.closed_by = op->bits;
		seen.gate = op->gate(p);
		assert_int_equal(op->run(p), 0);
		seen.gate = NULL;
		assert_true(__atomic_load_n(&seen.in_time, __ATOMIC_RELAXED) > 0);
		if (op->run == break_device)
			assert_int_equal(stop_port(p), 0);
		if (op->run != kill_backend)
			start_again(p);
	}
	forget_seen(-1);
}

/* A ring opens for sending only when the device knows all memory there is. */
static void
test_memory_that_comes_while_a_device_is_set_up(void **state)
{
	struct port *p = *state;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	assert_int_equal(stop_port(p), 0);
	forget_seen(-1);
	seen.gate = tx_gate(p);
	seen.new_memory_of = rte_eth_devices[p->id].data->dev_private;
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	port_wait_up(p);
	seen.gate = NULL;
	assert_null(seen.new_memory_of);
	assert_int_not_equal(seen.found, UINT32_MAX);
	assert_true(seen.found & PVQ_GATE_MEMORY);
	/* And does when it has been told. */
	for (i = 0; i < PORT_WAIT_MS && pvq_gate_state(tx_gate(p)) & PVQ_GATE_MEMORY; i++)
		port_sleep_ms(1);
	port_ping(p, 0, 100, 64);
}

/** A lcore in the middle of a burst. */
struct inside {
	struct pvq_gate *gate;
	uint32_t entered;
	uint32_t leave; /* for one that would stay */
	uint32_t left;
	bool stays;
};

static void *
inside_thread(void *arg)
{
	struct inside *in = arg;

	pvq_gate_enter(in->gate);
	__atomic_store_n(&in->entered, 1, __ATOMIC_RELEASE);
	if (!in->stays)
		port_sleep_ms(100);
	while (in->stays && !__atomic_load_n(&in->leave, __ATOMIC_ACQUIRE))
		sched_yield();
	__atomic_store_n(&in->left, 1, __ATOMIC_RELEASE);
	pvq_gate_leave(in->gate);
	return NULL;
}

static void
go_inside(struct inside *in, pthread_t *thread)
{
	assert_int_equal(pthread_create(thread, NULL, inside_thread, in), 0);
	assert_true(port_wait_count(&in->entered, 1, PORT_WAIT_MS));
}

static void
test_l15_bursts_are_waited_for(void **state)
{
	struct port *p = *state;
	pthread_t thread;
	unsigned int i;

	p->cfg.mode = VHU_ECHO;
	port_up(p, "");
	for (i = 0; i < RTE_DIM(operations); i++) {
		const struct operation *op = &operations[i];
		struct inside in = {.gate = op->gate(p)};
		uint32_t left;
		int ret;

		if (!op->waits)
			continue;
		go_inside(&in, &thread);
		ret = op->run(p);
		left = __atomic_load_n(&in.left, __ATOMIC_ACQUIRE);
		pthread_join(thread, NULL);
		assert_int_equal(ret, 0);
		assert_int_equal(left, 1);
		start_again(p);
	}
	port_ping(p, 0, 100, 64);
}

/* Whoever stays has the ring: the operation fails, and not an mbuf is freed. */
static void
test_l15_a_burst_without_end(void **state)
{
	struct port *p = *state;
	pthread_t thread;
	unsigned int i;

	port_up(p, "");
	port_send(p, 0, 5, 64);
	for (i = 0; i < 4; i++) {
		const struct operation *op = &operations[i];
		const unsigned int in_use = rte_mempool_in_use_count(p->pool);
		struct inside in = {.gate = op->gate(p), .stays = true};
		unsigned int after;
		int ret;

		go_inside(&in, &thread);
		ret = op->run(p);
		after = rte_mempool_in_use_count(p->pool);
		__atomic_store_n(&in.leave, 1, __ATOMIC_RELEASE);
		pthread_join(thread, NULL);
		assert_int_equal(ret, -EBUSY);
		assert_int_equal(after, in_use);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l15_threads_are_registered_for_the_barrier),
		cmocka_unit_test(test_l15_registration_refused),
		cmocka_unit_test(test_l15_barrier_refused),
		port_test(test_l15_barrier_behind_every_closed_gate),
		port_test(test_memory_that_comes_while_a_device_is_set_up),
		port_test(test_l15_bursts_are_waited_for),
		port_test(test_l15_a_burst_without_end),
	};

	return cmocka_run_group_tests_name("port_gate", tests, port_group_setup,
					   port_group_teardown);
}
