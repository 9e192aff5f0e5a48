# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""A newer QEMU than the distribution's, whose device can use buffers in order."""

import pytest

import frames
from guest import UIO, VFIO
from ports import ORDINARY, Echo

LARGE = [60, 1514, 2048, 2049, 4000, 9000]
PARTS = ["--max-pkt-len=9600", "--enable-scatter", "--tx-offloads=0x8000"]
# The ring is smaller than the device's: QEMU up to 10.0 looks beyond its table of elements when a
# packet in several parts lies over the end of one that is as large.
# QEMU's properties, and the driver's paths.
SETUPS = {
    "vfio": (VFIO, {}, ("AVX2, in-order, mergeable", "AVX2, in-order")),
    "vfio-no-event-index": (VFIO, {"event_idx": False},
                            ("AVX2, in-order, mergeable", "AVX2, in-order")),
    "uio": (UIO, {}, ("AVX2, IOVA, in-order, mergeable", "AVX2, IOVA, in-order")),
}


@pytest.fixture(scope="module", params=[
    pytest.param(name, marks=pytest.mark.xdist_group(f"newest-{name}")) for name in SETUPS])
def port(request, module_box, newest_kit):
    driver, properties, paths = SETUPS[request.param]
    nic = {"driver": driver, "in_order": True, "rx_queue_size": 1024, **properties}
    own = Echo(module_box, newest_kit, nic, app=[*PARTS, "--rxd=256"])
    assert own.guest.came_up()[3:] == paths
    yield own
    assert own.guest.quit() == 0


def test_negotiates_order(port):
    assert {"IN_ORDER", "RING_RESET", "RING_PACKED"} <= port.features()


@pytest.mark.parametrize("lengths", [ORDINARY, LARGE], ids=["ordinary", "large"])
def test_echoes(port, lengths):
    port.echoes(frames.make(3000, lengths, seed=1))


def test_queue_stops_and_starts(port):
    """By RING_RESET, each queue by itself."""
    for side in "rxq", "txq", "rxq":
        port.guest.commands(f"port 0 {side} 0 stop", f"port 0 {side} 0 start")
        port.echoes()


def test_port_stops_and_starts(port):
    port.guest.commands("port stop 0", "port start 0")
    port.echoes()
