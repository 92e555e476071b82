"""What the config says of the missing values of an output, `dataset.outputs[].missing`."""

# The row is left out; or the row stays, and the value has no part in the loss.
DROP, MASK = "drop", "mask"
