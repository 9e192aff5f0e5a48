# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""DPDK's own tests, run on a net_pvq port by the distribution's dpdk-test."""

import os
import re
import shutil
import subprocess

import pytest

from rig import forced, lcores, plugin, program, start_vhost

# Event adapters get a pool for 64 queues of every port, whatever the port has.
ADAPTER_MEGABYTES = 2400


def dpdk_test():
    """The dpdk-test that goes with the testpmd under test."""
    folder = os.path.dirname(shutil.which(program()) or "")
    path = os.path.join(folder, "dpdk-test")
    if not os.path.exists(path):
        pytest.skip(f"no dpdk-test in {folder}: DPDK 25.11 and later do not install it")
    return path


def run(box, commands, devargs="", memory=512, more=()):
    """Run commands of dpdk-test with the port as its port 0; returns what it printed."""
    argv = ["setpriv", "--pdeathsig", "KILL", dpdk_test(), *lcores(1), "--no-pci", "--no-huge",
            "-m", str(memory), "-d", plugin(), *more,
            *forced(["--vdev", f"net_pvq0,path={box.path('s')}{devargs}"])]
    done = subprocess.run(argv, input="\n".join([*commands, "quit", ""]), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          check=False, env=dict(os.environ, RUNTIME_DIRECTORY=box.folder))
    shutil.rmtree(box.path("dpdk"), ignore_errors=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def backend(box, queues):
    """The far end: whatever comes in goes back."""
    vhost = start_vhost(box, f",queues={queues}", app=[f"--rxq={queues}", f"--txq={queues}"])
    vhost.command("set fwd mac")
    vhost.command("start")
    return vhost


@pytest.mark.parametrize("anchor", ["txonly", "rxonly"])
def test_pmd_perf_autotest(box, anchor):
    """It sends for two seconds at the speed of the link, hence not at the default of 10 Gbit/s."""
    backend(box, 1)
    out = run(box, ["set_rxtx_sc continuous", f"set_rxtx_anchor {anchor}", "pmd_perf_autotest"],
              ",speed=1000")
    assert "Test OK" in out and "Link up at 1 Gbps" in out, out
    assert int(re.search(r"^(\d+) packet, ", out, re.M).group(1)) > 2000000, out


def test_ethdev_api(box):
    with open(dpdk_test(), "rb") as file:
        known = b"ethdev_api" in file.read()
    if not known:
        pytest.skip("this dpdk-test is too old to have ethdev_api")
    backend(box, 2)
    out = run(box, ["ethdev_api"])
    assert "Test OK" in out, out


@pytest.mark.parametrize("suite", ["event_eth_rx_adapter_autotest",
                                   "event_eth_rx_intr_adapter_autotest",
                                   "event_eth_tx_adapter_autotest"])
def test_event_adapter(box, suite):
    """Queues polled, and waited for by interrupt, by an event device."""
    with open("/proc/meminfo", encoding="ascii") as file:
        free = int(re.search(r"MemAvailable: *(\d+)", file.read()).group(1)) // 1024
    if free < ADAPTER_MEGABYTES + 1000:
        pytest.skip(f"needs {ADAPTER_MEGABYTES + 1000} MB of memory, {free} MB are free")
    backend(box, 2)
    out = run(box, [suite], ",queues=8", ADAPTER_MEGABYTES, ["--vdev", "event_sw0"])
    assert "Test OK" in out, out
    assert re.search(r"Tests Failed : +0$", out, re.M), out
    assert re.search(r"Tests Passed : +[1-9]", out), out
