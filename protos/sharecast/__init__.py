"""The Sharecast API."""
