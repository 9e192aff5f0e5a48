# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""dpdk-pvq-perf: that it measures everything it is asked for and tells what it measured.

How long anything took is nobody's business here: the machine may be busy with other things.
"""

import json
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree

import pytest

from rig import lcores, plugin

SHORT = ("--rounds", "3", "--bursts", "10")
PORTS = ("--port", "ours=net_pvq0", "--port", "virtio=net_virtio_user0,packed_vq=1")
MEMIF = ("--port", "memif=net_memif0,role=client,zero-copy=yes",
         "--peer", "memif=net_memif1,role=server")
LIMIT = 120


def argv(*args, cores=1, eal=()):
    """The program's command line."""
    build = os.environ.get("PVQ_BUILD")
    if not build:
        pytest.fail("PVQ_BUILD does not name a build folder")
    return [os.path.join(build, "app", "pvq-perf", "dpdk-pvq-perf"), *lcores(cores), "--no-pci",
            "--no-huge", "--single-file-segments", "-m", "256", *eal, "-d", plugin(), "--", *args]


def environment(box):
    """A run-time directory and a place for sockets of its own."""
    return dict(os.environ, RUNTIME_DIRECTORY=box.folder, TMPDIR=box.folder)


def run(box, *args, **more):
    """Run it to its end."""
    return subprocess.run(argv(*args, **more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=LIMIT, check=False,
                          env=environment(box))


def measure(box, *args, **more):
    """Run it with success; returns (what it printed, what it wrote as JSON)."""
    file = box.path("figures.json")
    done = run(box, *args, "--json", file, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(file, encoding="utf-8") as text:
        return done.stdout, json.load(text)


def check_sum(figures, rounds):
    """A median and its percentiles hang together."""
    assert figures["rounds"] == rounds
    assert 0 <= figures["p10"] <= figures["median"] <= figures["p90"]


def check_solo(entry, rounds=3):
    """The figures of a port in solo are complete and no packet is missing."""
    check_sum(entry["tx"], rounds)
    check_sum(entry["rx"], rounds)
    if entry["name"] != "floor":
        assert 0 < entry["taken"] <= entry["offered"]
        assert (entry["lost"], entry["wrong"]) == (0, 0)


def by_name(figures):
    """Entries by the name of their port, at one point."""
    return {entry["name"]: entry for entry in figures["results"]}


def test_solo_tells_figures_paths_and_features(box):
    text, figures = measure(box, "solo", *PORTS, *MEMIF, *SHORT, "--baseline", "virtio")
    found = by_name(figures)
    assert list(found) == ["ours", "virtio", "memif", "floor"]
    for entry in found.values():
        check_solo(entry)
        assert entry["tx"]["ratio"] > 0 and entry["rx"]["ratio"] > 0
    assert found["virtio"]["tx"]["ratio"] == found["virtio"]["rx"]["ratio"] == 1
    assert figures["baseline"] == "virtio"
    assert figures["hugepages"] is False
    # A path has a name, and the one that stands in the table is the one in the file.
    for name in ("ours", "virtio"):
        assert "RING_PACKED" in found[name]["negotiated"]
        assert int(found[name]["features"], 16) & 1 << 34
        for path in ("rx_path", "tx_path"):
            assert found[name][path] != "only path"
            assert f'"{found[name][path]}"' in text
    assert "mergeable" in found["virtio"]["rx_path"]
    assert found["memif"]["peer"].startswith("net_memif1")
    for name in found:
        assert re.search(rf"^{name} .*\d", text, re.M), text


def test_solo_goes_through_all_combinations(box):
    _, figures = measure(box, "solo", *PORTS, *SHORT, "--burst", "1,33", "--frame", "64,1518",
                         "--ring", "64,256", "--mbuf-fast-free", "off")
    points = [tuple(entry[key] for key in ("name", "burst", "frame", "ring"))
              for entry in figures["results"]]
    assert sorted(points) == sorted((name, burst, frame, ring)
                                    for name in ("ours", "virtio", "floor")
                                    for burst in (1, 33) for frame in (64, 1518)
                                    for ring in (64, 256))
    for entry in figures["results"]:
        check_solo(entry)
        assert entry.get("mbuf_fast_free", False) is False


@pytest.mark.parametrize("fast_free", ["on", "off"])
def test_solo_with_bursts_longer_than_the_ring(box, fast_free):
    _, figures = measure(box, "solo", *PORTS, *SHORT, "--burst", "200", "--ring", "64",
                         "--mbuf-fast-free", fast_free)
    found = by_name(figures)
    for entry in found.values():
        check_solo(entry)
    assert found["ours"]["taken"] < found["ours"]["offered"]
    assert found["ours"]["mbuf_fast_free"] is (fast_free == "on")


def test_backend_withholds_what_it_is_told_to(box):
    _, figures = measure(box, "solo", *PORTS, *SHORT, "--backend", "ours=no-in-order,no-mrg-rxbuf")
    found = by_name(figures)
    assert not {"IN_ORDER", "MRG_RXBUF"} & set(found["ours"]["negotiated"].split())
    assert {"IN_ORDER", "MRG_RXBUF"} <= set(found["virtio"]["negotiated"].split())
    for entry in found.values():
        check_solo(entry)


def test_several_queue_pairs(box):
    _, figures = measure(box, "solo", "pair", *PORTS, *SHORT, "--queue-pairs", "3", "--windows",
                         "2", "--window-ms", "5")
    assert {entry["queue_pairs"] for entry in figures["results"]} == {3}
    for entry in figures["results"]:
        if entry["kind"] == "solo":
            check_solo(entry)
        else:
            assert entry["received"] > 0
            assert (entry["lost"], entry["wrong"]) == (0, 0)


@pytest.mark.parametrize("inflight", [1, 192])
def test_pair(box, inflight):
    text, figures = measure(box, "pair", *PORTS, *MEMIF, "--windows", "3", "--window-ms", "50",
                            "--inflight", str(inflight), "--baseline", "ours")
    found = by_name(figures)
    assert list(found) == ["ours", "virtio", "memif"]
    for entry in found.values():
        assert entry["kind"] == "pair"
        assert entry["inflight"] == inflight
        check_sum(entry["mpps"], 3)
        # A window may pass without this process running at all, but hardly all of them.
        assert entry["received"] > 0 and entry["polls"] > entry["empty_polls"]
        assert entry["round_trip_ns"] >= 0
        assert (entry["lost"], entry["wrong"]) == (0, 0)
    assert found["ours"]["mpps"].get("ratio", 1) == 1
    assert "pair: Mpps" in text


def test_sweep_varies_one_thing_at_a_time(box):
    _, figures = measure(box, "sweep", *PORTS, *SHORT, "--burst", "32,5", "--frame", "64,300",
                         "--ring", "256,128", "--queue-pairs", "1,9")
    points = {tuple(entry[key] for key in ("burst", "frame", "ring", "queue_pairs"))
              for entry in figures["results"]}
    assert points == {(32, 64, 256, 1), (5, 64, 256, 1), (32, 300, 256, 1), (32, 64, 128, 1),
                      (32, 64, 256, 9)}
    for entry in figures["results"]:
        if entry["queue_pairs"] == 9 and entry["name"] == "virtio":
            # More than net_virtio_user has: told, and the others go on.
            assert entry["refused"] and "tx" not in entry
        else:
            check_solo(entry)


def test_plot_is_a_picture_of_every_port(box):
    file = box.path("bars.svg")
    done = run(box, "solo", *PORTS, *SHORT, "--plot", file)
    assert done.returncode == 0, done.stderr
    words = [node.text.strip() for node in xml.etree.ElementTree.parse(file).iter()
             if node.tag.endswith("}text") and node.text]
    for word in ("ours", "virtio", "tx", "rx", "floor tx", "floor rx"):
        assert word in words


def test_help_is_on_stdout(box):
    done = run(box, "--help")
    assert done.returncode == 0
    assert "--baseline NAME" in done.stdout and "sweep" in done.stdout


@pytest.mark.parametrize("args, wanted", [
    (("solo",), "no --port"),
    (PORTS, "solo, pair or sweep"),
    (("fast", *PORTS), "fast is not solo, pair or sweep"),
    (("solo", "--port", "net_pvq0"), "not NAME=DEVARGS"),
    (("solo", *PORTS, "--port", "ours=net_pvq1"), "that name is taken"),
    (("solo", "--port", "floor=net_pvq1"), "that name is taken"),
    (("solo", *PORTS, "--baseline", "theirs"), "no --port has that name"),
    (("solo", *PORTS, "--burst", "0"), "--burst 0: not 1 to 16 numbers from 1 to 512"),
    (("solo", *PORTS, "--burst", "32,"), "--burst 32,: not"),
    (("solo", *PORTS, "--frame", "63"), "from 64 to 1518"),
    (("solo", *PORTS, "--frame", "64x"), "from 64 to 1518"),
    (("solo", *PORTS, "--ring", "-4"), "from 4 to 32768"),
    (("solo", *PORTS, "--queue-pairs", "129"), "from 1 to 128"),
    (("solo", *PORTS, "--rounds", "none"), "not a number from 1"),
    (("solo", *PORTS, "--mbuf-fast-free", "maybe"), "not on or off"),
    (("solo", *PORTS, "--backend", "ours=no-hope"), "the words are no-in-order"),
    (("solo", *PORTS, "--backend", "theirs=no-in-order"), "no --port of that name"),
    (("solo", *PORTS, "--peer", "theirs=net_memif1"), "no --port of that name"),
    (("solo", "--port", "m=net_memif0,role=client"), "net_memif needs a --peer"),
    (("solo", "pair", *PORTS, "--ring", "64"),
     "error: --inflight 192: more packets than a ring has descriptors"),
    (("sweep", *PORTS, *MEMIF), "cannot be opened twice"),
    (("solo", *PORTS, "--nonsense"), "nonsense"),
    (("solo", "--port", "ours=net_pvq0,isa=mmx", *SHORT), "error: ours with rings of 256"),
    (("solo", "--port", "ours=net_nobody0", *SHORT), "error: ours with rings of 256"),
    (("solo", "--port", "a=net_pvq0", "--port", "b=net_pvq0", *SHORT), "error: b with rings"),
    (("solo", *PORTS, *SHORT, "--json", "/nowhere/x.json"), "cannot write /nowhere/x.json"),
])
def test_bad_arguments_are_refused(box, args, wanted):
    done = run(box, *args)
    assert done.returncode == 1, done.stdout + done.stderr
    assert wanted in done.stderr


def test_pair_needs_two_lcores(box):
    done = run(box, "pair", *PORTS, cores=0)
    assert done.returncode == 1
    assert "pair needs two lcores" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_ended(box, number):
    with open(box.path("perf.log"), "wb") as log:
        proc = subprocess.Popen(argv("solo", *PORTS, "--rounds", "1000000"), stdout=log,
                                stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                env=environment(box))
    box.closers.append(proc.kill)
    deadline = time.monotonic() + 30
    while not any(name.startswith("pvq-perf.") and len(os.listdir(box.path(name))) == 2
                  for name in os.listdir(box.folder)):
        assert proc.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)
    proc.send_signal(number)
    assert proc.wait(30) == 1
    # The box looks for processes and sockets left behind.
    assert not [name for name in os.listdir(box.folder) if name.startswith("pvq-perf.")]
