"""Keras, imported and set up once in a process: backend, float32, threads, determinism."""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from importlib import import_module
from typing import Any

from blueno.errors import MissingLibrary


@cache
def start_keras(threads: int) -> Any:
    """The keras module, ready to train the same bits each time with `threads` CPU threads. Takes seconds once.

    Raises MissingLibrary when Keras or its backend is not installed.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # else the keras.json of a home folder has a say
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        if os.environ["KERAS_BACKEND"] == "tensorflow":
            _start_tensorflow(threads)
        keras = import_module("keras")
    except ModuleNotFoundError as error:
        message = f"architectures are trained with Keras, and {error.name} is not installed"
        raise MissingLibrary(message, f"pip install keras {_distribution()}") from error
    if os.environ["KERAS_BACKEND"] != "tensorflow":
        _do_without_tensorflow()
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    # What the imports left is never garbage; without this, each collection between trials walks it for 0.3 s.
    gc.collect()
    gc.freeze()
    return keras


def _distribution() -> str:
    """What a backend of Keras is installed by."""
    backend = os.environ["KERAS_BACKEND"]
    return "tensorflow-cpu" if (backend, sys.platform) == ("tensorflow", "linux") else backend


def _do_without_tensorflow() -> None:
    """Keras asks whether there is a TensorFlow when it saves a model, which would import it: seconds, for nothing."""
    lazy: Any = getattr(import_module("keras.src.utils.module_utils"), "tensorflow", None)
    if "tensorflow" not in sys.modules and hasattr(lazy, "_available"):
        lazy._available = False


def _start_tensorflow(threads: int) -> None:
    tf = import_module("tensorflow")
    tf.config.experimental.enable_op_determinism()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        pass  # somebody used TensorFlow in this process before us (a notebook): what was set then holds
