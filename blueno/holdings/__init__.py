"""What caches hold of prepared data: what is there, where it comes from, what may go, and what is to be mended.

Everything is asked of `Cache`, so that a local folder and a shared bucket are looked at alike. Nothing heavy is
imported, and only what is called `remove...` or `mend...` changes anything.
"""
