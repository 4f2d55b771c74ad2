"""Files as they are found in the world: kept to the byte, and never fatal for their neighbours."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agentsched.calendars.events import Viewer
from agentsched.calendars.lines import make_line, read_lines
from agentsched.calendars.snapshot import assemble, parse_resource
from agentsched.calendars.store import Resource
from agentsched.calendars.tree import parse
from agentsched.calendars.zones import zone_of

BERLIN, NY = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
YEAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)

WILD = (
    "\ufeffBEGIN:VCALENDAR\nVERSION:2.0\nprodid:x\n"
    "BEGIN:VEVENT\nUID:a\nDtStart;tzid=\"Europe/Berlin\":20260302T090000\n"
    "SUMMARY;LANGUAGE=de:a long li\n ne that was fold\n\ted twice\n"
    "X-ODD;P=\"a:b;c\",d:v;w:x\n\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\nEND:VEVENT\n"
    "BEGIN:X-THING\nY:1\nEND:X-THING\nEND:VCALENDAR\n\n"
)  # fmt: skip


def read(text, viewer=None, horizon=YEAR):
    snapshot = assemble("x", [parse_resource(Resource("x.ics", "1", text), "x")])
    return snapshot, snapshot.expand(*horizon, viewer or Viewer(BERLIN))


def event(*lines, uid="a", head=()):
    body = "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "SUMMARY:Talk", *lines, "END:VEVENT"])
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *head, body, "END:VCALENDAR", ""])


def spans(expansion):
    return [(f"{o.start:%m-%d %H:%M}", f"{o.end:%m-%d %H:%M}") for o in expansion.occurrences]


@pytest.mark.parametrize("text", [WILD, WILD.replace("\n", "\r\n"), WILD.replace("a long", "ä💡")])
def test_any_file_is_written_back_as_it_was(text):
    assert parse(text, "x.ics").text == text


def test_parameters_folds_and_case_are_understood():
    (found,) = read(WILD)[1].occurrences
    assert found.title == "a long line that was folded twice"
    assert found.start == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert found.event.component.get("X-ODD").params == {"P": ("a:b;c", "d")}


def test_utf8_torn_apart_by_a_fold_reads_as_one_character():
    data = "SUMMARY:ä\r\n".encode()
    torn = data[:9] + b"\r\n " + data[9:]
    (line,) = read_lines(torn.decode("utf-8", "surrogateescape"))
    assert line.text == "ä"
    assert line.raw.encode("utf-8", "surrogateescape") == torn


def test_a_parameter_with_quotes_and_line_ends_survives():
    line = make_line("ATTENDEE", "mailto:a@b.c", {"CN": ('Ada "the\nfirst", x',)})
    (read_,) = read_lines(line.raw)
    assert read_.param("CN") == 'Ada "the\nfirst", x'


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "no BEGIN:VCALENDAR"),
        ("hello\nworld\n", 1, "no BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\n", 2, "VEVENT is never closed"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n", 3, "END:VCALENDAR in VEVENT"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VEVENT\n", 3, "outside of any component"),
        ("BEGIN:VCALENDAR\n" + "BEGIN:X\n" * 50, 21, "nested deeper"),
    ],
)
def test_a_broken_file_is_named_with_its_line(text, line, says):
    snapshot, expansion = read(text)
    (problem,) = snapshot.problems
    assert (problem.file, problem.line) == ("x.ics", line)
    assert says in problem.message
    assert expansion.occurrences == ()


@pytest.mark.parametrize(
    ("lines", "says", "left"),
    [
        (["DTSTART:20261301T090000"], "DTSTART: month must be in 1..12", 0),
        (["DTSTART:tomorrow"], "'tomorrow' is no date or time", 0),
        ([], "without DTSTART", 0),
        (["DTSTART:20260302T090000Z", "DTEND:20260302T080000Z"], "DTEND lies before DTSTART", 1),
        (["DTSTART:20260302T090000Z", "DTEND;VALUE=DATE:20260303"], "does not fit DTSTART", 1),
        (["DTSTART:20260302T090000Z", "DURATION:1h"], "'1h' is no duration", 1),
        (["DTSTART;TZID=Mars/Base:20260302T090000"], "unknown time zone 'Mars/Base'", 1),
        (["DTSTART:20260302T090000Z", "RRULE:FREQ=NEVER"], "FREQ must be one of", 1),
        (["DTSTART:20260302T090000Z", "RRULE:FREQ=DAILY;COUNT=-1"], "COUNT must be", 1),
        (["DTSTART:20260302T090000Z", "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20260401"], "not both", 1),
        (["DTSTART:20260302T090000Z", "EXDATE:never"], "EXDATE: 'never'", 1),
        (["DTSTART:20260302T090000Z", "this is no line"], "is no content line", 1),
    ],
)
def test_a_broken_event_is_named_and_its_neighbours_are_used(lines, says, left):
    good = event("DTSTART:20260401T090000Z", uid="good")
    text = event(*lines) + good
    snapshot, expansion = read(text)
    assert [problem.message for problem in snapshot.problems if says in problem.message]
    assert all(problem.line > 0 for problem in snapshot.problems)
    assert [o.uid for o in expansion.occurrences] == ["a"] * left + ["good"]


def test_a_description_of_three_megabytes_is_kept_and_does_no_harm():
    text = event("DTSTART:20260302T090000Z", "DESCRIPTION:" + "x" * 3_000_000)
    snapshot, expansion = read(text)
    assert snapshot.resources[0].document.text == text
    assert len(expansion.occurrences[0].event.description) == 3_000_000


def test_the_copy_of_a_uid_with_the_higher_sequence_counts_and_the_other_is_named():
    old = Resource("a.ics", "1", event("DTSTART:20260302T090000Z", "SEQUENCE:1"))
    new = Resource("b.ics", "1", event("DTSTART:20260303T090000Z", "SEQUENCE:2"))
    for pair in ((old, new), (new, old)):
        snapshot = assemble("x", [parse_resource(resource, "x") for resource in pair])
        assert [o.start.day for o in snapshot.expand(*YEAR, Viewer()).occurrences] == [3]
        (problem,) = snapshot.problems
        assert problem.file == "a.ics"
        assert "also stands in 'b.ics'" in problem.message


def test_a_rule_without_end_over_fifty_years_is_bounded():
    far = datetime(2026, 1, 1, tzinfo=UTC), datetime(2076, 1, 1, tzinfo=UTC)
    daily = event("DTSTART:20260101T090000Z", "RRULE:FREQ=DAILY")
    assert len(read(daily, horizon=far)[1].occurrences) == 18_262
    secondly = event("DTSTART:20260101T090000Z", "RRULE:FREQ=SECONDLY")
    expansion = read(secondly, horizon=far)[1]
    assert expansion.occurrences == ()
    assert "more than" in expansion.problems[0].message


@pytest.mark.parametrize(
    "rule", ["FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
             "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5"],
)  # fmt: skip
def test_a_rule_that_never_fires_ends(rule):
    snapshot, expansion = read(event("DTSTART:20260101T090000Z", f"RRULE:{rule}"))
    # DTSTART is an occurrence even where the rule does not yield it.
    assert len(expansion.occurrences) == 1
    assert snapshot.problems == expansion.problems == ()


def test_zones_by_windows_name_vendor_prefix_and_definition():
    assert zone_of("W. Europe Standard Time", {}) == BERLIN
    assert zone_of("/vendor.example/20260101/Europe/Berlin", {}) == BERLIN
    assert zone_of("Nowhere", {}) is None
    own = [
        "BEGIN:VTIMEZONE", "TZID:Our office", "BEGIN:STANDARD", "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0330", "TZOFFSETTO:+0330", "TZNAME:X", "END:STANDARD", "END:VTIMEZONE",
    ]  # fmt: skip
    text = event("DTSTART;TZID=Our office:20260302T090000", head=own)
    snapshot, expansion = read(text)
    assert snapshot.problems == ()
    assert spans(expansion) == [("03-02 05:30", "03-02 05:30")]


def test_x_wr_timezone_makes_utc_recur_at_local_time():
    """09:00 in Berlin is 08:00 UTC in winter and 07:00 in summer."""
    lines = ["DTSTART:20260320T080000Z", "DTEND:20260320T090000Z", "RRULE:FREQ=WEEKLY;COUNT=3"]
    assert [s for s, _ in spans(read(event(*lines))[1])] == [
        "03-20 08:00", "03-27 08:00", "04-03 08:00"
    ]  # fmt: skip
    fixed = event(*lines, head=["X-WR-TIMEZONE:Europe/Berlin"])
    assert [s for s, _ in spans(read(fixed)[1])] == ["03-20 08:00", "03-27 08:00", "04-03 07:00"]


@pytest.mark.parametrize(
    ("zone", "rule", "first", "expected"),
    [
        # New York springs forward on 8 March 2026, Berlin on 29 March.
        ("America/New_York", "FREQ=WEEKLY", "20260303T150000", ["20:00", "19:00", "19:00"]),
        ("Europe/Berlin", "FREQ=WEEKLY", "20260324T150000", ["14:00", "13:00", "13:00"]),
        # Sydney falls back on 5 April 2026; Lord Howe by half an hour on the same day.
        ("Australia/Sydney", "FREQ=DAILY", "20260404T150000", ["04:00", "05:00", "05:00"]),
        ("Australia/Lord_Howe", "FREQ=DAILY", "20260404T150000", ["04:00", "04:30", "04:30"]),
        # 02:30 does not exist on 8 March in New York: the offset before the gap counts.
        ("America/New_York", "FREQ=DAILY", "20260307T023000", ["07:30", "07:30", "06:30"]),
    ],
)
def test_series_keep_their_local_time_across_dst(zone, rule, first, expected):
    text = event(f"DTSTART;TZID={zone}:{first}", f"RRULE:{rule};COUNT=3")
    assert [f"{o.start:%H:%M}" for o in read(text)[1].occurrences] == expected


def test_dtend_gives_an_exact_length_and_a_duration_in_days_a_nominal_one():
    """From noon to noon over 29 March in Berlin: 23 hours on the clock that counts."""
    start, rule = "DTSTART;TZID=Europe/Berlin:20260321T120000", "RRULE:FREQ=WEEKLY;COUNT=2"
    exact = event(start, "DTEND;TZID=Europe/Berlin:20260322T120000", rule)
    nominal = event(start, "DURATION:P1D", rule)
    assert [o.end - o.start for o in read(exact)[1].occurrences] == [timedelta(hours=24)] * 2
    assert [o.end - o.start for o in read(nominal)[1].occurrences] == [
        timedelta(hours=24), timedelta(hours=23)
    ]  # fmt: skip


def test_whole_days_and_floating_times_are_the_viewers():
    text = event("DTSTART;VALUE=DATE:20260329") + event("DTSTART:20260704T090000", uid="b")
    assert spans(read(text, Viewer(BERLIN))[1]) == [
        ("03-28 23:00", "03-29 22:00"), ("07-04 07:00", "07-04 07:00")
    ]  # fmt: skip
    assert spans(read(text, Viewer(NY))[1])[0] == ("03-29 04:00", "03-30 04:00")


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([], "hard"),
        (["TRANSP:TRANSPARENT"], "free"),
        (["STATUS:CANCELLED"], "free"),
        (["STATUS:TENTATIVE"], "soft"),
        (["ATTENDEE;PARTSTAT=DECLINED:mailto:ME@example.com"], "free"),
        (["ATTENDEE;PARTSTAT=TENTATIVE:mailto:me@example.com"], "soft"),
        (["ATTENDEE:mailto:me@example.com"], "soft"),
        (["ATTENDEE;PARTSTAT=ACCEPTED:mailto:me@example.com"], "hard"),
        (["ORGANIZER:mailto:me@example.com", "ATTENDEE:mailto:me@example.com"], "hard"),
        (["ATTENDEE;PARTSTAT=DECLINED:mailto:other@example.com"], "hard"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:FREE"], "free"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE"], "soft"),
    ],
)
def test_how_an_event_takes_time(lines, kind):
    viewer = Viewer(BERLIN, frozenset({"me@example.com"}))
    text = event("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", *lines)
    assert [o.kind for o in read(text, viewer)[1].occurrences] == [kind]


def test_exdate_rdate_and_overrides_of_any_zone_meet_their_occurrence():
    """Weekly at 10:00 in Berlin; the exception is written in UTC, the override in New York time."""
    text = event(
        "DTSTART;TZID=Europe/Berlin:20260302T100000", "DTEND;TZID=Europe/Berlin:20260302T110000",
        "RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE:20260309T090000Z",
        "RDATE;VALUE=PERIOD:20260305T090000Z/PT2H", "END:VEVENT", "BEGIN:VEVENT", "UID:a",
        "RECURRENCE-ID;TZID=America/New_York:20260316T050000", "DTSTART:20260317T120000Z",
    )  # fmt: skip
    assert spans(read(text)[1]) == [
        ("03-02 09:00", "03-02 10:00"), ("03-05 09:00", "03-05 11:00"),
        ("03-17 12:00", "03-17 12:00"), ("03-23 09:00", "03-23 10:00"),
    ]  # fmt: skip


def test_a_range_override_moves_all_that_follow():
    text = event(
        "DTSTART:20260302T100000Z", "DTEND:20260302T110000Z", "RRULE:FREQ=WEEKLY;COUNT=4",
        "END:VEVENT", "BEGIN:VEVENT", "UID:a",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260316T100000Z", "DTSTART:20260317T110000Z",
        "DTEND:20260317T113000Z",
    )  # fmt: skip
    assert spans(read(text)[1]) == [
        ("03-02 10:00", "03-02 11:00"), ("03-09 10:00", "03-09 11:00"),
        ("03-17 11:00", "03-17 11:30"), ("03-24 11:00", "03-24 11:30"),
    ]  # fmt: skip


def test_an_occurrence_that_lasts_into_the_window_is_in_it():
    text = event("DTSTART:20251230T100000Z", "DTEND:20260102T100000Z")
    weekly = event(
        "DTSTART:20251201T100000Z", "DTEND:20251208T090000Z", "RRULE:FREQ=WEEKLY;COUNT=5"
    )
    assert len(read(text)[1].occurrences) == 1
    assert spans(read(weekly)[1]) == [("12-29 10:00", "01-05 09:00")]


@pytest.mark.parametrize("until", ["20260316", "20260316T090000Z", "20260316T100000"])
def test_until_takes_in_its_own_occurrence(until):
    text = event("DTSTART;TZID=Europe/Berlin:20260302T100000", f"RRULE:FREQ=WEEKLY;UNTIL={until}")
    assert len(read(text)[1].occurrences) == 3
