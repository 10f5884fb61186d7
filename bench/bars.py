"""A plot of a few bars, as SVG: readable on light and dark, from nothing but the figures."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import msgspec

_ROW, _GAP, _BAR = 34, 6, 11
_LEFT, _WIDTH, _RIGHT, _TOP = 330, 380, 70, 46
_LETTERS = 'font-family="sans-serif" font-size="12"'
_TEXT, _LIGHT, _DARK = "#7c828d", "#7fb2ff", "#2f6fde"


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One row: its name, and two figures of which the second is the larger."""

    name: str
    low: float
    high: float


def draw(file: Path, title: str, names: tuple[str, str], bars: Sequence[Bar]) -> None:
    """Writes the plot; all bars have one scale, from zero."""
    most = max(bar.high for bar in bars) or 1.0
    height = _TOP + len(bars) * _ROW + _GAP
    width = _LEFT + _WIDTH + _RIGHT
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_LETTERS} fill="{_TEXT}">',
        f'<text x="0" y="15" font-size="13" font-weight="bold">{escape(title)}</text>',
        _key(names),
    ]
    for number, bar in enumerate(bars):
        top = _TOP + number * _ROW
        parts.append(f'<text x="{_LEFT - 10}" y="{top + 15}" text-anchor="end">{bar.name}</text>')
        for offset, value, colour in ((0, bar.low, _DARK), (_BAR + 1, bar.high, _LIGHT)):
            long = _WIDTH * value / most
            y = top + offset
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="{long:.1f}" height="{_BAR}" fill="{colour}"/>'
                f'<text x="{_LEFT + long + 5:.1f}" y="{y + 10}" font-size="10">{value:.2f}</text>'
            )
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join([*parts, "</svg>", ""]))


def _key(names: tuple[str, str]) -> str:
    low, high = map(escape, names)
    return (
        f'<rect x="{_LEFT}" y="25" width="10" height="10" fill="{_DARK}"/>'
        f'<text x="{_LEFT + 15}" y="34">{low}</text>'
        f'<rect x="{_LEFT + 100}" y="25" width="10" height="10" fill="{_LIGHT}"/>'
        f'<text x="{_LEFT + 115}" y="34">{high}</text>'
    )
