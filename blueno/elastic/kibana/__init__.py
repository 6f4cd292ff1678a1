"""Kibana's dashboards as code, made from the list of fields. Pure, but for `upload`: nothing here asks a server.

`views` (data views of the list of fields), `saved` (saved objects, their versions and ids), `lens` and `vega` (the two
kinds of panels), `axes` (what a sweep varies), `parallel`, `scatter`, `curves`, `slots`, `messages` (one chart each, or
two), then a module for each dashboard: `overview`, `sweep`, `config`, `failures`, `machines`; `bundle` (all of them).
"""
