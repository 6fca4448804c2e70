"""The log lines of every part: structlog, one line an event, no secret in any."""

import logging
import sys

import structlog


def open_journal(part: str, *, plain: bool) -> None:
    """Send this process's events to standard error, as JSON or (`plain`) as readable lines."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_readable() if plain else _json()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(part=part)


def _readable() -> list[structlog.types.Processor]:
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]


def _json() -> list[structlog.types.Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
