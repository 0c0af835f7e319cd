from __future__ import annotations

import pytest
import sqlalchemy as sa
from synthetic_store import Synthetic, fill

from database.verification.rollup import refresh


@pytest.fixture
def filled(engine: sa.Engine) -> Synthetic:
    synthetic = fill(engine)
    refresh(engine)
    return synthetic
