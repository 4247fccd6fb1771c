"""The command `sharecast`."""
