"""Owns the error tree; knows nothing of how an error is shown or translated to a wire.

Inside the house one of these is raised. A front door (CLI, API) turns it into an exit status or
an HTTP answer by table; nobody else catches the root class.
"""


class AbsoluteError(Exception):
    """The root of every error this program raises on purpose."""


class UserError(AbsoluteError):
    """A mistake the user can mend: one sentence that says what, where and what to do.

    `code` is a documented UPPER_SNAKE word which never changes with the language.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class IllegalStep(AbsoluteError):
    """A life cycle was asked for a step its table does not have; nothing was changed."""


class LedgerError(AbsoluteError):
    """A posting would break a rule of the account; nothing was posted."""


class UnknownOrder(AbsoluteError):
    """A fact names an order we never wrote down; the caller must reconcile, not guess."""


class JournalError(AbsoluteError):
    """The journal is damaged, torn or out of sequence in a way that cannot be mended alone."""
