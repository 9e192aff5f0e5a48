/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_version.h>
#include <bus_vdev_driver.h>

#include "pool_ops.h"
#include "port.h"
#include "port_log.h"

#define NAME "net_pvq0"
#define DEFAULT_MBUFS 2047u

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_LSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_LSAN 1
#endif
#endif

#ifdef HAVE_LSAN
const char *
__lsan_default_suppressions(void);

/* What EAL keeps from its start until the process ends. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:rte_eal_init\n";
}
#endif

static char runtime_dir[256];

void
port_eal_start(const char *lcores, bool telemetry)
{
	char prefix[40], pool_ops[64];
	const char *argv[] = {"test", "--no-huge", "-m", "256", "--no-pci", "--no-shconf",
			      "--lcores", lcores, "--log-level=pmd.net.pvq:info", prefix,
			      pool_ops,
			      telemetry ? "--telemetry" : "--no-telemetry", NULL};

	snprintf(pool_ops, sizeof(pool_ops), "--mbuf-pool-ops-name=%s", pool_ops_name());
	snprintf(prefix, sizeof(prefix), "--file-prefix=pvqtest%d", (int)getpid());
	assert_true(rte_eal_init(RTE_DIM(argv) - 1, (char **)(uintptr_t)argv) >= 0);
	snprintf(runtime_dir, sizeof(runtime_dir), "%s", rte_eal_get_runtime_dir());
	assert_int_equal(port_log_open(), 0);
}

int
port_group_setup(void **state)
{
	(void)state;
	port_eal_start("0", false);
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
remove_tree(const char *path)
{
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int
port_group_teardown(void **state)
{
	(void)state;
	port_log_close();
	rte_eal_cleanup();
	remove_tree(runtime_dir);
	return 0;
}

void
port_init(struct port *p)
{
	memset(p, 0, sizeof(*p));
	p->id = RTE_MAX_ETHPORTS;
	p->nb_rxq = p->nb_txq = 1;
	p->nb_rxd = p->nb_txd = 64;
	snprintf(p->dir, sizeof(p->dir), "/tmp/pvqtestXXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/s", p->dir);
	vhu_config_init(&p->cfg, p->path);
	port_pool(p, DEFAULT_MBUFS, RTE_MBUF_DEFAULT_BUF_SIZE);
	port_log_clear();
	port_time_divisor(1);
}

int
port_setup(void **state)
{
	struct port *p = malloc(sizeof(*p));

	assert_non_null(p);
	port_init(p);
	*state = p;
	return 0;
}

/* All is taken down before the first check, so that the next test finds nothing left over. */
int
port_finish(struct port *p)
{
	char breaches[4096] = "";
	bool whole;

	if (p->end != NULL)
		p->end(p->end_arg);
	port_time_divisor(1);
	port_close(p);
	if (p->b != NULL && !p->expect_violations)
		snprintf(breaches, sizeof(breaches), "%s", vhu_backend_violations_text(p->b));
	vhu_backend_destroy(p->b);
	whole = port_is_whole(p);
	if (!whole)
		print_error("%u of %u mbufs are back\n", rte_mempool_avail_count(p->pool),
			    p->pool_size);
	rte_mempool_free(p->pool);
	remove_tree(p->dir);
	if (breaches[0] != '\0')
		print_error("%s", breaches);
	return whole && breaches[0] == '\0' ? 0 : -1;
}

int
port_teardown(void **state)
{
	int ret = port_finish(*state);

	free(*state);
	*state = NULL;
	return ret;
}

void
port_pool(struct port *p, uint32_t nb_mbufs, uint16_t room)
{
	rte_mempool_free(p->pool);
	p->pool_size = nb_mbufs;
	p->pool = rte_pktmbuf_pool_create("port", nb_mbufs, 0, 0, room, SOCKET_ID_ANY);
	assert_non_null(p->pool);
}

void
port_backend(struct port *p)
{
	p->b = vhu_backend_create(&p->cfg);
	assert_non_null(p->b);
	assert_int_equal(vhu_backend_start(p->b), 0);
}

void
port_backend_restart(struct port *p)
{
	vhu_backend_kill(p->b);
	vhu_backend_set_config(p->b, &p->cfg);
	assert_int_equal(vhu_backend_start(p->b), 0);
}

int
port_probe(struct port *p, const char *args)
{
	char all[256];
	int ret;

	snprintf(all, sizeof(all), "path=%s%s", p->path, args);
	ret = rte_vdev_init(NAME, all);
	if (ret == 0)
		assert_int_equal(rte_eth_dev_get_port_by_name(NAME, &p->id), 0);
	return ret;
}

int
port_configure(struct port *p)
{
	uint16_t i;
	int ret;

	ret = rte_eth_dev_configure(p->id, p->nb_rxq, p->nb_txq, &p->conf);
	for (i = 0; i < p->nb_rxq && ret == 0; i++)
		ret = rte_eth_rx_queue_setup(p->id, i, p->nb_rxd, SOCKET_ID_ANY, &p->rxconf,
					     p->pool);
	for (i = 0; i < p->nb_txq && ret == 0; i++)
		ret = rte_eth_tx_queue_setup(p->id, i, p->nb_txd, SOCKET_ID_ANY, &p->txconf);
	return ret;
}

void
port_start(struct port *p, const char *args)
{
	assert_int_equal(port_probe(p, args), 0);
	assert_int_equal(port_configure(p), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
}

void
port_up(struct port *p, const char *args)
{
	port_backend(p);
	port_start(p, args);
	port_wait_up(p);
}

static int
on_event(uint16_t id, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct rte_eth_link link = {0};
	struct port *p = arg;

	(void)ret;
	if (type == RTE_ETH_EVENT_INTR_LSC) {
		if (rte_eth_link_get_nowait(id, &link) == 0)
			__atomic_store_n(&p->last_link, link.link_status, __ATOMIC_RELAXED);
		__atomic_fetch_add(&p->link_events, 1, __ATOMIC_RELEASE);
	} else if (type == RTE_ETH_EVENT_INTR_RMV) {
		__atomic_fetch_add(&p->remove_events, 1, __ATOMIC_RELEASE);
	} else {
		__atomic_fetch_add(&p->reset_events, 1, __ATOMIC_RELEASE);
	}
	return 0;
}

static const enum rte_eth_event_type watched_events[] = {
	RTE_ETH_EVENT_INTR_LSC, RTE_ETH_EVENT_INTR_RESET, RTE_ETH_EVENT_INTR_RMV,
};

void
port_watch(struct port *p)
{
	unsigned int i;

	p->watched = true;
	for (i = 0; i < RTE_DIM(watched_events); i++)
		assert_int_equal(rte_eth_dev_callback_register(p->id, watched_events[i], on_event,
							       p), 0);
}

/* ethdev keeps callbacks for the next port of this number. */
static void
port_unwatch(struct port *p)
{
	const uint64_t end = port_now_ms() + PORT_WAIT_MS;
	unsigned int i;

	if (!p->watched)
		return;
	p->watched = false;
	for (i = 0; i < RTE_DIM(watched_events); i++)
		while (rte_eth_dev_callback_unregister(p->id, watched_events[i], on_event, p) ==
			       -EAGAIN && port_now_ms() < end)
			port_sleep_ms(1);
}

void
port_close(struct port *p)
{
	if (p->id == RTE_MAX_ETHPORTS)
		return;
	/* Of a port that is stopped this is no error. */
	rte_eth_dev_stop(p->id);
	port_unwatch(p);
	if (p->detach != NULL)
		p->detach(p);
	else
		rte_vdev_uninit(NAME);
	p->id = RTE_MAX_ETHPORTS;
}

bool
port_wait_link(const struct port *p, bool up, uint32_t timeout_ms)
{
	const uint64_t end = port_now_ms() + timeout_ms;
	struct rte_eth_link link;

	do {
		assert_int_equal(rte_eth_link_get_nowait(p->id, &link), 0);
		if (link.link_status == (up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN))
			return true;
		port_sleep_ms(1);
	} while (port_now_ms() < end);
	return false;
}

bool
port_wait_count(const uint32_t *what, uint32_t count, uint32_t timeout_ms)
{
	const uint64_t end = port_now_ms() + timeout_ms;

	while (__atomic_load_n(what, __ATOMIC_ACQUIRE) < count) {
		if (port_now_ms() > end)
			return false;
		port_sleep_ms(1);
	}
	return true;
}

void
port_wait_up(const struct port *p)
{
	/* In this order: the link may still be the old connection's, running rings cannot. */
	assert_true(vhu_backend_wait_live(p->b, PORT_WAIT_MS));
	assert_true(port_wait_link(p, true, PORT_WAIT_MS));
}

bool
port_is_whole(const struct port *p)
{
	return rte_mempool_avail_count(p->pool) == p->pool_size - p->leaked;
}

uint64_t
port_xstat(const struct port *p, const char *name)
{
	uint64_t id, value;

	assert_int_equal(rte_eth_xstats_get_id_by_name(p->id, name, &id), 0);
	assert_int_equal(rte_eth_xstats_get_by_id(p->id, &id, &value, 1), 1);
	return value;
}

static void
report_xstats(const struct port *p)
{
	struct rte_eth_xstat_name names[512];
	struct rte_eth_xstat stats[512];
	int i, n = rte_eth_xstats_get_names(p->id, names, RTE_DIM(names));

	if (n > (int)RTE_DIM(names) || rte_eth_xstats_get(p->id, stats, RTE_DIM(stats)) != n)
		return;
	for (i = 0; i < n; i++)
		if (stats[i].value != 0)
			fprintf(stderr, "  %s %" PRIu64 "\n", names[stats[i].id].name,
				stats[i].value);
}

void
port_report(const struct port *p, const char *what)
{
	struct vhu_vring_info info;
	struct rte_eth_link link;
	uint32_t i;

	fprintf(stderr, "%s at %" PRIu64 " ms\n", what, port_now_ms());
	if (rte_eth_link_get_nowait(p->id, &link) == 0)
		fprintf(stderr, "  link %s, %u mbufs free\n", link.link_status ? "up" : "down",
			rte_mempool_avail_count(p->pool));
	report_xstats(p);
	for (i = 0; i < 2 * p->cfg.queue_pairs; i++) {
		if (vhu_backend_vring(p->b, i, &info) != 0)
			continue;
		fprintf(stderr, "  backend's virtqueue %u: %s, %" PRIu64 " packets, %" PRIu64
			" notifications, %" PRIu64 " starts\n", i, info.live ? "live" : "not live",
			info.packets, info.notifications, info.starts);
	}
	port_log_print();
}
