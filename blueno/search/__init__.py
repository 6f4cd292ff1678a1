"""Proposals of a search and the pruning of trials, with Optuna, which only `study` imports.

It keeps no state: a study in memory is made of what the store has recorded, and made again whenever they differ.
"""
