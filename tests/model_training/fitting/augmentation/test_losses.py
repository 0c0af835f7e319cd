from __future__ import annotations

import math

import pytest
import torch

from model_training.fitting.augmentation import timegan_networks

ZEROS = torch.zeros(2, 3, 1)


def test_the_reconstruction_loss_is_ten_times_the_root_of_the_mean_square() -> None:
    # All differences are 0.2.
    assert timegan_networks.reconstruction_loss(ZEROS, ZEROS + 0.2).item() == pytest.approx(2.0)


def test_the_supervised_loss_compares_each_step_with_the_one_foreseen_before_it() -> None:
    latent = torch.tensor([[[1.0], [2.0], [3.0]]])
    ahead = torch.tensor([[[2.0], [4.0], [9.0]]])

    # (2 - 2)^2 and (4 - 3)^2; what the last step foresees is beyond the window.
    assert timegan_networks.supervised_loss(latent, ahead).item() == pytest.approx(0.5)


def test_the_moment_loss_adds_the_distances_of_deviations_and_means() -> None:
    windows = torch.tensor([[[0.0]], [[2.0]]])
    made = torch.tensor([[[5.0]], [[5.0]]])

    # Deviations sqrt(1 + 1e-6) and sqrt(1e-6) = 0.001; means 1 and 5.
    assert timegan_networks.moment_loss(windows, made).item() == pytest.approx(
        4 + 1.0000005 - 0.001
    )


def test_a_discriminator_that_does_not_know_loses_as_much_for_each_kind() -> None:
    # -ln 0.5 for real, for fake and for fake without the supervisor.
    assert timegan_networks.discriminator_loss(ZEROS, ZEROS).item() == pytest.approx(
        3 * math.log(2)
    )


def test_the_generator_loss_weighs_its_parts_as_published() -> None:
    # Undecided about both kinds: ln 2 twice; 100 sqrt(0.04) = 20; 100 * 0.3 = 30.
    loss = timegan_networks.generator_loss(
        ZEROS, ahead=torch.tensor(0.04), difference=torch.tensor(0.3)
    )

    assert loss.item() == pytest.approx(2 * math.log(2) + 20 + 30)


def test_the_embedding_loss_takes_a_tenth_of_the_supervised_one() -> None:
    loss = timegan_networks.embedding_loss(ZEROS, ZEROS + 0.2, ahead=torch.tensor(0.5))

    assert loss.item() == pytest.approx(2.05)
