"""Files that help to run a server; `sharecast serve --show-file NAME` prints each."""
