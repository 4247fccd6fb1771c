"""Version 1 of the API: generated messages and stubs."""
