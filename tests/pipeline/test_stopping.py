"""A run that is asked to stop while its teacher turns everyone away."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from eagdata.errors import Stopped
from eagdata.events import Event, Pulse
from eagdata.pipeline import generate
from eagdata.recipe import read_plan
from tests.endpoint import Dials, Endpoint, Procedural


async def test_a_throttled_run_stops_when_it_is_asked_to_and_says_meanwhile_what_it_waits_for(tmp_path: Path) -> None:
    stopping, told = asyncio.Event(), list[Event]()

    def note(event: Event) -> None:
        told.append(event)
        if isinstance(event, Pulse) and event.waiting:
            stopping.set()

    async with Endpoint(Procedural(), dials=Dials(throttle=1.0, retry_after=("ms",), retry_after_s=0.3)) as server:
        teacher = {"kind": "openai_chat", "model": "program", "base_url": server.url}
        plan = read_plan("quickstart", overrides={"n": 50, "concurrency": 4, **{f"teacher.{key}": value for key, value in teacher.items()}})
        started = time.monotonic()
        with pytest.raises(Stopped):
            await generate(plan, tmp_path / "run", emit=note, stopping=stopping)
        assert time.monotonic() - started < 60  # the deadline of a call is an hour
        asked = len(server.books.entries)
        await asyncio.sleep(0.5)
        assert len(server.books.entries) == asked, "somebody still asks"
    assert any(isinstance(event, Pulse) and "429 from" in (event.waiting or "") for event in told)
