#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The measurements that bench.sh prepares: which ports, which points, how many launches.

    bench.py --program dpdk-pvq-perf --plugin librte_net_pvq.so --output DIR [options]
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys

import bench_report
from demo import choose_cpus

# Much longer than any launch should take.
LAUNCH_LIMIT = 1800
# Where a port's memory and code come to lie depends on which port is first.
SOLO_LAUNCHES = 3
# What makes an entry of solo another one, and what of it adds up.
SAME = ("name", "burst", "frame", "ring", "queue_pairs")
SUMMED = ("offered", "taken", "lost", "wrong")

MEMIF = "net_memif0,role=client,zero-copy=yes"
MEMIF_PEER = "net_memif1,role=server"
VECTOR = "packed_vq=1,in_order=1,mrg_rxbuf=0,vectorized=1"


class Set:
    """Ports measured together, the points, and whom they are compared with."""

    def __init__(self, name, title, ports, baseline, options=(), *, mode="solo", width=None,
                 peers=(), backend="", inflight=None):
        self.name = name
        self.title = title
        self.ports = ports
        self.baseline = baseline
        self.options = list(options)
        self.mode = mode
        self.width = width
        self.peers = dict(peers)
        self.backend = backend
        self.inflight = inflight

    def arguments(self, turn):
        """The program's arguments, with another port first at every turn."""
        names = list(self.ports)
        first = turn % len(names)
        args = [self.mode, "--baseline", self.baseline, *self.options]
        for name in names[first:] + names[:first]:
            args += ["--port", f"{name}={self.ports[name]}"]
            if name in self.peers:
                args += ["--peer", f"{name}={self.peers[name]}"]
            if self.backend:
                args += ["--backend", f"{name}={self.backend}"]
        if self.inflight:
            args += ["--inflight", str(self.inflight)]
        return args


BURSTS = ("--burst", "4,8,32,64,128,256")
BEST = {"pvq": "net_pvq0,mrg_rxbuf=0", "virtio-vector": f"net_virtio_user0,{VECTOR}"}
DEFAULT = {"pvq": "net_pvq0", "virtio": "net_virtio_user0,packed_vq=1"}
# What a user may choose among, each at its best.
FIELD = {**BEST, "pvq-mergeable": "net_pvq1",
         "virtio-split": "net_virtio_user1,in_order=1,mrg_rxbuf=0", "memif": MEMIF}

SETS = [
    Set("default", "Solo, defaults", DEFAULT, "virtio", BURSTS),
    # Six ports share the mempool and the caches, so everybody's figures are higher than by two.
    Set("others", "Solo, portable code and other drivers, all with their defaults",
        {**DEFAULT, "pvq-scalar": "net_pvq1,isa=scalar",
         "virtio-scalar": "net_virtio_user1,packed_vq=1,in_order=1,mrg_rxbuf=0",
         "virtio-split": "net_virtio_user2,in_order=1,mrg_rxbuf=0", "memif": MEMIF},
        "virtio", BURSTS, peers={"memif": MEMIF_PEER}),
    Set("best", "Solo, best against best", {**BEST, "pvq-mergeable": "net_pvq1"},
        "virtio-vector", BURSTS, width=512),
    Set("ooo", "Solo, a backend without IN_ORDER",
        {"pvq": "net_pvq0", "virtio": "net_virtio_user0,packed_vq=1,in_order=0"}, "virtio",
        BURSTS, backend="no-in-order"),
    Set("frames", "Solo, frame sizes", BEST, "virtio-vector", ("--frame", "64,256,512,1518"),
        width=512),
    Set("rings", "Solo, ring sizes", BEST, "virtio-vector", ("--ring", "64,256,1024,4096"),
        width=512),
    Set("scale", "Solo, queue pairs polled in turn by one lcore", BEST, "virtio-vector",
        ("--queue-pairs", "1,8,64"), width=512),
    Set("pair", "Pair, best against best", FIELD, "virtio-vector", mode="pair", width=512,
        peers={"memif": MEMIF_PEER}),
    Set("pair-default", "Pair, defaults", DEFAULT, "virtio", mode="pair"),
    Set("latency", "Pair with one packet in the loop", BEST, "virtio-vector", mode="pair",
        width=512, inflight=1),
]


def can_512():
    """Whether the processor has what 512-bit code needs."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    return {"avx512f", "avx512bw", "avx512vl", "avx512dq"} <= set(flags)


def lcores(cpus):
    """EAL's arguments: the main lcore measures, another one echoes where there is one."""
    pinned = ",".join(f"{number}@{cpu}" for number, cpu in enumerate(cpus[:2]))
    return ["--lcores", pinned, "--main-lcore", "0"]


def launch(args, one, turn):
    """Run the program once; returns what it wrote as JSON, None if it failed."""
    base = os.path.join(args.output, f"{one.name}-{turn}")
    width = [f"--force-max-simd-bitwidth={one.width}"] if one.width else []
    more = (["--windows", str(args.windows)] if one.mode == "pair"
            else ["--rounds", str(args.rounds)])
    # The picture of one launch; of several, all have the same shape.
    plot = ["--plot", base + ".svg"] if one.mode == "solo" else []
    argv = [args.program, *lcores(choose_cpus()), "--no-pci", *args.eal.split(), *width,
            "-d", os.path.abspath(args.plugin), "--", *one.arguments(turn), *more,
            "--json", base + ".json", *plot]
    for old in (base + ".json", base + ".svg"):
        if os.path.exists(old):
            os.unlink(old)
    with open(base + ".log", "w", encoding="utf-8") as log:
        proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                stderr=subprocess.STDOUT)
        try:
            status = proc.wait(LAUNCH_LIMIT)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if proc.poll() is None:
                proc.terminate()
                try:
                    proc.wait(20)
                except subprocess.TimeoutExpired:
                    proc.kill()
                    proc.wait()
    if status != 0 or not os.path.exists(base + ".json"):
        with open(base + ".log", encoding="utf-8", errors="replace") as log:
            tail = log.read().splitlines()[-8:]
        print(f"   {one.name}: status {status}", *tail, sep="\n   | ", flush=True)
        return None
    with open(base + ".json", encoding="utf-8") as file:
        return json.load(file)


def merge_solo(launches):
    """One entry a port and point from several launches: medians of the launches' figures."""
    merged = []
    for first in launches[0]["results"]:
        def same(entry, first=first):
            return all(entry[key] == first[key] for key in SAME)
        own = [entry for one in launches for entry in one["results"] if same(entry)]
        entry = {**first, "launches": len(own)}
        for way in ("tx", "rx"):
            if way in first:
                entry[way] = {key: statistics.median(one[way][key] for one in own)
                              for key in first[way]}
        for key in SUMMED:
            if key in first:
                entry[key] = sum(one[key] for one in own)
        merged.append(entry)
    return merged


def merge_pair(launches):
    """One entry a port from several launches: medians and extremes of the launches' medians."""
    names = list(dict.fromkeys(entry["name"] for one in launches for entry in one["results"]))
    merged = []
    for name in names:
        own = [entry for one in launches for entry in one["results"] if entry["name"] == name]
        rates = [entry["mpps"]["median"] for entry in own]
        ratios = [entry["mpps"]["ratio"] for entry in own if "ratio" in entry["mpps"]]
        entry = {key: value for key, value in own[0].items()
                 if key not in ("mpps", "round_trip_ns", "polls", "empty_polls", "received")}
        entry["launches"] = len(own)
        entry["mpps"] = {"median": statistics.median(rates), "lowest": min(rates),
                         "highest": max(rates)}
        if ratios:
            entry["mpps"].update(ratio=statistics.median(ratios), ratio_lowest=min(ratios),
                                 ratio_highest=max(ratios))
        entry["round_trip_ns"] = statistics.median(one["round_trip_ns"] for one in own)
        for key in ("polls", "empty_polls", "received", "lost", "wrong"):
            entry[key] = sum(one[key] for one in own)
        merged.append(entry)
    return merged


def measure(args, one):
    """All launches of a set; returns its part of the results, None if any failed."""
    launches = args.launches if one.mode == "pair" else SOLO_LAUNCHES
    done = []
    for turn in range(launches):
        print(f"   {one.name}" + (f", launch {turn + 1} of {launches}" if launches > 1 else ""),
              flush=True)
        found = launch(args, one, turn)
        if found is None:
            return None
        done.append(found)
    results = (merge_pair if one.mode == "pair" else merge_solo)(done)
    about = {key: value for key, value in done[0].items() if key != "results"}
    return {"set": one.name, "title": one.title, "mode": one.mode, **about, "results": results}


def chosen_sets(only):
    """The sets that --only names; a message for what it cannot name."""
    names = [one.name for one in SETS]
    wanted = only.split(",") if only else names
    for name in wanted:
        if name not in names:
            sys.exit(f"error: no set {name}; there are {', '.join(names)}")
    return [one for one in SETS if one.name in wanted]


def skipped(one):
    """Why a set cannot be measured on this machine, or nothing."""
    if one.width == 512 and not can_512():
        return "this processor has no AVX-512"
    if one.mode == "pair" and len(choose_cpus()) < 2:
        return "this machine has one processor"
    return None


def main():
    parser = argparse.ArgumentParser(description="Measure net_pvq beside other drivers.")
    parser.add_argument("--program", required=True, help="dpdk-pvq-perf")
    parser.add_argument("--plugin", required=True, help="librte_net_pvq.so")
    parser.add_argument("--output", required=True, help="folder for the results")
    parser.add_argument("--only", help="sets, separated by commas")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--windows", type=int, default=10)
    parser.add_argument("--launches", type=int, default=9)
    parser.add_argument("--flags", default="", help="what DPDK was built for, to be told")
    parser.add_argument("--eal", default="--no-huge --single-file-segments -m 512",
                        help="EAL's arguments for memory")
    args = parser.parse_args()
    sets = chosen_sets(args.only)
    # A launch is a child: leaving in order is what ends it with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    measured, left_out, failed = [], {}, []
    for one in sets:
        reason = skipped(one)
        if reason:
            print(f"   {one.name}: left out, {reason}", flush=True)
            left_out[one.name] = reason
            continue
        part = measure(args, one)
        if part is None:
            failed.append(one.name)
        else:
            measured.append(part)
    whole = {"flags": args.flags, "eal": args.eal, "left_out": left_out, "failed": failed,
             "sets": measured}
    with open(os.path.join(args.output, "results.json"), "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=1)
        file.write("\n")
    text = bench_report.report(whole)
    with open(os.path.join(args.output, "results.rst"), "w", encoding="utf-8") as file:
        file.write(text)
    print("\n" + text, flush=True)
    return 1 if failed or not measured else 0


if __name__ == "__main__":
    sys.exit(main())
