"""The ingest part: its loop, the gate's clock, the RTMP port, and how they end.

Law: one task of this part, `ingest-gate`, owns the gate's time; the server owns its connections.
"""

import asyncio
import socket

import structlog

from tidegate.ingest.gate import Gate
from tidegate.ingest.rtmp.server import RtmpServer
from tidegate.settings import Settings

GATE_TICK_S = 0.5
"""Seconds between the gate's looks at grace and retention."""


def run(settings: Settings, listener: socket.socket, stop_fd: int) -> None:
    """Takes publishers on `listener` until `stop_fd` is readable, then drains and returns."""
    asyncio.run(_serve(settings, listener, stop_fd))


async def _serve(settings: Settings, listener: socket.socket, stop_fd: int) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_complain)
    stop = asyncio.Event()
    loop.add_reader(stop_fd, stop.set)
    gate = Gate(settings)
    server = RtmpServer(settings.rtmp, gate)
    ticker = asyncio.create_task(_tick(gate), name="ingest-gate")
    stopped = asyncio.create_task(stop.wait(), name="ingest-stop")
    try:
        await server.start(listener)
        await asyncio.wait([stopped, ticker], return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(stop_fd)
        await server.close(settings.node.drain_s)
        for task in (ticker, stopped):
            task.cancel()
        await asyncio.wait([ticker, stopped])
        gate.close()
    if not ticker.cancelled():
        ticker.result()


async def _tick(gate: Gate) -> None:
    while True:
        await asyncio.sleep(GATE_TICK_S)
        gate.tick()


def _complain(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """What no one caught, as one line: a fault of ours in one connection, which asyncio closed."""
    error = context.get("exception")
    structlog.get_logger().error(
        "ingest fault",
        what=str(context.get("message", "")),
        exc_info=error if isinstance(error, BaseException) else None,
    )
