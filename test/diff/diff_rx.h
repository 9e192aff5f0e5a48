/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef DIFF_RX_H
#define DIFF_RX_H

/**
 * @file
 * The device of a receive episode.
 */

#include "diff.h"

/** Longest packet the device sends, in bytes. */
#define RX_LEN_MAX 4096u

/** What an episode begins with. */
struct rx_choices {
	uint16_t size;
	struct pvq_queue_mode mode;
	bool poison;           /**< junk in meaningless fields of used descriptors (PR-20) */
	bool scatter;          /**< the application takes packets of several mbufs */
	bool lies;             /**< at the episode's end */
	unsigned int pool;     /**< that the queue gets buffers from */
	unsigned int nb_mbufs; /**< in that pool */
	uint16_t free_thresh;
	struct diff_habits habits;
	unsigned int several;  /**< one in so many packets takes several buffers */
	unsigned int hold;     /**< the application keeps one in so many packets for a while */
};

/** Begin an episode; @p choices stay valid and may change their habits. */
void
diff_rx_device_start(const struct rx_choices *choices);

/** Send @p packets as an honest device does, the same on both sides, as far as buffers go. */
void
diff_rx_send(uint32_t packets);

/** A length or a number of buffers that is not true, of a packet otherwise as it should be. */
void
diff_rx_lie_packet(void);

#endif /* DIFF_RX_H */
