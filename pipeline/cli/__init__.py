"""The command line: it parses, then calls a command."""
