"""Speed of the parcel model: samples per second of one processor.

    python benchmarks/parcel_model.py

The time of a fixed kernel is printed with each repetition, so that figures from a busy machine,
or from another one, can be compared.
"""

import time

import numba
import numpy as np

from twostep.parcel.activation import _activate, activate, default_bins
from twostep.parcel.generate import MODES, draw_inputs
from twostep.parcel.jit import OPTIONS

CASES = {
    "one mode": (["single"], 1500),
    "four modes": (["accumulation", "aitken", "coarse", "primary_carbon"], 1000),
}
N_SAMPLES = 4000
N_REPETITIONS = 5


@numba.njit
def fixed_kernel(n: int) -> float:
    """Do n dependent multiplications and additions: its speed is that of one scalar chain."""
    x = 0.5
    for _ in range(n):
        x = 3.9 * x * (1.0 - x)
    return x


def main() -> None:
    fixed_kernel(10)
    print(f"first call, compiled or loaded from the cache: {seconds(run, ['single'], 1):.1f} s")
    fresh = numba.njit(**OPTIONS)(_activate.py_func)
    print(f"compilation: {seconds(fresh.compile, _activate.signatures[0]):.1f} s")
    for name, (modes, target) in CASES.items():
        rates = []
        for _ in range(N_REPETITIONS):
            kernel = seconds(fixed_kernel, 50_000_000)
            rates.append(N_SAMPLES / seconds(run, modes, N_SAMPLES))
            print(f"  {rates[-1]:6.0f} samples/s; fixed kernel {50 / kernel:.0f} million rounds/s")
        print(
            f"{name}, {default_bins(len(modes))} bins each: median {np.median(rates):.0f} samples "
            f"per processor second (target {target})"
        )


def run(modes: list[str], n_samples: int) -> None:
    """Run the parcels with the indices 0 ... n_samples - 1."""
    inputs = draw_inputs(0, n_samples, seed=1, modes=modes)
    activate(*inputs.values(), sigma=[MODES[mode].sigma for mode in modes])


def seconds(function, *arguments) -> float:
    """Return the processor time of a call."""
    started = time.process_time()
    function(*arguments)
    return time.process_time() - started


if __name__ == "__main__":
    main()
