"""What a running node prints."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from tidegate.cli.show import demo_links, node_rows, show_json, show_rows
from tidegate.node.listeners import Addresses, reachable

AT = Addresses("http://127.0.0.1:8080", "rtmp://127.0.0.1:1935/live", "k" * 120)


def test_rows_can_be_pasted_whole_however_narrow_the_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    show_rows(node_rows(AT))
    lines = capsys.readouterr().out.splitlines()
    for _, value in node_rows(AT):
        assert any(line.endswith(value) for line in lines)


def test_obs_gets_server_and_key_that_make_the_publish_url() -> None:
    rows = dict(node_rows(AT))
    assert f"{rows['OBS server']}/{rows['OBS stream key']}" == AT.publish_url("main")


def test_https_is_told_where_there_is_a_certificate() -> None:
    assert "Watch (HTTPS)" not in dict(node_rows(AT))
    secure = replace(AT, https="https://127.0.0.1:8443")
    assert dict(node_rows(secure))["Watch (HTTPS)"] == "https://127.0.0.1:8443/"


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_json(demo_links(AT, "demo"))
    (line,) = capsys.readouterr().out.splitlines()
    links = json.loads(line)
    assert set(links) == {"watch", "hls", "flv", "rtmp"}
    assert urlsplit(links["rtmp"]).path == "/live/demo"
    assert parse_qs(urlsplit(links["rtmp"]).query) == {"key": [AT.key]}


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("localhost", "localhost"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_url_names_a_host_that_this_machine_reaches(host: str, shown: str) -> None:
    assert reachable(host) == shown
