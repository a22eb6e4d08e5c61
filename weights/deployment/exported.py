"""What was exported: its notes and its proof, as a person reads them."""

from dataclasses import dataclass

from weights.deployment.notes import Notes
from weights.deployment.proof import Proof
from weights.deployment.quantising.quantise import Quantised


@dataclass(frozen=True)
class Exported:
    """What `export` wrote, and its proof; `proof` is `None` where none was asked for.

    In int8 the proof is of the artefact in float that it was made of, and `quantised` its verdict.
    """

    path: str
    target: str
    notes: Notes
    proof: Proof | None
    quantised: Quantised | None = None

    def __str__(self) -> str:
        proof = self.proof or "not verified: nobody has compared what it computes"
        lines = [f"{self.path}: {self.target}, {described(self.notes)}"]
        if self.quantised is None:
            return "\n".join([*lines, str(proof)])
        return "\n".join([*lines, f"before int8: {proof}", str(self.quantised)])


def described(notes: Notes) -> str:
    """Return what an artefact is, in one line.

    >>> described(Notes("ghost_conv", {"c_in": 8, "c_out": 8}, "0" * 64, size=(32, 32)))
    'ghost_conv, deployed, float32, nchw, any batch, 32 x 32'
    """
    size = "any size" if notes.size is None else f"{notes.size[0]} x {notes.size[1]}"
    batch = "any batch" if notes.batch is None else f"batch {notes.batch}"
    parts = (notes.architecture, notes.form, notes.dtype, notes.layout, batch, size)
    return ", ".join(parts)
