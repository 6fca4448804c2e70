"""`tidegate`: the commands and their options.

A command loads its own room when it runs, so that a part's process holds no other. Law: a mistake
of the operator's ends in one clear line each on standard error and exit code 2, never a traceback.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

# ruff: noqa: PLC0415


@contextmanager
def _told_plainly() -> Iterator[None]:
    from tidegate.node.errors import NodeError
    from tidegate.settings import SettingsError

    try:
        yield
    except (SettingsError, NodeError) as error:
        for line in str(error).splitlines():
            click.echo(f"tidegate: {line}", err=True)
        sys.exit(2)


class _Commands(click.Group):
    """With those whose options alone need a room of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them."""
        return sorted([*super().list_commands(ctx), "load", "plan", "sim"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        if cmd_name == "load":
            from tidegate.cli.load import load

            return load
        if cmd_name == "plan":
            from tidegate.cli.plan import plan

            return plan
        if cmd_name == "sim":
            from tidegate.cli.sim import sim

            return sim
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tidegate")
def main() -> None:
    """A live video cloud that a small team runs on its own machines."""


_config = click.argument("config", type=click.Path(path_type=Path), required=False)
_json = click.option("--json", "as_json", is_flag=True, help="One line of JSON on standard output.")
_port = click.option("--port", type=click.IntRange(0, 65535), help="HTTP port; 0: any free one.")
_rtmp_port = click.option(
    "--rtmp-port", type=click.IntRange(0, 65535), help="RTMP port; 0: any free one."
)


@main.command()
@_config
@_json
def up(config: Path | None, as_json: bool) -> None:
    """Run a node with the settings of CONFIG (TOML), until Ctrl-C or SIGTERM."""
    with _told_plainly():
        from tidegate.cli.show import show_node
        from tidegate.node.up import Extras, up
        from tidegate.settings import load

        clean = up(load(config), show_node(as_json), Extras(reload=lambda: load(config)))
    sys.exit(0 if clean else 1)


@main.command()
@_config
@_json
def upgrade(config: Path | None, as_json: bool) -> None:
    """Replace the edge workers of the node that runs with CONFIG; nobody who watches is cut.

    New workers start with the program and the settings as they are on disk now, and take all who
    come; those before them go on for node.upgrade_s seconds at most with whom they serve. The
    node's parent process and ingest are not replaced: settings of publishers, and ports, folders
    and the number of workers, wait for a restart.
    """
    with _told_plainly():
        from tidegate.cli.upgrade import run_upgrade

        run_upgrade(config, as_json)


@main.command()
@_json
@_port
@_rtmp_port
def demo(as_json: bool, port: int | None, rtmp_port: int | None) -> None:
    """Run a node of its own that publishes a test picture to itself."""
    with _told_plainly():
        from tidegate.cli.demo import run_demo

        clean = run_demo(port, rtmp_port, as_json)
    sys.exit(0 if clean else 1)


@main.command()
@_config
@_json
def doctor(config: Path | None, as_json: bool) -> None:
    """Check whether this machine can run a node, and say how to mend what is wrong."""
    with _told_plainly():
        from tidegate.cli.doctor import report
        from tidegate.settings import load

        healthy = report(load(config), as_json)
    sys.exit(0 if healthy else 1)


@main.command(hidden=True)
@click.argument("name")
def part(name: str) -> None:
    """Run one part; the node calls this."""
    from tidegate.node.part import main as run_part

    run_part(name)


@main.command(hidden=True)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
def docs(folder: Path) -> None:
    """Write the pages that are made from the code into FOLDER."""
    from tidegate.cli.docs import PAGES

    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
