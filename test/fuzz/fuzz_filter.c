/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <rte_ethdev.h>

#include "fuzz_filter.h"

void
fuzz_filter_set(uint16_t port_id, uint8_t choice)
{
	struct rte_ether_addr macs[4] = {0};
	unsigned int i;

	for (i = 0; i < RTE_DIM(macs); i++)
		macs[i] = (struct rte_ether_addr){{0x01, 0, 0x5e, 0, choice, i}};
	switch (choice % 8) {
	case 0:
		rte_eth_promiscuous_disable(port_id);
		break;
	case 1:
		rte_eth_promiscuous_enable(port_id);
		break;
	case 2:
		rte_eth_allmulticast_disable(port_id);
		break;
	case 3:
		rte_eth_dev_set_mc_addr_list(port_id, macs, choice / 8 % RTE_DIM(macs));
		break;
	case 4:
		macs[0].addr_bytes[0] = 0x02;
		rte_eth_dev_mac_addr_add(port_id, &macs[0], 0);
		break;
	case 5:
		macs[0].addr_bytes[0] = 0x02;
		rte_eth_dev_mac_addr_remove(port_id, &macs[0]);
		break;
	case 6:
		rte_eth_dev_set_vlan_offload(port_id, choice & 0x80 ? RTE_ETH_VLAN_FILTER_OFFLOAD : 0);
		break;
	default:
		rte_eth_dev_vlan_filter(port_id, choice, choice & 0x80);
	}
}
