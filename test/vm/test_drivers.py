# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Which driver takes a device where a program has both, net_virtio and pvq, loaded or linked."""

import os
import re
import subprocess

import pytest

import frames
from guest import Example, Nic, boot
from image import driver_folder
from ports import ORDINARY, Echo
from wire import Datagrams, exchange

pytestmark = pytest.mark.xdist_group("drivers")

LEFT = ("the device does not offer RING_PACKED: left to other drivers "
        "(QEMU: packed=on, disable-legacy=on)")


def ports(guest):
    """The ports by their addresses, with their drivers."""
    summary = guest.command("show port summary all")
    return dict(re.findall(r"^\d+ +\S+ +(\S+) +(\S+)", summary, re.M))


def said(guest, nic):
    """What the driver logged of a device."""
    return re.findall(rf"^{re.escape(nic.address)}: (.*)$", guest.output(), re.M)


def test_loaded(box, kit):
    """testpmd with both as plugins: pvq comes first, takes packed rings and leaves others alone;
    driver= overrules that."""
    split, wished = (Nic(Datagrams(), slot=2, packed=False),
                     Nic(Datagrams(), slot=3, devargs="driver=net_virtio"))
    refused = Nic(Datagrams(), slot=4, packed=False, devargs="driver=net_pvq")
    port = Echo(box, kit, others=[split, wished, refused])
    assert ports(port.guest) == {port.guest.nics[0].address: "net_pvq_pci",
                                 split.address: "net_virtio", wished.address: "net_virtio"}
    assert said(port.guest, split) == [LEFT]
    assert said(port.guest, wished) == []
    assert len(said(port.guest, refused)) == 1
    assert "RING_PACKED" in said(port.guest, refused)[0]
    port.echoes()


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The example application with both drivers linked in, the other one first."""
    build = os.environ.get("PVQ_BUILD")
    if not build:
        pytest.fail("PVQ_BUILD does not name a build folder")
    path = tmp_path_factory.mktemp("linked") / "forward-both"
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "app",
                          "pvq-forward", "main.c")
    done = subprocess.run(
        f"{os.environ.get('CC', 'cc')} {source} -o {path} $(pkg-config --cflags libdpdk) "
        "-Wl,--whole-archive -l:librte_net_virtio.a "
        f"{build}/drivers/net/pvq/librte_net_pvq.a -Wl,--no-whole-archive "
        "$(pkg-config --libs libdpdk) -lrte_bus_pci -lrte_bus_vdev -lrte_pci -lnuma", shell=True, check=False, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return str(path)


def test_linked(box, kit, program):
    """A program with both linked in, and no plugin; it forwards from one to the other."""
    ours, split = Nic(Datagrams()), Nic(Datagrams(), slot=2, packed=False)
    guest = boot(box, kit, ours, split, kind=Example, program=program,
                 before=f"rm {driver_folder(kit.program)}/librte_net_virtio.so*\n",
                 ready=r"^port 1: \S+, driver net_virtio$")
    assert f"port 0: {ours.address}, driver net_pvq_pci\n" in guest.output()
    assert said(guest, split) == [LEFT]
    guest.wait_for("^port 0: link up$", since=0)
    for start, end in (ours, split), (split, ours):
        # The example does not ask for frames that are not for it.
        sent = frames.make(500, ORDINARY, seed=1, dst=bytes.fromhex(start.mac.replace(":", "")))
        back = exchange(start.wire, sent, end.wire)
        frames.compare(list(map(frames.swap_macs, sent)), back)
    assert guest.quit() == 0
