"""What may change while a node runs."""

from pathlib import Path
from typing import Any

import pytest

from tidegate.node.change import changed, refused, waiting
from tidegate.settings import Settings

CERTIFICATE = {"chain": "/c.pem", "key": "/k.pem"}


def settings(**tables: dict[str, Any]) -> Settings:
    return Settings.model_validate(tables)


@pytest.mark.parametrize(
    ("after", "names"),
    [
        ({}, []),
        ({"http": {"port": 1}}, ["http.port"]),
        ({"http": {"host": "::1", "workers": 3}}, ["http.host", "http.workers"]),
        ({"http": {"max_connections": 5}}, []),
        ({"rtmp": {"max_connections": 5}}, ["rtmp.max_connections"]),
        ({"log": {"root": Path("/other")}}, ["log.root"]),
        ({"log": {"retention_mb": 20}}, []),
        ({"state": {"folder": Path("/other")}}, ["state.folder"]),
        ({"node": {"drain_s": 1, "upgrade_s": 1}}, ["node.drain_s"]),
        ({"tls": {"port": 1}}, ["tls.port"]),
        ({"channels": {"one": {"max_viewers": 5}}}, []),
    ],
)
def test_what_sockets_and_folders_were_made_by_is_refused(
    after: dict[str, Any], names: list[str]
) -> None:
    assert refused(Settings(), settings(**after)) == names


def test_https_neither_begins_nor_ends_while_running() -> None:
    one = settings(tls={"certificates": [CERTIFICATE]})
    two = settings(tls={"certificates": [CERTIFICATE, CERTIFICATE]})
    assert refused(one, two) == []
    for before, after in ((one, Settings()), (Settings(), one)):
        (told,) = refused(before, after)
        assert told.startswith("tls.certificates ")


def test_what_only_ingest_reads_waits_for_a_restart_and_is_named() -> None:
    before = settings(channels={"gone": {"takeover": True, "max_viewers": 3}})
    after = settings(
        publish={"grace_s": 1},
        package={"part_ms": 100},
        http={"retry_after_s": 9},
        channels={"new": {"key": "k" * 16, "tenant": "acme"}},
    )
    assert waiting(before, after) == [
        "channels.gone.takeover",
        "channels.new.key",
        "channels.new.takeover",
        "package.part_ms",
        "publish.grace_s",
    ]
    assert "http.retry_after_s" in changed(before, after)
    assert waiting(after, after) == []
