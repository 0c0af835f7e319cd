"""The choice of augmentation: how the rare class is made less rare in training, and only there."""

from __future__ import annotations

from typing import Literal

from model_training.choices.strict import Choice, option


class SmoteChoice(Choice):
    """Synthetic events between neighbouring events, in scaled space (Chawla et al. 2002)."""

    kind: Literal["smote"]
    neighbours: int = option(5, "events to interpolate towards", ge=2, le=20)
    share: float = option(1.0, "events per non-event after augmentation", gt=0, le=1)


class UndersampleChoice(Choice):
    """Leave out non-events at random; the prior is put right after the estimator."""

    kind: Literal["undersample"]
    share: float = option(0.5, "events per non-event that are kept", gt=0, le=1)


class TimeGanChoice(Choice):
    """Synthetic event windows from a TimeGAN (Yoon et al. 2019), in scaled space."""

    kind: Literal["timegan"]
    batch: int = option(64, "windows a step", unit="windows", ge=4, le=512)
    iterations: int = option(
        2000,
        "steps of each of the three phases; 17 min on one core for windows of 60 steps and"
        " 24 features",
        ge=1,
        le=50_000,
    )
    layers: int = option(2, "recurrent layers of each network", ge=1, le=6)
    hidden: int = option(24, "width of the latent space", ge=2, le=256)
    learning_rate: float = option(1e-3, "of Adam", gt=0, le=0.1)
    share: float = option(0.5, "events per non-event after augmentation", gt=0, le=1)


Augmentation = SmoteChoice | UndersampleChoice | TimeGanChoice
