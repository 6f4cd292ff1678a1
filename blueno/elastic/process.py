"""The process beside a scheduler that sends: `python -m blueno.elastic.process ROOT`. It gives way to training, says on
its standard output what people should know, and ends when its standard input has ended and nothing more can be sent.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

from ..companion import GAVE_UP, is_over
from ..errors import BluenoError
from ..settings import load_settings
from .access import target_of
from .sender import Sender, Sent, open_sender, turn
from .state import sender_lock

PAUSE_S = 2.0  # between turns that found nothing to do
LONGEST_PAUSE_S = 8.0  # between attempts while something is in the way
NICE = 10


class Talk:
    """Says each thing once: why documents wait, that they no longer do, what was set aside."""

    def __init__(self, place: str, output: TextIO) -> None:
        self.place, self.output = place, output
        self.reason = ""
        self.known: set[str] = set()
        self.has_begun = False

    def hear(self, sent: Sent) -> None:
        if sent.waits:
            kind = sent.waits.partition(" (")[0]  # what follows differs each time: addresses, numbers
            if kind not in self.known:
                self.known.add(kind)
                self.say(f"{self.place}: {sent.waits}; what it should get waits here and is sent later")
            self.reason = sent.waits
        elif self.reason:
            self.say(f"{self.place} takes documents again")
            self.reason = ""
            self.known.clear()
        for each in sent.refused:
            kind = each.reason.partition(":")[0]
            if kind not in self.known:
                self.known.add(kind)
                self.say(
                    f"{self.place} can never take document {each.id} of {each.kind}: {each.reason[:300]}; it is set"
                    " aside, as are others like it (blueno elastic status names them)"
                )

    def begin(self) -> None:
        """An empty line: it has tried, and what came of it is said."""
        if not self.has_begun:
            self.has_begun = True
            self.say("")

    def say(self, text: str) -> None:
        try:
            print(text, file=self.output, flush=True)
        except (BrokenPipeError, ValueError):
            pass  # nobody listens any more


def serve(sender: Sender, talk: Talk, input_fd: int) -> None:
    """Turns, until the other end of `input_fd` is closed and either nothing waits or something is in the way."""
    pause_s, over = 0.0, False
    while True:
        if pause_s or not over:
            over = is_over(input_fd, pause_s) or over
        sent = turn(sender)
        talk.hear(sent)
        talk.begin()
        if over and (sent.waits or not sent.trials):
            return
        if sent.waits:
            pause_s = min(LONGEST_PAUSE_S, max(PAUSE_S, 2 * pause_s))
        else:
            pause_s = 0.0 if sent.more else PAUSE_S


def main(arguments: list[str]) -> int:
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # the scheduler hears them, and closes our input
    os.nice(NICE)
    root = Path(arguments[0])
    place, told = "Elasticsearch", False
    try:
        target = target_of(load_settings(root), os.environ)
        if target is None:
            return 0
        talk = Talk(place, sys.stdout)
        if target.warning:
            talk.say(target.warning)
        while True:
            with sender_lock(root) as mine:
                if mine:
                    sender = open_sender(root, target, time.time())
                    try:
                        serve(sender, talk, sys.stdin.fileno())
                    finally:
                        sender.close()
                    return 0
            if is_over(sys.stdin.fileno(), PAUSE_S):
                return 0  # another one is at it, and sends ours as well
            if not told:
                told = True
                talk.say("another process sends for this project at present")
    except BluenoError as error:
        talk = Talk(place, sys.stdout)
        talk.say(f"{place} gets nothing: {error.message}" + (f" ({error.fix})" if error.fix else ""))
        talk.begin()
        return GAVE_UP


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
