"""How the generated examples are made: the same ones at every run, and without a clock."""

from hypothesis import settings

# A failure that comes and goes helps nobody, and a deadline measures the machine rather than the code.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
