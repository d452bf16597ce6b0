"""Errors that speak to the person at the terminal."""


class UserError(Exception):
    """A mistake or a circumstance that the user can mend.

    Its text is one clear line: which file, which line, what was expected, what to do. The command line
    prints it without a traceback and exits with 1.
    """
