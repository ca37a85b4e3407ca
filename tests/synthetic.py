"""The generator of synthetic people (sample_data/), made importable for tests."""

import importlib
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "sample_data"))
make_cohort = importlib.import_module("make_cohort")
cohort_life = importlib.import_module("cohort_life")
cohort_export = importlib.import_module("cohort_export")
make_effects = importlib.import_module("make_effects")
