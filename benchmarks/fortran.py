"""How fast the Fortran reader of exported models predicts, beside ONNX Runtime.

    python benchmarks/fortran.py

Exports networks of random weights with 16 inputs, most of them logarithms, and 4 outputs. Predicts
with both from physical units to physical units, on one thread, in turns; a number is the median of
those of the turns, in processor time. The reader is compiled with `gfortran -O3 -march=native`.
Where the compiler finds libopenblas or libblas, it is compiled with `-fexternal-blas`, too.
"""

import os

# Before any library starts its threads.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from twostep.export.onnx_format import INPUT, OUTPUT, write_onnx
from twostep.export.text_format import write_text_model
from twostep.model.model import Model
from twostep.training.configuration import Configuration
from twostep.training.network import build_network
from twostep.util.processor import processor_name

SOURCES = Path(__file__).parents[1] / "examples" / "fortran"
N_INPUTS, N_OUTPUTS = 16, 4
NETWORKS = [((32, 32), "relu"), ((32, 32), "tanh"), ((128,) * 3, "relu"), ((512,) * 3, "relu")]
# One sample, a block of columns of a climate model, and a large batch.
BATCH_SIZES = (1, 64, 1024)
N_ROUNDS, SECONDS = 7, 0.05
BLAS = ("-lopenblas", "-lblas")
# Predicts a file of doubles again and again for some seconds; prints the seconds of one call.
PROGRAM = """
program time_model
   use, intrinsic :: iso_fortran_env, only: int64, real64
   use twostep_model, only: load_model, model_type, predict
   implicit none
   type(model_type) :: model
   real(real64), allocatable :: inputs(:, :), outputs(:, :)
   real(real64) :: start, now
   integer :: unit, n_samples, i
   character(len=20) :: text

   call get_command_argument(1, text)
   read (text, *) n_samples
   call load_model('model.txt', model)
   allocate (inputs(size(model%inputs), n_samples))
   open (newunit=unit, file='inputs', access='stream', form='unformatted', status='old')
   read (unit) inputs
   close (unit)
   outputs = predict(model, inputs)
   call cpu_time(start)
   i = 0
   do
      outputs = predict(model, inputs)
      i = i + 1
      call cpu_time(now)
      if (now - start > SECONDS) exit
   end do
   print *, (now - start) / i
   print *, outputs(:, n_samples)
end program time_model
"""


def main() -> None:
    torch.manual_seed(0)
    version = subprocess.run(["gfortran", "-dumpfullversion"], capture_output=True, text=True)
    print(f"{processor_name()}, gfortran {version.stdout.strip()}, one core; us a sample\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = compile_programs(folder)
        heads = ["network", "batch", "ONNX Runtime", *programs, *(f"{p} / ONNX" for p in programs)]
        print(f"| {' | '.join(heads)} |\n| --- |{' ---: |' * (len(heads) - 1)}")
        for widths, activation in NETWORKS:
            write_model(folder, widths, activation)
            for n_samples in BATCH_SIZES:
                times = measure(folder, programs, n_samples)
                reference, *others = (1e6 * found / n_samples for found in times)
                cells = [f"{'-'.join(map(str, widths))} {activation}", f"{n_samples:,}"]
                cells += [f"{found:.3g}" for found in (reference, *others)]
                cells += [f"{found / reference:.2f}" for found in others]
                print(f"| {' | '.join(cells)} |", flush=True)


def compile_programs(folder: Path) -> dict[str, Path]:
    """Return the executables by what they are compiled with."""
    main_program = folder / "time_model.f90"
    main_program.write_text(PROGRAM.replace("SECONDS", f"{SECONDS}_real64"))
    programs = {}
    for name, flags in {
        "Fortran": [],
        **{f"Fortran, {b}": ["-fexternal-blas"] for b in BLAS},
    }.items():
        program = folder / f"program{len(programs)}"
        sources = [SOURCES / "twostep_model.f90", main_program]
        command = [
            "gfortran",
            "-O3",
            "-march=native",
            *flags,
            "-J",
            folder,
            "-o",
            program,
            *sources,
        ]
        library = [name.split()[-1]] if flags else []
        process = subprocess.run([*command, *library], capture_output=True, text=True)
        if process.returncode == 0:
            programs[name] = program
        elif not flags:
            raise SystemExit(process.stderr)
    return programs


def write_model(folder: Path, widths: tuple[int, ...], activation: str) -> None:
    """Write a model of random weights as ONNX and as text."""
    configuration = Configuration(widths, 1e-3, 32, activation, "adam", 0.0, 0.0)
    network = build_network(configuration, N_INPUTS, N_OUTPUTS, "linear").eval()
    plain = {
        "long_name": "a quantity",
        "units": "1",
        "min": 0.0,
        "max": 1.0,
        "mean": 0.0,
        "std": 1.0,
    }
    inputs, outputs = (
        [
            {**plain, "name": f"x{i}", "transform": "none" if i < n_plain else "log10"}
            for i in range(n)
        ]
        for n, n_plain in ((N_INPUTS, 4), (N_OUTPUTS, N_OUTPUTS))
    )
    model = Model(network, inputs, outputs, {}, {}, "", "linear")
    write_onnx(folder / "model.onnx", model, {})
    write_text_model(folder / "model.txt", model, {})


def measure(folder: Path, programs: dict[str, Path], n_samples: int) -> list[float]:
    """Return the seconds of a prediction of so many samples, of ONNX Runtime and each program."""
    inputs = np.random.default_rng(0).uniform(0.1, 10, (n_samples, N_INPUTS))
    (folder / "inputs").write_bytes(inputs.tobytes())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options)
    times: list[list[float]] = [[] for _ in range(1 + len(programs))]
    for _ in range(N_ROUNDS):
        times[0].append(time_onnx(session, inputs))
        expected = session.run([OUTPUT], {INPUT: inputs})[0]
        for found, program in zip(times[1:], programs.values(), strict=True):
            command = [program, str(n_samples)]
            process = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, check=True
            )
            seconds, *outputs = map(float, process.stdout.split())
            np.testing.assert_allclose(outputs, expected[-1], rtol=1e-3, atol=1e-4)
            found.append(seconds)
    return [statistics.median(found) for found in times]


def time_onnx(session: onnxruntime.InferenceSession, inputs: np.ndarray) -> float:
    """Return the processor seconds of one call."""
    session.run([OUTPUT], {INPUT: inputs})
    start, n_calls = time.process_time(), 0
    while (now := time.process_time()) - start < SECONDS:
        session.run([OUTPUT], {INPUT: inputs})
        n_calls += 1
    return (now - start) / n_calls


if __name__ == "__main__":
    main()
