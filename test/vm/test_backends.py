# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Other back halves of the device: DPDK's vhost library, and a tap interface."""

import pytest

import frames
from guest import UIO, VFIO, Nic, boot
from loopback import again
from ports import ORDINARY, Echo
from rig import start_vhost
from wire import Tap, VhostUser

LARGE = [60, 1514, 4000, 9000, 9014]
# One mbuf for a frame on the side of net_vhost, several in the guest.
WHOLE = ["--mbuf-size=9728", "--max-pkt-len=9018", "--no-flush-rx"]
PARTS = ["--max-pkt-len=9018", "--enable-scatter", "--tx-offloads=0x8000"]


@pytest.mark.xdist_group("vhost-user")
@pytest.mark.parametrize("driver, backend", [(UIO, ""), (VFIO, ",iommu-support=1")],
                         ids=["uio", "vfio"])
def test_vhost_user(box, kit, driver, backend):
    """Stock testpmd with net_vhost sends the frames of one file, and writes what comes back to
    another. Under VFIO it asks QEMU's IOMMU where the guest's buffers are."""
    sent = frames.make(3000, [*ORDINARY, *LARGE * 100], seed=2)
    frames.write(box.path("in.pcap"), sent)
    vhost = start_vhost(box, vhost=backend, app=WHOLE, extra=(
        "--vdev", f"net_pcap0,rx_pcap={box.path('in.pcap')},tx_pcap={box.path('out.pcap')}"))
    guest = boot(box, kit, Nic(VhostUser(box.path("s")), driver=driver), app=PARTS)
    guest.wait_link(0)
    assert ("ACCESS_PLATFORM" in guest.came_up()[2]) == (driver == VFIO)
    again(guest, vhost, sent, "io")
    # The guest's rings go away before the backend, and the file is whole when that has closed it.
    assert guest.quit() == 0
    assert vhost.quit() == 0
    frames.compare(sent, frames.read(box.path("out.pcap")))


@pytest.mark.xdist_group("tap")
def test_tap(box, kit):
    """The tap interface is QEMU's usual one, and its device has offloads for it."""
    port = Echo(box, kit, wire=Tap())
    port.echoes(frames.make(3000, ORDINARY, seed=3))
