"""The index: a view of the store in Elasticsearch that can always be rebuilt.

`fields` lists what documents hold, `templates` makes mappings of it, `documents` makes documents of rows of the store,
`sender` sends what the outbox says has changed, `client` is the one module that imports the library.
"""
