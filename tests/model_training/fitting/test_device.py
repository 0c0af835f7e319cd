from __future__ import annotations

import torch

from model_training.fitting.estimators.device import reproducible


def test_what_is_computed_from_a_seed_leaves_torch_as_it_was_found() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()

    with reproducible(3):
        first = torch.rand(4)
    with reproducible(3):
        second = torch.rand(4)

    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
