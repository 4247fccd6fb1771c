"""One Hypothesis profile for all tests: no deadline, because shared machines stall."""

from hypothesis import settings

settings.register_profile("sharecast", deadline=None, derandomize=True)
settings.load_profile("sharecast")
