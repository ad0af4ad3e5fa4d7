"""The servers behind a teacher: one, or several with weights. Which one a call goes to, and which is unwell.

Calls of one trace stay with one server, so that its prefix cache serves them, as long as that server is well and not overloaded.
Source of the choice: weighted rendezvous hashing (Mosko et al. 2020, "Weighted Distributed Hash Tables" gives `-w / ln h`), with
the bounded load of Mirrokni, Thorup and Zadimoghaddam 2016.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from time import monotonic

from eagdata.contracts import Waiting
from eagdata.teachers.faults import Endpoint
from eagdata.teachers.pace import Pace
from eagdata.teachers.transport import Transport

_UNWELL_AFTER = 3
_FIRST_REST_S, _LONGEST_REST_S = 2.0, 60.0
_LOAD_BOUND = 1.25


@dataclass(kw_only=True, eq=False)
class Server:
    """One endpoint with its connections, its pace and its health."""

    endpoint: Endpoint
    transport: Transport
    pace: Pace
    weight: float = 1.0
    faults: int = 0
    """In a row: no connection, no answer, 5xx, garbage."""
    resting_until: float = 0.0

    @property
    def load(self) -> float:
        """Calls in its places, per weight."""
        return (self.pace.awake + self.pace.asleep) / self.weight

    def well(self, now: float) -> bool:
        """Whether calls may go there: it answers, or has rested after its faults."""
        return now >= self.resting_until

    def worked(self) -> None:
        """It answered."""
        self.faults, self.resting_until = 0, 0.0

    def failed(self) -> None:
        """It did not. After a few in a row it rests, twice as long each time; then a call tries it again."""
        self.faults += 1
        if self.faults >= _UNWELL_AFTER:
            rest = _FIRST_REST_S * 2 ** min(self.faults - _UNWELL_AFTER, 10)
            self.resting_until = monotonic() + min(rest, _LONGEST_REST_S)


class Fleet:
    """All servers of a teacher. With a single one there is nothing to choose."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.servers = tuple(servers)

    def choose(self, group: int, *, tried: Collection[Server] = ()) -> Server:
        """Where a call of this trace goes now; not to one of `tried`, unless nothing else is left."""
        if len(self.servers) == 1:
            return self.servers[0]
        now = monotonic()
        well = [server for server in self.servers if server not in tried and server.well(now)]
        if not well:
            return min(self.servers, key=lambda server: server.resting_until)
        favourite = max(well, key=lambda server: _score(group, server))
        fair = (sum(server.pace.awake + server.pace.asleep for server in well) + 1) / sum(server.weight for server in well)
        if not (favourite.load <= _LOAD_BOUND * fair and favourite.pace.has_room):
            favourite = min(well, key=lambda server: (not server.pace.has_room, server.load))
        if favourite.faults >= _UNWELL_AFTER:
            favourite.resting_until = now + _FIRST_REST_S  # one call sees whether it is well again
        return favourite

    def elsewhere(self, tried: Collection[Server]) -> bool:
        """Whether a call that was turned away finds room at a server that it has not tried."""
        now = monotonic()
        return any(server not in tried and server.well(now) and server.pace.has_room for server in self.servers)

    def waiting(self) -> Waiting | None:
        """What the calls wait for, over all servers; the words are of the one with most of them."""
        found = [(waits, server) for server in self.servers if (waits := server.pace.waiting())]
        if not found:
            return None
        most, _ = max(found, key=lambda pair: pair[0].calls)
        return Waiting(sum(waits.calls for waits, _ in found), most.why)


def _score(group: int, server: Server) -> float:
    """Rendezvous score: uniform over the groups, in proportion to the weight."""
    digest = blake2b(f"{group} {server.endpoint.url}".encode(), digest_size=8).digest()
    return -server.weight / math.log((int.from_bytes(digest) + 0.5) / 2**64)
