# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Frames through a guest with each set of features come back as they were sent."""

import pytest

import frames
from guest import Nic, boot
from wire import Datagrams, exchange

ORDINARY = range(60, 1515)
# Around the size of a buffer, where frames are spread over several.
LARGE = [60, 1514, 2037, 2048, 2049, 4000, 9000]
ALWAYS = {"MAC", "STATUS", "VERSION_1", "RING_PACKED", "RING_RESET"}
ALL = ALWAYS | {"MRG_RXBUF", "INDIRECT_DESC", "EVENT_IDX"}
JUMBO = ["--max-pkt-len=9600", "--tx-offloads=0x8000"]
PLAIN = {"event_idx": False, "mrg_rxbuf": False, "indirect_desc": False}

# The kernel's driver, QEMU's properties, the driver's arguments, what must be negotiated.
SETUPS = {
    "vfio": ("vfio-pci", {}, "", ALL | {"ACCESS_PLATFORM"}),
    "vfio-no-event-index": ("vfio-pci", {"event_idx": False}, "",
                            ALL - {"EVENT_IDX"} | {"ACCESS_PLATFORM"}),
    "vfio-not-mergeable": ("vfio-pci", {"mrg_rxbuf": False}, "",
                           ALL - {"MRG_RXBUF"} | {"ACCESS_PLATFORM"}),
    "vfio-no-indirect": ("vfio-pci", {"indirect_desc": False}, "",
                         ALL - {"INDIRECT_DESC"} | {"ACCESS_PLATFORM"}),
    "vfio-plain": ("vfio-pci", PLAIN, "", ALWAYS | {"ACCESS_PLATFORM"}),
    "vfio-declined": ("vfio-pci", {}, "event_idx=0,mrg_rxbuf=0",
                      ALL - {"EVENT_IDX", "MRG_RXBUF"} | {"ACCESS_PLATFORM"}),
    "uio": ("uio_pci_generic", {}, "", ALL),
    "uio-plain": ("uio_pci_generic", PLAIN, "", ALWAYS),
}


class Setup:
    """One guest for the tests of a set of features."""

    def __init__(self, box, kit, driver, properties, devargs, features):
        self.wire = Datagrams()
        self.features = features
        self.guest = boot(box, kit, Nic(self.wire, iommu=driver == "vfio-pci", **properties),
                          driver=driver, devargs=devargs,
                          app=[*JUMBO, "--enable-scatter" if "MRG_RXBUF" in features
                               else "--mbuf-size=10240"])

    def echoes(self, sent, back=None):
        """Let the guest send frames back; they must come as they are, or as `back`."""
        self.guest.command("start")
        got = exchange(self.wire, sent)
        totals = self.guest.stop()["all"]
        frames.compare(back or sent, got)
        assert (totals["rx_dropped"], totals["tx_dropped"]) == (0, 0)


@pytest.fixture(scope="module", params=[
    pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in SETUPS])
def setup(request, module_box, kit):
    return Setup(module_box, kit, *SETUPS[request.param])


def test_negotiates(setup):
    rx, tx, features, _, _ = setup.guest.came_up()
    assert (rx, tx) == (1, 1)
    assert features - {"CTRL_VQ", "CTRL_RX", "CTRL_VLAN", "CTRL_RX_EXTRA", "CTRL_MAC_ADDR",
                       "GUEST_ANNOUNCE"} == setup.features


def test_echoes_every_length(setup):
    setup.echoes(frames.make(5000, ORDINARY, seed=1))


def test_echoes_large_frames(setup):
    """With mergeable buffers in several parts, received from several elements and sent as such."""
    setup.echoes(frames.make(1000, LARGE, seed=2))


def test_counters_agree(setup):
    guest = setup.guest
    guest.command("clear port stats all")
    sent = frames.make(300, ORDINARY, seed=3)
    setup.echoes(sent)
    stats = guest.stats(0)
    assert (stats["rx_packets"], stats["tx_packets"]) == (300, 300)
    assert stats["rx_bytes"] == stats["tx_bytes"] == sum(map(len, sent))
    assert stats["rx_errors"] == stats["tx_errors"] == stats["rx_nombuf"] == 0


def test_echoes_after_stop_and_start(setup):
    for seed in range(3):
        setup.guest.commands("port stop 0", "port start 0")
        setup.echoes(frames.make(300, ORDINARY, seed=seed))
