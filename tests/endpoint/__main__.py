"""The endpoint as a program: `python -m tests.endpoint --latency-s 0.2 --throttle 0.2 --log books.jsonl` prints its port.

Every dial is an option. It runs until it is killed; its books are in the log.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

from tests.endpoint.dials import Dials
from tests.endpoint.server import Endpoint
from tests.endpoint.voices import Procedural, Script, Voice

VOICES: dict[str, Voice] = {"procedural": Procedural(), "hidden": Procedural(hidden_tokens=True), "hello": Script(())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice", choices=VOICES, default="procedural")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    hints = get_type_hints(Dials)
    for dial in fields(Dials):
        option, kind = f"--{dial.name.replace('_', '-')}", hints[dial.name]
        if kind is bool:
            parser.add_argument(option, action="store_true")
        elif kind == tuple[str, ...]:
            parser.add_argument(option, type=lambda text: tuple(text.split(",")), default=dial.default)
        else:
            parser.add_argument(option, type=str if kind is str else float if kind is float else int, default=dial.default)
    given = vars(parser.parse_args())
    voice, port, log = VOICES[given.pop("voice")], given.pop("port"), given.pop("log")
    asyncio.run(_serve(Endpoint(voice, dials=Dials(**given), log=log), port))


async def _serve(endpoint: Endpoint, port: int) -> None:
    endpoint.remembers = False
    await endpoint.start(port)
    sys.stdout.write(endpoint.url.split(":")[2].split("/")[0] + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
