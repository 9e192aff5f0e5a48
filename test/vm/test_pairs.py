# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Several queue pairs, fewer of them, and more again."""

import pytest

import frames
from flows import FLOWS, flow, flow_of
from guest import UIO, Nic, boot
from ports import Echo
from rig import Link, start_vhost
from wire import Tap, VhostUser, exchange

MQ = {"mq": True, "vectors": 6}
APP = ["--rxq=2", "--txq=2"]


class Pairs(Echo):
    """A port on a tap interface with two queue pairs."""

    def echoes_flows(self, queues):
        """Let the guest send flows back, each in its order, by as many queues."""
        flows = {port: flow(port, 100) for port in range(1000, 1000 + FLOWS)}
        self.guest.command("clear port xstats all")
        self.guest.command("start")
        back = exchange(self.wire, [frame for turn in zip(*flows.values()) for frame in turn])
        totals = self.guest.stop()["all"]
        for port, sent in flows.items():
            frames.compare(sent, [frame for frame in back if flow_of(frame) == port])
        assert len(back) == FLOWS * 100
        assert (totals["rx_dropped"], totals["tx_dropped"]) == (0, 0)
        counts = self.guest.xstats(0)
        for side in "rx", "tx":
            by_queue = [counts.get(f"{side}_q{queue}_packets", 0) for queue in range(2)]
            assert sum(by_queue) == len(back)
            assert sum(map(bool, by_queue)) == queues, by_queue

    def resize(self, queues):
        """Configure the port with as many queues of each kind."""
        self.guest.commands("port stop 0", f"port config all rxq {queues}",
                            f"port config all txq {queues}", "port start 0")
        self.guest.wait_link(0)
        assert self.guest.came_up()[:2] == (queues, queues)


@pytest.mark.xdist_group("pairs")
def test_pairs(box, kit):
    """The device spreads flows over two pairs, over one when the port has no more, and again."""
    port = Pairs(box, kit, MQ, wire=Tap(queues=2), app=APP)
    assert "MQ" in port.features()
    assert port.guest.came_up()[:2] == (2, 2)
    port.echoes_flows(2)
    for queues in 1, 2:
        port.resize(queues)
        port.echoes_flows(queues)
    port.guest.commands("port stop 0", "port reset 0", "port start 0")
    port.guest.wait_link(0)
    port.echoes_flows(2)


@pytest.mark.xdist_group("pairs-vhost-user")
def test_pairs_on_vhost_user(box, kit):
    """Both pairs carry packets to and from net_vhost, and none is lost.

    Not under VFIO, where net_vhost loses a packet for each address that it has to ask for.
    """
    vhost = start_vhost(box, vhost=",queues=2", app=APP)
    guest = boot(box, kit, Nic(VhostUser(box.path("s"), queues=2), driver=UIO, **MQ), app=APP)
    link = Link(guest, 0, vhost, 0)
    link.wait_up()
    assert guest.came_up()[:2] == (2, 2)
    link.run(packets=5000)
    counts = guest.xstats(0)
    for side in "rx", "tx":
        assert all(counts[f"{side}_q{queue}_packets"] > 0 for queue in range(2)), counts
    assert guest.quit() == 0
