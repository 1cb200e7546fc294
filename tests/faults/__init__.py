"""Faults on purpose: the command is killed, stopped and starved in every place, and what must hold is asserted after.

    world         a database, a provider, a git host and a temporary folder for the commands, which are real processes
    cases         one project with a repository of its own, and what an undisturbed run makes of it
    invariants    what holds after every fault, and what besides when a run has got through
    proxy         a TCP connection that is slow, sliced, silent or reset: test_lines_to_*.py
    plans         which fault, where
    site          a real server, and a visitor who reads an answer while it is written

pytest runs the deterministic part (test_*.py). What takes longer are programs whose reports stand in REPORT.md:
`python -m tests.faults soak` and its neighbours, each of which says at its top what it does.
"""
