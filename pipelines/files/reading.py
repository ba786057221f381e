"""Read saved API responses: bytes, text, and each item with its line.

A file may be a JSON array, one JSON object, JSON lines, or a table (CSV, semicolons, tabs) with the
API's column names; in UTF-8 or UTF-16; plain, gzipped, or in a zip archive.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from pipelines.errors import LookbackError, RequestError
from pipelines.extract.records import cut_list

LARGEST = 1 << 30
"""Largest file in bytes, unpacked: the whole file is held in memory."""

DELIMITERS = ",;\t|"
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
FORMATS = "save it as a JSON array, JSON lines or CSV, with the API's own field names"
SHOWN = 60
"""Longest value in a message, in characters."""

# Folders of the operating system that hold no saved files.
SYSTEM_FOLDERS = ("/proc", "/sys", "/dev")


@dataclass(frozen=True)
class Content:
    """One saved response, unpacked: a file, or one member of an archive."""

    name: str
    data: bytes


class Item(NamedTuple):
    """One item of a saved response as JSON bytes, and its line in the file."""

    raw: bytes
    line: int


def contents(path: Path) -> list[Content]:
    """The responses in a file: one, or one for each member of a zip archive.

    Raises LookbackError if the file cannot be read.
    """
    try:
        data = _file_bytes(path)
        if data[:4] == b"PK\x03\x04":
            return [_unpacked(content) for content in _members(path.name, data)]
        return [_unpacked(Content(path.name, data))]
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise unreadable(path, reason[:1].lower() + reason[1:]) from error
    except MemoryError as error:
        raise _too_large(path.name) from error


def unreadable(path: Path | str, reason: str, remedy: str = "") -> LookbackError:
    """The error for a file that cannot be read."""
    return LookbackError(
        f"cannot read {path}: {reason}", remedy=remedy or "check the path and the file"
    )


def malformed(name: str, reason: str, remedy: str = FORMATS) -> LookbackError:
    """The error for a file that is not a saved API response."""
    return LookbackError(f"{name} is not a saved API response: {reason}", remedy=remedy)


def _too_large(name: str) -> LookbackError:
    return unreadable(
        name,
        f"it is larger than {LARGEST >> 30} GB",
        "split it into several files, each with the header of the first, and import them all",
    )


def _file_bytes(path: Path) -> bytes:
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise unreadable(path, "it is a directory", "list the files in it instead")
    if not stat.S_ISREG(found.st_mode):
        raise unreadable(
            path, "it is a pipe, a socket or a device", "save its content to a file first"
        )
    if str(path.resolve()).startswith(tuple(f"{folder}/" for folder in SYSTEM_FOLDERS)):
        raise unreadable(path, "it is part of the operating system", "use a saved file")
    if found.st_size > LARGEST:
        raise _too_large(path.name)
    with path.open("rb") as file:
        return _bounded(file, path.name)


def _bounded(file: BinaryIO | gzip.GzipFile, name: str) -> bytes:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise _too_large(name)
    return data


def _members(name: str, archive: bytes) -> Iterator[Content]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members = [member for member in opened.infolist() if _is_answer(member)]
        if any(member.filename == "[Content_Types].xml" for member in members):
            raise malformed(
                name,
                "it is a spreadsheet",
                "import the file as it was downloaded; a spreadsheet changes numbers and times",
            )
        if not members:
            raise malformed(name, "the archive is empty")
        if sum(member.file_size for member in members) > LARGEST:
            raise _too_large(name)
        for member in members:
            try:
                with opened.open(member) as file:
                    yield Content(f"{name}/{member.filename}", _bounded(file, name))  # type: ignore[arg-type]
            except (RuntimeError, NotImplementedError) as error:
                raise unreadable(
                    name, "the archive is encrypted or packed in an unknown way", "unzip it first"
                ) from error


def _is_answer(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a visible file, and not one that macOS adds."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in member.filename.split("/"))
    return not member.is_dir() and not hidden


def _unpacked(content: Content) -> Content:
    if content.data[:2] != b"\x1f\x8b":
        return content
    with gzip.GzipFile(fileobj=io.BytesIO(content.data)) as file:
        return Content(content.name, _bounded(file, content.name))


def text_of(content: Content) -> str:
    """The decoded text of a response. Raises LookbackError."""
    data = content.data
    encoding = _encoding_without_mark(data)
    for mark, marked in MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], marked
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise malformed(
            content.name,
            f"line {line} is not {encoding.upper()} text",
            "save it as UTF-8 or UTF-16, with the API's own field names",
        ) from error
    if not text.strip():
        raise malformed(content.name, "it is empty")
    return text


def _encoding_without_mark(data: bytes) -> str:
    """The encoding of a text without a byte order mark.

    UTF-16 has a zero byte in most pairs, as field names are ASCII.
    """
    start = data[:400]
    if start[1::2].count(0) > len(start) // 4:
        return "utf-16-le"
    return "utf-16-be" if start[0::2].count(0) > len(start) // 4 else "utf-8"


def header_of(text: str) -> list[str]:
    """The column names in the first line of a table; none if the text is JSON."""
    start = text.lstrip()
    if start.startswith(("[", "{")):
        return []
    first_line = start.partition("\n")[0].strip()
    try:
        row = next(csv.reader([first_line], delimiter=delimiter_of(first_line)), [])
    except csv.Error:
        return []
    return [name.strip() for name in row]


def delimiter_of(header: str) -> str:
    """The most frequent delimiter of a header; a comma if there is none."""
    return max(DELIMITERS, key=header.count)


def items_of(name: str, text: str) -> list[Item]:
    """The items of one response, in order. Raises LookbackError."""
    try:
        start = text.lstrip()
        if start.startswith("["):
            body = text.encode()
            return _with_lines(body, [bytes(raw) for raw in cut_list(body)])
        if start.startswith("{"):
            return _objects(text)
        return _rows(text)
    except RecursionError as error:
        raise malformed(name, "its values are nested too deeply") from error
    except (RequestError, msgspec.DecodeError, csv.Error, UnicodeEncodeError) as error:
        what = error.what if isinstance(error, RequestError) else str(error)
        raise malformed(name, what) from error


def _with_lines(body: bytes, raws: list[bytes]) -> list[Item]:
    """Each item with its first line; the items are in the order of the body."""
    items, at, line = [], 0, 1
    for raw in raws:
        found = body.index(raw, at)
        line += body.count(b"\n", at, found)
        items.append(Item(raw, line))
        line += raw.count(b"\n")
        at = found + len(raw)
    return items


def _objects(text: str) -> list[Item]:
    """One object, or one object per line."""
    body = text.strip().encode()
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
        return [Item(body, text[: len(text) - len(text.lstrip())].count("\n") + 1)]
    except msgspec.DecodeError:
        lines = enumerate(text.encode().split(b"\n"), start=1)
        items = [Item(line.strip(), number) for number, line in lines if line.strip()]
        for item in items:
            try:
                msgspec.json.decode(item.raw, type=msgspec.Raw)
            except msgspec.DecodeError as error:
                raise msgspec.DecodeError(f"line {item.line}: {error}") from error
        return items


def _rows(text: str) -> list[Item]:
    """The rows of a table as JSON: each value is a string, an empty cell is a missing key."""
    body = re.sub(r"\A\s*sep=.\r?\n", "", text)  # spreadsheets write the delimiter there
    left_out = text.count("\n") - body.count("\n")
    header_line = body.lstrip().partition("\n")[0]
    reader = csv.reader(
        io.StringIO(body, newline=""),
        delimiter=delimiter_of(header_line),
        skipinitialspace=True,
        strict=True,
    )
    header: list[str] = []
    items = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = [cell.strip() for cell in cells]
            names = [name.casefold() for name in header if name]
            if len(set(names)) != len(names):
                raise csv.Error("two columns have the same name")
            continue
        line = reader.line_num + left_out
        if len(cells) < len(header) or any(cells[len(header) :]):
            raise csv.Error(f"line {line} has another number of cells than the header")
        row = {name: cell for name, cell in zip(header, cells, strict=False) if name and cell}
        items.append(Item(msgspec.json.encode(row), line))
    return items
