"""Data that ships with the library, and the scripts that made it."""
