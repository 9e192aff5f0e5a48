/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_log.h>

#include "pci_space.h"

static int
read_space(void *handle, void *to, size_t len, off_t at)
{
	const struct space *s = handle;

	assert_true(at >= 0 && at + len <= sizeof(s->bytes));
	if (s->broken_at >= at && s->broken_at < (int)(at + len))
		return s->broken;
	memcpy(to, s->bytes + at, len);
	return len;
}

void
space_put32(uint8_t *at, uint32_t value)
{
	at[0] = value;
	at[1] = value >> 8;
	at[2] = value >> 16;
	at[3] = value >> 24;
}

uint8_t *
space_add_cap(struct space *s, uint8_t id, uint8_t bytes)
{
	uint8_t *cap = s->bytes + s->at;

	assert_true(s->at + bytes <= 256);
	memset(cap, 0, bytes);
	*s->link = s->at;
	s->link = cap + 1;
	cap[0] = id;
	s->at += (bytes + 3) & ~3;
	return cap;
}

uint8_t *
space_add(struct space *s, uint8_t type, uint8_t bar, uint32_t offset, uint32_t length)
{
	const uint8_t bytes = type == NOTIFY ? 20 : 16;
	uint8_t *cap = space_add_cap(s, 9, bytes);

	cap[2] = bytes;
	cap[3] = type;
	cap[4] = bar;
	space_put32(cap + 8, offset);
	space_put32(cap + 12, length);
	if (type == NOTIFY)
		space_put32(cap + 16, 4);
	return cap;
}

int
space_start(void **state)
{
	struct space *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -1;
	s->bytes[6] = 1 << 4;
	s->at = 0x40;
	s->link = s->bytes + 0x34;
	s->broken_at = -1;
	s->broken = -EIO;
	s->f = (struct pvq_pci_function){.name = "f0", .handle = s, .read = read_space};
	s->f.bar[1].addr = s->bar[0];
	s->f.bar[1].len = BAR_BYTES;
	s->f.bar[4].addr = s->bar[1];
	s->f.bar[4].len = BAR_BYTES;
	s->log = open_memstream(&s->text, &s->len);
	rte_openlog_stream(s->log);
	*state = s;
	return s->log != NULL ? 0 : -1;
}

int
space_stop(void **state)
{
	struct space *s = *state;

	rte_openlog_stream(NULL);
	fclose(s->log);
	free(s->text);
	free(s);
	return 0;
}

bool
space_said(struct space *s, const char *text)
{
	fflush(s->log);
	return strstr(s->text, text) != NULL;
}

void
space_add_all_but(struct space *s, unsigned int left_out)
{
	if (left_out != COMMON)
		space_add(s, COMMON, 4, 0, 0x1000);
	if (left_out != ISR)
		space_add(s, ISR, 4, 0x1000, 0x1000);
	if (left_out != DEVICE)
		space_add(s, DEVICE, 4, 0x2000, 0x1000);
	if (left_out != NOTIFY)
		space_add(s, NOTIFY, 4, 0x3000, 0x1000);
}

void
space_assert_all(const struct space *s)
{
	assert_ptr_equal(s->r.common, s->bar[1]);
	assert_int_equal(s->r.common_len, 0x1000);
	assert_ptr_equal(s->r.isr, s->bar[1] + 0x1000);
	assert_ptr_equal(s->r.device, s->bar[1] + 0x2000);
	assert_int_equal(s->r.device_len, 0x1000);
	assert_ptr_equal(s->r.notify, s->bar[1] + 0x3000);
	assert_int_equal(s->r.notify_len, 0x1000);
	assert_int_equal(s->r.notify_off_multiplier, 4);
}
