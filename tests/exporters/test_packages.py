"""The packages that exports from whole trees are meant for read them; see `tests.exporters.packages`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = os.environ.get("EAGDATA_PACKAGES")


@pytest.mark.skipif(
    not FOLDER, reason="make them with `python -m tests.exporters.packages FOLDER --make`, then set EAGDATA_PACKAGES=FOLDER"
)
def test_each_package_reads_its_rows() -> None:
    from tests.exporters.packages import check, small_run

    folder = Path(FOLDER or "").absolute()
    found = list(check(folder, small_run(folder)))
    assert [len(one["losses"]) for one in found[:3]] == [2, 2, 2]
    assert found[3]["documents"] == found[3]["valid"]
    assert found[4]["traces"] > found[5]["traces"] == found[5]["episodes"]
