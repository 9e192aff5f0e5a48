/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_LOG_H
#define PVQ_LOG_H

#include <rte_log.h>

extern int pvq_logtype;

/** Log for one port: @p name is the port's device name, shown first on the line. */
#define PVQ_LOG(level, name, fmt, ...) \
	rte_log(RTE_LOG_##level, pvq_logtype, "%s: " fmt "\n", name, ##__VA_ARGS__)

#endif /* PVQ_LOG_H */
