"""The acute detector: what its minutes hold, what it may learn from, and what is saved of it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.datasets import exam_stress, wesad
from cli.main import app
from features import acute as minutes
from features.beats import Beats
from models import acute
from models.validate.learners import fit_classifier
from models.validate.table import Table

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
COLUMN = {name: i for i, name in enumerate(minutes.FEATURES)}


def recording() -> minutes.Recording:
    """Ten minutes: heart rate rising 2 a minute, skin at 2 µS with a response every 20 s, a hand that moves late."""
    t1, t4, t32 = (np.arange(0, 600, 1 / rate) for rate in (1, 4, 32))
    eda = 2 + sum(0.5 * np.exp(-((t4 - at) ** 2) / 4) for at in range(10, 600, 20))
    motion = np.where(t32 < 300, 0.0, 0.1) * np.sin(2 * np.pi * 4 * t32)
    end_s = np.arange(1, 600, 0.8)
    rr = 800 + np.where(np.arange(len(end_s)) % 2 == 0, 10.0, -10.0)
    return minutes.Recording(
        heart_rate=(t1, 60 + 2 * t1 / 60),
        eda=(t4, np.asarray(eda)),
        temperature=(t4, 33 - 0.5 * t4 / 60),
        acceleration=(t32, np.column_stack([np.zeros(len(t32)), np.zeros(len(t32)), 1 + motion])),
        beats=Beats(end_s, rr, np.arange(len(end_s)) == 0, 0.0),
    )


def test_minutes_of_a_wrist_by_hand() -> None:
    start_s = np.array([120.0, 420.0])
    x = minutes.measure_wrist(recording(), start_s)
    assert x.shape == (2, len(minutes.FEATURES))

    def of(name: str) -> list[float]:
        return x[:, COLUMN[name]].tolist()

    assert of("hr_bpm") == pytest.approx([65, 75], abs=0.05)
    assert of("hr_slope_bpm_min") == pytest.approx([2, 2])
    assert of("temp_cel") == pytest.approx([33 - 1.25, 33 - 3.75], abs=0.01)
    assert of("temp_slope_cel_min") == pytest.approx([-0.5, -0.5], abs=1e-6)
    assert of("eda_responses_min") == pytest.approx([3, 3])
    assert of("eda_level_us") == pytest.approx([2.09, 2.09], abs=0.1)
    # ±10 about 800 in turn: every difference is 20 ms.
    assert np.exp(of("beat_ln_rmssd")) == pytest.approx([20, 20])
    assert of("beat_rr_ms") == pytest.approx([800, 800], abs=1)
    assert of("beat_share") == pytest.approx([1, 1], abs=0.02)
    assert of("motion_g") == pytest.approx([0, 0.1 / np.sqrt(2)], abs=1e-6)


def test_what_was_not_recorded_is_missing_not_zero() -> None:
    whole = recording()
    late = whole.eda[0] >= 400
    start_s = np.array([0.0, 300.0, 375.0])
    cut = minutes.Recording(eda=(whole.eda[0][late], whole.eda[1][late]))
    x = minutes.measure_wrist(cut, start_s)
    level = x[:, COLUMN["eda_level_us"]]
    assert np.isnan(level[:2]).all()
    assert level[2] == pytest.approx(2.1, abs=0.2)
    others = [i for name, i in COLUMN.items() if not name.startswith("eda") and name != "beat_share"]
    assert np.isnan(x[:, others]).all()
    assert (x[:, COLUMN["beat_share"]] == 0).all()


def test_skin_conductance_off_the_skin_is_not_used() -> None:
    whole = recording()
    eda = np.where((whole.eda[0] >= 120) & (whole.eda[0] < 160), 0.0, whole.eda[1])
    x = minutes.measure_wrist(minutes.Recording(eda=(whole.eda[0], eda)), np.array([120.0, 240.0]))
    assert np.isnan(x[0, COLUMN["eda_level_us"]]), "40 of 60 s are off the skin"
    assert x[1, COLUMN["eda_responses_min"]] == 3


def test_windows_lie_within_the_recording() -> None:
    start_s = minutes.place_windows(recording())
    assert start_s[:3].tolist() == [0, 30, 60]
    assert start_s[-1] + 60 <= 600
    assert not len(minutes.place_windows(minutes.Recording()))


# --- the model -----------------------------------------------------------------------------------


def people(effect: float, *, kind: str = "line", n: int = 6, each: int = 50, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    rows = n * each
    label = np.tile(np.arange(each) % 2, n).astype(float)
    x = rng.normal(size=(rows, 4))
    if kind == "line":
        x[:, 0] += effect * label
    else:  # only the two together tell: no straight line can
        x[:, 0] = np.where(label == 1, np.sign(x[:, 1]), -np.sign(x[:, 1])) * np.abs(x[:, 0]) * effect
    start_s = np.tile(np.arange(each) * 60.0, n)
    who = np.repeat([f"p{i}" for i in range(n)], each)
    names = ("hr_bpm", "eda_level_us", "temp_cel", "motion_g")
    nan = np.full(rows, np.nan)
    return Table(
        "toy",
        names,
        x,
        label,
        ("no", "yes"),
        who,
        start_s,
        start_s + 60,
        start_s / 60,
        nan,
        np.full(rows, ""),
    )


def test_the_better_method_is_chosen_on_people_left_out() -> None:
    line = acute.train_on(people(1.5, n=4))
    corner = acute.train_on(people(1.5, kind="corner", n=4))
    assert line.name == "logistic regression"
    assert corner.name == "gradient boosting"
    assert corner.scores["gradient boosting"] > 0.85
    assert corner.scores["logistic regression"] < 0.6


def test_the_probability_is_cooled_when_the_method_was_too_sure() -> None:
    rng = np.random.default_rng(1)
    log_odds = rng.normal(0, 1.5, 4000)
    codes = (rng.random(4000) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)
    right = 1 / (1 + np.exp(-np.column_stack([-log_odds, log_odds])))
    too_sure = acute.temper(right, 1 / 3)
    assert acute.find_temperature(right, codes) == pytest.approx(1, abs=0.1)
    assert acute.find_temperature(too_sure, codes) == pytest.approx(3, abs=0.3)
    assert np.allclose(acute.temper(too_sure, 3.0), right)


def test_one_person_is_enough_to_fit_but_not_to_choose() -> None:
    alone = people(1.5, n=1)
    fitted = acute.train_on(alone)
    assert fitted.scores == {}
    assert fitted.temperature == 1.0
    assert fitted.predict(alone.x).shape == (50, 2)


@pytest.mark.parametrize("make", acute.CANDIDATES.values(), ids=list(acute.CANDIDATES))
def test_a_sensor_that_nobody_in_training_had_says_nothing(make: object) -> None:
    table = people(1.5)
    codes = table.label.astype(np.int64)
    x = table.x.copy()
    x[:, 3] = np.nan
    predict = fit_classifier(make, x, codes, 2)[1]
    assert np.array_equal(predict(table.x), predict(x))
    assert ((predict(x)[:, 1] > 0.5) == (codes == 1)).mean() > 0.7


def test_history_uses_unlabelled_windows_of_the_past_and_of_nobody_else() -> None:
    table = people(1.0)
    unlabelled = replace(table, label=np.full(len(table), np.nan))
    with_history = acute.add_history(table)
    assert np.array_equal(with_history.x, acute.add_history(unlabelled).x, equal_nan=True)
    assert with_history.features[4:] == tuple(f + "_from_usual" for f in table.features)
    others = replace(table, x=np.where((table.participant == "p0")[:, None], table.x, 50.0))
    mine = table.participant == "p0"
    assert np.array_equal(with_history.x[mine], acute.add_history(others).x[mine], equal_nan=True)
    first = with_history.x[mine][: acute.LEAST_WINDOWS, 4:]
    assert np.isnan(first).all()


@pytest.mark.parametrize("kind", ["line", "corner"])
def test_what_is_saved_says_the_same_when_it_is_loaded(tmp_path: Path, kind: str) -> None:
    table = people(1.5, kind=kind, n=3)
    fitted = acute.train_on(table)
    card = acute.make_card(fitted, table, ("a note",), {"numpy": "2"})
    acute.save_acute(fitted, card, tmp_path)
    predict, read = acute.load_acute(tmp_path)
    assert np.allclose(predict(table.x), fitted.predict(table.x), atol=1e-3)
    assert read["people"] == 3
    assert read["candidate"] == fitted.name
    assert "not feelings" in read["tells"]


def test_a_type_that_is_not_trusted_is_refused_before_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = acute.import_skops()
    monkeypatch.setattr(store, "get_untrusted_types", lambda data: ["posix.system"])
    monkeypatch.setattr(store, "loads", lambda data, trusted: pytest.fail("loaded"))
    table = people(1.5, n=1)
    fitted = acute.train_on(table)
    acute.save_acute(fitted, acute.make_card(fitted, table, (), {}), tmp_path)
    with pytest.raises(acute.AcuteError, match=r"posix\.system, which is not trusted"):
        acute.load_acute(tmp_path)


def test_without_skops_saving_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "skops.io", None)
    monkeypatch.setitem(sys.modules, "skops", None)
    with pytest.raises(acute.AcuteError, match="needs skops"):
        acute.save_acute(acute.train_on(people(1.5, n=1)), {}, tmp_path)


# --- data sets -----------------------------------------------------------------------------------


def write_e4(folder: Path, start_s: int, seconds: int, *, stress: tuple[int, int]) -> None:
    """An E4 folder: the heart rate and skin conductance are higher within `stress`."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(start_s % 1000)

    def rows(rate: int, low: float, high: float, noise: float) -> str:
        t = np.arange(seconds * rate) / rate
        value = np.where((t >= stress[0]) & (t < stress[1]), high, low) + rng.normal(0, noise, len(t))
        return f"{start_s}.000000\n{rate}.000000\n" + "".join(f"{v:.4f}\n" for v in value)

    (folder / "HR.csv").write_text(rows(1, 65, 85, 1.0))
    (folder / "EDA.csv").write_text(rows(4, 1.0, 3.0, 0.01))
    (folder / "TEMP.csv").write_text(rows(4, 33.0, 32.5, 0.05))


def make_wesad(folder: Path) -> None:
    """Two subjects, one of either order; each condition 8 min, from the chest recorder's minute 5."""
    order = {"S2": "Base;TSST;Medi 1;Fun", "S4": "Base;Fun;Medi 1;TSST"}
    for number, (subject, names) in enumerate(order.items()):
        place = names.split(";").index("TSST")
        ahead = wesad.E4_AHEAD_S[subject]
        from_s = round(ahead + 300 + 600 * place)
        write_e4(
            folder / subject / f"{subject}_E4_Data",
            1495437325 + 86400 * number,
            round(ahead) + 2800,
            stress=(from_s, from_s + 480),
        )
        (folder / subject / f"{subject}_quest.csv").write_text(
            f"# Subj;{subject};;\n# ORDER;{names};;\n# START;5;15;25;35;;\n# END;13;23;33;43;;\n"
        )


def test_minutes_of_the_protocol_are_read_as_they_are_written() -> None:
    assert wesad.read_minutes("7.08") == 428
    assert wesad.read_minutes("50.3") == 3030
    assert wesad.read_minutes("28") == 1680


def test_wesad_takes_conditions_from_the_right_minutes_and_runs_the_whole_road(
    tmp_path: Path,
) -> None:
    make_wesad(tmp_path / "data")
    found = wesad.read(tmp_path / "data")
    table = found.table
    hr = table.x[:, table.features.index("hr_bpm")]
    assert hr[table.label == 1].min() > 80
    assert hr[(table.label == 0) | (table.label == 2)].max() < 70
    counts = [(table.label == code).sum() for code in range(3)]
    assert all(2 * 14 <= count <= 2 * 15 for count in counts), "windows of 60 s every 30 s wholly in 480 s"
    assert set(table.order.tolist()) == {"stress first", "amusement first"}
    unlabelled = np.isnan(table.label)
    assert unlabelled.sum() > 100, "the minutes before stay, for the person's past"
    done = CliRunner().invoke(
        app, ["validate", "wesad", str(tmp_path / "data"), "--out", str(tmp_path / "o"), "--train"]
    )
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "o" / "wesad.json").read_text())
    first = document["trials"][0]
    assert (first["protocol"], first["variant"], first["people"]) == ("cross-order", "all", 2)
    assert first["schemes"][0]["scores"]["balanced_accuracy"]["value"] > 0.99
    clock = next(s for s in first["schemes"] if s["name"] == "time since start")
    assert clock["scores"]["balanced_accuracy"]["value"] < 0.6, "the clock is of no use in the other order"
    assert document["verdict"].startswith("Not a gate result: too few people (2 of 15)")
    card = json.loads((tmp_path / "o" / "acute.json").read_text())
    assert card["people"] == 2
    assert card["features"] == list(table.features)


def test_an_exam_is_told_by_chicagos_clock(tmp_path: Path) -> None:
    nine = 1539612000  # 2018-10-15 14:00 UTC: nine in Chicago, summer time
    write_e4(tmp_path / "S1" / "Midterm 1", nine - 1200, 1200 + 5400 + 600, stress=(1200, 6600))
    table = exam_stress.read(tmp_path).table
    hr = table.x[:, table.features.index("hr_bpm")]
    assert hr[table.label == 1].min() > 80
    assert hr[table.label == 0].max() < 70
    assert (table.label == 1).sum() == 179, "windows of 60 s every 30 s wholly in 90 min"
    assert np.isnan(table.label).sum() == 2, "one on either edge"


@pytest.mark.shared
def test_wesad_beside_the_checkout_is_no_gate_result_and_alignment_matters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(app, ["validate", "wesad", str(SHARED / "wesad_e4"), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "wesad.json").read_text())
    assert document["verdict"].startswith("Not a gate result: too few people (2 of 15)")
    assert "only one protocol order" in document["trials"][0]["reason"]
    trial = next(t for t in document["trials"] if t["protocol"] == "new person" and t["variant"] == "all")
    assert trial["schemes"][0]["scores"]["auroc"]["value"] > 0.9
    aligned = wesad.read(SHARED / "wesad_e4").table
    monkeypatch.setattr(wesad, "E4_AHEAD_S", dict.fromkeys(wesad.E4_AHEAD_S, 0.0))
    moved = wesad.read(SHARED / "wesad_e4").table

    def apart(table: Table) -> float:
        hr = table.x[:, table.features.index("hr_bpm_from_usual")]
        return float(np.nanmean(hr[table.label == 1]) - np.nanmean(hr[table.label == 0]))

    assert apart(aligned) > 1.0
    assert apart(moved) < apart(aligned) / 2
