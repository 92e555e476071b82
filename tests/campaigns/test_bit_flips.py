"""The campaign of flipped bits, in short."""

from bit_flips import campaign, report


def test_a_flipped_bit_is_mended_or_named(finished, tmp_path):
    flips = campaign(n_flips=3, seed=2, folder=tmp_path, finished=finished)
    assert len(flips) == 3
    assert not any(flip.violations for flip in flips), report(flips)
