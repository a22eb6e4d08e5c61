"""Graphs of operations, and the modules of this project that are recognised in them."""
