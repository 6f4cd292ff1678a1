"""Many trials of one shape as one compiled program, on Keras's JAX backend. It obeys docs/recipe.md, as `fit` does.

family: trials whose program is the same but for numbers; lane: one trial of it; pack: lanes that train together
"""
