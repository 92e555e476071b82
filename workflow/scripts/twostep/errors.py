"""The one exception that is meant to be read by the person who started the run."""


class UserError(Exception):
    """One clear sentence: what is wrong, where (file, key, row) and what to do about it."""
