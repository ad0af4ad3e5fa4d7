"""The one endpoint of all tests: a real HTTP server on loopback, with a voice (what it says) and dials (what goes wrong).

`async with Endpoint([...])` in the loop of a test, `with serving(...)` in a thread beside a command line that runs as a
subprocess, `python -m tests.endpoint --throttle 0.2` as a program. Its books tell what it was asked, answered and billed.
"""

from tests.endpoint.books import Books, Entry
from tests.endpoint.dials import Dials
from tests.endpoint.server import Endpoint, serving
from tests.endpoint.shapes import completion
from tests.endpoint.voices import Answer, Procedural, Seen

__all__ = ["Answer", "Books", "Dials", "Endpoint", "Entry", "Procedural", "Seen", "completion", "serving"]
