"""The synthetic cohort is what its truth says, read back from the files by other means."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from synthetic import cohort_life, make_cohort, make_effects


def members(zip_path):
    """Base name → parsed JSON of every file of an export."""
    with ZipFile(zip_path) as archive:
        return {Path(name).name: json.loads(archive.read(name)) for name in archive.namelist()}


def utc(stamp):
    day = datetime(2000 + int(stamp[6:8]), int(stamp[:2]), int(stamp[3:5]), tzinfo=UTC)
    return day + timedelta(hours=int(stamp[9:11]), minutes=int(stamp[12:14]), seconds=int(stamp[15:]))


def read_heart_rate(zip_path):
    """Epoch seconds, bpm, confidence of all samples, in the order of the files."""
    rows = [row for name, day in sorted(members(zip_path).items()) if name.startswith("heart") for row in day]
    second = np.array([int(utc(row["dateTime"]).timestamp()) for row in rows])
    return second, *(np.array([row["value"][key] for row in rows]) for key in ("bpm", "confidence"))


def read_sleep(zip_path):
    """Log id → log; a later file wins over an earlier one."""
    logs = [
        log for name, part in sorted(members(zip_path).items()) if name.startswith("sleep") for log in part
    ]
    return {log["logId"]: log for log in logs}


def epochs(log):
    """Stage of each 30 s of a log: `data` with `shortData` laid over it."""
    start = datetime.fromisoformat(log["startTime"])
    labels = []
    for entry in log["levels"]["data"]:
        at = (datetime.fromisoformat(entry["dateTime"]) - start).total_seconds() / 30
        assert at == len(labels), "levels follow each other without a gap"
        labels += [entry["level"]] * (entry["seconds"] // 30)
    for entry in log["levels"]["shortData"]:
        at = int((datetime.fromisoformat(entry["dateTime"]) - start).total_seconds() // 30)
        assert "wake" not in labels[at : at + entry["seconds"] // 30]
        labels[at : at + entry["seconds"] // 30] = ["wake"] * (entry["seconds"] // 30)
    return labels


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Eight people over seven weeks."""
    return make_cohort.make_cohort(tmp_path_factory.mktemp("cohort"), people=8, days=49, seed=7)


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """One person of 40 days, sampled every 15 s, and their raw heart rate."""
    one = make_cohort.make_export(cohort_life.Person("p-steady", days=40), tmp_path_factory.mktemp("one"))
    return one, read_heart_rate(one.exports[0].path)


def test_one_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    def digests(name, seed):
        make_cohort.make_cohort(tmp_path / name, people=2, days=3, seed=seed)
        found = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        return {p.relative_to(tmp_path / name): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}

    first = digests("a", 7)
    assert len(first) == 3  # two exports and the truth
    assert digests("b", 7) == first
    assert not set(digests("c", 8).values()) & set(first.values())


def test_people_are_told_apart_by_role_and_a_newcomer_has_ten_days(cohort):
    assert [one.person.role for one in cohort.people] == list(make_cohort.ROLES)
    assert len({one.person.participant for one in cohort.people}) == 8
    assert len(cohort.by_role("newcomer").days) == 10
    newest = {one.days[-1].day for one in cohort.people if one.person.role != "dst"}
    assert newest == {date(2025, 10, 19)}
    with pytest.raises(KeyError, match="nobody is 'ghost'"):
        cohort.by_role("ghost")


@pytest.mark.parametrize("role", ["steady", "dst", "traveller", "switch"])
def test_a_heart_rate_file_holds_one_local_day_in_utc_stamps(cohort, role):
    one = cohort.by_role(role)
    stays = [(ZoneInfo(trip.zone), trip.leave, trip.back) for trip in one.person.trips]

    def local_date(moment):
        for zone, leave, back in stays:
            if leave < moment.astimezone(zone).date() < back:
                return moment.astimezone(zone).date()
        return moment.astimezone(ZoneInfo(one.person.zone)).date()

    travelled = {day for _, leave, back in stays for day in (leave, back)}
    for export in one.exports:
        for name, rows in members(export.path).items():
            day = name.removeprefix("heart_rate-").removesuffix(".json")
            if not name.startswith("heart_rate") or date.fromisoformat(day) in travelled:
                continue
            assert {str(local_date(utc(row["dateTime"]))) for row in rows[:: len(rows) // 50 or 1]} == {day}
            assert rows == sorted(rows, key=lambda row: utc(row["dateTime"]))


@pytest.mark.parametrize(
    ("change", "hours", "before", "after"),
    [(date(2025, 10, 26), 25, 120, 60), (date(2025, 3, 30), 23, 60, 120)],
)
def test_the_day_the_clocks_change_is_longer_or_shorter(tmp_path, change, hours, before, after):
    person = cohort_life.Person("p-clock", zone="Europe/Berlin", first_day=change - timedelta(days=2), days=5)
    one = make_cohort.make_export(person, tmp_path)
    rows = members(one.exports[0].path)[f"heart_rate-{change}.json"]
    span_h = (utc(rows[-1]["dateTime"]) - utc(rows[0]["dateTime"])).total_seconds() / 3600
    assert span_h == pytest.approx(hours, abs=0.01)
    night = one.days[2]
    assert (night.day, night.offset_onset_min, night.offset_wake_min) == (change, before, after)
    assert one.days[1].offset_wake_min == before
    assert one.days[3].offset_onset_min == after


def test_travel_moves_the_local_day_and_the_offsets_of_the_nights(cohort):
    one = cohort.by_role("traveller")
    (trip,) = one.person.trips
    away = {night.day for night in one.days if night.offset_wake_min == 540}
    assert away == {trip.leave + timedelta(days=k) for k in range(1, (trip.back - trip.leave).days + 1)}
    assert {night.offset_wake_min for night in one.days if night.day not in away} == {240}
    files = members(one.exports[0].path)
    for day, hours in ((trip.leave, 19), (trip.back, 29)):
        rows = files[f"heart_rate-{day}.json"]
        span_h = (utc(rows[-1]["dateTime"]) - utc(rows[0]["dateTime"])).total_seconds() / 3600
        assert span_h == pytest.approx(hours, abs=0.01)
    local = [(night.wake_utc + timedelta(minutes=night.offset_wake_min)).hour for night in one.days]
    assert all(5 <= hour <= 10 for hour in local), "the body goes by the local clock wherever it is"


def test_sleep_logs_tell_the_true_nights_to_the_epoch(cohort):
    for one in (cohort.by_role("steady"), cohort.by_role("dst"), cohort.by_role("traveller")):
        logs = {log["dateOfSleep"]: log for log in read_sleep(one.exports[0].path).values()}
        assert len(logs) == sum(night.night_recorded for night in one.days) == len(one.days) - 1
        for night in one.days[1:]:
            log = logs[str(night.day)]
            labels = epochs(log)
            asleep = [k for k, stage in enumerate(labels) if stage != "wake"]
            start = datetime.fromisoformat(log["startTime"] + "+00:00")
            start -= timedelta(minutes=night.offset_onset_min)
            assert start == night.log_start_utc
            assert start + timedelta(seconds=30 * asleep[0]) == night.onset_utc
            assert start + timedelta(seconds=30 * (asleep[-1] + 1)) == night.wake_utc
            assert start + timedelta(milliseconds=log["duration"]) == night.log_end_utc
            assert len(asleep) / 2 == night.tst_min
            for stage in ("light", "deep", "rem"):
                assert labels.count(stage) / 2 == getattr(night, f"{stage}_min")
            assert labels[asleep[0] : asleep[-1] + 1].count("wake") / 2 == night.waso_min


def test_the_log_at_a_block_boundary_stands_in_both_files_and_the_later_is_right(cohort):
    one = cohort.by_role("steady")
    files = members(one.exports[0].path)
    older, newer = (files[f"sleep-{date(2025, 9, 1) + timedelta(days=30 * k)}.json"] for k in (0, 1))
    twice = {log["logId"] for log in older} & {log["logId"] for log in newer}
    assert len(twice) == 1
    (body,), (right,) = ([log for log in part if log["logId"] in twice] for part in (older, newer))
    assert {entry["level"] for entry in body["levels"]["data"]} == {"wake", "light", "deep"}
    assert {entry["level"] for entry in right["levels"]["data"]} >= {"light", "deep", "rem"}
    assert right["dateOfSleep"] == "2025-10-01"


def test_resting_heart_rate_is_the_tenth_percentile_of_five_minute_means_asleep(steady):
    one, (second, bpm, confidence) = steady
    found = []
    for night in one.days[1:]:
        inside = (second >= night.onset_utc.timestamp()) & (second < night.wake_utc.timestamp())
        five = second[inside & (confidence > 0)] // 300
        means = [bpm[inside & (confidence > 0)][five == b].mean() for b in np.unique(five)]
        found.append(np.percentile(means, 10) - night.rhr_bpm)
    assert np.abs(found).max() < 0.6
    assert abs(np.mean(found)) < 0.15
    truth = np.array([night.rhr_bpm for night in one.days])
    assert truth.mean() == pytest.approx(58.0, abs=1.0)
    assert truth.std() == pytest.approx(1.5, abs=0.5)


def test_the_lowest_heart_rate_lies_in_the_second_half_of_the_night(steady):
    one, (second, bpm, confidence) = steady
    places = []
    for night in one.days[1:]:
        inside = (
            (second >= night.onset_utc.timestamp()) & (second < night.wake_utc.timestamp()) & (confidence > 0)
        )
        five = second[inside] // 300
        means = {b: bpm[inside][five == b].mean() for b in np.unique(five)}
        low_s = min(means, key=means.get) * 300 + 150
        places.append(
            (low_s - night.onset_utc.timestamp()) / (night.wake_utc - night.onset_utc).total_seconds()
        )
    assert np.median(places) == pytest.approx(one.person.nadir, abs=0.1)
    assert min(places) > 0.25


def test_the_clock_and_step_model_is_recovered_from_the_files(steady):
    """Least squares on minutes awake: mesor, rhythm, response to steps, and memory of the noise."""
    one, (second, bpm, confidence) = steady
    person = one.person
    size = person.days * 1440
    zero = int(datetime(2025, 8, 31, 14, tzinfo=UTC).timestamp())  # midnight in Brisbane, UTC+10
    minute = (second[confidence > 0] - zero) // 60
    count = np.bincount(minute, minlength=size)
    with np.errstate(invalid="ignore"):
        hr = np.bincount(minute, bpm[confidence > 0], minlength=size) / count
    steps = np.zeros(size)
    for name, rows in members(one.exports[0].path).items():
        if name.startswith("steps"):
            for row in rows:
                steps[int(utc(row["dateTime"]).timestamp() - zero) // 60] = int(row["value"])
    awake = count > 0
    for night in one.days:
        start, end = ((int(t.timestamp()) - zero) // 60 for t in (night.log_start_utc, night.log_end_utc))
        awake[max(0, start - 5) : end + 35] = False
        for first, after in night.arousals:
            awake[(int(first.timestamp()) - zero) // 60 : (int(after.timestamp()) - zero) // 60 + 1] = False
    lags = [[np.roll(steps, lag) for lag in range(a, b + 1)] for a, b in ((0, 1), (2, 5), (6, 15), (16, 30))]
    turn = 2 * np.pi * np.arange(size) / 1440
    design = np.column_stack(
        [np.ones(size), np.cos(turn), np.sin(turn), *(np.sqrt(np.mean(lag, axis=0)) for lag in lags)]
    )
    fit, *_ = np.linalg.lstsq(design[awake], hr[awake], rcond=None)
    mean_level = np.mean([night.level_bpm for night in one.days])
    assert fit[0] == pytest.approx(person.mu_bpm + mean_level, abs=0.5)
    assert fit[1:3] == pytest.approx([person.a_bpm, person.b_bpm], abs=0.5)
    assert fit[3:] == pytest.approx(person.beta, abs=0.08)
    rest = hr - design @ fit
    pairs = awake[1:] & awake[:-1]
    kappa = np.corrcoef(rest[1:][pairs], rest[:-1][pairs])[0, 1]
    assert kappa == pytest.approx(person.kappa, abs=0.12)  # days differ in level, which adds to it


def test_steps_and_workouts_add_up_to_the_truth(steady):
    one, _ = steady
    files = members(one.exports[0].path)
    found = {}
    for name, rows in files.items():
        if name.startswith("steps"):
            for row in rows:
                day = (utc(row["dateTime"]) + timedelta(hours=10)).date()
                found[day] = found.get(day, 0) + int(row["value"])
    assert found == {night.day: night.steps for night in one.days}
    assert any(row["value"] == "0" for name in files if name.startswith("steps") for row in files[name])
    logged = {
        (utc(log["startTime"]), utc(log["startTime"]) + timedelta(milliseconds=log["duration"]))
        for log in files["exercise-0.json"]
    }
    assert logged == {span for night in one.days for span in night.workouts}
    assert len(logged) == 13


def test_a_heavy_week_is_shifted_by_the_planted_number_of_sd(cohort):
    one = cohort.by_role("heavy week")
    (week,) = one.person.heavy
    heavy = [night for night in one.days if night.heavy]
    other = [night for night in one.days if not night.heavy]
    assert [night.day for night in heavy] == [week.first_day + timedelta(days=k) for k in range(7)]
    assert week.first_day.weekday() == 0

    def shift(name, sd):
        means = [np.mean([getattr(night, name) for night in part]) for part in (heavy, other)]
        return (means[0] - means[1]) / sd

    assert shift("rhr_bpm", one.person.rhr_sd_bpm) == pytest.approx(2.0, abs=0.9)
    assert shift("tst_min", one.person.tst_sd_h * 60) == pytest.approx(-1.5, abs=0.9)
    assert shift("level_bpm", one.person.level_sd_bpm) == pytest.approx(2.5, abs=0.9)
    assert np.mean([len(n.arousals) for n in heavy]) > np.mean([len(n.arousals) for n in other]) + 1


def test_gaps_leave_no_sample_that_counts_as_worn(cohort):
    one = cohort.by_role("gaps")
    second, _, confidence = read_heart_rate(one.exports[0].path)
    names = members(one.exports[0].path)
    dated = {log["dateOfSleep"] for log in read_sleep(one.exports[0].path).values()}
    for night in one.days:
        if night.day in one.person.off_days:
            assert f"heart_rate-{night.day}.json" not in names
            assert (night.worn_min, night.steps, night.night_recorded) == (0, 0, False)
        if night.day in one.person.unworn_nights and night.day not in one.person.off_days:
            inside = (second >= night.log_start_utc.timestamp()) & (second < night.log_end_utc.timestamp())
            assert inside.any(), "the device lay on the table and guessed"
            assert set(confidence[inside]) == {0}
        assert (str(night.day) in dated) == night.night_recorded
    assert not any(night.night_recorded for night in one.days if night.day in one.person.unworn_nights)
    zero_dates = [row for row in names["resting_heart_rate-2025-09-01.json"] if row["value"]["date"] is None]
    assert len(zero_dates) == sum(not night.night_recorded for night in one.days)


def test_a_switch_is_two_exports_that_do_not_overlap_and_the_second_reads_higher(cohort):
    one = cohort.by_role("switch")
    assert [export.device for export in one.exports] == [None, "sense-2"]
    old, new = (read_heart_rate(export.path) for export in one.exports)
    noon = datetime.combine(one.person.switch.day, datetime.min.time(), ZoneInfo(one.person.zone))
    assert old[0].max() < (noon + timedelta(hours=12)).timestamp() <= new[0].min()
    assert not read_sleep(one.exports[0].path).keys() & read_sleep(one.exports[1].path).keys()

    def asleep_minus_truth(second, bpm, confidence, nights):
        gaps = []
        for night in nights:
            inside = (second >= night.onset_utc.timestamp()) & (second < night.wake_utc.timestamp())
            gaps.append(np.median(bpm[inside & (confidence > 0)]) - night.rhr_bpm)
        return np.median(gaps)

    middle = one.person.days // 2
    before = asleep_minus_truth(*old, one.days[1:middle])
    after = asleep_minus_truth(*new, one.days[middle + 1 :])
    assert after - before == pytest.approx(3.0, abs=0.5)


def test_the_short_sleeper_sleeps_little_and_naps_on_sundays(cohort):
    one = cohort.by_role("short sleeper")
    assert np.mean([night.tst_min for night in one.days]) / 60 == pytest.approx(6.05, abs=0.3)
    assert one.person.sleep_need_h == 7.0  # the least that is ever assumed
    naps = [log for log in read_sleep(one.exports[0].path).values() if not log["mainSleep"]]
    assert {datetime.fromisoformat(log["startTime"]).weekday() for log in naps} == {6}
    assert {log["minutesAsleep"] for log in naps} == {39}
    assert [night.day.weekday() for night in one.days if night.nap_min] == [6] * len(naps)


def test_truth_json_says_what_was_returned(tmp_path):
    truth = make_cohort.make_cohort(tmp_path, people=2, days=16, seed=3)
    plain = json.loads((tmp_path / "truth.json").read_text())
    for one, written in zip(truth.people, plain["people"], strict=True):
        assert written["person"]["participant"] == one.person.participant
        assert written["person"]["rhr_bpm"] == one.person.rhr_bpm
        assert written["person"]["sleep_need_h"] == one.person.sleep_need_h
        assert [tmp_path / export["path"] for export in written["exports"]] == [e.path for e in one.exports]
        assert [day["wake_utc"] for day in written["days"]] == [d.wake_utc.isoformat() for d in one.days]
    assert plain["people"][1]["person"]["heavy"][0]["rhr_sd"] == 2.0


def test_what_is_planted_by_hand_is_what_comes_out(tmp_path):
    base = cohort_life.Person("p-plain", days=4, sample_s=60)
    plain = make_cohort.make_export(base, tmp_path / "a")
    high = make_cohort.make_export(replace(base, rhr_bpm=68.0), tmp_path / "b")
    rise = [b.rhr_bpm - a.rhr_bpm for a, b in zip(plain.days, high.days, strict=True)]
    assert rise == pytest.approx([10.0] * 4)
    second, _, _ = read_heart_rate(plain.exports[0].path)
    assert len(second) < 4 * 1440
    assert len(np.unique(second // 60)) == len(second), "one sample a minute"


# ---------------------------------------------------------------- people who tried something


def test_what_goes_with_a_practice_shifts_its_days_and_the_nights_after_them(tmp_path):
    base = cohort_life.Person("p-tried", days=6, sample_s=60)
    day = [base.first_day + timedelta(days=k) for k in range(6)]
    practice = cohort_life.Practice(
        *("mindful", "Calm", "since_start", "likely_lower"),
        sessions=(day[1],),
        days_with=(day[1], day[2]),
        rhr_sd=-2.0,
        level_sd=-1.0,
        tst_sd=0.5,
    )
    plain = make_cohort.make_export(base, tmp_path / "a").days
    tried = make_cohort.make_export(replace(base, practices=(practice,)), tmp_path / "b").days
    nights = [b.rhr_bpm - a.rhr_bpm for a, b in zip(plain, tried, strict=True)]
    days = [b.level_bpm - a.level_bpm for a, b in zip(plain, tried, strict=True)]
    assert nights == pytest.approx([0, 0, -3.0, -3.0, 0, 0])  # 2 SD of 1.5 bpm, a morning later
    assert days == pytest.approx([0, -1.0, -1.0, 0, 0, 0])
    assert [t.tst_min for t in tried[:2]] == [p.tst_min for p in plain[:2]]


def test_people_who_tried_nothing_are_written_as_before(tmp_path):
    make_cohort.make_cohort(tmp_path, people=1, days=3)
    assert "practices" not in json.loads((tmp_path / "truth.json").read_text())["people"][0]["person"]


def test_a_diary_and_a_calendar_say_what_was_done(tmp_path):
    people = {role: make_effects.draw_effect(7, k, 28) for k, role in enumerate(make_effects.EFFECT_ROLES)}
    for person in people.values():
        (tmp_path / person.participant).mkdir()
    texts = {
        role: {e.path.name: e.path.read_text() for e in make_effects.write_notes(p, tmp_path / p.participant)}
        for role, p in people.items()
    }
    assert texts["calmer since the start"]["diary.csv"].splitlines()[:2] == [
        "date,time,event,app,amount,end",
        "2025-09-15,07:15,mindful,Headspace,15,07:30",
    ]
    assert texts["higher since the start"]["diary.csv"].splitlines()[1].endswith("late-screens,,60,23:30")
    # Wednesdays 3, 10, 17 and 24 September: the second is missed, the third is held two days later.
    (calendar,) = texts["moved sessions"].values()
    assert calendar.count("BEGIN:VEVENT") == 2
    assert "RRULE:FREQ=WEEKLY;UNTIL=20250924T160000Z" in calendar  # 18:00 in Berlin
    assert "EXDATE;TZID=Europe/Berlin:20250910T180000" in calendar
    assert "RECURRENCE-ID;TZID=Europe/Berlin:20250917T180000" in calendar
    assert "DTSTART;TZID=Europe/Berlin:20250919T180000" in calendar
    assert people["moved sessions"].practices[0].sessions == tuple(date(2025, 9, d) for d in (3, 19, 24))


def test_what_was_noted_has_the_same_bytes_and_the_same_age_each_time(tmp_path):
    person = make_effects.draw_effect(7, 3, 112)
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (note,) = make_effects.write_notes(person, tmp_path / name)
        found.append((note.path.read_bytes(), note.path.stat().st_mtime))
    assert found[0] == found[1]
    plan = person.practices[0].plan
    done = set(person.practices[0].sessions)
    drawn = {plan.first_day + timedelta(days=k) for k, with_it in enumerate(plan.drawn) if with_it}
    assert len(plan.drawn) == 84
    assert len(drawn) == 42, "pairs of blocks: as many with as without"
    assert done < drawn
    assert len(drawn - done) == 4, "each ninth is forgotten"
