"""How long an example takes is the machine's affair, not a law of the code."""

from hypothesis import settings

settings.register_profile("tidegate", deadline=None)
settings.load_profile("tidegate")
