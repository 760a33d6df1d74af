"""The tables of what building and asking each size took."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.growth_building import JUDGED, QUERIES
from benchmarks.report import table

__all__ = ["answers", "builds", "heading"]

Lines = list[dict[str, Any]]


def heading(dimension: int, asked: Lines) -> str:
    """Say what was asked."""
    loads = ", ".join(f"{line['load']:.1f}" for line in asked)
    return (
        f"Vectors of {dimension} dimensions, {QUERIES} queries ({JUDGED} judged against exact "
        f"answers), k = 100. Runnable processes on the machine after each size was asked: {loads}."
    )


def builds(built: Lines) -> str:
    """Lay out what building took."""
    rows: list[list[object]] = []
    for line in built:
        own = line["build"]
        rows.append(
            [
                f"{line['rows']:,}",
                f"{own:.0f}",
                f"{1e6 * own / line['rows']:.1f}",
                f"{line['measuring']:.0f}",
                f"{line['made'] + line['truth']:.0f}",
                f"{line['wall']:.0f}",
                f"{line['peak']:.0f}",
                f"{line['disk'] / 1e9:.2f}",
            ]
        )
    head = ["rows", "build, s of CPU", "µs a row", "of it measuring recall and costs, s"]
    head += ["making vectors and exact answers, s of CPU", "all, s on the clock"]
    return table([*head, "peak own memory, MB", "disk, GB"], rows)


def answers(asked: Lines) -> str:
    """Lay out what answers took."""
    rows: list[list[object]] = []
    for line in asked:
        for name, one in line["lines"].items():
            p50, p99 = np.quantile(one["ms"], [0.5, 0.99])
            rows.append(
                [
                    f"{line['rows'] / 1e6:.1f} M",
                    name,
                    f"{one['recall@10']:.3f}",
                    f"{one['recall@100']:.3f}",
                    f"{p50:.1f}",
                    f"{p99:.1f}",
                    f"{np.median(one['making']):.1f}",
                    f"{np.median(one['codes']):,.0f}",
                    f"{np.median(one['refined']):,.0f}",
                    ", ".join(one["ways"]),
                ]
            )
    head = ["rows", "filter", "recall@10", "recall@100", "p50, ms", "p99, ms"]
    head += ["of it vectors made, ms", "codes compared", "vectors made", "way"]
    return table(head, rows)
