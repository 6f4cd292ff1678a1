"""The schema, as a list of migrations; `PRAGMA user_version` counts those applied. Never edit one: add one."""

from __future__ import annotations

import json
import sqlite3

from .asked import item

FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- A submitted plan. `planned` is written once, at submission: the ledger is checked against it.
CREATE TABLE sweeps (
    number INTEGER PRIMARY KEY AUTOINCREMENT,   -- order of submission
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,                  -- counts the plans submitted under this name
    planned INTEGER NOT NULL,
    metric TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('maximize', 'minimize')),
    metrics TEXT NOT NULL,                      -- JSON list: wanted beside the defaults of the task
    keep TEXT NOT NULL,                         -- JSON
    resources TEXT NOT NULL,                    -- JSON
    plan TEXT NOT NULL,                         -- JSON: axes, counts, warnings, baseline, tags, notes
    spec TEXT NOT NULL,                         -- the text, as submitted
    spec_file TEXT NOT NULL,
    snapshot TEXT NOT NULL,                     -- key of the user's code in the cache, '' for none
    folder TEXT NOT NULL,                       -- the spec's folder in the snapshot
    files TEXT NOT NULL,                        -- JSON: SHA-256 of each data file -> its path
    interpreter TEXT NOT NULL,
    submitted TEXT NOT NULL,
    resumed TEXT NOT NULL,                      -- last time somebody asked for it
    paused TEXT                                 -- why, or NULL
);
CREATE INDEX sweeps_name ON sweeps (name, revision);

-- What a person wrote for each config of a sweep.
CREATE TABLE sweep_configs (
    sweep INTEGER NOT NULL REFERENCES sweeps (number) ON DELETE CASCADE,
    config TEXT NOT NULL,
    position INTEGER NOT NULL,
    params TEXT NOT NULL,                       -- JSON
    PRIMARY KEY (sweep, config)
) WITHOUT ROWID;

-- `recipe` is the canonical JSON whose SHA-256 is the id.
CREATE TABLE datasets (
    id TEXT PRIMARY KEY,
    recipe TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('to_build', 'building', 'built', 'failed')),
    attempt INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    duration_s REAL,
    bytes INTEGER,
    summary TEXT,                               -- JSON
    error TEXT                                  -- JSON
);
CREATE INDEX datasets_waiting ON datasets (state) WHERE state IN ('to_build', 'building');

CREATE TABLE trials (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    config TEXT NOT NULL,
    dataset TEXT REFERENCES datasets (id),
    seed INTEGER,
    fold INTEGER,
    recipe TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'idle'
        CHECK (state IN ('queued', 'running', 'succeeded', 'diverged', 'failed', 'idle')),
    sweep INTEGER REFERENCES sweeps (number),   -- on whose behalf it is queued: its code, interpreter, resources
    rank INTEGER,                               -- order of claim, smallest first
    attempt INTEGER NOT NULL DEFAULT 0,         -- the fencing token: counts claims
    starts INTEGER NOT NULL DEFAULT 0,          -- times a worker began it
    lost INTEGER NOT NULL DEFAULT 0,            -- times a worker died over it
    worker TEXT
);
CREATE INDEX trials_queued ON trials (rank) WHERE state = 'queued';
CREATE INDEX trials_running ON trials (worker) WHERE state = 'running';
CREATE INDEX trials_config ON trials (config);
CREATE INDEX trials_dataset ON trials (dataset);

-- One sweep's wish for a trial. The verdict is the sweep's own; the ledger shows it unless it is open.
CREATE TABLE sweep_trials (
    sweep INTEGER NOT NULL REFERENCES sweeps (number) ON DELETE CASCADE,
    trial TEXT NOT NULL REFERENCES trials (id),
    config TEXT NOT NULL,
    position INTEGER NOT NULL,
    verdict TEXT NOT NULL DEFAULT 'open' CHECK (verdict IN ('open', 'pruned', 'cancelled')),
    PRIMARY KEY (sweep, trial)
) WITHOUT ROWID;
CREATE INDEX sweep_trials_trial ON sweep_trials (trial);

CREATE TABLE environments (id TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;

-- What each attempt left. The result of a trial is that of its newest attempt. Large columns come last.
CREATE TABLE results (
    trial TEXT NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('succeeded', 'diverged', 'failed')),
    engine TEXT NOT NULL,
    epoch INTEGER,                              -- the epoch that counts, from 1
    metrics TEXT NOT NULL,                      -- JSON
    nonfinite TEXT NOT NULL,                    -- JSON list
    artefacts TEXT NOT NULL,                    -- JSON: name -> key, sha256, bytes
    notes TEXT NOT NULL,                        -- JSON list: what is worth knowing and is no error
    environment TEXT REFERENCES environments (id),
    worker TEXT,
    started TEXT,
    ended TEXT NOT NULL,
    duration_s REAL NOT NULL,
    peak_memory_bytes INTEGER NOT NULL,
    error_class TEXT,
    error_group TEXT,
    error TEXT,                                 -- JSON
    history BLOB NOT NULL,                      -- zlib of JSON: metric -> value per epoch
    log BLOB NOT NULL,                          -- zlib of text
    PRIMARY KEY (trial, attempt)
);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,                         -- state, submitted, paused, resumed, stopped, dataset, worker, ...
    sweep INTEGER,
    trial TEXT,
    before TEXT,
    after TEXT,
    attempt INTEGER,
    worker TEXT,
    detail TEXT
);
CREATE INDEX events_trial ON events (trial);

CREATE TABLE requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,                         -- stop, retry, remove
    arguments TEXT NOT NULL,                    -- JSON
    done TEXT,
    answer TEXT                                 -- JSON
);

-- Who is at work, for `watch` and for ending what a dead scheduler left behind.
CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    slot TEXT NOT NULL,
    pid INTEGER,
    created REAL,                               -- start time of the process, seconds since 1970
    started TEXT NOT NULL,
    trial TEXT,
    epoch INTEGER,
    epochs INTEGER,
    metrics TEXT,
    environment TEXT
) WITHOUT ROWID;
"""


SECOND = """
-- What is known of a result's metrics beside what it said itself: those of a definition of their own (an id is the
-- name and what tells the definition from others), and those that were computed later, from kept predictions.
CREATE TABLE measured (
    trial TEXT NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    metrics TEXT NOT NULL,                      -- JSON: id -> value, null where it cannot be had
    trained TEXT NOT NULL,                      -- JSON: name -> id, of those that training measured
    notes TEXT NOT NULL,                        -- JSON: id -> why there is no value
    errors TEXT NOT NULL,                       -- JSON: id -> error of the user's function; asked again when submitted
    PRIMARY KEY (trial, attempt)
) WITHOUT ROWID;

-- A sweep's wish for metrics that trials which are done lack.
CREATE TABLE to_measure (
    sweep INTEGER NOT NULL REFERENCES sweeps (number) ON DELETE CASCADE,
    trial TEXT NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    predictions INTEGER NOT NULL,               -- whether they were kept: else there is nothing to measure
    lost INTEGER NOT NULL DEFAULT 0,            -- times a worker died over it
    worker TEXT,
    PRIMARY KEY (sweep, trial)
) WITHOUT ROWID;
CREATE INDEX to_measure_waiting ON to_measure (predictions, sweep) WHERE worker IS NULL;
CREATE INDEX to_measure_trial ON to_measure (trial);

-- What no sweep keeps any more. Written before the file is deleted, which is `pending` until then.
CREATE TABLE let_go (
    trial TEXT NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    name TEXT NOT NULL,                         -- weights, predictions or logs
    key TEXT NOT NULL,                          -- in the models folder; '' for a log
    why TEXT NOT NULL,
    pending INTEGER NOT NULL,
    PRIMARY KEY (trial, attempt, name)
) WITHOUT ROWID;
CREATE INDEX let_go_pending ON let_go (pending) WHERE pending;
"""


THIRD = """
-- What trials have in common that one program can train; '' for those that are trained one at a time.
ALTER TABLE trials ADD COLUMN family TEXT NOT NULL DEFAULT '';
-- What trains a trial that is queued or running: fit or fused. NULL until a scheduler has decided.
ALTER TABLE trials ADD COLUMN engine TEXT CHECK (engine IN ('fit', 'fused'));
-- Why its family's program could not take it, when a worker tried.
ALTER TABLE trials ADD COLUMN unfused TEXT;
CREATE INDEX trials_undecided ON trials (family) WHERE state = 'queued' AND engine IS NULL;
CREATE INDEX trials_by_engine ON trials (engine, rank) WHERE state = 'queued';
CREATE INDEX trials_by_family ON trials (family, rank) WHERE state = 'queued' AND engine = 'fused';
"""


FOURTH = """
-- What has changed, for views of the store elsewhere: a trial or a sweep has one row, that of its newest change, and
-- `seq` grows with every change and is never used twice. Triggers write it, so that no change can be without its row.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('trial', 'sweep')),
    id TEXT NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE TRIGGER outbox_event AFTER INSERT ON events WHEN NEW.trial IS NOT NULL BEGIN
    DELETE FROM outbox WHERE kind = 'trial' AND id = NEW.trial;
    INSERT INTO outbox (kind, id, at) VALUES ('trial', NEW.trial, NEW.at);
END;
CREATE TRIGGER outbox_wanted AFTER INSERT ON sweep_trials BEGIN
    DELETE FROM outbox WHERE kind = 'trial' AND id = NEW.trial;
    INSERT INTO outbox (kind, id, at) VALUES ('trial', NEW.trial, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
END;
CREATE TRIGGER outbox_verdict AFTER UPDATE OF verdict ON sweep_trials WHEN OLD.verdict != NEW.verdict BEGIN
    DELETE FROM outbox WHERE kind = 'trial' AND id = NEW.trial;
    INSERT INTO outbox (kind, id, at) VALUES ('trial', NEW.trial, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
END;
CREATE TRIGGER outbox_unwanted AFTER DELETE ON sweep_trials BEGIN
    DELETE FROM outbox WHERE kind = 'trial' AND id = OLD.trial;
    INSERT INTO outbox (kind, id, at) VALUES ('trial', OLD.trial, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
END;
CREATE TRIGGER outbox_removed AFTER DELETE ON trials BEGIN
    DELETE FROM outbox WHERE kind = 'trial' AND id = OLD.id;
    INSERT INTO outbox (kind, id, at) VALUES ('trial', OLD.id, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
END;
CREATE TRIGGER outbox_sweep AFTER DELETE ON sweeps BEGIN
    DELETE FROM outbox WHERE kind = 'sweep' AND id = OLD.id;
    INSERT INTO outbox (kind, id, at) VALUES ('sweep', OLD.id, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
END;
CREATE TRIGGER outbox_tags AFTER UPDATE OF plan ON sweeps
    WHEN json_extract(OLD.plan, '$.tags') IS NOT json_extract(NEW.plan, '$.tags') BEGIN
    DELETE FROM outbox WHERE kind = 'trial' AND id IN (SELECT trial FROM sweep_trials WHERE sweep = NEW.number);
    INSERT INTO outbox (kind, id, at) SELECT 'trial', trial, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
        FROM sweep_trials WHERE sweep = NEW.number ORDER BY position;
END;

-- Epochs of trials that run, while somebody sends them on. What stays of them is the history of the result.
CREATE TABLE live_epochs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    trial TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    at TEXT NOT NULL,
    metrics TEXT NOT NULL                       -- JSON
);
CREATE INDEX live_epochs_trial ON live_epochs (trial);
CREATE TRIGGER live_epochs_over AFTER UPDATE OF state ON trials WHEN OLD.state = 'running' BEGIN
    DELETE FROM live_epochs WHERE trial = NEW.id;
END;
CREATE TRIGGER live_epochs_removed AFTER DELETE ON trials BEGIN
    DELETE FROM live_epochs WHERE trial = OLD.id;
END;
"""


FOREIGN = """
-- Results that were trained elsewhere, read from other tools: history for questions, in no sweep and no ledger.
CREATE TABLE foreign_results (
    id TEXT PRIMARY KEY,                        -- SHA-256 of origin, sweep and name
    origin TEXT NOT NULL,                       -- optuna, wandb, training_jobs, or store:ID
    sweep TEXT NOT NULL,                        -- study, project
    name TEXT NOT NULL,                         -- what it is called there
    state TEXT NOT NULL,
    params TEXT NOT NULL,                       -- JSON: path -> value
    metrics TEXT NOT NULL,                      -- JSON
    facts TEXT NOT NULL,                        -- JSON: model, seed, started, ... as far as they are known
    imported TEXT NOT NULL
) WITHOUT ROWID;
"""


SEARCHES = """
-- A sweep that searches. Configs that are not proposed yet are planned: `unproposed` of them, with `replicates`
-- trials each.
CREATE TABLE searches (
    sweep INTEGER PRIMARY KEY REFERENCES sweeps (number) ON DELETE CASCADE,
    method TEXT NOT NULL,                       -- JSON: method, options, seed, first, warm_start
    space TEXT NOT NULL,                        -- JSON
    replicates INTEGER NOT NULL,
    unproposed INTEGER NOT NULL,
    stopped INTEGER NOT NULL DEFAULT 0,         -- somebody took back what was not proposed yet
    why TEXT NOT NULL DEFAULT ''                -- why nothing more is proposed, if something is left
);

-- What was proposed, in order. `remembered` is the sampler's own, and nobody else reads it.
CREATE TABLE proposals (
    sweep INTEGER NOT NULL REFERENCES searches (sweep) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    config TEXT NOT NULL,
    picks TEXT NOT NULL,                        -- JSON: variable -> index or number
    origin TEXT NOT NULL,                       -- first, startup, the method, or warm_start
    kind TEXT NOT NULL CHECK (kind IN ('new', 'known', 'excluded')),
    remembered TEXT NOT NULL,                   -- JSON
    at TEXT NOT NULL,
    PRIMARY KEY (sweep, number)
) WITHOUT ROWID;
CREATE INDEX proposals_config ON proposals (config);

-- Which trials ended early, for one sweep: when, why, and what they were compared with.
CREATE TABLE prunings (
    sweep INTEGER NOT NULL REFERENCES sweeps (number) ON DELETE CASCADE,
    trial TEXT NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    why TEXT NOT NULL,
    facts TEXT NOT NULL,                        -- JSON: value, compared, the values of its epochs
    at TEXT NOT NULL,
    PRIMARY KEY (sweep, trial)
) WITHOUT ROWID;
-- How sweeps prune, as JSON; NULL for those that do not.
ALTER TABLE sweeps ADD COLUMN prune TEXT;
"""


EPOCHS = """
-- The epochs of the history, as JSON, where they are not 1, 2, 3 and so on: functions report some of theirs.
ALTER TABLE results ADD COLUMN epochs TEXT;
"""


def m001_first(db: sqlite3.Connection) -> None:
    run(db, FIRST)


def m002_kept_and_measured(db: sqlite3.Connection) -> None:
    run(db, SECOND)
    for number, metrics in db.execute("SELECT number, metrics FROM sweeps WHERE metrics != '[]' ORDER BY number"):
        own = {each.name: each.id for each in map(item, json.loads(metrics)) if not each.plain}
        if own:
            _note_definitions(db, number, own)


def _note_definitions(db: sqlite3.Connection, sweep: int, own: dict[str, str]) -> None:
    """Metrics of a definition of their own (name -> id) were measured by that of the first sweep that had the trial."""
    rows = db.execute(
        "SELECT trials.id, results.attempt, results.metrics FROM trials JOIN results ON results.trial = trials.id"
        " WHERE trials.id IN (SELECT trial FROM sweep_trials WHERE sweep = ?)",
        (sweep,),
    ).fetchall()
    for trial, attempt, metrics in rows:
        found = {name: value for name, value in json.loads(metrics).items() if name in own}
        values = {own[name]: value for name, value in found.items()}
        trained = {name: own[name] for name in found}
        db.execute(
            "INSERT OR IGNORE INTO measured VALUES (?, ?, ?, ?, '{}', '{}')",
            (trial, attempt, json.dumps(values), json.dumps(trained)),
        )


def m003_families(db: sqlite3.Connection) -> None:
    run(db, THIRD)


def m004_outbox(db: sqlite3.Connection) -> None:
    run(db, FOURTH)
    db.execute("INSERT INTO outbox (kind, id, at) SELECT 'trial', id, '' FROM trials ORDER BY number")


def m005_foreign(db: sqlite3.Connection) -> None:
    run(db, FOREIGN)


def m006_searches(db: sqlite3.Connection) -> None:
    run(db, SEARCHES)


def m007_epochs(db: sqlite3.Connection) -> None:
    run(db, EPOCHS)


MIGRATIONS = [
    m001_first, m002_kept_and_measured, m003_families, m004_outbox, m005_foreign, m006_searches, m007_epochs,
]  # fmt: skip


def run(db: sqlite3.Connection, script: str) -> None:
    """Executes each statement of a script inside the transaction that is open (`executescript` would commit it)."""
    statement = ""
    for line in script.splitlines():
        statement += line.partition("--")[0] + "\n"
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""
    assert not statement.strip(), f"BUG: a migration ends in the middle of a statement: {statement!r}"
