"""What other settings mean for a node that runs. Pure.

Law: a change is taken over, or named: no setting is quietly without effect after an upgrade.
"""

from collections.abc import Iterator

from pydantic import BaseModel

from tidegate.settings import Settings

FIXED = {
    "http": {"host", "port", "workers"},
    "rtmp": None,
    "tls": {"host", "port"},
    "log": {"root"},
    "state": None,
    "node": {"drain_s"},
}
"""Keys of a table (None: all) by which sockets, folders and the node itself were made."""
INGEST = {"log": None, "publish": None, "package": None, "channels": {"key", "takeover"}}
"""Keys that only the ingest part reads, which an upgrade leaves in peace with its publishers."""


def refused(before: Settings, after: Settings) -> list[str]:
    """The settings that differ and cannot while the node runs, as `table.key`."""
    found = [each for each in changed(before, after) if _in(each, FIXED)]
    if bool(before.tls.certificates) != bool(after.tls.certificates):
        found.append("tls.certificates (from none to some, or from some to none)")
    return found


def waiting(before: Settings, after: Settings) -> list[str]:
    """The settings that differ and take effect when the node is started again."""
    return [each for each in changed(before, after) if _in(each, INGEST)]


def changed(before: Settings, after: Settings) -> Iterator[str]:
    """`table.key` of every setting that differs; `channels.NAME.key` of a channel's."""
    yield from _differ("", before, after)


def _differ(prefix: str, before: object, after: object) -> Iterator[str]:
    if before == after:
        return
    old, new = _fields(before), _fields(after)
    if not old and not new:
        yield prefix
    for key in sorted(old.keys() | new.keys()):
        yield from _differ(f"{prefix}.{key}".lstrip("."), old.get(key), new.get(key))


def _fields(value: object) -> dict[str, object]:
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    return dict(value) if isinstance(value, dict) else {}


def _in(name: str, keys: dict[str, set[str] | None]) -> bool:
    table, _, rest = name.partition(".")
    if table not in keys:
        return False
    listed = keys[table]
    return listed is None or rest.rpartition(".")[2] in listed
