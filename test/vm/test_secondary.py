# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""A secondary process in a guest polls queues of its own, and notifies the device by itself."""

import shlex

import pytest

import frames
from flows import FLOWS, flow, flow_of
from guest import UIO, VFIO, Nic, boot
from image import PLUGIN
from rig import eventually
from wire import Tap, exchange

pytestmark = pytest.mark.xdist_group("secondary")

MQ = {"mq": True, "vectors": 6}
APP = ["--rxq=2", "--txq=2", "--num-procs=2"]
# Few enough for the ring of a queue that nobody polls yet.
FEW = 5
MANY = 100
LIMIT = 60

# It forwards until it is told to stop, which the kernel's console never does.
PRIMARY = """{command} </dev/ttyS1 >/dev/ttyS1 2>/tmp/primary &
for second in $(seq {limit}); do
	! grep -q ': up: 2 rx and 2 tx queues' /tmp/primary || break
	sleep 1
done
cat /tmp/primary >/dev/ttyS1
"""


def primary(kit, nic):
    """What starts a process with queue pair 0, and waits for its port.

    Its lcores have other numbers than the secondary's: mempools have a cache for each.
    """
    command = [kit.program, "--lcores", "(2-3)@0", "--main-lcore", "2", "-m", "64", "-a",
               f"0000:00:{nic.slot:02x}.0", "-d", PLUGIN, "--", "--total-num-mbufs=4096",
               "--mbcache=64", "--port-topology=loop", *APP, "--proc-id=0"]
    return PRIMARY.format(command=shlex.join(command), limit=LIMIT)


def by_flow(back):
    """Frames that came back, of each flow in their order."""
    found = {}
    for frame in back:
        found.setdefault(flow_of(frame), []).append(frame)
    return found


def sent_by(secondary, queue):
    """How many packets have gone out through a queue, whichever process has sent them."""
    return secondary.xstats(0).get(f"tx_q{queue}_packets", 0)


def check(flows, back):
    """Compare what came back with the flows that it belongs to."""
    for port, got in back.items():
        frames.compare(flows[port], got)


@pytest.mark.parametrize("driver", [VFIO, UIO])
def test_secondary_polls(box, kit, driver):
    """Frames of pair 1 wait for the secondary process; once it forwards, they all come back.

    The device sends nothing of a queue that it is not notified of, and nobody else polls that pair.
    """
    wire = Tap(queues=2)
    nic = Nic(wire, driver=driver, **MQ)
    secondary = boot(box, kit, nic, shared=True, before=primary(kit, nic),
                     eal=["--proc-type", "secondary"], app=[*APP, "--proc-id=1"])
    secondary.wait_link(0)
    assert "net_pvq" in secondary.command("show port info 0")
    flows = {port: flow(port, FEW) for port in range(1000, 1000 + FLOWS)}
    few = [frame for turn in zip(*flows.values()) for frame in turn]

    first = by_flow(exchange(wire, few, timeout=5, window=len(few)))
    check(flows, first)
    assert 0 < len(first) < FLOWS, f"{len(first)} of {FLOWS} flows came back by one of two pairs"
    assert sent_by(secondary, 0) == len(first) * FEW
    assert sent_by(secondary, 1) == 0

    secondary.command("start")
    waited = []
    eventually(lambda: waited.extend(wire.receive(0.1)) or len(waited) == len(few) - len(first) * FEW)
    rest = by_flow(waited)
    check(flows, rest)
    assert sorted([*first, *rest]) == sorted(flows)

    many = {port: flow(port, MANY) for port in flows}
    back = by_flow(exchange(wire, [frame for turn in zip(*many.values()) for frame in turn]))
    assert sorted(back) == sorted(many)
    check(many, back)
    assert sent_by(secondary, 1) == len(rest) * (FEW + MANY)
    secondary.stop()
    assert secondary.quit() == 0
