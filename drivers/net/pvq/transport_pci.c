/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <ethdev_driver.h>

#include "compat.h"
#include "transport_pci.h"

#define TEND_MS 100
/* After a device did not do what it should: it will hardly be better at once. */
#define RETRY_MS 1000
/*
 * Nothing interrupts when the device is unplugged, and an interrupt may be missed: so its registers
 * are read now and then; not often, since a hypervisor may have to answer each time.
 */
#define LOOK_MS 1000
/* So often at most, however often it interrupts (HD-27). */
#define LOOK_AGAIN_MS 1

struct pci {
	struct pvq_device *dev;
	struct pvq_pci_regs regs;
	struct pvq_pci_intr_source source;
	struct pvq_pci_intr intr;
	pvq_thread_t thread;
	int wake_fd;
	bool quit;
	bool dropped; /* to be reset and looked at anew; dev->lock */
	bool idle;    /* it has been reset and told nothing since; dev->lock */
	pthread_mutex_t visiting; /* for the next two; taken before dev->lock */
	bool there; /* read by the thread without that */
	bool gone;
	/* The thread's own: */
	bool changed; /* an interrupt said so, and nobody has looked since */
	uint64_t looked_ms;
};

static struct pci *
pci_of(const struct pvq_device *dev)
{
	return dev->transport_priv;
}

static int
op_get_features(struct pvq_device *dev, uint64_t *features)
{
	const struct pvq_pci_regs *regs = &pci_of(dev)->regs;
	int ret = pvq_pci_get_features(regs, features);

	/* Offered, and no place to ask for it (PC-07). */
	if (!PVQ_PCI_HAS_FIELD(regs, queue_notif_config_data))
		*features &= ~(1ULL << VIRTIO_F_NOTIF_CONFIG_DATA);
	if (!PVQ_PCI_HAS_FIELD(regs, queue_reset))
		*features &= ~(1ULL << VIRTIO_F_RING_RESET);
	return ret;
}

static int
op_set_features(struct pvq_device *dev, uint64_t features)
{
	/* Then it uses physical addresses, which behind an IOMMU nobody knows. */
	if (rte_eal_iova_mode() == RTE_IOVA_VA && (features >> VIRTIO_F_ACCESS_PLATFORM & 1) == 0)
		PVQ_LOG(WARNING, dev->name,
			"the device does not offer ACCESS_PLATFORM: it may not find its memory, "
			"since that is behind an IOMMU (QEMU: iommu_platform=on)");
	return pvq_pci_set_features(&pci_of(dev)->regs, features);
}

static int
op_get_status(struct pvq_device *dev, uint8_t *status)
{
	return pvq_pci_get_status(&pci_of(dev)->regs, status);
}

static int
op_set_status(struct pvq_device *dev, uint8_t status)
{
	struct pci *pci = pci_of(dev);
	int ret;

	if ((status & VIRTIO_STATUS_DRIVER_OK) != 0)
		pvq_pci_intr_config(&pci->intr);
	ret = pvq_pci_set_status(&pci->regs, status);
	pci->idle = ret == 0 && status == 0;
	return ret;
}

static int
op_read_config(struct pvq_device *dev, uint32_t offset, uint32_t len, void *to)
{
	return pvq_pci_read_config(&pci_of(dev)->regs, offset, len, to);
}

static int
op_get_num_queues(struct pvq_device *dev, uint16_t *queues)
{
	int ret = pvq_pci_num_queues(&pci_of(dev)->regs, queues);

	if (ret != 0 || *queues >= 2)
		return ret;
	PVQ_LOG(ERR, dev->name, "the device has %u virtqueues and needs 2", *queues);
	return -EINVAL;
}

static int
op_get_queue_size(struct pvq_device *dev, uint16_t vq, uint16_t *size)
{
	return pvq_pci_get_queue_size(&pci_of(dev)->regs, vq, size);
}

/* EAL maps memory for the device before anybody can have an mbuf in it. */
static int
op_share_memory(struct pvq_device *dev)
{
	RTE_SET_USED(dev);
	return 0;
}

static int
op_queue_setup(struct pvq_device *dev, struct pvq_vq *vq, const struct pvq_ring *ring)
{
	struct pci *pci = pci_of(dev);
	const bool data = pvq_has(dev, VIRTIO_F_NOTIFICATION_DATA);
	const struct pvq_pci_queue queue = {
		.index = vq->index,
		.size = vq->size,
		.notify_bytes = data ? VIRTIO_PCI_NOTIFY_DATA_BYTES : VIRTIO_PCI_NOTIFY_BYTES,
		.has_notify_id = pvq_has(dev, VIRTIO_F_NOTIF_CONFIG_DATA),
		.desc = pvq_vq_bus_addr(vq, ring->desc),
		.driver_event = pvq_vq_bus_addr(vq, ring->driver_event),
		.device_event = pvq_vq_bus_addr(vq, ring->device_event),
	};
	struct pvq_pci_queue_answer answer;
	int ret;

	pvq_pci_intr_choose(&pci->intr, vq);
	ret = pvq_pci_queue_enable(&pci->regs, &queue, &answer);
	if (ret != 0)
		return ret;
	vq->notify_addr = answer.notify_addr;
	vq->notify_data = data;
	vq->notify_id = answer.notify_id;
	return 0;
}

/* A queue is enabled with its set-up, and nothing disables it (PC-11). */
static int
op_queue_enable(struct pvq_device *dev, uint16_t vq, bool enable)
{
	RTE_SET_USED(dev);
	RTE_SET_USED(vq);
	return enable ? 0 : -ENOTSUP;
}

static int
op_queue_stop(struct pvq_device *dev, uint16_t vq)
{
	struct pci *pci = pci_of(dev);

	if (pci->idle)
		return 0;
	if (!pvq_has(dev, VIRTIO_F_RING_RESET))
		return -ENOTSUP;
	return pvq_pci_queue_reset(&pci->regs, vq);
}

static void
op_drop(struct pvq_device *dev)
{
	struct pci *pci = pci_of(dev);

	pci->dropped = true;
	eventfd_write(pci->wake_fd, 1);
}

static int
op_check_rx_intr(struct pvq_device *dev)
{
	return pvq_pci_intr_check_rx(&pci_of(dev)->intr);
}

static void
op_intr_on(struct pvq_device *dev)
{
	int call_fds[PVQ_MAX_PAIRS];
	struct pvq_rxq *q;
	unsigned int i;
	uint16_t nb = 0;

	PVQ_FOREACH_RXQ(dev, i, q)
		if (q->vq.call_fd >= 0)
			call_fds[nb++] = q->vq.call_fd;
	pvq_pci_intr_on(&pci_of(dev)->intr, call_fds, nb);
}

static void
op_intr_off(struct pvq_device *dev)
{
	pvq_pci_intr_off(&pci_of(dev)->intr);
}

/* @return whether the device has been unplugged, or given up. */
static bool
is_lost(struct pci *pci, bool look)
{
	uint8_t status = 0;
	bool lost;

	pthread_mutex_lock(&pci->dev->lock);
	pci->gone = look && pvq_pci_get_status(&pci->regs, &status) == -ENODEV;
	lost = pci->dropped || pci->gone;
	pci->dropped = false;
	/* Not as we left it: reset by somebody else, or unplugged from a bus that gives zeros. */
	if (look && pci->dev->live && status == 0) {
		pci->gone = !pvq_pci_is_there(&pci->regs);
		lost = true;
	}
	pthread_mutex_unlock(&pci->dev->lock);
	return lost;
}

/* Whoever drove the device before: its registers tell all only after a reset (IN-01). */
static int
arrive(struct pvq_device *dev)
{
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = op_set_status(dev, 0);
	pthread_mutex_unlock(&dev->lock);
	return ret != 0 ? ret : pvq_device_arrived(dev);
}

/* Whether to read the device's registers now. */
static bool
is_time_to_look(struct pci *pci)
{
	const bool tells = pvq_pci_intr_tells(&pci->intr);
	const uint64_t pause = pci->changed ? LOOK_AGAIN_MS : tells ? LOOK_MS : 0;
	struct timespec now;
	uint64_t now_ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ms = (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (now_ms - pci->looked_ms < pause)
		return false;
	pci->looked_ms = now_ms;
	pci->changed = false;
	return true;
}

static void
wait_for_something(struct pci *pci, int timeout_ms)
{
	struct pollfd p[2] = {
		{.fd = pci->wake_fd, .events = POLLIN},
		{.fd = pci->intr.shared_fd, .events = POLLIN},
	};
	unsigned int what;
	eventfd_t ignored;

	/* What comes after it was read writes it again. */
	if (poll(p, RTE_DIM(p), pci->changed ? LOOK_AGAIN_MS : timeout_ms) > 0)
		eventfd_read(pci->wake_fd, &ignored);
	what = pvq_pci_intr_take(&pci->intr);
	if ((what & PVQ_PCI_INTR_QUEUES) != 0)
		pvq_device_wake_rx(pci->dev);
	if ((what & PVQ_PCI_INTR_CONFIG) != 0)
		pci->changed = true;
}

/* See whether the device is what it was, and look for it if it was given up. */
static void
visit(struct pci *pci, bool look)
{
	pthread_mutex_lock(&pci->visiting);
	if (pci->there && is_lost(pci, look)) {
		pci->there = false;
		if (pci->gone)
			pvq_device_removed(pci->dev);
		else
			pvq_device_lost(pci->dev);
	}
	if (!pci->there && !pci->gone) {
		pci->there = arrive(pci->dev) == 0;
		/* Unplugged since it was last looked at, by whoever. */
		pci->gone = !pci->there && !pvq_pci_is_there(&pci->regs);
		if (pci->gone)
			pvq_device_removed(pci->dev);
	}
	pthread_mutex_unlock(&pci->visiting);
}

static void
op_look_now(struct pvq_device *dev)
{
	visit(pci_of(dev), true);
}

static PVQ_THREAD_RETURN
pci_thread(void *arg)
{
	struct pci *pci = arg;
	bool look;

	while (!__atomic_load_n(&pci->quit, __ATOMIC_ACQUIRE)) {
		look = is_time_to_look(pci);
		visit(pci, look);
		pvq_device_tend(pci->dev, look);
		wait_for_something(pci, __atomic_load_n(&pci->there, __ATOMIC_RELAXED) ?
						TEND_MS : RETRY_MS);
	}
	return PVQ_THREAD_DONE;
}

static int
op_open(struct pvq_device *dev)
{
	struct pci *pci = pci_of(dev);
	int ret;

	pci->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ret = pci->wake_fd < 0 ? -errno : 0;
	if (ret == 0)
		ret = pvq_pci_intr_open(&pci->intr, &pci->source, &pci->regs, pci->wake_fd);
	if (ret != 0)
		goto fail;
	pthread_mutex_init(&pci->visiting, NULL);
	ret = arrive(dev);
	pci->there = ret == 0;
	if (ret == 0)
		ret = pvq_thread_create(&pci->thread, "pvq-pci", pci_thread, pci);
	if (ret == 0)
		return 0;
	pthread_mutex_destroy(&pci->visiting);
	pvq_pci_intr_close(&pci->intr);
fail:
	if (pci->wake_fd >= 0)
		close(pci->wake_fd);
	free(pci);
	dev->transport_priv = NULL;
	return ret;
}

static void
op_close(struct pvq_device *dev)
{
	struct pci *pci = pci_of(dev);

	__atomic_store_n(&pci->quit, true, __ATOMIC_RELEASE);
	eventfd_write(pci->wake_fd, 1);
	pvq_thread_join(pci->thread);
	/* Still driven if the port could not be stopped: its memory is about to be freed (PR-38). */
	pthread_mutex_lock(&dev->lock);
	if (!pci->idle && !pci->gone)
		op_set_status(dev, 0);
	pthread_mutex_unlock(&dev->lock);
	pthread_mutex_destroy(&pci->visiting);
	pvq_pci_intr_close(&pci->intr);
	close(pci->wake_fd);
	free(pci);
	dev->transport_priv = NULL;
}

int
pvq_pci_attach(struct pvq_device *dev, const struct pvq_pci_place *place)
{
	struct pci *pci = calloc(1, sizeof(*pci));

	if (pci == NULL)
		return -ENOMEM;
	pci->dev = dev;
	pci->regs = place->regs;
	pci->source = place->intr;
	dev->transport = &pvq_transport_pci;
	dev->transport_priv = pci;
	return 0;
}

const struct pvq_transport pvq_transport_pci = {
	.name = "virtio-pci",
	.iova = true,
	.stays = true,
	.features = 1ULL << VIRTIO_F_ACCESS_PLATFORM | 1ULL << VIRTIO_F_ORDER_PLATFORM |
		    1ULL << VIRTIO_F_NOTIFICATION_DATA | 1ULL << VIRTIO_F_NOTIF_CONFIG_DATA |
		    1ULL << VIRTIO_F_RING_RESET,
	.open = op_open,
	.close = op_close,
	.drop = op_drop,
	.look_now = op_look_now,
	.get_features = op_get_features,
	.set_features = op_set_features,
	.get_status = op_get_status,
	.set_status = op_set_status,
	.read_config = op_read_config,
	.get_num_queues = op_get_num_queues,
	.get_queue_size = op_get_queue_size,
	.share_memory = op_share_memory,
	.queue_setup = op_queue_setup,
	.queue_enable = op_queue_enable,
	.queue_stop = op_queue_stop,
	.check_rx_intr = op_check_rx_intr,
	.intr_on = op_intr_on,
	.intr_off = op_intr_off,
};
