# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The plugin under AddressSanitizer and UndefinedBehaviorSanitizer, inside stock testpmd."""

import os
import subprocess

import pytest

from rig import Link, eventually, pool_missing, start_vhost


def sanitized(box, *eal, app=()):
    """A testpmd with the sanitized plugin; both sanitizers end it with status 99."""
    path = os.environ.get("PVQ_PLUGIN_ASAN")
    if not path:
        pytest.skip("PVQ_PLUGIN_ASAN does not name a plugin built with sanitizers")
    libraries = [subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip()
                 for name in ("libasan.so", "libubsan.so")]
    # Leaks are not looked for: EAL and testpmd leave much behind when they end.
    return box.testpmd("-d", os.path.abspath(path), *eal, app=app, pvq=False, env={
        "LD_PRELOAD": ":".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0:exitcode=99:abort_on_error=0",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99"})


@pytest.mark.parametrize("devargs", ["", ",in_order=0,event_idx=0,mrg_rxbuf=0"])
def test_life_of_a_port(box, devargs):
    """Start, traffic, a backend that dies, other rings, stop, detach: without a complaint."""
    backend = start_vhost(box, ",queues=2", app=["--rxq=2", "--txq=2"])
    pmd = sanitized(box, "--vdev", f"net_pvq0,path={box.path('s')}{devargs}",
                    app=["--rxq=2", "--txq=2", "--txpkts=40,40", "--tx-offloads=0x8000"])
    with open(f"/proc/{pmd.pid}/maps", encoding="ascii") as maps:
        assert "libasan.so" in maps.read()
    link = Link(pmd, 0, backend, 0)
    link.wait_up()
    for mode in ("txonly", "io"):
        backend.command("set fwd io")
        backend.command("start")
        pmd.command(f"set fwd {mode}")
        pmd.command("clear port stats 0")
        pmd.command("start tx_first 1")
        assert eventually(lambda: pmd.stats(0)["tx_packets"] > 3000)
        backend.kill9()
        pmd.wait_link(0, up=False)
        os.unlink(box.path("s"))
        backend = start_vhost(box, ",queues=2", app=["--rxq=2", "--txq=2"])
        pmd.wait_link(0)
        pmd.stop()
        pmd.commands("show port xstats 0", "show rxq info 0 1", "show txq info 0 1",
                     "show port 0 rxq 0 desc 3 status", "show port 0 txq 0 desc 3 status")
        for request in ("/pvq/list", "/pvq/port,0", "/pvq/ring,0,rx,1", "/pvq/ring,0,tx,0"):
            assert pmd.telemetry(request)
        pmd.commands("port stop 0", "port config 0 rxq 0 ring_size 100",
                     "port config 0 txq 1 ring_size 77", "port start 0")
        pmd.wait_link(0)
    pmd.command("port stop 0")
    assert pool_missing(pmd) == 0
    assert "is detached" in pmd.command("port detach 0")
    assert "not valid" in pmd.command(f"port attach net_pvq1,path={box.path('s')},queues=0")
    assert pmd.quit() == 0
    assert "Sanitizer" not in pmd.output() and "runtime error" not in pmd.output()
