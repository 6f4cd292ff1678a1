"""Figures that anyone can reproduce: one script a figure, `python -m benchmarks.NAME [--quick]` in the repository.

Each prints a table in Markdown. `python -m benchmarks.all` runs them all and writes them into docs/performance.md.
Nothing here fails because something was slow.
"""
