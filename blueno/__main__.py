"""`python -m blueno` is `blueno`."""

from .cli import main

main()
