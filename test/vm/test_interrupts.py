# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Interrupts as the guest's kernel brings them: of the device's configuration, and of rx queues."""

import os
import re

import pytest

import frames
from flows import FLOWS, flow
from guest import UIO, VFIO, Example, Nic, boot
from image import PLUGIN
from ports import ORDINARY, Echo
from rig import eventually
from wire import Datagrams, Tap, exchange

FLAPS = 5
FRAMES = 300
NO_INTERRUPTS = "no interrupts, since"
# What the kernel has counted is gone with the handler, so it is told while the program runs.
WATCH = "while sleep 0.2; do grep -E 'vfio|uio' /proc/interrupts; done >/dev/ttyS1 &\n"


def counted(guest, name):
    """How many interrupts with such a name the kernel has told of."""
    found = re.findall(rf"^ *\d+: +(\d+) .*{name}", guest.kernel_log(), re.M)
    return int(found[-1]) if found else 0


@pytest.mark.xdist_group("interrupts")
@pytest.mark.parametrize("driver, name", [(VFIO, r"vfio-msix\[0\]"), (UIO, "uio_pci_generic")],
                         ids=["vfio", "uio"])
def test_link_changes(box, kit, driver, name):
    """Each one interrupts, by MSI-X vector 0 or by INTx, and testpmd is told."""
    port = Echo(box, kit, {"driver": driver}, before=WATCH)
    guest = port.guest
    assert NO_INTERRUPTS not in guest.output()
    for up in (False, True) * FLAPS:
        before = guest.mark()
        guest.monitor.execute("set_link", name="nic1", up=up)
        guest.wait_for("^Port 0: link state change event$", since=before)
        guest.wait_link(0, up=up)
    port.echoes()
    assert eventually(lambda: counted(guest, name) >= 2 * FLAPS)
    assert guest.quit() == 0


def program():
    """The application that sleeps."""
    build = os.environ.get("PVQ_BUILD")
    if not build:
        pytest.fail("PVQ_BUILD does not name a build folder")
    return os.path.join(build, "test", "vm", "rx_wait")


def address(nic):
    """Whom frames must be for: the application does not ask for others."""
    return bytes.fromhex(nic.mac.replace(":", ""))


def sleeper(box, kit, nic, count, queues=1, ready="^ready$"):
    return boot(box, kit, nic, kind=Example, program=program(), ready=ready,
                args=["-d", PLUGIN, "--", str(count), str(queues)])


def told(guest):
    """(frames, wake-ups, wake-ups in vain) of an application that has got all its frames."""
    guest.wait_for(r"^\S*rx_wait ended with status 0$", since=0, timeout=20)
    return tuple(map(int, re.search(r"^frames (\d+), wake-ups (\d+), in vain (\d+)$",
                                    guest.output(), re.M).groups()))


@pytest.mark.xdist_group("rx-interrupts")
def test_every_frame_wakes(box, kit):
    """One at a time, each wakes an application that never looks by itself."""
    wire = Datagrams()
    nic = Nic(wire)
    guest = sleeper(box, kit, nic, FRAMES)
    assert NO_INTERRUPTS not in guest.output()
    sent = frames.make(FRAMES, ORDINARY, seed=1, dst=address(nic))
    frames.compare(sent, exchange(wire, sent, window=1))
    assert told(guest) == (FRAMES, FRAMES, 0)


@pytest.mark.xdist_group("rx-interrupts")
@pytest.mark.parametrize("vectors", [6, 2], ids=["own", "shared"])
def test_queues_wake(box, kit, vectors):
    """Two queues with a vector each, and with one for both; what is sent in a hurry comes too."""
    wire = Tap(queues=2)
    nic = Nic(wire, mq=True, vectors=vectors)
    flows = [flow(port, 20, address(nic)) for port in range(1000, 1000 + FLOWS)]
    sent = [frame for turn in zip(*flows) for frame in turn]
    guest = sleeper(box, kit, nic, 2 * len(sent), queues=2)
    assert ("share MSI-X vector" in guest.output()) == (vectors == 2)
    for window in 1, 32:
        back = exchange(wire, sent, window=window)
        assert sorted(back) == sorted(sent)
    got, wakes, _ = told(guest)
    assert got == 2 * len(sent)
    # A vector for both wakes both, and the second one may find what the first one's echo brought.
    assert wakes >= len(sent) // (2 if vectors == 2 else 1)


@pytest.mark.xdist_group("rx-interrupts")
def test_no_rx_interrupts_without_vectors(box, kit):
    """INTx cannot wake a queue's sleeper, and the application is told at once."""
    guest = sleeper(box, kit, Nic(Datagrams(), driver=UIO), 1,
                    ready=r"^\S*rx_wait ended with status 1$")
    assert "rx_wait: configure: Operation not supported" in guest.output()
    assert "Rx interrupts need MSI-X vectors: bind the device to vfio-pci" in guest.output()
    assert guest.quit() == 1
