"""`python -m weights`: the command line of `weights.cli`."""

from weights.cli import main

if __name__ == "__main__":
    main(prog_name="ghost-weights")
