"""Read a TOML file of settings, and find the line and column of a field of an account."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from pipelines.errors import LookbackError

HEADER = re.compile(r"\s*\[\s*accounts\s*\.\s*[\"']?([^\"'\]]+?)[\"']?\s*\]")
ANY_HEADER = re.compile(r"\s*\[")


def read_toml(file: Path) -> dict[str, Any]:
    """The content of a file; empty if there is none.

    Raises LookbackError with file, line and column of a syntax error.
    """
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise LookbackError(f"{file}, line {line}: it is not UTF-8 text") from error
    except OSError as error:
        raise LookbackError(
            f"{file} cannot be read: {error.strerror or error}",
            remedy="check its owner and its mode",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise LookbackError(
            f"{file}: {error}", remedy='write each field as name = "value", one a line'
        ) from error


def open_secrets(settings: Path) -> LookbackError | None:
    """The error if other users of this machine can read the file of the keys; None if not."""
    file = settings / "secrets.toml"
    if os.name != "posix" or not file.is_file() or not file.stat().st_mode & 0o077:
        return None
    return LookbackError(
        f"other users of this machine can read the keys in {file} "
        f"(mode {file.stat().st_mode & 0o777:o})",
        remedy=f"run: chmod 600 {file}",
    )


def place_of(file: Path, label: str, field: str) -> str:
    """`FILE, line 3, column 1` of a field of `[accounts.<label>]`; '' if the file lacks it.

    Names are compared without case. Fields in inline tables are not found.
    """
    if not file.is_file():
        return ""
    named = re.compile(rf"(\s*)[\"']?{re.escape(field)}[\"']?\s*=", re.IGNORECASE)
    is_inside = False
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if ANY_HEADER.match(line):
            header = HEADER.match(line)
            is_inside = header is not None and header[1].lower() == label.lower()
        elif is_inside and (found := named.match(line)):
            return f"{file}, line {number}, column {len(found[1]) + 1}"
    return ""
