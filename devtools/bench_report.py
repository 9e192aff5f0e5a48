# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The results of bench.py as reStructuredText."""

POINT = (("burst", "burst"), ("frame", "bytes"), ("ring", "ring"), ("queue_pairs", "queue pairs"))


def table(header, rows):
    """A simple table of reST."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    rule = "  ".join("=" * width for width in widths)

    def line(row):
        return "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
    return "\n".join([rule, line(header), rule, *map(line, rows), rule])


def span(figures):
    """A median with its percentiles."""
    return f"{figures['median']:.1f} ({figures['p10']:.1f}-{figures['p90']:.1f})"


def ratio(figures):
    """A ratio where there is one; an empty cell would join its row to the one before."""
    return f"{figures['ratio']:.2f}" if "ratio" in figures else "\\-"


def ratio_span(figures):
    """The ratio of several launches, with the lowest and the highest."""
    if "ratio" not in figures:
        return "\\-"
    return f"{figures['ratio']:.2f} ({figures['ratio_lowest']:.2f}-{figures['ratio_highest']:.2f})"


def varying(entries):
    """The columns of POINT that differ among the entries."""
    return [(key, title) for key, title in POINT if len({entry[key] for entry in entries}) > 1]


def solo_rows(entries, columns):
    """Rows of a table of cycles, the floor with its name alone."""
    for entry in entries:
        point = [str(entry[key]) for key, _ in columns]
        if "refused" in entry:
            yield [entry["name"], *point, "not possible", "\\-", "\\-", "\\-", "\\-"]
            continue
        taken = (f"{100 * entry['taken'] / entry['offered']:.0f} %" if entry.get("offered")
                 else "\\-")
        yield [entry["name"], *point, span(entry["tx"]), ratio(entry["tx"]), span(entry["rx"]),
               ratio(entry["rx"]), taken]


def solo(part):
    """The table of a set of solo."""
    columns = varying(part["results"])
    header = ["port", *(title for _, title in columns), "tx", "tx ratio", "rx", "rx ratio", "taken"]
    return table(header, list(solo_rows(part["results"], columns)))


def pair(part):
    """The table of a set of pair."""
    rows = []
    for entry in part["results"]:
        rate = entry["mpps"]
        rows.append([entry["name"],
                     f"{rate['median']:.2f} ({rate['lowest']:.2f}-{rate['highest']:.2f})",
                     ratio_span(rate), f"{entry['round_trip_ns']:.0f} ns",
                     f"{100 * entry['empty_polls'] / max(1, entry['polls']):.0f} %"])
    return table(["port", "Mpps each way", "ratio", "round trip", "empty polls"], rows)


def ports(part):
    """What every port of a set was, one line each."""
    told = {}
    for entry in part["results"]:
        if "driver" in entry and entry["name"] not in told:
            told[entry["name"]] = (
                f"* {entry['name']}: ``{entry['devargs']}``, rx *{entry['rx_path']}*, "
                f"tx *{entry['tx_path']}*"
                + (f", {entry['negotiated']}" if "negotiated" in entry else ""))
    return "\n".join(told.values())


def section(part):
    """A set: what was measured, in which way, and the figures."""
    one = part["results"][0]
    fixed = [f"{title} {one[key]}" for key, title in POINT
             if (key, title) not in varying(part["results"])]
    if part["mode"] == "solo":
        how = ("TSC cycles a packet, median of the rounds (10th to 90th percentile), and of these "
               f"the median of {one['launches']} launches; ratios to {part['baseline']}; taken is "
               "the part of the packets offered that tx took.")
        body = solo(part)
    else:
        how = (f"Median of {one['launches']} launches (lowest to highest), {one['inflight']} "
               f"packet{'s' if one['inflight'] > 1 else ''} in the loop; ratios to "
               f"{part['baseline']}.")
        body = pair(part)
    return "\n".join([part["title"], "-" * len(part["title"]), "",
                      f"{', '.join(fixed)}; SIMD up to {part['simd_bitwidth']} bits. {how}", "",
                      ports(part), "", body, ""])


def report(whole):
    """All sets."""
    if not whole["sets"]:
        return "Nothing was measured.\n"
    first = whole["sets"][0]
    lost = sum(entry.get("lost", 0) + entry.get("wrong", 0)
               for part in whole["sets"] for entry in part["results"])
    intro = (f"{first['dpdk']} ({whole['flags'] or 'no flags told'}) on {first['processor']}, TSC "
             f"{first['tsc_mhz']:.0f} MHz, {'hugepages' if first['hugepages'] else 'no hugepages'}"
             f". Packets lost or wrong: {lost}.")
    parts = [intro, ""] + [section(part) for part in whole["sets"]]
    for name, reason in whole["left_out"].items():
        parts.append(f"Left out: {name}, {reason}.\n")
    return "\n".join(parts)
