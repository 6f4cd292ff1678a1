"""Engines that train Keras models. All of them obey docs/recipe.md."""
