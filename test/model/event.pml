/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 *
 * Event structures of a packed ring, for both directions. To be included after N.
 */

#define F_AVAIL 1
#define F_USED 2
#define LAP (F_AVAIL | F_USED)

#define E_ENABLE 0
#define E_DISABLE 1
#define E_DESC 2

/* A place in the ring: slot, and the lap's wrap counter above it. */
#define PLACE(slot, wrap) ((slot) | (wrap) << 2)
#define SLOT_OF(place) ((place) & 3)
#define WRAP_OF(place) ((place) >> 2 & 1)

/*
 * Whether an event structure asks to be told of `n` slots from `slot` on, published in the lap
 * `wrap`: pvq_event_wants(), word for word.
 */
#define ahead(off, slot, wrap) \
	(WRAP_OF(off) == (wrap) -> SLOT_OF(off) - (slot) : SLOT_OF(off) + N - (slot))
#ifdef EVENT_LAST_ONLY
#define among(off, slot, wrap, n) (ahead(off, slot, wrap) == (n) - 1)
#elif defined(EVENT_NO_WRAP)
#define among(off, slot, wrap, n) (SLOT_OF(off) >= (slot) && SLOT_OF(off) - (slot) < (n))
#else
#define among(off, slot, wrap, n) (ahead(off, slot, wrap) >= 0 && ahead(off, slot, wrap) < (n))
#endif
#define wants(flags, off, slot, wrap, n) \
	((flags) == E_ENABLE || ((flags) == E_DESC && among(off, slot, wrap, n)))
