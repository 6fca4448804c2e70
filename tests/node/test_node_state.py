"""The node's folders: the stream key, the hold on the log root, the metrics folder."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidegate.node.errors import NodeError
from tidegate.node.state import Hold, private_folder, stream_key, with_folders
from tidegate.settings import Key, Log, Publish, Settings, State


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folder_is_made_private_with_those_above_it(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "b", "log.root")
    assert mode(folder) == 0o700


def test_folder_that_others_may_write_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o1777)
    with pytest.raises(NodeError, match=r"^log\.root: others may write"):
        private_folder(folder, "log.root")
    assert mode(folder) == 0o1777


def test_folder_that_cannot_be_made_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeError, match=r"^state\.folder: .*set state\.folder to another"):
        private_folder(tmp_path / "file" / "under", "state.folder")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(NodeError, match=r"^log\.root: .* belongs to another user"):
        private_folder(tmp_path, "log.root")


def test_key_is_made_once_and_kept_for_us_alone(tmp_path: Path) -> None:
    key = stream_key(tmp_path)
    assert len(key) == 32
    assert mode(tmp_path / "key") == 0o600
    assert stream_key(tmp_path) == key
    assert names(tmp_path) == ["key"]


def test_two_folders_have_two_keys(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert stream_key(tmp_path) != stream_key(tmp_path / "other")


def test_nodes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(stream_key, [tmp_path] * 32))
    assert len(keys) == 1
    assert names(tmp_path) == ["key"]


def test_a_key_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 32)
    (tmp_path / "key").chmod(0o644)
    assert stream_key(tmp_path) == "k" * 32
    assert mode(tmp_path / "key") == 0o600


@pytest.mark.parametrize("text", ["", "short", "a key with spaces and length", "\xff" * 32])
def test_a_file_that_holds_no_key_is_told_and_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text, encoding="latin-1")
    with pytest.raises(NodeError, match="holds no stream key; delete it"):
        stream_key(tmp_path)
    assert (tmp_path / "key").read_text(encoding="latin-1") == text


def settings_in(folder: Path, key: Key | None = None) -> Settings:
    return Settings(
        log=Log(root=folder / "log"), state=State(folder=folder / "state"), publish=Publish(key=key)
    )


def test_settings_get_the_key_of_the_state_folder(tmp_path: Path) -> None:
    settings = with_folders(settings_in(tmp_path))
    assert settings.publish.key == stream_key(tmp_path / "state")


def test_a_configured_key_is_used_and_none_is_made(tmp_path: Path) -> None:
    assert with_folders(settings_in(tmp_path, "c" * 16)).publish.key == "c" * 16
    assert not (tmp_path / "state" / "key").exists()


def test_two_nodes_do_not_share_a_log_root(tmp_path: Path) -> None:
    with Hold(tmp_path), pytest.raises(NodeError) as told:
        Hold(tmp_path)
    assert str(told.value).startswith(f"log.root: {tmp_path} is in use by another node")
    assert f"process {os.getpid()}" in str(told.value)
    assert "TIDEGATE_LOG_ROOT" in str(told.value)


def test_a_log_root_let_go_can_be_held_again(tmp_path: Path) -> None:
    for _ in range(2):
        with Hold(tmp_path):
            pass


def test_metrics_of_the_node_before_are_gone(tmp_path: Path) -> None:
    with Hold(tmp_path) as hold:
        (hold.metrics_folder() / "counter_1.db").write_bytes(b"old")
        assert names(hold.metrics_folder()) == []
    assert not (hold.folder / "metrics").exists()
