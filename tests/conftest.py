"""What holds for every test: where Hypothesis keeps its examples, and that it has no deadline."""

from hypothesis import settings

# Two busy cores make single examples slow; pytest-timeout ends what really hangs.
settings.register_profile("strongroom", deadline=None)
settings.load_profile("strongroom")
