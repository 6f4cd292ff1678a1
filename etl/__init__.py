"""Data: sources, steps, splits, and the build of a dataset. Installed as `blueno.etl`; runs in workers only."""
