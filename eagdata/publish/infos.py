"""What `datasets` says of a dataset in its card: features, and rows and bytes of each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from eagdata.publish.files import WrittenFile

Splits = Mapping[str, Sequence[WrittenFile]]
"""Split -> its Parquet files, in order."""


def dataset_info(configs: Mapping[str, Splits]) -> list[dict[str, Any]]:  # Any: YAML, of a shape that `datasets` owns
    """`dataset_info` of the card, as `datasets` itself writes and reads it: one entry for each configuration.

    `num_bytes` is the size in Arrow, counted over the batches in which `datasets` reads a file (the rows of its first row group);
    `download_size` that of the files. Source: https://huggingface.co/docs/datasets/repository_structure and `datasets.DatasetInfo`.
    Raises: OSError, pyarrow.ArrowException for a file that cannot be read.
    """
    from datasets import DatasetInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    infos = DatasetInfosDict({name: _info(splits, DatasetInfo) for name, splits in configs.items()})
    data: Any = DatasetCardData()
    infos.to_dataset_card_data(data)
    found = data.get("dataset_info", [])
    return cast("list[dict[str, Any]]", found if isinstance(found, list) else [found])


def _info(splits: Splits, make: Any) -> Any:  # Any: classes of `datasets`, which has no types
    import pyarrow.parquet as pq
    from datasets import Features, SplitDict
    from datasets.splits import SplitInfo

    first = next(file for files in splits.values() for file in files)
    rows = {name: sum(file.rows or 0 for file in files) for name, files in splits.items()}
    sizes = {name: sum(_arrow_bytes(file) for file in files) for name, files in splits.items()}
    found = SplitDict()
    for name in splits:
        found.add(SplitInfo(name=name, num_bytes=sizes[name], num_examples=rows[name]))
    return make(
        features=Features.from_arrow_schema(pq.read_schema(first.path)),
        splits=found,
        download_size=sum(file.bytes for files in splits.values() for file in files),
        dataset_size=sum(sizes.values()),
    )


def _arrow_bytes(file: WrittenFile) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file.path) as parquet:
        if not parquet.num_row_groups:
            return 0
        size = parquet.metadata.row_group(0).num_rows or 1
        return sum(pa.Table.from_batches([batch]).nbytes for batch in parquet.iter_batches(batch_size=size))
