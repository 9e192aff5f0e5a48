/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <string.h>

#include "control_port.h"

static uint32_t seen;

void
control_up(struct pci_port *p, uint64_t without)
{
	p->conf.regs.features |= VPD_F_CONTROL;
	p->conf.regs.features &= ~without;
	if (p->conf.net.queue_pairs > 1)
		p->conf.regs.features |= VHU_F_MQ;
	seen = 0;
	pci_port_up(p, "");
}

void
control_skip(struct pci_port *p)
{
	seen = vpd_commands(p->d);
}

void
control_expect(struct pci_port *p, uint8_t class, uint8_t command, const void *data, uint32_t len)
{
	struct vpd_command c;

	if (vpd_command(p->d, seen, &c) != 0)
		fail_msg("no command %u of class %u: there are %u, all told", command, class, seen);
	if (c.class != class || c.command != command || c.len != len)
		fail_msg("command %u of class %u with %u bytes, and not %u of class %u with %u",
			 c.command, c.class, c.len, command, class, len);
	assert_memory_equal(c.data, data, len);
	seen++;
}

void
control_expect_mode(struct pci_port *p, uint8_t mode, uint8_t value)
{
	control_expect(p, RX_MODE, mode, &value, 1);
}

static uint32_t
put_table(uint8_t *at, const void *macs, uint32_t n)
{
	at[0] = n & 0xff;
	at[1] = n >> 8;
	at[2] = at[3] = 0;
	if (n != 0)
		memcpy(at + 4, macs, 6 * n);
	return 4 + 6 * n;
}

void
control_expect_table(struct pci_port *p, const void *unicast, uint32_t nb_unicast,
		     const void *multicast, uint32_t nb_multicast)
{
	uint8_t data[VPD_COMMAND_BYTES];
	uint32_t len = put_table(data, unicast, nb_unicast);

	len += put_table(data + len, multicast, nb_multicast);
	control_expect(p, MAC, TABLE_SET, data, len);
}

void
control_expect_no_more(struct pci_port *p)
{
	struct vpd_command c;

	if (vpd_commands(p->d) == seen)
		return;
	assert_int_equal(vpd_command(p->d, seen, &c), 0);
	fail_msg("command %u of class %u with %u bytes, and no more were expected", c.command,
		 c.class, c.len);
}

void
control_answer(struct pci_port *p, enum vpd_answer how)
{
	assert_int_equal(vpd_answer(p->d, VPD_ANY, VPD_ANY, how), 0);
}
