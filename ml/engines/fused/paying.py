"""Whether packs are quicker than `fit`: on a CPU they are not where most of the time goes into large convolutions."""

from __future__ import annotations

from .family import Family, programs_of
from .ways import ways_of

# In a forward pass of one sample. Of sixteen trials, compiled anew, a pack takes 0.9 of the time of `fit` on TensorFlow
# up to 2.8 million, as long at 11 million, and 1.4 times as long at 20 million (`python -m
# benchmarks.fused.convolutions`, on a busy machine; on a quieter one `fit` was as quick at 2.8 million).
MOST_FLOPS = 2e6


def why_not(family: Family) -> str | None:
    """Why `fit` is expected to be quicker on this device; None where packs are, and where it is not known."""
    if not ways_of().lowers:
        return None
    for stage in family.stages:
        met = programs_of(stage, ways_of()).met[0]
        left = [name for name in met.left if name.startswith(("conv:", "depthwise_conv:"))]
        if left:
            return f"fit is quicker on a CPU for such convolutions ({left[0]})"
        flops = met.flops / min(stage.stage.train["batch_size"], len(stage.setup.rows["train"]))
        if flops > MOST_FLOPS:
            return f"fit is quicker on a CPU where convolutions are large ({flops / 1e6:.1f} MFLOP a sample)"
    return None
