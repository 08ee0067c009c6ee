"""Opens pages as people do: on a phone or a desktop, in light or dark, with JavaScript or without it."""

from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.conftest import ROOT

SCREENSHOTS = ROOT / ".run" / "screenshots"
# Milliseconds that anything may take to show on a page, on a machine that may have much else to do.
PATIENCE = 60_000
_HEIGHTS = {390: 844, 1280: 900}


@dataclass(frozen=True, slots=True)
class Look:
    """How someone looks at a page. ``width`` is in CSS pixels."""

    width: int = 390
    dark: bool = False
    script: bool = True

    def __str__(self) -> str:
        return "-".join(
            [
                str(self.width),
                "dark" if self.dark else "light",
                *([] if self.script else ["no-script"]),
            ]
        )


PHONE, DESKTOP = Look(390), Look(1280)
WITHOUT_SCRIPT = Look(390, script=False)
LOOKS = [
    pytest.param(look, id=str(look))
    for look in (
        PHONE,
        DESKTOP,
        Look(390, dark=True),
        Look(1280, dark=True),
        WITHOUT_SCRIPT,
        Look(1280, dark=True, script=False),
    )
]


class Looking:
    """A browser at ``url``. ``complaints`` is what its console said, and which scripts failed."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def begin(self, look: Look = PHONE) -> Page:
        """A fresh window that nobody has visited anything with."""
        context = self._browser.new_context(
            base_url=self._url,
            viewport={"width": look.width, "height": _HEIGHTS[look.width]},
            device_scale_factor=2 if look.width < 500 else 1,
            color_scheme="dark" if look.dark else "light",
            java_script_enabled=look.script,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def photograph(self, page: Page, name: str, look: Look) -> None:
        """Keep what there is to see, from top to bottom, in ``.run/screenshots``."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}-{look}.png", full_page=True)

    def close(self) -> None:
        """Close all windows."""
        for context in self._contexts:
            context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        # That a page was not found is for the page to say, and for the test to know.
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.complaints.append(message.text)


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    found: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return found


def faint(page: Page) -> list[str]:
    """Texts that stand out from what lies below them by less than WCAG 2.2 AA asks for (4.5, large ones 3)."""
    found: list[str] = page.evaluate(_FAINT)
    return found


# Relative luminance and contrast as WCAG 2.2 defines them: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
_FAINT = """() => {
    const channel = (value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    };
    const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const rgba = (text) => {
        const parts = text.match(/[\\d.]+/g).map(Number);
        return [...parts.slice(0, 3), parts[3] ?? 1];
    };
    const below = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const [r, g, b, alpha] = rgba(getComputedStyle(each).backgroundColor);
            if (alpha === 1) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        const text = texts.currentNode.textContent.trim();
        const box = element.getBoundingClientRect();
        // What is for screen readers alone is one pixel large; what only decorates is hidden from them.
        if (!text || box.width < 2 || element.closest("noscript, [aria-hidden=true]")) continue;
        const style = getComputedStyle(element);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 600);
        const one = luminance(rgba(style.color));
        const other = luminance(below(element));
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)}: ${text.slice(0, 60)}`);
    }
    return found;
}"""
