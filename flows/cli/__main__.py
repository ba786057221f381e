"""`python -m flows.cli` is the command `lookback`."""

from flows.cli.app import main

if __name__ == "__main__":
    main()
