# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Frames through a guest with each set of features come back as they were sent."""

import pytest

import frames
from guest import UIO, VFIO
from ports import ORDINARY, Echo

# Around the size of a buffer, where frames are spread over several.
LARGE = [60, 1514, 2037, 2048, 2049, 4000, 9000]
ALWAYS = {"MAC", "STATUS", "VERSION_1", "RING_PACKED", "RING_RESET"}
ALL = ALWAYS | {"MRG_RXBUF", "INDIRECT_DESC", "EVENT_IDX"}
JUMBO = ["--max-pkt-len=9600", "--tx-offloads=0x8000"]
PLAIN = {"event_idx": False, "mrg_rxbuf": False, "indirect_desc": False}

# The kernel's driver, QEMU's properties, the driver's arguments, what must be negotiated.
SETUPS = {
    "vfio": (VFIO, {}, "", ALL | {"ACCESS_PLATFORM"}),
    "vfio-no-event-index": (VFIO, {"event_idx": False}, "",
                            ALL - {"EVENT_IDX"} | {"ACCESS_PLATFORM"}),
    "vfio-not-mergeable": (VFIO, {"mrg_rxbuf": False}, "",
                           ALL - {"MRG_RXBUF"} | {"ACCESS_PLATFORM"}),
    "vfio-no-indirect": (VFIO, {"indirect_desc": False}, "",
                         ALL - {"INDIRECT_DESC"} | {"ACCESS_PLATFORM"}),
    "vfio-plain": (VFIO, PLAIN, "", ALWAYS | {"ACCESS_PLATFORM"}),
    "vfio-declined": (VFIO, {}, "event_idx=0,mrg_rxbuf=0",
                      ALL - {"EVENT_IDX", "MRG_RXBUF"} | {"ACCESS_PLATFORM"}),
    "uio": (UIO, {}, "", ALL),
    "uio-plain": (UIO, PLAIN, "", ALWAYS),
}


@pytest.fixture(scope="module", params=[
    pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in SETUPS])
def port(request, module_box, kit):
    driver, properties, devargs, features = SETUPS[request.param]
    port = Echo(module_box, kit, {"driver": driver, "devargs": devargs, **properties},
                app=[*JUMBO, "--enable-scatter" if "MRG_RXBUF" in features
                     else "--mbuf-size=10240"])
    port.wanted = features
    yield port
    assert port.guest.quit() == 0


def test_negotiates(port):
    rx, tx, features, _, _ = port.guest.came_up()
    assert (rx, tx) == (1, 1)
    assert features - {"CTRL_VQ", "CTRL_RX", "CTRL_VLAN", "CTRL_RX_EXTRA", "CTRL_MAC_ADDR",
                       "GUEST_ANNOUNCE"} == port.wanted


def test_echoes_every_length(port):
    port.echoes(frames.make(5000, ORDINARY, seed=1))


def test_echoes_large_frames(port):
    """With mergeable buffers in several parts, received from several elements and sent as such."""
    port.echoes(frames.make(1000, LARGE, seed=2))


def test_counters_agree(port):
    guest = port.guest
    guest.command("clear port stats all")
    sent = frames.make(300, ORDINARY, seed=3)
    port.echoes(sent)
    stats = guest.stats(0)
    assert (stats["rx_packets"], stats["tx_packets"]) == (300, 300)
    assert stats["rx_bytes"] == stats["tx_bytes"] == sum(map(len, sent))
    assert stats["rx_errors"] == stats["tx_errors"] == stats["rx_nombuf"] == 0


def test_echoes_after_stop_and_start(port):
    for seed in range(3):
        port.guest.commands("port stop 0", "port start 0")
        port.echoes(frames.make(300, ORDINARY, seed=seed))
