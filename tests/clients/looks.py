"""Whether a page can be used by everybody: the measures of WCAG 2.2 that a machine can take."""

import re
from typing import Any

from tests.clients.browser import Browser

_TEXT_LEAST = 4.5  # 1.4.3, as of small text
_EDGE_LEAST = 3.0  # 1.4.11: what shows where an input is, or that it has the focus
_TARGET_PIXELS = 24  # 2.5.8
NARROW_PIXELS = 320  # 1.4.10

# A text's background is that of the nearest element that has one.
_MEASURE = """
const behind = element => {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)") return colour;
  }
  return "rgb(255, 255, 255)";
};
const told = id => document.getElementById(id)?.innerText ?? "";
const shown = [...document.body.querySelectorAll("*")].filter(one => one.checkVisibility());
const texts = shown.filter(one => [...one.childNodes].some(
  node => node.nodeType === Node.TEXT_NODE && node.data.trim()));
const controls = shown.filter(one => one.matches("input, button, select, textarea"));
return {
  texts: texts.map(one => [one.innerText, getComputedStyle(one).color, behind(one)]),
  edges: controls.map(one => [
    one.outerHTML, getComputedStyle(one).borderTopColor, behind(one.parentElement)]),
  small: controls.filter(one => Math.min(one.offsetHeight, one.offsetWidth) < arguments[0])
    .map(one => one.outerHTML),
  broken: controls.filter(one => one.matches("button") && one.offsetHeight > one.offsetWidth)
    .map(one => one.outerHTML),
  unlabelled: controls.filter(one => one.matches("input") && !one.labels.length)
    .map(one => one.outerHTML),
  invalid: controls.filter(one => one.matches("[aria-invalid=true]")).map(one =>
    (one.getAttribute("aria-describedby") ?? "").split(" ").map(told).join(" ")),
  language: document.documentElement.lang,
  headings: document.querySelectorAll("h1").length,
  mains: document.querySelectorAll("main").length,
  ids: [...document.querySelectorAll("[id]")].map(one => one.id),
  width: document.documentElement.scrollWidth,
};
"""
_FOCUS = """
const style = getComputedStyle(document.activeElement);
const page = getComputedStyle(document.body).backgroundColor;
return [style.outlineStyle, parseFloat(style.outlineWidth), style.outlineColor, page];
"""


def assert_usable(page: Browser) -> None:
    """Look at a page in light and in dark colours, and in a narrow window."""
    for scheme in ("light", "dark"):
        page.emulate(scheme=scheme)
        seen = page.measure(_MEASURE, _TARGET_PIXELS)
        assert _low(seen["texts"], _TEXT_LEAST) == [], (page.url, scheme)
        assert _low(seen["edges"], _EDGE_LEAST) == [], (page.url, scheme)
        _assert_built(page, seen)
    page.emulate(width=NARROW_PIXELS)
    assert page.measure("return innerWidth") == NARROW_PIXELS
    narrow = page.measure(_MEASURE, _TARGET_PIXELS)
    assert narrow["width"] <= NARROW_PIXELS, page.url
    assert narrow["broken"] == [], page.url
    page.emulate(width=1000)


def assert_focus_is_seen(page: Browser) -> None:
    """What has the focus, by the keyboard, has a frame that stands out."""
    for scheme in ("light", "dark"):
        page.emulate(scheme=scheme)
        style, width, colour, behind = page.measure(_FOCUS)
        assert style == "solid", page.focused().name
        assert width >= 2
        assert contrast(colour, behind) >= _EDGE_LEAST


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, as CSS computes them (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _assert_built(page: Browser, seen: Any) -> None:
    assert page.title.endswith("Strongroom")
    assert seen["language"] == "en"
    assert (seen["headings"], seen["mains"]) == (1, 1)
    assert seen["unlabelled"] == []
    assert seen["small"] == []
    assert len(seen["ids"]) == len(set(seen["ids"])), page.url
    # What is wrong with an input is read out with it.
    for described in seen["invalid"]:
        assert any(alert in described for alert in page.alerts), (described, page.alerts)


def _low(pairs: list[list[str]], least: float) -> list[tuple[str, float]]:
    ratios = [(what, contrast(colour, behind)) for what, colour, behind in pairs]
    return [(what, ratio) for what, ratio in ratios if ratio < least]


def _luminance(colour: str) -> float:
    found = re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", colour)
    assert found is not None, colour
    parts = [int(part) / 255 for part in found.groups()]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
