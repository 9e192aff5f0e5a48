# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Every row of the conformance list has tests that exist, or a reason that holds."""

import ast
import configparser
import functools
import re

from tree import DRIVER, ROOT, read

LIST = ROOT / "doc" / "guides" / "conformance.ini"
PAGE = ROOT / "doc" / "guides" / "conformance.rst"
TESTS = ROOT / "test"

# How many rows each part has; they are numbered from 1.
PARTS = {"PR": 39, "IN": 13, "FD": 12, "PC": 20, "NT": 34, "HD": 29, "L": 15}
ROWS = [f"{part}-{number:02}" for part, last in PARTS.items() for number in range(1, last + 1)]
KEYS = {"duty", "spec", "reaction", "reason", "note", "tests"}

# Feature names of the specification, without VIRTIO_F_ or VIRTIO_NET_F_: what a reason may be about.
FEATURES = set("""
CSUM GUEST_CSUM CTRL_GUEST_OFFLOADS MTU MAC GUEST_TSO4 GUEST_TSO6 GUEST_ECN GUEST_UFO HOST_TSO4
HOST_TSO6 HOST_ECN HOST_UFO MRG_RXBUF STATUS CTRL_VQ CTRL_RX CTRL_VLAN CTRL_RX_EXTRA GUEST_ANNOUNCE
MQ CTRL_MAC_ADDR INDIRECT_DESC EVENT_IDX VERSION_1 ACCESS_PLATFORM RING_PACKED IN_ORDER
ORDER_PLATFORM SR_IOV NOTIFICATION_DATA NOTIF_CONFIG_DATA RING_RESET ADMIN_VQ SUSPEND DEVICE_STATS
HASH_TUNNEL VQ_NOTF_COAL NOTF_COAL GUEST_USO4 GUEST_USO6 HOST_USO HASH_REPORT GUEST_HDRLEN RSS
RSC_EXT STANDBY SPEED_DUPLEX RSS_CONTEXT GUEST_UDP_TUNNEL_GSO GUEST_UDP_TUNNEL_GSO_CSUM
HOST_UDP_TUNNEL_GSO HOST_UDP_TUNNEL_GSO_CSUM OUT_NET_HEADER IPSEC
""".split())

ID_IN_NAME = re.compile(r"(?:^|[_\[-])(" + "|".join(PARTS).lower() + r")(\d\d)(?=[_\]-]|$)")
# A sentence, or the part of one, that says so.
DENIAL = re.compile(r"([^.:;]*?)\b(?:is|are) not negotiated")


@functools.lru_cache(maxsize=None)
def rows():
    """{row: {key: text}}; a row that is there twice is an error of the parser's."""
    parser = configparser.ConfigParser(delimiters="=", comment_prefixes=";", interpolation=None)
    parser.read_string(read(LIST))
    return {name: dict(parser[name]) for name in parser.sections()}


def listed(row):
    """(program, test) of all tests that a row names."""
    program, found = None, []
    for line in rows()[row].get("tests", "").split("\n"):
        head, colon, names = line.rpartition(":")
        if colon:
            program = head.strip()
        found += [(program, name) for name in names.split()]
    return found


def cases(decorator, tables):
    """The names that @pytest.mark.parametrize gives to tests, if they are the keys of a table."""
    arguments = getattr(decorator, "args", [])
    if len(arguments) < 2 or not isinstance(arguments[1], ast.Name):
        return []
    return tables.get(arguments[1].id, [])


def collected(text):
    """The tests of a Python module that pytest collects, with their cases as far as they are plain."""
    module = ast.parse(text).body
    tables = {node.targets[0].id: [key.value for key in node.value.keys
                                   if isinstance(key, ast.Constant)]
              for node in module if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
              and isinstance(node.targets[0], ast.Name)}
    found = []
    for node in module:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found.append(node.name)
            found += [f"{node.name}[{case}]" for decorator in node.decorator_list
                      for case in cases(decorator, tables)]
    return found


def registered(path):
    """The tests of a C program that it runs, or of a Python module that pytest collects."""
    text = read(path)
    if path.suffix == ".py":
        return collected(text)
    defined = re.findall(r"^(test_\w+)\(void \*\*state\)\n\{", text, re.M)
    run = re.findall(r"\b(?:\w*_test\w*|TEST)\(\s*(test_\w+)\s*[,)]", text)
    return [name for name in defined if name in run]


def built(path):
    """Whether meson knows a C program, by its name or by what comes behind test_ or the folder's."""
    meson = path.parent / "meson.build"
    if path.suffix == ".py" or not meson.is_file():
        return path.suffix == ".py"
    names = [path.stem]
    for prefix in ("test_", f"{path.parent.name}_"):
        names.append(names[-1].removeprefix(prefix))
    return any(f"'{name}'" in read(meson) or f"'{name}.c'" in read(meson) for name in names)


def models():
    """What test/model/test_model.py searches through, each like a test of its own."""
    return sorted(path.stem for path in TESTS.glob("model/*.pml") if "\ninit {" in read(path))


@functools.lru_cache(maxsize=None)
def existing():
    """{program: [test, ...]} of all that is built and run; checks test no driver."""
    found = {}
    for path in sorted([*TESTS.glob("*/test_*.c"), *TESTS.glob("*/test_*.py")]):
        folder = path.parent.name
        if folder != "checks" and built(path):
            found[f"{folder}/{path.stem}"] = registered(path)
    found["model/test_model"] += models()
    return found


def ids_of(name):
    """Rows whose numbers a test's name carries."""
    return {f"{part.upper()}-{number}" for part, number in ID_IN_NAME.findall(name)}


def wanted_features():
    """What the driver asks for, required or not."""
    source = read(DRIVER / "device_features.c")
    body = re.search(r"^pvq_wanted_features\(.*?^\}", source, re.M | re.S).group()
    required = re.search(r"#define PVQ_FEATURES_REQUIRED (.*)", read(DRIVER / "device.h")).group()
    return set(re.findall(r"VIRTIO_(?:NET_)?F_(\w+)", body + required))


def denied(row):
    """Features that a row's text says are not negotiated."""
    text = " ".join(f"{row.get('reason', '')} {row.get('note', '')}".split())
    return [name for part in DENIAL.findall(text)
            for name in re.findall(r"\b[A-Z][A-Z0-9_]+\b", part)]


def test_every_row_is_there_and_no_other():
    assert list(rows()) == ROWS


def test_the_readers_of_tests_and_driver_see():
    # If they went blind, what follows would pass.
    assert len(existing()) >= 40 and sum(map(len, existing().values())) >= 300
    assert "test_hd01_id_outside_the_ring" in existing()["unit/test_rxq_hostile"]
    assert "test_in04_in13_everything_offered" in existing()["unit/test_port_init"]
    assert "test_ring_sizes" in existing()["system/test_queues"]
    assert {"RING_PACKED", "VERSION_1", "IN_ORDER", "MRG_RXBUF"} <= wanted_features() < FEATURES
    assert ids_of("test_pr06_l07_sizes_hd1_pr123_in13") == {"PR-06", "L-07", "IN-13"}
    assert ids_of("test_device[hd01-rx]") == {"HD-01"} and ids_of("test_sl07_hd012") == set()
    assert collected("A = {'x': 1}\n@f('n', A)\ndef test_a(): pass\ndef b(): pass\n") == \
        ["test_a", "test_a[x]"]
    assert denied({"reason": "RSS and CSUM are not negotiated. MTU is. TSO5 is not negotiated"}) == \
        ["RSS", "CSUM", "TSO5"]


def test_every_row_is_whole():
    wrong = []
    for row, fields in rows().items():
        if not set(fields) <= KEYS or not (fields.get("duty") and fields.get("spec")):
            wrong.append(f"{row}: fields")
        if ("reaction" in fields) != row.startswith("HD-"):
            wrong.append(f"{row}: a reaction where none belongs, or none")
        if not listed(row) and not fields.get("reason"):
            wrong.append(f"{row}: neither a test nor a reason")
        if listed(row) and fields.get("reason"):
            wrong.append(f"{row}: a reason for what is tested")
    assert wrong == []


def test_every_test_in_a_row_exists():
    assert [f"{row}: {program}: {name}" for row in rows() for program, name in listed(row)
            if name not in existing().get(program, [])] == []
    assert [row for row in rows() if len(set(listed(row))) != len(listed(row))] == [], "named twice"


def test_every_model_is_in_a_row():
    named = {name for row in rows() for program, name in listed(row) if program == "model/test_model"}
    assert named == set(models()) and len(named) >= 6


def test_every_reason_holds():
    wrong = []
    for row, fields in rows().items():
        features = denied(fields)
        wrong += [f"{row}: no such feature as {one}" for one in features if one not in FEATURES]
        wrong += [f"{row}: the driver asks for {one}" for one in features
                  if one in wanted_features()]
        if "reason" in fields and not features:
            wrong.append(f"{row}: a reason that cannot be checked")
    assert wrong == []


def test_numbers_in_names_of_tests_are_of_rows():
    assert [f"{program}: {name}" for program, names in existing().items() for name in names
            if not ids_of(name) <= set(ROWS)] == []


def test_every_test_with_a_number_is_in_its_row():
    missing = [f"{row}: {program}: {name}" for program, names in existing().items() for name in names
               for row in sorted(ids_of(name)) if (program, name) not in listed(row)]
    assert missing == [], f"add these to {LIST.name}"


def test_the_page_shows_every_row():
    shown = re.findall(r"^\.\. conformance:: conformance\.ini (\S+)$", read(PAGE), re.M)
    assert [row for row in ROWS if sum(row.startswith(prefix) for prefix in shown) != 1] == []
