/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PORT_LOG_H
#define PORT_LOG_H

/** @file Between port.c and port_log.c: where EAL's log goes. */

/** Catch the log from now on. @return 0 or -1. */
int
port_log_open(void);

void
port_log_close(void);

#endif /* PORT_LOG_H */
