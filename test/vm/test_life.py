# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""A port in a guest is stopped, reset and resized, its queues are, and its link goes down and up."""

import re

import pytest

from guest import UIO, VFIO, Nic
from ports import Echo
from wire import Datagrams

pytestmark = pytest.mark.xdist_group("life")


@pytest.fixture(scope="module")
def port(module_box, kit):
    return Echo(module_box, kit)


def test_reset(port):
    """The device is reset, features are negotiated anew, and counters and address stay."""
    guest = port.guest
    port.echoes()
    before = guest.output().count(": up: ")
    guest.commands("port stop 0", "port reset 0", "port start 0")
    guest.wait_link(0)
    assert guest.output().count(": up: ") == before + 1
    port.echoes()


def test_link_goes_down_and_up(port):
    """As QEMU's monitor says, and frames flow as before."""
    guest = port.guest
    for _ in range(3):
        guest.monitor.execute("set_link", name="nic1", up=False)
        guest.wait_link(0, up=False)
        guest.monitor.execute("set_link", name="nic1", up=True)
        guest.wait_link(0)
    port.echoes()


@pytest.mark.parametrize("size", [256, 128, 100, 33, 8, 2, 1])
def test_ring_sizes(port, size):
    """Of any size up to the device's, powers of two or not."""
    guest = port.guest
    guest.commands("port stop 0", f"port config all rxd {size}", f"port config all txd {size}",
                   "port start 0")
    for side in "rx", "tx":
        assert f"Number of {side.upper()}Ds: {size}\n" in guest.command(f"show {side}q info 0 0")
    port.echoes()


def test_queue_stops_and_starts(port):
    """Each queue by itself, by RING_RESET, while the other one goes on."""
    assert "RING_RESET" in port.features()
    for side in "rxq", "txq":
        for _ in range(3):
            port.guest.commands(f"port 0 {side} 0 stop", f"port 0 {side} 0 start")
            port.echoes()


@pytest.mark.xdist_group("large-rings")
def test_large_rings(box, kit):
    """The rx ring of QEMU's device has up to 1024 descriptors."""
    port = Echo(box, kit, {"rx_queue_size": 1024}, app=["--rxd=1024", "--txd=256"])
    assert "Number of RXDs: 1024\n" in port.guest.command("show rxq info 0 0")
    port.echoes()


def gone(port, leaving):
    """Wait until testpmd has seen a port off and forwards again; the other port is as before."""
    guest = port.guest
    guest.wait_for(r"^Now total ports is 1$(?s:.)*^ +TX offloads=", since=0)
    guest.monitor.wait_event("DEVICE_DELETED", device=leaving.id)
    guest.stop()
    rows = re.findall(r"^\d+ .* (\S+:\S+:\S+) +net_pvq", guest.command("show port summary all"), re.M)
    assert rows == ["0000:00:01.0"]
    port.echoes()


@pytest.mark.xdist_group("unplugged")
@pytest.mark.parametrize("driver", [VFIO, UIO])
def test_unplugged(box, kit, driver):
    """EAL tells testpmd, which closes and removes the port and goes on with the other one."""
    leaving = Nic(Datagrams(), slot=2, driver=driver, unpluggable=True)
    port = Echo(box, kit, {"driver": driver}, others=[leaving], app=["--hot-plug"])
    guest = port.guest
    guest.command("start")
    guest.monitor.execute("device_del", id=leaving.id)
    gone(port, leaving)


@pytest.mark.xdist_group("unplugged")
def test_unplugged_unseen_by_eal(box, kit):
    """Where nobody listens to the kernel, the driver itself notices that registers have gone.

    A kernel's driver that has the device opened by a program, as vfio-pci, would wait for that.
    """
    leaving = Nic(Datagrams(), slot=2, driver=UIO, unpluggable=True)
    port = Echo(box, kit, {"driver": UIO}, others=[leaving])
    port.guest.command("start")
    port.guest.monitor.execute("device_del", id=leaving.id)
    port.guest.wait_for("^Port 1: device removal event$", since=0)
    said = f"{leaving.address}: the device has been removed: close the port"
    assert port.guest.output().count(said) == 1
    gone(port, leaving)
