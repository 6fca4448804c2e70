"""The pages: what they show on air and off, wide and narrow, and that nothing breaks on the way."""

from pathlib import Path

import pytest
from viewer import NARROW, WIDE, OpenViewer, Viewer

from support.node import RunningNode
from support.publish import make_film, publishing

pytestmark = pytest.mark.browser

SAID = ("Live", "960 \N{MULTIPLICATION SIGN} 540", "30 fps", "H.264 + AAC", "viewer")


def fits(viewer: Viewer) -> bool:
    """Whether nothing reaches beyond the page's sides."""
    found: bool = viewer.page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    return found


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_channels_are_listed_and_lead_to_their_picture(
    size: tuple[int, int], links: dict[str, str], viewer: OpenViewer
) -> None:
    looking = viewer(size)
    looking.open(links["watch"].partition("/watch/")[0])
    row = looking.page.get_by_role("link", name="demo")
    row.wait_for()
    told = row.inner_text()
    assert all(word in told for word in SAID)
    assert looking.page.locator("#publish").get_attribute("open") is None
    assert fits(looking)
    row.click()
    looking.until(lambda: looking.stats()["status"] == "live", "the channel plays")
    assert fits(looking)
    assert looking.problems == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_an_empty_house_says_how_to_publish(
    size: tuple[int, int], node: RunningNode, viewer: OpenViewer
) -> None:
    looking = viewer(size)
    looking.open(node.http)
    looking.page.get_by_text("Nothing is on air").wait_for()
    help_text = looking.page.locator("#publish").inner_text()
    assert "-f flv 'rtmp://127.0.0.1:1935/live/main?key=KEY'" in help_text
    assert "main?key=KEY" in help_text
    assert node.key not in looking.page.content()
    assert fits(looking)
    assert looking.problems == []


def test_a_page_opened_too_early_joins_each_publisher_that_comes(
    start_node, viewer: OpenViewer, tmp_path: Path
) -> None:
    node = start_node({"publish": {"grace_s": 0}})
    film = make_film(tmp_path / "film.flv", seconds=30)
    watching = viewer(NARROW)
    watching.open(f"{node.http}/watch/film")
    epochs = []
    for _ in range(2):
        watching.page.get_by_text("Waiting for the publisher").first.wait_for()
        assert fits(watching)
        with publishing(node.rtmp("film"), film):
            watching.until(lambda: watching.stats()["status"] == "live", "the film plays")
            epochs.append(watching.stats()["epoch"])
    assert epochs[0] != epochs[1]
    # A browser reports each 404 of the wait on its console; there must be nothing else.
    assert [each for each in watching.problems if "/live/film.m3u8" not in each] == []
