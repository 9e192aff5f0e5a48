# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Layers, sizes, headers and words of the source, and one version everywhere."""

import fnmatch
import os
import re

import pytest

from tree import DRIVER, ROOT, files, read

# From the bottom up. A file includes what lies below it, or its own line; of two lines of the same
# height neither includes the other. Beside the layers: what everybody may use.
LAYERS = [
    (0, ["virtio_spec.h"]),
    (1, ["ring.[ch]"]),
    (2, ["queue.h", "vq.[ch]", "rxq.c", "txq.c", "tx_list.c", "net_hdr.h",
         "mbuf_layout.h"]),
    (3, ["burst.[ch]", "burst_*.[ch]", "kernel_*.h"]),
    (4, ["device.[ch]", "device_*.[ch]", "cvq.[ch]", "control*.[ch]"]),
    (5, ["transport_*.[ch]", "vhost_user.h", "vhost_user_*.[ch]", "pci_*.[ch]",
         "virtio_pci_spec.h"]),
    (5, ["ethdev.[ch]", "ethdev_*.c", "stats.c", "queue_info.c", "intr.c", "telemetry.c", "rss.c",
         "filter.c"]),
    (6, ["probe.[ch]", "probe_pci.c", "devargs.[ch]"]),
]
BESIDE = ["compat.h", "gate.[ch]", "log.h", "notify.[ch]", "numa_node.[ch]", "secondary.[ch]"]
FILE_LINES = 450
FUNCTION_LINES = 60
TEMPLATE_LINES = 100

SOURCES = {".c", ".h", ".py", ".sh", ".pml", ".build", ".ini", ".toml", ".rst",
           ".md", ".supp"}
SOURCE_NAMES = {"meson_options.txt", "run", ".gitignore", ".clang-format", ".editorconfig"}
CODE = {".c", ".h", ".py", ".sh", ".pml", ".build"}

# The specification has words of its own for these. Files that speak vhost-user are let off, since
# that protocol calls things so.
OTHER_WORDS = re.compile(r"kick|cookie|guest(?!_ANNOUNCE)|\bhost\b|\bdxp\b", re.I)
SPEAKS_VHOST_USER = ["transport_vhost_user.*", "vhost_user*"]
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
PRIVATE_PATHS = re.compile(r"(?<![\w.~$}])/(?:ro" r"ot|wo" r"rk)/")


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def layer(name):
    """The index of a file's line in LAYERS, None for one beside them."""
    found = [index for index, (_, patterns) in enumerate(LAYERS) if matches(name, patterns)]
    if matches(name, BESIDE):
        assert not found, name
        return None
    assert len(found) == 1, f"{name} has no place in the table of layers, or several: {found}"
    return found[0]


def includes(path):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path), re.M)


def sources():
    return [path for path in files() if path.suffix in SOURCES or path.name in SOURCE_NAMES]


def of_c(*folders):
    return [path for path in files() if path.suffix in (".c", ".h")
            and any(folder in str(path) for folder in folders)]


def ids(paths):
    return [str(path) for path in paths]


def test_the_walk_finds_the_project():
    # If it went blind, everything below would pass.
    names = ids(files())
    for one in ("meson.build", "README.md", "drivers/net/pvq/ring.c", "devtools/test.sh", ".ci/run",
                "test/checks/test_tree.py", "doc/guides/design.rst", "app/pvq-forward/main.c"):
        assert one in names
    assert len(of_c("drivers/")) >= 40


def test_includes_point_down():
    wrong = []
    for name in sorted(path.name for path in DRIVER.glob("*.[ch]")):
        own = layer(name)
        for included in includes(DRIVER / name):
            other = layer(included)
            if other is None or other == own:
                continue
            if own is None or LAYERS[other][0] >= LAYERS[own][0]:
                wrong.append(f"{name} may not include {included}")
    assert wrong == []


def test_private_headers_are_in_the_driver_s_folder():
    wrong = [f"{path.name}: {one}" for path in DRIVER.glob("*.[ch]") for one in includes(path)
             if not (DRIVER / one).exists()]
    assert wrong == []


def test_ring_knows_no_packet():
    for name in ("virtio_spec.h", "ring.h", "ring.c"):
        assert re.findall(r"#include <rte_(?:mbuf|mempool|eth)\w*.h>|rte_mbuf", read(DRIVER / name)) \
            == [], name


def test_device_names_no_transport():
    for path in DRIVER.glob("device*.[ch]"):
        assert re.findall(r"pvq_transport_\w+|vhost_user\w*|VHOST_USER\w*", read(path)) == [], path


def test_one_file_asks_which_dpdk_this_is():
    asking = [path.name for path in DRIVER.glob("*.[ch]")
              if re.search(r"RTE_VERSION|RTE_VER_|rte_version", read(path))]
    assert asking == ["compat.h"]


def test_models_share_no_header_with_the_driver():
    driver = {path.name for path in DRIVER.glob("*.h")}
    models = of_c("test/lib/")
    assert models
    for path in models:
        assert driver.isdisjoint(os.path.basename(one) for one in includes(ROOT / path)), path


def test_license_header():
    wrong = []
    for path in sources():
        head = "\n".join(read(ROOT / path).splitlines()[:4])
        if not ("SPDX-License-Identifier: BSD-3-Clause" in head
                and "Copyright(c) 2026 The pvq authors" in head):
            wrong.append(str(path))
    assert wrong == []


def test_every_source_is_known_as_one():
    # A version script is a list of names, without a header in DPDK too; JSON has no comments.
    others = [str(path) for path in files() if path.suffix not in (*SOURCES, ".map", ".json")
              and path.name not in SOURCE_NAMES and path.name not in ("LICENSE", "MAINTAINERS")]
    assert others == [], "give them a license header and a place in SOURCES"


def test_file_length():
    lengths = {str(path): len(read(ROOT / path).splitlines()) for path in files()
               if path.suffix in CODE}
    assert {path: length for path, length in lengths.items() if length > FILE_LINES} == {}


def functions(text):
    """(name, lines of the body) of each function; DPDK's style has its brackets in column one."""
    for match in re.finditer(r"^(\w+)\((?:[^;{}]*)\)\n(\{\n.*?^\})$", text, re.M | re.S):
        yield match.group(1), match.group(2).count("\n") + 1


def test_function_length():
    found, wrong = 0, []
    for path in of_c("drivers/", "app/", "test/"):
        for name, length in functions(read(ROOT / path)):
            found += 1
            if length > (TEMPLATE_LINES if name.endswith("_body") else FUNCTION_LINES):
                wrong.append(f"{path}: {name} has {length} lines")
    assert found > 200
    assert wrong == []


def lines_with(pattern, paths):
    """Where a pattern occurs, as "path:line: text"."""
    return [f"{path}:{number}: {line.strip()}" for path in paths
            for number, line in enumerate(read(ROOT / path).splitlines(), 1)
            if pattern.search(line)]


def test_words_are_the_specification_s():
    paths = [path for path in of_c("drivers/") if not matches(path.name, SPEAKS_VHOST_USER)]
    assert lines_with(OTHER_WORDS, paths) == []


def test_nothing_is_unfinished():
    assert lines_with(UNFINISHED, files()) == []


def test_no_path_of_somebody_s_machine():
    assert lines_with(PRIVATE_PATHS, files()) == []


def maintained():
    """Files and folders of MAINTAINERS, and whether each is a folder."""
    return re.findall(r"^F: (\S+)$", read(ROOT / "MAINTAINERS"), re.M)


def test_maintainers_name_what_exists():
    entries = maintained()
    assert len(entries) >= 10
    for entry in entries:
        path = ROOT / entry
        assert path.is_dir() if entry.endswith("/") else path.is_file(), entry


def test_every_file_has_a_maintainer():
    entries = maintained()
    alone = [str(path) for path in files() if not any(
        str(path) == entry or (entry.endswith("/") and str(path).startswith(entry))
        for entry in entries)]
    assert alone == []


def project_version():
    return re.search(r"^\s*version: '(\d+\.\d+\.\d+)',$", read(ROOT / "meson.build"), re.M).group(1)


def test_version_of_the_release_notes():
    notes = [path for path in files() if path.parent.name == "rel_notes"]
    versions = {tuple(map(int, re.findall(r"\d+", path.stem))): path for path in notes}
    newest = max(versions)
    assert ".".join(map(str, newest)) == project_version().rpartition(".")[0]
    index = read(ROOT / "doc" / "guides" / "index.rst")
    for numbers, path in versions.items():
        assert f"pvq Release {'.'.join(map(str, numbers))}\n" in read(ROOT / path)
        assert f"rel_notes/{path.stem}\n" in index


def test_version_of_what_is_built():
    build = os.environ.get("PVQ_BUILD")
    if not build:
        pytest.skip("PVQ_BUILD does not name a build folder")
    package = read(os.path.join(build, "meson-private", "librte_net_pvq.pc"))
    assert re.search(r"^Version: (\S+)$", package, re.M).group(1) == project_version()


def test_version_is_written_in_one_place():
    version = project_version()
    others = [str(path) for path in files() if path.name != "meson.build"
              and re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", read(ROOT / path))]
    assert others == []
