# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""What users get wrong and backends lack: a message that helps, and no crash."""

import os
import re
import socket

import pytest

import pyvhost
from rig import eventually, pool_missing

DEVARGS = {
    "unknown-key": ("path=S,colour=red",
                    r'bad device arguments "path=\S+,colour=red"; valid are path=.*server=.*isa='),
    "no-arguments": ("", r"path= is missing: the vhost-user socket, for instance --vdev"),
    "no-path": ("queues=1", r"path= is missing"),
    "empty-path": ("path=", r"path= is not valid: the vhost-user socket, for instance /"),
    "long-path": ("path=/" + 107 * "p", r"path=\S+ is not valid: a unix socket's path has 107"),
    "server": ("path=S,server=2", "server=2 is not valid: 0 or 1"),
    "server-word": ("path=S,server=yes", "server=yes is not valid: 0 or 1"),
    "queues-0": ("path=S,queues=0", r"queues=0 is not valid: 1 to \d+ queue pairs"),
    "queues-129": ("path=S,queues=129", r"queues=129 is not valid: 1 to 128 queue pairs"),
    "queues-word": ("path=S,queues=4x", r"queues=4x is not valid: 1 to \d+ queue pairs"),
    "queue-size-0": ("path=S,queue_size=0", "queue_size=0 is not valid: 1 to 32768 descriptors"),
    "queue-size": ("path=S,queue_size=32769", "queue_size=32769 is not valid: 1 to 32768 desc"),
    "queue-size-sign": ("path=S,queue_size=-1", "queue_size=-1 is not valid: 1 to 32768 desc"),
    "mac": ("path=S,mac=12:34", "mac=12:34 is not valid: a unicast address such as 02:00"),
    "mac-multicast": ("path=S,mac=01:00:00:00:00:01", "mac=01:00:00:00:00:01 is not valid: a uni"),
    "mac-zero": ("path=S,mac=00:00:00:00:00:00", "mac=00:00:00:00:00:00 is not valid: a unicast"),
    "mrg_rxbuf": ("path=S,mrg_rxbuf=on", "mrg_rxbuf=on is not valid: 0 or 1"),
    "in_order": ("path=S,in_order=", "in_order= is not valid: 0 or 1"),
    "event_idx": ("path=S,event_idx=-1", "event_idx=-1 is not valid: 0 or 1"),
    "speed": ("path=S,speed=1234", "speed=1234 is not valid: .*10, 100, 1000, .*100000"),
    "isa": ("path=S,isa=mmx", "isa=mmx is not valid: one of .*scalar"),
    "no-such-folder": ("path=S/no/such/folder,server=1", r"cannot listen on \S+: .*; choose anot"),
}


@pytest.fixture(scope="module")
def pmd(module_box):
    """A testpmd without ports."""
    return module_box.testpmd()


@pytest.mark.parametrize("name", DEVARGS)
def test_bad_device_argument(module_box, pmd, name):
    """Refused, with the valid values named, and nothing stays of the device."""
    devargs, message = DEVARGS[name]
    files = pmd.files()
    since = pmd.mark()
    text = pmd.command("port attach net_pvq0," + devargs.replace("S", module_box.path("s"), 1))
    assert "is attached" not in text
    assert re.search("net_pvq0: " + message, pmd.output(since)), pmd.output(since)
    assert eventually(lambda: pmd.files() == files)
    assert "Infos for port" not in pmd.command("show port info all")


def test_good_device_arguments(module_box, pmd):
    """After all the bad ones; in two lots, since an EAL may cut them after 128 characters."""
    path = module_box.path("g")
    for keys in ("server=1,queues=2,queue_size=128,mac=02:00:00:00:00:05,isa=scalar",
                 "server=1,mrg_rxbuf=0,in_order=0,event_idx=0,speed=25000"):
        assert "Port 0 is attached" in pmd.command(f"port attach net_pvq0,path={path},{keys}")
        pmd.command("port start 0")
        if "queues" in keys:
            info = pmd.command("show port info 0")
            assert "MAC address: 02:00:00:00:00:05" in info
            assert "Max possible RX queues: 2" in info
            assert "Number of RXDs: 128" in pmd.command("show rxq info 0 0")
        port = pmd.telemetry("/pvq/port,0")
        assert (port["path"], port["server"], port["connected"]) == (path, 1, 0)
        pmd.command("port stop 0")
        pmd.command("port detach 0")
        assert not os.path.exists(path)


def test_no_backend(box):
    """The port starts without a link, takes no packet and says whom it waits for."""
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}")
    assert re.search(r"net_pvq0: no backend at \S+ yet \(No such file or directory\): waiting; "
                     r"start one there or check path=", front.output())
    assert front.output().count("no backend at") == 1
    assert not front.link_up(0)
    front.command("set fwd txonly")
    front.command("start")
    stopped = front.stop()[0]
    assert stopped["tx_packets"] == 0 and stopped["tx_dropped"] > 0
    front.command("port stop 0")
    assert pool_missing(front) == 0
    front.command("port start 0")


def test_path_is_no_socket(box):
    with open(box.path("s"), "w", encoding="ascii") as file:
        file.write("something of the user's")
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}")
    assert "(Connection refused): waiting" in front.output()
    refused = front.command(f"port attach net_pvq1,path={box.path('s')},server=1")
    assert "is attached" not in refused
    assert f"net_pvq1: cannot listen on {box.path('s')}" in front.output()
    assert os.path.getsize(box.path("s")) > 0, "removed what was not ours"


def test_server_path_in_use(box):
    """A living listener is left alone; the socket of a dead one is taken over."""
    first = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')},server=1")
    second = box.testpmd()
    args = f"path={box.path('s')},server=1"
    assert "is attached" not in second.command(f"port attach net_pvq0,{args}")
    assert re.search(r"cannot listen on \S+: Address already in use; choose another path= or stop "
                     r"who uses it", second.output())
    first.kill9()
    assert os.path.exists(box.path("s"))
    assert "is attached" in second.command(f"port attach net_pvq0,{args}")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(box.path("s"))


@pytest.mark.parametrize("missing, bit", [("RING_PACKED", pyvhost.F_PACKED),
                                          ("VERSION_1", pyvhost.F_VERSION_1)])
def test_backend_without_a_required_feature(box, missing, bit):
    """Refused, with the feature named and how to turn it on; said once, not with every try."""
    backend = serve(box, features=pyvhost.F_PROTOCOL | (
        pyvhost.F_PACKED | pyvhost.F_VERSION_1 | pyvhost.F_INDIRECT) & ~bit)
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}")
    text = front.wait_for("net_pvq0: refusing the backend: it does not offer (.*)$", since=0)
    assert text.group(1).startswith(missing + ".")
    for who in ("OVS", "QEMU", "testpmd", "packed=on"):
        assert who in text.group(1)
    tries = backend.requests.count(pyvhost.SET_OWNER)
    assert eventually(lambda: backend.requests.count(pyvhost.SET_OWNER) > tries + 1)
    assert front.output().count("refusing the backend") == 1
    assert not front.link_up(0)


def test_backend_that_never_answers(box):
    """Every request has a limit, and the port goes on waiting for a better backend."""
    serve(box, mute=(pyvhost.GET_FEATURES,))
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}")
    front.wait_for(r"net_pvq0: backend did not answer GET_FEATURES within \d+ s", since=0,
                   timeout=15)
    assert not front.link_up(0)
    assert front.quit(timeout=15) == 0


@pytest.mark.parametrize("offer", [
    {"features": pyvhost.F_VERSION_1 | pyvhost.F_PACKED},
    {"protocol": 0},
    {"protocol": pyvhost.P_MQ},
    {"features": pyvhost.F_VERSION_1 | pyvhost.F_PACKED | pyvhost.F_PROTOCOL},
], ids=["no-protocol-features", "protocol-of-nothing", "no-reply-ack", "no-indirect"])
def test_backend_with_little_to_offer(box, offer):
    """Everything else is negotiated down."""
    backend = serve(box, **offer)
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}")
    front.wait_link(0)
    assert "MRG_RXBUF" not in re.search("up: .*", front.output()).group()
    loops(front, backend)


def test_backend_that_never_sets_write(box):
    """QEMU's device leaves VIRTQ_DESC_F_WRITE out of used descriptors."""
    backend = serve(box, write=False)
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')}")
    front.wait_link(0)
    loops(front, backend)


def test_mtu_without_mergeable_buffers(box):
    """Scattered packets need them, and whoever turns them off is told."""
    front = box.testpmd("--vdev", f"net_pvq0,path={box.path('s')},mrg_rxbuf=0",
                        app=["--max-pkt-len=9018", "--enable-scatter"])
    serve(box)
    assert eventually(lambda: re.search(
        r"net_pvq0: MTU \d+ needs \d+ bytes and rx queue 0's buffers have \d+: .*mrg_rxbuf=1",
        front.output()))
    assert not front.link_up(0)


def serve(box, **offer):
    """A Python backend until the test ends."""
    backend = pyvhost.Backend(box.path("s"), **offer)
    box.closers.append(backend.close)
    return backend


def loops(front, backend):
    """Traffic through a Python backend, and nothing amiss afterwards."""
    front.command("start tx_first 2")
    assert eventually(lambda: front.stats(0)["rx_packets"] > 2000), backend.error
    front.stop()
    stats = front.stats(0)
    assert stats["rx_errors"] == stats["tx_errors"] == 0
    front.command("port stop 0")
    assert pool_missing(front) == 0
