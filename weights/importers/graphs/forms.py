"""Which form of a module a graph has: batch normalisations, and branches, in it or merged."""

from collections.abc import Iterable
from typing import Any

from weights.importers.graphs.units import Norm, Unit
from weights.modules.forms import DEPLOYED, FOLDED, TRAINING


def form_of(
    halves: Iterable[Unit], others: Iterable[Unit] = (), apart: Iterable[Norm] = ()
) -> dict[str, Any] | None:
    """Return the form of convolutions, and the eps and the momentum that they share.

    Form `deployed` merges `halves` alone, not `others`; batch normalisations `apart` are of no
    convolution, and in every form. None where they are of no form, or of several, or have several
    eps: such a module has no configuration.

    >>> form_of([])
    {'form': 'folded'}
    """
    halves, others = list(halves), list(others)
    of_halves, of_others = ({bool(unit.norms) for unit in each} for each in (halves, others))
    norms = [norm for unit in (*halves, *others) for norm in unit.norms] + list(apart)
    epsilons, momentums = {norm.eps for norm in norms}, {norm.momentum for norm in norms}
    found = of_halves, of_others
    is_mixed = max(map(len, found)) > 1 or found == ({True}, {False})
    if is_mixed or len(epsilons) > 1:
        return None
    form = TRAINING if True in of_halves else DEPLOYED if True in of_others else FOLDED
    told: dict[str, Any] = {"bn_eps": epsilons.pop()} if epsilons else {}
    # The momentum has no part in what is computed: where it differs, it is not told.
    told |= {"bn_momentum": momentums.pop()} if len(momentums) == 1 else {}
    return {"form": form} | told
