# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""What packagers and tools see of the plugin: its description, its symbols, its folder."""

import json
import os
import platform
import re
import subprocess

import pytest

from rig import plugin


def output(*command, **more):
    """What a command prints that must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def test_pmdinfo_lists_drivers_and_parameters():
    vdev, pci = json.loads(output("dpdk-pmdinfo.py", plugin()))
    common = ["queues", "queue_size", "mac", "mrg_rxbuf", "in_order", "event_idx", "speed", "isa"]
    for driver, name, own in ((vdev, "net_pvq", ["path", "server"]),
                              (pci, "net_pvq_pci", ["driver"])):
        assert driver["name"] == name
        assert [word.partition("=")[0] for word in driver["params"].split()] == own + common


def test_pc01_pmdinfo_lists_pci_ids():
    _, pci = json.loads(output("dpdk-pmdinfo.py", plugin()))
    assert pci["pci_ids"] == [{"vendor": "1af4", "device": "1041"},
                              {"vendor": "1af4", "device": "1000"}]
    assert pci["kmod"] == "vfio-pci | uio_pci_generic"


def test_plugin_exports_only_what_dpdk_needs():
    symbols = output("nm", "-D", "--defined-only", plugin()).split()[2::3]
    names = {symbol.partition("@")[0] for symbol in symbols}
    assert {name for name in names if not name.startswith(("DPDK_", "pvq_pmd_info", "pvq_pci_pmd_info"))} <= {
        "this_pmd_name_net_pvq"}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads the machine code of x86")
def test_pr36_barriers_for_devices_are_in_their_paths_alone():
    """MFENCE is what a device needs and other processors do not."""
    name, fenced, publish = None, set(), set()
    for line in output("objdump", "-d", "--no-show-raw-insn", plugin()).splitlines():
        begin = re.match(r"[0-9a-f]+ <(pvq_[rt]x_(?:scalar|avx2|avx512)\w*)>:$", line)
        if begin:
            name = begin.group(1)
            if re.match(r"pvq_(?:tx_|rx_\w*_(?:some|recycle)$)", name):
                publish.add(name)
        elif not line.startswith(" "):
            name = None
        elif name and "mfence" in line:
            fenced.add(name)
    assert len(publish) >= 24
    assert fenced == {name for name in publish if "_platform" in name}


@pytest.fixture(name="installed", scope="module")
def fixture_installed(tmp_path_factory):
    """The build under test installed below a folder."""
    build = os.environ.get("PVQ_BUILD")
    if not build:
        pytest.fail("PVQ_BUILD does not name a build folder")
    folder = str(tmp_path_factory.mktemp("destdir"))
    output("meson", "install", "--no-rebuild", "-C", build, env=dict(os.environ, DESTDIR=folder))
    return {name: os.path.relpath(os.path.join(base, name), folder)
            for base, _, names in os.walk(folder) for name in names}, folder


def test_install_puts_the_plugin_where_eal_looks(installed):
    """Into the folder where DPDK's own drivers are."""
    files, _ = installed
    target = "/" + os.path.dirname(files["librte_net_pvq.so"])
    drivers = {name for name in os.listdir(target) if name.startswith("librte_net_")}
    assert any(name.startswith("librte_net_vhost.so") for name in drivers), target


def test_installed_plugin_names_no_folder(installed):
    """It finds its libraries where the system has them, not where it was built."""
    files, folder = installed
    text = output("readelf", "-d", os.path.join(folder, files["librte_net_pvq.so"]))
    assert "(NEEDED)" in text
    assert "RUNPATH" not in text and "RPATH" not in text


def test_install_brings_archive_and_pkgconfig(installed):
    files, folder = installed
    assert "librte_net_pvq.a" in files
    pc = os.path.join(folder, files["librte_net_pvq.pc"])
    env = dict(os.environ, PKG_CONFIG_PATH=os.pathsep.join(filter(None, [
        os.path.dirname(pc), os.environ.get("PKG_CONFIG_PATH")])))
    flags = output("pkg-config", "--libs", "librte_net_pvq", env=env)
    # The driver registers itself, so nothing of the archive may be left out.
    assert "-Wl,--whole-archive -l:librte_net_pvq.a -Wl,--no-whole-archive" in flags
    assert "-lrte_ethdev" in flags.split()
