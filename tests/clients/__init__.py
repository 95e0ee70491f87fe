"""Real clients against a started server: what they publish, others resolve."""
