/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef VPM_DEVICE_H
#define VPM_DEVICE_H

/**
 * @file
 * A whole virtio network device on PCI, in memory: the registers of virtio_pci.h, a packed virtqueue
 * (packed_device.h) behind each queue that the driver enables, doorbells, packets, a control queue
 * and interrupts. Written from the specification; no header of the driver, none of DPDK.
 *
 * - Registers: the driver's loads and stores go through vpd_read() and vpd_write(), from any thread.
 * - Doorbells are plain memory in the BAR, looked at all the time. They hold all ones when nobody
 *   has written; what is found there is judged (PC-13, PC-14, PR-34, PR-35) and taken away.
 * - Packets: what the backend of vhu_backend.h does with them this device does as well, by the same
 *   code. vpd::net is such a backend without a socket: its configuration (mode, behave, generator,
 *   on_packet, poison), vhu_backend_send() and _recv(), lies, counters and breaches are all there to
 *   be used; "vring" there is the virtqueue's index here, the control queue excepted.
 * - Rings are the device's from queue_enable and DRIVER_OK until the reset is *done*: a slow reset
 *   goes on using them (PR-38, HD-23). Addresses are translated by vpd_conf::translate.
 * - Control queue: each command is recorded, judged (NT-18 to NT-26), carried out as far as the
 *   features allow, and answered as vpd_answer() says.
 * - Interrupts: every MSI-X vector is an eventfd, and INTx is one; see below.
 *
 * A thread of the device's own serves doorbells (vpd_start()); without it, vpd_step() does once what
 * the thread does all the time, and nothing happens in between.
 *
 * Threads: as vhu_backend.h: every function may be called from any thread, those marked [locked]
 * between vpd_lock() and vpd_unlock() only. struct vpd's fields are read under the lock.
 *
 * The usual course of a test without EAL:
 * @code
 *	vpd_conf_init(&conf);
 *	conf.net.mode = VHU_ECHO;
 *	conf.translate = ...;
 *	d = vpd_create(&conf);
 *	vpd_start(d);
 *	... the driver finds d->space, and uses vpd_read(), vpd_write() ...
 *	assert_string_equal(vpd_violations_text(d), "");
 *	vpd_destroy(d);
 * @endcode
 */

#include "vhu_backend.h"
#include "virtio_pci.h"

/** Features that tests of a PCI device name besides those of vhu_backend.h, as masks. */
#define VPD_F_CTRL_GUEST_OFFLOADS (1ull << 2)
#define VPD_F_CTRL_VQ (1ull << 17)
#define VPD_F_CTRL_RX (1ull << 18)
#define VPD_F_CTRL_VLAN (1ull << 19)
#define VPD_F_CTRL_RX_EXTRA (1ull << 20)
#define VPD_F_GUEST_ANNOUNCE (1ull << 21)
#define VPD_F_CTRL_MAC_ADDR (1ull << 23)

/** What vpd_conf_init() offers: one pair, no control queue. */
#define VPD_F_DEFAULT                                                                           \
	(VHU_F_MRG_RXBUF | VHU_F_MTU | VHU_F_MAC | VHU_F_STATUS | VHU_F_INDIRECT_DESC |         \
	 VHU_F_EVENT_IDX | VHU_F_VERSION_1 | VHU_F_RING_PACKED | VHU_F_IN_ORDER |               \
	 VPM_F_ACCESS_PLATFORM | VPM_F_RING_RESET)

/** All that the control queue is for; with VHU_F_MQ for several pairs. */
#define VPD_F_CONTROL                                                                           \
	(VPD_F_CTRL_VQ | VPD_F_CTRL_RX | VPD_F_CTRL_VLAN | VPD_F_CTRL_RX_EXTRA |                \
	 VPD_F_GUEST_ANNOUNCE | VPD_F_CTRL_MAC_ADDR)

#define VPD_MAX_PAIRS 16u
#define VPD_MAX_VECTORS 40u

/** Where the structures' capabilities are in vpd::space, for tests that falsify them. */
#define VPD_CAP_COMMON 0x40u
#define VPD_CAP_NOTIFY 0x50u
#define VPD_CAP_ISR 0x64u
#define VPD_CAP_DEVICE 0x74u
#define VPD_CAP_MSIX 0x84u
/** BARs: the structures' and the MSI-X table's. */
#define VPD_BAR 4u
#define VPD_BAR_MSIX 1u

/** A device; fill by vpd_conf_init(), then change what the test is about. */
struct vpd_conf {
	/**
	 * Features, numbers of queues and vectors, faults of registers. vpd_conf_init() leaves
	 * num_queues and vectors 0: as many as the pairs, the control queue and the features need.
	 */
	struct vpm_conf regs;
	/**
	 * What becomes of packets: mode, behave, generator, on_packet, complete_in_batch, busy_poll,
	 * poison; and queue_pairs, mac, mtu, status, speed, duplex for the device configuration. The
	 * rest, features included, has no meaning here.
	 */
	struct vhu_config net;
	uint32_t notify_multiplier; /**< bytes; 0: one doorbell for all */
	bool no_msix; /**< INTx only: vectors stays 0 */
	uint32_t late_ms; /**< VPD_LATE */
	pd_translate_t translate; /**< device address to pointer; NULL: addresses are pointers */
	void *translate_arg;
};

/* ---- control queue ---------------------------------------------------------------------------- */

/** How a command is answered. */
enum vpd_answer {
	VPD_OK,        /**< carried out; refused when features or data do not allow it */
	VPD_ERR,       /**< refused */
	VPD_ODD,       /**< carried out, and answered by a number that is none of the specification's */
	VPD_NEVER,     /**< fetched and never used, until the device is reset */
	VPD_LATE,      /**< as VPD_OK, after vpd_conf::late_ms */
	VPD_UNWRITTEN, /**< used, with nothing written */
	VPD_LONG,      /**< as VPD_OK, and says that it wrote one byte more than there is */
	VPD_WRONG_ID,  /**< an id is used that is not outstanding */
};

/** In place of class or command of vpd_answer(): any. */
#define VPD_ANY 0xffu

#define VPD_COMMAND_BYTES 4096u
#define VPD_COMMANDS 64u

/** A command that arrived. */
struct vpd_command {
	uint8_t class, command;
	uint32_t len; /**< bytes behind class and command */
	uint8_t data[VPD_COMMAND_BYTES]; /**< the first of them */
	enum vpd_answer how;
	bool refused; /**< answered by 1 */
	uint64_t ms;  /**< CLOCK_MONOTONIC */
};

#define VPD_MACS 64u

/** What commands have made of the device; as after a reset at first (IN-11). */
struct vpd_state {
	bool promisc, allmulti, alluni, nomulti, nouni, nobcast;
	uint32_t nb_unicast, nb_multicast; /**< of the tables, which keep the first VPD_MACS */
	uint8_t unicast[VPD_MACS][6], multicast[VPD_MACS][6];
	uint8_t mac[6];
	uint8_t vlan[512]; /**< a bit for each id that is let in */
	uint16_t pairs;    /**< in use */
	uint64_t offloads;
	uint32_t announced; /**< acknowledgements of VIRTIO_NET_CTRL_ANNOUNCE */
};

/* ---- the device ------------------------------------------------------------------------------- */

/** An MSI-X vector, or INTx. */
struct vpd_vector {
	int fd;         /**< eventfd, nonblocking; the device's own unless replaced */
	bool foreign;   /**< vpd_set_vector() */
	uint64_t count; /**< interrupts since creation */
};

struct vpd_queue {
	uint64_t doorbells; /**< since creation, as many as were found */
	uint32_t doorbell;  /**< the last one's value */
	int irq_fd;         /**< by which the packets' part asks for an interrupt */
};

struct vpd {
	struct vpd_conf conf;
	struct vpm regs;
	struct vhu_backend *net;
	/** PCI configuration space: capabilities as conf says; may be falsified by the test. */
	uint8_t space[256];
	struct vpd_queue queue[VPM_QUEUES];
	struct vpd_vector vector[VPD_MAX_VECTORS];
	struct vpd_vector intx;
	uint64_t config_interrupts; /**< asked for since creation, whether they reached a vector */
	/* Control queue. */
	struct pd_vq *control; /**< NULL while it is not there */
	struct vpd_state state;
	struct vpd_command command[VPD_COMMANDS]; /**< the last ones: number % VPD_COMMANDS */
	uint32_t commands; /**< since creation */
	struct {
		uint8_t class, command;
		enum vpd_answer how;
	} rule[16];
	uint32_t nb_rules;
	struct pd_buf *late; /**< VPD_LATE: to be answered at late_until */
	uint64_t late_until;
	/* Not for tests. */
	bool runs, stop;
	pthread_t thread;
	unsigned int resets; /* that have been followed */
	bool control_rang;   /* the control queue's doorbell, and nobody has looked yet */
	uint64_t ran_ms;     /* when packets were looked at last */
	bool strayed;        /* a doorbell or a packet in the wrong place has been reported */
	char *text;
};

/** Fill @p conf: VPD_F_DEFAULT, one pair of 256 descriptors, echo, link up, mtu 1500. */
void
vpd_conf_init(struct vpd_conf *conf);

/** A device that nobody drives yet. NULL for a bad configuration or without memory. */
struct vpd *
vpd_create(const struct vpd_conf *conf);

/** Stop its thread and free it. NULL is allowed. */
void
vpd_destroy(struct vpd *d);

/** Begin to serve doorbells, and stop. @return 0 or -errno. */
int
vpd_start(struct vpd *d);
void
vpd_stop(struct vpd *d);

/** Look once at all doorbells and do what is to be done, in the caller's thread. @return whether
 *  there was anything.
 */
bool
vpd_step(struct vpd *d);

void
vpd_lock(struct vpd *d);
void
vpd_unlock(struct vpd *d);

/** The driver's access to a register. */
uint32_t
vpd_read(struct vpd *d, const void *at, unsigned int width);
void
vpd_write(struct vpd *d, void *at, uint32_t value, unsigned int width);

/** All breaches, a line each, "" if none; valid until the next call. */
const char *
vpd_violations_text(struct vpd *d);

/** Forget them. */
void
vpd_violations_clear(struct vpd *d);

/** Index of the control queue (PC-17); VPM_QUEUES when there is none. [locked] */
uint16_t
vpd_control_index(const struct vpd *d);

/** Wait until @p what, a field of @p d that only grows, is @p count at least. */
bool
vpd_wait(struct vpd *d, const uint64_t *what, uint64_t count, uint32_t timeout_ms);

/** Take away and return what stands in the doorbell of queue @p index; all ones for nothing. For
 *  tests that look at a doorbell before the device does: no thread, no vpd_step() in between.
 */
uint32_t
vpd_take_doorbell(struct vpd *d, uint16_t index);

/* ---- what can become of it -------------------------------------------------------------------- */

/** Leave the ring of queue @p index alone until it is set up anew. [locked] */
void
vpd_leave(struct vpd *d, uint16_t index);

/** NEEDS_RESET and a configuration interrupt; rings are left alone from now on (HD-26). */
void
vpd_needs_reset(struct vpd *d);

/**
 * Unplugged: registers and configuration space read as all ones, rings are left alone, doorbells and
 * interrupts are dead.
 */
void
vpd_unplug(struct vpd *d);

/** The same on a bus that gives zeros for what is not there. */
void
vpd_unplug_to_zeros(struct vpd *d);

/** Change device configuration, with a new generation and a configuration interrupt. */
void
vpd_set_config(struct vpd *d, uint32_t offset, const void *bytes, uint32_t len);

/** Link up or down, by vpd_set_config(). */
void
vpd_set_link(struct vpd *d, bool up);

/** Ask the driver to announce itself: status bit 1, which its acknowledgement clears (NT-22). */
void
vpd_announce(struct vpd *d);

/* ---- interrupts -------------------------------------------------------------------------------
 *
 * Used buffers and changes of the configuration add 1 to the eventfd of the vector that the driver
 * has given the queue, or the configuration; several may share one. Without MSI-X (vectors 0) they
 * set their bit of the ISR register and add 1 to intx.fd; reading ISR clears it. A vector that is
 * VPM_NO_VECTOR interrupts nobody.
 */

/**
 * Have @p vector (VPM_NO_VECTOR: INTx) interrupt by an eventfd of the caller's, which stays the
 * caller's; -1 for the device's own again.
 */
void
vpd_set_vector(struct vpd *d, uint16_t vector, int fd);

/** The eventfd of @p vector as it is now (VPM_NO_VECTOR: INTx). */
int
vpd_vector_fd(struct vpd *d, uint16_t vector);

/** Interrupts that @p vector has sent since creation (VPM_NO_VECTOR: INTx). */
uint64_t
vpd_interrupts(struct vpd *d, uint16_t vector);

/** Interrupt with no reason whatever (HD-27). */
void
vpd_interrupt(struct vpd *d, uint16_t vector);

/* ---- control queue ---------------------------------------------------------------------------- */

/**
 * From now on answer commands of @p class and @p command (VPD_ANY) by @p how. The last rule that
 * fits counts. @return 0 or -ENOSPC.
 */
int
vpd_answer(struct vpd *d, uint8_t class, uint8_t command, enum vpd_answer how);

/** Commands that have arrived since creation. */
uint32_t
vpd_commands(struct vpd *d);

/** Command @p i of them, one of the last VPD_COMMANDS. @return 0 or -ENOENT. */
int
vpd_command(struct vpd *d, uint32_t i, struct vpd_command *command);

/** How often a command has come. */
uint32_t
vpd_command_count(struct vpd *d, uint8_t class, uint8_t command);

/** What they have made of the device. */
void
vpd_get_state(struct vpd *d, struct vpd_state *state);

/**
 * vhu_backend_send(), unless rx modes, MAC tables or VLAN filter keep the frame out.
 *
 * @return
 *   As there, or -EACCES.
 */
int
vpd_send(struct vpd *d, uint32_t pair, const void *frame, uint32_t len);

#endif /* VPM_DEVICE_H */
