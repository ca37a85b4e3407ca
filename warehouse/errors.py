"""The error that people read."""


class ExplainedError(Exception):
    """An error whose text is one sentence for whoever typed the command.

    It says what, where, what was expected and what to do next; the command line prints it and ends
    with exit code 1, without a traceback.
    """
