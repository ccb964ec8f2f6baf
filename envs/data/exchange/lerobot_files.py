"""What a LeRobotDataset of a stranger may say of its files: where they are, how large they are, what they hold."""

import string
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Meta

from envs.files import by_name, check, many, record, require_inside, shortened

_FIELDS, _FORMS = ("chunk_index", "file_index", "video_key"), ("", "d", "02d", "03d", "06d")
_MOST_ROWS, _MOST_BYTES = 10**7, 2**31

_NAME = Annotated[str, Meta(pattern=r"^[\w.-]+$")]
INFO = record(  # what is read of ``meta/info.json``
    codebase_version=str,
    fps=Annotated[float, Meta(ge=0.001, le=10_000)],
    data_path=str,
    video_path=str,
    features=by_name(record(dtype=str), _NAME),
)
OWN_ROW = record(  # of ``meta/housecat.parquet``
    seed=many(int, 2, 2) | None, factors=str, contacts=many(Annotated[int, Meta(ge=0, le=2**31 - 1)])
)


def located(template: str, **fields: Any) -> str:
    """Where a file is, below the data set's folder, by a template such as ``data/chunk-{chunk_index:03d}/...``.

    Raises ValueError: it asks for other fields or formats, or an index is out of bounds.
    """
    for _, name, form, conversion in string.Formatter().parse(template):
        if name is not None and not (name in _FIELDS and form in _FORMS and conversion is None):
            raise ValueError(f"the path {shortened(template)} has a field that is not known")
    for name in fields.keys() - {"video_key"}:
        check(fields[name], Annotated[int, Meta(ge=0, le=10**6)])
    return template.format(**fields)


def read_table(path: Path, folder: Path) -> pa.Table:
    """A Parquet table inside ``folder``; ValueError where it is elsewhere, or larger than can be read."""
    require_inside(path, folder)
    if not path.is_file():
        raise ValueError(f"{path} is no regular file")
    about = pq.read_metadata(path)
    size = sum(about.row_group(index).total_byte_size for index in range(about.num_row_groups))
    if about.num_rows > _MOST_ROWS or size > _MOST_BYTES:
        raise ValueError(f"{path} claims {about.num_rows:,} rows and {size:,} bytes, more than are read")
    return pq.ParquetFile(path).read()
