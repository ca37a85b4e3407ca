"""Sleep from heart rate alone: what is planted in a night is found, and what cannot be known is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.datasets import sleep_accel
from cli.datasets.tables import DataSetError
from cli.main import app
from features import sleep_window
from models import sleepwake
from models.validate import metrics
from models.validate.sleep import measure_nights, train_sleepwake
from warehouse.sleep_model import FEATURES, SleepModelError, WindowError, read_sleep_model, write_sleep_model

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def make_night(seed: int, *, hours: float = 8.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, heart rate and awake by epoch: awake at first, at last and twice between, with a varied heart then."""
    rng = np.random.default_rng(seed)
    epochs = int(hours * 120)
    awake = np.zeros(epochs, bool)
    awake[: 40 + rng.integers(0, 40)] = True
    awake[-30:] = True
    for at in rng.integers(200, epochs - 100, 2):
        awake[at : at + 25] = True
    t_s = np.arange(0, epochs * 30, 5.0)
    mine = awake[(t_s // 30).astype(int)]
    slow = np.repeat(rng.normal(0, 1, epochs // 4 + 1), 24)[: len(t_s)]
    hr = 55 + rng.integers(-5, 5) + slow * np.where(mine, 6, 1.5) + mine * 6 + rng.normal(0, 1, len(t_s))
    return t_s, hr, awake


def write_set(folder: Path, nights: int = 5) -> None:
    (folder / "HR").mkdir(parents=True)
    (folder / "Sleep").mkdir()
    for number in range(nights):
        t_s, hr, awake = make_night(number)
        stages = np.where(awake, 0, np.where(np.arange(len(awake)) % 200 > 150, 5, 2))
        stages[:3] = -1
        rows = [f"{t:.2f},{v:.0f}" for t, v in zip(t_s, hr, strict=True)]
        (folder / "HR" / f"{number}_heartrate.txt").write_text("\n".join(["-9000,80", *rows]))
        told = [f"{30 * i} {stage}" for i, stage in enumerate(stages)]
        (folder / "Sleep" / f"{number}_labeled_sleep.txt").write_text("\n".join(told))


def test_epochs_are_means_holes_are_bridged_up_to_five_minutes_and_no_longer() -> None:
    t_s = np.array([0.0, 10.0, 31.0, 600.0, 1500.0, 1501.0])
    hr = np.array([60.0, 62.0, 250.0, 70.0, 80.0, 20.0])
    level = sleep_window.mean_epochs(t_s, hr, 0.0, 60)
    assert level[0] == 61
    assert np.isnan(level[1]), "250 is no heart rate"
    assert level[20] == 70
    assert level[50] == 80
    assert np.isnan(sleep_window.bridge_holes(level)[1:20]).all(), "nineteen epochs are missing"
    short = np.array([60.0, *[np.nan] * 10, 71.0, *[np.nan] * 11, 80.0])
    bridged = sleep_window.bridge_holes(short)
    assert bridged[1:11].tolist() == pytest.approx(list(range(61, 71)))
    assert np.isnan(bridged[12:23]).all()


def test_features_do_not_depend_on_order_or_origin_and_are_missing_in_a_hole() -> None:
    t_s, hr, awake = make_night(1)
    x = sleep_window.measure_epochs(t_s, hr, 0.0, len(awake))
    mixed = np.random.default_rng(0).permutation(len(t_s))
    other = sleep_window.measure_epochs(t_s[mixed] + 7e5, hr[mixed], 7e5, len(awake))
    assert np.allclose(x, other)
    hole = (t_s > 9000) & (t_s < 10800)
    holed = sleep_window.measure_epochs(t_s[~hole], hr[~hole], 0.0, len(awake))
    assert np.isnan(holed[302:358]).all()
    assert np.isfinite(holed[:299]).all()
    assert np.isnan(sleep_window.measure_epochs(t_s[:0], hr[:0], 0.0, 10)).all()


def test_what_was_planted_is_told_in_a_night_never_seen(tmp_path: Path) -> None:
    write_set(tmp_path)
    table = sleep_accel.read(tmp_path).table
    assert table.people == ("0", "1", "2", "3", "4")
    assert np.isnan(table.label).sum() == 15, "three unscored epochs a night"
    nights = measure_nights(table)["Nights, asleep or awake"]
    assert nights["specificity for wake at sensitivity .93 for sleep"] > 0.6
    model = train_sleepwake(table)
    t_s, hr, awake = make_night(99)
    wake = sleep_window.tell_wake(model, sleep_window.measure_epochs(t_s, hr, 0.0, len(awake)))
    person = np.zeros(len(awake), np.int64)
    prob = np.column_stack([1 - wake, wake])
    auroc = metrics.score_classes(
        awake.astype(np.int64), prob, (wake > 0.5).astype(np.int64), person, np.ones((1, 1))
    )
    assert auroc["auroc"][0] > 0.85
    assert model.trained_on == "sleep_accel, 5 nights"


def test_the_numbers_of_nights_by_hand() -> None:
    night = np.repeat(["a", "b"], 100)
    awake = np.zeros(200, bool)
    awake[:10] = True  # a: 90 % asleep; b: 80 %
    awake[100:120] = True
    called = np.zeros(200, bool)
    called[:30] = True  # a: 70 %; b: 100 %
    wake = awake * 0.9 + 0.05
    found = sleepwake.summarise_nights(night, awake, wake, called)
    # 100 epochs are 50 min: errors of 20 % are 10 min each; the other's efficiency is 10 % off, 5 min.
    assert list(found.values()) == pytest.approx([10.0, 5.0, 1.0])


def test_a_window_is_found_in_a_day_and_none_where_there_is_none(tmp_path: Path) -> None:
    write_set(tmp_path)
    model = train_sleepwake(sleep_accel.read(tmp_path).table)
    rng = np.random.default_rng(3)
    noon = 1e6
    t_s = noon + np.arange(0, 86400, 10.0)
    in_bed = (t_s >= noon + 11 * 3600) & (t_s < noon + 19 * 3600)
    night_t, night_hr, awake = make_night(7)
    hr = 80 + 10 * np.sin(t_s / 4000) + rng.normal(0, 4, len(t_s))
    hr[in_bed] = np.interp(t_s[in_bed], noon + 11 * 3600 + night_t, night_hr)
    window = sleep_window.find_window(model, t_s, hr, noon, noon + 86400)
    assert window is not None
    asleep = np.flatnonzero(~awake)
    onset, final = noon + 11 * 3600 + 30.0 * asleep[0], noon + 11 * 3600 + 30.0 * (asleep[-1] + 1)
    assert abs(window[0] - onset) < 25 * 60
    assert abs(window[1] - final) < 25 * 60
    sparse = slice(0, 100)
    assert sleep_window.find_window(model, t_s[sparse], hr[sparse], noon, noon + 86400) is None


def test_it_is_saved_as_plain_numbers_with_its_error_and_read_back_the_same(tmp_path: Path) -> None:
    write_set(tmp_path / "set", nights=3)
    done = CliRunner().invoke(
        app, ["validate", "sleep_accel", str(tmp_path / "set"), "--out", str(tmp_path / "o"), "--train"]
    )
    assert done.exit_code == 0, done.output
    assert "Nights left out once, 3: onset off by" in done.output
    saved = read_sleep_model(tmp_path / "o" / "sleepwake.json")
    assert saved == sleep_accel.train_windows(tmp_path / "set")
    assert saved.features == FEATURES
    assert saved.error.nights == 3
    assert 0 < saved.error.onset_mae_min < 10, "what was planted is plain to see"
    assert 0 < saved.error.wake_mae_min < 10
    document = json.loads((tmp_path / "o" / "sleep_accel.json").read_text())
    assert "too few people (3 of 31)" in document["verdict"]
    assert {g["gate"]["metric"] for g in document["gates"]} == {"kappa"}
    assert "constant" not in json.dumps(document["extra"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method": "sleepwake-1"}, "is of method sleepwake-1"),
        ({"features": ["a", "b", "c", "d", "e", "f"]}, "with its features"),
        ({"weight": [1.0, 2.0]}, "no saved sleep model"),
        ({"offset": float("nan")}, "no saved sleep model"),
        ({"scale": [1, 1, 1, 1, 1, 0]}, "no saved sleep model"),
        ({"error": None}, "no saved sleep model"),
        ({"error": {"nights": 3}}, "no saved sleep model"),
    ],
)
def test_a_file_that_is_not_whole_or_states_no_error_is_refused(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    model = sleepwake.train(
        np.random.default_rng(0).normal(size=(50, 6)), np.arange(50) % 2 == 0, trained_on="x"
    )
    path = tmp_path / "m.json"
    write_sleep_model(replace(model, error=WindowError(3, 1.0, 2.0, 3.0)), path)
    assert read_sleep_model(path).error.tst_mae_min == 3
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SleepModelError, match=told):
        read_sleep_model(path)


def test_a_model_whose_error_was_not_measured_cannot_be_used(tmp_path: Path) -> None:
    model = sleepwake.train(
        np.random.default_rng(0).normal(size=(50, 6)), np.arange(50) % 2 == 0, trained_on="x"
    )
    write_sleep_model(model, tmp_path / "m.json")
    with pytest.raises(SleepModelError, match="finite"):
        read_sleep_model(tmp_path / "m.json")


def test_the_error_of_windows_by_hand() -> None:
    asleep, called, none = np.zeros((3, 100), bool)
    asleep[10:80] = True
    called[16:78] = True
    called[40:44] = False
    # Onset 6 epochs late, final wake 2 early, 58 epochs of 70; the other night is found to the epoch.
    found = sleepwake.summarise_windows([(asleep, called), (asleep, asleep), (asleep, none), (none, called)])
    assert found == WindowError(2, 3 * 0.5, 1 * 0.5, 6 * 0.5)
    with pytest.raises(sleepwake.SleepTrainingError, match="error cannot be stated"):
        sleepwake.summarise_windows([(asleep, none)])


def test_a_window_is_learned_from_means_of_minutes_and_its_stages_from_all(tmp_path: Path) -> None:
    write_set(tmp_path, nights=1)
    (one,) = sleep_accel.read_nights(tmp_path)
    whole, minutes = sleep_accel.lay_night(one), sleep_accel.lay_night(one, minutes=True)
    inside = (one.rate[:, 0] >= 600) & (one.rate[:, 0] < 660)
    t_s, mean = sleep_window.mean_minutes(*one.rate.T)
    assert mean[t_s == 630] == pytest.approx(one.rate[inside, 1].mean())
    assert whole.x.shape == minutes.x.shape
    assert np.nanmean(minutes.x[:, 5]) < np.nanmean(whole.x[:, 5]), "means of minutes stir less"
    with pytest.raises(DataSetError, match="3 nights are needed"):
        sleep_accel.train_windows(tmp_path)


def test_a_night_without_its_heart_rate_is_said(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / "HR" / "2_heartrate.txt").unlink()
    with pytest.raises(DataSetError, match="no 2_heartrate"):
        sleep_accel.read(tmp_path)


@pytest.mark.shared
def test_ten_nights_beside_the_checkout_are_told_better_than_by_chance(tmp_path: Path) -> None:
    place = SHARED / "walch_sleep_accel"
    done = CliRunner().invoke(app, ["validate", "sleep_accel", str(place), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "sleep_accel.json").read_text())
    assert document["verdict"].startswith("Not a gate result: too few people (10 of 31)")
    first = document["trials"][0]
    assert first["schemes"][0]["scores"]["auroc"]["lo95"] > 0.65
    assert first["schemes"][0]["scores"]["kappa"]["lo95"] > 0.15


@pytest.mark.shared
def test_the_error_of_ten_nights_is_what_the_model_card_says() -> None:
    """Time in bed being known: onset, final wake and sleep time of a night left out, minutes."""
    error = sleep_accel.train_windows(SHARED / "walch_sleep_accel").error
    assert error.nights == 10
    assert error.onset_mae_min == pytest.approx(16.25, abs=0.6)
    assert error.wake_mae_min == pytest.approx(8.35, abs=0.6)
    assert error.tst_mae_min == pytest.approx(26.4, abs=1)
