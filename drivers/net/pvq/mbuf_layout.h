/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#ifndef PVQ_MBUF_LAYOUT_H
#define PVQ_MBUF_LAYOUT_H

/**
 * @file
 * The two groups of 16 bytes that vector kernels read and write of an mbuf, and proof that this
 * DPDK's mbuf has them.
 */

#include <rte_mbuf.h>

#include "queue.h"

/* data_off, refcnt, nb_segs, port; then ol_flags. */
#define REARM_AT offsetof(struct rte_mbuf, data_off)
/* packet_type, pkt_len, data_len, vlan_tci, hash.rss. */
#define FIELDS_AT offsetof(struct rte_mbuf, packet_type)

_Static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "vector kernels are little-endian");
_Static_assert(REARM_AT % 16 == 0, "aligned stores");
_Static_assert(offsetof(struct rte_mbuf, refcnt) == REARM_AT + 2, "refcnt in the first half");
_Static_assert(offsetof(struct rte_mbuf, nb_segs) == REARM_AT + 4, "nb_segs in the first half");
_Static_assert(offsetof(struct rte_mbuf, ol_flags) == REARM_AT + 8, "ol_flags second half");
_Static_assert(FIELDS_AT % 16 == 0, "aligned stores");
_Static_assert(offsetof(struct rte_mbuf, pkt_len) == FIELDS_AT + 4, "pkt_len is dword 1");
_Static_assert(offsetof(struct rte_mbuf, data_len) == FIELDS_AT + 8, "data_len begins the half");
_Static_assert(offsetof(struct rte_mbuf, hash) == FIELDS_AT + 12, "hash.rss ends it");

#undef REARM_AT
#undef FIELDS_AT

/** refcnt and nb_segs within the first half, and their value in an mbuf that stands alone. */
#define PVQ_REARM_REFS_AND_SEGS 0x0000ffffffff0000ull
#define PVQ_REARM_ONE_REF_ONE_SEG 0x0000000100010000ull

/** From data_off to ol_flags. */
static inline const void *
pvq_mbuf_rearm_of(const struct rte_mbuf *m)
{
	return (const char *)m + offsetof(struct rte_mbuf, data_off);
}

/** From packet_type to hash.rss. */
static inline const void *
pvq_mbuf_rx_fields_of(const struct rte_mbuf *m)
{
	return (const char *)m + offsetof(struct rte_mbuf, packet_type);
}

static inline void *
pvq_mbuf_rx_fields(struct rte_mbuf *m)
{
	return (char *)m + offsetof(struct rte_mbuf, packet_type);
}

#endif /* PVQ_MBUF_LAYOUT_H */
