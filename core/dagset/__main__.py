"""`python -m dagset`: the command line."""

from dagset.cli.main import main

if __name__ == "__main__":
    main()
