"""The report of a load: which module of a file went into which module of a network."""

from dataclasses import dataclass

# Words for the network itself.
WHOLE = "(the whole)"


@dataclass(frozen=True, repr=False)
class LoadReport:
    """The modules that were loaded, (path in the file, path in the network), and notes on them.

    >>> LoadReport((("backbone.stem", "stem"), ("fc", "fc")))
    2 modules loaded
      backbone.stem -> stem
      fc
    """

    pairs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        count = len(self.pairs)
        lines = [here if here == there else f"{there} -> {here}" for there, here in self.shown]
        lines += [f"note: {each}" for each in self.notes]
        return "\n  ".join([f"{count} module{'s' * (count != 1)} loaded", *lines])

    __repr__ = __str__

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The pairs, with words for the network itself."""
        return [(there or WHOLE, here or WHOLE) for there, here in self.pairs]
