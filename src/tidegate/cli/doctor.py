"""`tidegate doctor`: what was found on this machine, as a table or as JSON."""

import json

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.node.examine import examine
from tidegate.node.finding import Finding
from tidegate.settings import Settings

COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def report(settings: Settings, as_json: bool) -> bool:
    """Prints every finding; True when none is `fail`."""
    findings = list(examine(settings))
    if as_json:
        rows = [vars(found) for found in findings]
        print(json.dumps({"findings": rows}))  # noqa: T201
    else:
        Console().print(table(findings))
    return all(found.verdict != "fail" for found in findings)


def table(findings: list[Finding]) -> Table:
    """The findings, each with its fix under what was seen."""
    grid = Table(box=None, padding=(0, 2), show_header=False)
    for found in findings:
        said = Text(found.seen)
        if found.fix:
            said.append(f"\n{found.fix}", style="dim")
        grid.add_row(Text(found.verdict, style=COLOURS[found.verdict]), found.name, said)
    return grid
