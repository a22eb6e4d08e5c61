"""Implementations under test: found by name, run in a process of their own, and watched."""
