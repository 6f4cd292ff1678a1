"""The worker: what happens in its process. `process` is its main loop, `work` what it does with a message; the other
modules are one concern each. The scheduler imports `output` and `work.remove_leftovers`, nothing else.
"""
