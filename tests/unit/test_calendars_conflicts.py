"""Conflicts, free times, features and ways out, each on a few events computed by hand."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from agentsched.calendars import (
    Authority,
    Book,
    CalendarError,
    Journal,
    NewEvent,
    Participant,
    Situation,
    Spacing,
    Viewer,
    Wanted,
    busy_stretches,
    find_conflicts,
    free_slots,
    open_calendar,
    parse_hours,
    resolve,
)
from agentsched.calendars.away import people
from agentsched.calendars.conflicts import Busy
from agentsched.calendars.contacts import Contact, Contacts, load_contacts
from agentsched.calendars.errors import NeedsYes
from agentsched.calendars.features import NAMES, describe
from agentsched.calendars.hours import WorkHours
from agentsched.calendars.preference import Preference, Reason
from agentsched.calendars.resolution import carry_out
from agentsched.calendars.snapshot import assemble, parse_resource
from agentsched.calendars.store import Resource
from agentsched.calendars.travel import Travel

BERLIN, NY = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
ME = Viewer(BERLIN, frozenset({"me@example.com"}))
NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
MONTH = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
INVITED = ("ORGANIZER:mailto:boss@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:me@example.com")


def vevent(uid, start, end, *lines):
    """An event in Berlin on 2 March 2026, or on the day that ``start`` names."""
    day = "20260302T" if len(start) == 4 else ""
    return "\r\n".join(
        ["BEGIN:VEVENT", f"UID:{uid}", f"SUMMARY:{uid}",
         f"DTSTART;TZID=Europe/Berlin:{day}{start}00", f"DTEND;TZID=Europe/Berlin:{day}{end}00",
         *lines, "END:VEVENT", ""]
    )  # fmt: skip


def occurrences(*parts, viewer=ME, horizon=MONTH):
    text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + "".join(parts) + "END:VCALENDAR\r\n"
    parsed = parse_resource(Resource("x.ics", "1", text), "x")
    assert parsed.problems == ()
    return assemble("x", [parsed]).expand(*horizon, viewer).occurrences


def told(conflicts):
    return [(c.kind, c.first.uid, c.second.uid if c.second else None, c.minutes) for c in conflicts]


def test_overlaps_are_hard_soft_or_nothing():
    found = occurrences(
        vevent("a", "0900", "1000"),
        vevent("b", "0945", "1030"),
        vevent("c", "1000", "1015", "STATUS:TENTATIVE"),
        vevent("d", "0900", "1030", "TRANSP:TRANSPARENT"),
        vevent("e", "1030", "1100"),
    )
    assert told(find_conflicts(found)) == [("hard", "a", "b", 15), ("soft", "b", "c", 15)]


def test_events_that_touch_do_not_collide_but_may_lack_a_buffer():
    found = occurrences(vevent("a", "0900", "1000"), vevent("b", "1010", "1100"))
    assert find_conflicts(found) == ()
    assert find_conflicts(found, Spacing(timedelta(minutes=10))) == ()
    close = find_conflicts(found, Spacing(timedelta(minutes=15)))
    assert told(close) == [("buffer", "a", "b", 5)]
    assert close[0].is_hard
    assert str(close[0]) == "5 min of buffer missing between 'a' and 'b'"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("Office", "Client HQ", [("travel", "a", "b", 20)]),
        ("client  hq", "OFFICE", [("travel", "a", "b", 20)]),
        ("Office", "office", []),
        ("Office", "https://zoom.us/j/1", []),
        ("Teams call", "Client HQ", []),
        ("Office", "", []),
        ("Office", "Somewhere else", [("travel", "a", "b", 10)]),
    ],
)
def test_ways_count_in_both_directions_and_nobody_travels_to_a_call(first, second, expected):
    """Ten minutes lie between the two; the way takes 30, any other one 20."""
    found = occurrences(
        vevent("a", "0900", "1000", f"LOCATION:{first}"),
        vevent("b", "1010", "1100", f"LOCATION:{second}"),
    )
    spacing = Spacing(travel=Travel({("Office", "Client HQ"): 30}, otherwise=20))
    assert told(find_conflicts(found, spacing)) == expected


def test_a_call_between_two_places_does_not_hide_the_way():
    found = occurrences(
        vevent("a", "0900", "1000", "LOCATION:Office"),
        vevent("call", "1000", "1020", "LOCATION:Zoom"),
        vevent("b", "1020", "1100", "LOCATION:Client"),
    )
    spacing = Spacing(travel=Travel({("office", "client"): 30}))
    assert told(find_conflicts(found, spacing)) == [("travel", "a", "b", 10)]


def test_apples_travel_time_is_needed_before_an_event():
    found = occurrences(
        vevent("a", "0900", "1000"),
        vevent("b", "1015", "1100", "X-APPLE-TRAVEL-DURATION;VALUE=DURATION:PT30M"),
    )
    assert told(find_conflicts(found)) == [("travel", "a", "b", 15)]
    assert told(Busy(found).conflicts(found[0])) == [("travel", "a", "b", 15)]


def test_a_series_never_collides_with_itself():
    daily = vevent("a", "20260302T0900", "20260303T1000", "RRULE:FREQ=DAILY;COUNT=5")
    assert find_conflicts(occurrences(daily)) == ()


def test_a_daily_and_a_weekly_series_collide_all_over_the_horizon_and_across_zones():
    """15:00 in New York is 21:00 in Berlin, and 20:00 in the three weeks the zones change apart."""
    weekly = "\r\n".join(
        ["BEGIN:VEVENT", "UID:w", "SUMMARY:w", "DTSTART;TZID=America/New_York:20260303T150000",
         "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=5", "END:VEVENT", ""]
    )  # fmt: skip
    daily = vevent("d", "20260301T2030", "20260301T2100", "RRULE:FREQ=DAILY")
    found = find_conflicts(occurrences(weekly, daily))
    assert [c.first.start.day for c in found] == [10, 17, 24]
    assert {c.minutes for c in found} == {30}


def whole_day(*more: str, uid: str = "v", days: int = 1) -> str:
    lines = (f"UID:{uid}", "DTSTART;VALUE=DATE:20260302", f"DURATION:P{days}D", *more)
    return "\r\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT", ""))


def test_whole_days_that_are_taken_collide_but_need_no_buffer():
    day = whole_day("TRANSP:OPAQUE")
    found = occurrences(
        day, vevent("a", "0900", "1000"), vevent("n", "20260303T0000", "20260303T0100")
    )
    assert told(find_conflicts(found, Spacing(timedelta(minutes=30)))) == [("hard", "v", "a", 60)]


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (whole_day(), "soft"),  # a day of which nothing is said
        (whole_day("RRULE:FREQ=YEARLY", days=2), "soft"),  # comes back every year
        (whole_day(days=3), "hard"),  # a trip
        (whole_day("X-MICROSOFT-CDO-BUSYSTATUS:OOF"), "hard"),  # Outlook says so
    ],
)
def test_a_day_that_is_only_marked_is_a_remark(day: str, kind: str):
    found = find_conflicts(occurrences(day, vevent("a", "0900", "1000")))
    assert told(found) == [(kind, "v", "a", 60)]
    assert found[0].is_remark == (kind == "soft")


def test_marked_days_do_not_collide_with_days_and_leave_them_free():
    trip = whole_day(uid="t", days=3)
    assert find_conflicts(occurrences(whole_day(), whole_day(uid="w"), trip)) == ()
    monday = Wanted(timedelta(hours=1), WEEK[0], WEEK[0] + timedelta(days=1))
    (slot, *_) = free_slots([Participant("me", occurrences(whole_day()))], monday)
    assert slot.perhaps_busy == ()


def test_nothing_is_moved_away_from_a_marked_day():
    found = occurrences(whole_day(), vevent("a", "0900", "1000"))
    (conflict,) = find_conflicts(found)
    proposal = resolve(conflict, Situation(ME, NOW, found))
    assert proposal.options[0].action == "attend"
    assert not any(o.feasible for o in proposal.options if o.action == "reschedule")


def test_working_hours_follow_their_own_zone():
    """From 9:00 to 17:00 in New York is from 15:00 to 23:00 in Berlin."""
    spacing = Spacing(hours=parse_hours("MO-FR 9-17", NY))
    found = occurrences(vevent("a", "1430", "1530"), vevent("b", "20260307T1600", "20260307T1700"))
    assert told(find_conflicts(found, spacing)) == [
        ("work_hours", "a", None, 30), ("work_hours", "b", None, 60)
    ]  # fmt: skip


def test_events_of_no_length_take_no_time():
    assert (
        find_conflicts(occurrences(vevent("a", "0900", "1000"), vevent("b", "0930", "0930"))) == ()
    )


@pytest.mark.parametrize(
    ("text", "day", "spans"),
    [
        ("9-17", 4, ((time(9), time(17)),)),
        ("MO-TH 8:30-12 13-17:30; FR 8-14", 0, ((time(8, 30), time(12)), (time(13), time(17, 30)))),
        ("MO-TH 8:30-12 13-17:30; FR 8-14", 4, ((time(8), time(14)),)),
        ("SA-MO 20-24", 6, ((time(20), time(0)),)),
    ],
)
def test_hours_are_read(text, day, spans):
    assert parse_hours(text, BERLIN).days[day] == spans


@pytest.mark.parametrize("text", ["", "always", "MO 17-9", "XX 9-17", "MO 9-25", "MO 9:70-10"])
def test_hours_that_are_none_are_refused(text):
    with pytest.raises(CalendarError, match="working hours"):
        parse_hours(text, BERLIN)


def test_hours_to_midnight_and_over_dst():
    late = WorkHours(BERLIN, {6: ((time(0), time(0)),)})
    low = datetime(2026, 3, 28, tzinfo=UTC)
    # 29 March is a Sunday of 23 hours in Berlin.
    assert sum(s.minutes for s in late.stretches(low, low + timedelta(days=3))) == 23 * 60


WEEK = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 7, tzinfo=UTC)


def starts(slots, zone=BERLIN):
    return [f"{slot.start.astimezone(zone):%d %H:%M}" for slot in slots]


def test_two_people_in_two_zones_meet_where_their_days_overlap():
    """Berlin works until 17:00, which is 11:00 in New York: two hours, one of them taken."""
    berlin = Participant("b", occurrences(vevent("x", "1500", "1600")), parse_hours("9-17", BERLIN))
    york = Participant("n", (), parse_hours("9-17", NY))
    wanted = Wanted(timedelta(minutes=30), WEEK[0], WEEK[0] + timedelta(days=1))
    assert starts(free_slots([berlin, york], wanted)) == ["02 16:00", "02 16:30"]


def test_buffers_and_ways_keep_a_slot_away_from_what_is_there():
    busy = occurrences(
        vevent("x", "0900", "1000", "LOCATION:Office"),
        vevent("y", "1200", "1600", "LOCATION:Office"),
    )
    me = Participant("me", busy, parse_hours("9-16", BERLIN))
    spacing = Spacing(timedelta(minutes=10), Travel({("Office", "Client"): 30}))
    day = Wanted(timedelta(minutes=60), WEEK[0], WEEK[0] + timedelta(days=1), "Client")
    assert starts(free_slots([me], day, spacing)) == ["02 10:30"]
    assert (
        starts(free_slots([me], Wanted(timedelta(minutes=61), *WEEK, "Client"), spacing))[0]
        != "02 10:30"
    )


def test_tentative_time_and_optional_people_only_make_a_slot_worse():
    soft = occurrences(vevent("x", "0900", "1230", "STATUS:TENTATIVE"))
    hard = occurrences(vevent("y", "1230", "1400"))
    me = Participant("me", soft, parse_hours("9-14", BERLIN))
    optional = Participant("op", hard, parse_hours("9-14", BERLIN), optional=True)
    day = Wanted(timedelta(hours=1), WEEK[0], WEEK[0] + timedelta(days=1))
    by_doubt = {s.perhaps_busy for s in free_slots([me, optional], day, limit=20)}
    assert by_doubt == {("me",), ("op",), ("me", "op")} or by_doubt == {("me",), ("op",)}
    assert starts(free_slots([me], day, limit=1)) == ["02 12:30"]


def test_slots_are_apart_near_the_wish_and_no_more_than_asked():
    me = Participant("me", (), parse_hours("9-17", BERLIN))
    near = datetime(2026, 3, 4, 12, tzinfo=UTC)
    slots = free_slots([me], Wanted(timedelta(hours=1), *WEEK, near=near), limit=4)
    assert len(slots) == 4
    assert {slot.start.day for slot in slots} == {4}
    ordered = sorted(slots, key=lambda slot: slot.start)
    assert all(a.end <= b.start for a, b in pairwise(ordered))


def test_no_time_is_no_slot_and_an_impossible_question_is_refused():
    days = "DTSTART;VALUE=DATE:20260301\r\nDTEND;VALUE=DATE:20260401"
    day = f"BEGIN:VEVENT\r\nUID:v\r\n{days}\r\nEND:VEVENT\r\n"
    me = Participant("me", occurrences(day))
    assert free_slots([me], Wanted(timedelta(hours=1), *WEEK)) == ()
    for length, high, says in (
        (timedelta(0), WEEK[1], "not possible"),
        (timedelta(days=9), WEEK[1], "widen the window"),
        (timedelta(hours=1), WEEK[0] + timedelta(days=900), "too wide"),
    ):
        with pytest.raises(CalendarError, match=says):
            Wanted(length, WEEK[0], high)
    with pytest.raises(CalendarError, match="nobody"):
        free_slots([], Wanted(timedelta(hours=1), *WEEK))


def test_busy_time_for_the_planner_is_joined_and_only_what_is_certain():
    found = occurrences(
        vevent("a", "0900", "1000"), vevent("b", "0930", "1030"), vevent("c", "1030", "1100"),
        vevent("d", "1200", "1300", "STATUS:TENTATIVE"),
        vevent("e", "1400", "1500", "TRANSP:TRANSPARENT"),
    )  # fmt: skip
    (away,) = busy_stretches(found)
    assert (away.start.hour, away.end.hour, away.reason) == (8, 10, "a, b, c")
    assert len(busy_stretches(found, soft=True)) == 2
    assert [person.name for person in people({"zoe": found, "ada": ()})] == ["ada", "zoe"]


def test_features_are_words_of_every_name():
    me = "ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=ACCEPTED:mailto:me@example.com"
    zoe = ("ORGANIZER:mailto:zoe@example.com", "ATTENDEE:mailto:zoe@example.com")
    weekly = ("LOCATION:Zoom", "RRULE:FREQ=WEEKLY;COUNT=3")
    found = occurrences(
        vevent("1:1 with Zoe", "0900", "0930", me, *zoe, *weekly),
        vevent("URGENT: dentist", "1500", "1600", "LOCATION:Main  St 5"),
    )
    contacts = Contacts.of([Contact(address="Zoe@example.com", relation="Manager")])
    first = describe(found[0], ME, contacts, NOW)
    assert tuple(first) == NAMES
    assert first == {
        "type": "one-on-one", "topic": "none", "role": "optional", "relation": "manager",
        "organiser": "zoe@example.com", "time_of_day": "morning", "weekday": "MO",
        "location": "remote", "duration": "30 min", "series": "weekly", "notice": "1 day",
        "attendees": "1", "urgency": "normal",
    }  # fmt: skip
    second = describe(found[1], ME, contacts, NOW)
    assert (second["type"], second["relation"], second["role"]) == ("health", "alone", "owner")
    assert (second["urgency"], second["location"], second["series"]) == (
        "high",
        "main st 5",
        "single",
    )
    assert second["topic"] == "dentist"


def test_contacts_are_read_and_mistakes_named(tmp_path):
    path = tmp_path / "contacts.toml"
    path.write_text('[[contact]]\naddress = "Zoe@Example.com"\nrelation = "peer"\ndeputy = true\n')
    assert load_contacts(path).deputies == ("zoe@example.com",)
    path.write_text('[[contact]]\nadress = "x@y.z"\n')
    with pytest.raises(CalendarError, match=r"contact\.0\.adress|contact\.0\.address"):
        load_contacts(path)
    with pytest.raises(CalendarError, match="cannot be read"):
        load_contacts(tmp_path / "none.toml")


class Prefers:
    """Sure of one title, by one feature."""

    def __init__(self, relation, p=0.97):
        self.relation, self.p = relation, p

    def prefer(self, candidates):
        first = next(i for i, c in enumerate(candidates) if c["relation"] == self.relation)
        order = (first, *(i for i in range(len(candidates)) if i != first))
        reason = Reason("relation", self.relation, 2.5, ("decision-7",))
        return Preference(order, (self.p,) * (len(candidates) - 1), (reason,))


def situation(found, **more):
    return Situation(
        ME, NOW, found, **{"spacing": Spacing(hours=parse_hours("9-17", BERLIN)), **more}
    )


def clash(*more):
    """My own work from 9 to 10, and an invitation from half past nine on."""
    found = occurrences(
        vevent("own", "0900", "1000"), vevent("asked", "0930", "1030", *INVITED), *more
    )
    (conflict,) = find_conflicts(found)
    return found, conflict


def by_action(proposal, uid):
    return {o.action: o for o in proposal.options if o.occurrence.uid == uid}


def test_options_say_what_is_feasible_and_why_not():
    found, conflict = clash()
    proposal = resolve(conflict, situation(found))
    own, asked = by_action(proposal, "own"), by_action(proposal, "asked")
    assert own["reschedule"].feasible
    assert own["decline"].why == "cancel it, as it is yours"
    assert own["delegate"].why == "you are not invited to it"
    assert asked["reschedule"].why == "only boss@example.com can move it"
    assert asked["decline"].feasible
    assert asked["delegate"].why == "no contact is a deputy"
    assert not own["attend"].feasible
    assert proposal.decision is None
    assert [o.feasible for o in proposal.options] == sorted(
        (o.feasible for o in proposal.options), reverse=True
    )


def test_slots_offered_collide_with_nothing():
    # Busy from 11 to 16:30: what is left of the day is 16:30 to 17:00, too short for an hour.
    found, conflict = clash(vevent("block", "1100", "1630"))
    own = by_action(resolve(conflict, situation(found)), "own")["reschedule"]
    assert len(own.slots) == 3
    assert all(slot.start.day > 2 for slot in own.slots)
    others = {"boss@example.com": ()}
    assert by_action(resolve(conflict, situation(found, calendars=others)), "own")[
        "reschedule"
    ].slots


def test_deputies_are_asked_only_when_they_are_free():
    found, conflict = clash()
    contacts = Contacts.of([Contact(address="dep@example.com", deputy=True)])
    busy = {"dep@example.com": occurrences(vevent("theirs", "1000", "1100"))}
    free = {"dep@example.com": occurrences(vevent("theirs", "1100", "1200"))}
    for calendars, feasible in (({}, True), (busy, False), (free, True)):
        made = resolve(conflict, situation(found, contacts=contacts, calendars=calendars))
        assert by_action(made, "asked")["delegate"].feasible is feasible


ALLOWED = Authority(frozenset({"reschedule", "decline"}))


@pytest.mark.parametrize(
    ("authority", "p", "decides", "because"),
    [
        (Authority(), 0.97, False, "no standing rule allows to reschedule unasked"),
        (ALLOWED, 0.97, True, "move it to one of 3 checked times"),
        (ALLOWED, 0.89, False, "only 89% sure, 90% is needed"),
        (
            Authority(ALLOWED.may, never=({"type": "own"},)),
            0.97,
            False,
            "protects events with type own",
        ),
        (Authority(ALLOWED.may, threshold=0.99), 0.97, False, "99% is needed"),
    ],
)
def test_it_acts_alone_only_when_sure_and_allowed(authority, p, decides, because):
    found, conflict = clash()
    proposal = resolve(
        conflict, situation(found, preferences=Prefers("colleague", p), authority=authority)
    )
    assert (proposal.decision is not None) is decides
    assert because in proposal.because
    if decides:
        assert (proposal.decision.action, proposal.decision.occurrence.uid) == ("reschedule", "own")
        assert proposal.question == ()
    else:
        assert len(proposal.question) == 2
        assert proposal.question[0].occurrence.uid != proposal.question[1].occurrence.uid
    assert proposal.separating == "relation: alone / colleague"
    assert proposal.reasons[0].evidence == ("decision-7",)


def test_what_cannot_be_taken_back_is_never_done_alone():
    """Both are invitations, so that one can only be declined."""
    found = occurrences(
        vevent("a", "0900", "1000", *INVITED),
        vevent("b", "0930", "1030", "ORGANIZER:mailto:x@far.org", INVITED[1]),
    )
    (conflict,) = find_conflicts(found)
    proposal = resolve(
        conflict, situation(found, preferences=Prefers("colleague"), authority=ALLOWED)
    )
    assert proposal.decision is None
    assert proposal.question[0].action == "decline"
    assert proposal.question[0].occurrence.uid == "b"
    assert proposal.because == "to decline cannot be taken back"


def test_moving_many_late_costs_more_than_moving_few_early():
    crowd = [f"ATTENDEE:mailto:p{n}@example.com" for n in range(8)]
    few = occurrences(vevent("own", "0900", "1000"), vevent("mine", "0930", "1030",
                      "ORGANIZER:mailto:me@example.com", *crowd))  # fmt: skip
    (conflict,) = find_conflicts(few)
    proposal = resolve(conflict, situation(few))
    assert by_action(proposal, "own")["reschedule"].disruption == 0
    # Eight people, one move, an hour or two before it starts: close to three times as bad.
    assert 20 < by_action(proposal, "mine")["reschedule"].disruption < 24
    assert proposal.options[0].occurrence.uid == "own"


def test_a_soft_conflict_may_stand():
    found = occurrences(
        vevent("a", "0900", "1000"), vevent("b", "0930", "1030", "STATUS:TENTATIVE")
    )
    (conflict,) = find_conflicts(found)
    assert by_action(resolve(conflict, situation(found)), "b")["attend"].feasible


def test_an_event_outside_working_hours_has_ways_out_too():
    found = occurrences(vevent("late", "2000", "2100"))
    (conflict,) = find_conflicts(found, Spacing(hours=parse_hours("9-17", BERLIN)))
    proposal = resolve(conflict, situation(found))
    assert proposal.separating == ""
    assert by_action(proposal, "late")["reschedule"].feasible


def test_carrying_out_moves_answers_and_never_destroys_without_a_yes(tmp_path):
    (tmp_path / "cal").mkdir()
    for uid, lines in (("own", ()), ("asked", INVITED)):
        start = ("0900", "1000") if uid == "own" else ("0930", "1030")
        text = vevent(uid, *start, *lines)
        (tmp_path / "cal" / f"{uid}.ics").write_bytes(
            f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{text}END:VCALENDAR\r\n".encode()
        )
    book = Book(open_calendar(tmp_path / "cal"), Journal(tmp_path / "j"), ME, lambda: NOW)
    found = book.expand(*MONTH).occurrences
    (conflict,) = find_conflicts(found)
    proposal = resolve(conflict, situation(found))
    decline = by_action(proposal, "asked")["decline"]
    with pytest.raises(NeedsYes):
        carry_out(book, decline)
    entry = carry_out(book, by_action(proposal, "own")["reschedule"])
    assert find_conflicts(book.expand(*MONTH).occurrences) == ()
    book.undo(entry.id)
    assert len(find_conflicts(book.expand(*MONTH).occurrences)) == 1
    carry_out(book, decline, yes=book.token("decline", decline.occurrence))
    assert find_conflicts(book.expand(*MONTH).occurrences) == ()
    with pytest.raises(CalendarError, match=r"only boss@example\.com can move it"):
        carry_out(book, by_action(proposal, "asked")["reschedule"])


def test_a_new_series_is_checked_over_the_whole_horizon(tmp_path):
    book = Book(
        open_calendar(tmp_path / "cal", make=True), Journal(tmp_path / "j"), ME, lambda: NOW
    )
    book.add(NewEvent("weekly", datetime(2026, 3, 2, 9), zone="Europe/Berlin", rule="FREQ=WEEKLY"))
    book.add(NewEvent("holiday", date(2026, 5, 4), date(2026, 5, 16)))
    year = datetime(2026, 3, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
    found = book.expand(*year).occurrences
    clashes = Busy(found).conflicts_of(o for o in found if o.title == "weekly")
    assert [c.second.start.date() for c in clashes] == [date(2026, 5, 4), date(2026, 5, 11)]
