"""A program that learns one number: it needs nothing but what any program is told."""

import argparse
import json
import os
from pathlib import Path


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--config", type=Path)
    words.add_argument("--rate", type=float)
    words.add_argument("--net.width", type=int)
    words.add_argument("--net.layers", type=json.loads)
    given = words.parse_args()
    epochs = json.loads(given.config.read_text())["epochs"]
    trial = json.loads(Path(os.environ["BLUENO_TRIAL"]).read_text())
    wanted, guess = 10 * trial["seed"] + len(getattr(given, "net.layers")), float(len(Path("start-0.txt").read_text()))
    for epoch in range(1, epochs + 1):
        guess -= given.rate * (guess - wanted)
        say({"epoch": epoch, "loss": (guess - wanted) ** 2})
    Path(trial["folder"], "guess.txt").write_text(str(guess))
    print("it learned", guess)


def say(metrics: dict[str, float]) -> None:
    with open(os.environ["BLUENO_METRICS"], "a") as file:
        file.write(json.dumps(metrics) + "\n")


if __name__ == "__main__":
    main()
