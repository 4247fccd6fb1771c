"""Models of the transformed contrasts, one file each."""
