"""`python -m eagdata.cli`."""

from eagdata.cli import main

main()
