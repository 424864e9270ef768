"""The one class of error that a user can cause."""


class UserError(Exception):
    """Something a person can mend: one clear sentence that says what is wrong and the way out.

    Pages show it as it is, the CLI prints it to stderr and exits with 2. Any other exception is a bug: its
    traceback goes to the log, never to the page.
    """
