"""``python -m spam_pipe`` is the command line."""

from spam_pipe.pipeline.cli.app import main

if __name__ == "__main__":
    main()
