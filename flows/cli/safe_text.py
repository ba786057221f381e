"""Text of exchanges and files, made safe for a terminal, and a terminal that takes any text."""

from __future__ import annotations

import codecs
import sys
import unicodedata
from io import TextIOWrapper

STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories that move the cursor, turn the direction of text, or cannot be written."""

IN_ASCII = str.maketrans(
    {"–": "-", "—": "-", "…": "...", "·": "-", "≈": "~", "’": "'", "×": "x", "─": "-", "→": "->"}
)


def visible(text: str) -> str:
    """`text` with a `�` in place of each character that would do something to a terminal."""
    if text.isprintable():
        return text
    return "".join(
        "�" if sign != "\n" and unicodedata.category(sign) in STEERING else sign for sign in text
    )


def write_anywhere() -> None:
    """Let standard output and errors take any text, whatever the terminal can show."""
    codecs.register_error("lookback", _as_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="lookback")


def _as_ascii(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end].translate(IN_ASCII)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end
