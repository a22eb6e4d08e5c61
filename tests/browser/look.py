"""Look at the report and the site in a real browser: `make look`.

Pages of a run that passes, of one that fails, and of the two compared, by keyboard, and pages of
`make docs`, at 390 and 1280 pixels, light and dark, with axe-core: nothing serious or critical may
be found. The pictures of the documentation are taken anew. Without a browser or Node.js nothing is
looked at, and the command ends with 77 and says so: that is no pass.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "browser"
SITE = ROOT / "build" / "docs"
# A page of every kind: the first, text, tables, formulas, names, a notebook.
PAGES = (
    "index",
    "layer",
    "deployment",
    "tolerances",
    "api/ghost_torch",
    "notebooks/ghost-convolutions",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("axe-core@4.14.1", "puppeteer-core@25.16.0")
NOT_LOOKED_AT = 77
GRAVE = ("serious", "critical")
WRONG = "tests.conformance.wrong:asymmetric_padding"
TIERS = ("exact", "module", "special", "weights")
# Pictures of the documentation, and which of those taken they are.
PICTURES = {
    "report.png": "failed-1280-light-top",
    "report-case.png": "failed-1280-dark-case",
    "report-narrow.png": "failed-390-light-case",
    "site.png": "index-1280-light-top",
    "site-dark.png": "index-1280-dark-top",
    "site-narrow.png": "index-390-light-top",
    "site-narrow-dark.png": "index-390-dark-top",
}


def run(*arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    """The output of a command that ends with one of these codes."""
    done = subprocess.run(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in codes:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}")
    return done.stdout


def make_pages() -> Iterator[Path]:
    """The page of a run that passes, of one that fails, and of one against the other."""
    command = [sys.executable, "-m", "conformance"]
    tiers = [part for tier in TIERS for part in ("--tier", tier)]
    names = {"passed": ["oracle"], "failed": ["oracle", WRONG]}
    for folder, own in names.items():
        chosen = [part for name in own for part in ("--implementation", name)]
        report = ["--report", str((FOLDER / folder).relative_to(ROOT))]
        run(*command, "run", *chosen, *tiers, *report, codes=(0, 1, 3))
        yield Path(shutil.copy(FOLDER / folder / "report.html", FOLDER / f"{folder}.html"))
    compared = FOLDER / "compared.html"
    reports = [str(FOLDER / folder) for folder in names]
    run(*command, "compare", *reports, "--page", str(compared), codes=(1,))
    yield compared


def look(browser: str, pages: list[Path]) -> list[dict[str, Any]]:
    """The findings in all pages."""
    run("npm", "install", "--silent", "--no-audit", "--prefix", str(FOLDER), *PACKAGES)
    script = str(Path(__file__).with_suffix(".mjs"))
    return json.loads(run("node", script, browser, str(FOLDER), *map(str, pages)))


def main() -> int:
    """Look at everything; returns the exit code."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    missing = [] if browser else [f"no browser ({', '.join(BROWSERS)})"]
    missing += [f"no {name}" for name in ("node", "npm") if shutil.which(name) is None]
    if browser is None or missing:
        print(f"nothing was looked at: there is {' and '.join(missing)}")
        return NOT_LOOKED_AT
    FOLDER.mkdir(parents=True, exist_ok=True)
    pages = [*make_pages(), *(SITE / f"{name}.html" for name in PAGES)]
    findings = look(browser, pages)
    for finding in findings:
        print("{impact} {id} in {page}: {text}".format_map(finding))
    for name, taken in PICTURES.items():
        picture = (
            Image.open(FOLDER / f"{taken}.png")
            .convert("RGB")
            .quantize(256, dither=Image.Dither.NONE)
        )
        picture.save(ROOT / "docs" / name, optimize=True)
    grave = [finding for finding in findings if finding["impact"] in GRAVE]
    print(f"{len(pages)} pages in 4 settings: {len(findings)} findings, {len(grave)} of them grave")
    return 1 if grave else 0


if __name__ == "__main__":
    sys.exit(main())
