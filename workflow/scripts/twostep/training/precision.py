"""The precision of step 1 and of rungs by its name, and whether this processor has it.

This is not in the keys of trials, which hold the module of their own precision.
"""

import torch

from twostep.training.bfloat16 import RoundedNetworks
from twostep.training.train import FULLY_CONNECTED, FullyConnected
from twostep.util.errors import UserError
from twostep.util.processor import processor_name

FLOAT32, BFLOAT16 = "float32", "bfloat16"
# As torch names the instructions that multiply in bfloat16.
INSTRUCTIONS = {"avx512_bf16": "AVX512_BF16", "amx_bf16": "AMX"}


def fully_connected(precision: str) -> FullyConnected:
    """Return fully connected networks that are trained in a precision.

    Raises UserError if this processor has no instructions for it: others would compute about the
    same numbers, but more slowly than in float32.
    """
    if precision == FLOAT32:
        return FULLY_CONNECTED
    known = torch.cpu.get_capabilities()
    if not any(known.get(name) for name in INSTRUCTIONS):
        raise UserError(
            f"search.precision is {precision}, but the processor of this machine "
            f"({processor_name()}) has neither {' nor '.join(INSTRUCTIONS.values())}: run on one "
            f"that has, or set search.precision to {FLOAT32}"
        )
    return RoundedNetworks()
