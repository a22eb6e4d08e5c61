"""`python -m conformance`."""

from conformance.commands.cli import main

if __name__ == "__main__":
    main(prog_name="ghost-conformance")
