"""The site, built strictly: `make docs`.

A warning is an error: a link to a page, a heading or a public name that is not there, a docstring
that is no good markup. Then every link and picture inside the built pages must lead somewhere, and
every public name of the five packages must have its place. Nothing is asked of the network.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.project.public_surface import FILE

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "docs"


class Page(HTMLParser):
    """The addresses that a page leads to, and the places in it that others may."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if value and key == "id":
                self.places.add(value)
            if value and key in ("href", "src"):
                self.links.add(value)


def build() -> None:
    """All pages, from nothing: Sphinx leaves what it takes for current, its pages of source too."""
    shutil.rmtree(SITE, ignore_errors=True)
    options = ("--builder", "html", "--fail-on-warning", "--keep-going", "--quiet", "--fresh-env")
    command = [sys.executable, "-m", "sphinx", *options, "docs", str(SITE)]
    subprocess.run(command, cwd=ROOT, check=True)


def read() -> dict[Path, Page]:
    """Every page that was built."""
    return {path: Page(path.read_text()) for path in SITE.rglob("*.html")}


def broken(pages: dict[Path, Page]) -> list[str]:
    """The links inside the site that lead nowhere."""
    return [
        f"{path.relative_to(SITE)} links to {link}"
        for path, page in pages.items()
        for link in sorted(page.links)
        if not leads_somewhere(path, link, pages)
    ]


def leads_somewhere(path: Path, link: str, pages: dict[Path, Page]) -> bool:
    """Whether the file is there, and the place in it; what is outside the site is not asked."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if parts.fragment and target in pages:
        return unquote(parts.fragment) in pages[target].places
    return target.exists()


def missing(pages: dict[Path, Page]) -> list[str]:
    """The public names that have no place."""
    names = {line.partition("(")[0].partition(":")[0] for line in FILE.read_text().splitlines()}
    places = {place for page in pages.values() for place in page.places}
    return [f"no place for {name}" for name in sorted(names - places) if "__version__" not in name]


def main() -> int:
    """Build and look; 1 where something leads nowhere."""
    build()
    pages = read()
    problems = broken(pages) + missing(pages)
    print("\n".join(problems) or f"{len(pages)} pages, every link inside them leads somewhere")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
