"""Golden files: the plan of each spec in `specs/`, and the versions of built-ins. `make golden` writes them anew."""
