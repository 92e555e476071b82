"""The numbers and names of the splits, for modules that read no data files."""

SPLITS = ("training", "validation", "test")
TRAINING, VALIDATION, TEST = range(3)
UNKNOWN = -1
