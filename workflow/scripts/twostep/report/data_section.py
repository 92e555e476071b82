"""The summary's section on the data: where they come from, what was dropped, and the features."""

from twostep.analysis.study import Study
from twostep.data.variables import ORDER, Variable, feature_table, list_shown, unscaled
from twostep.util import wording
from twostep.util.text import MOST_FEATURES, list_features
from twostep.util.wording import number, share

MODEL_CARD = "[model card](export/selected/model_card.md)"


def data_section(study: Study) -> list[str]:
    """Return the paragraphs of the section on the data."""
    manifest = study.manifest
    used = sum(manifest["splits"].values())
    files = study.config["dataset"]["files"]
    names = [files] if isinstance(files, str) else files
    source = ", ".join(f"`{name}`" for name in names) if files else "the embedded parcel model"
    dropped = "; ".join(_dropped(manifest["dropped"]))
    # One row may lack several values.
    several = " (a row may count more than once)" if len(manifest["dropped"]) > 1 else ""
    lines = [
        f"- Source: {source}; {manifest['n_rows_read']:,} rows read.",
        f"- Dropped: {share(manifest['n_rows_read'] - used, manifest['n_rows_read'], 'rows')}"
        + (f": {dropped}{several}." if dropped else "."),
        f"- Splits: {wording.splits(manifest)}.",
    ]
    if manifest["autocorrelation"] is not None:
        text = wording.autocorrelation(manifest["autocorrelation"], is_generated=not files)
        lines.append(f"- {text}")
    lines += [
        f"- Masked: `{output['name']}` is missing in {number(n_missing, 'sample')}, and has no "
        "part in their losses."
        for output in manifest["outputs"][:MOST_FEATURES]
        if (n_missing := sum(output.get("n_missing", {}).values()))
    ]
    if manifest["constant_features"]:
        lines.append(f"- {wording.left_out(manifest['constant_features'])}")
    tables, has_entries = [], False
    for role in ("input", "output"):
        features = manifest[f"{role}s"]
        shown = list_shown(features, manifest["variables"])
        has_entries |= len(shown) < len(features)
        tables.append(_feature_table(role, shown))
    note = "Ranges are those of the training split, rounded outwards."
    texts = [note, ORDER if has_entries else "", unscaled(manifest["inputs"])]
    return ["## Data", "\n".join(lines), " ".join(filter(None, texts)), *tables]


def _feature_table(role: str, shown: list[Variable]) -> str:
    """Return the table of inputs or outputs; a sentence where it is too long to be read."""
    if len(shown) <= MOST_FEATURES:
        return feature_table(role, shown)
    return f"The {len(shown):,} {role}s with their units and ranges are in the {MODEL_CARD}."


def _dropped(entries: list[dict]) -> list[str]:
    """Return why rows were dropped; features that seem to lack the same rows stand together."""
    alike: dict[tuple, list[dict]] = {}
    for entry in entries:
        cause = (entry["reason"], entry["rows"], entry["first"])
        alike.setdefault(cause, []).append(entry)
    if len(alike) > MOST_FEATURES:
        # Other rows in each entry of a variable.
        alike = {}
        for entry in entries:
            alike.setdefault((entry["reason"],), []).append(entry)
    return [_dropped_text(group) for group in alike.values()]


def _dropped_text(alike: list[dict]) -> str:
    """Return why rows were dropped because of some features."""
    rows = {entry["rows"] for entry in alike}
    most = f"{'up to ' if len(rows) > 1 else ''}{number(max(rows), 'row')}"
    return (
        f"{list_features([entry['feature'] for entry in alike], mark='')} {alike[0]['reason']} "
        f"({most}{' each' if len(alike) > 1 else ''}, first in {alike[0]['first']})"
    )
