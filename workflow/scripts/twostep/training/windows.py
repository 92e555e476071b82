"""How many samples training takes at a time; without torch, as the rules' resources ask for it."""

# Samples that are shuffled together: of data beyond the memory only these are held.
SHUFFLE_WINDOW = 1_048_576
# Blocks of neighbouring samples that a window consists of, which the disk reads quickly.
SHUFFLE_BLOCK = 65_536
# Samples of one forward pass of validation: enough to be quick, and few enough for the caches.
VALIDATION_CHUNK = 1024
