"""The two exceptions that end a computation early on purpose."""


class InputError(ValueError):
    """A mistake in the user's input.

    The message is one sentence that names the file, band or field and what to do about it. It is
    shown to the user unchanged.
    """


class Cancelled(Exception):
    """The user cancelled the computation.

    No output has been moved to its final name, unless the message, which is shown to the user,
    says otherwise.
    """
