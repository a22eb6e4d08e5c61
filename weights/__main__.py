"""`python -m weights`: the command line of `weights.commands.cli`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # -m puts the working folder first, where modules may lie beside a file from a stranger.
    root = Path(__file__).resolve().parents[1]
    if not sys.flags.safe_path and Path(sys.path[0]).resolve() != root:
        del sys.path[0]
    from weights.commands.cli import main

    main(prog_name="ghost-weights")
