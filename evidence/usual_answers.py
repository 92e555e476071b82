"""Print what the usual models come to on the data of a study, beside the networks of its summary.

    python evidence/usual_answers.py results/photos/prepare/manifest.json

The data are classes or events. All models have the defaults of scikit-learn.
"""

import argparse
import time

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import make_pipeline

from twostep.model.split_loss import Split

# Letters in a row whose frequencies tell a language.
N_GRAMS = (1, 4)


def classes_of(split: Split) -> np.ndarray:
    """Return the class of each sample, (n_samples,); of events 0 or 1."""
    targets = split.targets
    return targets.argmax(axis=1) if targets.shape[1] > 1 else targets[:, 0].astype(int)


def as_words(inputs: np.ndarray) -> list[str]:
    """Return codes of letters as words; a blank stands for both ends of a word."""
    # Any letters will do, as long as they differ from blanks.
    return [" " + "".join(chr(97 + int(code)) for code in row if code) + " " for row in inputs]


def report(name: str, model: BaseEstimator, samples: list, classes: list[np.ndarray]) -> None:
    """Fit a model to the training samples, and print its errors on the test samples."""
    start = time.process_time()
    model.fit(samples[0], classes[0])
    seconds = time.process_time() - start
    probabilities = model.predict_proba(samples[1])
    loss = log_loss(classes[1], probabilities)
    right = accuracy_score(classes[1], probabilities.argmax(axis=1))
    print(f"{name}: test loss {loss:.4f}, accuracy {right:.4f}, {seconds:.0f} processor s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest")
    parser.add_argument("--words", action="store_true", help="the inputs are codes of letters")
    arguments = parser.parse_args()
    splits = [Split.load(arguments.manifest, name) for name in ("training", "test")]
    inputs, classes = [each.inputs for each in splits], [classes_of(each) for each in splits]
    report("gradient boosting", HistGradientBoostingClassifier(), inputs, classes)
    if arguments.words:
        pieces = TfidfVectorizer(analyzer="char", ngram_range=N_GRAMS, min_df=2)
        regression = make_pipeline(pieces, LogisticRegression(max_iter=1000))
        words = [as_words(each) for each in inputs]
        report("logistic regression of n-grams", regression, words, classes)
