"""From the options of a command to a finished run."""
