"""What the doctor thinks of this machine's numbers."""

import socket
from pathlib import Path

import pytest

from tidegate.node import examine, finding
from tidegate.node.finding import Finding
from tidegate.settings import Http, Log, Rtmp, Settings, State, Tls


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (finding.python((3, 10)), "fail"),
        (finding.python((3, 11)), "ok"),
        (finding.python((3, 14)), "ok"),
        (finding.system("Linux"), "ok"),
        (finding.system("Darwin"), "fail"),
        (finding.open_files(-1, 15_000), "ok"),
        (finding.open_files(1024, 15_000), "warn"),
        (finding.open_files(20_000, 15_000), "ok"),
        (finding.inotify("max_user_watches", 65_536), "ok"),
        (finding.inotify("max_user_watches", 100), "warn"),
        (finding.inotify("max_user_instances", 128), "ok"),
        (finding.inotify("max_user_instances", 1), "warn"),
        (finding.memory(8 * 2**30), "ok"),
        (finding.memory(2**20), "warn"),
        (finding.log_space("/x", "tmpfs", 2**30), "ok"),
        (finding.log_space("/x", "ext4", 2**30), "warn"),
        (finding.log_space("/x", "tmpfs", 2**20), "warn"),
        (finding.log_space("/x", "tmpfs", 0), "fail"),
        (finding.backlog(4096), "ok"),
        (finding.backlog(128), "warn"),
        (finding.kernel_tls("espintcp mptcp tls"), "ok"),
        (finding.kernel_tls("mptcp"), "ok"),
        (finding.expiry("c", "c.pem", 90 * 86_400), "ok"),
        (finding.expiry("c", "c.pem", 86_400), "warn"),
        (finding.expiry("c", "c.pem", -1), "fail"),
        (finding.clock(synchronised=True), "ok"),
        (finding.clock(synchronised=False), "warn"),
    ],
)
def test_verdict(found: Finding, verdict: str) -> None:
    assert found.verdict == verdict
    assert bool(found.fix) == (verdict != "ok")


def test_a_taken_port_fails_and_says_how_to_change_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = examine.port("http", "127.0.0.1", taken.getsockname()[1])
    assert found.verdict == "fail"
    assert "is taken" in found.seen
    assert "TIDEGATE_HTTP_PORT" in found.fix


def test_missing_players_are_named(tmp_path: Path) -> None:
    (tmp_path / "hls.min.js").write_text("")
    found = examine.players(tmp_path)
    assert (found.verdict, found.seen, found.fix) == (
        "fail",
        "mpegts.js missing",
        "./run setup",
    )


def test_a_missing_ffmpeg_is_no_failure() -> None:
    assert examine.ffmpeg(None).verdict == "warn"


def test_a_state_folder_under_a_file_fails_not_the_doctor(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert examine.state_folder(tmp_path / "file" / "state").verdict == "fail"


def test_tmpfs_is_known_by_name() -> None:
    assert examine.file_system(Path("/dev/shm")) == "tmpfs"


def test_this_machine_is_examined_whole_and_left_as_it_was(tmp_path: Path) -> None:
    settings = Settings(
        log=Log(root=tmp_path / "log"),
        state=State(folder=tmp_path / "state"),
        http=Http(host="127.0.0.1", port=0),
        rtmp=Rtmp(host="127.0.0.1", port=0),
    )
    findings = list(examine.examine(settings))
    assert len({found.name for found in findings}) == len(findings) >= 12
    assert all(found.fix for found in findings if found.verdict != "ok")
    assert list(tmp_path.iterdir()) == []


def test_https_is_examined_once_there_is_a_certificate(tmp_path: Path) -> None:
    files = {"chain": tmp_path / "none.pem", "key": tmp_path / "none.key"}
    tls = Tls.model_validate({"host": "127.0.0.1", "port": 0, "certificates": [files]})
    settings = Settings(
        log=Log(root=tmp_path / "log"),
        state=State(folder=tmp_path / "state"),
        http=Http(host="127.0.0.1", port=0),
        tls=tls,
    )
    found = {each.name: each.verdict for each in examine.examine(settings)}
    assert (found["tls.port"], found["tls.certificates[0]"]) == ("ok", "fail")
    assert "kernel TLS" in found
    without = settings.model_copy(update={"tls": Tls()})
    assert not {each.name for each in examine.examine(without)} & {"kernel TLS", "tls.port"}
