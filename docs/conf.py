"""The site: `make docs` builds it of these pages and of the docstrings, and takes no warning.

Sphinx, since the API comes from the docstrings with links to the source and into every page.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
with contextlib.suppress(ImportError):
    import triton  # before TensorFlow, which it does not bear after it  # noqa: F401

from weights.version import __version__  # noqa: E402

project, author, version, release = "ghostconv", "the maintainers", __version__, __version__
copyright = "the maintainers of ghostconv, Apache-2.0"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["**/.ipynb_checkpoints"]
html_theme, html_title = "furo", f"ghostconv {__version__}"
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_copy_source = False

myst_enable_extensions = ["colon_fence", "html_image"]
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]

default_role = "py:obj"  # a name in backticks is a link where it is documented, else code
python_maximum_signature_line_length = 80
autodoc_typehints_format = "short"
autodoc_member_order = "groupwise"
autodoc_default_options = {"members": True, "undoc-members": False, "imported-members": True}
napoleon_numpy_docstring = False


def own_names(module: ModuleType) -> list[str]:
    """The public classes and functions that a module makes."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]


class PublicNames(Directive):
    """A link from every public name of a module to its documentation; none may be missing."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A paragraph of links."""
        module = importlib.import_module(self.arguments[0])
        paragraph = nodes.paragraph()
        for name in sorted(getattr(module, "__all__", None) or own_names(module)):
            link = addnodes.pending_xref(
                "", nodes.literal(text=name), refdomain="py", reftype="obj", refwarn=True,
                reftarget=f"{module.__name__}.{name}",
                refdoc=self.state.document.settings.env.docname,
            )  # fmt: skip
            paragraph += [link, nodes.Text(" ")]
        return [paragraph]


def to_the_site(app: Sphinx, page: str, source: list[str]) -> None:
    """Point links to texts beside `docs` at the pages that include them."""
    source[0] = source[0].replace("](../CONTRIBUTING.md", "](contributing.md")


def setup(app: Sphinx) -> None:
    """Give the pages their directive, and their links."""
    app.add_directive("public-names", PublicNames)
    app.connect("source-read", to_the_site)
