"""Trains a PyTorch classifier on the arrays of a Blueno trial, and goes on from its last checkpoint."""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch
from nets import dense


def main() -> None:
    given = arguments()
    trial = json.loads(Path(os.environ["BLUENO_TRIAL"]).read_text())
    torch.manual_seed(trial["seed"])
    torch.set_num_threads(trial["threads"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train, validation = (load(trial["data"][part], device) for part in ("train", "validation"))

    net = dense(train[0].shape[1], len(trial["data"]["classes"]), given.hidden, given.dropout).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=given.learning_rate)
    checkpoint = Path(trial["checkpoint"], "state.pt")
    done = restore(checkpoint, net, optimizer)
    for epoch in range(done + 1, given.epochs + 1):
        order = torch.from_numpy(np.random.default_rng([trial["seed"], epoch]).permutation(len(train[0])))
        loss = one_epoch(net, optimizer, train, order.to(device).split(given.batch_size))
        say(epoch=epoch, loss=loss, val_accuracy=accuracy(net, *validation))
        save(checkpoint, net, optimizer, epoch)  # after it was said: what is said twice counts once
        print(f"epoch {epoch}: loss {loss:.4f}", flush=True)

    torch.save(net.state_dict(), Path(trial["folder"], "net.pt"))
    say(val_accuracy=accuracy(net, *validation), train_accuracy=accuracy(net, *train))


def arguments() -> argparse.Namespace:
    """What the spec says beside `command`."""
    words = argparse.ArgumentParser()
    words.add_argument("--epochs", type=int)
    words.add_argument("--batch_size", type=int)
    words.add_argument("--learning_rate", type=float)
    words.add_argument("--net.hidden", dest="hidden", type=json.loads)
    words.add_argument("--net.dropout", dest="dropout", type=float, default=0.0)
    return words.parse_args()


def load(part: dict, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n, d) float32 and class codes (n,) int64."""
    features, target = (torch.from_numpy(np.load(part[name])) for name in ("features", "target"))
    return features.flatten(1).float().to(device), target.to(device)


def one_epoch(net, optimizer, samples, batches) -> float:
    """The mean loss of an epoch."""
    net.train()
    total = 0.0
    for rows in batches:
        loss = torch.nn.functional.cross_entropy(net(samples[0][rows]), samples[1][rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(samples[0])


@torch.no_grad()
def accuracy(net, features, target) -> float:
    net.eval()
    return (net(features).argmax(1) == target).double().mean().item()


def say(**metrics: float) -> None:
    """A line of metrics, of an epoch or final."""
    with open(os.environ["BLUENO_METRICS"], "a") as file:
        file.write(json.dumps(metrics) + "\n")


def save(path: Path, net, optimizer, epoch: int) -> None:
    """All that the next attempt needs, under another name first, so that a checkpoint is never half there."""
    state = {
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": epoch,
        "random": torch.get_rng_state(),
    }
    torch.save(state, path.with_suffix(".partial"))
    path.with_suffix(".partial").replace(path)


def restore(path: Path, net, optimizer) -> int:
    """How many epochs earlier attempts have done."""
    if not path.exists():
        return 0
    state = torch.load(path, map_location="cpu")
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    print(f"going on after epoch {state['epoch']}", flush=True)
    return state["epoch"]


if __name__ == "__main__":
    main()
