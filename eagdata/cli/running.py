"""How every command runs: its errors become sentences and exit codes here."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from eagdata.cli.output import Output
from eagdata.errors import EagdataError

T = TypeVar("T")


def guarded(output: Output, job: Callable[[], int]) -> NoReturn:
    """Run a command's job and exit with what it returns, or with the code of its error."""
    try:
        code = job()
    except EagdataError as error:
        output.error(error)
        code = error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        output.talk("stopped")
        code = 130
    except BrokenPipeError:
        code = 0  # the reader of our output has left, e.g. `| head`
    finally:
        output.close()
    sys.exit(code)


def interruptible(output: Output, work: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Run `work` in an event loop. The first Ctrl-C sets the event, the second cancels it; both leave no process behind."""

    async def run() -> T:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        me = asyncio.current_task()

        def interrupt() -> None:
            if stopping.is_set() and me:
                me.cancel()
            else:
                stopping.set()
                output.talk("stopping: what is in flight is saved first; press Ctrl-C again to stop at once")

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupt)
        return await work(stopping)

    return asyncio.run(run())
