# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Which frames QEMU's device lets through, by receive modes, addresses and VLANs."""

import time

import pytest

import frames
from ports import Echo

pytestmark = pytest.mark.xdist_group("filters")

NEW = "02:00:00:00:00:21"
OTHER = "02:00:00:00:00:77"
GROUP = "01:00:5e:00:00:05"
OTHER_GROUP = "33:33:00:00:00:06"
BROADCAST = "ff:ff:ff:ff:ff:ff"
PER_KIND = 20
LIMIT = 20


def octets(address):
    return bytes.fromhex(address.replace(":", ""))


def tagged(frame, vlan):
    return frame[:12] + bytes((0x81, 0, vlan >> 8, vlan & 0xff)) + frame[12:]


class Port(Echo):
    """A port that gets frames of every kind, in turn."""

    def kinds(self):
        """Destination and VLAN of frames by their kind."""
        own = self.guest.nics[0].mac
        return {"own": (own, 0), "new": (NEW, 0), "other": (OTHER, 0), "group": (GROUP, 0),
                "other group": (OTHER_GROUP, 0), "broadcast": (BROADCAST, 0),
                "vlan 5": (own, 5), "vlan 6": (own, 6)}

    def _until(self, sent):
        """Send frames; returns what has come back when the last of them has."""
        back = []
        deadline = time.monotonic() + LIMIT
        for frame in sent:
            while not self.wire.send(frame):
                back += self.wire.receive()
                assert time.monotonic() < deadline, "there is no room for frames"
        while sent[-1] not in back:
            assert time.monotonic() < deadline, "the last frame does not come back"
            back += self.wire.receive(0.1)
        return back

    def lets_through(self, *kinds):
        """Assert that frames of exactly these kinds reach the guest, and come back from it whole.

        Broadcasts always do: one is sent last, so what is missing when that is back never comes.
        """
        by_kind = {}
        for seed, (kind, (dst, vlan)) in enumerate(self.kinds().items()):
            made = frames.make(PER_KIND, range(64, 1500), seed=seed, dst=octets(dst))
            by_kind[kind] = [tagged(frame, vlan) if vlan else frame for frame in made]
        turns = [(kind, frame) for turn in zip(*by_kind.values())
                 for kind, frame in zip(by_kind, turn)]
        last = frames.make(1, [100], seed=99, dst=octets(BROADCAST))[0]
        self.guest.command("start")
        try:
            back = self._until([frame for _, frame in turns] + [last])
        finally:
            self.guest.stop()
        came = {kind for kind, sent in by_kind.items() if any(frame in back for frame in sent)}
        assert came == set(kinds)
        frames.compare([frame for kind, frame in turns if kind in kinds] + [last], back)


@pytest.fixture(scope="module")
def port(module_box, kit):
    port = Port(module_box, kit)
    assert {"CTRL_VQ", "CTRL_RX", "CTRL_MAC_ADDR"} <= port.features()
    return port


@pytest.fixture
def strict(port):
    """The port as it is without any wishes."""
    port.guest.commands("set promisc 0 off", "set allmulti 0 off")
    yield port
    port.guest.commands("set promisc 0 off", "set allmulti 0 off")
    port.lets_through("own", "broadcast", "vlan 5", "vlan 6")


def test_promiscuous(strict):
    strict.lets_through("own", "broadcast", "vlan 5", "vlan 6")
    strict.guest.command("set promisc 0 on")
    strict.lets_through(*strict.kinds())


def test_allmulticast(strict):
    strict.guest.command("set allmulti 0 on")
    strict.lets_through("own", "broadcast", "group", "other group", "vlan 5", "vlan 6")


def test_more_addresses(strict):
    """A port may have several unicast addresses."""
    strict.guest.commands(f"mac_addr add 0 {NEW}", f"mac_addr add 0 {OTHER}")
    strict.lets_through("own", "new", "other", "broadcast", "vlan 5", "vlan 6")
    strict.guest.command(f"mac_addr remove 0 {OTHER}")
    strict.lets_through("own", "new", "broadcast", "vlan 5", "vlan 6")
    strict.guest.command(f"mac_addr remove 0 {NEW}")


def test_own_address(strict):
    """Another one in the old one's place."""
    strict.guest.command(f"mac_addr set 0 {NEW}")
    assert NEW.upper() in strict.guest.command("show port info 0")
    strict.lets_through("new", "broadcast")
    strict.guest.command(f"mac_addr set 0 {strict.guest.nics[0].mac}")


def test_multicast_list(strict):
    strict.guest.commands(f"mcast_addr add 0 {GROUP}", f"mcast_addr add 0 {OTHER_GROUP}")
    strict.lets_through("own", "broadcast", "group", "other group", "vlan 5", "vlan 6")
    strict.guest.command(f"mcast_addr remove 0 {GROUP}")
    strict.lets_through("own", "broadcast", "other group", "vlan 5", "vlan 6")
    strict.guest.command(f"mcast_addr remove 0 {OTHER_GROUP}")


def test_vlans(strict):
    """Switched on, the filter lets no VLAN through but those that are named."""
    guest = strict.guest
    guest.command("vlan set filter on 0")
    assert "CTRL_VLAN" in strict.features()
    guest.wait_link(0)
    strict.lets_through("own", "broadcast")
    guest.command("rx_vlan add 6 0")
    strict.lets_through("own", "broadcast", "vlan 6")
    guest.commands("rx_vlan add 5 0", "rx_vlan rm 6 0")
    strict.lets_through("own", "broadcast", "vlan 5")
    guest.commands("rx_vlan rm 5 0", "vlan set filter off 0")
    guest.wait_link(0)


@pytest.mark.parametrize("between", ["stop", "reset"])
def test_told_again(strict, between):
    """A device that starts anew has forgotten everything, and is told."""
    guest = strict.guest
    guest.commands("vlan set filter on 0", "rx_vlan add 5 0", f"mac_addr add 0 {OTHER}",
                   f"mcast_addr add 0 {GROUP}")
    wanted = "own", "other", "group", "broadcast", "vlan 5"
    strict.lets_through(*wanted)
    ups = guest.output().count(": up: ")
    guest.command("port stop 0")
    if between == "reset":
        guest.command("port reset 0")
    guest.command("port start 0")
    guest.wait_link(0)
    assert guest.output().count(": up: ") == ups + 1
    strict.lets_through(*wanted)
    guest.commands(f"mcast_addr remove 0 {GROUP}", f"mac_addr remove 0 {OTHER}",
                   "rx_vlan rm 5 0", "vlan set filter off 0")
    guest.wait_link(0)
