/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include "look.h"

bool
look_for_error(const struct pvq_rxq *q, enum pvq_queue_error *error)
{
	if ((pvq_gate_state(&q->gate) & PVQ_GATE_ERROR) == 0)
		return false;
	*error = q->vq.error;
	return true;
}
