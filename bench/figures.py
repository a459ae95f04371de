"""Figures of several contenders, what they are to reach, and how they are printed."""

import operator
from dataclasses import dataclass, field
from itertools import groupby


@dataclass(frozen=True)
class Target:
    """What the last contender is to reach: itself, or as a multiple of the reference."""

    comparison: str  # a key of COMPARISONS
    limit: float
    of_ratio: bool = False

    COMPARISONS = {"at least": operator.ge, "at most": operator.le}

    def is_reached(self, value, ratio):
        return self.COMPARISONS[self.comparison](ratio if self.of_ratio else value, self.limit)

    def __str__(self):
        return f"{self.comparison} {self.limit:,g}{' x' if self.of_ratio else ''}"


@dataclass(frozen=True)
class Figure:
    name: str
    values: dict  # by contender
    reference: str  # the contender that the last one is compared with
    target: Target | None = None

    @property
    def ratio(self):
        reference = self.values[self.reference]
        return list(self.values.values())[-1] / reference if reference else None

    @property
    def verdict(self):
        if self.target is None:
            return None
        reached = self.target.is_reached(list(self.values.values())[-1], self.ratio)
        return "PASS" if reached else "MISS"


@dataclass
class Result:
    """What one scenario found."""

    name: str
    title: str
    figures: list = field(default_factory=list)
    reports: list = field(default_factory=list)  # of every run of the load generator

    FAULTS = ("lost", "duplicated", "reordered", "unexpected")

    def faults(self):
        return sum(report[fault] for report in self.reports for fault in self.FAULTS)

    def table(self):
        """One under the other where figures have other contenders than those in front."""
        parts = [
            line
            for heads, figures in groupby(self.figures, lambda f: (list(f.values), f.reference))
            for line in self._part(*heads, list(figures))
        ]
        return "\n".join(["", self.title, *parts, *self._notes()])

    def _part(self, contenders, reference, figures):
        header = [self.name, *contenders, f"ratio to {reference}", "target", ""]
        rows = [header, *map(self._row, figures)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
        return [
            "  ".join(
                cell.ljust(width)
                if i in (0, len(header) - 2, len(header) - 1)
                else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]

    @staticmethod
    def _row(figure):
        return [
            figure.name,
            *(format_value(value) for value in figure.values.values()),
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            "" if figure.target is None else str(figure.target),
            figure.verdict or "",
        ]

    def _notes(self):
        if not self.reports:
            return
        full = {}
        for report in self.reports:
            if report["bottleneck"] != "none":
                full.setdefault(report["server"], set()).add(report["bottleneck"])
        for server, bottlenecks in full.items():
            yield f"  no CPU time left with {server}: {'; '.join(sorted(bottlenecks))}"
        counts = ", ".join(
            f"{sum(report[fault] for report in self.reports)} {fault}" for fault in self.FAULTS
        )
        yield f"  of {sum(report['messages'] for report in self.reports):,} messages: {counts}"
        for report in self.reports:
            if report["first_unexpected"]:
                yield f"  unexpected from {report['server']}: {report['first_unexpected']}"

    def as_dict(self):
        return {
            "name": self.name,
            "title": self.title,
            "figures": [
                {
                    "name": figure.name,
                    "values": figure.values,
                    "reference": figure.reference,
                    "ratio": figure.ratio,
                    "target": figure.target and str(figure.target),
                    "verdict": figure.verdict,
                }
                for figure in self.figures
            ],
            "reports": self.reports,
        }


def format_value(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
