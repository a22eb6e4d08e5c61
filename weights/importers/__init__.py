"""From foreign checkpoints to the interchange format and back.

An importer reads the module out of names and shapes, or out of the description in the file; it
assumes what no tensor determines, and records both: nothing is converted that could mean something
else.
"""

from weights.importers.converting import import_file
from weights.importers.exporting import export_file, export_tensors
from weights.importers.importer import Imported, write
from weights.importers.preparing import preview
from weights.importers.registry import CONTAINERS, EXPORTERS, IMPORTERS

__all__ = [
    "CONTAINERS",
    "EXPORTERS",
    "IMPORTERS",
    "Imported",
    "export_file",
    "export_tensors",
    "import_file",
    "preview",
    "write",
]
