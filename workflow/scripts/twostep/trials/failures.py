"""Failed trials: how many are too many."""

from collections import Counter

from twostep.util.errors import UserError
from twostep.util.wording import counts, share


def check_failures(records: list[dict], limit: float, *, key: str) -> None:
    """Raise UserError if more than a share `limit` of the records have failed, or all of them.

    `key` is the config key that sets the limit.
    """
    failed = [record for record in records if record["status"] != "ok"]
    if len(failed) <= limit * len(records) and len(failed) < len(records):
        return
    message, frequency = Counter(record["message"] for record in failed).most_common(1)[0]
    allowed = (
        f"more than {key} = {100 * limit:g} %" if len(failed) > limit * len(records) else "all"
    )
    raise UserError(
        f"{share(len(failed), len(records), 'trials')} failed, {allowed} "
        f"({counts(record['status'] for record in failed)}); {frequency:,} of them say: {message}. "
        "Mend the cause, and see in docs/running.md under failed trials how they are tried again"
    )
