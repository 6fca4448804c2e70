"""The pages of `docs/` that are made from the code: every setting and every metric.

Law: pure; the same code gives the same bytes, so a test can hold the committed pages to it.
"""

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import Counter, Gauge
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tidegate import metrics
from tidegate.settings import CHANNEL_NAME, Channel, Settings

SETTINGS_HEAD = f"""# Settings

One TOML file, `tidegate up config.toml`; without one every default below holds. An environment
variable overrides a key where one is named. An unknown key is refused, with the nearest known name.
This page is made from `src/tidegate/settings.py` by `tidegate docs docs`.

A channel needs no table of its own: whoever has the stream key may publish any name that matches
`{CHANNEL_NAME}`.
"""
METRICS_HEAD = """# Metrics

`GET /metrics` answers in Prometheus' text format, summed over the processes of the node. This page
is made from `src/tidegate/metrics.py` by `tidegate docs docs`.

| name | type | labels | meaning |
|---|---|---|---|
"""


def settings_page() -> str:
    """`docs/settings.md`."""
    sections = [SETTINGS_HEAD]
    for name, field in Settings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            sections.append(_section(name, model, environment=True))
    sections.append(_section("channels.NAME", Channel, environment=False))
    return "\n".join(sections)


def _section(name: str, model: type[BaseModel], *, environment: bool) -> str:
    lines = [f"## `[{name}]`", "", model.__doc__ or "", ""]
    lines += ["| key | default | range | meaning |", "|---|---|---|---|"]
    for key, field in model.model_fields.items():
        variable = f"<br>`TIDEGATE_{name}_{key}`".upper().replace("<BR>", "<br>")
        shown = f"`{key}`" + (variable if environment else "")
        lines.append(f"| {shown} | {_default(field)} | {_range(field)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    if field.default is None:
        return "none"
    if field.default is PydanticUndefined:
        return "required"
    value: Any = field.default
    if isinstance(value, list):
        value = ", ".join(map(str, value)) or "[]"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _range(field: FieldInfo) -> str:
    least = next((str(mark.ge) for mark in field.metadata if hasattr(mark, "ge")), "")
    most = next((str(mark.le) for mark in field.metadata if hasattr(mark, "le")), "")
    return f"{least} to {most}" if least or most else ""


def metrics_page() -> str:
    """`docs/metrics.md`."""
    return METRICS_HEAD + "\n".join(_metric_rows()) + "\n"


def _metric_rows() -> Iterator[str]:
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            family = next(iter(metric.describe()))
            name = family.name + ("_total" if isinstance(metric, Counter) else "")
            kind = "gauge" if isinstance(metric, Gauge) else family.type
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            yield f"| `{name}` | {kind} | {labels} | {family.documentation} |"


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page, "metrics.md": metrics_page}
"""The file name of each page in `docs/`, and what makes it."""
