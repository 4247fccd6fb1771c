"""The process around the library: server, client, batch and command line."""
