"""``python -m labcore``."""

from labcore.cli import main

if __name__ == "__main__":
    main()
