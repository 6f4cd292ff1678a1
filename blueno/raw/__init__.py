"""Raw data in buckets: `gs://` paths of specs. When a spec is planned with, a path is pinned: what lies there is listed
and counts by its content. When a dataset is built, it is fetched, once, at the generation that was listed.

data/raw/pins/ADDRESS/ID.json      what a path stood for, by the digests of the path and of what was listed
data/raw/sets/ID/                  what was fetched, as a source reads it: files under their own names
data/raw/objects/                  the same files under their checksums, so that two sets share what they have in common
data/raw/tmp/                      what is being fetched; who is killed goes on where the last one was
"""

from __future__ import annotations

from .address import Address, address_of, in_bucket

__all__ = ["Address", "address_of", "in_bucket"]
