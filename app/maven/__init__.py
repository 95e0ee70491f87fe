"""Maven's layout: coordinates, versions and the documents that are computed from files."""
