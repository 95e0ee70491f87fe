"""Raw repositories: files under paths, for curl and scripts."""
