# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The files of the project, for the checks."""

import functools
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRIVER = ROOT / "drivers" / "net" / "pvq"
# What tools leave in a working tree.
_SKIPPED = {".git", "__pycache__", ".pytest_cache", ".cache"}
# Inputs of the fuzzers are any bytes.
_DATA = ROOT / "test" / "fuzz" / "corpus"


@functools.lru_cache(maxsize=None)
def read(path):
    """A file's text."""
    return pathlib.Path(path).read_text(encoding="utf-8")


@functools.lru_cache(maxsize=None)
def files():
    """Every file of the project, relative to its root; build folders are none of it."""
    found = []
    for folder, inner, names in os.walk(ROOT):
        here = pathlib.Path(folder)
        inner[:] = [name for name in inner if name not in _SKIPPED
                    and not (here == ROOT and name.startswith("build"))
                    and not (here / name / "meson-private").exists()
                    and here / name != _DATA]
        found += [(here / name).relative_to(ROOT) for name in names if not name.endswith(".pyc")]
    return sorted(found)
