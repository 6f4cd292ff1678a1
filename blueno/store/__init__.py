"""The store: one SQLite file in WAL mode, the only truth about what ran.

`database` opens it, `submit` adds plans, `transitions` records what happened (the scheduler only), `requests` carries
wishes of other commands to the scheduler, `ledger` counts, `read` answers questions. All are plain functions over a
connection. A trial's state is one word in one column; every change is also a row of `events`, in one transaction.
"""
