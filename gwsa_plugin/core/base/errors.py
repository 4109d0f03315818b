"""The two ways a computation ends early."""


class InputError(ValueError):
    """A mistake in what the user gave.

    The message is one sentence that names the file, band or field and says what to do; it is shown as it is.
    """


class Cancelled(Exception):
    """The user asked to stop; nothing is left under its final name."""
