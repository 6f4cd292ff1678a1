"""Training: architectures, engines, metrics. Installed as `blueno.ml`; runs in workers only."""
