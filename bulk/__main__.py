"""`python -m bulk`: the same as the command `bulk`."""

from bulk.cli import main

if __name__ == "__main__":
    main()
