/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef POOL_OPS_H
#define POOL_OPS_H

/** @file Which mempool the tests' mbufs come from. */

/** For EAL's option --mbuf-pool-ops-name. */
const char *
pool_ops_name(void);

#endif /* POOL_OPS_H */
