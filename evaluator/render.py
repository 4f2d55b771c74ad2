"""Plots as self-contained SVG text: no scripts, no fonts to fetch, light and dark by themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final, Literal

PALETTE: Final = (
    "#3b7dd8", "#e0803a", "#3fa66b", "#c2527a", "#8a6fd1",
    "#c9a227", "#2fa3a8", "#b5573f", "#6d8f2e", "#7f8796",
)  # fmt: skip
"""Colours that stand apart on white and on near-black."""

# plain rules and no custom properties: viewers other than browsers draw these pictures too
_LIGHT: Final = ("#22262e", "#69707d", "#d9dde3", "#ffffff")
_DARK: Final = ("#e4e7ec", "#98a1b0", "#343a46", "#171a20")


def _rules(ink: str, soft: str, line: str, page: str) -> str:
    return (
        f".plot text{{fill:{ink}}}.plot .soft{{fill:{soft}}}.plot .grid{{stroke:{line}}}"
        f".plot .axis{{stroke:{soft}}}.plot .page{{fill:{page}}}.plot .ring{{stroke:{page}}}"
    )


_STYLE: Final = (
    "<style>.plot{font:12px system-ui,sans-serif}.plot .title{font-weight:600;font-size:14px}"
    f"{_rules(*_LIGHT)}@media (prefers-color-scheme:dark){{{_rules(*_DARK)}}}</style>"
)

_UNITS: Final = (
    ("ms", 1.0, 0.001), ("s", 300.0, 1.0), ("min", 10_800.0, 60.0), ("h", 259_200.0, 3600.0),
)  # fmt: skip
"""Unit, seconds up to which it is used, seconds it stands for."""

Scale = Literal["number", "time"]


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows; its range is that of the data unless given."""

    label: str
    scale: Scale = "number"
    """``time``: values are seconds, ticks are human units."""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One curve; x ascending."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    stepped: bool = False
    """Hold each value up to the next x, for series of steps."""
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One dot of a scatter plot."""

    x: float
    y: float
    title: str
    group: int = 0
    """Row of the palette."""
    front: bool = False
    """Belongs to the front line, drawn through such points in order of x."""


def line_chart(title: str, lines: Sequence[Line], x: Axis, y: Axis) -> str:
    """Draw curves, such as a score over evaluations or a queue over time."""
    xs = [v for line in lines for v in line.x]
    ys = [v for line in lines for v in line.y]
    frame = Frame(title, x, y, xs, ys)
    for row, line in enumerate(lines):
        colour = PALETTE[row % len(PALETTE)]
        points = _corners(line) if line.stepped else list(zip(line.x, line.y, strict=True))
        points = [(a, b) for a, b in points if math.isfinite(a) and math.isfinite(b)]
        if not points:
            continue
        path = _path(frame, points)
        if line.filled:
            base = frame.bottom
            area = f"{path}L{_n(frame.x(points[-1][0]))} {_n(base)}"
            area += f"L{_n(frame.x(points[0][0]))} {_n(base)}Z"
            frame.add(f'<path d="{area}" fill="{colour}" fill-opacity=".18"/>')
        frame.add(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8" '
            f'stroke-linejoin="round"><title>{escape(line.name)}</title></path>'
        )
        if len(points) <= 80 and not line.stepped:
            for a, b in points:
                tip = f"{line.name}: {tick(a, x.scale)}, {tick(b, y.scale)}"
                frame.dot(a, b, 2.6, colour, tip)
    if len(lines) > 1:
        frame.legend([line.name for line in lines])
    return frame.svg()


def scatter(title: str, points: Sequence[Point], x: Axis, y: Axis) -> str:
    """Draw dots with tooltips and a line through the Pareto front."""
    frame = Frame(title, x, y, [p.x for p in points], [p.y for p in points])
    front = sorted((p.x, p.y) for p in points if p.front)
    if len(front) > 1:
        frame.add(
            f'<path d="{_path(frame, front)}" fill="none" class="axis" stroke-width="1.4" '
            'stroke-dasharray="5 4"/>'
        )
    for p in points:
        tip = f"{p.title}: {tick(p.x, x.scale)}, {tick(p.y, y.scale)}"
        frame.dot(p.x, p.y, 5 if p.front else 3.4, PALETTE[p.group % len(PALETTE)], tip)
    return frame.svg()


def histogram(title: str, values: Sequence[float], x: Axis, *, bins: int = 30) -> str:
    """Draw how often values fall into equal bins."""
    finite = [v for v in values if math.isfinite(v)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if high <= low:
        high = low + (abs(low) or 1.0)
    counts = [0] * bins
    for v in finite:
        counts[min(bins - 1, int((v - low) / (high - low) * bins))] += 1
    y = Axis("count", low=0.0)
    frame = Frame(title, x, y, [low, high], [0.0, float(max(counts))])
    width = (high - low) / bins
    for k, count in enumerate(counts):
        if count:
            a, b = low + k * width, low + (k + 1) * width
            tip = f"{tick(a, x.scale)} to {tick(b, x.scale)}: {count}"
            frame.bar(a, b, 0.0, float(count), PALETTE[0], tip)
    return frame.svg()


@dataclass(slots=True)
class Frame:
    """A titled plot area with axes; data coordinates in, SVG out."""

    title: str
    across: Axis
    up: Axis
    xs: Sequence[float]
    ys: Sequence[float]
    width: float = 860.0
    height: float = 320.0
    left: float = 74.0
    top: float = 42.0
    ticks_up: bool = True
    parts: list[str] = field(default_factory=list)
    _x: tuple[float, float] = (0.0, 1.0)
    _y: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        self._x = _range(self.xs, self.across, 0.0)
        self._y = _range(self.ys, self.up, 0.06)

    @property
    def right(self) -> float:
        """Right edge of the plot area."""
        return self.width - 20.0

    @property
    def bottom(self) -> float:
        """Lower edge of the plot area."""
        return self.height - 46.0

    def x(self, value: float) -> float:
        """Place of a value on the horizontal axis."""
        low, high = self._x
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Place of a value on the vertical axis."""
        low, high = self._y
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)

    def add(self, part: str) -> None:
        """Put an SVG element on top of what is there."""
        self.parts.append(part)

    def dot(self, x: float, y: float, radius: float, colour: str, tip: str) -> None:
        """Put a dot with a tooltip, if its place is finite."""
        if math.isfinite(x) and math.isfinite(y):
            self.add(
                f'<circle cx="{_n(self.x(x))}" cy="{_n(self.y(y))}" r="{radius:g}" '
                f'fill="{colour}" class="ring"><title>{escape(tip)}</title></circle>'
            )

    def bar(self, a: float, b: float, low: float, high: float, colour: str, tip: str) -> None:
        """Put a bar from a to b across, low to high up."""
        left, right, top, base = self.x(a), self.x(b), self.y(high), self.y(low)
        self.add(
            f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(max(0.5, right - left - 1))}" '
            f'height="{_n(base - top)}" fill="{colour}"><title>{escape(tip)}</title></rect>'
        )

    def legend(self, names: Sequence[str], colours: Sequence[str] = PALETTE) -> None:
        """Put names with their colours at the upper right, last name rightmost."""
        at = self.right
        for row in range(len(names) - 1, -1, -1):
            name = names[row] if len(names[row]) <= 28 else names[row][:27] + "…"
            at -= 6.6 * len(name) + 24
            if at < self.left + 7.6 * len(self.title):
                break
            self.add(
                f'<rect x="{_n(at)}" y="15" width="10" height="10" rx="2" '
                f'fill="{colours[row % len(colours)]}"/>'
                f'<text x="{_n(at + 14)}" y="24">{escape(name)}</text>'
            )

    def svg(self) -> str:
        """Return the whole picture."""
        back = []
        for value in ticks(*self._x, self.across.scale, 9):
            at = _n(self.x(value))
            back.append(
                f'<line x1="{at}" x2="{at}" y1="{_n(self.top)}" y2="{_n(self.bottom)}" '
                f'class="grid"/><text x="{at}" y="{_n(self.bottom + 17)}" text-anchor="middle" '
                f'class="soft">{escape(tick(value, self.across.scale, self._x[1]))}</text>'
            )
        for value in ticks(*self._y, self.up.scale, 6) if self.ticks_up else ():
            at = _n(self.y(value))
            label = escape(tick(value, self.up.scale, self._y[1]))
            back.append(
                f'<line x1="{_n(self.left)}" x2="{_n(self.right)}" y1="{at}" y2="{at}" '
                f'class="grid"/><text x="{_n(self.left - 7)}" y="{_n(float(at) + 4)}" '
                f'text-anchor="end" class="soft">{label}</text>'
            )
        middle = (self.top + self.bottom) / 2
        labels = (
            f'<text x="{_n((self.left + self.right) / 2)}" y="{_n(self.height - 10)}" '
            f'text-anchor="middle">{escape(self.across.label)}</text>'
            f'<text transform="translate(15 {_n(middle)}) rotate(-90)" text-anchor="middle">'
            f"{escape(self.up.label)}</text>"
            f'<text x="{_n(self.left)}" y="24" class="title">{escape(self.title)}</text>'
        )
        axis = (
            f'<path d="M{_n(self.left)} {_n(self.top)}V{_n(self.bottom)}H{_n(self.right)}" '
            'fill="none" class="axis"/>'
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" '
            f'viewBox="0 0 {_n(self.width)} {_n(self.height)}" width="100%" '
            f'aria-label="{escape(self.title)}">{_STYLE}'
            f'<rect class="page" width="{_n(self.width)}" height="{_n(self.height)}" rx="6"/>'
            f"{''.join(back)}{''.join(self.parts)}{axis}{labels}</svg>"
        )


def tick(value: float, scale: Scale, like: float | None = None) -> str:
    """Return a value as an axis shows it, in the unit that suits ``like`` (left out: itself)."""
    if scale == "number":
        return f"{value:.4g}"
    if value == 0:
        return "0"
    size = abs(value if like is None else like)
    for unit, limit, seconds in _UNITS:
        if size < limit:
            return f"{value / seconds:.4g} {unit}"
    return f"{value / 86_400:.4g} d"


def ticks(low: float, high: float, scale: Scale, most: int) -> list[float]:
    """Round values in [low, high], at most about ``most``."""
    step = _step((high - low) / most, scale)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def _step(least: float, scale: Scale) -> float:
    """Smallest round step that is at least ``least``."""
    if scale == "time" and least > 1:
        for step in (2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600,
                     43_200, 86_400, 172_800, 432_000, 864_000):  # fmt: skip
            if step >= least:
                return float(step)
        return 86_400 * _step(least / 86_400, "number")
    power = 10.0 ** math.floor(math.log10(least)) if least > 0 else 1.0
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0):
        if factor * power >= least * (1 - 1e-9):
            return factor * power
    return 10.0 * power


def _range(values: Sequence[float], axis: Axis, margin: float) -> tuple[float, float]:
    finite = [v for v in values if math.isfinite(v)]
    low = min(finite, default=0.0) if axis.low is None else axis.low
    high = max(finite, default=1.0) if axis.high is None else axis.high
    if high <= low:
        high = low + (abs(low) * 0.1 or 1.0)
    pad = (high - low) * margin
    return (
        low - pad if axis.low is None and low != 0 else low,
        high + pad if axis.high is None else high,
    )


def _corners(line: Line) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for a, b in zip(line.x, line.y, strict=True):
        if points:
            points.append((a, points[-1][1]))
        points.append((a, b))
    return points


def _path(frame: Frame, points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_n(frame.x(a))} {_n(frame.y(b))}" for a, b in points)


def _n(value: float) -> str:
    """A coordinate with two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
