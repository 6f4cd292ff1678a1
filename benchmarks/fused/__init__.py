"""The fused engine against what people use instead, one command for each workload: `python -m benchmarks.fused.mlps`.

Peers run in an environment of their own, which the command makes; `peers/` is all that runs there.
"""
