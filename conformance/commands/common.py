"""The parts that commands share: options, the implementations of a run, and its exit code."""

from __future__ import annotations

import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn, TypeVar

import click
from rich.console import Console

from conformance.cases.case import split_pair
from conformance.implementations.errors import NAME_LIMIT
from conformance.implementations.registry import OURS, target
from conformance.judging.verdict import Status
from conformance.running.results import Run, doubts, offences
from conformance.tiers import TIERS, RandomTier, Settings, Tier, make_tiers
from weights import GhostError
from weights.text import brief

Command = TypeVar("Command", bound=Callable[..., object])
ARGUMENTS = "conformance.arguments"
SHOWN_UNKNOWN = 5
# Random layers among which one that was not drawn is looked for.
LIKELY = 500
PASSED, FAILED, USAGE, HARNESS_FAILED = 0, 1, 2, 3
FILE = click.Path(path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
AT_LEAST_ONE = click.IntRange(1)
TIER = click.Choice(list(TIERS))

random_option = click.option(
    "--random", type=click.IntRange(0), default=0, metavar="N",
    help="Run N random layers too, the same in every run.",
)  # fmt: skip
jobs_option = click.option(
    "--jobs", type=AT_LEAST_ONE, default=2, show_default=True,
    help="How many processes work at once, of different implementations or of one.",
)  # fmt: skip


class Recorded(click.Command):
    """A command that remembers what was typed, for a report."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, once they are kept."""
        ctx.meta[ARGUMENTS] = [self.name, *args]
        return super().parse_args(ctx, args)


def typed_command() -> str:
    """The line that was typed, as a shell takes it."""
    return shlex.join(["ghost-conformance", *click.get_current_context().meta[ARGUMENTS]])


def timeout_option(seconds: float) -> Callable[[Command], Command]:
    """The option for the time limit of a case."""
    return click.option(
        "--timeout", "seconds", type=click.FloatRange(0, min_open=True), default=seconds,
        show_default=True, metavar="SECONDS",
        help="Time limit of a case; one that takes longer is an error, and the process is "
        "replaced.",
    )  # fmt: skip


def implementations(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The implementations that run, and ours that are missing, with the reason.

    Naming one of these is an error.
    """
    if not names:
        missing = {name: each.reason for name, each in OURS.items() if each.missing}
        return [name for name in OURS if name not in missing], missing
    for name in names:
        try:
            target(name)
        except GhostError as error:
            raise click.UsageError(str(error)) from None
        if name in OURS and OURS[name].missing:
            raise click.UsageError(f"{name} is missing: {OURS[name].reason}")
    return list(dict.fromkeys(names)), {}


def no_such_case(names: Sequence[str], known: Iterable[str]) -> click.UsageError:
    """The error of cases that are not among the known, with the way to the first of them."""
    shown = ", ".join(map(brief, names[:SHOWN_UNKNOWN]))
    more = f" and {len(names) - SHOWN_UNKNOWN} more" * (len(names) > SHOWN_UNKNOWN)
    way_out = _elsewhere(names[0]) or _nearest(names[0], known)
    return click.UsageError(f"no case is called {shown}{more}: {way_out}")


def _elsewhere(name: str) -> str:
    """The tiers that have the case, each with the option by which it does."""
    tiers = make_tiers(Settings(full=True, random=LIKELY))
    found = [_tier_of(split_pair(name)[0], tier) for tier in tiers]
    return f"it is one of {', '.join(filter(None, found))}" if any(found) else ""


def _tier_of(case_id: str, tier: Tier) -> str:
    ids = [case.id for case in tier.cases()]
    if case_id not in ids:
        return ""
    if isinstance(tier, RandomTier):
        return f"{tier.name} by `--random {ids.index(case_id) + 1}` or more"
    is_usual = any(case.id == case_id for case in type(tier)().cases())
    return tier.name if is_usual else f"{tier.name} by `--full`"


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name[:NAME_LIMIT], dict.fromkeys(known), n=1)
    return f"is {close[0]} meant?" if close else "see `ghost-conformance list`"


def exit_with(work: Callable[[], int]) -> NoReturn:
    """Call `work` and exit with the code that it returns; a refused file or name is wrong usage."""
    try:
        code = work()
    except GhostError as error:
        raise click.UsageError(str(error)) from None
    except click.ClickException:
        raise
    except KeyboardInterrupt:
        click.echo(
            "interrupted: no report was written; a run with --report goes on by --resume", err=True
        )
        code = HARNESS_FAILED
    except Exception:
        traceback.print_exc()
        code = HARNESS_FAILED
    sys.exit(code)


def exit_code(console: Console, result: Run) -> int:
    """The exit code of a run, whose reasons for not being green are printed.

    0: all passed; 1: a case failed, or an implementation looked at the answers; 3: the harness
    failed, or a tier judged less than half of its cases.
    """
    if result.tracebacks:
        click.echo(result.tracebacks[0], err=True)
        console.print("the harness itself failed, see above", style="red")
        return HARNESS_FAILED
    if result.shard is not None:
        console.print(f"shard {result.shard}: `ghost-conformance merge` judges them together")
    elif not result.verdicts:
        console.print("nothing ran: install one of the frameworks", style="red")
        return HARNESS_FAILED
    elif all(verdict.status is Status.SKIP for verdict in result.verdicts):
        console.print("nothing ran: every case was skipped", style="red")
    reasons = doubts(result)
    if reasons:
        console.print(f"not green: {'; '.join(reasons)}", style="red", soft_wrap=True)
    if result.has_failed or offences(result):
        return FAILED
    return HARNESS_FAILED if reasons else PASSED
