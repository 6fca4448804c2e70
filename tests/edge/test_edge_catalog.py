"""What is published, as the folder tree changes under the edge."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from edge_world import Edge, Publisher, eventually, running

from tidegate.edge import catalog
from tidegate.settings import Settings

PLAYLIST = "/live/demo/e1/source.m3u8"


def test_a_root_that_comes_later_and_is_made_anew(settings: Callable[..., Settings]) -> None:
    root = settings().log.root
    root.rmdir()
    with running(settings()) as edge:
        assert edge.get("/live/demo.m3u8").status == 404
        for _ in range(2):
            publisher = Publisher(root)
            publisher.parts(11)
            eventually(lambda: edge.get("/live/demo.m3u8").status == 200, "found")
            publisher.close()
            shutil.rmtree(root)
            eventually(lambda: edge.get("/live/demo.m3u8").status == 404, "gone")


def test_an_epoch_that_is_removed_tells_who_waits(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    with edge.client() as client:
        client.ask(f"{PLAYLIST}?_HLS_msn=1&_HLS_part=2")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 1, "parked")
        shutil.rmtree(publisher.folder)
        assert client.reply().status == 404
        assert client.get(PLAYLIST).status == 404


def test_a_new_epoch_takes_over_and_the_old_one_stays(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    publisher.end()
    newer = Publisher(settings_root(publisher), epoch="e2")
    newer.parts(11)
    eventually(lambda: b"demo/e2/" in edge.get("/live/demo.m3u8").body, "the newest epoch")
    assert edge.get(PLAYLIST).status == 200
    newer.close()


def settings_root(publisher: Publisher) -> Path:
    return publisher.folder.parent.parent


def test_channels_side_by_side(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(2)
    other = Publisher(settings_root(publisher), "other")
    part, *_ = other.parts(11, size=700)
    eventually(lambda: edge.get("/live/other.m3u8").status == 200, "found")
    assert edge.get("/live/other/e1/source/part.0.m4s").body == part
    other.close()


def test_logs_nobody_asks_for_are_closed_and_opened_again(
    edge: Edge, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "IDLE_S", 0.0)
    publisher.parts(12)
    assert edge.get(PLAYLIST).status == 200
    index = publisher.folder / "source.cmaf" / "index"
    eventually(lambda: readers(index) == 0, "closed")
    publisher.part()
    assert b"part.12.m4s" in edge.get(PLAYLIST).body


def readers(path: Path) -> int:
    """Read-only descriptors of this process on `path`: the edge's, not the writer's."""
    found = 0
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            access = int((Path("/proc/self/fdinfo") / fd.name).read_text().split()[3], 8)
            found += fd.readlink() == path and access & os.O_ACCMODE == os.O_RDONLY
    return found


def test_what_is_no_channel_is_passed_over(edge: Edge, publisher: Publisher) -> None:
    root = publisher.folder.parent.parent
    (root / "file").write_text("x")
    (root / "empty").mkdir()
    (root / "broken" / "e1").mkdir(parents=True)
    (root / "broken" / "live").write_text("e1")
    (root / "broken" / "e1" / "manifest.json").write_text("{")
    (root / "broken" / "e1" / "source.cmaf").mkdir()
    (root / "broken" / "e1" / "source.cmaf" / "index").write_text("not an index")
    publisher.parts(11)
    eventually(lambda: edge.get("/live/demo.m3u8").status == 200, "found")
    for name in ("file", "empty", "broken"):
        assert edge.get(f"/live/{name}.m3u8").status == 404
        assert edge.get(f"/live/{name}.flv").status == 404
        assert edge.get(f"/live/{name}/e1/source.m3u8").status == 404
    assert edge.get("/channels.json").body.count(b'"name"') == 1
