"""A viewer: a page of headless Chromium, and what the page and its picture say.

Law: a wait hands over to the browser while it waits, so that events of the page are not missed.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

T = TypeVar("T")
OpenViewer = Callable[..., "Viewer"]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
DEADLINE_S = 30.0
POLL_MS = 50
WIDE = (1280, 900)
NARROW = (390, 844)
"""CSS pixels of a common phone held upright."""
_STRIP = Path(__file__).with_name("strip.js").read_text(encoding="utf-8")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with no window, for as long as it is wanted."""
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        raise FileNotFoundError(f"none of {', '.join(CHROMIUM)} is installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Viewer:
    """One page in a browser context of its own: nothing is cached or remembered from another."""

    def __init__(self, browser: Browser, size: tuple[int, int] = WIDE) -> None:
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        self.context.set_default_timeout(DEADLINE_S * 1000)
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        """Errors on the console and exceptions that nobody caught."""
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def open(self, url: str) -> None:
        """Go to an address."""
        self.page.goto(url)

    def play(self, url: str) -> None:
        """Open a watch page and wait for its picture to move."""
        self.open(url)
        self.until(lambda: self.stats()["status"] == "live", "the channel plays")

    def stats(self) -> dict[str, Any]:
        """The figures of the watch page; "status" alone, and empty, until its script has run."""
        found: dict[str, Any] = self.page.evaluate("window.tidegate?.stats() ?? { status: '' }")
        return found

    def watch_strip(self) -> None:
        """From now on, read the demo channel's strip off every frame that is shown."""
        self.page.evaluate(f"window.strip = ({_STRIP})(document.querySelector('video')); null")

    def strip(self) -> dict[str, Any]:
        """True latencies of the frames since the last call, s; their gaps, s; how many had none."""
        taken: dict[str, Any] = self.page.evaluate(
            "(() => { const seen = { latencies: strip.latencies.splice(0),"
            " gaps: strip.gaps.splice(0), unread: strip.unread };"
            " strip.unread = 0; return seen; })()"
        )
        return taken

    def until(self, check: Callable[[], T], what: str, within_s: float = DEADLINE_S) -> T:
        """The first true value of `check`; fails, naming `what`, when there is none in time."""
        deadline = time.monotonic() + within_s
        while not (value := check()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s:.0f} s: {what}; {self._state()}")
            self.page.wait_for_timeout(POLL_MS)
        return value

    def close(self) -> None:
        """Leave."""
        self.context.close()

    def _state(self) -> str:
        shown = self.page.evaluate("window.tidegate ? JSON.stringify(tidegate.stats()) : ''")
        return f"{shown} {self.problems}"

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"{message.text} ({message.location.get('url')})")
