"""The programs are read by checkers of types, never imported."""

collect_ignore_glob = ["*_program.py"]
