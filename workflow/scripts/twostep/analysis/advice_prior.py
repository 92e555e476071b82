"""The constants of `analysis.advice`, learned from the committed trainings in evidence/matrices.

`python evidence/make_document.py --only advice_constants` computes them anew: they are the last row
of that table in docs/evidence.md. The rows above are those that the advice was validated with,
each without the problem that it was then tried on.
"""

from twostep.analysis.advice import Prior

PRIOR = Prior(
    z_shift=-0.431,
    z_spread=0.498,
    gap_shift=0.233,
    gap_spread=0.294,
    tail=0.331,
    noise=0.027,
    cost_spread=0.037,
)
