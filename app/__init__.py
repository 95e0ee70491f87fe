"""The application: routes, use cases and commands of Strongroom."""
