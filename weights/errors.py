"""The errors of every package of this project."""

from collections.abc import Iterable

from weights.text import MOST_LINES, bounded, listed


class GhostError(ValueError):
    """An input that this project refuses; the text names the rule, the value and the way out.

    The text is printable and has at most 20 kB, whatever a file holds.
    """

    def __str__(self) -> str:
        return bounded(super().__str__())


class ArgumentError(GhostError):
    """A constructor argument or an input that breaks a rule of the layer."""


class UnsupportedError(GhostError):
    """What a framework cannot do, where others can."""


class FormatError(GhostError):
    """A file that is not a readable interchange file."""


class DigestError(FormatError):
    """A file whose bytes are not those that its digests were made from."""


class ImportRefused(GhostError):
    """A foreign checkpoint that an importer cannot convert without changing its meaning."""


class MismatchError(GhostError):
    """Tensors or a configuration that do not fit the module; `problems` holds every reason.

    >>> print(MismatchError("cannot load weights", ["missing tensor 'a'", "unexpected tensor 'b'"]))
    cannot load weights; nothing was changed. 2 problems:
      - missing tensor 'a'
      - unexpected tensor 'b'
    """

    def __init__(self, what: str, problems: Iterable[str] = ()) -> None:
        self.what = what
        self.problems = tuple(problems)
        super().__init__(what, self.problems)

    def __str__(self) -> str:
        count, lines = len(self.problems), listed(self.problems, "\n  - ", MOST_LINES)
        return bounded(
            f"{self.what}; nothing was changed. {count} problem{'s' * (count != 1)}:\n  - {lines}"
        )


class ArtefactError(GhostError):
    """An artefact for a runtime that does not compute what its weights do, or says otherwise."""


class FormatWarning(UserWarning):
    """A file of a newer minor version of the format, which can be read."""
