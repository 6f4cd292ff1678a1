"""Resolved values to canonical JSON: files become `{"file": SHA-256}` and code of the user's its digest.

A file whose path has {fold} or {seed} in it leaves a hole, which is filled for each replicate, and for the config with
the template and all contents.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any

from ..canonical import canonical, digest
from ..clock import words
from ..errors import BluenoError
from ..raw import in_bucket
from ..spec.node import File
from ..spec.problems import Problems
from ..spec.signatures import Folders
from ..spec.values import Code, Contents, is_template
from .code import code_digest, program_digest
from .fingerprint import Progress, fingerprint, no_progress
from .identity import Replicate

HOLE = "\0template:"
FINGERPRINTS = Path("data") / "fingerprints.json"


class Reader:
    """Reads each file and each piece of code once, and remembers what it was."""

    def __init__(self, folders: Folders, root: Path, problems: Problems, progress: Progress = no_progress) -> None:
        self._folders = folders
        self._root = root  # the project's
        self._problems = problems
        self._progress = progress
        self._shas: dict[str, str] = {}
        self._codes: dict[Code, str] = {}
        self.templates: list[File] = []
        self.files: dict[str, str] = {}  # SHA-256 (of what is in a bucket: its id) -> path
        self.warnings: list[str] = []
        self.references: dict[str, None] = {}  # in order
        self.uses: dict[str, None] = {}

    def plain(self, value: Any) -> Any:
        """A resolved value as JSON."""
        return self._plain(value)

    def text(self, value: Any) -> str:
        """The canonical JSON of a resolved value."""
        return canonical(self._plain(value))

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._plain(each) for key, each in value.items()}
        if isinstance(value, File):
            return self._file(value)
        if isinstance(value, Code):
            return self._code(value)
        if isinstance(value, Contents):
            return self._fingerprint(value)
        return [self._plain(each) for each in value] if isinstance(value, list) else value

    def _file(self, file: File) -> dict[str, str]:
        if not is_template(file.path):
            return {"file": self.sha(file.path, file)}
        if file not in self.templates:
            self.templates.append(file)
        return {"file": f"{HOLE}{self.templates.index(file)}"}

    def _fingerprint(self, contents: Contents) -> str | None:
        """As `blueno.etl.sources.fingerprint` has it; none for templates, whose contents are among the parameters."""
        if any(is_template(file.path) for file in contents.files):
            return None
        shas = [self.sha(file.path, file) for file in contents.files]
        return shas[0] if len(shas) == 1 else digest(shas)

    def sha(self, path: str, file: File) -> str:
        """The SHA-256 of a file's content; a problem, marked at `file`, if it cannot be read."""
        path = path if in_bucket(path) else os.path.abspath(path)
        if path not in self._shas:
            try:
                self._shas[path] = self._content_of(path)
            except BluenoError as error:
                self._problems.add(file.mark, "", error.message, error.fix)
                self._shas[path] = ""
            self.files.setdefault(self._shas[path], path)
        return self._shas[path]

    def _content_of(self, path: str) -> str:
        if not in_bucket(path):
            return fingerprint(path, self._root / FINGERPRINTS, self._progress)
        from ..raw.pins import pin

        found = pin(path, self._root)
        if found.age_s is not None:
            self.warnings.append(f"{found.why}; planned with what was listed at {path} {words(found.age_s)} ago")
        return found.pin.id

    def _code(self, code: Code) -> str:
        if code not in self._codes:
            if code.reference:
                self.references[code.reference] = None
            self.uses.update(dict.fromkeys(code.uses))
            try:
                self._codes[code] = self._digest(code)
            except BluenoError as error:
                self._problems.add(code.mark, "", error.message, error.fix)
                self._codes[code] = ""
        return self._codes[code]

    def _digest(self, code: Code) -> str:
        if code.reference:
            found = code_digest(code.reference, self._folders, code.uses)
            return found.digest if found else ""
        program = program_digest(code.program, self._folders, code.uses)
        self.uses.update(
            dict.fromkeys(glob.escape(os.path.relpath(each, self._folders.spec)) for each in program.files)
        )
        return program.digest

    def fill(self, text: str, seed: int | None, fold: int | None) -> str:
        """A text whose holes have the contents for one replicate."""
        for number, file in enumerate(self.templates):
            text = text.replace(_hole(number), canonical(self._content(file, seed, fold)))
        return text

    def fill_all(self, text: str, replicates: list[Replicate], with_template: bool) -> str:
        """A text whose holes have the contents for all replicates, and the template itself if asked for."""
        for number, file in enumerate(self.templates):
            # those that the path tells apart, so that more seeds leave the id of a config with {fold} alone
            has_seed, has_fold = "{seed}" in file.path, "{fold}" in file.path
            told = dict.fromkeys((seed if has_seed else None, fold if has_fold else None) for seed, fold in replicates)
            shas = [[seed, fold, self._content(file, seed, fold)] for seed, fold in told]
            value = {"contents": shas, "template": file.written} if with_template else {"contents": shas}
            text = text.replace(_hole(number), canonical(value))
        return text

    def _content(self, file: File, seed: int | None, fold: int | None) -> str:
        """The SHA-256 of what a template stands for; a problem if the config has no folds, or no seeds."""
        path = _filled(file.path, seed, fold)
        path = path if in_bucket(path) else os.path.abspath(path)
        for word, value in (("fold", fold), ("seed", seed)):
            if f"{{{word}}}" in file.path and value is None and path not in self._shas:
                message = f"there is no {word} to fill into {file.written}"
                self._problems.add(file.mark, "", message, f"write a path without {{{word}}}")
                self._shas[path] = ""
        return self.sha(path, file)


def _hole(number: int) -> str:
    return canonical(f"{HOLE}{number}")


def _filled(path: str, seed: int | None, fold: int | None) -> str:
    return path.replace("{seed}", str(seed)).replace("{fold}", str(fold))
