"""`python -m metalstm`."""

from metalstm.cli import main

main()
