"""The constants of `analysis.advice`, learned from the committed trainings in evidence/matrices.

`python evidence/make_document.py --only advice_constants` computes them anew: they are the last row
of that table in docs/evidence_advice.md. The rows above are those that the advice was validated
with, each without the problem that it was then tried on.
"""

from twostep.analysis.advice import Prior, Unseen

# Of aerosol activation, air times of flights, photographs, words and late flights.
DEGREES = 4
PRIOR = Prior(
    correlation=Unseen(-0.20, 0.38, DEGREES),
    gap=Unseen(0.08, 0.23, DEGREES),
    tail=Unseen(-0.10, 0.76, DEGREES),
    noise=Unseen(-4.02, 0.71, DEGREES),
    cost=Unseen(0.00, 0.04, DEGREES),
)
