# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The endurance test for a quarter of a minute, so that it is in order when somebody needs it."""

import os
import re
import subprocess
import sys

import pytest

from rig import plugin, program

DEVTOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "devtools")
sys.path.insert(0, DEVTOOLS)

import soak  # noqa: E402
import soak_parts  # noqa: E402


def arguments(box, minutes):
    """The helper's arguments; everything comes from the build under test."""
    build = os.environ.get("PVQ_BUILD")
    if not build:
        pytest.fail("PVQ_BUILD does not name a build folder")
    return ["--minutes", str(minutes), "--seed", "20261123",
            "--program", os.path.join(build, "test", "soak", "soak"), "--plugin", plugin(),
            "--testpmd", program(), "--log", box.path("soak.log")]


def figure(text, name):
    """A number of the table."""
    return int(re.search(rf"^{name} +([\d,]+)", text, re.M).group(1).replace(",", ""))


def test_short_run(box):
    """Whatever it does, it does without a violation, and it does something."""
    done = subprocess.run(["/usr/bin/python3", os.path.join(DEVTOOLS, "soak.py"),
                           *arguments(box, 0.25)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
                          check=False, env={**os.environ, "TMPDIR": box.folder})
    assert done.returncode == 0, done.stdout
    assert figure(done.stdout, "violations") == 0
    assert figure(done.stdout, "frames sent") == figure(done.stdout, "frames verified") + \
        figure(done.stdout, "frames lost")
    for name in ("frames verified", "backend killed", "queue stopped and started",
                 "counters read by threads", "telemetry answers"):
        assert figure(done.stdout, name) > 0, name
    assert figure(done.stdout, "everything stopped and counted") >= 2


def test_damaged_frames_are_noticed(box, monkeypatch, capsys):
    """A backend that exchanges two addresses in every frame."""
    def start(pmd):
        pmd.start()
        pmd.command("set fwd macswap")
        pmd.command("start")
    monkeypatch.setenv("TMPDIR", box.folder)
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(soak_parts.Backend, "_start", staticmethod(start))
    monkeypatch.setattr(soak, "PATIENCE", 3)
    assert soak.main(arguments(box, 0.05)) == 1
    assert re.search(r"^VIOLATION: \d+ times bad_content$", capsys.readouterr().out, re.M)
