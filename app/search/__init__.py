"""Search: files found by name, digest, age and size, in what the caller may read.

`query` says what is looked for and in which order of a repository, `search` looks.
"""

from app.search.query import Query
from app.search.search import Found, Search

__all__ = ["Found", "Query", "Search"]
