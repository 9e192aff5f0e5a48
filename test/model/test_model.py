# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Models of what the driver does concurrently, searched through by spin, every interleaving of them.

Each .pml here that has processes is a model. It must pass as it is. The comment at its top lists
switches that take away one step or barrier each: with any of them the search must find what goes
wrong, or the model would say nothing about that step. Switches that are "a correct model too" are
variants that must pass.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
# Ring sizes that a correct model is searched with. More states than these take too long.
SIZES = {"publish": (2, 3, 4), "notify_avail": (2, 3), "notify_used": (2, 3), "gate": (None,),
         "reconnect_tx": (2,), "reconnect_tx IN_ORDER": (2, 3), "reconnect_rx": (2, 3)}
LISTED = re.compile(r"^ \*   ([A-Z_]+(?:, [A-Z_]+)*)(?: |$)(.*)$", re.M)
TESTED = re.compile(r"^#\s*(?:ifn?def|elif|if)\b(.*)$", re.M)
DEPTH = 1000000
SECONDS = 300


def models():
    """Names of the models."""
    return sorted(path.stem for path in HERE.glob("*.pml") if "\ninit {" in path.read_text())


def switches(name):
    """(what weakens a model, what makes another correct one of it), as its comment says."""
    weak, correct = [], []
    text = (HERE / f"{name}.pml").read_text(encoding="utf-8")
    for names, what in LISTED.findall(text[:text.index("*/")]):
        for one in names.split(", "):
            (correct if "a correct model too" in what else weak).append(one)
    return weak, correct


def runs():
    """(model, its switches, whether it must pass) of all searches."""
    for name in models():
        weak, correct = switches(name)
        for extra in ([], *([one] for one in correct)):
            for size in SIZES.get(" ".join([name, *extra]), SIZES[name]):
                yield name, (*extra, *([f"N={size}"] if size else [])), True
        for one in weak:
            yield name, (one,), False


def run(*command, folder):
    """Run a command that must succeed; returns what it printed."""
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout


def search(name, flags, folder):
    """Search through a model; returns what spin's verifier says."""
    folder.mkdir()
    run("spin", "-a", *(f"-D{flag}" for flag in flags), str(HERE / f"{name}.pml"), folder=folder)
    # Not optimised: most searches take less time than the compiler would.
    run("gcc", "-O0", "-w", "-DSAFETY", "-DVECTORSZ=1024", "-o", "pan", "pan.c", folder=folder)
    told = run("./pan", "-n", f"-m{DEPTH}", folder=folder)
    assert "max search depth too small" not in told, told
    shutil.rmtree(folder)
    return told


@pytest.fixture(name="searches", scope="session")
def fixture_searches(request, tmp_path_factory):
    """The searches of all tests that were chosen, on all processors."""
    base = tmp_path_factory.mktemp("model")
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield {item.callspec.id: pool.submit(search, item.callspec.params["name"],
                                             item.callspec.params["flags"],
                                             base / str(number))
               for number, item in enumerate(request.session.items) if hasattr(item, "callspec")
               and "flags" in item.callspec.params}


@pytest.mark.parametrize("name,flags,passes", list(runs()),
                         ids=lambda value: "-".join(value) if isinstance(value, tuple) else
                         {True: "passes", False: "fails"}.get(value, value))
def test_model(request, searches, name, flags, passes):
    told = searches[request.node.callspec.id].result()
    errors = int(re.search(r"errors: (\d+)", told).group(1))
    states = int(re.search(r"(\d+) states, stored", told).group(1))
    what = re.search(r"^pan:1: (.*)$", told, re.M)
    print(f"{name} {' '.join(flags)}: {states} states, {what.group(1) if what else 'no error'}")
    if passes:
        assert errors == 0, told
    else:
        assert errors and re.match("assertion violated|invalid end state", what.group(1)), told


@pytest.mark.parametrize("name", models())
def test_every_switch_is_listed(name):
    weak, correct = switches(name)
    assert len(weak) >= 5
    text = (HERE / f"{name}.pml").read_text(encoding="utf-8")
    if '"event.pml"' in text:
        text += (HERE / "event.pml").read_text(encoding="utf-8")
    used = set(re.findall(r"[A-Z_]{2,}", " ".join(TESTED.findall(text))))
    assert used - {"N"} == {*weak, *correct}
