/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "vhu_priv.h"

/** What a wait is for. */
struct goal {
	bool (*reached)(struct vhu_backend *b, const struct goal *goal);
	uint64_t count;
	uint32_t request;
};

void
vhu_config_init(struct vhu_config *cfg, const char *path)
{
	static const uint8_t mac[6] = { 0x02, 0x70, 0x76, 0x71, 0x00, 0x01 };

	memset(cfg, 0, sizeof(*cfg));
	cfg->path = path;
	cfg->features = VHU_F_DEFAULT;
	cfg->protocol_features = VHU_PF_DEFAULT;
	cfg->queue_pairs = 1;
	cfg->mem_slots = 32;
	memcpy(cfg->mac, mac, sizeof(mac));
	cfg->mtu = 1500;
	cfg->status = VHU_LINK_UP;
	cfg->speed = UINT32_MAX;
	cfg->duplex = 0xff;
	cfg->claimed_pairs = UINT32_MAX;
	cfg->generator.min_len = VHU_GENERATE_MIN;
	cfg->generator.max_len = 1514;
	cfg->generator.window = 64;
}

void
vhu_backend_lock(struct vhu_backend *b)
{
	__atomic_fetch_add(&b->waiters, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&b->lock);
	__atomic_fetch_sub(&b->waiters, 1, __ATOMIC_RELAXED);
}

void
vhu_backend_unlock(struct vhu_backend *b)
{
	pthread_mutex_unlock(&b->lock);
}

static void
init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

static bool
generator_makes_sense(const struct vhu_generator *gen)
{
	return gen->min_len >= VHU_GENERATE_MIN && gen->min_len <= gen->max_len &&
	       gen->max_len <= 65535 && gen->window > 0;
}

struct vhu_backend *
vhu_backend_create(const struct vhu_config *cfg)
{
	struct vhu_backend *b;
	uint32_t i;

	if (cfg->path == NULL || strlen(cfg->path) >= VHU_PATH_BYTES || cfg->queue_pairs == 0 ||
	    cfg->queue_pairs > VHU_MAX_PAIRS || cfg->mem_slots > VHU_MAX_REGIONS ||
	    cfg->nb_faults > VHU_MAX_FAULTS || !generator_makes_sense(&cfg->generator))
		return NULL;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return NULL;
	b->cfg = *cfg;
	strcpy(b->path, cfg->path);
	b->cfg.path = b->path;
	b->listen_fd = b->conn_fd = b->driver_fd = -1;
	for (i = 0; i < VHU_MAX_VRINGS; i++)
		b->vrings[i].kick_fd = b->vrings[i].call_fd = -1;
	b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->wake_fd < 0) {
		free(b);
		return NULL;
	}
	pthread_mutex_init(&b->lock, NULL);
	init_cond(&b->cond);
	return b;
}

static int
listen_at(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	strcpy(sa.sun_path, path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 4) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int
vhu_backend_start(struct vhu_backend *b)
{
	int ret;

	if (b->running)
		return -EALREADY;
	if (!b->cfg.client) {
		b->listen_fd = listen_at(b->path);
		if (b->listen_fd < 0) {
			ret = b->listen_fd;
			b->listen_fd = -1;
			return ret;
		}
	}
	b->stop = b->drop = false;
	ret = pthread_create(&b->thread, NULL, vhu_thread_main, b);
	b->running = ret == 0;
	if (!b->running && b->listen_fd >= 0) {
		close(b->listen_fd);
		b->listen_fd = -1;
	}
	return -ret;
}

void
vhu_wake(struct vhu_backend *b)
{
	uint64_t one = 1;
	ssize_t n;

	/* A full counter wakes as well as another one. */
	n = write(b->wake_fd, &one, sizeof(one));
	(void)n;
}

void
vhu_backend_kill(struct vhu_backend *b)
{
	if (!b->running)
		return;
	vhu_backend_lock(b);
	b->stop = true;
	/* The thread may be in the middle of a message. */
	if (b->conn_fd >= 0)
		shutdown(b->conn_fd, SHUT_RDWR);
	vhu_backend_unlock(b);
	vhu_wake(b);
	pthread_join(b->thread, NULL);
	b->running = false;
	vhu_backend_lock(b);
	vhu_connection_reset(b);
	vhu_backend_unlock(b);
	if (b->listen_fd >= 0)
		close(b->listen_fd);
	b->listen_fd = -1;
}

void
vhu_backend_stop(struct vhu_backend *b)
{
	bool server = b->listen_fd >= 0;

	vhu_backend_kill(b);
	if (server)
		unlink(b->path);
}

void
vhu_backend_destroy(struct vhu_backend *b)
{
	if (b == NULL)
		return;
	vhu_backend_stop(b);
	close(b->wake_fd);
	pthread_cond_destroy(&b->cond);
	pthread_mutex_destroy(&b->lock);
	free(b->log);
	free(b->text);
	free(b);
}

static bool
wait_for(struct vhu_backend *b, const struct goal *goal, uint32_t timeout_ms)
{
	struct timespec end;
	bool reached;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += timeout_ms % 1000 * 1000000l;
	if (end.tv_nsec >= 1000000000l) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000l;
	}
	vhu_backend_lock(b);
	while (!(reached = goal->reached(b, goal)))
		if (pthread_cond_timedwait(&b->cond, &b->lock, &end) == ETIMEDOUT) {
			reached = goal->reached(b, goal);
			break;
		}
	vhu_backend_unlock(b);
	return reached;
}

static bool
is_connected(struct vhu_backend *b, const struct goal *goal)
{
	return (b->conn_fd >= 0) == (goal->count != 0);
}

bool
vhu_backend_wait_connected(struct vhu_backend *b, bool up, uint32_t timeout_ms)
{
	return wait_for(b, &(struct goal){ is_connected, up, 0 }, timeout_ms);
}

static bool
is_dropped(struct vhu_backend *b, const struct goal *goal)
{
	(void)goal;
	return !b->drop;
}

void
vhu_backend_disconnect(struct vhu_backend *b)
{
	if (!b->running)
		return;
	vhu_backend_lock(b);
	b->drop = b->conn_fd >= 0;
	vhu_backend_unlock(b);
	vhu_wake(b);
	wait_for(b, &(struct goal){ is_dropped, 0, 0 }, 5000);
}

static bool
first_pair_live(struct vhu_backend *b, const struct goal *goal)
{
	(void)goal;
	return b->vrings[0].live && b->vrings[1].live;
}

bool
vhu_backend_wait_live(struct vhu_backend *b, uint32_t timeout_ms)
{
	return wait_for(b, &(struct goal){ first_pair_live, 0, 0 }, timeout_ms);
}

static bool
enough_vrings(struct vhu_backend *b, const struct goal *goal)
{
	uint32_t i, n = 0;

	for (i = 0; i < VHU_MAX_VRINGS; i++)
		n += b->vrings[i].live;
	return n >= goal->count;
}

bool
vhu_backend_wait_vrings(struct vhu_backend *b, uint32_t count, uint32_t timeout_ms)
{
	return wait_for(b, &(struct goal){ enough_vrings, count, 0 }, timeout_ms);
}

static bool
enough_messages(struct vhu_backend *b, const struct goal *goal)
{
	return b->counts[goal->request] >= goal->count;
}

bool
vhu_backend_wait_message(struct vhu_backend *b, uint32_t request, uint32_t count,
			 uint32_t timeout_ms)
{
	if (request >= VHU_REQUEST_END)
		return false;
	return wait_for(b, &(struct goal){ enough_messages, count, request }, timeout_ms);
}

static bool
enough_packets(struct vhu_backend *b, const struct goal *goal)
{
	return b->packets >= goal->count;
}

bool
vhu_backend_wait_packets(struct vhu_backend *b, uint64_t count, uint32_t timeout_ms)
{
	return wait_for(b, &(struct goal){ enough_packets, count, 0 }, timeout_ms);
}

void
vhu_backend_set_config(struct vhu_backend *b, const struct vhu_config *cfg)
{
	vhu_backend_lock(b);
	b->cfg = *cfg;
	b->cfg.path = b->path;
	memset(b->fault_seen, 0, sizeof(b->fault_seen));
	b->work_left = true;
	vhu_backend_unlock(b);
	vhu_wake(b);
}

void
vhu_backend_behave(struct vhu_backend *b, const struct vhu_behave *how,
		   const struct vhu_generator *gen)
{
	vhu_backend_lock(b);
	if (how != NULL)
		b->cfg.behave = *how;
	if (gen != NULL && generator_makes_sense(gen))
		b->cfg.generator = *gen;
	b->work_left = true;
	vhu_backend_unlock(b);
	vhu_wake(b);
}

int
vhu_backend_set_fault(struct vhu_backend *b, uint32_t request, enum vhu_fault_kind kind,
		      uint32_t nth)
{
	int ret = -ENOSPC;

	vhu_backend_lock(b);
	if (b->cfg.nb_faults < VHU_MAX_FAULTS) {
		b->fault_seen[b->cfg.nb_faults] = 0;
		b->cfg.faults[b->cfg.nb_faults++] = (struct vhu_fault){ request, kind, nth };
		ret = 0;
	}
	vhu_backend_unlock(b);
	return ret;
}

void
vhu_backend_clear_faults(struct vhu_backend *b)
{
	vhu_backend_lock(b);
	b->cfg.nb_faults = 0;
	vhu_backend_unlock(b);
}

void
vhu_backend_needs_reset(struct vhu_backend *b)
{
	vhu_backend_lock(b);
	b->status |= VHU_STATUS_NEEDS_RESET;
	vhu_backend_unlock(b);
}

/* Read one field under the lock. */
#define LOCKED(b, expr)                                                                         \
	({                                                                                      \
		__typeof__(expr) locked_value;                                                  \
		vhu_backend_lock(b);                                                            \
		locked_value = (expr);                                                          \
		vhu_backend_unlock(b);                                                          \
		locked_value;                                                                   \
	})

bool
vhu_backend_connected(struct vhu_backend *b)
{
	return LOCKED(b, b->conn_fd) >= 0;
}

uint32_t
vhu_backend_connections(struct vhu_backend *b)
{
	return LOCKED(b, b->connections);
}

uint64_t
vhu_backend_features(struct vhu_backend *b)
{
	return LOCKED(b, b->features);
}

uint64_t
vhu_backend_protocol_features(struct vhu_backend *b)
{
	return LOCKED(b, b->protocol_features);
}

uint8_t
vhu_backend_status(struct vhu_backend *b)
{
	return LOCKED(b, b->status);
}

uint32_t
vhu_backend_regions(struct vhu_backend *b)
{
	return LOCKED(b, b->nb_regions);
}

uint64_t
vhu_backend_memory(struct vhu_backend *b)
{
	uint64_t sum = 0;
	uint32_t i;

	vhu_backend_lock(b);
	for (i = 0; i < b->nb_regions; i++)
		sum += b->regions[i].wire.size;
	vhu_backend_unlock(b);
	return sum;
}

uint64_t
vhu_backend_mtu(struct vhu_backend *b)
{
	return LOCKED(b, b->mtu);
}

uint64_t
vhu_backend_packets(struct vhu_backend *b)
{
	return LOCKED(b, b->packets);
}
