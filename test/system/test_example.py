# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The example application, with the driver loaded and linked in, inside the tree and outside.

The other end is stock testpmd: it sends the frames of a capture file to net_vhost and captures what
comes back, so every byte that went through the example is looked at.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

import frames
from rig import eventually, lcores, plugin

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SOURCE = os.path.join(ROOT, "app", "pvq-forward", "main.c")
PROGRAM = {"loaded": "pvq-forward", "linked": "pvq-forward-static"}
# All of them fit the default rings of 256, so none may be lost, however slow the machine is.
FRAMES = 200
TOLD = re.compile(r"^port (\d+): received (\d+), sent (\d+), dropped (\d+)$", re.M)


def build_folder():
    """The build under test."""
    path = os.environ.get("PVQ_BUILD")
    if not path:
        pytest.fail("PVQ_BUILD does not name a build folder")
    return path


class Example:
    """A running example; all it prints goes to a file."""

    def __init__(self, box, program, *args):
        self.log = box.path("example.log")
        # A run-time directory of its own; the kernel ends it when we end.
        argv = ["setpriv", "--pdeathsig", "KILL", program, *lcores(0), "--no-pci", "--no-huge",
                "-m", "128", *args]
        with open(self.log, "wb") as log:
            self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=subprocess.STDOUT,
                                         env=dict(os.environ, RUNTIME_DIRECTORY=box.folder))
        box.closers.append(self.kill)

    def kill(self):
        """End it at once, if it has not ended."""
        self.proc.kill()
        self.proc.wait()

    def output(self):
        """Everything printed so far."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_for(self, regex):
        """Wait until it has printed something."""
        found = eventually(lambda: re.search(regex, self.output(), re.M)
                           or self.proc.poll() is not None, timeout=30)
        assert found and self.proc.poll() is None, f"no {regex!r} in\n{self.output()}"

    def end(self, number):
        """End it as a user would; returns (received, sent, dropped) by port."""
        self.proc.send_signal(number)
        assert self.proc.wait(20) == 0, self.output()
        return {int(port): tuple(map(int, rest)) for port, *rest in TOLD.findall(self.output())}


def peer(box, sent):
    """testpmd that sends frames to a socket each, and captures what comes from there."""
    eal = []
    for number, some in enumerate(sent):
        frames.write(box.path(f"{number}.in"), some)
        eal += ["--vdev", f"net_vhost{number},iface={box.path(f'{number}.sock')}",
                "--vdev", f"net_pcap{number},rx_pcap={box.path(f'{number}.in')},"
                          f"tx_pcap={box.path(f'{number}.out')}"]
    return box.testpmd(*eal, app=["--no-flush-rx", "--port-topology=paired"], pvq=False)


@pytest.mark.parametrize("how", PROGRAM)
@pytest.mark.parametrize("sides", [1, 2], ids=["one-port", "two-ports"])
def test_every_frame_comes_back_swapped(box, how, sides):
    sent = [frames.make(FRAMES, range(60, 1515), seed) for seed in range(sides)]
    args = ["-d", plugin()] if how == "loaded" else []
    for number in range(sides):
        args += ["--vdev", f"net_pvq{number},path={box.path(f'{number}.sock')}"]
    # The example comes first: it is to wait for its backend.
    example = Example(box, os.path.join(build_folder(), "app", PROGRAM[how]), *args)
    example.wait_for(rf"^port {sides - 1}: net_pvq{sides - 1}, driver net_pvq$")
    pmd = peer(box, sent)
    for number in range(sides):
        pmd.wait_link(2 * number)
        example.wait_for(rf"^port {number}: link up$")
    pmd.command("start")
    eventually(lambda: all(pmd.stats(2 * number + 1)["tx_packets"] >= FRAMES
                           for number in range(sides)), timeout=20)
    pmd.stop()
    told = example.end(signal.SIGINT if sides == 1 else signal.SIGTERM)
    assert told == {number: (FRAMES, FRAMES, 0) for number in range(sides)}
    # The files are whole when testpmd has closed them.
    assert pmd.quit() == 0
    for number in range(sides):
        # One port sends back; of two, each sends what the other has received.
        wanted = list(map(frames.swap_macs, sent[sides - 1 - number]))
        frames.compare(wanted, frames.read(box.path(f"{number}.out")))


@pytest.mark.parametrize("how", PROGRAM)
def test_which_program_has_the_driver(how):
    with open(os.path.join(build_folder(), "app", PROGRAM[how]), "rb") as program:
        has_driver = b'PMD_INFO_STRING= {"name": "net_pvq"' in program.read()
    assert has_driver == (how == "linked")


def run(command, **more):
    """Run a command that must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}"


@pytest.fixture(name="prefix", scope="module")
def fixture_prefix():
    """The project built and installed under a folder of its own, `forward` compiled against it."""
    options = {option["name"]: option["value"] for option in json.loads(subprocess.check_output(
        ["meson", "introspect", "--buildoptions", build_folder()]))}
    with tempfile.TemporaryDirectory(prefix="pvq-inst-") as prefix:
        build = os.path.join(prefix, "build")
        run(["meson", "setup", build, ROOT, f"--prefix={prefix}", "--buildtype=debug",
             f"-Dpmd_path={prefix}/pmds", f"-Dsdk_headers={options['sdk_headers']}"])
        run(["meson", "install", "-C", build])
        shutil.rmtree(build)
        found = [path for path, _, names in os.walk(prefix) if "librte_net_pvq.pc" in names]
        assert len(found) == 1, found
        paths = [*found, *filter(None, [os.environ.get("PKG_CONFIG_PATH")])]
        shutil.copy(SOURCE, prefix)
        run(f"{os.environ.get('CC', 'cc')} -Wall -Wextra -Werror main.c -o forward "
            "$(pkg-config --cflags --libs librte_net_pvq)", shell=True, cwd=prefix,
            env=dict(os.environ, PKG_CONFIG_PATH=os.pathsep.join(paths)))
        yield prefix


def test_install_puts_the_plugin_where_it_was_told(prefix):
    assert os.listdir(os.path.join(prefix, "pmds")) == ["librte_net_pvq.so"]


@pytest.mark.parametrize("twice", [False, True], ids=["linked", "linked-and-loaded"])
def test_program_outside_the_tree(box, prefix, twice):
    # An application with the driver linked in must also run where the plugin is installed.
    args = ["-d", plugin()] if twice else []
    example = Example(box, os.path.join(prefix, "forward"), *args,
                      "--vdev", f"net_pvq0,path={box.path('nobody')}")
    example.wait_for(r"^port 0: net_pvq0, driver net_pvq$")
    assert example.end(signal.SIGTERM) == {0: (0, 0, 0)}
