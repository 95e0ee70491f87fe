"""Python packages: names of projects and files, and the metadata that distributions carry."""
