"""Arrow batches as PostgreSQL's COPY reads them.

The binary form spares the server the parsing and costs less to write than CSV: each row is a run of fixed-width bytes
(numpy) and the texts themselves, joined column by column inside Arrow. `numeric` has no simple binary form; a table
with such a column goes as CSV.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

_NULL = b"\xff\xff\xff\xff"
_MOST_BYTES = 256 << 20  # of one batch: far below the 2 GB that Arrow's offsets can tell apart
_EPOCH = date(2000, 1, 1).toordinal()
_DAYS_1970_TO_2000 = _EPOCH - date(1970, 1, 1).toordinal()

#: declared type → numpy type of its binary form
_FIXED = {"bigint": ">i8", "integer": ">i4", "date": ">i4", "double precision": ">f8", "boolean": ">i1"}


class CopyForm(Protocol):
    """One COPY: its options, its columns in the order of the bytes, and what stands before and after the rows."""

    options: str
    columns: list[str]
    header: bytes
    trailer: bytes

    def encode(self, batch: pa.RecordBatch) -> Iterator[bytes | memoryview]:
        """The rows of a batch that holds all columns but the constant ones, in any order."""
        ...


Constants = Sequence[tuple[str, str, Any]]
"""(column, declared type, value): the same in every row."""


def copy_form(types: Mapping[str, str], constants: Constants) -> CopyForm:
    """The quickest form for columns of these declared types."""
    if {*types.values(), *(kind for _, kind, _ in constants)} <= {*_FIXED, "text", "jsonb"}:
        return _Binary(types, constants)
    return _Csv(types, constants)


class _Binary:
    options = "format binary"
    header = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    trailer = b"\xff\xff"

    def __init__(self, types: Mapping[str, str], constants: Constants) -> None:
        # what has a fixed width comes first, so that it makes one run of bytes
        self._fixed = [name for name, kind in types.items() if kind in _FIXED]
        self._texts = [name for name, kind in types.items() if kind not in _FIXED]
        self._types = types
        self.columns = [*(name for name, _, _ in constants), *self._fixed, *self._texts]
        fields = [_field(kind, value) for _, kind, value in constants]
        self._start = len(self.columns).to_bytes(2, "big") + b"".join(fields)

    def encode(self, batch: pa.RecordBatch) -> Iterator[memoryview]:
        for piece in _pieces(batch):
            yield self._encode(piece)

    def _encode(self, batch: pa.RecordBatch) -> memoryview:
        run = _Run(batch.num_rows)
        run.add_constant(self._start)
        parts: list[pa.Array] = []
        for name in self._fixed:
            column = batch.column(batch.schema.get_field_index(name))
            kind = np.dtype(_FIXED[self._types[name]])
            values = _values(column, self._types[name])
            if not column.null_count:
                run.add_constant(kind.itemsize.to_bytes(4, "big"))
                run.add(kind, values)
                continue
            parts += run.take()
            alone = _Run(batch.num_rows)
            alone.add_constant(kind.itemsize.to_bytes(4, "big"))
            alone.add(kind, values)
            parts.append(pc.if_else(column.is_null(), pa.scalar(_NULL, pa.binary()), alone.take()[0]))
        for name in self._texts:
            column = batch.column(batch.schema.get_field_index(name))
            is_json = self._types[name] == "jsonb"
            lengths = pc.binary_length(column)
            if is_json:
                lengths = pc.add(lengths, pa.scalar(1, pa.int32()))  # for the version byte before the text
            run.add(np.dtype(">i4"), _numpy(lengths.fill_null(-1), np.int32))
            parts += run.take()
            if is_json:
                version = pa.scalar(b"\x01", pa.binary())
                parts.append(pc.if_else(column.is_null(), pa.scalar(b"", pa.binary()), version))
            parts.append(column.fill_null("").cast(pa.binary()) if column.null_count else column.cast(pa.binary()))
        parts += run.take()
        joined = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.binary()))
        offsets = np.frombuffer(joined.buffers()[1], dtype=np.int32)
        return memoryview(joined.buffers()[2])[offsets[joined.offset] : offsets[joined.offset + len(joined)]]


class _Run:
    """Neighbouring fields of fixed width, written as one column of bytes."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._fields: list[tuple[np.dtype[Any], Any]] = []

    def add(self, kind: np.dtype[Any], values: np.ndarray[Any, Any]) -> None:
        self._fields.append((kind, values))

    def add_constant(self, value: bytes) -> None:
        self._fields.append((np.dtype(f"V{len(value)}"), np.void(value)))

    def take(self) -> list[pa.Array]:
        """The run as one binary array, or nothing; it begins anew."""
        if not self._fields:
            return []
        record = np.empty(self._rows, dtype=[(f"f{at}", kind) for at, (kind, _) in enumerate(self._fields)])
        for at, (_, values) in enumerate(self._fields):
            record[f"f{at}"] = values
        self._fields = []
        offsets = np.arange(self._rows + 1, dtype=np.int32) * record.itemsize
        return [pa.Array.from_buffers(pa.binary(), self._rows, [None, pa.py_buffer(offsets), pa.py_buffer(record)])]


def _values(column: pa.Array, kind: str) -> np.ndarray[Any, Any]:
    """Values as numpy, 0 where null; dates as Postgres counts them."""
    if kind == "date":
        return _numpy(pc.fill_null(column.view(pa.int32()), 0), np.int32) - _DAYS_1970_TO_2000
    if kind == "boolean":
        return _numpy(pc.fill_null(column.cast(pa.int8()), 0), np.int8)
    return _numpy(pc.fill_null(column, 0), np.dtype(_FIXED[kind]).newbyteorder("="))


def _numpy(column: pa.Array, kind: Any) -> np.ndarray[Any, Any]:
    """An array without nulls, seen by numpy in place; `to_numpy` would import pandas, which takes most of a second."""
    size = np.dtype(kind).itemsize
    return np.frombuffer(column.buffers()[1], dtype=kind, count=len(column), offset=column.offset * size)


def _field(kind: str, value: Any) -> bytes:
    """One field of a constant column: length and content."""
    if kind in _FIXED:
        number = value.toordinal() - _EPOCH if kind == "date" else value
        content = np.array(number, dtype=_FIXED[kind]).tobytes()
    else:
        content = (b"\x01" if kind == "jsonb" else b"") + str(value).encode()
    return len(content).to_bytes(4, "big") + content


class _Csv:
    options = "format csv"
    header = trailer = b""

    def __init__(self, types: Mapping[str, str], constants: Constants) -> None:
        self._names = list(types)
        self._constants = constants
        self.columns = [*types, *(name for name, _, _ in constants)]
        # quotes around every text: an empty one stays apart from null, which is nothing at all
        self._write = pacsv.WriteOptions(include_header=False, quoting_style="needed")

    def encode(self, batch: pa.RecordBatch) -> Iterator[bytes]:
        for piece in _pieces(batch):
            columns = [*piece.select(self._names).columns]
            columns += [pa.repeat(pa.scalar(str(value)), piece.num_rows) for _, _, value in self._constants]
            sink = pa.BufferOutputStream()
            pacsv.write_csv(pa.RecordBatch.from_arrays(columns, names=self.columns), sink, self._write)
            yield sink.getvalue().to_pybytes()


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch, halved until each part can be encoded in one buffer."""
    if batch.num_rows > 1 and batch.nbytes > _MOST_BYTES:
        half = batch.num_rows // 2
        yield from _pieces(batch.slice(0, half))
        yield from _pieces(batch.slice(half))
    elif batch.num_rows:
        yield batch
