"""Takes secrets out of texts that leave: values of environment variables that look like secrets, credentials in URLs
and headers, and what has the shape of a well-known key. Too much is taken rather than too little.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote

MARK = "[redacted]"
SHORTEST = 6  # characters of a variable's value; a shorter one would take ordinary words along
WORDS = {
    "AUTH", "AUTHORIZATION", "COOKIE", "COOKIES", "CREDENTIAL", "CREDENTIALS", "DSN", "KEY", "KEYS", "PASS",
    "PASSPHRASE", "PASSWD", "PASSWORD", "PASSWORDS", "PAT", "PRIVATE", "PWD", "SAS", "SECRET", "SECRETS", "SIGNATURE",
    "TOKEN", "TOKENS", "WEBHOOK",
}  # fmt: skip
ENDINGS = ("APIKEY", "ACCESSKEY", "PASSWORD", "PASSWD", "SECRET", "TOKEN")
FOLDERS = {"PWD", "OLDPWD"}  # where the shell is: no passwords
KEYS = r"secret|api[_-]?key|access[_-]?key|private[_-]?key|credentials?"
BETWEEN = r"\\*[\"']?\s*[:=]\s*"  # a name and its value
FOLDER = rf"(?<![;_])pwd(?={BETWEEN}\\*[\"']?/)"  # what a shell says: no password
PASSWORDS = rf"passw(?:or)?d|passphrase|(?!{FOLDER})pwd"
QUOTED = r"(?P<quote>\\*[\"'])(?!\[redacted)(?:(?!(?P=quote))(?:\\[^\n]|[^\n]))+(?:(?P=quote)|$)"
BARE = r"(?![\"']|\\+[\"']|\[redacted)[^\s\"']*[^\s\"',;)}\]\\]"
LONGER = r"(?=\\*[\"'][^\n\"']{4}|[^\s\"']{4})"
NO_COUNT = r"(?!\\*[\"']?\d+\b)"  # max_token=2048
PEM = r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
PEM_END = r"(?m)(?:^[\w+/=]{1,80}[ \t\r]*\n){1,100}-----END [A-Z ]*PRIVATE KEY-----"  # where its beginning is not shown
IN_URL = r"\b([a-zA-Z][\w+.-]{0,30}://)(?:[^\s/'\"<>]*|[^\s/:'\"<>]*:[^\s'\"<>]{0,500})@"
QUERY = r"(?i)([?&](?:[\w-]*(?:token|key|sig|signature|password|secret|credential))=)(?!\[redacted)[^&\s'\"<>]+"
HEADER = r"(?i)\b((?:proxy-)?authorization\\?[\"']?\s*[:=]\s*)\\?[\"']?(?:\w+ +)?[^\s\"',}]+"
SCHEME = r"(?i)\b((?:bearer|apikey|basic) +)[\w+/=.~-]{12,}"
COOKIE = rf"(?i)\b(cookies?{BETWEEN})(?:(?P<quote>\\*[\"'])[^\n\"']+|(?!\[redacted)[^\s\"'][^\n\"']*)"
PASSWORD = rf"(?im)((?:{PASSWORDS}){BETWEEN})(?:{QUOTED}|{BARE})"
ASSIGNED = rf"(?im)((?:{KEYS}|(?<![a-z])pass|token(?={BETWEEN}{NO_COUNT})){BETWEEN}){LONGER}(?:{QUOTED}|{BARE})"
FLAG = (
    rf"(?im)((?<![\w-])--?[\w-]{{0,40}}(?:{PASSWORDS}|{KEYS}|pass|token(?=\\*[\"']?,?\s+{NO_COUNT}))\\*[\"']?,?\s+)"
    rf"(?!-)(?:{QUOTED}|{BARE})"
)
KNOWN = (
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bsk-[\w-]{20,}"
    r"|\bxox[abeprs]-[\w-]{10,}|\bAIza[\w-]{35}|\bhf_\w{20,}|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"
)
# Where none of the words is in a text, in small letters, its shape cannot be: most texts are done without a search.
SHAPES = [
    (("-----begin",), re.compile(PEM, re.DOTALL), MARK),
    (("-----end",), re.compile(PEM_END), MARK),
    (("://",), re.compile(IN_URL), rf"\1{MARK}@"),
    (("?", "&"), re.compile(QUERY), rf"\1{MARK}"),
    (("authorization",), re.compile(HEADER), rf"\1{MARK}"),
    (("bearer ", "apikey ", "basic "), re.compile(SCHEME), rf"\1{MARK}"),
    (("cookie",), re.compile(COOKIE), rf"\1\g<quote>{MARK}"),
    (("passw", "passphrase", "pwd"), re.compile(PASSWORD), rf"\1\g<quote>{MARK}\g<quote>"),
    (("pass", "secret", "token", "key", "credential"), re.compile(ASSIGNED), rf"\1\g<quote>{MARK}\g<quote>"),
    (("pass", "pwd", "secret", "token", "key", "credential"), re.compile(FLAG), rf"\1\g<quote>{MARK}\g<quote>"),
    (
        ("akia", "asia", "gh", "glpat-", "sk-", "xox", "aiza", "hf_", "eyj"),
        re.compile(KNOWN),
        MARK,
    ),
]
WORDS_OF_SHAPES = re.compile("|".join({re.escape(word) for words, _, _ in SHAPES for word in words}))
SHORT = 200  # characters; so long a text is looked through at once, and kept with its answer
NUMBERS = {int, float, bool, type(None)}  # there is no text in them
Redact = Callable[[str], str]


def looks_secret(name: str) -> bool:
    """Whether a variable's name says that its value is a secret.

    >>> [looks_secret(name) for name in ("WANDB_API_KEY", "DB_PASSWORD", "PWD", "AUTHOR", "KEYBOARD")]
    [True, True, False, False, False]
    """
    upper = name.upper()
    return upper not in FOLDERS and (bool(WORDS & set(upper.split("_"))) or upper.endswith(ENDINGS))


def secrets_of(environment: Mapping[str, str]) -> set[str]:
    """Every text that stands for a secret of the environment: the values, and passwords inside of URLs."""
    found: set[str] = set()
    for name, value in environment.items():
        if looks_secret(name):
            found.update(_forms(value))
        for credentials in re.findall(r"://([^\s'\"<>]*)@", value):
            found.update(form for part in credentials.split(":", 1)[1:] for form in _forms(part))
    return {each for each in found if len(each) >= SHORTEST}


def _forms(value: str) -> Iterator[str]:
    """A value as texts show it: as it is, stripped, in a `repr`, in a URL, in base64, and line by line."""
    plain = value.strip()
    yield from (value, plain, repr(value)[1:-1], unquote(plain))
    yield from (quote(plain, errors="replace"), quote_plus(plain, errors="replace"))
    yield b64encode(plain.encode(errors="replace")).decode().rstrip("=")
    yield from (line.strip() for line in plain.splitlines() if len(line.strip()) >= 16)


def redactor(environment: Mapping[str, str]) -> Redact:
    """A function that takes the environment's secrets, and what looks like one, out of a text."""
    secrets = sorted(secrets_of(environment), key=len, reverse=True)
    literal = re.compile("|".join(map(re.escape, secrets))) if secrets else None

    def redact(text: str) -> str:
        if literal is not None:
            text = literal.sub(MARK, text)
        small = text.lower()
        if len(text) <= SHORT and not WORDS_OF_SHAPES.search(small):
            return text
        for words, shape, replacement in SHAPES:
            if any(word in small for word in words):
                text = shape.sub(replacement, text)
        return text

    known = lru_cache(maxsize=20_000)(redact)
    return lambda text: known(text) if len(text) <= SHORT else redact(text)


def redacted(value: Any, redact: Redact) -> Any:
    """A document without secrets, in keys and in values."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {
            redact(key): inner if type(inner) in NUMBERS else redacted(inner, redact) for key, inner in value.items()
        }
    return [redacted(inner, redact) for inner in value] if isinstance(value, list) else value
