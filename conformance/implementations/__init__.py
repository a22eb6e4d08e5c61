"""What is judged: found by name, run in a process of its own, watched."""
