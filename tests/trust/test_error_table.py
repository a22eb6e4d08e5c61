"""The page of error messages is the one that the code gives."""

from __future__ import annotations

from pathlib import Path

from tests.trust.error_table import document

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def test_the_page_says_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == document(), "python -m tests.trust.error_table"


def test_nothing_in_the_page_is_read_without_an_error() -> None:
    assert "nothing: it is read" not in PAGE.read_text(encoding="utf-8")
